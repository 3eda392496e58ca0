"""Results read by rule: each number of the abstract that looks like a claim, with what its sentence says of it.

For answers in lines, which hold none. The value comes from the text, so that it cannot be invented; metric, data set
and method are names that the answer has already, or well-known measures. How often they are right stands in
`docs/records.md`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

from summarizer.passages import Number, Passages
from summarizer.records import Answer, ClaimedResult, Limits, ResultKind
from summarizer.results import MEASURES, RANGE, claimed_numbers

Span = tuple[int, int]

#: What is between two numbers when the first is where it came from: `from 77.98% to 79.70%`.
_FROM: Final = re.compile(r"\bfrom\s+(?:about |around |roughly |approximately )?$", re.IGNORECASE)
_TO: Final = re.compile(
    r"\W{0,3}\s*(?:up |down )?to\s+(?:(?:about|around|roughly|approximately|below|above|over|only|just) )?",
    re.IGNORECASE,
)
#: What stands before a number that is a difference or a ratio.
_BY: Final = re.compile(
    r"\b(?:by|an?|of)\s+(?:(?:an?|up to|over|more than|at least|about|around|roughly|nearly|almost|approximately"
    r"|as much as|average|an average of|on average|absolute|relative|a factor of|factor of|margin of|further|another"
    r"|only)\s+)*[+~$]?$",
    re.IGNORECASE,
)
_CHANGE_BEFORE: Final = re.compile(
    r"\b(?:improv|increas|decreas|reduc|gain|drop|lower|rais|boost|speed[- ]?up|outperform|surpass|exceed|sav|cut"
    r"|shrink|accelerat|compress|fall|rise|better|worse|loss|degrad|enhanc|beat)\w*(?:[^.;]|\.\d){0,80}$",
    re.IGNORECASE,
)
_CHANGE_BEHIND: Final = re.compile(
    r"\s*(?:absolute|relative|average|overall|accuracy|F1|BLEU|AP|mAP|wall[- ]clock|inference|training)?\s*"
    r"(?:points?\s+)?(?:absolute |relative )?(?:improvement|reduction|increase|decrease|gain|drop|speed[- ]?ups?|boost"
    r"|saving|faster|slower|smaller|larger|fewer|less|more|longer|shorter|better|higher|lower|worse|cheaper|easier"
    r"|over\b|compared|relative to|margin|degradation|compression)",
    re.IGNORECASE,
)
_CHANGED_UNITS: Final = re.compile(
    r"^(?:x|\u00d7|times|folds?|-fold|points?|%?-?\s?points?|percentage points?|pp|pts?)$", re.IGNORECASE
)
#: What tells that something was found about the world, and no score reached.
_FINDING: Final = re.compile(
    r"\b(?:account\w* for|explain\w*|contain\w*|consist\w*|cover\w*|make up|compris\w*|only|of (?:all|the)|find that"
    r"|found that|observe|converges? to|correspond\w* to|agree\w*|occur\w*|happen\w*|share of|fraction of"
    r"|proportion of)\b[^.;]{0,40}$",
    re.IGNORECASE,
)
#: Between a value and the one that it is compared with, at most so many characters apart.
_COMPARED: Final = re.compile(
    r"\b(?:compared (?:to|with|against)|versus|vs\.?|as opposed to|instead of|in contrast to|against)\s+"
    r"(?:[\w-]+\s+){0,5}$",
    re.IGNORECASE,
)
_FAR: Final = 80
#: Characters in which the numbers of a list are looked for; a hostile one may go on for a whole abstract.
_LIST: Final = 400
#: Between numbers of which the same is said.
_ONE: Final = r"[~+$\\]*\d[\d.,]*\s?\\?(?:%|x|points?)?\$?"
_ALSO: Final = r"(?:,|,?\s(?:and|or))\s+(?:(?:more than|over|up to|about|around|approx\w*|nearly|also|a|an)\s*)*"
_LISTED_BEHIND: Final = re.compile(rf"{_ALSO}{_ONE}", re.IGNORECASE)
_LISTED_BEFORE: Final = re.compile(rf"{_ONE}{_ALSO}$", re.IGNORECASE)
#: Measures by their names, for sentences in which the answer has none.
_MEASURES: Final = re.compile(
    r"\b(?:(?:top-?\s?[15]|mean|average|overall|test|validation|classification|zero-shot|word|character|phone|label"
    r"|exact|relative|mean absolute|mean squared|root mean squared?|transfer|linear)\s+){0,3}"
    r"(?:accurac(?:y|ies)|error(?: rate)?s?|precision|recall|perplexity|F1(?:[- ]scores?)?|F-?scores?|F-?measure"
    r"|BLEU(?:-\d)?|AP\d*|Dice(?: scores?| coefficient)?|NMI|exact match|inference time|training time|latency"
    rf"|throughput|speed-?ups?|compression rate|correlation|success rate|win rate|Cohen's Kappa|{MEASURES})\b"
)
_ON: Final = re.compile(r"\b(?:on|in|for|of|across)\s+(?:the\s+)?(?:[\w-]+\s+){0,3}$", re.IGNORECASE)
_DIGITS: Final = re.compile(r"(?<![\w-])\d")
_POWER: Final = (
    r"\s?(?:[x\u00d7\u00b7]|\\times|\\cdot)\s?10"
    r"(?:\^?\s?\{?[-\u2212\u2013]?\d+\}?|[\u207a\u207b]?[\u2070\u00b9\u00b2\u00b3\u2074-\u2079]+)"
)
_VALUE: Final = re.compile(rf"[+\u2212-]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:{_POWER}|[eE][-+]?\d+|\s?[kKMB](?![A-Za-z]))?")


class _Claim(NamedTuple):
    """A number that is claimed: its span in the abstract, what it is compared with, and the span of both."""

    start: int
    end: int
    value: str
    unit: str
    around: Span
    baseline: str | None = None


def claimed_results(answer: Answer, passages: Passages, limits: Limits) -> tuple[ClaimedResult, ...]:
    """The claims of the abstract, in its order, as many and as long as an answer may hold.

    Methods of the answer have their roles already: what is claimed is mostly claimed of what is proposed. What is said
    twice in the same words is one result.
    """
    # As long as the abstract, so that places are the same in both.
    text = re.sub(r"\s", " ", passages.abstract)
    found = (_result(claim, answer, passages, text, limits) for claim in _compared(_claims(passages, text), passages))
    return tuple(dict.fromkeys(islice((result for result in found if result is not None), limits.results)))


def _compared(claims: Iterable[_Claim], passages: Passages) -> Iterator[_Claim]:
    """Claims with what they are compared with: `34.4% ... compared to 33.0%` is one."""
    before: _Claim | None = None
    for claim in claims:
        if before and _is_baseline(claim, before, passages):
            before = before._replace(baseline=claim.value, around=(before.start, claim.end))
            continue
        if before:
            yield before
        before = claim
    if before:
        yield before


def _is_baseline(claim: _Claim, before: _Claim, passages: Passages) -> bool:
    """Whether the claim is what the one before it is compared with."""
    if before.baseline is not None or before.unit != claim.unit or claim.start >= passages.sentence(before.start)[1]:
        return False
    between = passages.abstract[before.end : claim.start]
    return len(between) < _FAR and _COMPARED.search(between) is not None


def _claims(passages: Passages, text: str) -> Iterator[_Claim]:
    numbers = claimed_numbers(passages)
    at = 0
    while at < len(numbers):
        first, second = numbers[at], numbers[at + 1] if at + 1 < len(numbers) else None
        between = text[first.end : second.start] if second and second.start >= first.end else None
        at += 1
        if second is None or between is None:
            yield _claim(first, text)
        elif _FROM.search(text[max(first.start - 24, 0) : first.start]) and _TO.fullmatch(between):
            baseline = _claim(first, text).value
            yield _claim(second, text)._replace(baseline=baseline, around=(first.start, second.end))
            at += 1
        elif RANGE.fullmatch(between):
            end = _claim(second, text)
            value = f"{text[first.start : second.start]}{end.value}"
            yield _Claim(first.start, second.end, value, end.unit, (first.start, second.end))
            at += 1
        else:
            yield _claim(first, text)


def _claim(number: Number, text: str) -> _Claim:
    """The value as written, and the unit behind it."""
    # `10^{-3}` is read up to the brace.
    place = number.start, number.end + text.startswith("}", number.end)
    written = text[slice(*place)]
    found = _VALUE.search(written)
    if found is None:  # in words
        return _Claim(*place, written, "", place)
    unit = written[found.end() :].strip(" -~\\+")
    return _Claim(*place, found.group(), unit, place)


def _result(claim: _Claim, answer: Answer, passages: Passages, text: str, limits: Limits) -> ClaimedResult | None:
    start, end = passages.sentence(claim.start)
    sentence = min(start, claim.around[0]), max(end, claim.around[1])
    evidence = _evidence(claim, sentence, passages.abstract, limits.evidence)
    parts = (claim.value, claim.unit, claim.baseline or "")
    if evidence is None or any(len(part) > limits.text for part in parts):
        return None
    return ClaimedResult(
        evidence=evidence,
        value=claim.value,
        unit=claim.unit,
        metric=_nearest(answer.metrics, claim, sentence, text) or _measure(claim, sentence, text, limits.text),
        dataset=_behind(answer.datasets, claim, sentence, text) or _nearest(answer.datasets, claim, sentence, text),
        method=_method(answer, claim, sentence, text),
        baseline_value=claim.baseline,
        kind=_kind(claim, sentence, text),
    )


def _method(answer: Answer, claim: _Claim, sentence: Span, text: str) -> str | None:
    """What is proposed, the nearest in the sentence or else the first; where nothing is, the nearest that is used."""
    proposed = [method.name for method in answer.methods if method.role == "proposed"]
    if proposed:
        return _nearest(proposed, claim, sentence, text) or proposed[0]
    return _nearest([method.name for method in answer.methods if method.role == "used"], claim, sentence, text)


def _evidence(claim: _Claim, sentence: Span, text: str, most: int) -> str | None:
    """The clause around a value: the sentence, cut at marks and then at words until it is short enough."""
    start, end = sentence
    if end - start <= most:
        return text[start:end].strip()
    first, last = claim.around
    for mark in re.finditer(r"[;:,(]\s|\s(?:and|while|which|where|with)\s", text[start:end]):
        place = start + mark.end()
        if place <= first and last - place <= most:
            start = place
            break
    else:
        start = max(start, last - most)
        start = text.find(" ", start, first) + 1 or first
    if end - start > most:
        end = max(text.rfind(" ", last, start + most + 1), last)
    return text[start:end].strip() if end - start <= most else None


def _kind(claim: _Claim, sentence: Span, text: str) -> ResultKind:
    before, behind = text[sentence[0] : claim.start], text[claim.end : sentence[1]]
    if claim.baseline is not None:
        return "absolute"
    in_words = not any(map(str.isdigit, claim.value))  # twice, two-fold
    if (
        in_words
        or _CHANGED_UNITS.match(claim.unit)
        or claim.value.startswith("+")
        or _CHANGE_BEHIND.match(_after_more(behind))
    ):
        return "change"
    if _CHANGE_BEFORE.search(before) and _BY.search(_before_more(before)):
        return "change"
    return "finding" if _FINDING.search(before) else "absolute"


def _after_more(behind: str) -> str:
    """What stands behind a number and those that are listed after it."""
    behind = behind[:_LIST]
    while found := _LISTED_BEHIND.match(behind):
        behind = behind[found.end() :]
    return behind


def _before_more(before: str) -> str:
    """What stands before a number and those that are listed in front of it."""
    before = before[-_LIST:]
    while found := _LISTED_BEFORE.search(before):
        before = before[: found.start()]
    return before


def _nearest(names: Sequence[str], claim: _Claim, sentence: Span, text: str) -> str | None:
    """The name that stands nearest to the value in its sentence, the longer one of two in one place."""
    places = [
        (_distance(claim, place), -len(name), name) for name in names for place in _occurrences(name, sentence, text)
    ]
    return min(places)[2] if places else None


def _behind(names: Sequence[str], claim: _Claim, sentence: Span, text: str) -> str | None:
    """The first name of what the value is said to hold `on`, before the next number."""
    until = next((claim.end + found.start() for found in _DIGITS.finditer(text[claim.end : sentence[1]])), sentence[1])
    places = [
        (place[0], -len(name), name)
        for name in names
        for place in _occurrences(name, sentence, text)
        if claim.end <= place[0] <= until and _ON.search(text[claim.end : place[0]])
    ]
    return min(places)[2] if places else None


def _measure(claim: _Claim, sentence: Span, text: str, most: int) -> str | None:
    spans = [
        (_distance(claim, found.span()), found.group())
        for found in _MEASURES.finditer(text, *sentence)
        if len(found.group()) <= most
    ]
    return min(spans)[1] if spans else None


def _distance(claim: _Claim, place: Span) -> int:
    """Characters between a value and a name; what stands behind is a little farther."""
    return claim.start - place[1] if place[1] <= claim.start else place[0] - claim.end + 8


def _occurrences(name: str, sentence: Span, text: str) -> Iterator[Span]:
    words = r"\s+".join(map(re.escape, name.split()))
    for found in re.finditer(rf"(?<!\w){words}(?!\w)", text[sentence[0] : sentence[1]]):
        yield sentence[0] + found.start(), sentence[0] + found.end()
