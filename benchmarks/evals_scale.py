"""Do tables and comparisons take constant memory, and are their words true as often as they promise?

    python benchmarks/evals_scale.py memory [N ...]    peak resident size of a table and of a comparison of N samples
    python benchmarks/evals_scale.py words             words about runs of one system, and about planted differences
    python benchmarks/evals_scale.py intervals         how often intervals hold, and what groups of documents change
    python benchmarks/evals_scale.py time              a table of six systems

Samples are invented. What is measured in memory runs as processes of their own.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

import numpy as np

from evals.comparing import compare_sums
from evals.examples import Gold, Prediction
from evals.metrics.metric import Array, share
from evals.runs import Data, Made, Run, RunFolder, make_folder
from evals.samples import MODEL, Said, Sample, read_samples
from evals.statistics import Figure, Groups, intervals
from evals.tables import Columns, Table, make_table

ROUGE: Final = ("rouge1", "rouge2", "rougeL")
SYSTEMS: Final = (MODEL, "title", "first sentence", "LexRank", "oracle sentence")
#: Spread of the differences in ROUGE-1 of two similar systems, and of two that are not, in shares.
SIMILAR, OTHER = 0.12, 0.186
MADE = Made(
    backend="scripted",
    model="invented",
    revision=None,
    adapter=None,
    dtype=None,
    prompt="annotate/v1",
    prompt_sha256="0" * 64,
    schema_sha256="0" * 64,
    structured_mode=None,
    language="English",
    max_tokens=640,
    temperature=0.0,
    seed=0,
    batch_size=8,
    version="0.1.0",
)


def main() -> None:
    """Run one of the parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    memory = parts.add_parser("memory")
    memory.add_argument("sizes", nargs="*", type=int, default=[5_000, 20_000, 200_000])
    words = parts.add_parser("words")
    words.add_argument("--runs", type=int, default=200)
    words.add_argument("--resamples", type=int, default=2_000)
    parts.add_parser("intervals")
    parts.add_parser("time")
    table = parts.add_parser("table")
    table.add_argument("samples", type=Path)
    preparation = parts.add_parser("prepare")
    preparation.add_argument("folder", type=Path)
    preparation.add_argument("size", type=int)
    options = parser.parse_args()
    match options.part:
        case "memory":
            measure_memory(options.sizes)
        case "words":
            count_words(options.runs, options.resamples)
        case "intervals":
            check_intervals()
            check_groups()
        case "time":
            measure_time()
        case "prepare":
            prepare(options.folder, options.size)
        case "table":
            make_table("scitldr", read_samples(options.samples))


def measure_memory(sizes: list[int]) -> None:
    """Print a line for each size: megabytes of the file, and the peaks of processes."""
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            # A process begins with the peak of the one that starts it, so this one stays small.
            run_process([sys.executable, __file__, "prepare", name, str(size)])
            samples = RunFolder(folder / "a", "scitldr").samples
            print(f"{size} samples, {samples.stat().st_size / 2**20:.0f} MiB:", flush=True)
            for what, command in (
                ("table", [__file__, "table", str(samples)]),
                ("compare", ["-m", "summarizer", "compare", str(folder / "a"), str(folder / "b"), "--json"]),
                (
                    "compare, other order",
                    ["-m", "summarizer", "compare", str(folder / "a"), str(folder / "c"), "--json"],
                ),
            ):
                peak, seconds = run_process([sys.executable, *command])
                print(f"  {what}: peak {peak:.0f} MiB, {seconds:.0f} s", flush=True)


def run_process(command: list[str]) -> tuple[float, float]:
    """Run a command; its own peak resident size in MiB, and the seconds that it took."""
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    return used.ru_maxrss / 1024, time.monotonic() - began


def prepare(folder: Path, size: int) -> None:
    """Write the runs a, b, and c, which is b with its papers from the last to the first."""
    for run, shift in (("a", 0.0), ("b", 0.01)):
        write_run(folder / run, size, shift)
    reverse(folder / "b", folder / "c")


def write_run(folder: Path, size: int, shift: float) -> None:
    """A run of so many papers of a hundred words, of which each system scores something by chance."""
    run = RunFolder(folder, "scitldr")
    make_folder(run.path)
    rng = np.random.default_rng(0)
    abstract = " ".join(f"word{number}" for number in range(100))
    with run.samples.open("w", encoding="utf-8") as file:
        for number in range(size):
            values = np.clip(scores(rng, len(SYSTEMS)) + shift, 0.0, 1.0)
            systems = {
                system: Said(
                    prediction=Prediction(summary=f"Summary of paper {number} by {system}."),
                    sums=dict.fromkeys((*ROUGE, "words"), (float(value), 1.0)),
                )
                for system, value in zip(SYSTEMS, values, strict=True)
            }
            sample = Sample(
                id=f"paper-{number}",
                title=f"Paper {number}",
                abstract=f"{abstract} {number}",
                document=f"paper-{number}",
                outcome="answered",
                gold=Gold(summaries=(f"A target of paper {number}.",)),
                systems=systems,
            )
            file.write(sample.model_dump_json() + "\n")
    finish(run, size)


def finish(run: RunFolder, size: int) -> None:
    """Write what makes the folder a finished run."""
    data = Data(
        suite="scitldr",
        split="dev",
        file="invented.jsonl",
        sha256="0" * 64,
        licence="CC0-1.0",
        limit=None,
        papers=size,
    )
    run.write(Run(data=data, made=MADE), Table(suite="scitldr", papers=size, rows=()))


def reverse(folder: Path, into: Path) -> None:
    """The same run with its papers from the last to the first."""
    run = RunFolder(into, "scitldr")
    make_folder(run.path)
    lines = RunFolder(folder, "scitldr").samples.read_bytes().splitlines(keepends=True)
    run.samples.write_bytes(b"".join(reversed(lines)))
    finish(run, len(lines))


def count_words(runs: int, resamples: int) -> None:
    """Print how often which word was said about ROUGE-1; each run has a seed of its own."""
    print(f"{runs} comparisons each, {resamples} resamples")
    for papers in (600, 30):
        for shift in (0.0, -0.03):
            for spread in (0.0, SIMILAR, OTHER):
                found = Counter(word_of(seed, papers, shift, spread, resamples) for seed in range(runs))
                told = ", ".join(f"{word} {count}" for word, count in found.most_common())
                print(f"  n = {papers}, {100 * shift:+.0f} points, spread {100 * spread:.1f}: {told}", flush=True)


def word_of(seed: int, papers: int, shift: float, spread: float, resamples: int) -> str:
    """The word about ROUGE-1 of one comparison."""
    rng, columns = np.random.default_rng(seed), Columns()
    first = np.stack([scores(rng, papers)] * len(ROUGE))
    # The three ROUGE of a paper move together, as words that are shared are counted by all.
    moves = spread * (0.8 * rng.normal(size=papers) + 0.6 * rng.normal(size=first.shape))
    a, b = (
        np.stack([columns.of({name: (value, 1.0) for name, value in zip(ROUGE, paper, strict=True)}) for paper in of.T])
        for of in (first, first + shift + moves)
    )
    compared = compare_sums(columns, a, b, resamples=resamples)
    return str(next(one.word for one in compared if one.metric == "rouge1"))


def check_intervals() -> None:
    """Print in how many of 2,000 samples the 95 % interval of a skewed score has the true value in it."""
    true, runs = 100.0 * 0.95 * 2.0 / 5.5, 2_000
    for papers in (10, 20, 30, 50, 100, 300):
        rng = np.random.default_rng(papers)
        held = 0
        for _ in range(runs):
            ((found,),) = intervals([sums(scores(rng, papers))], [FIGURE], resamples=1_000)
            held += found.low is not None and found.high is not None and found.low <= true <= found.high
        print(f"  n = {papers}: the 95 % interval holds in {100 * held / runs:.1f} %", flush=True)


def check_groups() -> None:
    """Print by how much groups of documents change a standard error, and by how much the seed changes a width."""
    rng = np.random.default_rng(0)
    # A sorted file is the hardest: neighbours are alike.
    rows = sums(np.sort(scores(rng, 50_000)))
    changes = []
    for seed in range(50):
        groups = Groups(3)
        for number, row in enumerate(rows):
            # Another name is another group.
            groups.add(f"{seed}, {number}", {MODEL: row})
        changes.append(spread_of(groups.sums[MODEL]) / spread_of(rows) - 1.0)
    print(f"  5,000 groups of 50,000 documents: standard errors change by {told(changes)}")
    widths = []
    for seed in range(50):
        ((found,),) = intervals([rows[::83]], [FIGURE], seed=seed)
        if found.low is not None and found.high is not None:
            widths.append(found.high - found.low)
    print(f"  another seed: widths of intervals change by {told(list(np.array(widths) / np.mean(widths) - 1.0))}")


def spread_of(rows: Array) -> float:
    """Standard error of the mean of all papers when rows are drawn again, but for a factor."""
    return float(np.linalg.norm(rows[:, 0] - rows[:, 1] * rows[:, 0].sum() / rows[:, 1].sum()))


def told(changes: list[float]) -> str:
    """Mean, and standard deviation."""
    return f"{100 * np.mean(changes):+.2f} % (standard deviation {100 * np.std(changes):.2f} %)"


def measure_time() -> None:
    """Print what a table of all metrics, of papers as many as SciTLDR dev has, takes for six systems."""
    rng, columns = np.random.default_rng(0), Columns()
    systems = [rng.random((619, columns.width)) for _ in range(6)]
    began = time.monotonic(), time.process_time()
    intervals(systems, columns.figures)
    print(
        f"  {len(columns.figures)} metrics of 6 systems on 619 papers: {time.monotonic() - began[0]:.1f} s,"
        f" {time.process_time() - began[1]:.1f} s of all cores"
    )


FIGURE: Final = Figure(0, 2, share, 100.0)


def scores(rng: np.random.Generator, count: int) -> Array:
    """Shares as ROUGE-1 has them: a few zeros, a long tail, a spread of about 20 points."""
    values: Array = rng.beta(2.0, 3.5, count) * (rng.random(count) > 0.05)
    return values


def sums(values: Array) -> Array:
    """Sums of documents of one paper each."""
    return np.stack([values, np.ones_like(values), np.ones_like(values)], axis=1)


if __name__ == "__main__":
    main()
