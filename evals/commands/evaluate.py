"""`summarizer eval`: ask about the papers of suites, and measure what comes."""

from argparse import Namespace
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from evals import data
from evals.examples import Example
from evals.metrics.similarity import Similarity
from evals.runs import Data, Run, RunFolder, checksum, made_of
from evals.samples import read_samples
from evals.scoring import samples
from evals.suites import load_suite
from evals.suites.suite import Suite
from evals.tables import make_table
from summarizer import Settings, Summarizer, __version__, read_records
from summarizer.extension import (
    FAILURES,
    INTERRUPTED,
    OK,
    InputError,
    OutputError,
    Progress,
    RecordFile,
    ResumeError,
    interruptible,
    settings_of,
    show_log,
)


def call(options: Namespace) -> int:
    """Run the suites one after the other; 1 when a paper got no answer, 130 when the run was stopped."""
    settings = settings_of(options)
    show_log(quiet=options.quiet)
    # All names, files and packages are looked at before anything is asked.
    similarity = Similarity() if options.similarity else None
    wanted = [(suite, data.find(suite, options.data, options.split)) for suite in map(load_suite, options.suites)]
    failed = False
    with interruptible() as stopping:
        for suite, path in wanted:
            folder = RunFolder(options.output, suite.name)
            folder.make()
            failed |= not _ask(suite, path, folder, settings, options, stopping)
            if stopping():
                return INTERRUPTED
            _measure(suite, path, folder, settings, options, similarity)
    return FAILURES if failed else OK


def _ask(
    suite: Suite,
    path: Path,
    folder: RunFolder,
    settings: Settings,
    options: Namespace,
    stopping: Callable[[], bool],
) -> bool:
    """Have a record for each paper; False when one has no answer."""
    summarizer = Summarizer(settings, stopping=stopping)
    count = sum(1 for _ in _examples(suite, path, options))
    papers = (example.paper for example in _examples(suite, path, options))
    with RecordFile(folder.records) as file, Progress(count, quiet=options.quiet) as progress:
        try:
            for record in summarizer.run(papers, progress.counting(file.written())):
                file.append(record)
                progress.add(record)
        except ResumeError as error:
            raise OutputError(str(folder.path), f"{error}; choose another folder with -o") from error
    return not progress.statuses["failed"]


def _measure(
    suite: Suite,
    path: Path,
    folder: RunFolder,
    settings: Settings,
    options: Namespace,
    similarity: Similarity | None,
) -> None:
    """Write the samples, the table and what made them."""
    papers = 0
    with folder.samples.open("w", encoding="utf-8") as file:
        for papers, sample in enumerate(  # noqa: B007 - it is the count
            samples(_examples(suite, path, options), read_records(folder.records), similarity=similarity), start=1
        ):
            file.write(sample.model_dump_json() + "\n")
    asked = next((record for record in read_records(folder.records) if record.provenance is not None), None)
    if asked is None:
        raise InputError(str(path), "holds no paper that could be asked about")
    run = Run(
        data=Data(
            suite=suite.name,
            split=options.split,
            file=path.name,
            sha256=checksum(path),
            licence=suite.licence,
            limit=options.limit,
            papers=papers,
        ),
        made=made_of(
            asked, __version__, (settings.max_tokens, settings.temperature, settings.seed), settings.batch_size
        ),
    )
    folder.write(run, make_table(suite.name, read_samples(folder.samples)))


def _examples(suite: Suite, path: Path, options: Namespace) -> Iterator[Example]:
    return islice(suite.read(path), options.limit)
