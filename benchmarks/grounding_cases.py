"""Quotes for `grounding.py`: clauses of abstracts, made false by one change, or true in another form.

A clause is 4 to 25 words of one sentence that stand once in the abstract, cut no formula in two and hold what is to be
changed. False is a quote that is not in the paper even when only letters and digits are compared, or, where a sign or
a percent sign is the change, one whose letters and digits stand in one place, which has another sign there.
"""

import json
import random
import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

_LEAST, _MOST = 4, 25
_MATH = re.compile(r"\$[^$]*\$|\\[A-Za-z]+(?:\{[^{}]*\})*|\\.|https?://\S+|\{[^{}]*\}")
#: A name has a capital or a digit behind its first letter, or is a capitalized word within a sentence.
_NAME = re.compile(
    r"(?<![\w\\$.{/-])(?:[A-Za-z]*(?:[A-Z][A-Za-z]*[A-Z0-9]|[a-z][A-Z])[A-Za-z0-9]*(?:-[A-Za-z0-9]+)*"
    r"|(?<=[a-z] )[A-Z][a-z]{2,})(?![\w/-])"
)
_CUT = re.compile(r"[-\u2010-\u2014\\]$")
#: What stands between spaces; a word that is broken at the end of a line is one.
_WORDS = re.compile(r"(?:\S*[\w]-[^\S\n]*\n\s*)*\S+")
_NEGATION = re.compile(r"\b(?:not|no|never|without|nor|neither)\s+|(?<=\bcan)not\b")
_NUMBER = re.compile(r"(?<=[\s(])(?<!- )\d+(?:\.\d+)?(?=[\s,.;)](?!\d))")
_PERCENT = re.compile(r"(?<=\d)(?:\s|\\,)?\\?%")
_OTHER_UNITS = {
    "times": "%", "x": "%", "fold": "%", "million": "billion", "billion": "million", "ms": "s", "seconds": "ms",
    "minutes": "hours", "hours": "minutes", "days": "hours", "years": "days", "GB": "MB", "MB": "GB", "points": "times",
    "bits": "bytes", "bit": "byte", "k": "M", "K": "M", "M": "k",
}  # fmt: skip
_UNIT = re.compile(rf"(?<=\d)(?P<gap>[ -]?)(?P<unit>{'|'.join(_OTHER_UNITS)})(?=[\s,.;)])")


class Abstract(NamedTuple):
    """A paper of the data set; the abstract is its sentences with spaces between."""

    number: int
    title: str
    text: str
    sentences: tuple[tuple[int, int], ...]
    summaries: tuple[str, ...]


class Case(NamedTuple):
    """A quote and the text in which it is looked for."""

    kind: str
    number: int
    title: str
    text: str
    quote: str
    span: tuple[int, int] | None
    """Where a faithful quote stands in the text; None for a false one."""


class Edit(NamedTuple):
    """One change: `text[start:end]` becomes `new`."""

    start: int
    end: int
    new: str


Targets = Callable[[Abstract, random.Random, list[str]], Iterator[Edit]]


def read_abstracts(path: Path) -> list[Abstract]:
    """Read SciTLDR's lines: `source` (sentences), `title`, `target`."""
    abstracts = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
        paper = json.loads(line)
        spans, place = [], 0
        for sentence in paper["source"]:
            spans.append((place, place + len(sentence)))
            place += len(sentence) + 1
        text = " ".join(paper["source"])
        abstracts.append(Abstract(number, paper["title"], text, tuple(spans), tuple(paper["target"])))
    return abstracts


def seeded(*parts: object) -> random.Random:
    """Chance that is the same in every run."""
    return random.Random("/".join(map(str, parts)))  # noqa: S311 - a repeatable choice, not a secret


@lru_cache(maxsize=4096)
def letters(text: str) -> str:
    """The letters and digits alone, in lower case."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text)).lower()


def lacks(paper: Abstract, words: str) -> bool:
    """Whether neither the abstract nor the title has these letters and digits in a row."""
    return letters(words) not in letters(paper.text) and letters(words) not in letters(paper.title)


def names_of(text: str) -> list[str]:
    """The names of a text, by their capitals."""
    return [found.group() for found in _NAME.finditer(text)]


def clause(paper: Abstract, edit: Edit, chance: random.Random, *, inside: bool = False) -> tuple[int, int] | None:
    """A random clause around what is to be changed, with words on both sides of it if `inside`; None if none is fit."""
    for begin, stop in paper.sentences:
        if not begin <= edit.start <= edit.end <= stop:
            continue
        words = [found.span() for found in _WORDS.finditer(paper.text[begin:stop])]
        words = [(begin + start, begin + end) for start, end in words]
        for _ in range(12):
            length = chance.randint(_LEAST, _MOST)
            first = chance.randrange(max(len(words) - length, 0) + 1)
            chosen = words[first : first + length]
            if len(chosen) < _LEAST:
                return None
            start, end = chosen[0][0], chosen[-1][1]
            if chance.random() < 0.5:
                end = start + len(paper.text[start:end].rstrip(",.;:"))
            held = start < edit.start and edit.end < end if inside else start <= edit.start and edit.end <= end
            if held and is_fit(paper, start, end):
                return start, end
    return None


def is_fit(paper: Abstract, start: int, end: int) -> bool:
    """Whether the clause stands once in the paper and cuts no formula, group, word or percentage in two."""
    quote, before, behind = paper.text[start:end], paper.text[:start], paper.text[end:]
    if _CUT.search(quote) or _PERCENT.match(f"{quote[-1]}{behind[:4]}", 1):
        return False
    whole = all(part.count("$") % 2 == 0 and part.count("{") == part.count("}") for part in (quote, before))
    return whole and letters(f"{paper.title}\n{paper.text}").count(letters(quote)) == 1


def changed(text: str, edits: list[Edit], start: int = 0, end: int | None = None) -> str:
    """The text, or a part of it, after the edits that lie in it."""
    parts: list[str] = []
    place, stop = start, len(text) if end is None else end
    for edit in sorted(edits):
        if place <= edit.start and edit.end <= stop:
            parts += (text[place : edit.start], edit.new)
            place = edit.end
    return "".join((*parts, text[place:stop]))


def falsified(kind: str, paper: Abstract, pool: list[str], chance: random.Random) -> Case | None:
    """One false quote of this kind, if the abstract has something to change."""
    if kind.endswith("alone"):
        made = _foreign_name(paper, chance, pool) if "name" in kind else _foreign_number(paper, chance)
        return Case(kind, paper.number, paper.title, paper.text, made, None) if made else None
    targets, inside = FALSE_KINDS[kind]
    edits = list(targets(paper, chance, pool))
    chance.shuffle(edits)
    for edit in edits:
        span = clause(paper, edit, chance, inside=inside)
        if span is None:
            continue
        quote = changed(paper.text, [edit], span[0], edit.end if kind in _CUT_OFF else span[1])
        if kind in _SIGNS or lacks(paper, quote):
            return Case(kind, paper.number, paper.title, paper.text, quote, None)
    return None


def is_plain(text: str, start: int, end: int) -> bool:
    """Whether this part touches no formula, command or link."""
    return not any(found.start() < end and start < found.end() for found in _MATH.finditer(text))


def _digits(paper: Abstract, chance: random.Random, pool: list[str]) -> Iterator[Edit]:
    del pool
    for found in re.finditer(r"[0-9]", paper.text):
        yield Edit(*found.span(), chance.choice([digit for digit in "0123456789" if digit != found.group()]))


def _other_name(paper: Abstract, chance: random.Random, pool: list[str]) -> Iterator[Edit]:
    for found in _NAME.finditer(paper.text):
        if is_plain(paper.text, *found.span()) and (other := _foreign_name(paper, chance, pool)):
            yield Edit(*found.span(), other)


def _own_name(paper: Abstract, chance: random.Random, pool: list[str]) -> Iterator[Edit]:
    del pool
    own = names_of(paper.text)
    for found in _NAME.finditer(paper.text):
        name = letters(found.group())
        others = [other for other in own if letters(other) not in name and name not in letters(other)]
        if others and is_plain(paper.text, *found.span()):
            yield Edit(*found.span(), chance.choice(others))


def _no_negation(paper: Abstract, chance: random.Random, pool: list[str]) -> Iterator[Edit]:
    del chance, pool
    for found in _NEGATION.finditer(paper.text):
        yield Edit(*found.span(), "")


def _gaps(paper: Abstract) -> Iterator[int]:
    for found in re.finditer(r"(?<=\w) (?=\w)", paper.text):
        if is_plain(paper.text, *found.span()):
            yield found.end()


def _name_more(paper: Abstract, chance: random.Random, pool: list[str]) -> Iterator[Edit]:
    for place in _gaps(paper):
        if name := _foreign_name(paper, chance, pool):
            yield Edit(place, place, f"{name} ")


def _number_more(paper: Abstract, chance: random.Random, pool: list[str]) -> Iterator[Edit]:
    del pool
    for place in _gaps(paper):
        if number := _foreign_number(paper, chance):
            yield Edit(place, place, f"{number} ")


def _percent_dropped(paper: Abstract, chance: random.Random, pool: list[str]) -> Iterator[Edit]:
    del chance, pool
    for found in _PERCENT.finditer(paper.text):
        yield Edit(*found.span(), "")


def _percent_added(paper: Abstract, chance: random.Random, pool: list[str]) -> Iterator[Edit]:
    del chance, pool
    for found in _NUMBER.finditer(paper.text):
        # A percent sign behind the next number may be meant for this one, too.
        if not re.search(r"%|per", paper.text[found.end() : found.end() + 40]):
            yield Edit(found.end(), found.end(), "%")


def _sign_added(paper: Abstract, chance: random.Random, pool: list[str]) -> Iterator[Edit]:
    del chance, pool
    for found in _NUMBER.finditer(paper.text):
        yield Edit(found.start(), found.start(), "-")


def _unit_changed(paper: Abstract, chance: random.Random, pool: list[str]) -> Iterator[Edit]:
    del chance, pool
    for found in _UNIT.finditer(paper.text):
        other = _OTHER_UNITS[found["unit"]]
        yield Edit(*found.span(), other if other == "%" else found["gap"] + other)


def _foreign_name(paper: Abstract, chance: random.Random, pool: list[str]) -> str | None:
    names = (chance.choice(pool) for _ in range(50))
    return next((name for name in names if lacks(paper, name.removesuffix("s"))), None)


def _foreign_number(paper: Abstract, chance: random.Random) -> str | None:
    numbers = (
        chance.choice(
            (f"{chance.randint(13, 999)}", f"{chance.randint(10, 999) / 10}", f"{chance.randint(10, 999) / 10}%")
        )
        for _ in range(50)
    )
    return next((number for number in numbers if lacks(paper, number)), None)


#: What is changed, and whether words have to stay on both sides of it.
FALSE_KINDS: dict[str, tuple[Targets, bool]] = {
    "digit changed": (_digits, False),
    "name swapped for a foreign one": (_other_name, False),
    "name swapped for another of the abstract": (_own_name, False),
    "negation removed": (_no_negation, True),
    "foreign name inserted": (_name_more, True),
    "foreign number inserted": (_number_more, True),
    "percent sign dropped": (_percent_dropped, False),
    "percent sign cut off at the end": (_percent_dropped, True),
    "percent sign added": (_percent_added, False),
    "minus added": (_sign_added, False),
    "unit changed": (_unit_changed, False),
    "foreign name alone": (_name_more, False),
    "foreign number alone": (_number_more, False),
}
_CUT_OFF = frozenset({"percent sign cut off at the end"})
_SIGNS = _CUT_OFF | {"percent sign dropped", "percent sign added", "minus added"}
