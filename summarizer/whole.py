"""A file that is replaced as a whole."""

import os
from pathlib import Path

from summarizer.errors import OutputError


def write_whole(path: Path, text: str) -> None:
    """Write beside and then rename, so that nobody ever reads half of it; a link goes on leading to the file.

    What is no file, such as a pipe or `/dev/null`, is written to and stays what it is. The rights of a file stay too.
    """
    there = path.resolve()
    beside = there.with_name(f".{there.name}.{os.getpid()}")
    try:
        if there.exists() and not there.is_file():
            there.write_text(text, encoding="utf-8")
            return
        beside.write_text(text, encoding="utf-8")
        if there.exists():
            beside.chmod(there.stat().st_mode)
        beside.replace(there)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise OutputError(str(path), f"{error.strerror}; choose another") from error
