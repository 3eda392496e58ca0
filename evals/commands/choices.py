"""`summarizer choices`: have a model write several sentences for each paper, and score them by those of people."""

from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from evals.choices import Drawn, DrawnFile, fingerprint, likeness
from evals.examples import Example
from evals.suites import load_suite, suite_and_file
from summarizer.extension import (
    INTERRUPTED,
    OK,
    Drawer,
    InputError,
    SettingsError,
    complain,
    interruptible,
    settings_of,
    show_log,
)


def call(options: Namespace) -> int:
    """Draw for papers that have none yet; 130 when it was stopped."""
    settings = settings_of(options)
    if settings.backend != "local" or settings.engine != "torch":
        raise SettingsError(
            "only a local model learns from what it draws, with torch: leave --backend and --engine out"
        )
    if not settings.temperature:
        raise SettingsError("at temperature 0 all sentences of a paper are the same: set --temperature 0.7")
    show_log(quiet=options.quiet)
    examples = {fingerprint(example.paper): example for name in options.files for example in _summarized(name)}
    with interruptible() as stopping, DrawnFile(options.output) as file:
        drawer = Drawer(settings, options.number)
        rows = list(file.written())
        if others := {row.by for row in rows} - {drawer.name}:
            raise SettingsError(f"-o {options.output}: holds sentences of {min(others)}; choose another file")
        done = {row.text for row in rows}
        waiting = [example.paper for text, example in examples.items() if text not in done]
        for paper, sentences in drawer.draw(waiting, stopping):
            if sentences:
                rows.append(Drawn(id=paper.id, text=fingerprint(paper), by=drawer.name, sentences=sentences))
                file.append(rows[-1])
        if stopping():
            complain("stopped; the same command goes on")
            return INTERRUPTED
    complain(f"{options.output}: {_told(rows, examples)}")
    return OK


def _summarized(name: str) -> Iterator[Example]:
    suite, path = suite_and_file(name)
    found = [example for example in load_suite(suite).read(path) if example.gold.summaries]
    if not found:
        raise InputError(str(path), "holds no summaries that sentences could be compared with")
    yield from found


def _told(rows: Sequence[Drawn], examples: Mapping[str, Example]) -> str:
    of_these = [row for row in rows if row.text in examples]
    none = f"; none for {len(examples) - len(of_these)} papers, which it could not read, or came to no end with"
    if not of_these:
        return f"no sentences{none}"
    scores = [[likeness(text, examples[row.text].gold.summaries) for text in row.sentences] for row in of_these]
    first, mean, best = (100 * fmean(map(take, scores)) for take in (lambda row: row[0], fmean, max))
    told = f"mean ROUGE of the likeliest sentence {first:.1f}, of all {mean:.1f}, of the best {best:.1f}"
    return f"{len(of_these)} papers; {told}{none if len(of_these) < len(examples) else ''}"
