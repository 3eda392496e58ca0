"""The acronyms that the papers of a batch define, for the papers of the same batch that only use them."""

import sqlite3
from collections.abc import Iterable, Sequence
from tempfile import gettempdir

from summarizer.acronyms import definitions
from summarizer.errors import OutputError
from summarizer.labels import Word
from summarizer.records import Paper, Record
from summarizer.vocabulary import shipped_aliases

_ADD = """
INSERT INTO glossary VALUES (?, ?)
ON CONFLICT (short) DO UPDATE SET words = '' WHERE words != excluded.words
"""


class Glossary:
    """Acronyms with the one thing that they stand for; one that papers define differently stands for nothing.

    They are kept in a temporary SQLite database that spills to disk by itself: nearly every paper coins one.
    """

    def __init__(self, papers: Iterable[object] = ()) -> None:
        """Take over what the papers define; what is neither a paper nor a record is passed over."""
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE glossary (short TEXT PRIMARY KEY, words TEXT) WITHOUT ROWID")
        self._database.execute("BEGIN")
        for paper in papers:
            if isinstance(paper, Paper | Record):
                self.add(paper)

    def add(self, paper: Paper | Record) -> None:
        """Take over what a paper defines. `OutputError` when the disk is full."""
        for short, long in own_definitions(paper).items():
            try:
                self._database.execute(_ADD, (short, " ".join(shipped_aliases().words(long))))
            except sqlite3.Error as error:
                raise OutputError(gettempdir(), f"{error}; free space, or set TMPDIR") from error

    def expand(self, short: str) -> Sequence[Word]:
        """The words that the acronym stands for; empty when it is not known or not clear."""
        found = self._database.execute("SELECT words FROM glossary WHERE short = ?", (short,)).fetchone()
        return tuple(found[0].split()) if found else ()


def own_definitions(paper: Paper | Record) -> dict[str, str]:
    """The acronyms that the abstract or the title defines; of several meanings the first one."""
    own: dict[str, str] = {}
    for text in (paper.abstract, paper.title):
        for short, long in definitions(text):
            own.setdefault(short, long)
    return own
