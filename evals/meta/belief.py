"""What judged texts say about the metrics: the agreement of each, beside that of the length alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evals.meta.agreement import auroc, pair_accuracy, spearman, spearman_given, spearman_over
from evals.meta.judged import Judged, Labels
from evals.meta.values import Values
from evals.metrics import METRICS, NAMED
from evals.metrics.metric import Array
from evals.tables import Cell
from summarizer.extension import Frozen

#: The metric that is the control: whoever writes more says more.
LENGTH = "words"


class NuggetAgreement(Frozen):
    """One metric against the number of nuggets."""

    metric: str
    texts: int
    """That have a value."""
    spearman: Cell
    length: Cell
    """Spearman's correlation of the length alone, on the same texts."""
    over_length: Cell
    """The difference of the two."""
    given_length: Cell
    """Partial correlation: among texts of one length."""
    pairs: Cell
    """Of 100 pairs of one paper that people tell apart, how many the metric orders as they do."""
    length_pairs: Cell
    """The same for the length alone."""
    pair_count: int


class NuggetBelief(Frozen):
    """All metrics on texts whose nuggets were labelled."""

    sha256: str
    """Of the labels, in the order of the files."""
    rows: int
    texts: int
    papers: int
    conflicting: int
    people: int
    metrics: tuple[NuggetAgreement, ...]


class EditAgreement(Frozen):
    """One metric as a signal that a text says what its document does not."""

    metric: str
    turned: bool
    """Whether the signal is the metric with its sign changed, because more of it is better."""
    texts: int
    wrong: int
    auroc: Cell
    kinds: dict[str, Cell]
    """AUROC for the wrong texts of each kind of change, against all right ones."""


class EditBelief(Frozen):
    """All metrics that need no targets, on texts that people called right or wrong."""

    sha256: str
    texts: int
    documents: int
    wrong: int
    metrics: tuple[EditAgreement, ...]


class Belief(Frozen):
    """What `meta.json` holds."""

    version: str
    """Of summarizer."""
    nuggets: NuggetBelief | None = None
    edits: EditBelief | None = None


@dataclass(frozen=True, slots=True)
class _Columns:
    """Texts that have a value of one metric, side by side."""

    values: Array
    judged: Array
    words: Array
    documents: tuple[str, ...]
    kinds: tuple[tuple[str, ...], ...]


def nugget_belief(
    labels: Labels, judged: Sequence[Judged], values: Sequence[Values], checksum: str, seed: int = 0
) -> NuggetBelief:
    """The agreement of each metric with the number of nuggets."""
    return NuggetBelief(
        sha256=checksum,
        rows=labels.rows,
        texts=len(judged),
        papers=len({one.document for one in values}),
        conflicting=labels.conflicting,
        people=labels.people,
        metrics=tuple(_nugget_agreement(name, columns, seed) for name, columns in _by_metric(judged, values).items()),
    )


def edit_belief(judged: Sequence[Judged], values: Sequence[Values], checksum: str, seed: int = 0) -> EditBelief:
    """How well each metric tells wrong texts from right ones."""
    return EditBelief(
        sha256=checksum,
        texts=len(judged),
        documents=len({one.document for one in values}),
        wrong=sum(one.judgement > 0.5 for one in judged),
        metrics=tuple(_edit_agreement(name, columns, seed) for name, columns in _by_metric(judged, values).items()),
    )


def _by_metric(judged: Sequence[Judged], values: Sequence[Values]) -> Mapping[str, _Columns]:
    found = {}
    for metric in METRICS:
        rows = [place for place, one in enumerate(values) if metric.name in one.metrics and LENGTH in one.metrics]
        if rows:
            found[metric.name] = _Columns(
                values=np.array([values[place].metrics[metric.name] for place in rows]),
                judged=np.array([values[place].judgement for place in rows]),
                words=np.array([values[place].metrics[LENGTH] for place in rows]),
                documents=tuple(values[place].document for place in rows),
                kinds=tuple(judged[place].kinds for place in rows),
            )
    return found


def _nugget_agreement(name: str, columns: _Columns, seed: int) -> NuggetAgreement:
    values, judged, words, documents = columns.values, columns.judged, columns.words, columns.documents
    pairs, count = pair_accuracy(values, judged, documents, seed)
    return NuggetAgreement(
        metric=name,
        texts=len(values),
        spearman=spearman(values, judged, documents, seed),
        length=spearman(words, judged, documents, seed),
        over_length=spearman_over(values, judged, words, documents, seed),
        given_length=spearman_given(values, judged, words, documents, seed),
        pairs=pairs,
        length_pairs=pair_accuracy(words, judged, documents, seed)[0],
        pair_count=count,
    )


def _edit_agreement(name: str, columns: _Columns, seed: int) -> EditAgreement:
    turned = NAMED[name].better == "higher"
    signal, wrong = -columns.values if turned else columns.values, columns.judged

    def among(rows: npt.NDArray[np.bool_]) -> Cell:
        there = np.flatnonzero(rows)
        return auroc(signal[there], wrong[there], [columns.documents[row] for row in there], seed)

    kinds = sorted({kind for row in columns.kinds for kind in row})
    return EditAgreement(
        metric=name,
        turned=turned,
        texts=len(signal),
        wrong=int(wrong.sum()),
        auroc=among(np.ones(len(signal), dtype=np.bool_)),
        kinds={kind: among((wrong < 0.5) | np.array([kind in row for row in columns.kinds])) for kind in kinds},
    )
