"""The report as Markdown for a pull request: the figures, how they lie, and what made them."""

from collections.abc import Iterator, Sequence

from evals.meta.passports import passport, told
from evals.metrics.metric import Metric
from evals.reporting.cautions import caution, cautions
from evals.reporting.facts import described, facts
from evals.reporting.numbers import amount, count, interval
from evals.reporting.side_by_side import Kind, Line, Results
from summarizer.extension import escape_markdown

_MARKS: dict[Kind, str] = {"oracle": " (knows the answer)", "people": " (one against the others)"}


def render_markdown(suites: Sequence[Results]) -> str:
    """Render the report; the same runs give the same text."""
    return "\n".join(_lines(suites)) + "\n"


def _lines(suites: Sequence[Results]) -> Iterator[str]:
    yield f"# Evaluation: {', '.join(escape_markdown(results.suite) for results in suites)}"
    yield ""
    descriptions = {run.name: described(run) for results in suites for run in results.runs}
    yield from (f"- {name}: {escape_markdown(said)}" for name, said in descriptions.items())
    yield ""
    for results in suites:
        data = results.runs[0].run.data
        yield f"## {escape_markdown(results.suite)}, {escape_markdown(data.split)}, {count(results.papers, 'paper')}"
        yield ""
        yield from _table_lines(results)
        said = [caution(results.metrics, results), *cautions(results)]
        yield from (f"- {escape_markdown(sentence)}" for sentence in said)
        yield from _belief_lines(results.metrics)
        yield ""
        yield from _fact_lines(results)


def _table_lines(results: Results) -> Iterator[str]:
    """Systems side by side, a line for each metric: pages of pull requests are narrow and long."""
    names = [f"{escape_markdown(line.name)}{_MARKS.get(line.kind, '')}" for line in results.lines]
    yield f"| | {' | '.join(names)} |"
    yield f"| --- |{' ---: |' * len(names)}"
    for metric in results.metrics:
        cells = (_cell(line, metric, results) for line in results.lines)
        yield f"| {escape_markdown(metric.title)}{_direction(metric)} | {' | '.join(cells)} |"
    yield ""


def _belief_lines(metrics: Sequence[Metric]) -> Iterator[str]:
    """How far people agree with the figures, where that is known."""
    known = [metric for metric in metrics if passport(metric.name)]
    yield f"- How far people agree was measured of {'these figures only:' if known else 'none of these figures.'}"
    yield from (f"  - {escape_markdown(metric.title)}: {escape_markdown(told(metric.name))}" for metric in known)


def _direction(metric: Metric) -> str:
    return {"higher": " ↑", "lower": " ↓", "neither": ""}[metric.better]


def _cell(line: Line, metric: Metric, results: Results) -> str:
    cell = line.cells.get(metric.name)
    if cell is None or cell.value is None:
        return "—"
    parts = [f"**{amount(cell.value, metric)}**" if line.kind == "run" else amount(cell.value, metric)]
    parts.append(interval(cell, metric))
    if cell.papers != results.papers:
        parts.append(f"(n {cell.papers:,})")
    if metric.name in line.saturated:
        parts.append("saturated")
    return " ".join(part for part in parts if part)


def _fact_lines(results: Results) -> Iterator[str]:
    yield f"| what made it | {' | '.join(run.name for run in results.runs)} |"
    yield f"| --- |{' --- |' * len(results.runs)}"
    for fact in facts(results):
        name = f"**{escape_markdown(fact.name)}**" if fact.differs else escape_markdown(fact.name)
        yield f"| {name} | {' | '.join(map(escape_markdown, fact.values))} |"
    yield ""
