"""Names that people found in train, looked up in other papers: what can be done without reading.

A paper is read once from left to right, and at each word the longest name that begins there is taken, as in a tree of
words. So the time does not depend on how many names there are. Whole words are compared, without case, but for
acronyms (`IR`), which would be found in ordinary words (`ir`).
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from evals.examples import Example, Gold, Kind
from summarizer.extension import is_acronym

_TOKEN = re.compile(r"\w+|[^\w\s]")


class _Node:
    """The names that begin with the same words."""

    __slots__ = ("following", "kinds")

    def __init__(self) -> None:
        self.following: dict[str, _Node] = {}
        self.kinds: Counter[Kind] = Counter()
        """How often people took the words up to here for a name of a kind."""


class Gazetteer:
    """The names of train. With `others`, a paper is one of train itself, and is read with the names of the others."""

    def __init__(self, train: Iterable[Example], *, others: bool = False) -> None:
        """Take up all forms of all names of the examples; they are read once and not kept."""
        self._root, self._others = _Node(), others
        self._kinds: dict[Kind, None] = {}
        for example in train:
            self._kinds |= dict.fromkeys(example.gold.names)
            for node, kinds in self._nodes(example.gold).items():
                node.kinds += kinds

    def names(self, example: Example) -> dict[Kind, tuple[str, ...]]:
        """The names in the title and the abstract, as written there, of each kind that train has.

        A name that train has in several kinds is of the most frequent one.
        """
        found: dict[Kind, dict[str, None]] = {kind: {} for kind in self._kinds}
        own = self._nodes(example.gold) if self._others else {}
        for text in (example.paper.title, example.paper.abstract):
            for name, kind in self._found(text, own):
                found[kind][name] = None
        return {kind: tuple(names) for kind, names in found.items()}

    def _nodes(self, gold: Gold) -> "dict[_Node, Counter[Kind]]":
        """The places of the names of one paper, and how often each kind is meant."""
        found: dict[_Node, Counter[Kind]] = {}
        for kind, names in gold.names.items():
            for form in (form for name in names for form in name.forms):
                node = self._root
                for token in _TOKEN.findall(form):
                    node = node.following.setdefault(_key(token), _Node())
                if node is not self._root:
                    found.setdefault(node, Counter())[kind] += 1
        return found

    def _found(self, text: str, own: "dict[_Node, Counter[Kind]]") -> Iterator[tuple[str, Kind]]:
        tokens = list(_TOKEN.finditer(text))
        keys = [_key(token.group()) for token in tokens]
        start = 0
        while start < len(keys):
            end, kind = self._longest(keys, start, own)
            if kind is None:
                start += 1
                continue
            yield text[tokens[start].start() : tokens[end - 1].end()], kind
            start = end

    def _longest(self, keys: list[str], start: int, own: "dict[_Node, Counter[Kind]]") -> tuple[int, Kind | None]:
        """Where the longest name that begins at `start` ends, and what it is."""
        node, end = self._root, start
        kind: Kind | None = None
        for place in range(start, len(keys)):
            after = node.following.get(keys[place])
            if after is None:
                break
            node = after
            kinds = node.kinds - own[node] if node in own else node.kinds
            if kinds:
                end, ((kind, _),) = place + 1, kinds.most_common(1)
        return end, kind


def _key(token: str) -> str:
    return token if is_acronym(token) else token.casefold()
