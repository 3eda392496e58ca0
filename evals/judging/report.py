"""What `summarizer judge` leaves: `judge.json` for programs, and the same as text for people."""

from collections.abc import Iterator
from typing import Final

from evals.judging.figures import DIAGNOSTICS, WIN_RATE
from evals.judging.findings import CheckFigures, Findings
from evals.runs import Made
from evals.tables import Cell
from summarizer.extension import Decoding, Frozen, Identity, visible

FILE: Final = "judge.json"
_TITLES: Final = {
    "contribution": "contribution named",
    "result": "main result right",
    "supported": "nothing unsupported",
    "sentence": "one readable sentence",
}


class Spent(Frozen):
    """What the questions took when they were asked first, each of them counted once."""

    questions: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    """Null where the price of one of them is not known."""
    seconds: float


class SuiteReport(Frozen):
    """One suite."""

    suite: str
    split: str
    data_sha256: str
    a: Made
    b: Made
    findings: Findings
    spent: Spent


class Report(Frozen):
    """What `judge.json` holds."""

    version: str
    """Of summarizer."""
    judge: Identity
    prompt: str
    prompt_sha256: str
    schema_sha256: tuple[str, ...]
    decoding: Decoding
    warnings: tuple[str, ...]
    suites: tuple[SuiteReport, ...]


def as_text(report: Report) -> str:
    """The report for people."""
    return "\n\n".join(_suite_text(report.judge.model, suite) for suite in report.suites)


def _suite_text(judge: str, suite: SuiteReport) -> str:
    found, spent = suite.findings, suite.spent
    pairs = found.pairs
    cost = "price not known" if spent.cost_usd is None else f"${spent.cost_usd:.4f}"
    return "\n".join(
        [
            # Names come from files, which may hold what commands a terminal.
            visible(f"{suite.suite} {suite.split}: B against A on {pairs.papers} papers, judged by {judge}"),
            *_headline(found),
            *(_diagnostic(metric.title, found.diagnostics[metric.name]) for metric in DIAGNOSTICS),
            _agreement(found),
            f"  {'yes, in points':26}{'A':>8}{'B':>8}  B - A",
            *(_check_line(_TITLES[name], figures) for name, figures in found.checks.items()),
            f"  decided: {pairs.judged} by the judge, {pairs.same} the same, {pairs.empty} with an empty summary",
            f"  undecided: {pairs.faults} unreadable, {pairs.errors} no verdict, {pairs.missing} no summary",
            f"  checks: {found.check_faults} unreadable, {found.check_errors} without an answer",
            f"  {spent.questions} questions, {spent.prompt_tokens:,} tokens, {spent.completion_tokens:,} out, {cost}",
        ]
    )


def _headline(found: Findings) -> Iterator[str]:
    if found.win_rate is None or found.wins is None:
        yield _line(WIN_RATE.title, "withheld")
        yield from (f"    {reason}" for reason in found.withheld)
        return
    wins = found.wins
    told = f"  (B {wins['B']}, tie {wins['tie']}, A {wins['A']}; 50 is no difference)"
    yield _line(WIN_RATE.title, _shown(found.win_rate), told)


def _diagnostic(title: str, cell: Cell) -> str:
    return _line(title, _shown(cell), f"  of {cell.papers} pairs")


def _agreement(found: Findings) -> str:
    if found.kappa is None:
        return _line("kappa with people", "not calibrated")
    told = f"  of {found.labels} labels for {found.labelled} pairs"
    return _line("kappa with people", _shown(found.kappa, 2), told)


def _check_line(title: str, figures: CheckFigures) -> str:
    a, b = ("-" if cell.value is None else f"{cell.value:.1f}" for cell in (figures.a, figures.b))
    p = "" if figures.p is None else f"  p {figures.p:.3f}"
    return f"  {title:26}{a:>8}{b:>8}  {_shown(figures.difference)}{p}"


def _line(title: str, value: str, more: str = "") -> str:
    return f"  {title:26}{value}{more}"


def _shown(cell: Cell, digits: int = 1) -> str:
    if cell.value is None:
        return "-"
    if cell.low is None or cell.high is None:
        return f"{cell.value:.{digits}f}"
    return f"{cell.value:.{digits}f} [{cell.low:.{digits}f}, {cell.high:.{digits}f}]"
