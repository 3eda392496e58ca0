"""The acronyms that the papers of a batch define, for the papers of the same batch that only use them."""

from collections.abc import Iterable, Sequence

from summarizer.acronyms import definitions
from summarizer.labels import Word
from summarizer.records import Paper, Record
from summarizer.vocabulary import shipped_aliases


class Glossary:
    """Acronyms with the one thing that they stand for; one that papers define differently stands for nothing.

    It holds about 200 bytes for each acronym.
    """

    def __init__(self) -> None:
        """Begin with no acronym."""
        self._words: dict[str, tuple[Word, ...]] = {}

    def add(self, paper: Paper | Record) -> None:
        """Take over what a paper defines."""
        for short, long in own_definitions(paper).items():
            words = shipped_aliases().words(long)
            if self._words.setdefault(short, words) != words:
                self._words[short] = ()

    def reading(self, papers: Iterable[object]) -> "Glossary":
        """Take over what all papers define; what is no paper is passed over."""
        for paper in papers:
            if isinstance(paper, Paper | Record):
                self.add(paper)
        return self

    def expand(self, short: str) -> Sequence[Word]:
        """The words that the acronym stands for; empty when it is not known or not clear."""
        return self._words.get(short, ())


def own_definitions(paper: Paper | Record) -> dict[str, str]:
    """The acronyms that the abstract or the title defines; of several meanings the first one."""
    own: dict[str, str] = {}
    for text in (paper.abstract, paper.title):
        for short, long in definitions(text):
            own.setdefault(short, long)
    return own
