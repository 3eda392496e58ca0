"""Tie every name, quote and number of an answer to the words of the paper, or mark what is not there.

A quote is `exact` when the text holds it as it is, and `folded` when it differs in white space alone (an abstract that
was wrapped at 78 columns is still the same abstract). Nothing else is forgiven: there is no edit distance here.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from summarizer.records import Answer, ClaimedResult, Evidence, Link, Mention, Method, Paper, Result, Tldr

#: A number as papers write it: 3, 79.70, 1,000, .5; the 50 of ResNet50 and the 1.5 of v1.5 belong to names.
#: The first character is looked for before what stands in front of it: three times faster over a whole abstract.
_NUMBER = re.compile(r"[.\d](?<![\w.].)(?:(?<=\.)\d+|(?<=\d)(?:\d{0,2}(?:,\d{3})+|\d*)(?:\.\d+)?)")
_MINUS = re.compile(r"(?:^|[^\w)\]%.])[-\u2212]$")
#: White space that a wrapped or pasted text has and a quote of it may not have.
_WRAPPED = re.compile(r"\s\s|[^\S ]")
#: Scripts that do not put spaces between words: Thai to Khmer, Japanese, Chinese, Korean particles.
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003ffff]"
)
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


def ground(answer: Answer, paper: Paper) -> Grounded:
    """Find the evidence of every entry; entries that repeat an earlier one are dropped and counted."""
    methods = tuple(
        Method(name=method.name, role=method.role, evidence=find(method.name, paper))
        for method in dict.fromkeys(answer.methods)
    )
    results = tuple(
        Result(
            **result.model_dump(exclude={"evidence"}),
            number=parse_number(result.value),
            evidence=find(result.evidence, paper),
        )
        for result in dict.fromkeys(answer.results)
    )
    tasks = _mentions(answer.tasks, paper)
    datasets = _mentions(answer.datasets, paper)
    metrics = _mentions(answer.metrics, paper)
    given = sum(map(len, (answer.tasks, answer.methods, answer.datasets, answer.metrics, answer.results)))
    kept = sum(map(len, (tasks, methods, datasets, metrics, results)))
    return Grounded(
        tldr=Tldr(text=answer.tldr, unsupported=unsupported_numbers(answer.tldr, paper)),
        tasks=tasks,
        methods=methods,
        datasets=datasets,
        metrics=metrics,
        results=results,
        links=find_links(paper.abstract),
        unsupported_values=unsupported_numbers(" ".join(_values(answer.results)), paper),
        repeated=given - kept,
    )


def find(quote: str, paper: Paper) -> Evidence:
    """The first place where the abstract, or else the title, holds the quote as whole words."""
    places: tuple[tuple[Literal["abstract", "title"], str], ...] = (
        ("abstract", paper.abstract),
        ("title", paper.title),
    )
    for where, text in places:
        if (start := _find_whole(quote, text)) is not None:
            return Evidence(quote=quote, start=start, end=start + len(quote), match="exact", where=where)
    words = quote.split()
    for where, text in places:
        if words and (_WRAPPED.search(text) or " ".join(words) != quote):
            for found in re.finditer(r"\s+".join(map(re.escape, words)), text):
                if _is_whole(text, found.start(), found.end()):
                    return Evidence(quote=quote, start=found.start(), end=found.end(), match="folded", where=where)
    return Evidence(quote=quote, match="absent")


def parse_number(text: str) -> float | None:
    """The one number that the text consists of, besides its unit; None when there is none or more than one."""
    numbers = _numbers(text)
    return numbers[0][1] if len(numbers) == 1 else None


def unsupported_numbers(text: str, paper: Paper) -> tuple[str, ...]:
    """Numbers of the text that neither the abstract nor the title has, as written."""
    # Most numbers are copied as they are, and looking for those is faster than reading all numbers of the abstract.
    claimed = [(written, value) for written, value in _numbers(text) if not _is_copied(written, paper.abstract)]
    if not claimed:
        return ()
    known = {value for source in (paper.abstract, paper.title) for _, value in _numbers(source)}
    return tuple(dict.fromkeys(written for written, value in claimed if value not in known))


def find_links(abstract: str) -> tuple[Link, ...]:
    """URLs as written, without the punctuation of the sentence around them."""
    if "://" not in abstract:
        return ()
    urls = dict.fromkeys(_trim_url(found.group()) for found in _URL.finditer(abstract))
    return tuple(Link(url=url, kind=_link_kind(url)) for url in urls)


def _is_copied(written: str, text: str) -> bool:
    start = _find_whole(written, text)
    return start is not None and text[start - 1 : start] not in ("-", "\u2212")


def _values(results: Iterable[ClaimedResult]) -> Iterator[str]:
    for result in results:
        yield result.value
        if result.baseline_value is not None:
            yield result.baseline_value


def _mentions(names: Iterable[str], paper: Paper) -> tuple[Mention, ...]:
    return tuple(Mention(name=name, evidence=find(name, paper)) for name in dict.fromkeys(names))


def _find_whole(quote: str, text: str) -> int | None:
    start = text.find(quote)
    while start >= 0:
        if _is_whole(text, start, start + len(quote)):
            return start
        start = text.find(quote, start + 1)
    return None


def _is_whole(text: str, start: int, end: int) -> bool:
    return _is_boundary(text, start) and _is_boundary(text, end)


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
    return True


def _numbers(text: str) -> list[tuple[str, float]]:
    found = []
    for match in _NUMBER.finditer(text):
        # A minus belongs to the number, a hyphen or the dash of a range does not.
        sign = match.start() and _MINUS.match(text, max(match.start() - 2, 0), match.start())
        written = f"{text[match.start() - 1]}{match.group()}" if sign else match.group()
        value = float(match.group().replace(",", ""))
        found.append((written, -value if sign else value))
    return found


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
