"""Mentions become labels, so that the same thing has the same name across a batch.

An acronym means what the first of these says: the paper itself, the user's vocabulary, the aliases that are shipped,
the other papers of the batch. The words that come out are a label of the user's vocabulary, or of the shipped table,
or at last themselves in canonical form (`labels`). The mention stays beside the label.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from summarizer.acronyms import singular
from summarizer.glossary import Glossary, own_definitions
from summarizer.labels import Word, words_of
from summarizer.records import Answer, Evidence, Mention, Method, Paper, Record, Tag
from summarizer.vocabulary import OpenFacet, TagVocabulary, shipped_aliases


class Tags(NamedTuple):
    """The tags of a paper, and those that the user's vocabulary does not have."""

    known: tuple[Tag, ...]
    proposed: tuple[Tag, ...]


class Label(NamedTuple):
    """What a mention becomes."""

    facet: OpenFacet
    text: str
    known: bool
    """Whether the user's vocabulary has it; without a vocabulary all are."""


#: What makes the label of a mention of one paper; None for a mention that is to be ignored.
Labeled = Callable[[OpenFacet, str], Label | None]


class Tagger:
    """Gives the papers of one run their tags."""

    def __init__(self, vocabulary: TagVocabulary | None = None, glossary: Glossary | None = None) -> None:
        """`vocabulary` is the user's own, and `glossary` what the papers of the batch define."""
        self._vocabulary, self._glossary = vocabulary, glossary
        self._names = vocabulary.aliases if vocabulary else shipped_aliases()
        # The same words stand in mentions again and again.
        self._foreign = lru_cache(maxsize=65536)(self._look_up)

    def tag(self, answer: Answer, paper: Paper, tasks: Sequence[Mention], methods: Sequence[Method]) -> Tags:
        """Tags of one paper: field and modalities from the closed lists, tasks and methods from its own words.

        A name that is not in the text (its evidence is absent) makes no tag. Each label stands once for each facet,
        with the mention that came first.
        """
        closed = [] if answer.field is None else [Tag(facet="field", label=answer.field)]
        closed += [Tag(facet="modality", label=label) for label in answer.modalities]
        known: dict[tuple[str, str], Tag] = {(tag.facet, tag.label): tag for tag in closed}
        proposed: dict[tuple[str, str], Tag] = {}
        mentions: list[tuple[OpenFacet, str, Evidence]] = [("task", task.name, task.evidence) for task in tasks]
        mentions += [("method", method.name, method.evidence) for method in methods]
        labeled = self.labels(paper)
        for facet, name, evidence in mentions:
            label = labeled(facet, name) if evidence.match != "absent" else None
            if label is not None:
                tag = Tag(facet=label.facet, label=label.text, mention=name, evidence=evidence)
                (known if label.known else proposed).setdefault((tag.facet, tag.label), tag)
        return Tags(tuple(known.values()), tuple(proposed.values()))

    def labels(self, paper: Paper | Record) -> Labeled:
        """What makes labels of the mentions of one paper; None for a mention that is to be ignored."""
        own = own_definitions(paper, self._foreign)

        def labeled(facet: OpenFacet, mention: str) -> Label | None:
            return self._label(facet, mention, own)

        return labeled

    def _label(self, facet: OpenFacet, mention: str, own: dict[str, tuple[Word, ...]]) -> Label | None:
        def expand(chunk: str) -> Sequence[Word]:
            return own.get(singular(chunk)) or self._foreign(chunk)

        words = self._names.canonical(words_of(mention, expand if own else self._foreign))
        if not words:
            return None
        if self._vocabulary is None:
            return Label(facet, self._names.label(words), known=True)
        # A label may be an acronym that only the paper explains.
        candidates = [words, *(words_of(short) for short, long in own.items() if long == words)]
        if any(map(self._vocabulary.ignores, candidates)):
            return None
        for candidate in candidates:
            if found := self._vocabulary.find(facet, candidate):
                return Label(*found, known=True)
        return Label(facet, self._names.label(words), known=False)

    def _look_up(self, chunk: str) -> Sequence[Word]:
        """What a word stands for outside of its paper."""
        users = self._vocabulary.aliases.expand(chunk) if self._vocabulary else ()
        # One paper can say anything about `LLM`, and shall not rename what all others call so.
        known = users or shipped_aliases().expand(chunk)
        return known or (self._glossary.expand(singular(chunk)) if self._glossary else ())
