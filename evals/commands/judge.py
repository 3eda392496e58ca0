"""`summarizer judge`: have a model compare the summaries of two runs, and say how far it can be believed."""

import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from evals.judging.decisions import decide
from evals.judging.findings import Tally
from evals.judging.labels import Label, fitting, preferences, read_labels
from evals.judging.pairs import Pair, read_pairs
from evals.judging.questions import CHECK_SCHEMA, COMPARISON_SCHEMA, Questions, load_prompt
from evals.judging.report import FILE, Report, Spent, SuiteReport, as_text
from evals.judging.verdicts import FILE as VERDICTS
from evals.judging.verdicts import Verdict, VerdictFile, verdict_of
from evals.runs import Run, RunFolder, suites_of
from summarizer import Settings, __version__
from summarizer.extension import (
    FAILURES,
    INTERRUPTED,
    OK,
    OVER_BUDGET,
    Asker,
    BudgetError,
    Decoding,
    OutputError,
    Question,
    SettingsError,
    complain,
    interruptible,
    say,
    settings_of,
    show_log,
    write_whole,
)

#: Seconds between two lines that tell how far it is.
_PACE = 10.0


@dataclass(frozen=True, slots=True)
class _Suite:
    """One suite of both runs."""

    name: str
    a: RunFolder
    b: RunFolder
    run_a: Run
    run_b: Run
    limit: int | None

    def pairs(self) -> Iterator[Pair]:
        return read_pairs(self.a, self.b, self.limit)


def call(options: Namespace) -> int:
    """Ask what was not asked yet, and report; 1 when some have no answer, 3 at the end of a budget, 130 stopped."""
    settings = settings_of(options)
    show_log(quiet=options.quiet)
    if settings.temperature:
        raise SettingsError("a judge is asked at temperature 0, so that it says the same again: set --temperature 0")
    labels = () if options.labels is None else read_labels(options.labels)
    suites = [_suite(name, options) for name in _names(options)]
    prompt = load_prompt()
    decoding = Decoding(max_tokens=settings.max_tokens, temperature=settings.temperature, seed=settings.seed)
    with interruptible() as stopping:
        bench = _Bench(settings, Questions(prompt, decoding), stopping)
        warnings = tuple(_warnings(bench.asker.identity.model, suites))
        for warning in warnings:
            complain(f"warning: {warning}")
        try:
            bench.ask(suites, options.output, quiet=options.quiet)
        except BudgetError as error:
            complain(f"stopped: {error}; what was answered is kept, and the same command goes on")
            return OVER_BUDGET
        if stopping():
            complain("stopped; what was answered is kept, and the same command goes on")
            return INTERRUPTED
        report = Report(
            version=__version__,
            judge=bench.asker.identity,
            prompt=prompt.name,
            prompt_sha256=prompt.sha256,
            schema_sha256=tuple(sha256(text.encode()).hexdigest() for text in (COMPARISON_SCHEMA, CHECK_SCHEMA)),
            decoding=decoding,
            warnings=warnings,
            suites=tuple(bench.report(suite, labels) for suite in suites),
        )
    if strangers := _strangers(labels, suites):
        complain(f"{strangers} of {len(labels)} labels are of other summaries, papers or suites, and do not count here")
    write_whole(options.output / FILE, report.model_dump_json(indent=2) + "\n")
    say(as_text(report))
    return FAILURES if any(_failed(suite) for suite in report.suites) else OK


class _Bench:
    """The judge, with what it has said so far."""

    def __init__(self, settings: Settings, questions: Questions, stopping: Callable[[], bool]) -> None:
        self.asker, self._questions, self._stopping = Asker(settings, stopping), questions, stopping
        self._verdicts: dict[str, Verdict] = {}  # by key

    def ask(self, suites: list[_Suite], folder: Path, *, quiet: bool) -> None:
        """Ask what `folder` has no verdict for. A question that got no answer is asked again."""
        # All pairs are looked at before anything is asked, so that runs over other papers cost nothing.
        keys = {self.asker.key(question) for suite in suites for question in self._all(suite)}
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(str(folder), f"{error.strerror}; choose another with -o") from error
        with VerdictFile(folder / VERDICTS) as file:
            self._verdicts = {verdict.key: verdict for verdict in file.written() if verdict.is_settled}
            asked: dict[str, tuple[Question, str]] = {}
            told = time.monotonic()
            for outcome in self.asker.ask(self._due(suites, asked)):
                question, key = asked.pop(outcome.request_id)
                verdict = verdict_of(question, key, outcome)
                file.append(verdict)
                self._verdicts[key] = verdict
                if not quiet and time.monotonic() - told >= _PACE:
                    told = time.monotonic()
                    complain(f"{sum(key in self._verdicts for key in keys)} of {len(keys)} questions are answered")

    def report(self, suite: _Suite, labels: Sequence[Label]) -> SuiteReport:
        """What the verdicts say about a suite."""
        tally, used = Tally(preferences(labels, suite.name)), dict[str, Verdict]()

        def find(question: Question) -> Verdict | None:
            key = self.asker.key(question)
            verdict = self._verdicts.get(key)
            if verdict is not None:
                used[key] = verdict
            return verdict

        for pair in suite.pairs():
            tally.add(decide(suite.name, pair, self._questions, find))
        data = suite.run_a.data
        return SuiteReport(
            suite=suite.name,
            split=data.split,
            data_sha256=data.sha256,
            a=suite.run_a.made,
            b=suite.run_b.made,
            findings=tally.findings(),
            spent=_spent(list(used.values())),
        )

    def _all(self, suite: _Suite) -> Iterator[Question]:
        for pair in suite.pairs():
            yield from self._questions.about(suite.name, pair)

    def _due(self, suites: list[_Suite], asked: dict[str, tuple[Question, str]]) -> Iterator[Question]:
        under_way = set[str]()
        for suite in suites:
            for question in self._all(suite):
                key = self.asker.key(question)
                # The same summary may be checked twice.
                if key not in self._verdicts and key not in under_way:
                    under_way.add(key)
                    asked[question.id] = question, key
                    yield question


def _strangers(labels: Sequence[Label], suites: Sequence[_Suite]) -> int:
    known = set[Label]()
    for suite in suites:
        of_suite = preferences(labels, suite.name)
        known.update(label for pair in suite.pairs() for label in fitting(of_suite, pair))
    return len(set(labels) - known)


def _names(options: Namespace) -> list[str]:
    there = [set(suites_of(folder)) for folder in (options.a, options.b)]
    common = sorted(set.intersection(*there))
    wanted: list[str] = list(dict.fromkeys(options.suite)) if options.suite else common
    if missing := [name for name in wanted if name not in common]:
        raise SettingsError(f"--suite {missing[0]}: both runs have {', '.join(common) or 'no suite in common'}")
    if not wanted:
        raise SettingsError(f"{options.a} and {options.b} have no suite in common")
    return wanted


def _suite(name: str, options: Namespace) -> _Suite:
    a, b = RunFolder(options.a, name), RunFolder(options.b, name)
    return _Suite(name, a, b, a.read_run(), b.read_run(), options.limit)


def _warnings(judge: str, suites: list[_Suite]) -> Iterator[str]:
    judged = {made.model for suite in suites for made in (suite.run_a.made, suite.run_b.made)}
    if _short(judge) in map(_short, judged):
        yield f"the judge {judge} is one of the judged, and models prefer their own words: take another family"


def _short(model: str) -> str:
    # One model has many names: of the hub, of a folder, of a server.
    return model.rstrip("/").rpartition("/")[2].lower()


def _spent(verdicts: list[Verdict]) -> Spent:
    costs = [verdict.cost_usd for verdict in verdicts]
    known = [cost for cost in costs if cost is not None]
    return Spent(
        questions=len(verdicts),
        prompt_tokens=sum(verdict.prompt_tokens for verdict in verdicts),
        completion_tokens=sum(verdict.completion_tokens for verdict in verdicts),
        cost_usd=sum(known) if len(known) == len(costs) else None,
        seconds=sum(verdict.seconds for verdict in verdicts),
    )


def _failed(suite: SuiteReport) -> int:
    found = suite.findings
    return found.pairs.faults + found.pairs.errors + found.check_faults + found.check_errors
