"""The short form of an answer: five lines, whose names can only be written as they stand in the paper.

    one sentence
    tasks; separated like this
    methods
    datasets
    metrics

It is for local models, which can be held to it while they write. JSON spends most of its tokens on keys and quotes, and
a schema can hold a name to a length, and not to the words of one paper. The kind of contribution, the roles of methods
and the results are read from the paper by rule (`rules`); the field and the modality stay open.
"""

import json
import re
from collections.abc import Iterable
from typing import Final

from pydantic import ValidationError

from summarizer.errors import AnswerError
from summarizer.records import Answer, Limits, NamedMethod, first_problem

#: What stands in the grammar for the words of a paper, until one is asked about.
TITLE: Final = '"<the title>"'
ABSTRACT: Final = '"<the abstract>"'
_PLACES: Final = re.compile(f"{TITLE}|{ABSTRACT}")
#: How the grammar begins.
_DIALECT: Final = "%llguidance {}"
#: What separates names.
BETWEEN: Final = "; "
#: Lines of an answer: the sentence and four lists.
_NUMBER: Final = 5


def lines_grammar(limits: Limits) -> str:
    """The form as a grammar in the dialect of llguidance, with `TITLE` and `ABSTRACT` where the paper has to stand."""
    lists = (limits.tasks, limits.methods, limits.datasets, limits.metrics)
    between = json.dumps(BETWEEN)
    names = " ".join(f'"\\n" (NAME ({between} NAME){{0,{most - 1}}})?' for most in lists)
    return "\n".join(
        (
            _DIALECT,
            f"start: SENTENCE {names}",
            rf"SENTENCE: /[^\s][^\n]{{0,{limits.tldr - 1}}}/",
            rf"NAME: WORDS & /[^;\s]([^;\n]{{0,{max(limits.text - 2, 0)}}}[^;\s])?/ & /.*[\p{{L}}\p{{N}}].*/",
            # Of one or the other: what begins in the title and ends in the abstract is nowhere.
            "WORDS: OF_TITLE | OF_ABSTRACT",
            f'OF_TITLE: %regex {{"substring_words": {TITLE}}}',
            f'OF_ABSTRACT: %regex {{"substring_words": {ABSTRACT}}}',
        )
    )


def is_grammar(schema_text: str) -> bool:
    """Whether this is the grammar of lines, and no JSON Schema."""
    return schema_text.startswith(_DIALECT)


def longest_sentence(grammar: str) -> int:
    """Characters that the sentence may have."""
    (more,) = re.findall(r"^SENTENCE: .*\{0,(\d+)\}/$", grammar, re.MULTILINE)
    return 1 + int(more)


def grammar_for(grammar: str, title: str, abstract: str) -> str:
    """The grammar for one paper."""
    texts = {TITLE: title, ABSTRACT: abstract}
    # In one pass: a title may be what stands for an abstract.
    return _PLACES.sub(lambda place: json.dumps(" ".join(texts[place.group()].split())), grammar)


def as_lines(sentence: str, lists: Iterable[Iterable[str]]) -> str:
    """An answer in this form; `lists` are tasks, methods, datasets and metrics."""
    return "\n".join((sentence, *(BETWEEN.join(names) for names in lists)))


def parse_lines(text: str) -> Answer:
    """Read such an answer; `AnswerError` of kind `schema_error` when it is none.

    All methods have the role `used`: which one they play is no part of this form. Lengths are not looked at here.
    """
    lines = text.split("\n")
    if len(lines) != _NUMBER:
        raise AnswerError("schema_error", f"{len(lines)} lines, and {_NUMBER} are wanted", text)
    tasks, methods, datasets, metrics = (_names(line) for line in lines[1:])
    try:
        return Answer(
            tldr=lines[0],
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
    return tuple(name.strip() for name in line.split(BETWEEN.strip()) if name.strip())
