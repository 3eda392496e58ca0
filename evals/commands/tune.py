"""`summarizer tune`: train an adapter from what people wrote about papers."""

from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path

from evals import data
from evals.lessons import lessons_of
from evals.runs import checksum, make_folder
from evals.suites import load_suite
from evals.suites.suite import Split, Suite
from summarizer.extension import INTERRUPTED, OK, Lesson, SettingsError, TrainingData, complain, interruptible, show_log, tune


def call(options: Namespace) -> int:
    """Train, or go on; 130 when it was stopped."""
    show_log(quiet=options.quiet)
    train, about = _read(options.train, "train")
    dev, on_dev = _read(options.dev, "dev")
    make_folder(options.output)
    with interruptible() as stopping:
        ended = tune(options, train, dev, (*about, *on_dev), stopping)
    if not ended:
        complain("stopped; the same command goes on")
        return INTERRUPTED
    return OK


def _read(named: Sequence[str], split: Split) -> tuple[list[Lesson], list[TrainingData]]:
    lessons, about = [], []
    for name in named:
        suite, path = _find(name, split)
        found = list(lessons_of(suite.read(path)))
        lessons += found
        about.append(
            TrainingData(
                split=split, suite=suite.name, file=path.name, sha256=checksum(path), licence=suite.licence, lessons=len(found)
            )
        )
    return lessons, about
