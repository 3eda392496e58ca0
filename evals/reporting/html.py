"""The report as one HTML page: no server, no asset from elsewhere, and nothing from a paper or a model is markup.

Tables and plots stand in the page and need no script. Papers are in it as data: rows are made as they come into view,
by a script that writes texts and never markup.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from evals.meta.passports import told
from evals.metrics import outcome
from evals.metrics.metric import Metric
from evals.reporting.cautions import caution, cautions
from evals.reporting.facts import Fact, described, facts
from evals.reporting.numbers import amount, count, interval
from evals.reporting.page_data import as_json, page_suite
from evals.reporting.papers import choose, measure, share
from evals.reporting.plots import plots
from evals.reporting.side_by_side import Line, Results
from evals.reporting.svg import Plot
from summarizer.extension import visible

#: Papers of a page, of all suites together: with more of them it opens slowly.
MOST_PAPERS: Final = 5_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One cell of a table."""

    value: str
    interval: str
    papers: int | None
    """Where it is not of all papers of the suite."""
    saturated: bool


@dataclass(frozen=True, slots=True)
class Block:
    """The metrics of one part, and the systems that have any of them."""

    heading: str
    caution: str
    metrics: tuple[Metric, ...]
    rows: tuple[tuple[Line, tuple[Entry | None, ...]], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One suite, as the page shows it."""

    results: Results
    papers: str
    blocks: list[Block]
    cautions: list[str]
    plots: list[Plot]
    facts: list[Fact]


def render_html(suites: Sequence[Results]) -> str:
    """Render the report; the same runs give the same bytes."""
    sections, pages = [], []
    rooms = share([results.papers for results in suites], MOST_PAPERS)
    for results, room in zip(suites, rooms, strict=True):
        measured = measure(results)
        pages.append(page_suite(results, choose(results, measured, room)))
        sections.append(
            Section(
                results=results,
                papers=count(results.papers, "paper"),
                blocks=_blocks(results),
                cautions=cautions(results),
                plots=plots(results, measured),
                facts=facts(results),
            )
        )
    # A run has the same name, folder, model and prompt in all suites.
    descriptions = {run.name: described(run) for results in suites for run in results.runs}
    return _template().render(
        title=f"Evaluation: {', '.join(results.suite for results in suites)}",
        descriptions=descriptions,
        sections=sections,
        data=as_json(pages),
        told=told,
        style=_asset("report.css"),
        script=_asset("report.js"),
    )


def _blocks(results: Results) -> list[Block]:
    """First whether there are answers and what the suite asks most of all: in one table nobody would find it."""
    first = (outcome.PART, results.main.part)
    parts = dict.fromkeys(metric.part for metric in results.metrics if metric.part not in first)
    wanted = [first, *((part,) for part in parts)]
    return [_block([metric for metric in results.metrics if metric.part in part], results) for part in wanted]


def _block(metrics: Sequence[Metric], results: Results) -> Block:
    rows = tuple((line, tuple(_entry(line, metric, results) for metric in metrics)) for line in results.lines)
    return Block(
        heading=metrics[-1].part,
        caution=caution(metrics, results),
        metrics=tuple(metrics),
        rows=tuple((line, entries) for line, entries in rows if any(entries)),
    )


def _entry(line: Line, metric: Metric, results: Results) -> Entry | None:
    cell = line.cells.get(metric.name)
    if cell is None or cell.value is None:
        return None
    return Entry(
        value=amount(cell.value, metric),
        interval=interval(cell, metric),
        papers=cell.papers if cell.papers != results.papers else None,
        saturated=metric.name in line.saturated,
    )


def _template() -> Template:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Whatever is printed passes here before it is escaped, so that no field can be forgotten.
        finalize=lambda value: visible(value) if type(value) is str else value,
    )
    environment.filters["sha256"] = _sha256
    return environment.from_string(_asset("report.html.jinja"))


def _asset(name: str) -> Markup:
    return Markup(files("evals.reporting").joinpath(name).read_text(encoding="utf-8"))  # noqa: S704 - our own file


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
