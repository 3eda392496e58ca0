"""A folder of an evaluation: for each suite what was asked, answered and measured, and what made it.

    DIR/SUITE/run.json         what made it: data and their checksum, model, prompt, schema, decoding, code
    DIR/SUITE/records.jsonl    the records, each written as soon as it is there; after a kill a run goes on there
    DIR/SUITE/samples.jsonl    what all systems say about each paper, with the gold and what each metric counts
    DIR/SUITE/table.json       the figures with their intervals
    DIR/report.html, .md       all of it for people

All but the records follows from the records and the data. Nothing in it depends on when it was made, so a run whose
answers come from the cache leaves the same bytes.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeVar

from pydantic import ValidationError

from evals.duplicates import Duplicates
from evals.samples import SAMPLES, Sample
from evals.tables import Table
from summarizer import Record
from summarizer.extension import Frozen, InputError, OutputError, write_parts, write_whole

RECORDS: Final = "records.jsonl"
TABLE: Final = "table.json"
RUN: Final = "run.json"

Kind = TypeVar("Kind", bound=Frozen)


class Data(Frozen):
    """Which examples were taken."""

    suite: str
    split: str
    file: str
    """Its name; where it stood on the machine is nobody's business."""
    sha256: str
    licence: str
    limit: int | None
    papers: int
    published: bool | None = None
    """Whether the file is the published one; null where that is not known."""
    duplicates: Duplicates | None = None
    """Papers that are in train as well; null where there is no train to look at."""


class Made(Frozen):
    """What made the records: all that can change an answer, of the first record that has one."""

    backend: str
    model: str
    revision: str | None
    adapter: str | None
    dtype: str | None
    prompt: str
    prompt_sha256: str
    schema_sha256: str
    structured_mode: str | None
    language: str | None
    max_tokens: int
    temperature: float
    seed: int
    batch_size: int
    """Of the command that ended the run; it is not in the key, and answers of before may have had other neighbours."""
    version: str
    """Of summarizer."""


class Run(Frozen):
    """What `run.json` holds."""

    data: Data
    made: Made


class RunFolder:
    """The files of one suite in the folder of an evaluation."""

    def __init__(self, folder: Path, suite: str) -> None:
        """Nothing is read or made yet."""
        self.path = folder / suite
        self.records, self.samples, self.table = self.path / RECORDS, self.path / SAMPLES, self.path / TABLE

    def write_samples(self, samples: Iterable[Sample]) -> None:
        """Write all of them or none: a kill leaves those of before."""
        write_parts(self.samples, (f"{sample.model_dump_json()}\n" for sample in samples))

    def write(self, run: Run, table: Table) -> None:
        """Write both, each as a whole."""
        write_whole(self.path / RUN, run.model_dump_json(indent=2) + "\n")
        write_whole(self.table, table.model_dump_json(indent=2) + "\n")

    def read_run(self) -> Run:
        """What made it; `InputError` when the folder is none of a finished evaluation, or lacks samples of it."""
        run = _read(self.path / RUN, Run)
        try:
            with self.samples.open("rb") as file:
                samples = sum(1 for _ in file)
        except OSError as error:
            raise InputError(str(self.samples), str(error.strerror)) from error
        if samples != run.data.papers:
            problem = f"has {samples} samples for {run.data.papers} papers; the same `summarizer eval` mends it"
            raise InputError(str(self.samples), problem)
        return run

    def read_table(self) -> Table:
        """The figures; `InputError` as above."""
        return _read(self.table, Table)


def make_folder(path: Path) -> None:
    """Make a folder and those that it lies in; `OutputError` when that cannot be done."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(str(path), str(error.strerror)) from error


def suites_of(folder: Path) -> Iterator[str]:
    """Names of the suites that an evaluation has finished, sorted; `InputError` when there are none."""
    found = sorted(path.parent.name for path in folder.glob(f"*/{RUN}"))
    if not found:
        raise InputError(str(folder), "holds no finished evaluation; `summarizer eval` makes one")
    yield from found


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(2**20):
            digest.update(chunk)
    return digest.hexdigest()


def made_of(record: Record, version: str, decoding: tuple[int, float, int], batch_size: int) -> Made:
    """What made a record; `decoding` is the longest answer, the temperature and the seed."""
    made = record.provenance
    if made is None:
        raise ValueError("a record that was not asked about")
    max_tokens, temperature, seed = decoding
    return Made(
        **{name: getattr(made, name) for name in Made.model_fields if hasattr(made, name)},
        max_tokens=max_tokens,
        temperature=temperature,
        seed=seed,
        batch_size=batch_size,
        version=version,
    )


def _read(path: Path, kind: type[Kind]) -> Kind:
    try:
        return kind.model_validate_json(path.read_bytes())
    except OSError as error:
        advice = "`summarizer eval` makes it, and the same command goes on where it was stopped"
        raise InputError(str(path), f"{error.strerror}; {advice}") from error
    except ValidationError as error:
        raise InputError(str(path), "was not written by this version of `summarizer eval`") from error
