"""Names of tasks, methods, datasets and metrics as sets, in three tiers that are three numbers and never one.

    exact      the same string
    folded     the same words, whatever their case, the punctuation and the white space between them
    overlap    more than half of the words of both together are shared, as in SciREX (Jain et al. 2020); nearest first

Names are compared within a paper, and counted over all papers (micro). Any form of a gold name will do, each gold name
is found once, and a name that is said twice is said once. Kinds that people did not label are not looked at.

What the paper is about and neither title nor abstract says cannot be asked of a reader of abstracts. Such gold is not
wanted: it is kept out of recall, and a system that says it nevertheless is neither right nor wrong (it is true of the
paper), so it is kept out of precision too. How often that happens is a figure of its own, `names.invented`.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from evals.examples import KINDS, Example, GoldName, Kind, Prediction
from evals.metrics.matching import assign
from evals.metrics.metric import Metric, Value, f1, precision, recall, share

Tier = Literal["exact", "folded", "overlap"]

#: What makes names the same, in words of a table.
_TIERS: Final[Mapping[Tier, str]] = {
    "exact": "the same string",
    "folded": "the same words, without case and punctuation",
    "overlap": "more than half of the words shared",
}
_VALUES: Final[Sequence[tuple[str, Value]]] = (("f1", f1), ("precision", precision), ("recall", recall))
_LIMITS = "of names that the abstract states, all papers together; says nothing of names that nobody labelled"
_PLURALS: Final[Mapping[Kind, str]] = {kind: f"{kind}s" for kind in KINDS}
#: A word, with the signs that tell `C++` from `C` and `A*` from `A`.
_WORD = re.compile(r"[^\W_]+[+#*]*")


def _metrics(tier: Tier, *, typed: bool) -> Iterator[Metric]:
    sums = f"names.{tier}" if typed else f"names.untyped.{tier}"
    kinds = "of the same kind" if typed else "of any kind"
    part = "names" if typed else "names of any kind"
    for name, value in _VALUES:
        title = f"names {tier} {'' if typed else 'untyped '}{name.upper() if name == 'f1' else name}"
        yield Metric(f"{sums}.{name}", title, f"{name} {_LIMITS}; {_TIERS[tier]}, {kinds}", sums, 3, value, part,
                     family=f"names.{name}")  # fmt: skip


METRICS = (
    *(metric for tier in _TIERS for metric in _metrics(tier, typed=True)),
    *(metric for tier in _TIERS for metric in _metrics(tier, typed=False)),
    *(
        Metric(f"names.{kind}.f1", f"{_PLURALS[kind]} F1", f"f1 of {_PLURALS[kind]} {_LIMITS}; {_TIERS['folded']}",
               f"names.{kind}", 3, f1, "names of each kind", family="names.kinds")
        for kind in KINDS
    ),
    Metric("names.invented", "names from elsewhere", "gold names that the abstract does not state and that are said "
           "nevertheless; other inventions, which nobody labelled, are not seen", "names.invented", 2, share, "names",
           better="lower"),
)  # fmt: skip


def score(prediction: Prediction, example: Example) -> Iterator[tuple[str, tuple[float, ...]]]:
    """What one paper adds to the sums of `METRICS`; nothing for a system or a paper without names."""
    if prediction.names is None or not example.gold.names:
        return
    kinds = tuple(example.gold.names)
    gold = {kind: example.gold.names[kind] for kind in kinds}
    said = {kind: prediction.names.get(kind, ()) for kind in kinds}
    for tier in _TIERS:
        each = {kind: count(said[kind], gold[kind], tier) for kind in kinds}
        yield f"names.{tier}", _added(list(each.values()))
        all_said, all_gold = [name for kind in kinds for name in said[kind]], [n for kind in kinds for n in gold[kind]]
        yield f"names.untyped.{tier}", count(all_said, all_gold, tier).sums
        if tier == "folded":
            yield from ((f"names.{kind}", found.sums) for kind, found in each.items())
            if unstated := sum(found.unstated for found in each.values()):
                yield "names.invented", (float(sum(found.invented for found in each.values())), float(unstated))


@dataclass(frozen=True, slots=True)
class Count:
    """How the names that a system says of one paper agree with gold."""

    right: int
    said: int
    """Without those that gold has and the abstract does not state."""
    wanted: int
    """Those that the abstract states."""
    invented: int
    unstated: int

    @property
    def sums(self) -> tuple[float, float, float]:
        """As the metrics take them."""
        return float(self.right), float(self.said), float(self.wanted)


def count(said: Sequence[str], gold: Sequence[GoldName], tier: Tier) -> Count:
    """Compare two sets of names of one paper. What stated gold takes is no longer there for unstated gold."""
    key = _KEYS[tier]
    # Sorted, so that where two names could take one of gold, it is the same one in whichever order they are said.
    names = sorted({name for name in map(key, said) if name})
    stated = _forms([name for name in gold if name.stated], key)
    others = _forms([name for name in gold if not name.stated], key)
    unstated = {name: forms for name, forms in others.items() if name not in stated}
    right = _matched(names, list(stated.values()), tier)
    left = [name for number, name in enumerate(names) if number not in right]
    invented = _matched(left, list(unstated.values()), tier)
    return Count(len(right), len(names) - len(invented), len(stated), len(invented), len(unstated))


def fold(name: str) -> str:
    """The words of a name in one form; a name without any is only folded in case."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(_WORD.findall(plain)) or plain.strip()


_cached_fold = lru_cache(100_000)(fold)
_KEYS: Final[Mapping[Tier, Callable[[str], str]]] = {
    "exact": str.strip,
    "folded": _cached_fold,
    "overlap": _cached_fold,
}


def overlap(one: str, other: str) -> float:
    """Words that two folded names share, of all that they have together; a word counts as often as it stands there."""
    first, second = _words(one), _words(other)
    shared = (first & second).total() if not first.keys().isdisjoint(second) else 0
    return shared / (first.total() + second.total() - shared)


@lru_cache(100_000)
def _words(name: str) -> Counter[str]:
    return Counter(name.split())


def _forms(gold: Sequence[GoldName], key: Callable[[str], str]) -> dict[str, set[str]]:
    """The forms of each name; two names that are the same in this tier are one."""
    found: dict[str, set[str]] = {}
    for name in gold:
        found.setdefault(key(name.name), set()).update(map(key, name.forms))
    return found


def _matched(names: Sequence[str], gold: Sequence[set[str]], tier: Tier) -> set[int]:
    """Numbers of the names that have a gold name of their own, with the largest sum of likeness."""
    if not names or not gold:
        return set()
    like = _near if tier == "overlap" else _same
    return {row for row, _ in assign([[like(name, forms) for forms in gold] for name in names])}


def _same(name: str, forms: AbstractSet[str]) -> float:
    return float(name in forms)


def _near(name: str, forms: AbstractSet[str]) -> float:
    """The largest overlap, where that is more than half."""
    size = max(overlap(name, form) for form in forms)
    return size if size > 0.5 else 0.0


def _added(counts: Sequence[Count]) -> tuple[float, float, float]:
    right, said, wanted = map(sum, zip(*(found.sums for found in counts), strict=True))
    return right, said, wanted
