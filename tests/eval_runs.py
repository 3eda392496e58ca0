"""Folders of evaluations, written as `summarizer eval` writes them, with the sums that a test needs."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from evals.examples import Gold, Outcome, Prediction
from evals.metrics.metric import Array
from evals.runs import Data, Made, Run, RunFolder, make_folder
from evals.samples import MODEL, Said, Sample
from evals.tables import Table

ROUGE = ("rouge1", "rouge2", "rougeL")


def sample(
    number: int, sums: Mapping[str, tuple[float, ...]], summary: str = "It reads rivers.", **fields: object
) -> Sample:
    """A paper of the given number with what the system under test adds to the sums; any field can be set."""
    outcome: Outcome = "answered"
    given: dict[str, object] = {
        "id": f"paper-{number}",
        "title": f"Reading rivers, part {number}",
        "abstract": f"We read river number {number} with a network.",
        "document": f"paper-{number}",
        "outcome": outcome,
        "gold": Gold(summaries=("A network that reads rivers.",)),
        "systems": {MODEL: Said(prediction=Prediction(summary=summary), sums=dict(sums))},
    }
    return Sample.model_validate(given | fields)


def rouge(value: float) -> dict[str, tuple[float, ...]]:
    """The sums of a summary that scores this much by all three."""
    return dict.fromkeys(ROUGE, (value, 1.0))


def write_run(folder: Path, samples: Iterable[Sample], suite: str = "scitldr", **changes: object) -> Path:
    """Write the folder; `changes` are of what made it, or of its data."""
    run = RunFolder(folder, suite)
    make_folder(run.path)
    count = 0
    with run.samples.open("w", encoding="utf-8") as file:
        for count, one in enumerate(samples, start=1):  # noqa: B007 - it is the count
            file.write(one.model_dump_json() + "\n")
    data: dict[str, object] = {
        "suite": suite,
        "split": "dev",
        "file": "dev.jsonl",
        "sha256": "0" * 64,
        "licence": "Apache-2.0",
        "limit": None,
        "papers": count,
    }
    made: dict[str, object] = {
        "backend": "scripted",
        "model": "scripted",
        "revision": None,
        "adapter": None,
        "dtype": None,
        "prompt": "annotate/v1",
        "prompt_sha256": "1" * 64,
        "schema_sha256": "2" * 64,
        "structured_mode": None,
        "language": "English",
        "max_tokens": 640,
        "temperature": 0.0,
        "seed": 0,
        "batch_size": 8,
        "version": "0.1.0",
    }
    of_data = {name: value for name, value in changes.items() if name in data}
    of_made = {name: value for name, value in changes.items() if name in made}
    run.write(
        Run(data=Data.model_validate(data | of_data), made=Made.model_validate(made | of_made)),
        Table(suite=suite, papers=count, rows=()),
    )
    return folder


def scores(rng: np.random.Generator, count: int) -> Array:
    """Shares as ROUGE-1 has them: a few zeros, a long tail, a spread of about 20 points."""
    values: Array = rng.beta(2.0, 3.5, count) * (rng.random(count) > 0.05)
    return values
