"""Tokens of data sets become natural text again, and each token knows where it stands in it.

A model that is used on natural text would be measured on something else if it were asked about `state - of - the - art
( SOTA )`. The words stay as they are, letter by letter; only white space is decided anew, and the escapes of the Penn
Treebank are undone. So a name that was marked by its tokens is a part of the text.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

#: Escapes of the Penn Treebank (Marcus et al. 1993): brackets, which some files have inside of tokens too, and tokens.
_BRACKETS: Final = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}"}
_ESCAPED_BRACKET: Final = re.compile("|".join(_BRACKETS))
_ESCAPES: Final = {"``": '"', "''": '"', "`": "'", "\\/": "/", "\\*": "*"}
#: What stands close to the word before it, and close to the word behind it.
_CLOSES = re.compile(
    r"[-.,;:?!%)\]}\u2019\u201d\u2026]*[.,;:?!%)\]}\u201d\u2026][(\[]?|['\u2019](?:s|re|ve|ll|d|m|t)?|n['\u2019]t"
)
_OPENS = re.compile(r"[(\[{\u201c\u2018]+|\]\[")
#: What joins two words where a tokenizer divides at it.
_JOINTS: Final = frozenset({"-", "/", "//"})
_QUOTES: Final = frozenset({'"', "'"})


@dataclass(frozen=True, slots=True)
class Text:
    """A text, and where each of its tokens stands in it."""

    text: str
    spans: tuple[tuple[int, int], ...]

    def part(self, start: int, stop: int) -> str:
        """What the tokens from `start` to `stop` (exclusive) are in the text."""
        return self.text[self.spans[start][0] : self.spans[stop - 1][1]]


def joined(tokens: Sequence[str], *, joints: bool = False) -> Text:
    """The text of a sentence. With `joints`, single hyphens and slashes join the words beside them."""
    words = [_ESCAPED_BRACKET.sub(_bracket, _ESCAPES.get(token, token)) for token in tokens]
    return _set(words, [False, *_gaps(tokens, words, joints=joints)])


def placed(tokens: Sequence[str], starts: Sequence[int]) -> Text:
    """The text of tokens for which a data set says where they began: a space where anything stood between two."""
    ends = [start + len(token) for token, start in zip(tokens, starts, strict=True)]
    return _set(tokens, [False, *(start != end for start, end in zip(starts[1:], ends, strict=False))])


def _bracket(found: re.Match[str]) -> str:
    return _BRACKETS[found.group()]


def _set(words: Sequence[str], gaps: Sequence[bool]) -> Text:
    spans, pieces, place = [], [], 0
    for word, gap in zip(words, gaps, strict=True):
        pieces += [" ", word] if gap else [word]
        spans.append((place + gap, place + gap + len(word)))
        place = spans[-1][1]
    return Text("".join(pieces), tuple(spans))


def _gaps(tokens: Sequence[str], words: Sequence[str], *, joints: bool) -> Iterator[bool]:
    """Whether there is a space in front of each word but the first."""
    opened: dict[str, bool] = {}
    attached = False
    for number, (token, word) in enumerate(zip(tokens, words, strict=True)):
        closes, opens = _CLOSES.fullmatch(word) is not None, _OPENS.fullmatch(word) is not None
        if word in _QUOTES:
            opens = _begins(token, word, words[number - 1] if number else "", opened)
            closes = not opens
        if joints and word in _JOINTS and 0 < number < len(words) - 1:
            closes = opens = True
        if number:
            yield not (closes or attached)
        attached = opens


def _begins(written: str, word: str, before: str, opened: dict[str, bool]) -> bool:
    """Whether a quotation mark opens. The Treebank tells them apart; straight ones alternate, apostrophes do not."""
    if written in {"``", "`"}:
        opened[word] = True
        return True
    if word == "'" and not opened.get(word) and before.endswith(("s", "S")):
        return False
    opened[word] = written != "''" and not opened.get(word, False)
    return opened[word]
