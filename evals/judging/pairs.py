"""Two runs over the same papers become pairs of summaries, as a judge is to see them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import Literal

from evals.annotating.pairs import pair_key
from evals.judging.blinding import Side
from evals.judging.normal import normalized
from evals.runs import RunFolder
from evals.samples import MODEL, Sample, read_samples
from summarizer.extension import InputError

#: `missing`: a run has no answer, for no fault of its model; `empty`: a model said nothing; `same`: both say the same.
State = Literal["open", "missing", "empty", "same"]


@dataclass(frozen=True, slots=True)
class Pair:
    """What two runs say about one paper. Summaries are normalized; one that is missing is None."""

    id: str
    """Unique among the pairs of a suite."""
    key: str
    """That `summarizer annotate` knows it by: the same paper with other summaries is another pair."""
    document: str
    title: str
    abstract: str
    summaries: dict[Side, str | None]

    @property
    def state(self) -> State:
        """Whether a judge has to decide, and if not, why."""
        a, b = self.summaries["A"], self.summaries["B"]
        if a is None or b is None:
            return "missing"
        if not a or not b:
            return "empty"
        return "same" if a == b else "open"

    def words(self, side: Side) -> int:
        """Length of a summary."""
        return len((self.summaries[side] or "").split())


def read_pairs(a: RunFolder, b: RunFolder, limit: int | None = None) -> Iterator[Pair]:
    """The pairs of a suite, streamed, at most `limit`. `InputError` where the runs are not over the same papers."""
    seen = Counter[str]()
    both = zip_longest(read_samples(a.samples), read_samples(b.samples))
    for number, (one, other) in enumerate(islice(both, limit), start=1):
        if one is None or other is None:
            shorter = a if one is None else b
            reason = f"has {number - 1} papers and the other run more; --limit {number - 1} takes those of both"
            raise InputError(str(shorter.samples), reason)
        if (one.id, one.abstract) != (other.id, other.abstract):
            reason = (
                f"is about {other.id!r}, and the other run about {one.id!r}: only runs over the same papers compare"
            )
            raise InputError(str(b.samples), reason, number)
        seen[one.id] += 1
        said: dict[Side, str | None] = {"A": _said(one), "B": _said(other)}
        yield Pair(
            id=one.id if seen[one.id] == 1 else f"{one.id}#{seen[one.id]}",
            key=pair_key(one, said["A"] or "", said["B"] or ""),
            document=one.document,
            title=one.title,
            abstract=one.abstract,
            summaries={side: None if text is None else normalized(text) for side, text in said.items()},
        )


def _said(sample: Sample) -> str | None:
    if sample.outcome in {"error", "skipped"}:
        return None
    return (sample.systems[MODEL].prediction.summary or "").strip()
