"""How far the values of a metric go with the judgements of people: rank correlation, area under the curve, pairs.

Intervals are percentile bootstraps over documents: what is said of one paper is drawn together. A resample is a weight
for each text, and all ranks of a resample follow from its weights, so that thousands of them are a few sums of arrays.
Shapes: n texts, B resamples. What has no value is NaN, and is left out together with its judgement.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
from scipy.stats import mannwhitneyu, rankdata, spearmanr

from evals.metrics.metric import Array, share
from evals.statistics import ALPHA, RESAMPLES, Figure, intervals
from evals.tables import Cell

#: Numbers of a block of resamples; bounds memory.
_BLOCK = 1_000_000
#: From weights of shape (B, n) to B values.
_Statistic: TypeAlias = Callable[[Array], Array]


def spearman(values: Array, judged: Array, documents: Sequence[str], seed: int = 0) -> Cell:
    """Spearman's rank correlation of two arrays of shape (n,); it does not exist where one of them does not vary."""
    one = float(spearmanr(values, judged).statistic) if _vary(values, judged) else np.nan
    return _cell(one, lambda weights: _spearman(values, judged, weights), documents, seed)


def spearman_given(values: Array, judged: Array, control: Array, documents: Sequence[str], seed: int = 0) -> Cell:
    """Partial rank correlation: what is left of it among texts of the same `control`, such as their length."""
    if not _vary(values, judged, control):
        return _cell(np.nan, None, documents, seed)
    pairs = ((values, judged), (values, control), (judged, control))
    one = _partial(*(np.array(spearmanr(*pair).statistic) for pair in pairs))
    return _cell(float(one), lambda weights: _partial(*(_spearman(*pair, weights) for pair in pairs)), documents, seed)


def spearman_over(values: Array, judged: Array, control: Array, documents: Sequence[str], seed: int = 0) -> Cell:
    """How much better than the `control` a metric agrees: the difference of both correlations, drawn together."""
    if not _vary(values, judged, control) or np.array_equal(values, control):
        return _cell(np.nan, None, documents, seed)
    one = float(spearmanr(values, judged).statistic - spearmanr(control, judged).statistic)
    return _cell(
        one,
        lambda weights: _spearman(values, judged, weights) - _spearman(control, judged, weights),
        documents,
        seed,
    )


def pair_accuracy(values: Array, judged: Array, documents: Sequence[str], seed: int = 0) -> tuple[Cell, int]:
    """In how many of 100 pairs of one paper the text that people prefer has the larger value, and how many there are.

    Pairs that people do not tell apart do not count; those that the metric does not tell apart are half right. A metric
    that does not vary has no figure.
    """
    if not _vary(values):
        return _cell(np.nan, None, documents, seed), 0
    rows = [_pairs(values[members], judged[members]) for members in _members(documents)]
    sums = np.array([(*row, 1.0) for row in rows if row[1]]).reshape(-1, 3)
    if not len(sums):
        return _cell(np.nan, None, documents, seed), 0
    ((found,),) = intervals([sums], [Figure(0, 2, share, 100.0)], seed=seed)
    cell = Cell(value=found.value, low=found.low, high=found.high, papers=len(sums))
    return cell, int(sums[:, 1].sum())


def auroc(values: Array, wrong: Array, documents: Sequence[str], seed: int = 0) -> Cell:
    """How often a wrong text (`wrong` is 1) has a larger value than a right one; 0.5 says nothing, 0 the contrary."""
    positive = wrong > 0.5
    if not positive.any() or positive.all() or not _vary(values):
        return _cell(np.nan, None, documents, seed)
    one = float(mannwhitneyu(values[positive], values[~positive]).statistic) / (positive.sum() * (~positive).sum())
    return _cell(one, lambda weights: _auroc(values, positive, weights), documents, seed)


def weighted_ranks(values: Array, weights: Array) -> Array:
    """Mean ranks of n values in B resamples, in each of which a value is there as often as its weight says."""
    order = np.argsort(values, kind="stable")
    ahead = np.concatenate([np.zeros((len(weights), 1)), np.cumsum(weights[:, order], axis=1)], axis=1)
    smaller, not_larger = (ahead[:, np.searchsorted(values[order], values, side)] for side in ("left", "right"))
    ranks: Array = (smaller + not_larger + 1.0) / 2.0
    return ranks


def _spearman(values: Array, judged: Array, weights: Array) -> Array:
    return _pearson(weighted_ranks(values, weights), weighted_ranks(judged, weights), weights)


def _pearson(x: Array, y: Array, weights: Array) -> Array:
    total = weights.sum(axis=1, keepdims=True)
    x = x - (weights * x).sum(axis=1, keepdims=True) / total
    y = y - (weights * y).sum(axis=1, keepdims=True) / total
    spread = (weights * x * x).sum(axis=1) * (weights * y * y).sum(axis=1)
    return _ratio((weights * x * y).sum(axis=1), np.sqrt(spread))


def _partial(values_judged: Array, values_control: Array, judged_control: Array) -> Array:
    unexplained = (1.0 - values_control**2) * (1.0 - judged_control**2)
    return _ratio(values_judged - values_control * judged_control, np.sqrt(np.maximum(unexplained, 0.0)))


def _auroc(values: Array, positive: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], weights: Array) -> Array:
    ranks, wrong, right = weighted_ranks(values, weights), weights[:, positive], weights[:, ~positive].sum(axis=1)
    count = wrong.sum(axis=1)
    above = (wrong * ranks[:, positive]).sum(axis=1) - count * (count + 1.0) / 2.0
    return _ratio(above, count * right)


def _ratio(part: Array, whole: Array) -> Array:
    # Rounding leaves a little of what is nothing.
    found: Array = np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=np.asarray(whole) > 1e-6)
    return found


def _pairs(values: Array, judged: Array) -> tuple[float, float]:
    first, second = np.triu_indices(len(values), k=1)
    preferred = np.sign(judged[first] - judged[second])
    told = preferred != 0
    larger = np.sign(values[first] - values[second])
    right = np.where(larger == 0, 0.5, larger == preferred)
    return float(right[told].sum()), float(told.sum())


def _cell(value: float, statistic: _Statistic | None, documents: Sequence[str], seed: int) -> Cell:
    if statistic is None or not np.isfinite(value):
        return Cell(value=None, low=None, high=None, papers=len(set(documents)))
    if len(set(documents)) < 2:
        return Cell(value=value, low=None, high=None, papers=1)
    drawn = np.concatenate([statistic(weights) for weights in _resamples(documents, seed)])
    # Where all that was drawn is the same there is no correlation.
    there = drawn[np.isfinite(drawn)]
    low, high = map(float, np.quantile(there, (ALPHA / 2, 1 - ALPHA / 2))) if len(there) else (None, None)
    return Cell(value=value, low=low, high=high, papers=len(set(documents)))


def _resamples(documents: Sequence[str], seed: int) -> Iterator[Array]:
    """Weights of the texts, in blocks of shape (some, n)."""
    rng = np.random.default_rng(seed)
    members, size = _numbers(documents), max(1, _BLOCK // len(documents))
    count = int(members.max()) + 1
    for start in range(0, RESAMPLES, size):
        drawn = rng.multinomial(count, np.full(count, 1.0 / count), size=min(size, RESAMPLES - start))
        yield drawn[:, members].astype(np.float64)


def _members(documents: Sequence[str]) -> Iterator[np.ndarray[tuple[int, ...], np.dtype[np.intp]]]:
    numbers = _numbers(documents)
    for number in range(int(numbers.max()) + 1):
        yield np.flatnonzero(numbers == number)


def _numbers(documents: Sequence[str]) -> np.ndarray[tuple[int, ...], np.dtype[np.intp]]:
    known = {document: number for number, document in enumerate(dict.fromkeys(documents))}
    return np.array([known[document] for document in documents])


def _vary(*columns: Array) -> bool:
    return all(len(column) > 2 and rankdata(column).std() > 0 for column in columns)
