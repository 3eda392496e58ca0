"""Records and examples become samples: what each system says about a paper, and what that adds to each figure."""

from collections.abc import Iterable, Iterator

from evals import baselines
from evals.examples import Example, outcome_of, prediction_of
from evals.metrics import score, score_record
from evals.samples import MODEL, Said, Sample
from summarizer import Record
from summarizer.extension import InputError


def samples(examples: Iterable[Example], records: Iterable[Record]) -> Iterator[Sample]:
    """One sample for each example, in order. `InputError` when a record is of another paper than its example."""
    for example, record in zip(examples, records, strict=True):
        if (record.id, record.abstract) != (example.paper.id, example.paper.abstract):
            source = example.paper.source
            raise InputError(source.name, f"is not what the records were made of: {record.id!r} differs", source.line)
        yield _sample(example, record)


def _sample(example: Example, record: Record) -> Sample:
    outcome, prediction = outcome_of(record), prediction_of(record)
    systems = {MODEL: Said(prediction=prediction, sums=dict(score_record(record, outcome, prediction, example)))}
    for name, other in baselines.summaries(example).items():
        systems[name] = Said(prediction=other, sums=dict(score(other, example)))
    return Sample(
        id=example.paper.id,
        title=example.paper.title,
        abstract=example.paper.abstract,
        document=example.document,
        outcome=outcome,
        failure=record.failure.kind if record.failure else None,
        gold=example.gold,
        systems=systems,
    )
