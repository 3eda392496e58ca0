"""Quality against what it costs: each run with the intervals of both, and the baselines, which cost nothing.

Two panels share the height: on the left what is free, on the right what is not, on an axis of its own that may be
logarithmic.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

from evals.metrics.metric import Metric
from evals.reporting.numbers import label, words
from evals.reporting.side_by_side import Results, value_of
from evals.reporting.svg import INK, LETTERS, SOFT, Plot, as_set, finish, look, plain, sheet
from evals.tables import Cell

#: From where on a linear axis would press all but the largest together.
_WIDE_RANGE = 20.0
#: Right end of the left panel, whose points are at 0.
_EDGE = 3.0


@dataclass(frozen=True, slots=True)
class _Point:
    """A run that costs something."""

    name: str
    place: int
    quality: Cell
    price: Cell


@as_set
def against_price(results: Results, price: Metric) -> Plot:
    """The main metric against money or time for a paper."""
    metric = results.main
    title = f"{metric.title} against {'time' if price.unit == 'seconds' else 'cost'}"
    points = list(_points(results, price))
    if not points:
        return Plot(title, None, f"no plot, because {price.title} is nothing or unknown for every run.")
    figure = sheet()
    free, paid = figure.subplots(1, 2, sharey=True, width_ratios=(1, 1.7))
    _draw_runs(paid, points)
    _draw_price_axis(paid, price, points)
    _draw_free(free, results)
    qualities = [(0.0, value) for line in results.baselines if (value := value_of(line, metric)) is not None]
    qualities += [(point.price.value or 0.0, point.quality.value or 0.0) for point in points]
    _draw_front(paid, pareto(qualities, lower=metric.better == "lower"))
    free.set_ylabel(label(metric))
    said = _said(results, price, points)
    return finish(figure, f"{results.suite} {price.name}", title, said)


def pareto(points: Iterable[tuple[float, float]], *, lower: bool = False) -> list[tuple[float, float]]:
    """The (price, quality) that no other is as cheap as and better than, by ascending price."""
    sign = -1.0 if lower else 1.0
    front: list[tuple[float, float]] = []
    for price, quality in sorted(points, key=lambda point: (point[0], -sign * point[1])):
        if not front or sign * quality > sign * front[-1][1]:
            front.append((price, quality))
    return front


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """Ascending heights, moved apart where two are nearer than the gap, and about as far up as down."""
    blocks: list[list[float]] = []
    for height in heights:
        blocks.append([height])
        while len(blocks) > 1 and _stacked(blocks[-1], gap)[0] - _stacked(blocks[-2], gap)[-1] < gap:
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    return [height for block in blocks for height in _stacked(block, gap)]


def _stacked(block: Sequence[float], gap: float) -> list[float]:
    middle, last = sum(block) / len(block), len(block) - 1
    return [middle + gap * (place - last / 2) for place in range(len(block))] if last else list(block)


def _points(results: Results, price: Metric) -> Iterable[_Point]:
    runs = (line for line in results.lines if line.kind == "run")
    for place, line in enumerate(runs):
        if value_of(line, price) and value_of(line, results.main) is not None:
            yield _Point(line.name, place, line.cells[results.main.name], line.cells[price.name])


def _draw_runs(axes: Axes, points: Sequence[_Point]) -> None:
    for point in points:
        as_run = look(point.place)
        (x, left, right), (y, down, up) = _bar(point.price), _bar(point.quality)
        axes.errorbar(
            x,
            y,
            xerr=[[left], [right]],
            yerr=[[down], [up]],
            color=as_run.color,
            marker=as_run.marker,
            linewidth=1.2,
            capsize=2,
        )
        axes.annotate(point.name, (x, y), (6, 5), textcoords="offset points", weight="bold")


def _draw_price_axis(axes: Axes, price: Metric, points: Sequence[_Point]) -> None:
    values = [point.price.value or 0.0 for point in points]
    highest = max(value + up for value, _, up in (_bar(point.price) for point in points))
    if max(values) / min(values) > _WIDE_RANGE:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlim(min(values) / 3, highest * 3)
    else:
        axes.set_xlim(0.0, highest * 1.25)
        axes.locator_params(axis="x", nbins=3)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_linestyle(":")
    axes.set_xlabel(price.title)


def _draw_free(axes: Axes, results: Results) -> None:
    """All at one place, with names that do not cover one another."""
    lines = [line for line in results.lines if line.kind != "run" and value_of(line, results.main) is not None]
    for line in lines:
        y, down, up = _bar(line.cells[results.main.name])
        inside = SOFT if line.kind == "baseline" else "none"
        axes.errorbar(
            0.0, y, yerr=[[down], [up]], color=SOFT, marker="o", markersize=4, markerfacecolor=inside, linewidth=1
        )
    _name_free(axes, sorted((value_of(line, results.main) or 0.0, plain(line.name)) for line in lines))
    axes.set_xlim(-0.4, _EDGE)
    axes.set_xticks([0.0], ["0"])
    axes.set_xlabel("for nothing")


def _name_free(axes: Axes, named: Sequence[tuple[float, str]]) -> None:
    bottom, top = axes.get_ylim()
    gap = 0.075 * (top - bottom)
    heights = spread([height for height, _ in named], gap)
    for (height, name), beside in zip(named, heights, strict=True):
        axes.annotate(name, (0.0, height), (0.4, beside), va="center", color=SOFT, fontsize=LETTERS - 1)
    if heights:
        axes.set_ylim(min(bottom, heights[0] - gap), max(top, heights[-1] + gap))


def _draw_front(axes: Axes, front: Sequence[tuple[float, float]]) -> None:
    """Steps: for less than the price of a point there is only what the point before it has."""
    start, end = axes.get_xlim()
    for (price, quality), following in zip(front, [*front[1:], None], strict=True):
        until, height = following or (end, quality)
        x, y = [max(price, start), until, until], [quality, quality, height]
        axes.plot(x, y, color=INK, linestyle=(0, (4, 3)), linewidth=0.9, zorder=0)
    axes.set_xlim(start, end)


def _said(results: Results, price: Metric, points: Sequence[_Point]) -> str:
    metric, best = results.main, results.best_baseline
    said = "; ".join(
        f"{point.name}: {metric.title} {words(point.quality, metric)} for {words(point.price, price)} {price.title}"
        for point in points
    )
    if best:
        said += f". The best baseline is {best.name}, {words(best.cells[metric.name], metric)} for nothing"
    shown = {point.name for point in points}
    if lacking := [line.name for line in results.lines if line.kind == "run" and line.name not in shown]:
        said += f". Not shown, because {price.title} is nothing or unknown: {', '.join(lacking)}"
    return f"{said}. Bars are 95 % intervals, the dashed line is the Pareto front; hollow points know the answer."


def _bar(cell: Cell) -> tuple[float, float, float]:
    """The value, and how far the interval reaches below and above it."""
    value = cell.value or 0.0
    low, high = (value if bound is None else bound for bound in (cell.low, cell.high))
    # Where few papers hold most of it, the value of all papers may lie outside of its interval.
    return value, max(0.0, value - low), max(0.0, high - value)
