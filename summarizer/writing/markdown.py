"""A digest in Markdown: plain enough for any viewer, and nothing from a record is markup."""

import re
from collections.abc import Iterable, Iterator, Sequence

from summarizer.records import Evidence, Record, Tag, Tldr
from summarizer.writing.grouping import FACETS, Group, Ledger, amount, count_labels, count_papers, group_papers
from summarizer.writing.harmless import visible, web_address
from summarizer.writing.support import (
    ABSENT,
    ABSENT_QUOTE,
    COLUMNS,
    FOLDED,
    SIGNS,
    Mark,
    empty,
    evidence_mark,
    flag_marks,
    missing,
    quote_words,
    raw_words,
)

#: Characters that mean something anywhere in a line, in CommonMark, in GitHub's tables and math, or in Obsidian.
_ACTIVE = re.compile(r"[\\`*_\[\]{}#|~$^]|(?<=[%=])[%=]")
#: What means something at the start of a line: lists, underlines of headings, definitions.
_OPENING = re.compile(r"^()([-+=:])|^(\d+)([.)])(?=\s|$)")


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
    for line in ledger.sums:
        parts = " + ".join(f"{part.number} {part.what}" for part in line.parts)
        yield f"- {line.name}: **{line.total}** = {parts}"
    yield from (f"- {remark}" for remark in ledger.remarks)
    if ledger.readers:
        yield f"- Read by {'; '.join(escape(reader) for reader in ledger.readers)}"
    yield ""
    unsupported, doubtful, folded = (SIGNS[sign] for sign in ("unsupported", "doubtful", "folded"))
    yield (
        f"{unsupported} marks a number, a name or a quote that neither the abstract nor the title has,"
        f" {doubtful} what is there and does not fit, {folded} words that are there in another form (which follows)."
        " What was checked is whether the words are there, not whether they are understood."
    )
    yield ""


def _paper_lines(number: int, paper: Record) -> Iterator[str]:
    yield from _heading_lines(number, paper)
    if paper.tldr:
        yield from _summary_lines(paper.tldr)
    items: dict[str, list[str]] = {
        "Contribution": [paper.contribution] if paper.contribution else [],
        **{facet.capitalize(): _tags(paper, paper.tags, facet) for facet in FACETS},
        "Proposed tags": [item for facet in FACETS for item in _tags(paper, paper.proposed_tags, facet)],
        "Methods": [f"{_item(paper, entry.name, entry.evidence)} ({entry.role})" for entry in paper.methods],
        "Datasets": [_item(paper, entry.name, entry.evidence) for entry in paper.datasets],
        "Metrics": [_item(paper, entry.name, entry.evidence) for entry in paper.metrics],
        "Links": [f"{_link(link.url, link.url)} ({link.kind})" for link in paper.links],
        "∅ Asked for and not given": missing(paper),
        "Nothing named": empty(paper),
        "Warnings": [f"{escape(warning.message)} ({escape(warning.code)})" for warning in paper.warnings],
    }
    yield from (f"- {name}: {'; '.join(entries)}" for name, entries in items.items() if entries)
    if paper.failure:
        yield f"- Failure: {escape(paper.failure.kind)}: {escape(paper.failure.message)}"
    yield ""
    if paper.results:
        yield from _result_lines(paper)


def _summary_lines(tldr: Tldr) -> Iterator[str]:
    unsupported = ", ".join(escape(word) for word in tldr.unsupported)
    yield escape(tldr.text) + (f" {_mark(ABSENT)}: {unsupported}" if unsupported else "")
    yield ""
    if tldr.origin == "abstract":
        yield "❝ *Not a summary but a sentence of the abstract, word for word.*"
        yield ""


def _failed_lines(number: int, paper: Record) -> Iterator[str]:
    yield from _heading_lines(number, paper)
    if paper.tldr:
        yield from _summary_lines(paper.tldr)
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


def _result_lines(paper: Record) -> Iterator[str]:
    yield "| Value | Metric | Dataset | Method | Baseline | Kind | In the words of the abstract |"
    yield "| ---: | --- | --- | --- | ---: | --- | --- |"
    for result in paper.results:
        value, quote = result.value_evidence, result.evidence
        cells = (
            # The value has a place of its own, which says nothing of its quote, nor the other way round.
            _marked(amount(result), flag_marks(result, "value"))
            + (f" {_folded(paper, value)}" if value.match == "folded" else ""),
            *(_marked(getattr(result, part) or "", flag_marks(result, part)) for part in COLUMNS),
            result.kind,
            _quote(paper, quote),
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


def _tags(paper: Record, tags: Iterable[Tag], facet: str) -> list[str]:
    return [
        (_item(paper, tag.label, tag.evidence) if tag.evidence else escape(tag.label))
        + (f" (“{escape(tag.mention)}”)" if tag.mention and tag.mention != tag.label else "")
        for tag in tags
        if tag.facet == facet
    ]


def _item(paper: Record, text: str, evidence: Evidence) -> str:
    mark = evidence_mark(text, evidence)
    if mark == FOLDED:
        return f"{escape(text)} {_folded(paper, evidence)}"
    said = f": “{escape(evidence.quote)}”" if mark == ABSENT_QUOTE else ""
    return _marked(text, [mark] if mark else []) + said


def _quote(paper: Record, quote: Evidence) -> str:
    """The words of the abstract, or what was given for them with the mark that they are not."""
    mark = evidence_mark(quote.quote, quote)
    said = escape(quote_words(paper, quote))
    return f"{_mark(mark)}: {said}" if mark == ABSENT else f"{SIGNS['folded']} {said}" if mark else said


def _folded(paper: Record, evidence: Evidence) -> str:
    return f"{SIGNS['folded']} “{escape(raw_words(paper, evidence))}”"


def _marked(text: str, marks: Sequence[Mark]) -> str:
    return " ".join((escape(text), *map(_mark, marks)))


def _mark(mark: Mark) -> str:
    return f"{SIGNS[mark.sign]} *{mark.words}*"


def _link(text: str, url: str | None) -> str:
    address = web_address(url)
    return f"[{escape(text)}](<{address.replace('&', '&amp;')}>)" if address else escape(text)
