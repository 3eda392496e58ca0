"""ACLSum (Takeshita et al. 2024): summaries of three aspects of ACL papers; here the abstract alone is read.

The summaries are of the abstract, the introduction and the conclusion, so an abstract does not answer all of them:
in 41 of the 100 papers of test no sentence of the abstract was marked for the challenge.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

from evals.examples import Aspect, Example, Gold, Target, Words
from evals.suites.lines import Row, checked, paper, read_rows
from evals.suites.suite import Suite
from evals.suites.tokens import joined

_COMMIT = "https://raw.githubusercontent.com/sobamchan/aclsum/a8bb03086d86bbb26eef94d024035d494d45dfef"


class _Sections(Row):
    abstract: Annotated[tuple[Words, ...], Field(min_length=1)]


class _Row(Row):
    id: Words
    title: str = ""
    """Not in all versions that were published."""
    summary: Annotated[dict[Aspect, Target], Field(min_length=1)]
    sentences: _Sections


def read(path: Path) -> Iterator[Example]:
    """The examples of one file; the abstract is its sentences, as natural text."""
    return checked(path, _examples(path))


def _examples(path: Path) -> Iterator[Example]:
    for number, row in read_rows(path, _Row):
        sentences = tuple(joined(sentence.split()).text for sentence in row.sentences.abstract)
        title = " ".join(row.title.split())
        yield Example(
            paper=paper(path, number, known=row.id, title=title, abstract=" ".join(sentences)),
            gold=Gold(aspects={aspect: text.strip() for aspect, text in row.summary.items()}),
            sentences=sentences,
            document=row.id,
        )


SUITE = Suite(
    name="aclsum",
    about="summaries of challenge, approach and outcome, abstracts of ACL papers",
    licence="MIT",
    origin="https://github.com/sobamchan/aclsum, src/aclsum/dataset",
    files={
        "train": ("aclsum_train.jsonl", "src/aclsum/dataset/train.jsonl", "aclsum/dataset/train.jsonl"),
        "dev": ("aclsum_val.jsonl", "src/aclsum/dataset/val.jsonl", "aclsum/dataset/val.jsonl"),
        "test": ("aclsum_test.jsonl", "src/aclsum/dataset/test.jsonl", "aclsum/dataset/test.jsonl"),
    },
    read=read,
    parts=("aspects",),
    addresses={
        "train": f"{_COMMIT}/src/aclsum/dataset/train.jsonl",
        "dev": f"{_COMMIT}/src/aclsum/dataset/val.jsonl",
        "test": f"{_COMMIT}/src/aclsum/dataset/test.jsonl",
    },
    checksums={
        "train": "be8ee16765e0691745875e7e380382eaa5eb426d7c1bbe70270809729534e3eb",
        "dev": "354ca637395a8597388f1751c288cb38a4697f7d7783722c1727135d3934ee60",
    },
)
