"""Results as closed tuples: each value has a place of its own in the abstract, or a flag says what is wrong with it.

The other direction is here as well: numbers of the abstract that look like claims, and that no result holds.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from summarizer.folding import fold
from summarizer.passages import Number, Passages, as_evidence, numbers_of
from summarizer.quantities import Quantity, quantities
from summarizer.records import Caution, ClaimedResult, Evidence, Flag, Result

Span = tuple[int, int]

#: Units of how good or how fast something is. What has another one, or none, is a claim only as a decimal fraction.
_CLAIMED_UNITS = frozenset({"%", "points", "x", "dB", "fps"})
#: Names of measures: the number behind one is a score, while one behind another name is a version (`Llama 3.1`).
MEASURES = (
    r"F1|F-score|BLEU|ROUGE(?:-\w+)?|METEOR|CIDEr|SPICE|BERTScore|chrF|COMET|AUC|AUROC|AUPRC|AP|mAP|EM|IoU|mIoU|Dice|DSC"
    r"|PSNR|SSIM|LPIPS|FID|(?-i:IS)|WER|CER|MOS|MAE|MSE|RMSE|R2|NDCG|nDCG|MRR|MCC|Elo|PPL|SI-SDR|SDR|PESQ|STOI|Hits@\d+"
    r"|Recall@\d+|pass@\d+"
)
_NAMED = rf"(?<![A-Za-z])(?:{MEASURES})"
_MEASURE = re.compile(rf"{_NAMED}[\s:=(]*(?:of\s*)?$", re.IGNORECASE)
#: In this case alone: `5 is` is no score.
_OF_MEASURE = re.compile(rf"\s?(?:absolute |relative )?{_NAMED}(?![\w-])")
#: A year, or the edition of what is named by one.
_YEAR = re.compile(r"(?:19|20)\d\d")
#: What is `twofold` in that it has two parts, and no more than before.
_COUNTED = re.compile(
    r"\b(?:contributions?|goals?|aims?|purposes?|reasons?|motivations?|challenges?)(?: \w+){0,4} (?:is|are)\s$",
    re.IGNORECASE,
)
_VERSIONED = re.compile(r"(?:^|[^\w])[A-Z][\w-]*[\s-]$")
#: What stands before a number that is set and not reached.
_SETTING = re.compile(
    r"(?:\bp\s*[<=>\u2264]\s*|\b(?:learning rate|temperature|dropout|weight decay|threshold|ratio|version|section"
    r"|figure|table|equation)s?\s*(?:of|=|is)?\s*)$",
    re.IGNORECASE,
)
#: What stands behind a share of the input, and behind a procedure that is named by a number.
_INPUT = re.compile(
    r"\s*(?:of\s+(?:the\s+|all\s+|its\s+|our\s+)?(?:\w+\s+)?(?:data|dataset|labels?|tokens|parameters|samples|examples|training|weights"
    r"|annotations)\b|confidence\b|cross[\s-]|-?\s*(?:shot|fold\s+cross)\b|larger images?\b|upsampl|super-?resol)",
    re.IGNORECASE,
)
#: Between the two ends of a range.
RANGE = re.compile(r"\s?[-\u2010-\u2015]{1,2}\s?|\s+to\s+")
_PLAIN = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?")
#: Warnings for missed numbers in one record; an abstract that is one long table needs no more to be noticed.
_MOST_MISSED = 30


class _Place(NamedTuple):
    """Where a value stands in the abstract, and whether with the unit that is claimed."""

    start: int
    end: int
    same_unit: bool = True


def ground_results(claims: Iterable[ClaimedResult], passages: Passages) -> tuple[Result, ...]:
    """Find quote and value of every claim, in order, and flag what the abstract does not say.

    A place of the abstract is given to one value only; where there is no other, the later claim is flagged.
    """
    quotes: dict[str, list[Span]] = {}
    taken: set[int] = set()
    results = []
    for claim in claims:
        evidence = passages.find(claim.evidence, quotes.get(claim.evidence, ()))
        quote = _span(evidence)
        if quote:
            quotes.setdefault(claim.evidence, []).append(quote)
        place, flags = _value(claim, quote, taken, passages)
        flags += _baseline(claim, quote, place, passages)
        flags += _names(claim, place, passages)
        if place:
            taken.add(place.start)
        results.append(
            Result(
                **claim.model_dump(exclude={"evidence"}),
                number=parse_number(claim.value),
                evidence=evidence,
                value_evidence=_value_evidence(claim.value, place, passages),
                flags=tuple(flags),
            )
        )
    return tuple(results)


def parse_number(text: str) -> float | None:
    """The one number that the text consists of, besides its unit; None when there is none or more than one."""
    if _PLAIN.fullmatch(text):  # most are, and a record has many
        return float(text)
    found = quantities(fold(text, joined=False).text)
    if len(found) != 1:
        return None
    (value,) = {quantity.value for quantity in found[0].readings}
    return float(value)


def missed_claims(results: Iterable[Result], passages: Passages) -> Iterator[Caution]:
    """Numbers of the abstract that look like a claim and belong to no result, as warnings with their place."""
    held = _held(results, passages)
    missed = (number for number in claimed_numbers(passages) if number.start not in held)
    for count, number in enumerate(missed):
        if count == _MOST_MISSED:
            return
        written = passages.abstract[number.start : number.end]
        evidence = Evidence(quote=written, start=number.start, end=number.end, match="exact")
        yield Caution(code="missed_result", message=f"{written}: claimed, and in no result", evidence=evidence)


def claimed_numbers(passages: Passages) -> tuple[Number, ...]:
    """Numbers of the abstract that look like a claim, in order."""
    return tuple(number for number in passages.numbers if _is_claim(number, passages))


def _value(
    claim: ClaimedResult, quote: Span | None, taken: set[int], passages: Passages
) -> tuple[_Place | None, list[Flag]]:
    places = _places(claim.value, claim.unit, passages)
    if not places:
        return None, [] if _in_title(claim, passages) else ["value_absent"]

    def badness(place: _Place) -> tuple[bool, bool, bool, int]:
        return not _is_inside(place, quote), place.start in taken, not place.same_unit, place.start

    place = min(places, key=badness)
    flags: list[Flag] = []
    if quote and not _is_inside(place, quote):
        flags.append("value_elsewhere")
    if place.start in taken:
        flags.append("value_reused")
    if not place.same_unit:
        flags.append("unit_mismatch")
    return place, flags


def _baseline(claim: ClaimedResult, quote: Span | None, value: _Place | None, passages: Passages) -> list[Flag]:
    if claim.baseline_value is None:
        return []
    # The unit may stand in the value (`81.4%`), and then it is that of the baseline as well.
    written = () if claim.unit else _read(claim.value, "")
    unit = claim.unit or next((reading.unit for number in written for reading in number.written.readings), "")
    places = _places(claim.baseline_value, unit, passages)
    others = [place for place in places if place.same_unit and (value is None or place.start != value.start)]
    if not others:
        return ["baseline_absent"]
    inside = [place for place in others if _is_inside(place, quote)]
    if quote and not inside:
        return ["baseline_elsewhere"]
    if value and any(_is_reversed(value, place, passages.abstract) for place in inside or others):
        return ["crossed"]
    return []


def _is_reversed(value: _Place, baseline: _Place, abstract: str) -> bool:
    """Whether the abstract goes from what is claimed to be the value to what is claimed to be the baseline."""
    before, between = abstract[max(value.start - 6, 0) : value.start], abstract[value.end : baseline.start]
    return before.lower().endswith("from ") and re.fullmatch(r"\W{0,3}\s?(?:up |down )?to\s", between) is not None


def _names(claim: ClaimedResult, value: _Place | None, passages: Passages) -> Iterator[Flag]:
    if claim.metric is not None:
        places = list(passages.places(claim.metric))
        if not places:
            yield "metric_absent"
        elif value:
            start, end = passages.sentence(value.start)
            if not any(place.where == "abstract" and place.start < end and start < place.end for place in places):
                yield "metric_elsewhere"
    if claim.dataset is not None and passages.find(claim.dataset).match == "absent":
        yield "dataset_absent"
    if claim.method is not None and passages.find(claim.method).match == "absent":
        yield "method_absent"


def _places(value: str, unit: str, passages: Passages) -> list[_Place]:
    """Where the abstract has this value: as this number, as these words when it is not one number, or as this range."""
    wanted = _read(value, unit)
    if len(wanted) != 1:
        found = [place for place in passages.places(value) if place.where == "abstract"]
        if not found and len(wanted) == 2 and RANGE.fullmatch(value[wanted[0].end : wanted[1].start]):
            return list(_ranges(*wanted, passages))
        return [_Place(place.start, place.end) for place in found]
    readings = wanted[0].written.readings
    return [
        _Place(number.start, number.end, same_unit=not readings.isdisjoint(number.written.readings))
        for number in passages.numbers
        if _same_amount(wanted[0], number)
    ]


@lru_cache(maxsize=256)
def _read(value: str, unit: str) -> tuple[Number, ...]:
    """The numbers of a value with its unit; each is asked for twice, to place it and to see what was missed."""
    return tuple(numbers_of(f"{value} {unit}"))


def _ranges(first: Number, last: Number, passages: Passages) -> Iterator[_Place]:
    """Where the abstract goes from one of these numbers to the other; the unit is that of the last (`2-3x`)."""
    for one, other in pairwise(passages.numbers):
        if (
            RANGE.fullmatch(passages.abstract[one.end : other.start])
            and _same_amount(first, one)
            and _same_amount(last, other)
        ):
            same_unit = not last.written.readings.isdisjoint(other.written.readings)
            yield _Place(one.start, other.end, same_unit=same_unit)


def _same_amount(one: Number, other: Number) -> bool:
    amounts = set(map(_amount, one.written.readings))
    return not amounts.isdisjoint(map(_amount, other.written.readings))


def _amount(reading: Quantity) -> tuple[object, str]:
    return reading.value, reading.power


def _in_title(claim: ClaimedResult, passages: Passages) -> bool:
    return any(place.where == "title" for place in passages.places(claim.value))


def _value_evidence(value: str, place: _Place | None, passages: Passages) -> Evidence:
    if place is None:
        titles = (found for found in passages.places(value) if found.where == "title")
        return next((as_evidence(value, found) for found in titles), Evidence(quote=value, match="absent"))
    # Without the sign or the unit around it, where the value is written without them.
    written = passages.abstract[place.start : place.end]
    inside = written.find(value)
    if inside >= 0:
        start = place.start + inside
        return Evidence(quote=value, start=start, end=start + len(value), match="exact")
    return Evidence(quote=value, start=place.start, end=place.end, match="folded")


def _held(results: Iterable[Result], passages: Passages) -> set[int]:
    """Where the numbers begin that are values or baselines of results."""
    claimed = [(text, result.unit) for result in results for text in (result.value, result.baseline_value) if text]
    amounts = {
        _amount(reading)
        for text, unit in claimed
        for number in _read(text, unit)
        for reading in number.written.readings
    }
    return {
        number.start for number in passages.numbers if not amounts.isdisjoint(map(_amount, number.written.readings))
    }


def _is_claim(number: Number, passages: Passages) -> bool:
    abstract = passages.abstract
    before, behind = abstract[max(number.start - 64, 0) : number.start], abstract[number.end : number.end + 40]
    written = abstract[number.start : number.end]
    if not number.written.claimed or _SETTING.search(before) or _INPUT.match(behind) or _YEAR.fullmatch(written):
        return False
    if written.endswith("fold") and _COUNTED.search(before):
        return False
    if any(reading.unit in _CLAIMED_UNITS for reading in number.written.readings):
        return True
    if _MEASURE.search(before) or (written[0].isdigit() and _OF_MEASURE.match(behind)):
        return True
    is_fraction = re.fullmatch(r"[-+\u2212]?\d*\.\d+", written) is not None
    return is_fraction and not _VERSIONED.search(before)


def _span(evidence: Evidence) -> Span | None:
    if evidence.where == "title" or evidence.start is None or evidence.end is None:
        return None
    return evidence.start, evidence.end


def _is_inside(place: _Place, span: Span | None) -> bool:
    # The unit may stand outside of a quote that ends with the number.
    return span is not None and span[0] <= place.start < span[1]
