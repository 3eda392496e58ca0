"""A digest in Markdown: plain enough for any viewer, and nothing from a record is markup."""

import re
from collections.abc import Iterable, Iterator, Sequence

from summarizer.records import Evidence, Match, Record, Result
from summarizer.writing.grouping import FACETS, Group, Ledger, amount, count_labels, count_papers, group_papers
from summarizer.writing.harmless import visible, web_address

#: Characters that mean something anywhere in a line, in CommonMark, in GitHub's tables and math, or in Obsidian.
_ACTIVE = re.compile(r"[\\`*_\[\]{}#|~$^]|(?<=[%=])[%=]")
#: What means something at the start of a line: lists, underlines of headings, definitions.
_OPENING = re.compile(r"^()([-+=:])|^(\d+)([.)])(?=\s|$)")
#: What follows an item whose quote is not in the abstract as it stands.
_MARKS: dict[Match, str] = {"exact": "", "folded": " ≈", "absent": " ⚠ *not found*"}


def render_markdown(records: Iterable[Record], title: str) -> str:
    """Render all records as one Markdown document; the same records and title give the same text."""
    papers = list(records)
    return "\n".join(_lines(papers, title)) + "\n"


def escape(text: str) -> str:
    """One line of text that any Markdown reader shows as it is."""
    line = " ".join(visible(text).split())
    # Entities, not backslashes: some readers know no `\\<` and would take what follows for HTML.
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _OPENING.sub(r"\1\3\\\2\4", _ACTIVE.sub(r"\\\g<0>", line))


def _lines(papers: Sequence[Record], title: str) -> Iterator[str]:
    yield f"# {escape(title)}"
    yield ""
    yield from _ledger_lines(count_papers(papers))
    groups = group_papers(papers)
    number = 0
    for group in groups:
        yield f"## {escape(group.heading)} ({len(group.papers)})"
        yield ""
        for paper in group.papers:
            number += 1
            yield from (
                _paper_lines(number, paper) if paper.status in ("ok", "partial") else _failed_lines(number, paper)
            )
    yield from _index_lines(groups)


def _ledger_lines(ledger: Ledger) -> Iterator[str]:
    parts = " + ".join(f"{count} {status}" for status, count in ledger.statuses.items())
    yield f"- **{_count(ledger.papers, 'paper')}** = {parts}"
    parts = " + ".join(f"{count} {match}" for match, count in ledger.matches.items())
    yield f"- **{_count(ledger.quotes, 'quote')} checked** = {parts}"
    yield f"- **{_count(ledger.unsupported, 'word')}** in summaries (numbers, names) without support in the paper"
    if ledger.readers:
        yield f"- Read by {'; '.join(escape(reader) for reader in ledger.readers)}"
    yield ""
    yield "≈ marks words found in another form, ⚠ what the abstract does not have."
    yield ""


def _paper_lines(number: int, paper: Record) -> Iterator[str]:
    yield from _heading_lines(number, paper)
    if paper.tldr:
        unsupported = ", ".join(escape(number) for number in paper.tldr.unsupported)
        yield escape(paper.tldr.text) + (f" ⚠ *not in the abstract:* {unsupported}" if unsupported else "")
        yield ""
    items: dict[str, list[str]] = {
        "Contribution": [paper.contribution] if paper.contribution else [],
        **{facet.capitalize(): _tags(paper, facet) for facet in FACETS},
        "Methods": [f"{_item(entry.name, entry.evidence)} ({entry.role})" for entry in paper.methods],
        "Datasets": [_item(entry.name, entry.evidence) for entry in paper.datasets],
        "Metrics": [_item(entry.name, entry.evidence) for entry in paper.metrics],
        "Links": [f"{_link(link.url, link.url)} ({link.kind})" for link in paper.links],
        "Warnings": [f"{escape(warning.message)} ({escape(warning.code)})" for warning in paper.warnings],
    }
    yield from (f"- {name}: {'; '.join(entries)}" for name, entries in items.items() if entries)
    if paper.failure:
        yield f"- Failure: {escape(paper.failure.kind)}: {escape(paper.failure.message)}"
    yield ""
    if paper.results:
        yield from _result_lines(paper.results)


def _failed_lines(number: int, paper: Record) -> Iterator[str]:
    yield from _heading_lines(number, paper)
    if paper.failure:
        yield f"- {escape(paper.failure.kind)}: {escape(paper.failure.message)}"
    yield from (f"- {escape(warning.code)}: {escape(warning.message)}" for warning in paper.warnings)
    yield f"- Read from {escape(paper.source.name)}, line {paper.source.line}"
    yield ""


def _heading_lines(number: int, paper: Record) -> Iterator[str]:
    yield f"### {number}\\. {_link(paper.title.strip() or 'Untitled', paper.url)}"
    yield ""
    authors = ", ".join(paper.authors)
    yield " · ".join(escape(part) for part in (paper.id, authors, paper.published or "", paper.status) if part)
    yield ""


def _result_lines(results: Sequence[Result]) -> Iterator[str]:
    yield "| Value | Metric | Dataset | Method | Baseline | Kind | In the words of the abstract |"
    yield "| ---: | --- | --- | --- | ---: | --- | --- |"
    for result in results:
        cells = (
            _item(amount(result), result.evidence),
            *(escape(cell or "") for cell in (result.metric, result.dataset, result.method, result.baseline_value)),
            result.kind,
            escape(result.evidence.quote),
        )
        yield f"| {' | '.join(cells)} |"
    yield ""


def _index_lines(groups: Sequence[Group]) -> Iterator[str]:
    # The papers are numbered as they stand above, and only what joins two of them is worth an index.
    papers = [paper for group in groups for paper in group.papers]
    shared = [
        (labels.facet, label)
        for labels in count_labels(papers)
        if labels.facet in FACETS
        for label, count in labels.counts
        if count > 1
    ]
    if not shared:
        return
    places: dict[tuple[str, str], list[str]] = {entry: [] for entry in shared}
    for number, paper in enumerate(papers, start=1):
        for entry in dict.fromkeys((tag.facet, tag.label) for tag in paper.tags):
            if entry in places:
                places[entry].append(str(number))
    yield "## Tags that papers share"
    yield ""
    for facet, label in shared:
        yield f"- {facet}: {escape(label)}: {', '.join(places[facet, label])}"
    yield ""


def _tags(paper: Record, facet: str) -> list[str]:
    return [
        (_item(tag.label, tag.evidence) if tag.evidence else escape(tag.label))
        + (f" (“{escape(tag.mention)}”)" if tag.mention and tag.mention != tag.label else "")
        for tag in paper.tags
        if tag.facet == facet
    ]


def _item(text: str, evidence: Evidence) -> str:
    return escape(text) + _MARKS[evidence.match]


def _link(text: str, url: str | None) -> str:
    address = web_address(url)
    return f"[{escape(text)}](<{address.replace('&', '&amp;')}>)" if address else escape(text)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
