"""A change of a paper: what is replaced, where, and how it is taken back."""

from collections.abc import Iterable, Sequence
from typing import Final, Literal, get_args

from summarizer import Paper
from summarizer.extension import Frozen

#: What is changed: the value of a result, a name in all its places, or what a finding says.
ChangeKind = Literal["number", "dataset", "method", "negation"]
CHANGE_KINDS: Final[tuple[ChangeKind, ...]] = get_args(ChangeKind)


class Edit(Frozen):
    """One place: `old` stands at `start` of the title or abstract, and becomes `new`."""

    where: Literal["title", "abstract"]
    start: int
    old: str
    new: str


class Change(Frozen):
    """All places in which one thing is changed, in order."""

    kind: ChangeKind
    old: str
    """As a record says it that mentions it: a number without its unit, a name, a phrase."""
    new: str
    edits: tuple[Edit, ...]


def changed(paper: Paper, change: Change, known: str) -> Paper:
    """The paper after a change, with an id of its own."""
    texts = {
        "title": _edited(paper.title, [edit for edit in change.edits if edit.where == "title"]),
        "abstract": _edited(paper.abstract, [edit for edit in change.edits if edit.where == "abstract"]),
    }
    return paper.model_copy(update={**texts, "id": known})


def reverse(change: Change) -> Change:
    """The change that takes another one back."""
    shifted = {"title": 0, "abstract": 0}
    edits = []
    for edit in change.edits:
        edits.append(Edit(where=edit.where, start=edit.start + shifted[edit.where], old=edit.new, new=edit.old))
        shifted[edit.where] += len(edit.new) - len(edit.old)
    return Change(kind=change.kind, old=change.new, new=change.old, edits=tuple(edits))


def in_order(edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """Edits by their places."""
    return tuple(sorted(edits, key=lambda edit: (edit.where, edit.start)))


def _edited(text: str, edits: Sequence[Edit]) -> str:
    for edit in reversed(edits):
        end = edit.start + len(edit.old)
        if text[edit.start : end] != edit.old:
            raise ValueError(f"{edit.old!r} does not stand at {edit.start}")
        text = text[: edit.start] + edit.new + text[end:]
    return text
