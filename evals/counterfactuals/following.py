"""What records say of changed papers: whether they follow, and whether they stay as they are where nothing changed."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, get_args

from scipy.stats import binomtest

from evals.counterfactuals.change import CHANGE_KINDS, Change, ChangeKind
from evals.counterfactuals.reformatting import STYLES
from evals.examples import Prediction, number_edges, outcome_of, prediction_of
from summarizer import Record
from summarizer.extension import Frozen, fold

#: followed: the new is said, and the old no more. kept: the old is still said. lost: neither. Of a paper whose record
#: did not mention what was changed (not mentioned), and of one without an answer (failed), nothing can be asked.
Following = Literal["followed", "kept", "lost", "not mentioned", "failed"]
FOLLOWINGS: Final[tuple[Following, ...]] = get_args(Following)

#: Parts of a record that must not move when the text only looks different.
Part = Literal["summary", "names", "results"]
PARTS: Final[tuple[Part, ...]] = get_args(Part)


class Outcome(Frozen):
    """What became of one changed paper."""

    id: str
    kind: ChangeKind
    old: str
    new: str
    outcome: Following


class Stability(Frozen):
    """What became of one reformatted paper; the parts that moved, or null without an answer."""

    id: str
    style: str
    moved: tuple[Part, ...] | None


class Rate(Frozen):
    """A share with its 95 % interval (Wilson): it is right at none and at all, too. Null where there is nothing."""

    count: int
    of: int
    value: float | None
    low: float | None
    high: float | None


class KindRow(Frozen):
    """Pairs of one kind, each of another paper."""

    kind: ChangeKind
    pairs: int
    outcomes: dict[Following, int]
    following: Rate
    """Of those that were mentioned: how many followed."""


class StyleRow(Frozen):
    """Papers in one form, or in all."""

    style: str
    papers: int
    failed: int
    same: Rate
    """All parts."""
    parts: dict[Part, Rate]


def follows(change: Change, before: Record, after: Record) -> Following:
    """How a record moves with its abstract."""
    if outcome_of(before) != "answered" or outcome_of(after) != "answered":
        return "failed"
    said, says = _said(prediction_of(before)), _said(prediction_of(after))
    if not _mentions(said, change.old):
        return "not mentioned"
    if _mentions(says, change.old):
        return "kept"
    return "followed" if _mentions(says, change.new) else "lost"


def moved(before: Record, after: Record) -> tuple[Part, ...] | None:
    """The parts that say something else for the same paper in another form; None when one of both has no answer."""
    if outcome_of(before) != "answered" or outcome_of(after) != "answered":
        return None
    one, other = _parts(prediction_of(before)), _parts(prediction_of(after))
    # Lists have no order that means anything.
    return tuple(part for part in PARTS if sorted(one[part]) != sorted(other[part]))


def kind_rows(outcomes: Sequence[Outcome]) -> tuple[KindRow, ...]:
    """One row for each kind of change that there was."""
    rows = []
    for kind in CHANGE_KINDS:
        found = [one.outcome for one in outcomes if one.kind == kind]
        if found:
            counts = {outcome: found.count(outcome) for outcome in FOLLOWINGS}
            mentioned = counts["followed"] + counts["kept"] + counts["lost"]
            rows.append(
                KindRow(kind=kind, pairs=len(found), outcomes=counts, following=rate(counts["followed"], mentioned))
            )
    return tuple(rows)


def style_rows(found: Sequence[Stability]) -> tuple[StyleRow, ...]:
    """One row for each style that there was, and the one of all."""
    rows = [(style, [one for one in found if one.style == style]) for style in STYLES]
    return tuple(_style_row(style, some) for style, some in (*rows, ("all", found)) if some)


def rate(count: int, of: int) -> Rate:
    """A share of independent trials with Wilson's interval."""
    if not of:
        return Rate(count=0, of=0, value=None, low=None, high=None)
    bounds = binomtest(count, of).proportion_ci(method="wilson")
    return Rate(
        count=count,
        of=of,
        value=100.0 * count / of,
        low=100.0 * float(bounds.low),
        high=100.0 * float(bounds.high),
    )


def _style_row(style: str, found: Sequence[Stability]) -> StyleRow:
    there = [one.moved for one in found if one.moved is not None]
    return StyleRow(
        style=style,
        papers=len(found),
        failed=len(found) - len(there),
        same=rate(sum(not parts for parts in there), len(there)),
        parts={part: rate(sum(part not in parts for parts in there), len(there)) for part in PARTS},
    )


def _said(prediction: Prediction) -> str:
    # With their hyphens: `DriftNet-based` has the name.
    return "\n".join(line for lines in _parts(prediction, joined=False).values() for line in lines)


def _parts(prediction: Prediction, *, joined: bool = True) -> dict[Part, list[str]]:
    """What is said, in the form in which only looks are the same; for `joined` see `fold`."""
    names = [f"{kind}: {name}" for kind, each in (prediction.names or {}).items() for name in each]
    return {
        "summary": [_plain(prediction.summary or "", joined=joined)],
        "names": [_plain(name, joined=joined) for name in names],
        "results": [_plain(text, joined=joined) for text in _results(prediction)],
    }


def _results(prediction: Prediction) -> Iterator[str]:
    for one in prediction.results or ():
        fields: Iterable[str | None] = (
            one.value, one.unit, one.metric, one.dataset, one.method, one.baseline_value, one.kind,
        )  # fmt: skip
        # Each on a line of its own, so that no phrase is made of two of them.
        yield "\n".join(field or "-" for field in fields)


def _plain(text: str, *, joined: bool) -> str:
    return fold(text, joined=joined).text.casefold()


def _mentions(text: str, phrase: str) -> bool:
    before, behind = number_edges(phrase)
    pattern = before + r"(?<!\w)" + re.escape(_plain(phrase, joined=False)) + (behind or r"(?!\w)")
    return re.search(pattern, text) is not None
