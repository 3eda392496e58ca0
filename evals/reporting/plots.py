"""The plots of a suite: quality against money and time, how it lies over papers, and what it owes to length."""

import numpy as np
from scipy.stats import sem, spearmanr, t

from evals.metrics.metric import Array
from evals.reporting.numbers import amount, label
from evals.reporting.papers import Measured
from evals.reporting.prices import against_price
from evals.reporting.side_by_side import Results
from evals.reporting.svg import SOFT, Plot, as_set, finish, look, plain, sheet


def plots(results: Results, measured: Measured) -> list[Plot]:
    """All of them, those that cannot be drawn with the reason."""
    prices = [metric for unit in ("USD", "seconds") for metric in results.metrics if metric.unit == unit]
    unknown = [] if any(metric.unit == "USD" for metric in prices) else [_no_price(results)]
    against = [against_price(results, price) for price in prices]
    return [*unknown, *against, distribution(results, measured), against_length(results, measured)]


@as_set
def distribution(results: Results, measured: Measured) -> Plot:
    """How the main metric lies over papers, for each run and the best baseline."""
    metric = results.main
    title = f"{metric.title} of each paper"
    there = {name: found[np.isfinite(found)] for name, found in measured.main.items() if np.isfinite(found).any()}
    if not there:
        return Plot(title, None, "no plot, because it is measured for no paper by itself.")
    figure = sheet()
    axes = figure.subplots()
    every = np.concatenate(list(there.values()))
    bounds = (0.0, 100.0) if metric.unit == "points" else (float(every.min()), float(every.max()))
    places = {run.name: place for place, run in enumerate(results.runs)}
    for name, found in there.items():
        heights, edges = np.histogram(found, bins=20, range=bounds)
        as_run = look(places[name]) if name in places else None
        axes.stairs(
            100.0 * heights / len(found),
            edges,
            label=plain(name),
            color=as_run.color if as_run else SOFT,
            linestyle=as_run.dashes if as_run else ":",
            linewidth=1.6,
        )
    axes.set_xlabel(label(metric))
    axes.set_ylabel("% of papers")
    axes.legend()
    said = "; ".join(
        f"{name}: median {amount(float(np.median(found)), metric)}, half of the papers between "
        f"{' and '.join(amount(float(edge), metric) for edge in np.quantile(found, [0.25, 0.75]))}, "
        f"{100 * np.mean(found == 0.0):.1f} % of {len(found):,} at 0"
        for name, found in there.items()
    )
    return finish(figure, f"{results.suite} distribution", title, f"{said}.")


@as_set
def against_length(results: Results, measured: Measured) -> Plot:
    """The main metric against how much is said: what a figure owes to length.

    It stands where calibration would: records hold no confidence that could be held against what is right.
    """
    metric = results.main
    title = f"{metric.title} against length"
    points = {run.name: _lengths_and_scores(measured, run.name) for run in results.runs}
    if all(len(lengths) < 2 for lengths, _ in points.values()):
        return Plot(title, None, "no plot, because no run says anything about more than one paper.")
    figure = sheet()
    axes = figure.subplots()
    correlations = []
    for place, run in enumerate(results.runs):
        lengths, scores = points[run.name]
        correlations.append(f"{run.name}: {_rank_correlation(lengths, scores)}")
        x, y, error = _fifths(lengths, scores)
        as_run = look(place)
        axes.errorbar(
            x,
            y,
            yerr=error,
            label=plain(run.name),
            color=as_run.color,
            marker=as_run.marker,
            linestyle=as_run.dashes,
            linewidth=1.2,
            markersize=5,
        )
    axes.set_xlabel(f"length, {measured.unit}")
    axes.set_ylabel(label(metric))
    if len(results.runs) > 1:
        axes.legend()
    said = (
        f"Means of fifths of the papers by length, with 95 % intervals. {'; '.join(correlations)}. A figure that goes "
        "with length measures length too. Records hold no confidence, so there is no calibration to show."
    )
    return finish(figure, f"{results.suite} length", title, said)


def _no_price(results: Results) -> Plot:
    return Plot(f"{results.main.title} against cost", None, "no plot, because no run has a known price.")


def _lengths_and_scores(measured: Measured, run: str) -> tuple[Array, Array]:
    """Of each paper about which a run says something."""
    scores, lengths = measured.main[run], measured.lengths[run]
    there = np.isfinite(scores) & (lengths > 0)
    return lengths[there], scores[there]


def _fifths(lengths: Array, scores: Array) -> tuple[Array, Array, Array]:
    """Mean length, mean score and half of its t interval, for each fifth that has two papers or more."""
    edges = np.unique(np.quantile(lengths, [0.2, 0.4, 0.6, 0.8])) if len(lengths) else np.empty(0)
    part = np.searchsorted(edges, lengths)
    groups = [part == number for number in range(len(edges) + 1) if (part == number).sum() > 1]
    return (
        np.array([lengths[group].mean() for group in groups]),
        np.array([scores[group].mean() for group in groups]),
        np.array([t.ppf(0.975, group.sum() - 1) * sem(scores[group]) for group in groups]),
    )


def _rank_correlation(lengths: Array, scores: Array) -> str:
    if len(lengths) < 3 or np.ptp(lengths) == 0 or np.ptp(scores) == 0:
        return "no rank correlation, where all are alike or too few"
    return f"rank correlation {spearmanr(lengths, scores).statistic:+.2f} over {len(lengths):,} papers"
