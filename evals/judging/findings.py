"""What a judge finds about a suite: the win rate is withheld until people agree with the judge."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from evals.annotating.agreement import kappa
from evals.judging.blinding import SIDES, Preference
from evals.judging.decisions import Decision
from evals.judging.figures import CONSISTENCY, DIAGNOSTICS, METRICS, WIN_RATE, cells_of, sums_of
from evals.judging.labels import Label, fitting
from evals.judging.questions import CHECKS
from evals.metrics.metric import Array, share
from evals.statistics import Figure, Groups, differences, holm, intervals
from evals.tables import Cell, Columns
from summarizer.extension import Frozen

#: Agreement with people, labels by people and consistency (in points) without which there is no headline.
LEAST_KAPPA: Final = 0.6
LEAST_LABELLED: Final = 100
LEAST_CONSISTENCY: Final = 80.0
#: Name of the rows that are of the judge, and how many kinds of agreement there are: three verdicts of two sides.
_JUDGE: Final = "judge"
_CELLS: Final = 9


class Counts(Frozen):
    """How many pairs there are of each kind; the first is the sum of the others."""

    papers: int
    missing: int
    """A run has no answer, for no fault of its model."""
    empty: int
    """A run says nothing: decided without the judge."""
    same: int
    """Both say the same: a tie, without the judge."""
    judged: int
    """The judge answered both orders."""
    faults: int
    """What it said in one of them is no answer."""
    errors: int
    """It gave no answer in one of them; asking again may help."""


class CheckFigures(Frozen):
    """One of the four questions: shares of yes in points, and B minus A on the same papers."""

    a: Cell
    b: Cell
    difference: Cell
    p: float | None
    """Of no difference, corrected for the four questions (Holm)."""


class Findings(Frozen):
    """All that follows from decisions and labels."""

    pairs: Counts
    check_faults: int
    """Answers to the four questions that are none."""
    check_errors: int
    win_rate: Cell | None
    """The headline; null where it is withheld."""
    wins: dict[Preference, int] | None
    withheld: tuple[str, ...]
    """Why there is no headline."""
    diagnostics: dict[str, Cell]
    kappa: Cell | None
    """Cohen's, of the judge and people, label by label; null without labels."""
    labels: int
    labelled: int
    """Judged pairs with a label."""
    checks: dict[str, CheckFigures]


class Tally:
    """Adds up the decisions of a suite."""

    def __init__(self, labels: Mapping[str, Sequence[Label]]) -> None:
        """`labels` are what people prefer, by the id of the sample."""
        self._labels = labels
        self._columns = Columns(METRICS)
        self._pairs = Groups(self._columns.width)
        self._people = Groups(_CELLS + 1)
        self._checks = Groups(3 * len(CHECKS))
        self._states, self._endings = Counter[str](), Counter[str]()
        self._preferences = Counter[Preference]()
        self._labelled = 0

    def add(self, decision: Decision) -> None:
        """Add a pair."""
        pair = decision.pair
        self._states[decision.ending or pair.state] += 1
        self._endings.update(decision.check_endings)
        if decision.preference is not None:
            self._preferences[decision.preference] += 1
            self._pairs.add(pair.document, {_JUDGE: self._columns.of(dict(sums_of(decision)))})
        people = [label.preference for label in fitting(self._labels, pair)]
        if people and decision.said and decision.preference is not None:
            # What is decided without the judge says nothing about it.
            self._people.add(pair.document, {_JUDGE: np.append(cells_of(decision.preference, people), 1.0)})
            self._labelled += 1
        rows: dict[str, Array] = {
            side: np.array([[float(answer), 1.0, 1.0] for answer in answers]).reshape(-1)
            for side, answers in decision.checks.items()
        }
        if rows:
            self._checks.add(pair.document, rows)

    def findings(self, seed: int = 0) -> Findings:
        """All figures with their intervals."""
        cells, agreement = self._cells(seed), self._agreement(seed)
        reasons = tuple(reasons_to_withhold(cells[CONSISTENCY.name], agreement, self._labelled))
        return Findings(
            pairs=self._counts(),
            check_faults=self._endings["fault"],
            check_errors=self._endings["error"],
            win_rate=None if reasons else cells[WIN_RATE.name],
            wins=None if reasons else {side: self._preferences[side] for side in ("A", "B", "tie")},
            withheld=reasons,
            diagnostics={metric.name: cells[metric.name] for metric in DIAGNOSTICS},
            kappa=agreement,
            labels=int(_rows(self._people, _JUDGE, _CELLS + 1)[:, :_CELLS].sum()),
            labelled=self._labelled,
            checks=self._check_figures(seed),
        )

    def _counts(self) -> Counts:
        states = self._states
        return Counts(
            papers=states.total(),
            missing=states["missing"],
            empty=states["empty"],
            same=states["same"],
            judged=states["answered"],
            faults=states["fault"],
            errors=states["error"],
        )

    def _cells(self, seed: int) -> dict[str, Cell]:
        columns = self._columns
        sums = _rows(self._pairs, _JUDGE, columns.width)
        (found,) = intervals([sums], columns.figures, seed=seed)
        return {
            metric.name: Cell(value=one.value, low=one.low, high=one.high, papers=figure.papers(sums))
            for metric, figure, one in zip(METRICS, columns.figures, found, strict=True)
        }

    def _agreement(self, seed: int) -> Cell | None:
        if not self._labelled:
            return None
        sums = _rows(self._people, _JUDGE, _CELLS + 1)
        ((one,),) = intervals([sums], [Figure(0, _CELLS, kappa)], seed=seed)
        return Cell(value=one.value, low=one.low, high=one.high, papers=self._labelled)

    def _check_figures(self, seed: int) -> dict[str, CheckFigures]:
        a, b = (_rows(self._checks, side, 3 * len(CHECKS)) for side in SIDES)
        figures = [Figure(3 * number, 2, share, 100.0) for number in range(len(CHECKS))]
        each = zip(figures, *intervals([a, b], figures, seed=seed), strict=True)
        found = differences(a, b, figures, seed=seed)
        corrected = iter(holm([one.p for one in found if one.p is not None]))
        return {
            name: CheckFigures(
                a=Cell(value=one.value, low=one.low, high=one.high, papers=figure.papers(a)),
                b=Cell(value=other.value, low=other.low, high=other.high, papers=figure.papers(b)),
                difference=Cell(value=change.value, low=change.low, high=change.high, papers=change.papers),
                p=None if change.p is None else next(corrected),
            )
            for name, (figure, one, other), change in zip(CHECKS, each, found, strict=True)
        }


def _rows(groups: Groups, system: str, width: int) -> Array:
    """Shape (n, width); one row of zeros where nothing was added for a system."""
    return groups.sums.get(system, np.zeros((max(map(len, groups.sums.values()), default=1), width)))


def reasons_to_withhold(consistency: Cell, agreement: Cell | None, labelled: int) -> Iterator[str]:
    """Why the win rate is not to be quoted; nothing when it may be.

    The thresholds are those of the protocol, on the values and not on the bounds of their intervals: with the lower
    bound a judge of kappa 0.65 would need some 700 labels. Instead there have to be labels of 100 pairs.
    """
    if consistency.value is None:
        yield "no pair was judged"
    elif consistency.value < LEAST_CONSISTENCY:
        yield f"swap consistency {consistency.value:.1f} is below {LEAST_CONSISTENCY:.0f}"
    if agreement is None:
        yield "not calibrated: no judged pair has a label by people (--labels)"
        return
    if agreement.value is None:
        yield "not calibrated: kappa does not exist where all verdicts and labels are one"
    elif agreement.value < LEAST_KAPPA:
        yield f"kappa {agreement.value:.2f} is below {LEAST_KAPPA:.2f}"
    if labelled < LEAST_LABELLED:
        yield f"not calibrated: {labelled} judged pairs have labels by people, and {LEAST_LABELLED} are needed"
