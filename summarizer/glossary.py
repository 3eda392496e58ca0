"""The acronyms that the papers of a batch define, for the papers of the same batch that only use them."""

import sqlite3
from collections.abc import Iterable, Sequence
from tempfile import gettempdir

from summarizer.acronyms import definitions, singular
from summarizer.errors import OutputError
from summarizer.labels import Expand, Word, words_of
from summarizer.records import Paper, Record, Unreadable
from summarizer.vocabulary import shipped_aliases

#: More definitions than an abstract has room for; what has more is no abstract, and tells the others nothing.
_MOST = 20
#: Two letters mean too many things to mean the same in another paper.
_SHORTEST = 3
_TABLE = "CREATE TABLE glossary (short TEXT, words TEXT, papers INTEGER, PRIMARY KEY (short, words)) WITHOUT ROWID"
_ADD = "INSERT INTO glossary VALUES (?, ?, 1) ON CONFLICT (short, words) DO UPDATE SET papers = papers + 1"
_FIND = "SELECT words, papers FROM glossary WHERE short = ? ORDER BY papers DESC, words"


class Glossary:
    """Acronyms with the one thing that they stand for.

    One that papers define differently stands for what more than twice as many say as all others together, so that one
    paper can take no meaning away; or else for nothing. They are kept in a temporary SQLite database that spills to
    disk by itself: nearly every paper coins one.
    """

    def __init__(self, papers: Iterable[Paper | Unreadable | Record] = ()) -> None:
        """Take over what the papers define."""
        # Whoever makes it may hand it to another thread.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute(_TABLE)
        self._database.execute("BEGIN")
        for paper in papers:
            self.add(paper)

    def add(self, paper: Paper | Unreadable | Record) -> None:
        """Take over what a paper defines. `OutputError` when the disk is full."""
        own = {} if isinstance(paper, Unreadable) else own_definitions(paper, shipped_aliases().expand)
        for short, words in own.items() if len(own) <= _MOST else ():
            if len(short) >= _SHORTEST:
                self._execute(_ADD, short, " ".join(words))

    def expand(self, short: str) -> Sequence[Word]:
        """The words that the acronym stands for; empty when it is not known or not clear."""
        meanings = self._execute(_FIND, short).fetchall()
        is_clear = bool(meanings) and meanings[0][1] > 2 * sum(papers for _, papers in meanings[1:])
        return tuple(meanings[0][0].split()) if is_clear else ()

    def close(self) -> None:
        """Drop the database."""
        self._database.close()

    def _execute(self, statement: str, *values: str) -> sqlite3.Cursor:
        try:
            return self._database.execute(statement, values)
        except sqlite3.Error as error:
            raise OutputError(gettempdir(), f"{error}; free space, or set TMPDIR") from error


def own_definitions(paper: Paper | Record, expand: Expand) -> dict[str, tuple[Word, ...]]:
    """The acronyms that the abstract or the title defines, each with the words that it stands for.

    Of several meanings the first one counts. An acronym in a long form is the paper's own too, where it was defined
    before; `expand` knows all others.
    """
    own: dict[str, tuple[Word, ...]] = {}
    for text in (paper.abstract, paper.title):
        for short, long, is_remark in definitions(text):
            # `LLMs (like Llama models)` explains nothing.
            if short not in own and not (is_remark and shipped_aliases().expand(short)):
                words = words_of(long, lambda chunk: own.get(singular(chunk)) or expand(chunk))
                own[short] = shipped_aliases().canonical(words)
    return own
