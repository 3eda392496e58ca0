"""Papers that are in train as well: what is trained on them is not measured by them.

Titles and abstracts are compared as words without case and punctuation. Abstracts are near when they share three in
ten of the runs of eight words that the shorter one has: in SciTLDR all such pairs of train and dev, and all down to one
in ten, are two versions of one paper. Papers of train are looked at one after the other, each once, so the time is
linear in both.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Final

from evals.examples import Example
from summarizer import Paper
from summarizer.extension import Frozen

_RUN: Final = 8
#: Share of the runs of the shorter abstract that the other one has.
NEAR: Final = 0.3
#: Runs that more papers have are phrases of a trade (`to the best of our knowledge we are the first`), and slow.
_MOST: Final = 20
_WORD = re.compile(r"\w+")


class Pair(Frozen):
    """A paper that is evaluated, and one of train, by their ids."""

    evaluated: str
    train: str


class Duplicates(Frozen):
    """What a scan found; a pair stands in the first list that it belongs to."""

    file: str
    """Name of the file to train on."""
    sha256: str
    papers: int
    """That train has."""
    titles: tuple[Pair, ...]
    abstracts: tuple[Pair, ...]
    """The same abstract, whatever the title."""
    near: tuple[Pair, ...]
    """Much of the shorter abstract is the same."""

    @property
    def evaluated(self) -> tuple[str, ...]:
        """Ids of the papers that are in train in one way or another, each once."""
        return tuple(dict.fromkeys(pair.evaluated for pair in (*self.titles, *self.abstracts, *self.near)))


class Scan:
    """The papers that are evaluated, ready to be compared with those of train."""

    def __init__(self, evaluated: Iterable[Example]) -> None:
        """Keeps hashes of titles, abstracts and runs; memory is linear in the papers that are evaluated."""
        self._titles: dict[bytes, list[str]] = defaultdict(list)
        self._abstracts: dict[bytes, list[str]] = defaultdict(list)
        self._runs: dict[bytes, list[str]] = defaultdict(list)
        self._sizes: dict[str, int] = {}
        for example in evaluated:
            self._add(example.paper)

    def compare(self, train: Iterable[Example], file: str, sha256: str) -> Duplicates:
        """The pairs, in the order of train."""
        titles, abstracts, near = [], [], []
        papers = 0
        for papers, example in enumerate(train, start=1):  # noqa: B007 - it is the count
            paper = example.paper
            title, words = _words(paper.title), _words(paper.abstract)
            same_title = self._titles.get(_hash(title), []) if title else []
            same = self._abstracts.get(_hash(words), [])
            titles += [Pair(evaluated=known, train=paper.id) for known in same_title]
            abstracts += [Pair(evaluated=known, train=paper.id) for known in same if known not in same_title]
            known_before = {*same_title, *same}
            near += [Pair(evaluated=known, train=paper.id) for known in self._near(words) if known not in known_before]
        return Duplicates(
            file=file, sha256=sha256, papers=papers, titles=tuple(titles), abstracts=tuple(abstracts), near=tuple(near)
        )

    def _add(self, paper: Paper) -> None:
        title, words = _words(paper.title), _words(paper.abstract)
        if title:
            self._titles[_hash(title)].append(paper.id)
        self._abstracts[_hash(words)].append(paper.id)
        runs = set(_runs(words))
        self._sizes[paper.id] = len(runs)
        for run in runs:
            self._runs[run].append(paper.id)

    def _near(self, words: Sequence[str]) -> Iterator[str]:
        runs = set(_runs(words))
        shared: Counter[str] = Counter()
        for run in runs:
            holders = self._runs.get(run, ())
            if len(holders) <= _MOST:
                shared.update(holders)
        for known, count in shared.items():
            if count >= NEAR * min(len(runs), self._sizes[known]):
                yield known


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _runs(words: Sequence[str]) -> Iterator[bytes]:
    for start in range(len(words) - _RUN + 1):
        yield _hash(words[start : start + _RUN])


def _hash(words: Sequence[str]) -> bytes:
    return blake2b(" ".join(words).encode(), digest_size=12).digest()
