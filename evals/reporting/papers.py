"""The papers of a suite with what each run says about them, streamed; and which of them a page has room for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat, zip_longest

import numpy as np
import numpy.typing as npt

from evals.metrics.metric import Array, Metric
from evals.reporting.side_by_side import Results
from evals.samples import MODEL, Sample, read_samples
from summarizer import Record, read_records
from summarizer.extension import InputError

_Sums = tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper, by all runs."""

    samples: tuple[Sample, ...]
    """One for each run; they differ in what the model says."""
    records: tuple[Record, ...]
    """One for each run."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What plots need of all papers: arrays with a number for each of them, NaN where there is none."""

    main: dict[str, Array]
    """The main metric, by the name of the line: the runs and the best baseline."""
    lengths: dict[str, Array]
    """How much each run says, by its name."""
    unit: str
    """Of the lengths: words of the summary, or names where the suite has no summaries."""
    unanswered: npt.NDArray[np.bool_]
    """Whether any run has no answer."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The papers that a page shows."""

    places: tuple[int, ...]
    """Which, counted from 0, ascending."""
    said: str
    """How they were chosen, where they are not all; else empty."""


def papers(results: Results) -> Iterator[Paper]:
    """All papers in order; `InputError` where the files of the runs do not fit together."""
    # A run that was stopped after its samples were written has more records than samples, but never fewer.
    streams = [chain(read_records(run.files.records), repeat(None)) for run in results.runs]
    for number, samples in enumerate(_samples(results), start=1):
        records = []
        for run, sample, stream in zip(results.runs, samples, streams, strict=True):
            record = next(stream)
            if record is None or record.id != sample.id:
                raise InputError(str(run.files.records), f"is not what the samples were made of: {sample.id!r}", number)
            records.append(record)
        yield Paper(samples, tuple(records))


def measure(results: Results) -> Measured:
    """Read all samples once. A few numbers for each paper are kept, and no text."""
    metric, best = results.main, results.best_baseline
    sums: dict[str, list[_Sums]] = {run.name: [] for run in results.runs}
    baseline: list[_Sums] = []
    said: dict[str, list[tuple[int, int]]] = {run.name: [] for run in results.runs}
    unanswered: list[bool] = []
    summaries = False
    for samples in _samples(results):
        summaries = summaries or bool(samples[0].gold.summaries or samples[0].gold.aspects)
        unanswered.append(any(sample.outcome != "answered" for sample in samples))
        for run, sample in zip(results.runs, samples, strict=True):
            sums[run.name].append(sample.systems[MODEL].sums.get(metric.sums))
            said[run.name].append(_lengths(sample))
        if best is not None:
            found = next((one.systems[best.system] for one in samples if best.system in one.systems), None)
            baseline.append(found.sums.get(metric.sums) if found else None)
    main = {name: values(metric, rows) for name, rows in sums.items()}
    if best is not None:
        main[best.name] = values(metric, baseline)
    column = 0 if summaries else 1
    lengths = {name: np.array([pair[column] for pair in pairs], dtype=np.float64) for name, pairs in said.items()}
    return Measured(main, lengths, "words" if summaries else "names", np.array(unanswered, dtype=np.bool_))


def values(metric: Metric, rows: Sequence[_Sums]) -> Array:
    """A metric for each paper by itself, of shape (papers,); NaN where a paper adds nothing."""
    found = np.full(len(rows), np.nan)
    there = [place for place, row in enumerate(rows) if row is not None]
    if there:
        found[there] = metric.value(np.array([rows[place] for place in there], dtype=np.float64))
    return found


def choose(results: Results, measured: Measured, most: int, seed: int = 0) -> Choice:
    """All papers where `most` allows, else a quarter each: unanswered, lowest, highest, and drawn at random."""
    total = len(measured.unanswered)
    if total <= most:
        return Choice(tuple(range(total)), "")
    rng, quarter = np.random.default_rng(seed), most // 4
    order, ordered_by = _order(results, measured)
    unanswered = rng.permutation(np.flatnonzero(measured.unanswered))[:quarter]
    chosen = {*map(int, unanswered), *map(int, order[:quarter]), *map(int, order[len(order) - quarter :])}
    rest = [place for place in map(int, rng.permutation(total)) if place not in chosen]
    chosen.update(rest[: most - len(chosen)])
    said = (
        f"{most:,} of {total:,} papers are on this page: {len(unanswered):,} of the "
        f"{int(measured.unanswered.sum()):,} without an answer, the {quarter:,} lowest and the {quarter:,} highest by "
        f"{ordered_by}, and others that were drawn at random (seed {seed}). The tables and plots are of all of them."
    )
    return Choice(tuple(sorted(chosen)), said)


def share(sizes: Sequence[int], room: int) -> list[int]:
    """How much of the room each of several suites gets: small ones all they need, the others as much as one another."""
    given = [0] * len(sizes)
    left, waiting = room, sorted(range(len(sizes)), key=lambda place: (sizes[place], place))
    for count, place in enumerate(waiting):
        given[place] = min(sizes[place], left // (len(sizes) - count))
        left -= given[place]
    return given


def _order(results: Results, measured: Measured) -> tuple[npt.NDArray[np.intp], str]:
    """The papers that have a figure, ascending, and by what."""
    first, *others = results.runs
    by, said = measured.main[first.name], f"{results.main.title} of {first.name}"
    if others:
        by, said = by - measured.main[others[0].name], f"{results.main.title} of {first.name} minus {others[0].name}"
    order = np.argsort(by, kind="stable")
    return order[: int(np.isfinite(by).sum())], said


def _samples(results: Results) -> Iterator[tuple[Sample, ...]]:
    streams = zip_longest(*(read_samples(run.files.samples) for run in results.runs))
    for number, samples in enumerate(streams, start=1):
        for run, sample in zip(results.runs, samples, strict=True):
            if sample is None or sample.id != next(one for one in samples if one is not None).id:
                raise InputError(str(run.files.samples), "is not of the same papers as the others", number)
        yield samples


def _lengths(sample: Sample) -> tuple[int, int]:
    said = sample.systems[MODEL].prediction
    return len((said.summary or "").split()), sum(map(len, (said.names or {}).values()))
