"""SciREX (Jain et al. 2020): names in AI papers, of which the title and the abstract are read here.

Two layouts are read. The published one has whole papers: entities are clusters of mentions, and one that the abstract
does not mention becomes a name that is not `stated`, which nobody can find there. In the other one papers were cut
behind the abstract, and mentions have a fourth value: whether their entity has a part in a result of the paper.
Names of both sorts count here. Some abstracts end in what LaTeX left over; they are read as they were annotated.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from evals.examples import Example, Gold, GoldName, Kind, Words
from evals.suites.lines import Row, checked, paper, read_rows
from evals.suites.names import gold_names
from evals.suites.suite import Suite
from evals.suites.tokens import Text, joined
from summarizer.extension import InputError

_Label = Literal["Task", "Method", "Material", "Metric"]
_KINDS: Final[dict[_Label, Kind]] = {"Task": "task", "Method": "method", "Material": "dataset", "Metric": "metric"}
#: Longest title, in tokens: a first section that has more is an abstract that lost its title.
_LONGEST_TITLE: Final = 40

#: Tokens of a paper, from the first to the last (exclusive).
_Span = tuple[int, int]
_Clusters = dict[str, tuple[_Span, ...]]


class _Row(Row):
    doc_id: Words
    words: Annotated[tuple[Words, ...], Field(min_length=1)]
    sentences: Annotated[tuple[_Span, ...], Field(min_length=1)]
    ner: tuple[tuple[int, int, _Label] | tuple[int, int, _Label, bool], ...]
    sections: tuple[_Span, ...] = ()
    title_tokens: int | None = None
    """Where papers were cut: length of the title, if that has a section of its own."""
    coref: _Clusters = Field(default_factory=dict)
    coref_non_salient: _Clusters = Field(default_factory=dict)
    n_ary_relations: tuple[dict[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where title and abstract stand among the tokens."""

    title: _Span
    abstract: _Span


def read(path: Path) -> Iterator[Example]:
    """The examples of one file."""
    return checked(path, (_example(path, number, row) for number, row in read_rows(path, _Row)))


def _example(path: Path, number: int, row: _Row) -> Example:
    _check(path, number, row)
    place = _place(row)
    title = " ".join(text for text, _, _ in _texts(row, place.title))
    sentences = tuple(text for text, _, _ in _texts(row, place.abstract))
    if not sentences:
        raise InputError(str(path), f"{row.doc_id!r} has no abstract", number)
    abstract = " ".join(sentences)
    mentions = list(_mentions(row, place))
    there = {form for _, forms in mentions for form in forms}
    names = gold_names(tuple(_KINDS.values()), chain(mentions, _entities(row, place)))
    text = f"{title}\n{abstract}"
    return Example(
        paper=paper(path, number, known=row.doc_id, title=title, abstract=abstract),
        gold=Gold(names={kind: tuple(_settled(name, there, text) for name in found) for kind, found in names.items()}),
        sentences=sentences,
        document=row.doc_id,
    )


def _check(path: Path, number: int, row: _Row) -> None:
    """Refuse spans that are none."""
    size, last = len(row.words), 0
    for start, stop in row.sentences:
        if not last <= start < stop <= size:
            raise InputError(str(path), f"sentences that are none, of {row.doc_id!r}: [{start}, {stop}]", number)
        last = stop
    clusters = chain(row.coref.values(), row.coref_non_salient.values())
    for start, stop, *_ in chain(row.ner, row.sections, *clusters):
        if not 0 <= start < stop <= size:
            raise InputError(str(path), f"tokens that are not there, of {row.doc_id!r}: [{start}, {stop}]", number)
    if not 0 <= (row.title_tokens or 0) <= size:
        raise InputError(str(path), f"a title of {row.title_tokens} tokens, of {row.doc_id!r}", number)


def _place(row: _Row) -> _Place:
    """The title is the first section, or the first sentence behind `document :`; else there is none."""
    size = len(row.words)
    first, behind = _sections(row)
    if row.words[:2] == ("document", ":"):
        title = (2, row.sentences[0][1])
        abstract = (title[1], first[1] if first[1] > title[1] else behind[1])
    elif first[1] - first[0] <= _LONGEST_TITLE and first[1] < size:
        title, abstract = first, behind
    else:
        title, abstract = (0, 0), first
    return _Place(title, (_behind_heading(row.words, *abstract), abstract[1]))


def _sections(row: _Row) -> tuple[_Span, _Span]:
    size = len(row.words)
    if row.title_tokens:
        return (0, row.title_tokens), (row.title_tokens, size)
    first, *others = row.sections or ((0, size),)
    return first, others[0] if others else (first[1], size)


def _behind_heading(words: Sequence[str], start: int, stop: int) -> int:
    """Where a text begins behind `section : Abstract`, and behind the dot or dash that may follow."""
    if words[start : start + 2] == ("section", ":"):
        start += 2
    if start < stop and words[start].lower() == "abstract":
        start += 1
        while start < stop and words[start] in {".", "-", ":", "\u2014", "\u2013"}:
            start += 1
    return start


def _texts(row: _Row, place: _Span) -> Iterator[tuple[str, Text, int]]:
    """The sentences in a place: each as a text, and with the number of its first token."""
    for start, stop in row.sentences:
        begin, end = max(start, place[0]), min(stop, place[1])
        if begin < end:
            text = joined(row.words[begin:end], joints=True)
            yield text.text, text, begin


def _mentions(row: _Row, place: _Place) -> Iterator[tuple[Kind, list[str]]]:
    """The names that are marked in title and abstract, in order; one that is not within a sentence is no name."""
    sentences = [*_texts(row, place.title), *_texts(row, place.abstract)]
    for start, stop, label, *_ in sorted(row.ner):
        for _, text, begin in sentences:
            if begin <= start and stop <= begin + len(text.spans):
                yield _KINDS[label], [text.part(start - begin, stop - begin)]


def _entities(row: _Row, place: _Place) -> Iterator[tuple[Kind, list[str]]]:
    """The clusters of mentions, each with all its forms: those in title and abstract first."""
    kinds = {(start, stop): _KINDS[label] for start, stop, label, *_ in row.ner}
    related = {name: _KINDS[label] for relation in row.n_ary_relations for label, name in _labelled(relation)}
    for key, spans in chain(row.coref.items(), row.coref_non_salient.items()):
        kind = next((kinds[span] for span in spans if span in kinds), related.get(key))
        near = sorted(spans, key=lambda span: (not _within(span, place), span))
        forms = [joined(row.words[start:stop], joints=True).text for start, stop in near]
        if key in row.coref:
            forms.append(_readable(key))
        if kind:
            yield kind, [form for form in dict.fromkeys(forms) if form]


def _labelled(relation: Mapping[str, str]) -> Iterable[tuple[_Label, str]]:
    return ((label, relation[label]) for label in _KINDS if label in relation)


def _within(span: _Span, place: _Place) -> bool:
    return any(start <= span[0] and span[1] <= stop for start, stop in (place.title, place.abstract))


def _readable(key: str) -> str:
    """An entity as people write it: in the data white space and brackets became `_`."""
    return " ".join(key.replace("_", " ").split())


def _settled(name: GoldName, there: AbstractSet[str], text: str) -> GoldName:
    """The name as the text has it; not `stated` when none of its forms is marked (`there`) or a word of the text."""
    for form in name.forms:
        if form in there:
            return _led_by(name, form)
    for form in name.forms:
        if found := re.search(rf"(?<!\w){re.escape(form)}(?!\w)", text, re.IGNORECASE):
            return _led_by(name, found.group())
    return name.model_copy(update={"stated": False})


def _led_by(name: GoldName, form: str) -> GoldName:
    return GoldName(name=form, aliases=tuple(each for each in name.forms if each != form))


SUITE = Suite(
    name="scirex",
    about="tasks, methods, data sets and metrics, titles and abstracts of AI papers",
    licence="Apache-2.0",
    origin="https://github.com/allenai/SciREX, scirex_dataset/release_data.tar.gz (unpack it)",
    files={
        "train": (
            "scirex_abstracts_train.jsonl",
            "scirex_dataset/release_data/train.jsonl",
            "release_data/train.jsonl",
        ),
        "dev": ("scirex_abstracts_dev.jsonl", "scirex_dataset/release_data/dev.jsonl", "release_data/dev.jsonl"),
        "test": ("scirex_abstracts_test.jsonl", "scirex_dataset/release_data/test.jsonl", "release_data/test.jsonl"),
    },
    read=read,
    parts=("names",),
)
