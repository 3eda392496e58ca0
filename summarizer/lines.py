"""The short form of an answer: five lines, whose names can only be written as they stand in the paper.

    one sentence
    tasks named; like this
    methods
    data GLUE
    metrics accuracy; F1

Each list begins with what it is, so that a small model need not count lines to know where it is, and every name follows
a space, as in the paper, which makes it the same tokens as there.

It is for local models, which can be held to it while they write. JSON spends most of its tokens on keys and quotes, and
a schema can hold a name to a length, and not to the words of one paper. The kind of contribution, the roles of methods
and the results are read from the paper by rule (`rules`); the field and the modality stay open.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

from pydantic import ValidationError

from summarizer.errors import AnswerError
from summarizer.records import Answer, Limits, NamedMethod, first_problem

#: What stands in the grammar for the words of a paper, until one is asked about.
PAPER: Final = '"<the paper>"'
#: The same for all its characters that are no letters. A name has more than these; to ask for a letter of all letters
#: that there are doubles the time that a grammar takes to compile.
_SIGNS: Final = "<its signs>"
#: What a name is put together of: words, single signs (`PointNet++` may be followed by one), and what round brackets
#: hold as a whole.
_CHUNKS: Final = re.compile(r"\([^()]*\)|\w+|\W")
#: Between two sentences: no name goes over it. `vs. X`, `C. elegans` and `i.i.d. Y` are none.
_BETWEEN_SENTENCES: Final = re.compile(r"(?<=\w{3}[.?!]) (?=[A-Z])")
#: Signs that no name begins with, and that none ends with.
_NOT_FIRST: Final = ",:!?"
_NOT_LAST: Final = ",.:!?"
_BRACKETS: Final = frozenset("()")
#: Between texts of which no name has parts of both.
_APART: Final = "\n"
#: How the grammar begins.
_DIALECT: Final = "%llguidance {}"
#: What separates names.
BETWEEN: Final = "; "
#: What the lists begin with: tasks, methods, data sets and metrics. Each is one token of common vocabularies.
LABELS: Final = ("tasks", "methods", "data", "metrics")


def lines_grammar(limits: Limits) -> str:
    """The form as a grammar in the dialect of llguidance, with marks where words and signs of a paper stand."""
    lists = (limits.tasks, limits.methods, limits.datasets, limits.metrics)
    between = json.dumps(BETWEEN)
    names = " ".join(
        f'"\\n{label}" (" " NAME ({between} NAME){{0,{most - 1}}})?' for label, most in zip(LABELS, lists, strict=True)
    )
    ends = rf"/[^;\s{_NOT_FIRST}]([^;\n]{{0,{max(limits.text - 2, 0)}}}[^;\s{_NOT_LAST}])?/"
    return "\n".join(
        (
            _DIALECT,
            f"start: SENTENCE {names}",
            _sentence(limits),
            rf"NAME: WORDS & {ends} & ~/[{_SIGNS}]*/",
            f'WORDS: %regex {{"substring_chunks": {PAPER}}}',
        )
    )


def sentence_grammar(limits: Limits) -> str:
    """The first line alone, with its end, for those who want several of a paper."""
    return "\n".join((_DIALECT, 'start: SENTENCE "\\n"', _sentence(limits)))


def _sentence(limits: Limits) -> str:
    return rf"SENTENCE: /[^\s][^\n]{{0,{limits.tldr - 1}}}/"


def is_grammar(schema_text: str) -> bool:
    """Whether this is the grammar of lines, and no JSON Schema."""
    return schema_text.startswith(_DIALECT)


def longest_sentence(grammar: str) -> int:
    """Characters that the sentence may have."""
    (more,) = re.findall(r"^SENTENCE: .*\{0,(\d+)\}/$", grammar, re.MULTILINE)
    return 1 + int(more)


def grammar_for(grammar: str, title: str, abstract: str) -> str:
    """The grammar for one paper."""
    signs = {sign for sign in f" {title}{abstract}" if not sign.isalpha()}
    told = "".join(f"\\x{{{ord(sign):x}}}" for sign in sorted(signs))
    return grammar.replace(_SIGNS, told).replace(PAPER, json.dumps([*_chunks(title), _APART, *_chunks(abstract)]))


def can_be_said(name: str, limits: Limits) -> bool:
    """Whether a run of whole words of a paper is a name that the form has room for."""
    return (
        len(name) <= limits.text
        and BETWEEN.strip() not in name
        and not _BETWEEN_SENTENCES.search(name)
        and name[:1] not in _NOT_FIRST
        and name[-1:] not in _NOT_LAST
        and any(map(str.isalpha, name))
        and all(chunk not in _BRACKETS for chunk in _CHUNKS.findall(name))
    )


def _chunks(text: str) -> Iterator[str]:
    """What names of a text are put together of: what brackets hold is one chunk, and stands alone behind it all.

    So a name has both brackets or none, whatever it begins and ends with.
    """
    inside = []
    for chunk in _whole_words(_BETWEEN_SENTENCES.sub(_APART, " ".join(text.split()))):
        if len(chunk) > 1 and chunk[0] == "(":
            inside.append(chunk[1:].rpartition(")")[0])
        yield _APART if chunk in _BRACKETS else chunk
    for held in inside:
        yield _APART
        yield from _whole_words(held)


def _whole_words(text: str) -> Iterator[str]:
    """Chunks, of which none begins in the middle of a word: `re` takes an accent of its own for a sign."""
    held = ""
    for chunk in _CHUNKS.findall(text):
        if held and (_is_accent(chunk[0]) or (_is_accent(held[-1]) and chunk[0].isalnum())):
            held += chunk
            continue
        if held:
            yield held
        held = chunk
    if held:
        yield held


def _is_accent(sign: str) -> bool:
    return unicodedata.category(sign)[0] == "M"


def as_lines(sentence: str, lists: Iterable[Iterable[str]]) -> str:
    """An answer in this form; `lists` are tasks, methods, datasets and metrics."""
    written = (f"{label} {BETWEEN.join(names)}".rstrip() for label, names in zip(LABELS, lists, strict=True))
    return "\n".join((sentence, *written))


def parse_lines(text: str) -> Answer:
    """Read such an answer; `AnswerError` of kind `schema_error` when it is none.

    All methods have the role `used`: which one they play is no part of this form. Lengths are not looked at here.
    """
    sentence, *lists = text.split("\n")
    if len(lists) != len(LABELS):
        raise AnswerError("schema_error", f"{1 + len(lists)} lines, and {1 + len(LABELS)} are wanted", text)
    for label, line in zip(LABELS, lists, strict=True):
        if line.split(" ", 1)[0] != label:
            raise AnswerError("schema_error", f"a line that begins with '{label}' is wanted", text)
    tasks, methods, datasets, metrics = (
        _names(line.removeprefix(label)) for label, line in zip(LABELS, lists, strict=True)
    )
    try:
        return Answer(
            tldr=sentence,
            contribution=None,
            field=None,
            modalities=(),
            tasks=tasks,
            methods=tuple(NamedMethod(name=name, role="used") for name in methods),
            datasets=datasets,
            metrics=metrics,
            results=(),
        )
    except ValidationError as error:
        raise AnswerError("schema_error", first_problem(error, "the answer"), text) from error


def _names(line: str) -> tuple[str, ...]:
    """The names of a list, each once: small models say some again, which the grammar cannot keep them from."""
    return tuple(dict.fromkeys(name.strip() for name in line.split(BETWEEN.strip()) if name.strip()))
