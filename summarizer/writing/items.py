"""What a record names, as items of a page: each with its marks, and with the words that it rests on."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from summarizer.records import Caution, Evidence, Facet, Record, Result, Tag
from summarizer.writing.grouping import FACETS, amount
from summarizer.writing.support import (
    ABSENT_QUOTE,
    COLUMNS,
    FOLDED,
    SIGNS,
    Mark,
    Part,
    Sign,
    evidence_mark,
    flag_marks,
    quote_words,
    raw_words,
    says,
)


class Item(NamedTuple):
    """Something that was extracted, and how well it is supported."""

    number: int
    text: str
    note: str
    marks: tuple[Mark, ...]
    sign: Sign | None
    """What the text itself is; a quote may be absent where the text is not."""
    tips: tuple[str, ...]
    """What is shown when a reader asks: the words of the paper, or what they do not say."""
    checked: bool
    """False for a label of a closed list, which stands for no words in particular."""


class Cell(NamedTuple):
    """What a result says beside its value."""

    column: Part
    text: str
    marks: tuple[Mark, ...]


class Row(NamedTuple):
    """One result: its value as an item, and the other cells."""

    item: Item
    cells: tuple[Cell, ...]
    quote: str
    """The words that alone say what the value is about, where no cell does; else empty."""
    quote_mark: Mark | None


class Items:
    """The items of one record, numbered in order of appearance."""

    def __init__(self, record: Record) -> None:
        """Nothing is numbered yet."""
        self._record = record
        self.evidence: list[Sequence[Evidence]] = []
        """Of each item, by its number."""

    def rows(self) -> list[tuple[str, list[Item]]]:
        """What the record names, kind by kind; kinds without an item are left out."""
        record = self._record
        rows = [
            ("tags", [item for facet in FACETS for item in self._tags(record.tags, facet)]),
            ("proposed tags", [item for facet in FACETS for item in self._tags(record.proposed_tags, facet)]),
            ("methods", [self._name(entry.name, [entry.evidence], entry.role) for entry in record.methods]),
            ("datasets", [self._name(entry.name, [entry.evidence]) for entry in record.datasets]),
            ("metrics", [self._name(entry.name, [entry.evidence]) for entry in record.metrics]),
        ]
        return [row for row in rows if row[1]]

    def results(self) -> list[Row]:
        """The results, each a row of a table."""
        return [self._result(result) for result in self._record.results]

    def summary(self) -> Item | None:
        """Where the sentence stands that stands in for a summary."""
        tldr = self._record.tldr
        if tldr is None or tldr.origin == "model" or tldr.evidence is None:
            return None
        return self._add("a sentence of the abstract", [tldr.evidence], tips=[self._tip(tldr.text, tldr.evidence)])

    def warnings(self) -> list[tuple[str, list[tuple[str, Item | None]]]]:
        """The warnings, those of one code together: each message, with the words that it is about if there are any."""
        grouped: dict[str, list[tuple[str, Item | None]]] = {}
        for warning in self._record.warnings:
            grouped.setdefault(warning.code, []).append((warning.message, self._warned(warning)))
        return list(grouped.items())

    def _tags(self, tags: Iterable[Tag], facet: Facet) -> list[Item]:
        # Several mentions may have become one label: it is shown once and lights up all of them.
        evidence: dict[str, list[Evidence]] = {}
        for tag in tags:
            if tag.facet == facet:
                evidence.setdefault(tag.label, []).extend([tag.evidence] if tag.evidence else [])
        return [self._name(label, quotes, facet) for label, quotes in evidence.items()]

    def _name(self, text: str, evidence: Sequence[Evidence], note: str = "") -> Item:
        marks = [mark for quote in evidence if (mark := evidence_mark(text, quote))]
        return self._add(text, evidence, note, marks, [self._tip(text, quote) for quote in evidence])

    def _result(self, result: Result) -> Row:
        value, quote = result.value_evidence, result.evidence
        cells = tuple(
            Cell(column, getattr(result, column) or "", tuple(flag_marks(result, column))) for column in COLUMNS
        )
        # Where no cell says what the value is about, the quote is shown, and the mark of the quote stands there.
        bare = not any(cell.text for cell in cells)
        marks = flag_marks(result, "value")
        marks += [ABSENT_QUOTE] if quote.match == "absent" and not bare else []
        marks += [FOLDED] if "folded" in (value.match, quote.match) else []
        folded = f"{SIGNS['folded']} The number as it stands there: “{raw_words(self._record, value)}”"
        tips = [self._tip("", quote), folded if value.match == "folded" else ""]
        # A score that is reached needs no word for it; a change and a finding do.
        item = self._add(amount(result), [quote, value], result.kind.replace("absolute", ""), marks, tips)
        return Row(item, cells, quote_words(self._record, quote) if bare else "", evidence_mark(quote.quote, quote))

    def _warned(self, warning: Caution) -> Item | None:
        if warning.evidence is None:
            return None
        quote = warning.evidence
        mark = evidence_mark(quote.quote, quote)
        return self._add(quote.quote, [quote], "", [mark] if mark else [], [warning.message])

    def _add(
        self,
        text: str,
        evidence: Sequence[Evidence],
        note: str = "",
        marks: Sequence[Mark] = (),
        tips: Sequence[str] = (),
    ) -> Item:
        self.evidence.append(evidence)
        # What is said of the quote is not said of the text.
        signs = [mark.sign for mark in marks if mark != ABSENT_QUOTE]
        sign = next((sign for sign in SIGNS if sign in signs), None)
        shown = tuple(dict.fromkeys(filter(None, tips)))
        return Item(len(self.evidence) - 1, text, note, tuple(dict.fromkeys(marks)), sign, shown, bool(evidence))

    def _tip(self, text: str, quote: Evidence) -> str:
        if quote.match == "exact":
            return "" if quote.quote == text else f"“{quote.quote}”"
        if quote.match == "folded":
            given = "" if says(text, quote) else f", given as “{quote.quote}”"
            return f"{SIGNS['folded']} In the {quote.where}: “{raw_words(self._record, quote)}”{given}"
        return f"{SIGNS['unsupported']} Not in the abstract: “{quote.quote}”"
