"""`summarizer eval`: ask about the papers of suites, and measure what comes."""

from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from evals import data
from evals.asking import ask
from evals.duplicates import Duplicates, Scan
from evals.examples import Example
from evals.gazetteer import Gazetteer
from evals.metrics.similarity import Similarity
from evals.reporting.html import render_html
from evals.reporting.markdown import render_markdown
from evals.reporting.side_by_side import read
from evals.runs import Data, Run, RunFolder, checksum, made_of, make_folder
from evals.samples import read_samples
from evals.scoring import samples
from evals.suites import load_suite
from evals.suites.suite import Split, Suite
from evals.tables import make_table
from summarizer import Settings, __version__, read_records
from summarizer.extension import (
    FAILURES,
    INTERRUPTED,
    OK,
    InputError,
    Progress,
    SettingsError,
    complain,
    interruptible,
    retry_command,
    settings_of,
    show_log,
    write_whole,
)


def call(options: Namespace) -> int:
    """Run the suites one after the other; 1 when a paper got no answer, 130 when the run was stopped."""
    settings = settings_of(options)
    if settings.batch:
        raise SettingsError("--batch: an evaluation asks at once; leave it out")
    show_log(quiet=options.quiet)
    # All names, files and packages are looked at before anything is asked.
    similarity = Similarity() if options.similarity else None
    wanted = _wanted(options, settings.cache_dir / "data")
    failed = False
    with interruptible() as stopping:
        for papers in wanted:
            folder = RunFolder(options.output, papers.suite.name)
            about = _about(papers, quiet=options.quiet)
            make_folder(folder.path)
            asked = (example.paper for example in papers.examples())
            retry = retry_command(options, folder.records)
            progress = Progress(about.papers, quiet=options.quiet, retry=retry, longest=settings.max_tokens)
            if not ask(asked, folder.records, settings, stopping, progress):
                failed = True
                complain(f"{papers.suite.name}: papers have no answer; after a retry, the same command measures anew")
            if stopping():
                return INTERRUPTED
            examples = _until(stopping, papers.examples())
            folder.write_samples(samples(examples, read_records(folder.records), papers.gazetteer(), similarity))
            _measure(papers, about, folder, settings)
    _report(options.output)
    return FAILURES if failed else OK


@dataclass(frozen=True, slots=True)
class _Papers:
    """The papers of a suite that are evaluated, and those that were to train on."""

    suite: Suite
    path: Path
    split: Split
    limit: int | None
    train: Path | None

    def examples(self) -> Iterator[Example]:
        """Read anew each time."""
        return islice(self.suite.read(self.path), self.limit)

    def duplicates(self) -> Duplicates | None:
        """Which of them are in train as well."""
        if self.train is None:
            return None
        return Scan(self.examples()).compare(self.suite.read(self.train), self.train.name, checksum(self.train))

    def gazetteer(self) -> Gazetteer | None:
        """The names of train; where train itself is evaluated, each paper is read with those of the others."""
        if "names" not in self.suite.parts:
            return None
        if self.train is None and self.split == "train":
            return Gazetteer(self.suite.read(self.path), others=True)
        return Gazetteer(self.suite.read(self.train)) if self.train else None


def _wanted(options: Namespace, kept: Path) -> list[_Papers]:
    suites = [load_suite(name) for name in dict.fromkeys(options.suites)]
    for place in (options.data, options.train):
        if len(suites) > 1 and place is not None and not Path(place).is_dir():
            raise SettingsError(f"{place} is no folder, and there are several suites; give a folder with their files")
    if options.data is not None and all(suite.shipped for suite in suites):
        raise SettingsError(
            f"{suites[0].name} comes with the program and reads no --data; papers of your own: eval gold"
        )
    return [
        _Papers(
            suite,
            data.find(suite, options.data, options.split, kept),
            options.split,
            options.limit,
            data.find_train(suite, options.data, options.split, options.train, kept),
        )
        for suite in suites
    ]


def _about(papers: _Papers, *, quiet: bool) -> Data:
    """What is known of the data before anything is asked; it is told, too."""
    digest = checksum(papers.path)
    about = Data(
        suite=papers.suite.name,
        split=papers.split,
        file=papers.path.name,
        sha256=digest,
        licence=papers.suite.licence,
        limit=papers.limit,
        papers=sum(1 for _ in papers.examples()),
        published=data.is_published(papers.suite, papers.split, digest),
        duplicates=papers.duplicates(),
    )
    if not quiet:
        for line in data.told(about):
            complain(line)
    return about


def _until(stopping: Callable[[], bool], examples: Iterable[Example]) -> Iterator[Example]:
    """Go on unless the run is to stop: then the samples of before stay, and the same command begins to count anew."""
    for example in examples:
        if stopping():
            raise KeyboardInterrupt
        yield example


def _measure(papers: _Papers, about: Data, folder: RunFolder, settings: Settings) -> None:
    """Write the table and what made it."""
    asked = next((record for record in read_records(folder.records) if record.provenance is not None), None)
    if asked is None:
        raise InputError(str(papers.path), "holds no paper that could be asked about")
    decoding = settings.max_tokens, settings.temperature, settings.seed
    run = Run(data=about, made=made_of(asked, __version__, decoding, settings.under_way))
    folder.write(run, make_table(papers.suite.name, read_samples(folder.samples)))


def _report(folder: Path) -> None:
    """Write the page and the Markdown of all suites that the folder holds."""
    suites = read([folder])
    write_whole(folder / "report.html", render_html(suites))
    write_whole(folder / "report.md", render_markdown(suites))
