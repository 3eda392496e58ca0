"""SciTLDR (Cachola et al. 2020), abstracts only: summaries of one sentence by authors and by people who read reviews.

Train has one target for each paper, dev and test have several, and a score counts for the best of them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

from evals.examples import Example, Gold, Words
from evals.suites.lines import Row, paper, read_rows
from evals.suites.suite import Suite


class _Row(Row):
    paper_id: str
    title: str
    source: Annotated[tuple[Words, ...], Field(min_length=1)]
    target: Annotated[tuple[Words, ...], Field(min_length=1)]


def read(path: Path) -> Iterator[Example]:
    """The examples of one file; the abstract is its sentences, one space apart."""
    for number, row in read_rows(path, _Row):
        sentences = tuple(sentence.strip() for sentence in row.source)
        yield Example(
            paper=paper(path, number, known=row.paper_id, title=row.title, abstract=" ".join(sentences)),
            gold=Gold(summaries=row.target),
            sentences=sentences,
            document=row.paper_id,
        )


SUITE = Suite(
    name="scitldr",
    about="summaries of one sentence, abstracts of ICLR papers",
    licence="Apache-2.0",
    origin="https://github.com/allenai/scitldr, SciTLDR-Data/SciTLDR-A",
    files={
        "train": ("scitldr_a_train.jsonl", "SciTLDR-Data/SciTLDR-A/train.jsonl", "SciTLDR-A/train.jsonl"),
        "dev": ("scitldr_a_dev.jsonl", "SciTLDR-Data/SciTLDR-A/dev.jsonl", "SciTLDR-A/dev.jsonl"),
        "test": ("scitldr_a_test.jsonl", "SciTLDR-Data/SciTLDR-A/test.jsonl", "SciTLDR-A/test.jsonl"),
    },
    read=read,
    parts=("summary",),
    hub="allenai/scitldr",
)
