"""Records and examples become samples: what each system says about a paper, and what that adds to each figure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from evals import baselines
from evals.examples import Example, Prediction, outcome_of, prediction_of
from evals.gazetteer import Gazetteer
from evals.metrics import FEWER, score, score_record
from evals.metrics.consistency import Labels
from evals.metrics.metric import Sums
from evals.metrics.similarity import Similarity
from evals.samples import MODEL, PEOPLE, Said, Sample
from summarizer import Record
from summarizer.extension import InputError

#: Papers that are scored together, for the encoder; bounds memory.
CHUNK = 64


@dataclass(slots=True)
class _Take:
    """One text of a system with what it adds to the sums. People have several for one paper, and count on average."""

    system: str
    prediction: Prediction
    example: Example
    sums: Sums


def samples(
    examples: Iterable[Example],
    records: Iterable[Record],
    gazetteer: Gazetteer | None = None,
    similarity: Similarity | None = None,
) -> Iterator[Sample]:
    """One sample for each example, in order. `InputError` when a record is of another paper than its example."""
    labels, pairs = Labels(), zip(examples, records, strict=True)
    while chunk := list(islice(pairs, CHUNK)):
        takes = [list(_takes(example, record, gazetteer, labels)) for example, record in chunk]
        if similarity is not None:
            _add_similarity([take for found in takes for take in found], similarity)
        for (example, record), found in zip(chunk, takes, strict=True):
            yield _sample(example, record, found)


def _takes(example: Example, record: Record, gazetteer: Gazetteer | None, labels: Labels) -> Iterator[_Take]:
    """All that is said about a paper: by the system under test, by the baselines, and by people."""
    if (record.id, record.title, record.abstract) != (example.paper.id, example.paper.title, example.paper.abstract):
        source = example.paper.source
        raise InputError(source.name, f"is not what the records were made of: {record.id!r} differs", source.line)
    outcome, prediction = outcome_of(record), prediction_of(record)
    own = score_record(record, outcome, prediction, example)
    yield _Take(MODEL, prediction, example, {**own, **dict(labels.score(record))})
    for name, other in baselines.predictions(example, gazetteer).items():
        yield _Take(name, other, example, score(other, example))
    for other, without in baselines.people(example):
        sums = score(other, without)
        yield _Take(PEOPLE, other, without, {**sums, **{FEWER[name]: sums[name] for name in FEWER}})


def _add_similarity(takes: Sequence[_Take], similarity: Similarity) -> None:
    # Where a summary was asked for, it was measured before; a paper without an answer has no figure here either.
    asked = [take for take in takes if "no_summary" in take.sums]
    for take, sums in zip(asked, similarity.score([(take.prediction, take.example) for take in asked]), strict=True):
        take.sums = {**take.sums, **sums}


def _sample(example: Example, record: Record, takes: Iterable[_Take]) -> Sample:
    by_system: dict[str, list[_Take]] = defaultdict(list)
    for take in takes:
        by_system[take.system].append(take)
    return Sample(
        id=example.paper.id,
        title=example.paper.title,
        abstract=example.paper.abstract,
        document=example.document,
        outcome=outcome_of(record),
        failure=record.failure.kind if record.failure else None,
        gold=example.gold,
        systems={name: _said(found) for name, found in by_system.items()},
    )


def _said(takes: Sequence[_Take]) -> Said:
    """What a system says, with its sums; where it says several things, their mean, and no one of them stands for it."""
    if len(takes) == 1:
        return Said(prediction=takes[0].prediction, sums=dict(takes[0].sums))
    added: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    for take in takes:
        for name, sums in take.sums.items():
            added[name].append(sums)
    return Said(
        prediction=Prediction(),
        sums={
            name: tuple(sum(each) / len(takes) for each in zip(*found, strict=True)) for name, found in added.items()
        },
    )
