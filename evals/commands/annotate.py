"""`summarizer annotate`: people compare what two runs say, and write down what is right."""

import shlex
from argparse import Namespace
from collections.abc import Iterator

from pydantic import ValidationError

from evals.annotating.label_file import LabelFile, Labels, read_labels
from evals.annotating.labels import Gold
from evals.annotating.pairs import Pairs, common_suite, read_pairs
from evals.annotating.server import AnnotationServer
from evals.annotating.session import Session, tell
from evals.suites.gold import GoldPaper, gold_line
from summarizer.extension import (
    INTERRUPTED,
    OK,
    InputError,
    OutputError,
    SettingsError,
    complain,
    first_problem,
    interruptible,
    write_parts,
)


def call(options: Namespace) -> int:
    """Serve the page until Ctrl-C, and then return 130; or write the gold that people have made."""
    if options.export is not None:
        return _export(options)
    if options.annotator is None:
        raise SettingsError("say who labels, with --annotator NAME")
    suite = common_suite(options.run_a, options.run_b, options.suite)
    pairs = read_pairs(options.run_a, options.run_b, suite, options.limit)
    if not pairs.chosen:
        raise SettingsError(f"there is nothing to compare: {_left_out(pairs)}")
    with LabelFile(options.output) as file:
        _serve(Session(pairs.chosen, file, options.annotator, options.seed), pairs, options)
    return INTERRUPTED


def _serve(session: Session, pairs: Pairs, options: Namespace) -> None:
    with interruptible() as stopping, AnnotationServer(session, options.port) as server:
        progress = session.progress()
        complain(f"{progress.pairs} pairs, {progress.labelled} of them labelled by {session.annotator}")
        complain(_left_out(pairs))
        if strangers := session.strangers():
            complain(f"{strangers} labels of {options.output} are of other answers or questions, and do not count here")
        complain(f"open {server.address}")
        complain("each label is on the disk as soon as the page says so; stop with Ctrl-C")
        while not stopping():
            server.handle_request()
    progress = session.progress()
    complain(f"{options.output}: {progress.labelled} of {progress.pairs} pairs are labelled by {session.annotator}")
    for line in tell(session.standing()):
        complain(line)
    complain(f"to go on: {shlex.join(['summarizer', *options.given])}")


def _left_out(pairs: Pairs) -> str:
    return f"{pairs.alike} papers have the same summary in both runs, {pairs.unanswered} lack one"


def _export(options: Namespace) -> int:
    """Write one line for each paper that has gold; of several people the last one counts, unless one is named."""
    gold = tuple(_last(read_labels(options.output), options))
    if not gold:
        whose = f" by {options.annotator}" if options.annotator else ""
        raise SettingsError(f"{options.output} holds no gold{whose}; key g of the page writes some")
    if options.export.exists():
        raise OutputError(str(options.export), "is there already; choose another file with --export")
    lines = [gold_line(_paper(line, options)) for line in gold]
    write_parts(options.export, lines)
    complain(f"{options.export}: gold for {len(gold)} papers")
    return OK


def _paper(line: Gold, options: Namespace) -> GoldPaper:
    """As a line of gold, which is held to more than a label when it is read."""
    said = line.gold.model_dump(exclude_none=True)
    try:
        return GoldPaper.model_validate({"id": line.id, "title": line.title, "abstract": line.abstract, **said})
    except ValidationError as error:
        where = f"the gold of {line.annotator} for {line.id!r}"
        raise InputError(str(options.output), f"{where} cannot be exported: {first_problem(error, 'paper')}") from error


def _last(labels: Labels, options: Namespace) -> Iterator[Gold]:
    wanted = [line for line in labels.gold if options.annotator in {None, line.annotator}]
    suites = sorted({line.suite for line in wanted})
    if options.suite is None and len(suites) > 1:
        raise SettingsError(
            f"{options.output} has gold of several suites; choose one with --suite: {', '.join(suites)}"
        )
    # Oldest first, so that the last of each paper stays.
    yield from {line.id: line for line in wanted if options.suite in {None, line.suite}}.values()
