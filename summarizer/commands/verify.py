"""`summarizer verify`: check records against their papers, without a model."""

from argparse import Namespace
from collections.abc import Iterable, Iterator

from summarizer.commands import FAILURES, OK, read_inputs, settings_of
from summarizer.console import complain, say
from summarizer.errors import InputError
from summarizer.glossary import Glossary
from summarizer.prompting import load_vocabulary
from summarizer.records import Record
from summarizer.verification import Mismatch, Rules, verify_record, verify_run
from summarizer.vocabulary import load_tag_vocabulary
from summarizer.writing.harmless import visible
from summarizer.writing.jsonl import STANDARD, read_records


def call(options: Namespace) -> int:
    """Print one line for each mismatch; 1 when there are any."""
    count = 0
    broken: list[InputError] = []
    read = read_records(options.records, broken.append)
    if options.records == STANDARD:  # which cannot be read twice
        held = list(read)
        records, glossary = _Counted(held), Glossary(held)
    else:
        records, glossary = _Counted(read), Glossary(read_records(options.records, lambda _: None))
    for mismatch in _mismatches(records, glossary, options):
        count += 1
        say(visible(f"{options.records}: {mismatch.id!r}: {mismatch.place}: {mismatch.problem}"))
    for error in broken:
        say(visible(str(error)))
    count += len(broken)
    if not records.count and not count:
        raise InputError(options.records, "holds no records")
    complain(f"{records.count} records checked: {count or 'no'} mismatch{'' if count == 1 else 'es'}")
    return FAILURES if count else OK


def _mismatches(records: "_Counted", glossary: Glossary, options: Namespace) -> Iterator[Mismatch]:
    settings = settings_of(options)
    own = load_tag_vocabulary(settings.vocabulary) if settings.vocabulary else None
    rules = Rules(load_vocabulary(), own, glossary)
    if options.papers:
        yield from verify_run(records, read_inputs(options.papers, settings, options), rules)
        return
    for record in records:
        yield from verify_record(record, rules)


class _Counted:
    """Records, counted while they pass."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._records, self.count = records, 0

    def __iter__(self) -> Iterator[Record]:
        for record in self._records:
            self.count += 1
            yield record
