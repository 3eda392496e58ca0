"""From the command to the first record, and the most memory of the whole run, with the embedded model.

The cache of the system is warm: a run before the first one that counts is not looked at. The model has been unpacked.

Usage: python benchmarks/local_start.py PAPERS [--times 3] [FLAGS OF summarizer run...]
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple


class Seen(NamedTuple):
    """Seconds to the first record and to the last, and the most memory in bytes."""

    first: float
    last: float
    most: int


def main() -> None:
    """Run it some times, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("papers", type=Path)
    parser.add_argument("--times", type=int, default=3)
    options, flags = parser.parse_known_args()
    command = [sys.executable, "-m", "summarizer", "run", str(options.papers), "-o", "-", "--no-cache", "--quiet"]
    seen = [watch([*command, *flags]) for _ in range(options.times + 1)][1:]
    print(f"first record after {statistics.median(one.first for one in seen):.2f} s, ", end="")
    print(f"of {', '.join(f'{one.first:.2f}' for one in seen)}")
    print(f"last after {statistics.median(one.last for one in seen):.1f} s")
    print(f"memory: {max(one.most for one in seen) / 1e9:.2f} GB at most")


def watch(command: list[str]) -> Seen:
    """Run a command that writes records to its output."""
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        if process.stdout is None or not process.stdout.readline():
            raise SystemExit("there was no record")
        first = time.perf_counter() - begun
        for _ in process.stdout:
            pass
        _, _, used = os.wait4(process.pid, 0)
    return Seen(first, time.perf_counter() - begun, used.ru_maxrss * 1024)


if __name__ == "__main__":
    main()
