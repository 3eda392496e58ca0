"""`summarizer eval`: ask about the papers of suites, and measure what comes."""

from argparse import Namespace
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from evals import data
from evals.duplicates import Duplicates, Scan
from evals.examples import Example
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
    SettingsError,
    complain,
    interruptible,
    settings_of,
    show_log,
)


def call(options: Namespace) -> int:
    """Run the suites one after the other; 1 when a paper got no answer, 130 when the run was stopped."""
    settings = settings_of(options)
    show_log(quiet=options.quiet)
    # All names and files are looked at before anything is asked.
    wanted = _wanted(options, settings.cache_dir / "data")
    failed = False
    with interruptible() as stopping:
        for suite, path, train in wanted:
            folder = RunFolder(options.output, suite.name)
            folder.make()
            about = _about(suite, path, train, options)
            failed |= not _ask(suite, path, folder, settings, options, stopping)
            if stopping():
                return INTERRUPTED
            _measure(suite, path, folder, about, settings, options)
    return FAILURES if failed else OK


def _wanted(options: Namespace, kept: Path) -> list[tuple[Suite, Path, Path | None]]:
    """The suites, each with its data and those to train on."""
    suites = [load_suite(name) for name in options.suites]
    for place in (options.data, options.train):
        if len(suites) > 1 and place is not None and not Path(place).is_dir():
            raise SettingsError(f"{place} is no folder, and there are several suites; give a folder with their files")
    return [
        (
            suite,
            data.find(suite, options.data, options.split, kept),
            data.find_train(suite, options.data, options.split, options.train, kept),
        )
        for suite in suites
    ]


def _about(suite: Suite, path: Path, train: Path | None, options: Namespace) -> Data:
    """What is known of the data before anything is asked; it is told, too."""
    digest = checksum(path)
    about = Data(
        suite=suite.name,
        split=options.split,
        file=path.name,
        sha256=digest,
        licence=suite.licence,
        limit=options.limit,
        papers=sum(1 for _ in _examples(suite, path, options)),
        published=data.is_published(suite, options.split, digest),
        duplicates=None if train is None else _duplicates(suite, path, train, options),
    )
    if not options.quiet:
        for line in data.told(about):
            complain(line)
    return about


def _duplicates(suite: Suite, path: Path, train: Path, options: Namespace) -> Duplicates:
    return Scan(_examples(suite, path, options)).compare(suite.read(train), train.name, checksum(train))


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


def _measure(suite: Suite, path: Path, folder: RunFolder, about: Data, settings: Settings, options: Namespace) -> None:
    """Write the samples, the table and what made them."""
    with folder.samples.open("w", encoding="utf-8") as file:
        for sample in samples(_examples(suite, path, options), read_records(folder.records)):
            file.write(sample.model_dump_json() + "\n")
    asked = next((record for record in read_records(folder.records) if record.provenance is not None), None)
    if asked is None:
        raise InputError(str(path), "holds no paper that could be asked about")
    run = Run(
        data=about,
        made=made_of(
            asked, __version__, (settings.max_tokens, settings.temperature, settings.seed), settings.batch_size
        ),
    )
    folder.write(run, make_table(suite.name, read_samples(folder.samples)))


def _examples(suite: Suite, path: Path, options: Namespace) -> Iterator[Example]:
    return islice(suite.read(path), options.limit)
