"""What the commands share that ask a model about many papers."""

import gc
import os
import shlex
import signal
import sys
import threading
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from summarizer.commands import INTERRUPTED
from summarizer.console import complain
from summarizer.pipeline import Summarizer
from summarizer.settings import Settings
from summarizer.writing.jsonl import STANDARD

if TYPE_CHECKING:
    from summarizer.batches import BatchedBackend


def retry_command(options: Namespace, output: Path) -> str | None:
    """The command that asks again about records of the output, with the settings that the command line gives.

    There is none for what is no file.
    """
    if str(output) == STANDARD or (output.exists() and not output.is_file()):
        return None
    given = vars(options)
    words = [] if options.config is None else ["--config", str(options.config)]
    # What says how to read the inputs is left out: a retry reads none.
    for name in Settings.model_fields:
        if name in given and name not in {"columns", "encoding"}:
            value, flag = given[name], name.replace("_", "-")
            words += (
                [f"--{flag}" if value else f"--no-{flag}"] if isinstance(value, bool) else [f"--{flag}", str(value)]
            )
    return shlex.join(["summarizer", "retry", str(output), *words])


@contextmanager
def summarizing(
    settings: Settings, stopping: Callable[[], bool]
) -> Iterator[tuple[Summarizer, "BatchedBackend | None"]]:
    """What turns papers into records, and what has to answer before it when the settings say so."""
    if settings.batch:
        from summarizer.batches import BatchedBackend  # noqa: PLC0415 - most runs have none

        with BatchedBackend(settings, stopping) as batched:
            # It brings the cache along.
            yield Summarizer(settings.model_copy(update={"cache": False}), batched, stopping), batched
        return
    if settings.backend == "hosted":
        from summarizer.batches import warn_of_batches  # noqa: PLC0415

        warn_of_batches(settings)
    yield Summarizer(settings, stopping=stopping), None


def in_batches(again: Sequence[str], *, under_way: bool) -> int:
    """Say that a run was stopped that waited for batches, and how it goes on; returns the exit code."""
    told = "stopped; nothing was written yet, and "
    told += "what was handed over is worked on by the server, and paid" if under_way else "nothing was handed over"
    complain(f"{told}. To go on: {shlex.join(['summarizer', *again])}")
    return INTERRUPTED


@contextmanager
def interruptible(*, batch: bool = False) -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C (or SIGTERM) lets what is under way finish; the second one stops at once."""
    stop = threading.Event()

    def ask(_signal: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            # Threads that wait for a server would be waited for in turn. All that is written is whole.
            complain("stopped at once", sys.__stderr__)
            sys.stderr.write("\x1b[?25h" if sys.stderr.isatty() else "")
            sys.stderr.flush()
            os._exit(INTERRUPTED)
        stop.set()
        # Standard error itself: while a model is unpacked, what is printed in its place is thrown away.
        under_way = (
            "batches that have begun go on at the server" if batch else "what is under way is finished and written"
        )
        message = f"stopping: {under_way}; press Ctrl-C again to stop at once"
        complain(message, sys.__stderr__)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Look for garbage less often.

    Records are trees without cycles: looking for it in them as often as by default finds nothing, and takes a sixth of
    a cached run.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
