"""Remember every paper of a run, however long, in constant memory."""

import sqlite3
from hashlib import sha256
from tempfile import gettempdir

from summarizer.errors import OutputError
from summarizer.records import Frozen, Paper


class Earlier(Frozen):
    """Where an id stood before, and whether with the same words."""

    place: str
    same_text: bool


class Seen:
    """The ids of a run so far, in a temporary SQLite database that spills to disk by itself."""

    def __init__(self) -> None:
        """Open a private database; it is gone when this object is."""
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE seen (id TEXT PRIMARY KEY, text BLOB, place TEXT) WITHOUT ROWID")
        self._database.execute("BEGIN")

    def add(self, paper: Paper) -> Earlier | None:
        """Note a paper; returns where its id stood before, if it did. `OutputError` when the disk is full."""
        text = sha256(f"{paper.title}\0{paper.abstract}".encode()).digest()[:16]
        note = (paper.id, text, f"{paper.source.name}, line {paper.source.line}")
        try:
            if self._database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", note).rowcount:
                return None
            known, place = self._database.execute("SELECT text, place FROM seen WHERE id = ?", note[:1]).fetchone()
        except sqlite3.Error as error:
            raise OutputError(gettempdir(), f"{error}; free space, or set TMPDIR") from error
        return Earlier(place=place, same_text=known == text)

    def close(self) -> None:
        """Drop the database."""
        self._database.close()
