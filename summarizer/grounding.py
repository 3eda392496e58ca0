"""Tie every name, quote and number of an answer to the words of the paper, or mark what is not there.

A quote is `exact` when the text holds it as it is, and `folded` when both look alike to a reader (`folding`). Nothing
else is forgiven: there is no edit distance here. A number is supported when the text has one of the same value, sign
and unit (`quantities`).
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Literal

from summarizer.folding import Folded, fold
from summarizer.names import Name, derived, forms, names, parts, spelled_out
from summarizer.quantities import Quantity, Written, quantities, readings
from summarizer.records import Answer, ClaimedResult, Evidence, Link, Mention, Method, Paper, Result, Tldr

#: Scripts that do not put spaces between words: Thai to Khmer, Japanese, Chinese, Korean particles.
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003ffff]"
)
#: What goes on with a name or a number behind its end: the 4 of GPT-4, the C of ImageNet-C, a percent sign, a power.
_GOES_ON = re.compile(r"-(?:\d|[A-Z](?![^\W_]))|\\?%|\s?\^|<su[bp]\b")
_SIGN = re.compile(r"(?:^|[^\w)\]%.])[-\u2212]$")
#: Characters before and behind a number, at least, in which its sign and unit are looked for.
_NEARBY = 24
#: Places that are looked at one by one; with more, reading the whole text is faster.
_MOST_LOOKS = 8
_DIGITS = re.compile(r"\d(?:[\d.,]*\d)?")
_HYPHENS = ("-", "\u2010", "\u2011")
_URL = re.compile(r"https?://[^\s<>\"'{}|\\^`\[\]]+", re.IGNORECASE)
_CODE_HOSTS = ("github.com", "gitlab.com", "bitbucket.org", "codeberg.org", "pypi.org")
_DATA_HOSTS = ("zenodo.org", "figshare.com", "kaggle.com", "huggingface.co/datasets", "dataverse.org")


@dataclass(frozen=True, slots=True)
class Grounded:
    """The fields of a record that come from an answer, each with its evidence."""

    tldr: Tldr
    tasks: tuple[Mention, ...]
    methods: tuple[Method, ...]
    datasets: tuple[Mention, ...]
    metrics: tuple[Mention, ...]
    results: tuple[Result, ...]
    links: tuple[Link, ...]
    unsupported_values: tuple[str, ...]
    """Values and baseline values of results that are numbers the paper does not have."""
    repeated: int
    """How many entries were dropped because the same entry stands before them."""

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The evidence of every entry."""
        return (
            *(mention.evidence for mention in (*self.tasks, *self.datasets, *self.metrics)),
            *(method.evidence for method in self.methods),
            *(result.evidence for result in self.results),
        )

    @property
    def complete(self) -> bool:
        """Whether everything was found."""
        if self.tldr.unsupported or self.unsupported_values:
            return False
        return all(evidence.match != "absent" for evidence in self.evidence)


def ground(answer: Answer, paper: Paper, *, english: bool = True) -> Grounded:
    """Find the evidence of every entry; entries that repeat an earlier one are dropped and counted.

    Other languages than English capitalize other words: in a summary in one, only what has a capital or a digit inside
    is taken for a name.
    """
    passages = Passages(paper)
    methods = tuple(
        Method(name=method.name, role=method.role, evidence=passages.find(method.name))
        for method in dict.fromkeys(answer.methods)
    )
    results = tuple(
        Result(
            **result.model_dump(exclude={"evidence"}),
            number=parse_number(result.value),
            evidence=passages.find(result.evidence),
        )
        for result in dict.fromkeys(answer.results)
    )
    tasks, datasets, metrics = (
        tuple(Mention(name=name, evidence=passages.find(name)) for name in dict.fromkeys(names))
        for names in (answer.tasks, answer.datasets, answer.metrics)
    )
    given = sum(map(len, (answer.tasks, answer.methods, answer.datasets, answer.metrics, answer.results)))
    kept = sum(map(len, (tasks, methods, datasets, metrics, results)))
    return Grounded(
        tldr=Tldr(text=answer.tldr, unsupported=passages.unsupported(answer.tldr, english=english)),
        tasks=tasks,
        methods=methods,
        datasets=datasets,
        metrics=metrics,
        results=results,
        links=find_links(paper.abstract),
        unsupported_values=passages.unsupported_numbers("; ".join(_values(answer.results))),
        repeated=given - kept,
    )


class Passages:
    """The abstract and the title of one paper, in which quotes and numbers are looked up."""

    def __init__(self, paper: Paper) -> None:
        """Nothing is folded before a quote is not found as it is."""
        self._abstract, self._title = _Passage(paper.abstract), _Passage(paper.title)

    def find(self, quote: str) -> Evidence:
        """The first place where the abstract, or else the title, holds the quote as whole words and numbers."""
        places: tuple[tuple[Literal["abstract", "title"], _Passage], ...]
        places = ("abstract", self._abstract), ("title", self._title)
        for where, passage in places:
            for start, end in passage.exact(quote):
                return Evidence(quote=quote, start=start, end=end, match="exact", where=where)
        wanted = fold(quote).text.strip()
        for where, passage in places if wanted else ():
            for start, end in passage.alike(wanted):
                return Evidence(quote=quote, start=start, end=end, match="folded", where=where)
        return Evidence(quote=quote, match="absent")

    def unsupported(self, text: str, *, english: bool = True) -> tuple[str, ...]:
        """Numbers and names of a summary that the paper does not have: neither the abstract nor the title, in any form.

        Numbers come as written and with their unit.
        """
        numbers = _numbers(text)
        spans = [(start, end) for start, end, _ in numbers]
        found = [name for name in names(text) if not any(start < name.end and name.start < end for start, end in spans)]
        foreign = [name.word for name in found if (english or name.shaped) and not self._knows(name)]
        return tuple(dict.fromkeys((*self._foreign(text, numbers), *foreign)))

    def unsupported_numbers(self, text: str) -> tuple[str, ...]:
        """The numbers alone."""
        return tuple(dict.fromkeys(self._foreign(text, _numbers(text))))

    def _foreign(self, text: str, numbers: list[tuple[int, int, Written]]) -> Iterator[str]:
        for start, end, number in numbers:
            if number.claimed and not self._has(text[start:end], number.readings):
                yield text[start:end]

    def _knows(self, name: Name) -> bool:
        if any(self.find(form).match != "absent" for form in forms(name)):
            return True
        if (pieces := parts(name)) and all(map(self._knows, pieces)):
            return True
        return any(
            spelled_out(name.word, passage.raw) or passage.derives(name) for passage in (self._abstract, self._title)
        )

    def _has(self, written: str, meant: frozenset[Quantity]) -> bool:
        # Most numbers are copied as they are, and looking for those is faster than reading the whole abstract.
        return self._abstract.says(written, meant) or not self._known.isdisjoint(meant)

    @cached_property
    def _known(self) -> frozenset[Quantity]:
        return self._abstract.numbers | self._title.numbers


def _numbers(text: str) -> list[tuple[int, int, Written]]:
    """The numbers of a text with their places in it."""
    folded = fold(text, joined=False)
    return [(*folded.raw_span(number.start, number.end), number) for number in quantities(folded.text)]


class _Passage:
    def __init__(self, raw: str) -> None:
        self.raw = raw

    @cached_property
    def _folded(self) -> Folded:
        return fold(self.raw)

    @cached_property
    def numbers(self) -> frozenset[Quantity]:
        return readings(quantities(fold(self.raw, joined=False).text))

    def derives(self, name: Name) -> bool:
        """Whether an ordinary word that opens a sentence is another form of a word that is here."""
        return name.initial and not name.shaped and derived(name.word, self._folded.text)

    def says(self, written: str, meant: frozenset[Quantity]) -> bool:
        """Whether a place that holds a number as it is written is read so, from the words around it alone."""
        digits = _DIGITS.search(written)
        for start in islice(_occurrences(digits.group() if digits else written, self.raw), _MOST_LOOKS):
            begin = self.raw.rfind(" ", 0, max(start - _NEARBY, 0)) + 1
            end = self.raw.find(" ", start + len(written) + _NEARBY)
            for first, last, number in _numbers(self.raw[begin : end if end >= 0 else None]):
                if begin + first <= start < begin + last and not meant.isdisjoint(number.readings):
                    return True
        return False

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
            # Alone, the words have to mean the same as in their place: half of a formula or of a tag does not.
            if (
                self._is_whole(place, place + len(wanted), start, end)
                and fold(self.raw[start:end]).text.strip() == wanted
            ):
                yield start, end

    def _is_whole(self, place: int, stop: int, start: int, end: int) -> bool:
        text, before = self._folded.text, self.raw[max(start - 8, 0) : start].rstrip()
        # A quote may well begin or end at a hyphen that folding dropped.
        begins = _begins(text, place) or (before.endswith(_HYPHENS) and text[place - 1] != "-")
        return begins and (_ends(text, stop) or (self.raw[end : end + 1] in _HYPHENS and text[stop] != "-"))


def parse_number(text: str) -> float | None:
    """The one number that the text consists of, besides its unit; None when there is none or more than one."""
    found = quantities(fold(text, joined=False).text)
    if len(found) != 1:
        return None
    (value,) = {quantity.value for quantity in found[0].readings}
    return float(value)


def find_links(abstract: str) -> tuple[Link, ...]:
    """URLs as written, without the punctuation of the sentence around them."""
    if "://" not in abstract:
        return ()
    urls = dict.fromkeys(_trim_url(found.group()) for found in _URL.finditer(abstract))
    return tuple(Link(url=url, kind=_link_kind(url)) for url in urls)


def _values(results: Iterable[ClaimedResult]) -> Iterator[str]:
    for result in results:
        yield f"{result.value} {result.unit}"
        if result.baseline_value is not None:
            yield f"{result.baseline_value} {result.unit}"


def _occurrences(quote: str, text: str) -> Iterator[int]:
    start = text.find(quote)
    while start >= 0:
        yield start
        start = text.find(quote, start + 1)


def _is_whole(text: str, start: int, end: int) -> bool:
    return _begins(text, start) and _ends(text, end)


def _begins(text: str, place: int) -> bool:
    # `79` is not in `-79`, nor `3` in `[-3`.
    return _is_boundary(text, place) and not (
        text[place].isdigit() and _SIGN.search(text, max(place - 2, 0), place) is not None
    )


def _ends(text: str, place: int) -> bool:
    return _is_boundary(text, place) and not (text[place - 1].isalnum() and _GOES_ON.match(text, place))


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


def _trim_url(url: str) -> str:
    end, unopened = len(url), url.count(")") - url.count("(")
    while end and (url[end - 1] in ".,;:!?*_" or (url[end - 1] == ")" and unopened > 0)):
        end -= 1
        unopened -= url[end] == ")"
    return url[:end]


def _link_kind(url: str) -> Literal["code", "data", "other"]:
    if any(host in url for host in _DATA_HOSTS):
        return "data"
    return "code" if any(host in url for host in _CODE_HOSTS) else "other"
