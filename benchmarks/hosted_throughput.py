"""How many answers a second does the hosted backend take from a server, beside a bare loop and other libraries?

Usage: python benchmarks/hosted_throughput.py [--peers FOLDER] [--only NAME ...] [--rows N] [--rounds N]
       python benchmarks/hosted_throughput.py --memory 5000 500000 --latency 0.02

All ask the same loopback server (`tests/llm_server.py`, a process of its own, begun anew for each), which answers each
request after the latency, about the same invented abstracts, with the same number of requests in flight. Each is a
process of its own; they take turns in each round, and of the rounds the median is printed, as Markdown. The other
libraries (`hosted_peers.py`) are measured when `--peers` names a folder: their environments are made there with pip, or
found there. The second form runs this project alone and prints its peak resident size for each number of papers.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, Self

from summarizer import __version__
from summarizer.backends.wire import Dialect, Wire
from summarizer.completion import Decoding, Identity
from summarizer.prompting import Renderer, load_prompt
from summarizer.records import Paper, Source
from summarizer.settings import Settings

_ROOT = Path(__file__).absolute().parent.parent
_SERVER = "tests.llm_server"
#: Where litellm keeps the tokens that tiktoken would fetch.
_TOKENIZERS = "lib/python*/site-packages/litellm/litellm_core_utils/tokenizers"
_MODEL = "m"
#: Contenders, and what the environment of each has to hold; "" is this environment.
_PACKAGES = {
    "summarizer": "",
    "summarizer --no-cache": "",
    "bare loop": "",
    "curator": "bespokelabs-curator>=0.1.31",
    "langextract": "langextract[openai]",
}
_SENTENCES = (
    "Gauges in small harbors often fail during storms, and the warnings that depend on them fail as well.",
    "We share the weights of a graph network between harbors, so that no map of the coast is needed.",
    "The readings of three winters are split by storm, and nothing of a storm is seen before it is tested.",
    "Linear interpolation is a strong baseline in calm weather and a weak one while the wind turns.",
    "An ablation shows that most of the gain comes from the sharing, and little from the depth of the network.",
    "The network is calibrated in nearly all of the harbors, and too sure of itself in those behind islands.",
    "Fishers who were asked found its maps easier to read than tables, but wanted to see where gauges are broken.",
    "Errors grow slowly with the distance to the next gauge and fast with the age of its last reading.",
    "We discuss what happens when many gauges fail together, which is when a warning matters most.",
    "Neither more layers nor a longer history helps, and both make the training slower.",
    "The code and the readings are free to use, and a small demonstration runs in a browser.",
)


class Measured(NamedTuple):
    """What one run took, and what the server saw of it. Units: seconds, MiB, CPU seconds with children."""

    seconds: float
    cpu: float
    peak: float
    rows: int
    """That came out as they should."""
    requests: int
    most_at_once: int
    server_seconds: float
    """From the first request to the last one: without the start-up and the end of the process."""
    server_cpu: float


class Usage(NamedTuple):
    """What the operating system says of a process that has ended: CPU seconds, and the peak of its resident MiB."""

    cpu: float
    peak: float


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, metavar="FOLDER", help="measure other libraries too, installed there")
    parser.add_argument("--only", action="append", choices=_PACKAGES, help="measure this one alone; may be repeated")
    parser.add_argument("--rows", type=int, default=5_000, help="papers")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--in-flight", type=int, default=256, help="requests at once")
    parser.add_argument("--latency", type=float, default=0.2, help="seconds that the server takes for an answer")
    parser.add_argument("--memory", nargs="+", type=int, metavar="N", help="peak memory of this project, for N papers")
    options = parser.parse_args()
    if options.memory:
        print_memory(options.memory, options)
        return
    names = [name for name, package in _PACKAGES.items() if options.peers or not package]
    names = [name for name in names if name in (options.only or names)]
    pythons = {name: environment(options.peers, name) for name in names}
    runs: dict[str, list[Measured]] = {name: [] for name in names}
    for _ in range(options.rounds):
        for name, python in pythons.items():
            runs[name].append(measure(name, python, options.rows, options))
            print(f"{name}: {runs[name][-1]}", file=sys.stderr, flush=True)
    cores = os.cpu_count()
    print(
        f"{options.rows:,} papers, {options.in_flight} requests in flight, {options.latency * 1000:.0f} ms an answer,"
    )
    print(f"median of {options.rounds}, {cores} cores that the server shares. Versions: ", end="")
    print(", ".join(f"{name} {version(name, python)}" for name, python in pythons.items()) + ".\n")
    print_table({name: middle(rounds) for name, rounds in runs.items()}, options)


def environment(peers: Path | None, name: str) -> Path:
    """The python that runs a contender; what it needs is installed first if it is not there."""
    package = _PACKAGES[name]
    if not package or peers is None:
        return Path(sys.executable)
    python = (peers / name / "bin" / "python").absolute()
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(peers / name)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", package], check=True)
    return python


def version(name: str, python: Path) -> str:
    """Of what is measured: the package, or the client for the loop without one."""
    if name.startswith("summarizer"):
        return __version__
    package = _PACKAGES[name].partition(">")[0].partition("[")[0] or "openai"
    code = f"from importlib.metadata import version; print('({package}', version('{package}') + ')')"
    return subprocess.run([str(python), "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def measure(name: str, python: Path, rows: int, options: argparse.Namespace) -> Measured:
    """Run a contender over invented papers, in a folder of its own, with nothing in any cache."""
    with tempfile.TemporaryDirectory() as place, Server(options.latency) as server:
        folder, in_flight = Path(place), str(options.in_flight)
        write_papers(folder, rows)
        if name.startswith("summarizer"):
            command = [str(python), "-m", "summarizer", "run", "papers.jsonl", "-o", "out.jsonl", "--quiet"]
            command += ["--backend", "hosted", "--base-url", server.url, "--model", _MODEL]
            command += ["--concurrency", in_flight, "--cache-dir", "cache", *name.split()[1:]]
        else:
            write_requests(folder, rows)
            script = Path(__file__).with_name("hosted_peers.py").absolute()
            command = [str(python), str(script), name.partition(" ")[0], str(folder), server.url, in_flight]
        began = time.monotonic()
        usage = run(command, folder, python)
        seconds = time.monotonic() - began
        stats = server.stats()
        answered = count_answered(folder, rows)
    requests, most = stats["counts"].get("requests", 0), stats["most_at_once"]
    return Measured(seconds, usage.cpu, usage.peak, answered, requests, most, stats["seconds"], server.usage.cpu)


class Server:
    """The server under way, and what it took in the end."""

    def __init__(self, latency: float) -> None:
        """Start it as a process of its own."""
        command = [sys.executable, "-m", _SERVER, json.dumps({"latency": latency})]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        if self._process.stdout is None:
            raise RuntimeError("the server has no output")
        self.url = self._process.stdout.readline().decode().strip()
        self.usage = Usage(0.0, 0.0)

    def stats(self) -> dict[str, Any]:
        """What it was asked."""
        with urllib.request.urlopen(f"{self.url.removesuffix('/v1')}/stats") as reply:  # noqa: S310 - a loopback address
            found: dict[str, Any] = json.load(reply)
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.terminate()
        self.usage = wait(self._process)


def run(command: Sequence[str], folder: Path, python: Path) -> Usage:
    """Run to the end; what it said is shown when it failed, and what it wrote until then counts."""
    surroundings = {
        "HOME": str(folder),
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(_ROOT) if python == Path(sys.executable) else "",
        "OPENAI_API_KEY": "x",
        "NO_PROXY": "127.0.0.1",
        "TELEMETRY_ENABLED": "0",
        "CURATOR_DISABLE_RICH_DISPLAY": "1",
        # Nothing is fetched: the prices and the tokens of the model are those that litellm comes with.
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "HF_HUB_OFFLINE": "1",
        "TIKTOKEN_CACHE_DIR": next((str(found) for found in python.parents[1].glob(_TOKENIZERS)), ""),
    }
    log = folder / "log"
    with log.open("w") as said:
        process = subprocess.Popen(command, cwd=folder, env=surroundings, stdout=said, stderr=said)
        usage = wait(process)
    if process.returncode:
        print(f"{command[1:3]} ended with {process.returncode}:\n{log.read_text()[-4000:]}", file=sys.stderr)
    return usage


def wait(process: "subprocess.Popen[bytes]") -> Usage:
    """What a process took until its end, with all children that it waited for.

    The peak is at least what this process had when it started that one, because the system counts it in.
    """
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Usage(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def invented(number: int) -> Paper:
    """A paper of 120 to 220 words, with a first sentence that no other has."""
    first = f"We present TideNet {number}, a graph network that fills the gaps of broken gauges from those nearby."
    others = [_SENTENCES[(number + at) % len(_SENTENCES)] for at in range(6 + number % 5)]
    source = Source(name="papers.jsonl", line=number + 1)
    return Paper(id=f"p{number}", title=f"Filling Gaps {number}", abstract=" ".join((first, *others)), source=source)


def write_papers(folder: Path, count: int) -> None:
    """Write `papers.jsonl`."""
    with (folder / "papers.jsonl").open("w") as papers:
        for number in range(count):
            papers.write(invented(number).model_dump_json(include={"id", "title", "abstract"}) + "\n")


def write_requests(folder: Path, count: int) -> None:
    """Write what this project would ask about each paper, for those that ask with other means."""
    settings = Settings(backend="hosted", model=_MODEL)
    decoding = Decoding(max_tokens=settings.max_tokens, temperature=settings.temperature, seed=settings.seed)
    identity = Identity(backend="hosted", model=_MODEL)
    renderer = Renderer(load_prompt(settings.prompt_name), settings.language, decoding, identity)
    asked = json.loads(Wire(_MODEL, Dialect(), {}).content(renderer.request(invented(0))))
    asked["messages"].pop()
    (folder / "asked.json").write_text(json.dumps(asked))
    with (folder / "users.jsonl").open("w") as users:
        for number in range(count):
            paper = invented(number)
            users.write(json.dumps({"id": paper.id, "user": renderer.request(paper).messages[-1].content}) + "\n")


def count_answered(folder: Path, count: int) -> int:
    """Papers that have a line whose summary is the first sentence of their own abstract, as the server says it."""
    output = folder / "out.jsonl"
    if not output.exists():
        return 0
    answered = bytearray(count)
    with output.open() as lines:
        for row in map(json.loads, lines):
            tldr = row["tldr"]["text"] if isinstance(row["tldr"], dict) else row["tldr"]
            number = int(row["id"].removeprefix("p"))
            first = invented(number).abstract.partition(". ")[0]
            if row.get("status", "ok") == "ok" and tldr == f"{first}.":
                answered[number] = 1
    return sum(answered)


def middle(rounds: Sequence[Measured]) -> Measured:
    """The median of each figure, and the fewest rows."""
    middles = Measured(*(median(figures) for figures in zip(*rounds, strict=True)))
    return middles._replace(rows=min(one.rows for one in rounds))


def print_table(measured: dict[str, Measured], options: argparse.Namespace) -> None:
    """One row for each contender; rates are of the whole process, from its start to its end, if not said otherwise."""
    most = options.in_flight / options.latency
    bare = options.rows / measured["bare loop"].seconds if "bare loop" in measured else None
    print(f"| | requests/s | share of the bare loop | share of {most:,.0f}/s | ", end="")
    print(
        "requests/s while it asked | CPU s per 1,000 | peak MiB | server's CPU s per 1,000 | most at once | rows ok |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, one in measured.items():
        rate, thousands = options.rows / one.seconds, options.rows / 1000
        asking = one.requests / (one.server_seconds + options.latency)
        shares = f"{rate / bare:.0%}" if bare else "-", f"{rate / most:.0%}"
        cells = [f"{rate:,.0f}", *shares, f"{asking:,.0f}", f"{one.cpu / thousands:.2f}", f"{one.peak:.0f}"]
        cells += [f"{one.server_cpu / thousands:.2f}", f"{one.most_at_once:.0f}", f"{one.rows:,} of {options.rows:,}"]
        print(f"| {' | '.join((name, *cells))} |")


def print_memory(sizes: Sequence[int], options: argparse.Namespace) -> None:
    """One row for each number of papers, which should grow: see `wait`."""
    print("| papers | records ok | peak resident size MiB | s | records/s |\n| --- | --- | --- | --- | --- |")
    for size in sizes:
        one = measure(options.only[0] if options.only else "summarizer", Path(sys.executable), size, options)
        rate = size / one.seconds
        print(f"| {size:,} | {one.rows:,} | {one.peak:.0f} | {one.seconds:.0f} | {rate:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
