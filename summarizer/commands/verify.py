"""`summarizer verify`: check records against their papers, without a model."""

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from summarizer.commands import FAILURES, OK, read_inputs, settings_of
from summarizer.console import complain, say
from summarizer.errors import InputError
from summarizer.glossary import Glossary
from summarizer.prompting import load_vocabulary
from summarizer.records import Record
from summarizer.settings import Settings
from summarizer.verification import Mismatch, Rules, verify_record, verify_run
from summarizer.vocabulary import load_tag_vocabulary
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
    settings = settings_of(options)
    own = load_tag_vocabulary(settings.vocabulary) if settings.vocabulary else None
    rules = Rules(load_vocabulary(), own, _glossary(options, settings))
    if options.papers:
        yield from verify_run(records, read_inputs(options.papers, settings, options), rules)
        return
    for record in records:
        yield from verify_record(record, rules)


def _glossary(options: Namespace, settings: Settings) -> Glossary:
    """What the papers of the run define: those of the inputs, or else those that the records hold."""
    if options.papers and all(Path(name).is_file() for name in options.papers):
        return Glossary(read_inputs(options.papers, settings, options))
    if Path(options.records).is_file():
        return Glossary(read_records(options.records, lambda _: None))
    return Glossary()


class _Counted:
    """Records, counted while they pass."""

    def __init__(self, records: Iterator[Record]) -> None:
        self._records, self.count = records, 0

    def __iter__(self) -> Iterator[Record]:
        for record in self._records:
            self.count += 1
            yield record
