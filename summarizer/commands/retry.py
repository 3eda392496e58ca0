"""`summarizer retry`: ask again about records of a finished output, and leave all others as they are."""

import shlex
from argparse import Namespace
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from summarizer.commands import FAILURES, INTERRUPTED, OK, OVER_BUDGET, settings_of
from summarizer.commands.asking import in_batches, interruptible, retry_command, seldom_collected, summarizing
from summarizer.console import complain, show_log
from summarizer.errors import BudgetError, EndpointError, InputError, SettingsError
from summarizer.glossary import Glossary
from summarizer.pipeline import Summarizer
from summarizer.progress import ASKED, UNASKED, Progress
from summarizer.records import Record
from summarizer.vocabulary import load_tag_vocabulary
from summarizer.writing.renewal import Place, Renewal

_FAILED = "failed"
_STATUSES = ("ok", "partial", _FAILED)
#: Names of the file that a message lists.
_MOST_NAMES = 20


def call(options: Namespace) -> int:
    """Ask again and replace records; 1 when some of those asked failed, 3 at the end of the budget, 130 at a stop."""
    settings, path = settings_of(options), Path(options.records)
    show_log(quiet=options.quiet)
    _check_names(options.only)
    vocabulary = load_tag_vocabulary(settings.vocabulary).sha256 if settings.vocabulary else None
    with (
        interruptible(batch=settings.batch) as stopping,
        Renewal(path) as file,
        closing(Glossary()) as glossary,
        summarizing(settings, stopping) as (summarizer, batched),
    ):
        first = _First(_chooser(options.only), summarizer.backend.identity.model, vocabulary)
        for _, record in file.records():
            if stopping():
                complain(f"stopped; {path} is as it was")
                return INTERRUPTED
            glossary.add(record)
            first.look(record)
        first.check(path, options.only)
        if not first.asked:
            if not options.quiet:
                complain(f"{path}: there is nothing to ask again; it has {first.found()}")
            return OK
        if first.other_model is not None and not options.quiet:
            complain(f"asking {first.model} about papers that {first.other_model} was asked about before")
        if batched is not None and not batched.answer(lambda: _dry(file, first, summarizer)):
            return in_batches(options.given, under_way=batched.is_under_way)
        progress = Progress(
            first.asked, quiet=options.quiet, retry=retry_command(options, path), longest=settings.max_tokens
        )
        with progress, seldom_collected():
            renewed = _renew(file, first.is_chosen, summarizer, glossary, progress)
            file.finish()
        if not options.quiet:
            renewed.tell()
        if renewed.spent or stopping():
            return _stopped(renewed, first, options)
        if batched is not None:
            batched.finish()
    return FAILURES if progress.statuses[_FAILED] else OK


def _dry(file: Renewal, first: "_First", summarizer: Summarizer) -> Generator[Record]:
    """A pass that replaces nothing."""
    yield from summarizer.again(record for _, record in file.records() if first.is_chosen(record))


def _stopped(renewed: "_Renewed", first: "_First", options: Namespace) -> int:
    spent = renewed.spent
    kept = f"{renewed.replaced} of {first.asked} records are replaced, the others are as they were"
    told = f"stopped; {kept}. To go on" if spent is None else f"stopped: {spent}; {kept}. To spend as much once more"
    complain(f"{told}: {shlex.join(['summarizer', *options.given])}")
    return INTERRUPTED if spent is None else OVER_BUDGET


def _check_names(only: Sequence[str]) -> None:
    for name in only:
        if name == "skipped":
            kinds = "; ".join(f"{kind}: {UNASKED[kind]}" for kind in ("no_abstract", "duplicate"))
            raise SettingsError(f"--only {name}: there is no paper to ask about ({kinds})")
        if name in UNASKED:
            raise SettingsError(f"--only {name}: there is no paper to ask about; {UNASKED[name]}")


def _chooser(only: Sequence[str]) -> Callable[[Record], bool]:
    names = frozenset(only or (_FAILED,))
    return lambda record: _can_be_asked(record) and not names.isdisjoint(_names_of(record))


def _can_be_asked(record: Record) -> bool:
    return record.status in _STATUSES and (record.failure is None or record.failure.kind not in UNASKED)


def _names_of(record: Record) -> tuple[str, ...]:
    return (record.status,) if record.failure is None else (record.status, record.failure.kind)


class _First:
    """What a first look at all records finds."""

    def __init__(self, is_chosen: Callable[[Record], bool], model: str, vocabulary_sha256: str | None) -> None:
        self.is_chosen, self.model, self._vocabulary_sha256 = is_chosen, model, vocabulary_sha256
        self.asked = 0
        self.other_model: str | None = None
        self._names: Counter[str] = Counter()
        self._unasked: Counter[str] = Counter()
        self._tagged_otherwise: str | None = None

    def look(self, record: Record) -> None:
        """Take one record into account."""
        (self._names if _can_be_asked(record) else self._unasked).update(_names_of(record))
        made = record.provenance
        if self.is_chosen(record):
            self.asked += 1
            if made is not None and made.model != self.model:
                self.other_model = self.other_model or made.model
        elif made is not None and made.vocabulary_sha256 != self._vocabulary_sha256:
            self._tagged_otherwise = self._tagged_otherwise or record.id

    def check(self, path: Path, only: Sequence[str]) -> None:
        """Refuse a file without records, names that nobody knows, and a file that would be of two vocabularies."""
        if not self._names and not self._unasked:
            raise InputError(str(path), "holds no records")
        for name in only:
            if name not in {*_STATUSES, *ASKED, *self._names}:
                raise SettingsError(f"--only {name}: there is no such status or failure; {path} has {self.found()}")
        if self.asked and self._tagged_otherwise is not None:
            reason = f"the record of {self._tagged_otherwise!r}, which stays, was tagged with another vocabulary"
            advice = "give the --vocabulary of the run, or run again with --overwrite to tag all anew"
            raise SettingsError(f"{path}: {reason}; {advice}")

    def found(self) -> str:
        """The names that can be given for `--only`, and what cannot be asked, with their counts."""
        text = _listed(self._names) or "no record to ask about"
        return f"{text}; no paper to ask about: {_listed(self._unasked)}" if self._unasked else text


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in counts.most_common(_MOST_NAMES))


@dataclass
class _Renewed:
    """What became of the records that were asked about."""

    replaced: int = 0
    kept: int = 0
    same: int = 0
    spent: BudgetError | None = None
    """Why the rest was not asked, where the budget had no room for it."""

    def tell(self) -> None:
        """Say what the counts of the progress do not."""
        if self.kept:
            complain(f"{self.kept} x the new try failed, so the answer that was there stays")
        if self.same:
            advice = "for another one change the settings (--model, --prompt, --max-tokens ...), or give --no-cache"
            complain(
                f"{self.same} x the same answer as before, from the cache, since the question is the same; {advice}"
            )


def _renew(
    file: Renewal,
    is_chosen: Callable[[Record], bool],
    summarizer: Summarizer,
    glossary: Glossary,
    progress: Progress,
) -> _Renewed:
    """Ask about the chosen records and put what comes into their places, until a stop or the end of the budget."""
    renewed, waiting = _Renewed(), deque[tuple[Place, Record]]()

    def asked() -> Iterator[Record]:
        for place, record in file.records():
            if is_chosen(record):
                waiting.append((place, record))
                yield record

    try:
        for record in summarizer.again(asked(), glossary):
            place, before = waiting.popleft()
            progress.add(record)
            if record.failure is not None and before.failure is None:
                renewed.kept += 1
                continue
            renewed.replaced += 1
            renewed.same += _is_same_answer(before, record)
            file.put(place, record)
    except BudgetError as error:
        renewed.spent = error
    except EndpointError:
        # Without a cache, what was answered so far is nowhere else.
        file.finish()
        raise
    return renewed


def _is_same_answer(before: Record, after: Record) -> bool:
    was, made = before.provenance, after.provenance
    if was is None or made is None or not made.cached:
        return False
    # A stored answer keeps the time at which it was made; what was asked without success has none.
    return (was.key, was.created_at) == (made.key, made.created_at)
