"""What all systems say about each paper, and what that adds to each figure: the file from which tables are made."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from evals.examples import Gold, Outcome, Prediction
from summarizer.extension import Frozen, InputError, first_problem

#: The system under test; all others are baselines.
MODEL = "model"
#: People against one another.
PEOPLE = "people"
SAMPLES = "samples.jsonl"


class Said(Frozen):
    """What one system says about a paper, and what it adds to the sums of the metrics."""

    prediction: Prediction
    sums: dict[str, tuple[float, ...]]


class Sample(Frozen):
    """One paper."""

    id: str
    title: str
    abstract: str
    document: str
    outcome: Outcome
    failure: str | None = None
    """Kind of the failure, where there is one."""
    gold: Gold
    systems: dict[str, Said]


def read_samples(path: Path) -> Iterator[Sample]:
    """Stream the samples of a file; `InputError` with the line of what is none."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                yield parse_sample(path, number, line)
    except OSError as error:
        raise InputError(str(path), str(error.strerror)) from error


def parse_sample(path: Path, number: int | None, line: bytes) -> Sample:
    """The sample of one line; `InputError` as above, without a line where the number is not known."""
    try:
        return Sample.model_validate_json(line)
    except ValidationError as error:
        raise InputError(str(path), f"not a sample of this version: {first_problem(error, 'line')}", number) from error
