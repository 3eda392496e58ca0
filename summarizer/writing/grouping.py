"""What every digest is made of: papers in groups, and a ledger that adds up."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple, get_args

from summarizer.records import Evidence, Facet, Match, Record, Result, Status

#: The facets in the order in which they are worth reading; papers are grouped by the first one that any of them has.
FACETS: tuple[Facet, ...] = ("field", "task", "modality", "method")


class Group(NamedTuple):
    """Papers that share a label, in input order."""

    heading: str
    papers: tuple[Record, ...]


class Ledger(NamedTuple):
    """The counts that a digest opens with; each set of parts adds up to its whole."""

    papers: int
    statuses: dict[Status, int]
    quotes: int
    matches: dict[Match, int]
    unsupported: int
    """Numbers in summaries that their abstracts do not have."""
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
    answered = [paper for paper in papers if paper.status in ("ok", "partial")]
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
    """Count papers by status, distinct quotes by how they were found, and unsupported numbers and names."""
    statuses = Counter(record.status for record in records)
    matches = Counter(quote.match for record in records for quote in quotes(record))
    made_by = (record.provenance for record in records if record.provenance)
    return Ledger(
        papers=len(records),
        statuses={status: statuses[status] for status in get_args(Status)},
        quotes=matches.total(),
        matches={match: matches[match] for match in get_args(Match)},
        unsupported=sum(len(record.tldr.unsupported) for record in records if record.tldr),
        readers=tuple(dict.fromkeys(f"{source.model} with {source.prompt}" for source in made_by)),
    )


def count_labels(records: Iterable[Record]) -> list[Labels]:
    """Count the papers that carry each label, facet by facet; facets that nobody has are left out."""
    counters: dict[str, Counter[str]] = {facet: Counter() for facet in ("status", "checks", "contribution", *FACETS)}
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
    found = [("status", record.status), *(("checks", check) for check in _checks(record))]
    if record.contribution:
        found.append(("contribution", record.contribution))
    found.extend((tag.facet, tag.label) for tag in record.tags)
    return list(dict.fromkeys(found))


def quotes(record: Record) -> list[Evidence]:
    """The distinct quotes of a record: a name that is an item and a tag was looked up once and counts once."""
    named = (item.evidence for item in (*record.datasets, *record.metrics))
    methods = (method.evidence for method in record.methods)
    results = (result.evidence for result in record.results)
    tagged = (tag.evidence for tag in record.tags if tag.evidence)
    return list(dict.fromkeys((*methods, *named, *results, *tagged)))


def amount(result: Result) -> str:
    """The value with its unit, as papers write them: 41%, 3.4x, 29 ms."""
    if result.value.endswith(result.unit):
        return result.value
    return result.value + ("" if result.unit[0] in "%\u2030x\u00d7\u00b0" else " ") + result.unit


def _first_label(record: Record, facet: Facet | None) -> str | None:
    return next((tag.label for tag in record.tags if tag.facet == facet), None)


def _checks(record: Record) -> list[str]:
    if record.tldr is None:
        return []
    found = ["summary not supported"] if record.tldr.unsupported else []
    if any(quote.match == "absent" for quote in quotes(record)):
        found.append("quote not found")
    return found or ["everything found"]
