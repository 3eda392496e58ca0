"""What is said to the person at the command line: results on standard output, everything else on standard error."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from summarizer.errors import OutputError
from summarizer.writing.harmless import visible


def open_standard_streams() -> None:
    """Open the null device in place of standard streams that are closed (`2>&-`).

    The next file that is opened would get their number, and what is said would be written into it.
    """
    while True:
        descriptor = os.open(os.devnull, os.O_RDWR)
        if descriptor > 2:
            os.close(descriptor)
            break
        os.set_inheritable(descriptor, True)
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - for the whole process
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def say(text: str) -> None:
    """Print a result. `OutputError` when standard output cannot be written; a reader that has left is not one."""
    with _translated():
        print(text)


def flush() -> None:
    """Hand over what was said, so that an output that cannot be written is noticed; errors as in `say`."""
    with _translated():
        sys.stdout.flush()


def complain(message: str, stream: TextIO | None = None) -> None:
    """Print a message on standard error, or on `stream`.

    Messages quote files, and a file may hold sequences that command a terminal.
    """
    print(f"summarizer: {visible(message)}", file=stream or sys.stderr, flush=True)


def show_log(*, quiet: bool = False) -> None:
    """Show what the modules log: what takes long before the first record (unpacking, loading) is told there."""
    logger = logging.getLogger("summarizer")
    logger.handlers = [_Told()]
    logger.setLevel(logging.WARNING if quiet else logging.INFO)


class _Told(logging.Handler):
    """Prints to the standard error of the moment, so that a live line on a terminal makes room."""

    def emit(self, record: logging.LogRecord) -> None:
        complain(self.format(record))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # Python must not try again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise
        raise OutputError("standard output", str(error.strerror)) from error
