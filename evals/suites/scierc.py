"""SciERC (Luan et al. 2018): names in abstracts of AI papers, without titles.

Two layouts are read: the columns of SciBERT (IOB1, which cut the outer one of two nested names), and the JSON of the
authors. Generic mentions (`the method`) and other terms are no names that an answer has, and are left out.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from evals.examples import Example, Gold, Kind, Words
from evals.suites.conll import Token, marked, read_sentences
from evals.suites.lines import Row, checked, paper, read_lines, read_rows
from evals.suites.names import gold_names
from evals.suites.suite import Suite
from evals.suites.tokens import joined
from summarizer.extension import InputError

_KINDS: Final[dict[str, Kind | None]] = {
    "Task": "task",
    "Method": "method",
    "Material": "dataset",
    "Metric": "metric",
    "Generic": None,
    "OtherScientificTerm": None,
}
_LABELLED: Final[tuple[Kind, ...]] = ("task", "method", "dataset", "metric")
_START: Final = "-DOCSTART-"

#: A name: first and last token (inclusive) in the document, kind.
_Name = tuple[int, int, Literal["Task", "Method", "Material", "Metric", "Generic", "OtherScientificTerm"]]
_Words = Annotated[tuple[Words, ...], Field(min_length=1)]


class _Row(Row):
    doc_key: Words
    sentences: Annotated[tuple[_Words, ...], Field(min_length=1)]
    ner: tuple[tuple[_Name, ...], ...]


class _Sentence:
    """A sentence as text, and its names."""

    def __init__(self, tokens: Sequence[str], names: Sequence[tuple[int, int, Kind]]) -> None:
        text = joined(tokens)
        self.text = text.text
        self.names = [(kind, [text.part(start, stop)]) for start, stop, kind in names]


def read(path: Path) -> Iterator[Example]:
    """The examples of one file, one for each abstract."""
    first = next((line for _, line in read_lines(path) if line.strip()), "")
    return checked(path, _json(path) if first.lstrip().startswith("{") else _columns(path))


def _json(path: Path) -> Iterator[Example]:
    for number, row in read_rows(path, _Row):
        if len(row.ner) != len(row.sentences):
            raise InputError(str(path), f"{len(row.sentences)} sentences, and names for {len(row.ner)}", number)
        sentences, begin = [], 0
        for tokens, marks in zip(row.sentences, row.ner, strict=True):
            names: list[tuple[int, int, Kind]] = []
            for start, last, label in sorted(marks):
                if not begin <= start <= last < begin + len(tokens):
                    raise InputError(str(path), f"a name that is not in its sentence, of {row.doc_key!r}", number)
                if kind := _KINDS[label]:
                    names.append((start - begin, last + 1 - begin, kind))
            sentences.append(_Sentence(tokens, names))
            begin += len(tokens)
        yield _example(path, number, row.doc_key, sentences)


def _columns(path: Path) -> Iterator[Example]:
    line, papers = 0, 0
    sentences: list[_Sentence] = []
    for tokens in read_sentences(path, " ", 4):
        if tokens[0].word == _START:
            if line:
                yield _example(path, line, f"scierc-{papers}", sentences)
            line, papers, sentences = tokens[0].line, papers + 1, []
            tokens = tokens[1:]  # noqa: PLW2901 - some files have no blank line behind the mark
        elif not line:
            raise InputError(str(path), f"a sentence before the first {_START}", tokens[0].line)
        if tokens:
            sentences.append(_sentence(path, tokens))
    if line:
        yield _example(path, line, f"scierc-{papers}", sentences)


def _sentence(path: Path, tokens: Sequence[Token]) -> _Sentence:
    names: list[tuple[int, int, Kind]] = []
    for start, stop, label in marked(path, tokens):
        if label not in _KINDS:
            raise InputError(str(path), f"{label!r} is no kind of this data set", tokens[start].line)
        if kind := _KINDS[label]:
            names.append((start, stop, kind))
    return _Sentence([token.word for token in tokens], names)


def _example(path: Path, line: int, known: str, sentences: Sequence[_Sentence]) -> Example:
    if not sentences:
        raise InputError(str(path), "an abstract without a sentence", line)
    texts = tuple(sentence.text for sentence in sentences)
    return Example(
        paper=paper(path, line, known=known, title="", abstract=" ".join(texts)),
        gold=Gold(names=gold_names(_LABELLED, (name for sentence in sentences for name in sentence.names))),
        sentences=texts,
        document=known,
    )


_SCIBERT = "https://raw.githubusercontent.com/allenai/scibert"

SUITE = Suite(
    name="scierc",
    about="tasks, methods, data sets and metrics, abstracts of AI papers",
    licence="not stated for the data: evaluate with them, and train nothing on them",
    origin="https://github.com/allenai/scibert, data/ner/sciie; http://nlp.cs.washington.edu/sciIE",
    files={
        "train": (
            "scierc_ner_train.conll",
            "data/ner/sciie/train.txt",
            "sciie/train.txt",
            "processed_data/json/train.json",
        ),
        "dev": ("scierc_ner_dev.conll", "data/ner/sciie/dev.txt", "sciie/dev.txt", "processed_data/json/dev.json"),
        "test": ("scierc_ner_test.conll", "data/ner/sciie/test.txt", "sciie/test.txt", "processed_data/json/test.json"),
    },
    read=read,
    parts=("names",),
    addresses={
        "train": f"{_SCIBERT}/d7853e7bf3bad56eb2256742e78dc3d36364adbd/data/ner/sciie/train.txt",
        "dev": f"{_SCIBERT}/d7853e7bf3bad56eb2256742e78dc3d36364adbd/data/ner/sciie/dev.txt",
        "test": f"{_SCIBERT}/d20a627f3ff259791f8ace215fb076807d8edce7/data/ner/sciie/test.txt",
    },
    checksums={
        "train": "af815aaa8d9880bf6d008b3e0bfbb9ec8533393551f54194c17fa6e7d69a10db",
        "dev": "ed010d9f0f43c59d2a5b9a01aae96ab75bc2427d97327c3083b86708c554ee9c",
    },
)
