"""A digest as one HTML page: no server, no asset from elsewhere, and nothing from a record is markup.

All content is in the page as escaped text, cut where evidence begins and ends, so that the page reads well without its
script. The script only filters and lights up; it never writes text of a record into the page.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from importlib.resources import files
from itertools import pairwise
from typing import Literal, NamedTuple

from jinja2 import Environment, StrictUndefined, Template

from summarizer.records import Evidence, Record, Tldr
from summarizer.writing.grouping import ONLY, count_labels, count_papers, group_papers, labels
from summarizer.writing.harmless import visible, web_address
from summarizer.writing.items import Item, Items, Row
from summarizer.writing.support import COLUMNS, SIGNS, Part, empty, missing

_BLANK_LINE = re.compile(r"\n[^\S\n]*\n\s*")


class Segment(NamedTuple):
    """A piece of a text in which the same items have their evidence."""

    text: str
    items: str
    """Numbers of the items, separated by spaces; empty where nothing was found."""
    closes: bool
    """Whether a paragraph ends here."""


class Piece(NamedTuple):
    """A piece of the summary; `unsupported` when the abstract does not have it."""

    text: str
    unsupported: bool


class Chip(NamedTuple):
    """A label that papers can be filtered by."""

    number: int
    label: str
    papers: int


class FacetChips(NamedTuple):
    """The labels of one facet."""

    facet: str
    chips: tuple[Chip, ...]


class Card(NamedTuple):
    """One paper as the page shows it."""

    number: int
    record: Record
    url: str | None
    title: list[Segment]
    abstract: list[Segment]
    summary: list[Piece]
    origin: Item | None
    """The sentence of the abstract that stands in for a summary."""
    missing: list[str]
    empty: list[str]
    rows: list[tuple[str, list[Item]]]
    results: list[Row]
    columns: list[Part]
    links: list[tuple[str, str, bool]]
    """Text, kind, and whether it may be a link."""
    warnings: list[tuple[str, list[tuple[str, Item | None]]]]
    labels: str
    """Numbers of the labels, separated by spaces."""


class Section(NamedTuple):
    """A group of cards under a heading."""

    heading: str
    cards: list[Card]


def render_html(records: Iterable[Record], title: str) -> str:
    """Render all records as one self-contained page; the same records and title give the same bytes."""
    papers = list(records)
    facets = _number_labels(papers)
    numbers = {(entry.facet, chip.label): chip.number for entry in facets for chip in entry.chips}
    sections: list[Section] = []
    placed = 0
    for group in group_papers(papers):
        cards = [_card(place, paper, numbers) for place, paper in enumerate(group.papers, start=placed + 1)]
        sections.append(Section(group.heading, cards))
        placed += len(cards)
    only = next((entry.chips[0] for entry in facets if entry.facet == ONLY), None)
    others = [entry for entry in facets if entry.facet != ONLY]
    ledger = count_papers(papers)
    return _template().render(title=title, ledger=ledger, only=only, facets=others, sections=sections, signs=SIGNS)


def cut(text: str, spans: Iterable[tuple[int, int, int]]) -> list[Segment]:
    """Cut a text at every boundary of the spans (number, start, end), so that they may nest and cross freely.

    The pieces joined are the text. Spans that do not lie in it are left out.
    """
    inside = [span for span in spans if 0 <= span[1] < span[2] <= len(text)]
    closings = {found.end() for found in _BLANK_LINE.finditer(text)}
    opening: dict[int, list[int]] = {}
    closing: dict[int, list[int]] = {}
    for number, start, end in inside:
        opening.setdefault(start, []).append(number)
        closing.setdefault(end, []).append(number)
    places = sorted({0, len(text), *closings, *opening, *closing})
    segments = []
    # An item may have several spans that overlap, hence a list and not a set.
    active: list[int] = []
    for start, end in pairwise(places):
        for number in closing.get(start, ()):
            active.remove(number)
        active.extend(opening.get(start, ()))
        numbers = " ".join(map(str, sorted(set(active))))
        segments.append(Segment(text[start:end], numbers, end in closings and end < len(text)))
    return segments


def _number_labels(papers: Sequence[Record]) -> list[FacetChips]:
    facets = []
    number = 0
    for entry in count_labels(papers):
        chips = tuple(Chip(place, label, count) for place, (label, count) in enumerate(entry.counts, start=number))
        facets.append(FacetChips(entry.facet, chips))
        number += len(chips)
    return facets


def _card(number: int, record: Record, numbers: dict[tuple[str, str], int]) -> Card:
    items = Items(record)
    origin, rows, results, warnings = items.summary(), items.rows(), items.results(), items.warnings()
    return Card(
        number=number,
        record=record,
        url=web_address(record.url),
        title=_segments(record.title.strip() and record.title, "title", items.evidence),
        abstract=_segments(record.abstract.strip() and record.abstract, "abstract", items.evidence),
        summary=_pieces(record.tldr) if record.tldr else [],
        origin=origin,
        missing=missing(record),
        empty=empty(record),
        rows=rows,
        results=results,
        columns=[column for column in COLUMNS if any(getattr(result, column) for result in record.results)],
        links=[(link.url, link.kind, web_address(link.url) is not None) for link in record.links],
        warnings=warnings,
        labels=" ".join(str(numbers[label]) for label in labels(record)),
    )


def _segments(text: str, where: Literal["abstract", "title"], found: Iterable[Sequence[Evidence]]) -> list[Segment]:
    spans = [
        (number, quote.start, quote.end)
        for number, evidence in enumerate(found)
        for quote in evidence
        if quote.where == where and quote.start is not None and quote.end is not None
    ]
    return cut(text, spans)


def _pieces(tldr: Tldr) -> list[Piece]:
    # The longest first, so that 4.6 is not marked as 4; and never inside another number or name.
    written = "|".join(re.escape(word) for word in sorted(tldr.unsupported, key=len, reverse=True) if word)
    parts = re.split(rf"(?<![\w.])({written})(?!\d|[.,]\d)", tldr.text) if written else [tldr.text]
    return [Piece(part, unsupported=place % 2 == 1) for place, part in enumerate(parts) if part]


def _template() -> Template:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Whatever is printed passes here before it is escaped, so that no field can be forgotten.
        finalize=lambda value: visible(value) if isinstance(value, str) else value,
    )
    environment.filters["sha256"] = _sha256
    source = files("summarizer.writing").joinpath("digest.html.jinja").read_text(encoding="utf-8")
    return environment.from_string(source)


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
