"""A comparison as people read it: aligned text for a terminal, and the same in Markdown for a pull request."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from evals.comparing import Compared, Comparison, Moved, SuiteComparison
from evals.examples import KINDS
from evals.gates import Gated
from evals.statistics import FEWEST, MOST_GROUPS
from summarizer.extension import escape_markdown, visible

_HEADS: Final = ("metric", "A", "B", "B - A", "95 % interval", "p (Holm)", "detectable", "papers", "B is")
_NOTHING: Final = "-"
_ROUGE: Final = "ROUGE: words shared with a target; a title alone scores high, and length agrees better with people"


class _Style(NamedTuple):
    """How the parts of a page are set."""

    heading: Callable[[str], str]
    item: Callable[[str], str]
    table: Callable[[Sequence[Sequence[str]]], Iterator[str]]


def as_text(gated: Gated) -> str:
    """Aligned columns; what a terminal would obey is made visible."""
    return "\n".join(_lines(gated, _Style(_line, lambda text: f"  {_line(text)}", _aligned)))


def as_markdown(gated: Gated) -> str:
    """The same; nothing that comes from a file is markup."""
    style = _Style(lambda text: f"## {escape_markdown(text)}\n", lambda text: f"- {escape_markdown(text)}", _piped)
    return "\n".join(_lines(gated, style)) + "\n"


def _lines(gated: Gated, style: _Style) -> Iterator[str]:
    comparison = gated.comparison
    yield style.heading(f"{comparison.b} (B) against {comparison.a} (A)")
    for line in _explained(comparison):
        yield style.item(line)
    for suite in comparison.suites:
        yield ""
        yield style.heading(f"{suite.suite}, {suite.a.data.split}: {_count(suite.papers, 'paper')} that both have")
        for line in _about(suite):
            yield style.item(line)
        yield ""
        yield from style.table([_HEADS, *(_row(one, grouped=suite.grouped) for one in suite.metrics)])
        yield from _moved_lines(suite, style)
    if gated.gates:
        yield ""
        yield style.heading(f"Gates: {gated.gates}, of which {len(gated.broken)} break")
        for line in gated.broken:
            yield style.item(line)


def _explained(comparison: Comparison) -> Iterator[str]:
    yield f"equivalent: the difference is within {comparison.margin:g} points, found or not"
    yield f"better, worse: p < {comparison.alpha:g}, after Holm's correction for the metrics of a family"
    yield f"underpowered: too few papers to tell, as fewer than {FEWEST} documents always are"
    yield f"{_NOTHING}: no verdict; neither more nor less is better, or nothing was found and the unit has no margin"
    yield f"95 % interval: {comparison.resamples:,} paired resamples of documents; p: as many exchanges of A and B"
    yield "detectable: the smallest difference that so many papers show in four of five cases"
    if any(one.family.endswith("rouge") for suite in comparison.suites for one in suite.metrics):
        yield _ROUGE
    for warning in comparison.warnings:
        yield f"careful: {warning}"


def _about(suite: SuiteComparison) -> Iterator[str]:
    for change in suite.changed:
        yield f"{change.name}: {change.a} (A), {change.b} (B)"
    if not suite.changed:
        yield "both were made by the same model, prompt and settings"
    for warning in suite.warnings:
        yield f"careful: {warning}"
    if suite.grouped:
        yield f"more than {MOST_GROUPS:,} documents: random groups of them are drawn in their place"
    left_out = [
        (suite.only_a, "only in A"),
        (suite.only_b, "only in B"),
        (suite.other_abstract, "with other abstracts"),
    ]
    if any(count for count, _ in left_out):
        parts = (f"{_count(count, 'paper')} {where}" for count, where in left_out if count)
        yield f"left out: {', '.join(parts)}"
    if suite.answered_a or suite.answered_b:
        yield (
            f"answered by one of the two: {suite.answered_a} by A, {suite.answered_b} by B;"
            " they count in coverage and in nothing else"
        )


def _row(one: Compared, *, grouped: bool) -> tuple[str, ...]:
    unit = "" if one.unit == "points" or one.unit in one.title else f" ({one.unit})"
    interval = _NOTHING if one.low is None else f"[{_signed(one.low, one)}, {_signed(one.high, one)}]"
    papers = f"{one.papers}" if grouped or one.documents == one.papers else f"{one.papers} in {one.documents}"
    return (
        f"{one.title}{unit}",
        _figure(one.a, one),
        _figure(one.b, one),
        _signed(one.difference, one),
        interval,
        _p(one.p_holm),
        _figure(one.detectable, one),
        papers,
        one.word or _NOTHING,
    )


def _moved_lines(suite: SuiteComparison, style: _Style) -> Iterator[str]:
    if not suite.moved:
        return
    title = next((one.title for one in suite.metrics if one.metric == suite.moved_by), str(suite.moved_by))
    yield ""
    yield style.heading(f"Moved most by {title}")
    for moved in suite.moved:
        yield style.item(f"{moved.id}: {moved.title} ({moved.a:.4g} to {moved.b:.4g}, {moved.b - moved.a:+.4g})")
        yield from (f"  {style.item(line)}" for line in _said(moved))


def _said(moved: Moved) -> Iterator[str]:
    a, b = moved.said_a, moved.said_b
    if a.summary != b.summary:
        yield from (f"people: {target}" for target in moved.gold.summaries)
        yield f"A: {a.summary or _NOTHING}"
        yield f"B: {b.summary or _NOTHING}"
    for kind in KINDS:
        names_a, names_b = ((one.names or {}).get(kind, ()) for one in (a, b))
        if names_a != names_b:
            if (wanted := moved.gold.names.get(kind)) is not None:
                yield f"{kind}, people: {', '.join(name.name for name in wanted) or _NOTHING}"
            yield f"{kind}, A: {', '.join(names_a) or _NOTHING}"
            yield f"{kind}, B: {', '.join(names_b) or _NOTHING}"
    if a.contribution != b.contribution:
        yield f"contribution: {a.contribution or _NOTHING} (A), {b.contribution or _NOTHING} (B)"
    if a.results != b.results:
        yield f"results: {len(a.results or ())} (A), {len(b.results or ())} (B)"


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    cells = [[_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        first, *middle, last = (
            cell.ljust(width) if place in {0, len(widths) - 1} else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join([first, *middle, last]).rstrip()


def _piped(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    head, *others = ([escape_markdown(cell) for cell in row] for row in rows)
    yield f"| {' | '.join(head)} |"
    yield f"| --- |{' ---: |' * (len(head) - 2)} --- |"
    yield from (f"| {' | '.join(row)} |" for row in others)


def _line(text: str) -> str:
    return " ".join(visible(text).split())


def _figure(value: float | None, one: Compared) -> str:
    return _NOTHING if value is None else f"{value:.2f}" if one.unit != "USD" else f"{value:.6f}"


def _signed(value: float | None, one: Compared) -> str:
    if value is None:
        return _NOTHING
    figure = _figure(value, one)
    return figure if value < 0 else f"+{figure}"


def _p(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.4f}" if value >= 0.0001 else "< 0.0001"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
