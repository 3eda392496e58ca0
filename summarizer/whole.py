"""A file that is replaced as a whole."""

import os
from collections.abc import Iterable
from pathlib import Path

from summarizer.errors import OutputError


def write_whole(path: Path, text: str) -> None:
    """Write beside and then rename, so that nobody ever reads half of it; a link goes on leading to the file.

    What is no file, such as a pipe or `/dev/null`, is written to and stays what it is. The rights of a file stay too.
    """
    write_parts(path, (text,))


def write_parts(path: Path, parts: Iterable[str]) -> None:
    """The same for a text that is made in parts; an error while they are made leaves the file as it was."""
    there = path.resolve()
    beside = there.with_name(f".{there.name}.{os.getpid()}")
    try:
        if there.exists() and not there.is_file():
            with there.open("w", encoding="utf-8") as file:
                file.writelines(parts)
            return
        with beside.open("w", encoding="utf-8") as file:
            file.writelines(parts)
        put_in_place(beside, there)
    except OSError as error:
        raise OutputError(str(path), f"{error.strerror}; choose another") from error
    finally:
        beside.unlink(missing_ok=True)


def put_in_place(beside: Path, there: Path) -> None:
    """Give a file the name of another, which is gone then, and its rights."""
    if there.exists():
        beside.chmod(there.stat().st_mode)
    beside.replace(there)
