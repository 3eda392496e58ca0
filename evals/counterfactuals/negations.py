"""The contrary of a finding: a `not` more or less, or the one word that says the opposite."""

import re
from collections.abc import Iterator

import numpy as np

from evals.counterfactuals.change import Change, Edit
from summarizer import Paper
from summarizer.extension import sentences

_FINDING = re.compile(
    r"\b(?:find|found|show|shows|shown|prove|proves|demonstrate|demonstrates|observe|reveal|reveals|conclude|results?"
    r"|experiments?|outperforms?)\b",
    re.IGNORECASE,
)
#: Words that can stand for one another in a sentence, whatever is around them.
_ANTONYMS = (
    ("outperforms", "underperforms"),
    ("outperform", "underperform"),
    ("better", "worse"),
    ("faster", "slower"),
    ("larger", "smaller"),
    ("stronger", "weaker"),
    ("easier", "harder"),
    ("always", "never"),
    ("stable", "unstable"),
    ("sufficient", "insufficient"),
    ("necessary", "unnecessary"),
    ("reliable", "unreliable"),
    ("consistent", "inconsistent"),
    ("possible", "impossible"),
)
_OPPOSITE = dict(_ANTONYMS) | {second: first for first, second in _ANTONYMS}
_WORD = re.compile(rf"\b(?:{'|'.join(_OPPOSITE)})\b")
#: Before one of these words the opposite would be no English, or no opposite.
_BEFORE = re.compile(r"\b(?:an?|as|if|when|whenever|where|wherever|not|never|no|nor|without)\s$", re.IGNORECASE)
_AFTER = re.compile(r"\s+(?:or|and)\b")
#: What is denied, so that a record which says it can be known: short words stand in many phrases, and need another.
_NEXT = r"(?:[a-z]{1,4}\s[\w-]+|[a-z]+)"
_DENIED = re.compile(
    rf"\b(?P<verb>is|are|was|were|do|does|did)\snot\s(?P<next>(?!only\b|just\b|yet\b|even\b|the\b|[a-z]+ly\b){_NEXT})\b"
)
_SAID = re.compile(
    r"\b(?:shows?|find|found|proves?|demonstrates?|observe|reveals?|conclude)\sthat\s[^.;:,]*?\b(?P<verb>is|are|was|were|can)"
    rf"\s(?P<next>(?!not\b|no\b|only\b|also\b|still\b|both\b|never\b|neither\b|either\b|the\b|in\b|of\b){_NEXT})\b"
)


def change_negation(paper: Paper, rng: np.random.Generator) -> Change | None:
    """Turn one finding into its contrary; None where the abstract has none that a word or two can turn."""
    text = f"{paper.title}\n{paper.abstract}".casefold()
    fitting = [
        edit for edit in _candidates(paper.abstract) if _count(edit.old, text) == 1 and not _count(edit.new, text)
    ]
    if not fitting:
        return None
    edit = fitting[int(rng.integers(len(fitting)))]
    return Change(kind="negation", old=edit.old, new=edit.new, edits=(edit,))


def _candidates(abstract: str) -> Iterator[Edit]:
    for start, end in sentences(abstract):
        if not _FINDING.search(abstract, start, end):
            continue
        for found in _WORD.finditer(abstract, start, end):
            if not _BEFORE.search(abstract[start : found.start()]) and not _AFTER.match(abstract, found.end()):
                yield _edit(found.start(), found.group(), _OPPOSITE[found.group()])
        for found in _DENIED.finditer(abstract, start, end):
            yield _edit(found.start(), found.group(), f"{found['verb']} {found['next']}")
        for found in _SAID.finditer(abstract, start, end):
            old = abstract[found.start("verb") : found.end()]
            denied = "cannot" if found["verb"] == "can" else f"{found['verb']} not"
            yield _edit(found.start("verb"), old, f"{denied} {found['next']}")


def _edit(start: int, old: str, new: str) -> Edit:
    return Edit(where="abstract", start=start, old=old, new=new)


def _count(phrase: str, text: str) -> int:
    return len(re.findall(rf"\b{re.escape(phrase.casefold())}\b", text))
