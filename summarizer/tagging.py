"""Mentions become labels, so that the same thing has the same name across a batch."""

from functools import lru_cache

from summarizer.records import Answer, Mention, Method, Tag


def tag(answer: Answer, tasks: tuple[Mention, ...], methods: tuple[Method, ...]) -> tuple[Tag, ...]:
    """Tags of one paper: field and modalities from the closed lists, tasks and methods from its own words.

    A name that is not in the text (its evidence is absent) makes no tag. Each label stands once for each facet, with
    the mention that came first.
    """
    tags = [] if answer.field is None else [Tag(facet="field", label=answer.field)]
    tags += [Tag(facet="modality", label=label) for label in dict.fromkeys(answer.modalities)]
    tags += [
        Tag(facet="task", label=canonical_label(task.name), mention=task.name, evidence=task.evidence)
        for task in tasks
        if task.evidence.match != "absent"
    ]
    tags += [
        Tag(facet="method", label=canonical_label(method.name), mention=method.name, evidence=method.evidence)
        for method in methods
        if method.evidence.match != "absent"
    ]
    first: dict[tuple[str, str], Tag] = {}
    for found in tags:
        first.setdefault((found.facet, found.label), found)
    return tuple(first.values())


@lru_cache(maxsize=4096)
def canonical_label(mention: str) -> str:
    """Lower case word by word, but a word with a capital or a digit after its first letter is a name and stays."""
    return " ".join(word if _is_name(word) else word.lower() for word in mention.split())


def _is_name(word: str) -> bool:
    rest = word[1:]
    return rest != rest.lower() or (not rest.isalpha() and any(map(str.isdigit, rest)))
