"""Another data set or method: its name in all places becomes the name that another paper has for one."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal

import numpy as np

from evals.counterfactuals.change import Change, Edit, in_order
from evals.examples import Example
from summarizer import Paper
from summarizer.extension import definitions

NameKind = Literal["dataset", "method"]
NAME_KINDS: Final[tuple[NameKind, ...]] = ("dataset", "method")

#: A word that can only be a name: two capitals, or a capital and a digit. Others are words of the language, and a text
#: in which they are exchanged is none.
_NAME = r"(?<![\w-])[A-Z][\w+]*+(?:-[A-Z0-9][\w+]*+)*+"
_MARK = re.compile(r"[A-Z0-9]")
#: Where people have not labelled names: words that say which kind of thing is named.
_CALLED = {
    "dataset": (re.compile(rf"(?P<name>{_NAME})\s(?:data\s?sets?|benchmarks?|corpus|corpora)\b"),),
    "method": (
        re.compile(rf"^(?P<name>{_NAME}):\s"),
        re.compile(rf"\b(?:[Pp]ropose|[Ii]ntroduce|[Pp]resent|called|named|dubbed)\s(?P<name>{_NAME})(?=[,.:;\s])"),
    ),
}
_SHAPED = re.compile(rf"{_NAME}(?:\s{_NAME})?")
_ARTICLE = re.compile(r"\b[Aa]n?\s$")
#: Letters whose names begin with a vowel, as in `an LSTM`.
_SPOKEN_WITH_VOWEL = "AEFHILMNORSX"


def names_of(example: Example, kind: NameKind) -> Iterator[str]:
    """Names in an example that can be exchanged: those that people labelled, or else what the text says is one."""
    text = f"{example.paper.title}\n{example.paper.abstract}"
    if kind in example.gold.names:
        found = [name.name for name in example.gold.names[kind] if name.stated]
    else:
        found = [
            match["name"]
            for pattern in _CALLED[kind]
            for part in (example.paper.title, example.paper.abstract)
            for match in pattern.finditer(part)
        ]
    yield from (name for name in dict.fromkeys(found) if _is_shaped(name) and name in text)


def _is_shaped(name: str) -> bool:
    return bool(_SHAPED.fullmatch(name)) and all(len(_MARK.findall(word)) > 1 for word in name.split())


def pools(examples: Iterable[Example]) -> dict[NameKind, tuple[str, ...]]:
    """The names of each kind in all examples, sorted; what is a data set to one and a method to another is left out."""
    found: dict[NameKind, set[str]] = {kind: set() for kind in NAME_KINDS}
    for example in examples:
        for kind in NAME_KINDS:
            found[kind].update(names_of(example, kind))
    both = found["dataset"] & found["method"]
    return {kind: tuple(sorted(names - both)) for kind, names in found.items()}


def change_name(
    example: Example, kind: NameKind, pool: Mapping[NameKind, Sequence[str]], rng: np.random.Generator
) -> Change | None:
    """Exchange one name everywhere; None where no name of the kind can be exchanged so that the text stays sensible."""
    paper, there = example.paper, set(pool[kind])
    names = [name for name in names_of(example, kind) if name in there and _is_free(name, example)]
    for place in rng.permutation(len(names)):
        old = names[place]
        fitting = [name for name in pool[kind] if _fits(name, old, paper)]
        if fitting:
            new = fitting[int(rng.integers(len(fitting)))]
            return Change(kind=kind, old=old, new=new, edits=in_order(_edits(paper, old, new)))
    return None


def _is_free(name: str, example: Example) -> bool:
    """Whether a name stands only as itself: not inside of another word, under an alias, or with an explanation."""
    paper = example.paper
    text = f"{paper.title}\n{paper.abstract}"
    lowered, own = text.casefold(), name.casefold()
    if len(re.findall(_place(name), text)) != lowered.count(own):
        return False
    labelled = (one for kind in NAME_KINDS for one in example.gold.names.get(kind, ()))
    aliases = {form.casefold() for one in labelled if name in one.forms for form in one.forms} - {own}
    if any(alias in lowered for alias in aliases):
        return False
    # What the letters stand for would have to change as well.
    if re.search(rf"\(\s*{re.escape(name)}|{re.escape(name)}\s*\(", text):
        return False
    explained = [part.casefold() for found in definitions(text) for part in (found.short, found.long)]
    return not any(part in own or own in part for part in explained)


def _fits(new: str, old: str, paper: Paper) -> bool:
    one, other = new.casefold(), old.casefold()
    if one in other or other in one or one in f"{paper.title}\n{paper.abstract}".casefold():
        return False
    same_number = new.endswith("s") == old.endswith("s")
    return same_number and (_sounds(new) == _sounds(old) or not _has_article(old, paper))


def _sounds(name: str) -> bool:
    """Whether a name is spoken with a vowel at its beginning."""
    return name[0] in (_SPOKEN_WITH_VOWEL if name[:2].isupper() else "AEIO")


def _has_article(name: str, paper: Paper) -> bool:
    texts = (paper.title, paper.abstract)
    return any(_ARTICLE.search(text[: found.start()]) for text in texts for found in re.finditer(_place(name), text))


def _edits(paper: Paper, old: str, new: str) -> Iterator[Edit]:
    for found in re.finditer(_place(old), paper.title):
        yield Edit(where="title", start=found.start(), old=old, new=new)
    for found in re.finditer(_place(old), paper.abstract):
        yield Edit(where="abstract", start=found.start(), old=old, new=new)


def _place(name: str) -> str:
    # `BERT-based` has the name; `BERT-2` and `M-BERT` are others.
    return rf"(?<![\w-]){re.escape(name)}(?!\w|-[A-Z0-9])"
