"""The abstract and the title of one paper, in which quotes, names and numbers are looked up.

A quote is `exact` when the text holds it as it is, and `folded` when both look alike to a reader (`folding`). Nothing
else is forgiven: there is no edit distance here. A number is supported when the text has one of the same value, sign
and unit (`quantities`).
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice
from typing import Literal, NamedTuple

from summarizer.folding import Folded, fold
from summarizer.names import Name, derived, forms, names, parts, spelled_out
from summarizer.quantities import Quantity, Written, quantities, readings
from summarizer.records import Evidence, Paper
from summarizer.sentences import sentences

Where = Literal["abstract", "title"]

#: Scripts that do not put spaces between words: Thai to Khmer, Japanese, Chinese, Korean particles.
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003ffff]"
)
#: What goes on with a name or a number behind its end: the 4 of GPT-4, the C of ImageNet-C, a percent sign, a power.
_GOES_ON = re.compile(r"-(?:\d|[A-Z](?![^\W_]))|(?:\s|~|\\[,;:! ])*\\?%|\s?\^|<su[bp]\b")
#: What an ampersand begins that is none.
_ENTITY = re.compile(r"&(?:#\w+|[A-Za-z]\w+);")
_SIGN = re.compile(r"(?:^|[^\w)\]%.])[-\u2212]$")
_HYPHENS = ("-", "\u2010", "\u2011")


class Number(NamedTuple):
    """A number of a text with its place there."""

    start: int
    end: int
    written: Written


class Place(NamedTuple):
    """Where a quote stands."""

    where: Where
    start: int
    end: int
    match: Literal["exact", "folded"]


def numbers_of(text: str) -> list[Number]:
    """The numbers of a text, in order; their spans hold sign and unit."""
    folded = fold(text, joined=False)
    return [Number(*folded.raw_span(written.start, written.end), written) for written in quantities(folded.text)]


class Passages:
    """The abstract and the title of one paper, in which quotes and numbers are looked up."""

    def __init__(self, paper: Paper) -> None:
        """Nothing is folded before a quote is not found as it is."""
        self._abstract, self._title = _Passage(paper.abstract), _Passage(paper.title)
        self._passages: tuple[tuple[Where, _Passage], ...] = ("abstract", self._abstract), ("title", self._title)

    def find(self, quote: str, taken: Sequence[tuple[int, int]] = ()) -> Evidence:
        """A place where the abstract, or else the title, holds the quote as whole words and numbers.

        It is the first that lies in no span of the abstract that is `taken`, or the first where all of them do.
        """
        first: Place | None = None
        for place in self.places(quote):
            if not taken or place.where == "title" or not _lies_in((place.start, place.end), taken):
                return as_evidence(quote, place)
            first = first or place
        return as_evidence(quote, first) if first else Evidence(quote=quote, match="absent")

    def places(self, quote: str) -> Iterator[Place]:
        """All places of the quote: those that hold it as it is, or where there are none those that look alike."""
        found = False
        for where, passage in self._passages:
            for start, end in passage.exact(quote):
                found = True
                yield Place(where, start, end, "exact")
        wanted = "" if found else fold(quote).text.strip()
        for where, passage in self._passages if wanted else ():
            for start, end in passage.alike(wanted):
                yield Place(where, start, end, "folded")

    @property
    def abstract(self) -> str:
        """The abstract as it is."""
        return self._abstract.raw

    @property
    def numbers(self) -> list[Number]:
        """The numbers of the abstract."""
        return self._abstract.numbers

    def sentence(self, place: int) -> tuple[int, int]:
        """The sentence of the abstract that holds this place."""
        return next((span for span in self._sentences if span[0] <= place < span[1]), (0, len(self.abstract)))

    @cached_property
    def _sentences(self) -> list[tuple[int, int]]:
        return sentences(self.abstract)

    def unsupported(self, text: str, *, english: bool = True) -> tuple[str, ...]:
        """Numbers and names of a summary that the paper does not have: neither the abstract nor the title, in any form.

        Numbers come as written and with their unit.
        """
        numbers = numbers_of(text)
        found = [name for name in names(text) if not any(_overlap(name, number) for number in numbers)]
        foreign = [name.word for name in found if (english or name.shaped) and not self._knows(name)]
        return tuple(dict.fromkeys((*self._foreign(text, numbers), *foreign)))

    def unsupported_numbers(self, text: str) -> tuple[str, ...]:
        """The numbers alone."""
        return tuple(dict.fromkeys(self._foreign(text, numbers_of(text))))

    def _foreign(self, text: str, numbers: list[Number]) -> Iterator[str]:
        for number in numbers:
            if not self._supports(number.written):
                yield text[number.start : number.end]

    def _supports(self, number: Written) -> bool:
        if not number.claimed:
            return True
        return any(not number.readings.isdisjoint(passage.readings) for _, passage in self._passages)

    def _knows(self, name: Name) -> bool:
        if any(True for form in forms(name) for _ in self.places(form)):
            return True
        if (pieces := parts(name)) and all(map(self._knows, pieces)):
            return True
        return any(spelled_out(name.word, passage.raw) or passage.derives(name) for _, passage in self._passages)


class _Passage:
    def __init__(self, raw: str) -> None:
        self.raw = raw

    @cached_property
    def _folded(self) -> Folded:
        return fold(self.raw)

    @cached_property
    def numbers(self) -> list[Number]:
        return numbers_of(self.raw)

    @cached_property
    def readings(self) -> frozenset[Quantity]:
        return readings(number.written for number in self.numbers)

    def derives(self, name: Name) -> bool:
        """Whether an ordinary word that opens a sentence is another form of a word that is here."""
        return name.initial and not name.shaped and derived(name.word, self._folded.text)

    def exact(self, quote: str) -> Iterator[tuple[int, int]]:
        """The places that hold the quote as it is."""
        for start in _occurrences(quote, self.raw):
            if _is_whole(self.raw, start, start + len(quote)):
                yield start, start + len(quote)

    def alike(self, wanted: str) -> Iterator[tuple[int, int]]:
        """The places that fold to this text."""
        folded = self._folded
        for place in _occurrences(wanted, folded.text):
            start, end = folded.raw_span(place, place + len(wanted))
            if self._is_whole(place, place + len(wanted), start, end):
                yield from islice(self._alone(start, end, wanted), 1)

    def _alone(self, start: int, end: int, wanted: str) -> Iterator[tuple[int, int]]:
        """The span, if alone it means the same as in its place: half of a formula or of a tag does not.

        A formula is taken with the mark that closes or opens it: alone, `$5` is money.
        """
        for first, last in ((start, end), (start, end + 1), (start - 1, end)):
            is_mark = (first, last) == (start, end) or "$" in self.raw[max(first, 0) : start] + self.raw[end:last]
            if first >= 0 and is_mark and fold(self.raw[first:last]).text.strip() == wanted:
                yield first, last

    def _is_whole(self, place: int, stop: int, start: int, end: int) -> bool:
        text, before = self._folded.text, self.raw[max(start - 8, 0) : start].rstrip()
        # A quote may well begin or end at a hyphen that folding dropped.
        begins = _begins(text, place) or (before.endswith(_HYPHENS) and text[place - 1] != "-")
        return begins and (_ends(text, stop) or (self.raw[end : end + 1] in _HYPHENS and text[stop] != "-"))


def _is_joint(text: str, place: int) -> bool:
    """Whether a hyphen joins a name or a number to a number: neither `BrookNet-` nor `-2` is in `BrookNet-2`."""
    around = text[max(place - 1, 0) : place + 2]
    return around[1:2] in _HYPHENS and around[0].isalnum() and around[2:].isdigit()


def as_evidence(quote: str, place: Place) -> Evidence:
    """The evidence of a quote that stands there."""
    return Evidence(quote=quote, start=place.start, end=place.end, match=place.match, where=place.where)


def _overlap(name: Name, number: Number) -> bool:
    return number.start < name.end and name.start < number.end


def _lies_in(span: tuple[int, int], taken: Sequence[tuple[int, int]]) -> bool:
    return any(start <= span[0] and span[1] <= end for start, end in taken)


def _occurrences(quote: str, text: str) -> Iterator[int]:
    start = text.find(quote)
    while start >= 0:
        yield start
        start = text.find(quote, start + 1)


def _is_whole(text: str, start: int, end: int) -> bool:
    return _begins(text, start) and _ends(text, end)


def _begins(text: str, place: int) -> bool:
    # `79` is not in `-79`, nor `3` in `[-3`.
    if text[place].isdigit() and _SIGN.search(text, max(place - 2, 0), place):
        return False
    return _is_boundary(text, place) and not _is_joint(text, place)


def _ends(text: str, place: int) -> bool:
    if text[place - 1].isalnum() and _GOES_ON.match(text, place):
        return False
    if text[place - 1] == "&" and _ENTITY.match(text, place - 1):
        return False
    return _is_boundary(text, place) and not _is_joint(text, place - 1)


def _is_boundary(text: str, place: int) -> bool:
    # A span may not cut a word or a number in two: `Adam` is not in `Adamax`, nor `79` in `79.12`.
    before, after = text[place - 1 : place] if place else " ", text[place : place + 1]
    if before == " " or after == " ":  # nearly always
        return True
    if before.isalnum() and after.isalnum():
        return bool(_UNSPACED.match(before) or _UNSPACED.match(after))
    if before.isdigit() and after in (".", ","):
        return not text[place + 1 : place + 2].isdigit()
    if before in (".", ",") and after.isdigit():
        return not text[max(place - 2, 0) : place - 1].isdigit()
    return not (after and unicodedata.combining(after))
