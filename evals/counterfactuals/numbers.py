"""Another value of a result: written in the same way, plausible, and in the same order among the other results."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from evals.counterfactuals.change import Change, Edit, in_order
from summarizer import Paper
from summarizer.extension import sentences

#: A number with a unit that results have. Parts of ranges, names and larger numbers are none.
_CLAIM = re.compile(
    r"(?<![\w.,/^$\\\u2010-\u2015\u2212-])(?P<value>\d{1,2}(?:\.\d{1,3})?)"
    r"(?P<unit>\s?\\?%|\s(?:percentage\s)?points?\b|\spercent\b|\stimes\b|-fold\b|\s?x\b|\s?\u00d7)"
    r"(?![-\u2010-\u2015\u2212]\d)"
)
_NUMERAL = re.compile(r"(?<![\d.,])\d+(?:\.\d+)?(?!\d|[.,]\d)")
#: Words of sentences that say how good something is.
_RESULT = re.compile(
    r"\b(?:accura|achiev|attain|bleu|cut|decreas|drop|error|exceed|f1|fast|gain|higher|improv|increas|lower|outperform"
    r"|precision|reach|recall|reduc|sav|score|slower|speed|success|surpass)",
    re.IGNORECASE,
)
#: What makes a number a setting: how much of the data, how sure.
_SETTING = re.compile(
    r"\s*(?:of\b|confidence|significance|interval|level|labell?ed|sparsity|dropout|noise|training)", re.IGNORECASE
)
_PERCENT = frozenset("%")


class _Claim(NamedTuple):
    start: int
    value: str
    unit: str


def change_number(paper: Paper, rng: np.random.Generator) -> Change | None:
    """Change one value that is claimed, everywhere it is claimed; None where no value can be changed sensibly."""
    claims = list(_claims(paper.abstract))
    for place in rng.permutation(len(claims)):
        claim = claims[place]
        same = [one for one in claims if (one.value, one.unit) == (claim.value, claim.unit)]
        # The same digits elsewhere mean something else, and a record that has them says nothing about this change.
        if _count(claim.value, paper) != len(same) or _is_derived(claim.value, paper.abstract):
            continue
        if new := _other(claim, paper, claims, rng):
            edits = (Edit(where="abstract", start=one.start, old=claim.value, new=new) for one in same)
            return Change(kind="number", old=claim.value, new=new, edits=in_order(edits))
    return None


def _claims(abstract: str) -> Iterator[_Claim]:
    for start, end in sentences(abstract):
        if _RESULT.search(abstract, start, end):
            for found in _CLAIM.finditer(abstract, start, end):
                if not _SETTING.match(abstract, found.end()):
                    yield _Claim(found.start(), found["value"], "%" if "%" in found["unit"] else found["unit"].strip())


def _count(value: str, paper: Paper) -> int:
    return sum(found.group() == value for text in (paper.title, paper.abstract) for found in _NUMERAL.finditer(text))


def _is_derived(value: str, abstract: str) -> bool:
    """Whether other numbers of the abstract may have been computed with this one, or this one from them."""
    own = float(value)
    others = {float(found.group()) for found in _NUMERAL.finditer(abstract)} - {own}
    # Differences are rounded once more.
    return any(
        abs(abs(first - second) - third) < 0.06
        for number in others
        for other in others
        if number < other
        for first, second, third in ((number, other, own), (own, number, other), (own, other, number))
    )


def _other(claim: _Claim, paper: Paper, claims: list[_Claim], rng: np.random.Generator) -> str | None:
    """Another number with as many digits before and behind the point, between the same neighbours."""
    whole, _, fraction = claim.value.partition(".")
    unit = 10 ** len(fraction)
    own = round(float(claim.value) * unit)
    rivals = {round(float(one.value) * unit) for one in claims} - {own}
    smallest = 10 ** (len(whole) - 1) * unit
    # `1 times` and `0.3 times` say something of another kind.
    smallest = max(smallest, 2 * unit) if claim.unit not in _PERCENT else smallest if len(whole) > 1 else 1
    low = max([smallest, *(rival + 1 for rival in rivals if rival < own)])
    high = min([10 ** len(whole) * unit, *(rival for rival in rivals if rival > own)])
    written = {found.group() for text in (paper.title, paper.abstract) for found in _NUMERAL.finditer(text)}
    # Few tries, because nearly every number will do.
    for _ in range(8 if low < high else 0):
        new = f"{int(rng.integers(low, high)) / unit:.{len(fraction)}f}"
        if new not in written and len(new) == len(claim.value):
            return new
    return None
