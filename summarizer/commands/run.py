"""`summarizer run`: read papers, write one record for each."""

import shlex
from argparse import Namespace
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path

from summarizer.commands import FAILURES, INTERRUPTED, OK, OVER_BUDGET, check_different, read_inputs, settings_of
from summarizer.commands.asking import in_batches, interruptible, retry_command, seldom_collected, summarizing
from summarizer.console import complain, show_log
from summarizer.errors import BudgetError, InputError, OutputError, ResumeError, SettingsError
from summarizer.glossary import Glossary
from summarizer.progress import Progress
from summarizer.records import Record
from summarizer.settings import Settings
from summarizer.writing.jsonl import RecordFile


def call(options: Namespace) -> int:
    """Read papers and write records; 1 when some failed, 3 at the end of the budget, 130 when the run was stopped."""
    settings = settings_of(options)
    show_log(quiet=options.quiet)
    output = Path(options.output)
    _check_lines(output)
    if settings.batch:
        _check_files(options.inputs)
    with (
        interruptible(batch=settings.batch) as stopping,
        summarizing(settings, stopping) as (summarizer, batched),
    ):
        # The inputs are looked at before the output is touched: a mistyped name must not cost a file.
        papers = read_inputs(options.inputs, settings, options)
        check_different(options.inputs, output)
        glossary, count = _look_ahead(settings, options, stopping)
        goes_on = not options.overwrite
        spent: BudgetError | None = None
        with closing(glossary), RecordFile(output) as file, seldom_collected():

            def dry() -> Generator[Record]:
                written = file.written() if goes_on else ()
                yield from summarizer.run(read_inputs(options.inputs, settings, options), written)

            try:
                if batched is not None and not batched.answer(dry):
                    return in_batches(options.given, under_way=batched.is_under_way)
                with Progress(
                    count, quiet=options.quiet, retry=retry_command(options, output), longest=settings.max_tokens
                ) as progress:
                    written = progress.counting(file.written()) if goes_on else ()
                    try:
                        for record in summarizer.run(papers, written, glossary):
                            if not goes_on:
                                # Not before there is something new: a missing key must not cost the old records.
                                file.start_anew()
                                goes_on = True
                            file.append(record)
                            progress.add(record)
                    except BudgetError as error:
                        spent = error
            except ResumeError as error:
                raise OutputError(str(output), f"{error}; {_advice(error, cache=settings.cache)}") from error
        # Who goes on after a stop wants to keep what there is, as far as it is of this run.
        again = [word for word in options.given if word != "--overwrite" or not goes_on]
        if spent is not None or stopping():
            return _stopped(spent, settings, again)
        if batched is not None:
            batched.finish()
    return FAILURES if progress.statuses["failed"] else OK


def _stopped(spent: BudgetError | None, settings: Settings, again: Sequence[str]) -> int:
    to_go_on = shlex.join(["summarizer", *again])
    if spent is None:
        complain(f"stopped; {_kept(settings.cache)}. To go on: {to_go_on}")
        return INTERRUPTED
    complain(f"stopped: {spent}; {_kept(settings.cache)}. To spend as much once more: {to_go_on}")
    return OVER_BUDGET


def _advice(error: ResumeError, *, cache: bool) -> str:
    advice = "choose another file with -o, or --overwrite it"
    advice += ": what the cache holds is not asked again" if cache else ""
    if error.same_papers:
        advice += "; `summarizer retry` asks some of them again with other settings, and keeps the rest"
    return advice


def _check_files(inputs: Sequence[str]) -> None:
    for name in inputs:
        if not Path(name).is_file():
            reason = "is no file, and with --batch the inputs are read several times, also by the command that goes on"
            raise InputError(name, reason)


def _kept(cache: bool) -> str:
    if cache:
        return "what was answered is kept"
    return "what was written is kept, answers that had to wait for an earlier one are not (--no-cache)"


def _check_lines(output: Path) -> None:
    if output.suffix.lower() in {".html", ".htm", ".md", ".markdown", ".csv", ".tsv"}:
        raise SettingsError(
            f"-o {output}: a run writes JSON Lines, so give a name in .jsonl; `summarizer digest` makes pages of them"
        )


def _look_ahead(settings: Settings, options: Namespace, stopping: Callable[[], bool]) -> tuple[Glossary, int | None]:
    """The acronyms that the inputs define, and the number of papers: files are read twice, nothing else can be."""
    glossary, count = Glossary(), 0
    if not all(Path(name).is_file() for name in options.inputs):
        return glossary, None
    for count, item in enumerate(read_inputs(options.inputs, settings, options), start=1):  # noqa: B007
        glossary.add(item)
        if stopping():
            break
    return glossary, count
