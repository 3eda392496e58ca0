"""Records for the papers of an evaluation, each written as soon as it is there; goes on after those of before."""

from collections.abc import Callable, Iterable
from pathlib import Path

from summarizer import Paper, Settings, Summarizer
from summarizer.extension import OutputError, Progress, RecordFile, ResumeError


def ask(
    papers: Iterable[Paper], path: Path, settings: Settings, stopping: Callable[[], bool], progress: Progress
) -> bool:
    """Have a record for each paper in the file; False when one has no answer.

    `OutputError` when the records that are there are of another run.
    """
    summarizer = Summarizer(settings, stopping=stopping)
    with RecordFile(path) as file, progress:
        try:
            for record in summarizer.run(papers, progress.counting(file.written())):
                file.append(record)
                progress.add(record)
        except ResumeError as error:
            raise OutputError(str(path.parent), f"{error}; choose another folder with -o") from error
    return not progress.statuses["failed"]
