"""TDMSci (Hou et al. 2021): tasks, data sets and metrics in sentences of NLP papers.

Each sentence is read as a paper without a title. Which sentences are of one paper is not published, so each is drawn
by itself, and intervals are a little narrower than they should be. Methods are not labelled.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from evals.examples import Example, Gold, Kind
from evals.suites.conll import Token, marked, read_sentences
from evals.suites.lines import checked, paper
from evals.suites.names import gold_names
from evals.suites.suite import Suite
from evals.suites.tokens import placed
from summarizer.extension import InputError

_KINDS: Final[dict[str, Kind]] = {"TASK": "task", "DATASET": "dataset", "METRIC": "metric"}
_ORIGIN = "https://raw.githubusercontent.com/IBM/science-result-extractor/360e7ab0cb8cbdd01dd535f03c03a575a942cdf3"


def read(path: Path) -> Iterator[Example]:
    """The examples of one file, one for each sentence; the second column says where a token began."""
    return checked(path, _examples(path))


def _examples(path: Path) -> Iterator[Example]:
    for number, tokens in enumerate(read_sentences(path, "\t", 3), start=1):
        text = placed([token.word for token in tokens], [_start(path, token) for token in tokens])
        names: list[tuple[Kind, list[str]]] = []
        for start, stop, label in marked(path, tokens):
            if label not in _KINDS:
                raise InputError(str(path), f"{label!r} is no kind of this data set", tokens[start].line)
            names.append((_KINDS[label], [text.part(start, stop)]))
        known = f"tdmsci-{number}"
        yield Example(
            paper=paper(path, tokens[0].line, known=known, title="", abstract=text.text),
            gold=Gold(names=gold_names(tuple(_KINDS.values()), names)),
            sentences=(text.text,),
            document=known,
        )


def _start(path: Path, token: Token) -> int:
    # More digits would be a number that takes long to read.
    if not (token.columns[1].isascii() and token.columns[1].isdigit() and len(token.columns[1]) < 16):
        raise InputError(str(path), f"{token.columns[1][:40]!r} does not say where the token begins", token.line)
    return int(token.columns[1])


SUITE = Suite(
    name="tdmsci",
    about="tasks, data sets and metrics, sentences of NLP papers",
    licence="Apache-2.0",
    origin="https://github.com/IBM/science-result-extractor, data/TDMSci/conllFormat",
    files={
        "train": (
            "tdmsci_train.conll",
            "data/TDMSci/conllFormat/train_1500_v2.conll",
            "conllFormat/train_1500_v2.conll",
            "train_1500_v2.conll",
        ),
        "test": (
            "tdmsci_test.conll",
            "data/TDMSci/conllFormat/test_500_v2.conll",
            "conllFormat/test_500_v2.conll",
            "test_500_v2.conll",
        ),
    },
    read=read,
    parts=("names",),
    addresses={
        "train": f"{_ORIGIN}/data/TDMSci/conllFormat/train_1500_v2.conll",
        "test": f"{_ORIGIN}/data/TDMSci/conllFormat/test_500_v2.conll",
    },
    checksums={"train": "8107bc8a0214f3c57d234e2ab69958c1d4d8b11e43e2007d97ea42efaf7a231a"},
)
