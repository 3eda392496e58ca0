"""Runs side by side: for each suite the figures of all runs, with the baselines, which are the same for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isclose
from pathlib import Path
from string import ascii_uppercase
from typing import Final, Literal

from evals.baselines import ORACLE
from evals.metrics import METRICS, NAMED
from evals.metrics.metric import Metric
from evals.runs import Run, RunFolder, suites_of
from evals.samples import MODEL, PEOPLE
from evals.tables import Cell, Row, Table
from summarizer.extension import InputError, SettingsError

Kind = Literal["run", "baseline", "oracle", "people"]
_AGAIN: Final = "run `summarizer eval` on it again: what was answered is not asked anew"


@dataclass(frozen=True, slots=True)
class SuiteRun:
    """One run of one suite."""

    name: str
    """`model` where there is only one, else A, B and so on."""
    folder: str | None
    """Name of its folder; None where there is only one, so that the same run gives the same report anywhere."""
    files: RunFolder
    run: Run
    table: Table


@dataclass(frozen=True, slots=True)
class Line:
    """One system of a table."""

    system: str
    """As in samples; that of a run is always `evals.samples.MODEL`."""
    name: str
    """As people read it."""
    kind: Kind
    """An oracle has looked at the answer; people are one of them against the others."""
    cells: dict[str, Cell]
    saturated: tuple[str, ...]
    """See `tables.Row`."""


@dataclass(frozen=True, slots=True)
class Results:
    """One suite."""

    suite: str
    papers: int
    runs: tuple[SuiteRun, ...]
    lines: tuple[Line, ...]
    """The runs, then the baselines."""
    metrics: tuple[Metric, ...]
    """Those that anything was measured for."""
    main: Metric
    """The one that plots and the order of papers begin with."""

    @property
    def baselines(self) -> tuple[Line, ...]:
        """Those that a model has to beat: they cost nothing and have not seen the answer."""
        return tuple(line for line in self.lines if line.kind == "baseline")

    @property
    def best_baseline(self) -> Line | None:
        """By the main metric; None where it says nothing of any of them."""
        there = [line for line in self.baselines if value_of(line, self.main) is not None]
        sign = -1.0 if self.main.better == "lower" else 1.0
        return max(there, key=lambda line: sign * (value_of(line, self.main) or 0.0), default=None)


def value_of(line: Line, metric: Metric) -> float | None:
    """A figure, where there is one."""
    cell = line.cells.get(metric.name)
    return cell.value if cell else None


def read(folders: Sequence[Path]) -> tuple[Results, ...]:
    """All suites of all runs, in the order of their names.

    `InputError` for a folder that is no evaluation, or where two runs of a suite are not of the same data, or were not
    scored alike: what stands in one table has to be comparable. `SettingsError` for more runs than letters.
    """
    if len(folders) > len(ascii_uppercase):
        raise SettingsError(f"a report takes at most {len(ascii_uppercase)} runs")
    found: dict[str, list[SuiteRun]] = {}
    for letter, folder in zip(ascii_uppercase, folders, strict=False):
        several = len(folders) > 1
        for suite in suites_of(folder):
            files = RunFolder(folder, suite)
            one = SuiteRun(
                name=letter if several else MODEL,
                folder=folder.resolve().name if several else None,
                files=files,
                run=files.read_run(),
                table=files.read_table(),
            )
            found.setdefault(suite, []).append(one)
    return tuple(_results(suite, tuple(found[suite])) for suite in sorted(found))


def _results(suite: str, runs: tuple[SuiteRun, ...]) -> Results:
    for other in runs[1:]:
        _check_same(runs[0], other)
    for run in runs:
        if not {name for row in run.table.rows for name in row.cells} <= NAMED.keys():
            raise InputError(str(run.files.table), f"has figures that this version does not know; {_AGAIN}")
    lines = (*map(_line_of_run, runs), *_others(runs))
    measured = {name for line in lines for name, cell in line.cells.items() if cell.value is not None}
    metrics = tuple(metric for metric in METRICS if metric.name in measured)
    if not metrics:
        raise InputError(str(runs[0].files.table), "holds no figure")
    return Results(suite, runs[0].table.papers, runs, lines, metrics, _main(metrics, lines))


def _check_same(one: SuiteRun, other: SuiteRun) -> None:
    first, second = one.run.data, other.run.data
    if (first.split, first.sha256, first.papers) != (second.split, second.sha256, second.papers):
        was = f"{second.papers} papers of {second.split} in {second.file}"
        asked = f"{one.files.path} of {first.papers} of {first.split} in {first.file}"
        raise InputError(str(other.files.path), f"is of {was}, and {asked}: they cannot stand in one table")
    rows = {row.system: row for row in one.table.rows}
    for row in other.table.rows:
        if row.system != MODEL and row.system in rows and not _same_figures(rows[row.system], row):
            raise InputError(
                str(other.files.table), f"{row.system} has other figures than in {one.files.table}; {_AGAIN}"
            )


def _same_figures(one: Row, other: Row) -> bool:
    """Whether a baseline is scored alike in two runs; the last digits may differ between machines."""
    return one.cells.keys() == other.cells.keys() and all(
        isclose(cell.value or 0.0, other.cells[name].value or 0.0, abs_tol=1e-6) for name, cell in one.cells.items()
    )


def _line_of_run(run: SuiteRun) -> Line:
    (row,) = (row for row in run.table.rows if row.system == MODEL)
    return Line(MODEL, run.name, "run", row.cells, row.saturated)


def _others(runs: Sequence[SuiteRun]) -> list[Line]:
    """Every other system of any of the runs, once."""
    rows = {row.system: row for run in runs for row in run.table.rows if row.system != MODEL}
    lines = [Line(system, system, _kind(system), row.cells, row.saturated) for system, row in rows.items()]
    return sorted(lines, key=lambda line: ("baseline", "oracle", "people").index(line.kind))


def _kind(system: str) -> Kind:
    # There may be an oracle for each part of an answer.
    if system.startswith(ORACLE):
        return "oracle"
    return "people" if system == PEOPLE else "baseline"


def _main(metrics: Sequence[Metric], lines: Sequence[Line]) -> Metric:
    """The first question that baselines answer too; else the first that the runs do.

    Metrics of a family ask one question, and the first of them leads it: others may be there where that one is not.
    """
    leading = {metric.family: metric for metric in reversed(METRICS)}
    runs = [metric for metric in metrics if any(line.kind == "run" and metric.name in line.cells for line in lines)]
    asked = [metric for metric in runs if metric.family and leading[metric.family] is metric]
    asked = [metric for metric in asked if metric.better == "higher"]
    shared = [metric for metric in asked if any(line.kind != "run" and metric.name in line.cells for line in lines)]
    wanted = (shared, asked, [metric for metric in runs if metric.better == "higher"], metrics)
    return next(found[0] for found in wanted if found)
