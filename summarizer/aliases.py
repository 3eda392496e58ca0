"""Tables of labels with other names for them: the one that is shipped, and those in a user's vocabulary."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from summarizer.acronyms import singular
from summarizer.labels import Expand, Word, label_of, said_once, words_of

_SEPARATORS = re.compile(r"[-.]")
#: Longest label that is shown inside of another one, in words.
_MOST_WORDS = 6


class _Named(NamedTuple):
    """The words of a name, and those of the label that it stands for."""

    words: tuple[Word, ...]
    label: tuple[Word, ...]


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
        self._names: dict[Word, list[_Named]] = {}
        for label, aliases in labels.items():
            own = (label,) if squeezed(label) in self._ordinary else words_of(label, self._except(label))
            self._labels.setdefault(own, label)
            # The label itself as well: where it stands it is not looked into for shorter names.
            for words_of_name in {own, *(words_of(name, self._expand) for name in (label, *aliases))}:
                self._names.setdefault(words_of_name[0], []).append(_Named(words_of_name, own))
        for entries in self._names.values():
            entries.sort(key=lambda named: -len(named.words))

    def words(self, name: str) -> tuple[Word, ...]:
        """The words of a mention, with the names in it spelled out."""
        return self.canonical(words_of(name, self._expand))

    def canonical(self, words: tuple[Word, ...]) -> tuple[Word, ...]:
        """The words with those of the label in the place of every other name of it."""
        found: list[Word] = []
        place = 0
        while place < len(words):
            entries = self._names.get(words[place], ())
            named = next((entry for entry in entries if words[place : place + len(entry.words)] == entry.words), None)
            found += named.label if named else (words[place],)
            place += len(named.words) if named else 1
        spelled = said_once(found)
        return self._beneath.canonical(spelled) if self._beneath else spelled

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
        """The label of this table that has these (canonical) words."""
        return self._labels.get(words)

    def label(self, words: tuple[Word, ...]) -> str:
        """The label of any (canonical) words: that of a table, or these words, with the labels in them as they are."""
        return self._found(words) or label_of(words, self._pieces(words))

    def _found(self, words: tuple[Word, ...]) -> str | None:
        return self._labels.get(words) or (self._beneath._found(words) if self._beneath else None)  # noqa: SLF001

    def _expand(self, chunk: str, within: frozenset[str] = frozenset()) -> Sequence[Word]:
        return self.expand(chunk, within) or (self._beneath.expand(chunk, within) if self._beneath else ())

    def _except(self, label: str) -> Expand:
        return partial(self._expand, within=frozenset({label}))

    def _named(self, chunk: str) -> str | None:
        name = squeezed(chunk)
        if name not in self._single and chunk.endswith("s") and len(name) > 3:  # `AIS` is no plural of AI
            name = name[:-1]
        return None if name in self._ordinary and chunk == chunk.lower() else self._single.get(name)

    def _pieces(self, words: tuple[Word, ...]) -> Iterator[tuple[int, str]]:
        """Numbers of words, and what is shown for all up to the next one: a label, or the word."""
        place = 0
        while place < len(words):
            longest = min(len(words) - place, _MOST_WORDS)
            runs = (words[place : place + length] for length in range(longest, 0, -1))
            run, text = next(
                ((run, text) for run in runs if (text := self._found(run))), (words[place : place + 1], "")
            )
            yield place, text or run[0]
            place += len(run)


def squeezed(chunk: str) -> str:
    """A name of one word as it is looked up: without case, hyphens and the s of a plural."""
    return _SEPARATORS.sub("", singular(chunk)).lower()
