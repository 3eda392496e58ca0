"""`summarizer verify`: check records against their papers, without a model."""

from argparse import Namespace
from collections.abc import Iterator

from summarizer.commands import FAILURES, OK, read_inputs, settings_of
from summarizer.console import complain, say
from summarizer.errors import InputError
from summarizer.prompting import load_vocabulary
from summarizer.records import Record
from summarizer.verification import Mismatch, verify_record, verify_run
from summarizer.writing.harmless import visible
from summarizer.writing.jsonl import read_records


def call(options: Namespace) -> int:
    """Print one line for each mismatch; 1 when there are any."""
    count = 0
    broken: list[InputError] = []
    records = _Counted(read_records(options.records, broken.append))
    for mismatch in _mismatches(records, options):
        count += 1
        say(visible(f"{options.records}: {mismatch.id!r}: {mismatch.place}: {mismatch.problem}"))
    for error in broken:
        say(visible(str(error)))
    count += len(broken)
    if not records.count and not count:
        raise InputError(options.records, "holds no records")
    complain(f"{records.count} records checked: {count or 'no'} mismatch{'' if count == 1 else 'es'}")
    return FAILURES if count else OK


def _mismatches(records: "_Counted", options: Namespace) -> Iterator[Mismatch]:
    vocabulary = load_vocabulary()
    if options.papers:
        yield from verify_run(records, read_inputs(options.papers, settings_of(options), options), vocabulary)
        return
    for record in records:
        yield from verify_record(record, vocabulary)


class _Counted:
    """Records, counted while they pass."""

    def __init__(self, records: Iterator[Record]) -> None:
        self._records, self.count = records, 0

    def __iter__(self) -> Iterator[Record]:
        for record in self._records:
            self.count += 1
            yield record
