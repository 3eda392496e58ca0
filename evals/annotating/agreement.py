"""How far people agree, and which run they find better.

Agreement is a figure like all others: each paper adds to a table of who said what, and the papers are drawn again for
an interval. Which run is better is counted by papers, however many people looked at one.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import isqrt, log
from typing import Final, Literal, get_args

import numpy as np
from scipy.special import betaln
from scipy.stats import binomtest

from evals.annotating.labels import QUESTION, QUESTIONS, Judgement, Label, Winner, unblind
from evals.metrics.metric import Array, share
from evals.statistics import ALPHA, Figure, Groups, Interval, intervals

WINNERS: Final[tuple[Winner, ...]] = get_args(Winner)
_CELLS: Final = len(WINNERS) ** 2
#: Name of the rows of sums: there is one kind.
_BOTH: Final = "both"


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two people on the pairs that both have labelled."""

    people: tuple[str, str]
    pairs: int
    same: Interval
    """Percent of pairs on which they say the same."""
    kappa: Interval
    """Cohen's, at most 1; 0 is chance. It does not exist where both always say one and the same."""
    answers: Interval
    """Kappa of the yes and no to the four questions, of both summaries."""


@dataclass(frozen=True, slots=True)
class Wins:
    """On how many papers each run is better; where there are several people, by most of them."""

    a: int
    b: int
    tie: int
    both_bad: int
    rate: Interval
    """Percent of the papers with a winner in which it is B, with Wilson's 95 % interval; where several papers are of
    one document, documents are drawn again."""
    clear: Literal["a", "b"] | None
    """The better one, once it is clear (see `is_clear`), and never where several papers are of one document."""


@dataclass(frozen=True, slots=True)
class Standing:
    """All that follows from the labels."""

    people: Mapping[str, int]
    """How many pairs each has labelled."""
    wins: Wins
    agreements: tuple[Agreement, ...]
    alpha: Interval | None
    """Krippendorff's, of all people together, where there are more than two."""


def standing(labels: Iterable[Label], documents: Mapping[str, str]) -> Standing:
    """What the labels of these pairs say. `documents` has what a pair is drawn with, by its key."""
    by_person: dict[str, dict[str, Judgement]] = {}
    for label in labels:
        if label.pair in documents and label.question == QUESTION:
            by_person.setdefault(label.annotator, {})[label.pair] = unblind(label.seen, label.left_run)
    people = {name: len(given) for name, given in sorted(by_person.items())}
    agreements = tuple(
        _agreement((one, other), by_person[one], by_person[other], documents)
        for one, other in combinations(people, 2)
        if by_person[one].keys() & by_person[other].keys()
    )
    by_pair: dict[str, list[Winner]] = {}
    for given in by_person.values():
        for pair, judgement in given.items():
            by_pair.setdefault(pair, []).append(judgement.winner)
    return Standing(
        people, _wins(by_pair, documents), agreements, _alpha(by_pair, documents) if len(people) > 2 else None
    )


def kappa(sums: Array) -> Array:
    """Cohen's kappa of tables of shape (..., k * k): a row for what one says, a column for what the other says."""
    size = isqrt(sums.shape[-1])
    table = sums.reshape(*sums.shape[:-1], size, size)
    total = table.sum(axis=(-2, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        same = np.trace(table, axis1=-2, axis2=-1) / total
        chance = (table.sum(axis=-1) * table.sum(axis=-2)).sum(axis=-1) / total**2
        found: Array = np.where(chance < 1.0, (same - chance) / (1.0 - chance), np.nan)
    return found


def alpha(sums: Array) -> Array:
    """Krippendorff's alpha for names, of tables of coincidences of shape (..., k * k)."""
    size = isqrt(sums.shape[-1])
    table = sums.reshape(*sums.shape[:-1], size, size)
    each = table.sum(axis=-1)
    total = each.sum(axis=-1)
    differing = total - np.trace(table, axis1=-2, axis2=-1)
    expected = total**2 - (each**2).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Array = np.where(expected > 0.0, 1.0 - (total - 1.0) * differing / expected, np.nan)
    return found


def is_clear(wins: int, losses: int) -> bool:
    """Whether one may stop: holds by chance in at most 5 % of studies, however often one looks.

    The likelihood of the wins when every rate is as likely, over that when both are as good, is an e-value: by Ville's
    inequality it ever reaches 1/0.05 with a chance of at most 0.05.
    """
    decided = wins + losses
    return bool(betaln(wins + 1, losses + 1) + decided * log(2.0) >= -log(ALPHA))


def _agreement(
    people: tuple[str, str], one: Mapping[str, Judgement], other: Mapping[str, Judgement], documents: Mapping[str, str]
) -> Agreement:
    groups = Groups(2 + _CELLS + 4 + 3)
    for pair in sorted(one.keys() & other.keys()):
        first, second = one[pair], other[pair]
        winners, answers = np.zeros((len(WINNERS), len(WINNERS))), np.zeros((2, 2))
        winners[WINNERS.index(first.winner), WINNERS.index(second.winner)] = 1.0
        for mine, yours in ((first.a, second.a), (first.b, second.b)):
            for question in QUESTIONS:
                answers[int(getattr(mine, question)), int(getattr(yours, question))] += 1.0
        same = [float(first.winner == second.winner), 1.0]
        # Behind the sums of each figure stands the count of its pairs.
        row = np.concatenate([same, [1.0], winners.ravel(), [1.0], answers.ravel(), [1.0]])
        groups.add(documents[pair], {_BOTH: row})
    figures = [Figure(0, 2, share, 100.0), Figure(3, _CELLS, kappa), Figure(4 + _CELLS, 4, kappa)]
    sums = groups.sums.get(_BOTH, np.zeros((1, 2 + _CELLS + 4 + 3)))
    ((same_share, *kappas),) = intervals([sums], figures)
    return Agreement(people, figures[0].papers(sums), same_share, *map(_of_some_width, kappas))


def _wins(by_pair: Mapping[str, Sequence[Winner]], documents: Mapping[str, str]) -> Wins:
    found = {pair: _most(winners) for pair, winners in sorted(by_pair.items())}
    counts = Counter(found.values())
    a, b = counts["a"], counts["b"]
    decided = [pair for pair, winner in found.items() if winner in {"a", "b"}]
    if len({documents[pair] for pair in decided}) < len(decided):
        # Papers of one document are not independent, which is what both rules below rest on.
        groups = Groups(3)
        for pair in decided:
            groups.add(documents[pair], {_BOTH: np.array([found[pair] == "b", 1.0, 1.0])})
        ((rate,),) = intervals([groups.sums[_BOTH]], [Figure(0, 2, share, 100.0)])
        return Wins(a, b, counts["tie"], counts["both_bad"], rate, None)
    rate = Interval(None, None, None)
    if decided:
        bounds = binomtest(b, a + b).proportion_ci(confidence_level=1.0 - ALPHA, method="wilson")
        rate = Interval(100.0 * b / (a + b), 100.0 * float(bounds.low), 100.0 * float(bounds.high))
    clear: Literal["a", "b"] | None = None
    if is_clear(b, a):
        clear = "b" if b > a else "a"
    return Wins(a, b, counts["tie"], counts["both_bad"], rate, clear)


def _most(winners: Sequence[Winner]) -> Winner:
    """The run that more people find better; where there is none, whether more of the others say tie or both bad."""
    counts = Counter(winners)
    if counts["a"] != counts["b"]:
        return "a" if counts["a"] > counts["b"] else "b"
    return "both_bad" if counts["both_bad"] > counts["tie"] else "tie"


def _alpha(by_pair: Mapping[str, Sequence[Winner]], documents: Mapping[str, str]) -> Interval:
    groups = Groups(_CELLS + 1)
    for pair, winners in sorted(by_pair.items()):
        if len(winners) > 1:
            counts = np.array([float(winners.count(winner)) for winner in WINNERS])
            table = (np.outer(counts, counts) - np.diag(counts)) / (len(winners) - 1)
            groups.add(documents[pair], {_BOTH: np.append(table.ravel(), 1.0)})
    sums = groups.sums.get(_BOTH, np.zeros((1, _CELLS + 1)))
    ((found,),) = intervals([sums], [Figure(0, _CELLS, alpha)])
    return _of_some_width(found)


def _of_some_width(found: Interval) -> Interval:
    """Without bounds where nobody differed: how often they may differ all the same is not known."""
    return Interval(found.value, None, None) if found.low == found.high else found
