"""What every digest is made of: papers in groups, and a ledger that adds up."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from summarizer.records import Facet, Record, Result
from summarizer.writing.support import (
    ABSENT,
    doubts,
    empty,
    has_warning,
    is_answered,
    is_extractive,
    missing,
    names,
    numbers,
    quotes,
    unsupported_parts,
)

#: The facets in the order in which they are worth reading; papers are grouped by the first one that any of them has.
FACETS: tuple[Facet, ...] = ("field", "task", "modality", "method")
#: The facet whose one label is the question that a reader asks first: which papers should I not trust as they stand?
ONLY = "only"


class Group(NamedTuple):
    """Papers that share a label, in input order."""

    heading: str
    papers: tuple[Record, ...]


class Share(NamedTuple):
    """A part of a total."""

    number: int
    what: str
    bad: bool = False
    """Whether a reader should look there, if there are any."""


class Sum(NamedTuple):
    """A line of what was checked: the total of some things, and the parts that add up to it."""

    name: str
    total: int
    parts: tuple[Share, ...]


class Ledger(NamedTuple):
    """What a digest opens with: what was checked, and what of it failed."""

    papers: int
    sums: tuple[Sum, ...]
    remarks: tuple[str, ...]
    """What else a reader should know before the first paper; each holds its own number."""
    readers: tuple[str, ...]
    """Each model with its prompt, once, in order of first use."""


class Labels(NamedTuple):
    """The labels of one facet, each with the number of papers that carry it, most frequent first."""

    facet: str
    counts: tuple[tuple[str, int], ...]


def group_papers(records: Iterable[Record]) -> list[Group]:
    """Put each paper into one group: those with an answer by their first label, the others by what became of them.

    The largest group comes first, papers without a label after all that have one, failed and skipped papers last.
    """
    papers = list(records)
    answered = [paper for paper in papers if is_answered(paper)]
    facet = next((facet for facet in FACETS if any(_first_label(paper, facet) for paper in answered)), None)
    labeled: dict[str | None, list[Record]] = {}
    for paper in answered:
        labeled.setdefault(_first_label(paper, facet), []).append(paper)
    unlabeled = labeled.pop(None, [])
    ordered = sorted(labeled.items(), key=lambda entry: (-len(entry[1]), entry[0] or ""))
    groups = [Group(label or "", tuple(members)) for label, members in ordered]
    groups.append(Group(f"No {facet} tag" if facet else "Papers", tuple(unlabeled)))
    groups.extend(
        Group(status.capitalize(), tuple(paper for paper in papers if paper.status == status))
        for status in ("failed", "skipped")
    )
    return [group for group in groups if group.papers]


def count_papers(records: Sequence[Record]) -> Ledger:
    """Count papers by what became of them, and what was looked up in them by whether it is there."""
    answered = [record for record in records if is_answered(record)]
    marked = sum(bool(unsupported_parts(record)) for record in answered)
    statuses = Counter(record.status for record in records)
    # Inside of one paper a name counts once, a number and a quote for each result.
    found_names = Counter(there for record in records for there in names(record).values())
    found_numbers = Counter(there for record in records for there in numbers(record))
    matches = Counter(quote.match for record in records for quote in quotes(record))
    summaries = Counter(record.tldr.origin for record in records if record.tldr)
    made_by = (record.provenance for record in records if record.provenance)
    sums = (
        Sum(
            "Papers",
            len(records),
            (
                Share(len(answered) - marked, "fully supported"),
                Share(marked, "with something unsupported", bad=True),
                Share(statuses["failed"], "failed", bad=True),
                Share(statuses["skipped"], "skipped"),
            ),
        ),
        Sum(
            "Summaries",
            summaries.total(),
            (
                Share(summaries["model"], "by the model"),
                Share(summaries["abstract"], "a sentence of the abstract instead"),
            ),
        ),
        Sum("Names checked", found_names.total(), _found(found_names)),
        Sum("Numbers of results checked", found_numbers.total(), _found(found_numbers)),
        Sum(
            "Quotes checked",
            matches.total(),
            (
                Share(matches["exact"], "word for word"),
                Share(matches["folded"], "in another form"),
                Share(matches["absent"], ABSENT.words, bad=True),
            ),
        ),
    )
    return Ledger(
        papers=len(records),
        sums=sums,
        remarks=tuple(_remarks(records)),
        readers=tuple(dict.fromkeys(f"{source.model} with {source.prompt}" for source in made_by)),
    )


def _found(counts: Counter[bool]) -> tuple[Share, Share]:
    return Share(counts[True], "in the abstract"), Share(counts[False], ABSENT.words, bad=True)


def _remarks(records: Sequence[Record]) -> Iterator[str]:
    unsupported = sum(len(record.tldr.unsupported) for record in records if record.tldr)
    yield f"{count(unsupported, 'number or name', 'numbers or names')} in summaries not in the abstract"
    if dropped := sum(has_warning(record, "absent_task") for record in records):
        yield f"{count(dropped, 'paper')} with tasks that are not in the abstract and so make no tag"
    if doubtful := sum(doubts(record) for record in records):
        yield f"{count(doubtful, 'result')} whose parts do not fit together"
    yield f"{count(sum(len(missing(record)) for record in records), 'field')} asked for and not given"
    if unnamed := sum(len(empty(record)) for record in records):
        yield f"{count(unnamed, 'list')} left empty, which may be right"
    if missed := sum(warning.code == "missed_result" for record in records for warning in record.warnings):
        yield f"{count(missed, 'number')} that the abstracts seem to claim, in no result"


def count_labels(records: Iterable[Record]) -> list[Labels]:
    """Count the papers that carry each label, facet by facet; facets that nobody has are left out."""
    counters: dict[str, Counter[str]] = {
        facet: Counter() for facet in (ONLY, "status", "checks", "contribution", *FACETS)
    }
    for record in records:
        for facet, label in labels(record):
            counters[facet][label] += 1
    return [
        Labels(facet, tuple(sorted(counter.items(), key=lambda entry: (-entry[1], entry[0]))))
        for facet, counter in counters.items()
        if counter
    ]


def labels(record: Record) -> list[tuple[str, str]]:
    """Everything that a paper can be filtered by, as (facet, label), each once."""
    found = [("status", record.status), *_checks(record)]
    if record.contribution:
        found.append(("contribution", record.contribution))
    found.extend((tag.facet, tag.label) for tag in record.tags)
    return list(dict.fromkeys(found))


def amount(result: Result) -> str:
    """The value with its unit, as papers write them: 41%, 3.4x, 29 ms."""
    if result.value.endswith(result.unit):
        return result.value
    return result.value + ("" if result.unit[0] in "%\u2030x\u00d7\u00b0" else " ") + result.unit


def count(number: int, noun: str, nouns: str = "") -> str:
    """A number of things, in words that fit it."""
    return f"{number} {noun if number == 1 else nouns or noun + 's'}"


def _first_label(record: Record, facet: Facet | None) -> str | None:
    return next((tag.label for tag in record.tags if tag.facet == facet), None)


def _checks(record: Record) -> Iterator[tuple[str, str]]:
    if is_answered(record):
        kinds = unsupported_parts(record)
        yield from [(ONLY, "something unsupported")] if kinds else []
        yield from (("checks", kind) for kind in kinds or ["fully supported"])
    if is_extractive(record):
        yield "checks", "sentence of the abstract as summary"
    if missing(record):
        yield "checks", "field not given"
