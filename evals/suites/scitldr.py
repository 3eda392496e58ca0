"""SciTLDR (Cachola et al. 2020), abstracts only: summaries of one sentence by authors and by people who read reviews.

Train has one target for each paper, dev and test have several, and a score counts for the best of them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

from evals.examples import Example, Gold, Target, Words
from evals.suites.lines import Row, checked, paper, read_rows
from evals.suites.suite import Suite
from summarizer.extension import InputError


class _Row(Row):
    paper_id: Words
    title: str
    source: tuple[str, ...]
    target: Annotated[tuple[Target, ...], Field(min_length=1)]


def read(path: Path) -> Iterator[Example]:
    """The examples of one file; the abstract is its sentences, one space apart."""
    return checked(path, _examples(path))


def _examples(path: Path) -> Iterator[Example]:
    for number, row in read_rows(path, _Row):
        # One paper of train has a sentence of spaces.
        sentences = tuple(stripped for sentence in row.source if (stripped := sentence.strip()))
        if not sentences:
            raise InputError(str(path), f"{row.paper_id!r} has no abstract", number)
        yield Example(
            paper=paper(path, number, known=row.paper_id, title=row.title, abstract=" ".join(sentences)),
            gold=Gold(summaries=row.target),
            sentences=sentences,
            document=row.paper_id,
        )


# The hub has a script that loads it from there, which nobody should run.
_SCITLDR = "https://raw.githubusercontent.com/allenai/scitldr"

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
    addresses={
        "train": f"{_SCITLDR}/1ab65db149b641766154436f0f3860ad586f869d/SciTLDR-Data/SciTLDR-A/train.jsonl",
        "dev": f"{_SCITLDR}/335d4cb6dab71adce37b091ef5767d76d736d36c/SciTLDR-Data/SciTLDR-A/dev.jsonl",
        "test": f"{_SCITLDR}/335d4cb6dab71adce37b091ef5767d76d736d36c/SciTLDR-Data/SciTLDR-A/test.jsonl",
    },
    checksums={
        "train": "b222771d387be585cfdf5ae957b36757138415a352e0a3e3b23f73f87c3b1119",
        "dev": "3191fa98ccc09521332b7a1cd63b1930be4e8df125a235ccd31e40329709525e",
    },
)
