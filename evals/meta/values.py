"""What the metrics say of texts that people judged: the same functions that measure the summaries of a run."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from evals.examples import Prediction, outcome_of, prediction_of
from evals.meta.judged import Judged
from evals.metrics import METRICS, score, score_record
from evals.metrics.metric import Sums
from evals.metrics.similarity import Similarity
from summarizer import Record, Settings, Summarizer
from summarizer.extension import Frozen

#: Metrics of records that are about the summary alone; the others would measure an answer that nobody gave.
_OF_RECORDS: Final = ("unsupported_numbers", "unsupported_names")
_NOTHING_ELSE: Final = {
    "contribution": "study",
    "field": "other",
    **dict.fromkeys(("modalities", "tasks", "methods", "datasets", "metrics", "results"), ()),
}


class Values(Frozen):
    """One line of `values.jsonl`: a text, what people say about it, and what the metrics say."""

    id: str
    document: str
    judgement: float
    metrics: dict[str, float]
    """By the name of the metric, in its unit; those without a value for this text are left out."""


def measure(judged: Sequence[Judged], similarity: Similarity | None = None) -> list[Values]:
    """All metrics of all texts; those of `similarity` only with it."""
    said = [(Prediction(summary=one.text), one.example) for one in judged]
    near: Sequence[Sums] = similarity.score(said) if similarity else [{} for _ in said]
    found = []
    for one, (prediction, example), record, more in zip(judged, said, _records(judged), near, strict=True):
        counted = score_record(record, outcome_of(record), prediction_of(record), example)
        of_record = {name: counted[name] for name in _OF_RECORDS if name in counted}
        sums = {**score(prediction, example), **more, **of_record}
        found.append(Values(id=one.id, document=one.example.document, judgement=one.judgement, metrics=_values(sums)))
    return found


def _values(sums: Sums) -> dict[str, float]:
    found = {metric.name: float(metric.value(np.array(sums[metric.sums]))) for metric in METRICS if metric.sums in sums}
    return {name: value for name, value in found.items() if np.isfinite(value)}


def _records(judged: Sequence[Judged]) -> list[Record]:
    """The record of each text, as if a model had said it: what is not in the paper is found by the same checks."""
    papers = [one.example.paper.model_copy(update={"id": str(number)}) for number, one in enumerate(judged)]
    with TemporaryDirectory() as folder:
        script = Path(folder) / "script.jsonl"
        script.write_text(
            "".join(f"{json.dumps(_line(str(number), one.text))}\n" for number, one in enumerate(judged)),
            encoding="utf-8",
        )
        settings = Settings(backend="scripted", script=script, cache=False, stand_in=False, repair=False)
        return list(Summarizer(settings).run(papers))


def _line(known: str, text: str) -> Mapping[str, object]:
    return {"id": known, "text": {"tldr": text, **_NOTHING_ELSE}}
