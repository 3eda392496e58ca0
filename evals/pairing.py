"""Which papers two files of samples have in common, read side by side in constant memory.

Files of the same data have the papers in the same order, and then nothing is kept of them. From the first place on
where they differ, it is kept where the papers of the second file stand: 16 bytes for each.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np

from evals.samples import Sample, parse_sample, read_samples
from summarizer.extension import InputError

_END = b""


@dataclass
class Pairs:
    """The samples of papers with the same id and abstract in both files, in the order of the first one.

    What is in one file only is counted while they are read. `InputError` for what is no file of samples.
    """

    a: Path
    b: Path
    papers: int = field(default=0, init=False)
    """In both."""
    only_a: int = field(default=0, init=False)
    only_b: int = field(default=0, init=False)
    changed: int = field(default=0, init=False)
    """In both by their id, but with another abstract."""

    def __iter__(self) -> Iterator[tuple[Sample, Sample]]:
        """Read both once; the counts are whole when it has ended."""
        self.papers = self.only_a = self.only_b = self.changed = 0
        try:
            with self.b.open("rb") as file:
                for sample, other in self._found(file):
                    if other is None:
                        self.only_a += 1
                    elif sample.abstract != other.abstract:
                        self.changed += 1
                    else:
                        self.papers += 1
                        yield sample, other
        except OSError as error:
            raise InputError(str(self.b), str(error.strerror)) from error

    def _found(self, file: BinaryIO) -> Iterator[tuple[Sample, Sample | None]]:
        """Each sample of A with the one of B that has its id."""
        samples = read_samples(self.a)
        for number, sample in enumerate(samples, start=1):
            start = file.tell()
            line = file.readline()
            other = parse_sample(self.b, number, line) if line else None
            if other is None or other.id != sample.id:
                file.seek(start)
                places = _Places(self.b, file, number)
                yield from ((one, places.take(file, one.id)) for one in chain([sample], samples))
                self.only_b = places.left()
                return
            yield sample, other
        self.only_b = sum(1 for _ in file)


class _Places:
    """Where the samples stand of which nothing was taken yet, by hashes of their ids."""

    def __init__(self, path: Path, file: BinaryIO, number: int) -> None:
        """Look at all lines from here on; the first has this number."""
        self._path = path
        hashes, starts = array("Q"), array("q")
        start = file.tell()
        # Not `for line in file`: only so can the place be asked for.
        for at, line in enumerate(iter(file.readline, _END), start=number):
            hashes.append(_hash(parse_sample(path, at, line).id))
            starts.append(start)
            start += len(line)
        unsorted = np.array(hashes, dtype=np.uint64)
        order = np.argsort(unsorted, kind="stable")
        self._hashes, self._starts = unsorted[order], np.array(starts, dtype=np.int64)[order]

    def take(self, file: BinaryIO, known: str) -> Sample | None:
        """The first sample of an id that was not taken; None where there is none (left)."""
        wanted = np.uint64(_hash(known))
        for place in range(*(int(np.searchsorted(self._hashes, wanted, side)) for side in ("left", "right"))):
            if self._starts[place] >= 0:
                file.seek(int(self._starts[place]))
                found = parse_sample(self._path, None, file.readline())
                if found.id == known:
                    self._starts[place] = -1
                    return found
        return None

    def left(self) -> int:
        """How many were not taken."""
        return int(np.count_nonzero(self._starts >= 0))


def _hash(known: str) -> int:
    return int.from_bytes(blake2b(known.encode(), digest_size=8).digest())
