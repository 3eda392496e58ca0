"""How much memory does a run need, and does it depend on the number of papers?

Runs N invented papers through the whole command (read, render, cache, scripted backend, parse, ground, write) for
growing N, as processes of their own, and prints the peak resident size that the operating system reports for each.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cached_run import write_papers


def main() -> None:
    """Measure and print one line for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=[1_000, 100_000, 1_000_000], help="numbers of papers")
    parser.add_argument("--no-cache", action="store_true", help="measure without the cache")
    options = parser.parse_args()
    flags = ["--no-cache"] if options.no_cache else []
    for size in options.sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_papers(folder, size)
            seconds = run(folder, *flags)
            lines = sum(1 for _ in (folder / "out.jsonl").open("rb"))
        # The largest child so far: sizes grow, so a peak that stays the same did not depend on them.
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"{size} papers: {lines} records, peak {peak:.0f} MiB, {seconds:.0f} s, {size / seconds:.0f} records/s")


def run(folder: Path, *flags: str) -> float:
    """Run the command over the folder's papers; returns the seconds that it took."""
    command = [sys.executable, "-m", "summarizer", "run", "papers.jsonl", "-o", "out.jsonl", "--quiet"]
    command += ["--backend", "scripted", "--cache-dir", "cache", *flags]
    began = time.monotonic()
    subprocess.run(command, check=True, cwd=folder)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
