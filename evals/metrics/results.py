"""Results as closed tuples: what is claimed is right only when all parts that are asked for are right together.

The first level asks for the value alone, and each one for one part more: the metric, the dataset, the method. Values
are the same when they are as numbers, with their unit: 79.70 is 79.7, and 80 is not 80 %. What is counted (tokens,
images) is no unit. The other parts are compared as folded names, and nothing is right only where nothing is wanted.

At each level a gold result is given to one claim at most, so that as many as possible are right. A claim that stands
there twice counts once. A paper that people found without results counts what a system claims nevertheless.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, TypeAlias

from evals.examples import Claim, Example, Prediction
from evals.metrics.matching import assign
from evals.metrics.metric import Metric, f1, precision, recall, share
from evals.metrics.names import fold
from summarizer.extension import numbers_of

#: Each level with what it asks for besides those before it.
_LEVELS: Final = ("value", "metric", "dataset", "method")
_VALUES: Final = (("f1", f1), ("precision", precision), ("recall", recall))
#: For each number of a text all that it may be read as: value, power and unit.
_Amount: TypeAlias = tuple[frozenset[tuple[object, ...]], ...]


def _metrics(level: int) -> Iterator[Metric]:
    asked, sums = ", ".join(_LEVELS[: level + 1]), f"results.{_LEVELS[level]}"
    for name, value in _VALUES:
        title = f"results {' + '.join(_LEVELS[: level + 1])} {name.upper() if name == 'f1' else name}"
        about = f"{name} of claimed numbers, right in {asked}; says nothing of the words that are quoted for them"
        yield Metric(f"{sums}.{name}", title, about, sums, 3, value, "results", family=f"results.{name}")


METRICS = (
    *(metric for level in range(len(_LEVELS)) for metric in _metrics(level)),
    Metric("results.baseline", "baseline value", "of results whose value is right, where one has a value compared "
           "with: those in which it is the same; says nothing of results that were not found", "results.baseline", 2,
           share, "results"),
    Metric("results.kind", "kind of result", "of results whose value is right, those with the right kind; says nothing "
           "of results that were not found", "results.kind", 2, share, "results"),
)  # fmt: skip


def score(prediction: Prediction, example: Example) -> Iterator[tuple[str, tuple[float, ...]]]:
    """What one paper adds to the sums of `METRICS`; nothing for a system or a paper without results."""
    if prediction.results is None or example.gold.results is None:
        return
    said, gold = tuple(dict.fromkeys(prediction.results)), tuple(dict.fromkeys(example.gold.results))
    agreement = [[_agreement(claim, wanted) for wanted in gold] for claim in said]
    for level, name in enumerate(_LEVELS):
        pairs = assign(_likeness(agreement, level))
        yield f"results.{name}", (float(len(pairs)), float(len(said)), float(len(gold)))
        if name == "value" and pairs:
            yield from _details([(said[row], gold[column]) for row, column in pairs])


def same_value(value: str, unit: str, other: str, other_unit: str) -> bool:
    """Whether two values are the same numbers with the same units; what holds no number has to be the same text."""
    first, second = _amount(value, unit), _amount(other, other_unit)
    if not first and not second:
        return fold(f"{value} {unit}") == fold(f"{other} {other_unit}")
    return len(first) == len(second) and all(not one.isdisjoint(two) for one, two in zip(first, second, strict=True))


def _details(pairs: Sequence[tuple[Claim, Claim]]) -> Iterator[tuple[str, tuple[float, ...]]]:
    compared = [(said, gold) for said, gold in pairs if said.baseline_value or gold.baseline_value]
    if compared:
        yield "results.baseline", (float(sum(_same_baseline(*pair) for pair in compared)), float(len(compared)))
    yield "results.kind", (float(sum(said.kind == gold.kind for said, gold in pairs)), float(len(pairs)))


def _agreement(said: Claim, gold: Claim) -> tuple[bool, ...]:
    """For each part whether it is right; nothing is when the value is not."""
    if not same_value(said.value, said.unit, gold.value, gold.unit):
        return (False,) * len(_LEVELS)
    parts = ((said.metric, gold.metric), (said.dataset, gold.dataset), (said.method, gold.method))
    return (True, *(fold(one or "") == fold(other or "") for one, other in parts))


def _likeness(agreement: Sequence[Sequence[tuple[bool, ...]]], level: int) -> list[list[float]]:
    """For each pair that is right so far how many parts are right: that decides between pairs of the same value."""
    return [[float(sum(parts)) if all(parts[: level + 1]) else 0.0 for parts in row] for row in agreement]


def _same_baseline(said: Claim, gold: Claim) -> bool:
    if said.baseline_value is None or gold.baseline_value is None:
        return False
    return same_value(said.baseline_value, said.unit, gold.baseline_value, gold.unit)


@lru_cache(10_000)
def _amount(value: str, unit: str) -> _Amount:
    return tuple(number.written.readings for number in numbers_of(f"{value} {unit}"))
