"""Tables of labels with other names for them: the one that is shipped, and those in a user's vocabulary."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from summarizer.acronyms import singular
from summarizer.labels import Word, label_of, words_of

_SEPARATORS = re.compile(r"[-.]")


class _Shown(NamedTuple):
    """A label that is shown as it is written, also where it is a part of another one."""

    words: tuple[Word, ...]
    text: str


class AliasTable:
    """Labels by the words of their names."""

    def __init__(
        self,
        labels: Mapping[str, Sequence[str]],
        beneath: "AliasTable | None" = None,
        words: Collection[str] = (),
    ) -> None:
        """`labels` are other names by label; what is no name here may be one in the table `beneath`.

        `words` are names that are ordinary words as well: without a capital they are no names.
        """
        self._beneath = beneath
        # A name of one word is one inside of other mentions as well: `LLM` in `LLM-based agents`.
        self._single = {
            squeezed(name): label for label, aliases in labels.items() for name in (*aliases, label) if " " not in name
        }
        self._ordinary = frozenset(map(squeezed, words))
        self._labels: dict[tuple[Word, ...], str] = {}
        self._shown: dict[Word, list[_Shown]] = {}
        for label, aliases in labels.items():
            for name in (label, *aliases):
                self._labels.setdefault(self.words(name), label)
        for label in labels:
            words = self.words(label)
            if label_of(words) != label:
                self._shown.setdefault(words[0], []).append(_Shown(words, label))
        for entries in self._shown.values():
            entries.sort(key=lambda shown: -len(shown.words))

    def words(self, name: str) -> tuple[Word, ...]:
        """The words of a name, with those of this table spelled out."""
        return words_of(name, self._expand)

    def expand(self, chunk: str, within: frozenset[str] = frozenset()) -> Sequence[Word]:
        """The words of the label of this table that a name of one word belongs to; empty when it is none.

        `within` are labels that are being spelled out, in which their own names are only words.
        """
        label = self._named(chunk)
        if label is None or label in within:
            return ()
        if squeezed(label) in self._ordinary:
            return (label,)
        return words_of(label, lambda part: self._expand(part, within | {label}))

    def find(self, words: tuple[Word, ...]) -> str | None:
        """The label of which these are the words, or those of another name."""
        return self._labels.get(words)

    def label(self, words: tuple[Word, ...]) -> str:
        """The label of any words: that of the table, or their canonical form with the names in it as they are shown."""
        return self._labels.get(words) or label_of(words, self._pieces(words))

    def _expand(self, chunk: str, within: frozenset[str] = frozenset()) -> Sequence[Word]:
        return self.expand(chunk, within) or (self._beneath.expand(chunk, within) if self._beneath else ())

    def _named(self, chunk: str) -> str | None:
        name = squeezed(chunk)
        if name not in self._single and chunk.endswith("s") and len(name) > 3:  # `AIS` is no plural of AI
            name = name[:-1]
        return None if name in self._ordinary and chunk == chunk.lower() else self._single.get(name)

    def _pieces(self, words: tuple[Word, ...]) -> Iterator[tuple[int, str]]:
        """Numbers of words, and what is shown for all up to them."""
        place = 0
        while place < len(words):
            entries = self._shown.get(words[place], ())
            shown = next((entry for entry in entries if words[place : place + len(entry.words)] == entry.words), None)
            length, text = (len(shown.words), shown.text) if shown else (1, words[place])
            yield place, text
            place += length


def squeezed(chunk: str) -> str:
    """A name of one word as it is looked up: without case, hyphens and the s of a plural."""
    return _SEPARATORS.sub("", singular(chunk)).lower()
