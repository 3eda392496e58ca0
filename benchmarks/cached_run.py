"""How fast is a run whose answers are all in the cache?

Reads, renders, looks up, parses, grounds and writes N invented papers twice with the scripted backend: the first run
fills the cache, the second one is measured, as whole processes on one core. Prints records per second.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_ANSWER = {
    "tldr": "BrookNet guesses the depth of streams from their sound and reaches 81.4% accuracy on PebbleBed.",
    "contribution": "method",
    "field": "machine learning",
    "modalities": ["audio"],
    "tasks": ["guesses the depth of streams"],
    "methods": [{"name": "BrookNet", "role": "proposed"}, {"name": "linear model", "role": "compared"}],
    "datasets": ["PebbleBed"],
    "metrics": ["accuracy"],
    "results": [
        {
            "evidence": "it reaches 81.4% accuracy, compared with 76.9% for a linear model",
            "value": "81.4",
            "unit": "%",
            "metric": "accuracy",
            "dataset": "PebbleBed",
            "method": "BrookNet",
            "baseline_value": "76.9",
            "kind": "absolute",
        },
    ],
}
_ABSTRACT = (
    "Streams are measured by hand, which is slow and wet. We present BrookNet, a network that guesses the depth of "
    "streams from the sound that they make, number {number} of its kind. It is trained on recordings of 212 streams "
    "and needs neither a gauge nor a visit. On the PebbleBed data set it reaches 81.4% accuracy, compared with 76.9% "
    "for a linear model, and it keeps working in rain. An ablation shows that most of the gain comes from the lower "
    "half of the spectrum, where stones can be heard. We discuss what this means for streams that freeze, and list the "
    "places where the network is wrong, most of which are waterfalls. "
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=10_000, help="papers")
    parser.add_argument("--runs", type=int, default=3, help="measured runs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_papers(folder, options.n)
        run(folder, "first.jsonl")
        startup = run(folder, "none.jsonl", "--limit", "1")
        seconds = [run(folder, f"again-{number}.jsonl") for number in range(options.runs)]
    best, middle = min(seconds), sorted(seconds)[len(seconds) // 2]
    print(f"{options.n} papers from the cache: median {middle:.2f} s, best {best:.2f} s, one paper {startup:.2f} s")
    print(f"records per second: {options.n / middle:.0f}, or {options.n / (middle - startup):.0f} without the start-up")


def write_papers(folder: Path, count: int) -> None:
    """Write invented papers of some hundred words, and a script with one answer to all of them."""
    (folder / "script.jsonl").write_text(json.dumps({"id": "*", "text": _ANSWER}))
    with (folder / "papers.jsonl").open("w") as papers:
        for number in range(count):
            abstract = _ABSTRACT.format(number=number)
            paper = {"id": f"p{number}", "title": f"Hearing Stream {number}", "abstract": abstract}
            papers.write(json.dumps(paper) + "\n")


def run(folder: Path, output: str, *flags: str) -> float:
    """Run the command on one core; returns the seconds that it took."""
    command = ["taskset", "-c", "0", sys.executable, "-m", "summarizer", "run", str(folder / "papers.jsonl")]
    command += ["-o", str(folder / output), "--backend", "scripted", "--script", str(folder / "script.jsonl")]
    command += ["--cache-dir", str(folder / "cache"), "--quiet", *flags]
    began = time.monotonic()
    subprocess.run(command, check=True)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
