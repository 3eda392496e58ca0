"""What the lines of a pasted page are, told by their shape: title, abstract (in one line or wrapped), or neither."""

import re
import unicodedata
from collections import deque
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from summarizer.reading.lines import LONGEST, Line, invisible

# Buttons, counters and captions of paper feeds; a line that is wholly one of these is no part of a paper.
_CHROME = re.compile(
    r"""
    [+-]?\d[\d.,]*[kKM]?                            # counters
    | [\u00b7\u2022|/\u2013\u2014*.=_-]+               # separators: dots, bars, dashes
    | (?:Upvote|GitHub|Follow|Like|Share|Comments?|Community|Bookmark|Save)(?:\ *\(?\d[\d.,]*[kKM]?\)?)?
    | Subscribe | Submit | Sign\ ?[Uu]p | Log\ ?[Ii]n | Sign\ [Ii]n | Search | Previous | Next | Home | Menu | Edit
    | (?:View|Download|Read)\ (?:(?:on|arXiv|PDF|HTML|paper|full|text|abstract|project|page|Add|to|collection)\ ?)+
    | (?:arXiv|Project)\ page | PDF | HTML | Add\ to\ collection | Show\ (?:more|less) | Read\ more
    | (?:Published|Submitted|Updated)\ on\ .{1,60}
    | Submitted\ by(?:\ .{1,60})?
    | Generated\ by\ .{1,80}
    | (?:\u00b7\ )?\d+\ (?:authors?|comments?|likes?|upvotes?|(?:day|hour|minute)s?\ ago)
    | Authors?:.{0,2000}
    | Abstract:?
    | (?:Get|Receive)\ .{0,80}\b(?:inbox|e-?mail|newsletter)\b.{0,40}[.!]
    | \u00a9.{0,80} | TOS | Terms | Privacy | About | Careers | Pricing | Docs
    """,
    re.VERBOSE,
)
_LONGEST_CHROME = 2_010

# A button's label with nothing between it and the title; "Subscriber" and "Sharing" go on in lower case. Follow and
# Share begin the names of real systems as well (ShareGPT4V), so what looks like such a name stays whole.
_LABEL = re.compile(
    r"(?:Subscribe|Submit|Upvote|Sign [Uu]p|Log [Ii]n|(?:Follow|Share)(?!\w*[A-Z0-9]{2}|\w+:))"
    r"(?=[^\W_]|[\"'\u2018\u201c(\[$])(?P<title>.+)"
)
_ENDED = re.compile(r"[.!?\u3002\uff01\uff1f\u2026][\"'\u2019\u201d\u00bb)\]]*$")
_ADDRESS = re.compile(r"https?://\S*[^\s-]$")
_FULL_STOP = re.compile(r"[.\u3002][\"'\u2019\u201d\u00bb)\]]*$")
# Where inside a text one sentence ends and the next begins; "vs." and initials end none.
_BOUNDARY = re.compile(r"(?:\w{3}|[)\]%\d])\.[\"'\u2019\u201d)\]]*\s+[\"'\u2018\u201c(\[$]*[A-Z0-9]|\u3002\S")
_UNFINISHED = re.compile(
    r"(?:[,:;(\[\u2013-]|\b(?:a|an|and|are|as|at|by|for|from|in|into|is|of|on|or|our|that|the|their|this|to|toward|towards"
    r"|under|using|versus|via|we|which|with|without))$"
)
_ABBREVIATED = re.compile(r"\b(?:al|e\.g|i\.e|vs|cf|etc|resp|approx|w\.r\.t|Fig|Eq|Sec|No)\.$")
_LONG_WORD = re.compile(r"[^\W\d_]{4,}")

# In columns, of which a Chinese character takes two: no title is longer than the first; no abstract is shorter than the
# second, or than the third if it has sentences; no line of a wrapped abstract but its last is shorter than the fourth.
_LONGEST_TITLE, _SHORTEST_ABSTRACT, _SHORTEST_SENTENCES, _SHORTEST_WRAPPED = 260, 120, 60, 40
# In characters: no line is wrapped later than here.
_LONGEST_WRAPPED = 130


class Shape(Enum):
    """What a block can be, as far as its shape tells; `EITHER` is left to what stands above."""

    TITLE = "title"
    ABSTRACT = "abstract"
    EITHER = "either"


class Block(NamedTuple):
    """One line, or the lines of one wrapped abstract, of which the first is a title instead when `loose` and needed."""

    lines: tuple[Line, ...]
    chrome: bool = False
    loose: bool = False

    @property
    def text(self) -> str:
        """The text as found, without white space at its ends."""
        return "".join(line.text for line in self.lines).strip()

    @property
    def shape(self) -> Shape:
        """Title, abstract, or a line that may be either."""
        return Shape.ABSTRACT if len(self.lines) > 1 or self.lines[0].problem else _shape(self.text)


def blocks(source: Iterator[Line]) -> Iterator[Block]:
    """Join the lines of wrapped abstracts, and leave blank lines out."""
    ahead: deque[Line] = deque()
    while _look_ahead(ahead, source, 1):
        first = ahead.popleft()
        text = first.text.strip()
        if _is_chrome(text):
            yield Block((first,), chrome=True)
        elif first.problem or not invisible(text):
            yield from _paragraph(first, ahead, source)


def is_banner(text: str) -> bool:
    """Say whether a line above the first paper reads like a menu entry or an invitation rather than a title."""
    return len(text.split()) <= 3 or text.endswith(("!", "."))


def is_names(text: str) -> bool:
    """Say whether a line can be a list of people: parts of at most four words between commas."""
    return all(len(part.split()) <= 4 for part in text.replace(" and ", ",").split(","))


def without_label(text: str) -> str:
    """Take a button's label off the title that it is glued to: `SubscribeA Study` is `A Study`."""
    match = _LABEL.match(text)
    return match["title"] if match and not match["title"][0].islower() else text


def _paragraph(first: Line, ahead: deque[Line], source: Iterator[Line]) -> Iterator[Block]:
    """Give one block when the lines make an abstract, and one for each line when they do not."""
    taken, width, size, loose = [first], _columns(first.text.strip()), len(first.text), False
    while size < LONGEST and _look_ahead(ahead, source, 2) and _goes_on(taken, width, ahead):
        line = ahead.popleft()
        if len(taken) == 1 and _is_loose(first.text.strip(), line.text.strip()):
            loose, width = True, 0  # a title says nothing about how wide the lines below it are
        taken.append(line)
        width, size = max(width, _columns(line.text.strip())), size + len(line.text)
    if ahead and ahead[0].cut and len(taken[-1].text.strip()) <= _LONGEST_WRAPPED:
        # What is lost may be the rest of an abstract, so nothing that reaches up to it counts as whole.
        yield Block((*taken, ahead.popleft()), loose=loose or len(taken) == 1)
        return
    text = "".join(line.text for line in taken).strip()
    # Length is no evidence here: titles that follow one another are long together.
    if len(taken) > 1 and (_BOUNDARY.search(text) or (_FULL_STOP.search(text) and not _is_titled(text))):
        yield Block(tuple(taken), loose=loose)
    else:
        yield from (Block((line,)) for line in taken)


def _goes_on(taken: list[Line], width: int, ahead: deque[Line]) -> bool:
    """Say whether the next line continues a wrapped paragraph.

    Where text was wrapped, the first word of a line did not fit on the line before. That rules out most titles; what
    it leaves is told by case and by how sentences end.
    """
    last, following = taken[-1].text.strip(), ahead[0].text.strip()
    if invisible(following) or _is_chrome(following) or len(following) > _LONGEST_WRAPPED:
        return False
    if len(taken) > 1 and not _is_ended(last) and _is_tight(last, following):
        return True  # even where a long address made the line before it short
    if len(last) > _LONGEST_WRAPPED or _columns(last) < _SHORTEST_WRAPPED or not _is_full(last, following, width):
        return False
    if _is_ended(last):
        # The next sentence, or the title of the next paper? No sentence begins in lower case, but some titles do.
        if following[0].islower() or _is_titled(following):
            return False
        after = ahead[1].text.strip() if len(ahead) > 1 else ""
        more = after != "" and _is_full(following, after, width)
        # A first line that ends in a question may be a title, so there the end of a sentence below proves nothing.
        return more or (_is_ended(following) and (len(taken) > 1 or _FULL_STOP.search(last) is not None))
    return len(taken) > 1 or _is_tight(last, following) or not _is_titled(last)


def _is_ended(line: str) -> bool:
    return (_ENDED.search(line) or _ADDRESS.search(line)) is not None and _ABBREVIATED.search(line) is None


def _is_full(line: str, following: str, width: int) -> bool:
    # Chinese wraps at any character, so there the first word is one.
    word = following[0] if _columns(following[0]) > 1 else following.split(maxsplit=1)[0]
    return _columns(line) + 1 + _columns(word) > max(width, _columns(following))


def _is_tight(line: str, following: str) -> bool:
    return following[0].islower() or following[0] in "({" or _UNFINISHED.search(line) is not None


def _is_loose(line: str, following: str) -> bool:
    return not _is_tight(line, following) and not _BOUNDARY.search(line)


def _shape(text: str) -> Shape:
    columns = _columns(text)
    if columns >= _LONGEST_TITLE:
        return Shape.ABSTRACT
    sentences, stop = _BOUNDARY.search(text) is not None, _FULL_STOP.search(text) is not None
    if columns < _SHORTEST_ABSTRACT:
        return Shape.EITHER if columns >= _SHORTEST_SENTENCES and sentences and stop else Shape.TITLE
    if sentences and not _is_titled(text):
        return Shape.ABSTRACT
    return Shape.EITHER if sentences or stop else Shape.TITLE


def _is_titled(text: str) -> bool:
    """Say whether most long words are capitalized, as in the titles of many journals."""
    words = _LONG_WORD.findall(text)
    return len(words) > 2 and sum(word[0].isupper() for word in words) >= 0.6 * len(words)


def _is_chrome(text: str) -> bool:
    return len(text) <= _LONGEST_CHROME and _CHROME.fullmatch(text) is not None


def _columns(text: str) -> int:
    if text.isascii() or len(text) > _LONGEST_TITLE:
        return len(text)
    return len(text) + sum(unicodedata.east_asian_width(character) in "WF" for character in text)


def _look_ahead(ahead: deque[Line], source: Iterator[Line], count: int) -> bool:
    """Hold that many lines, if there are; say whether there is any."""
    while len(ahead) < count and (line := next(source, None)):
        ahead.append(line)
    return bool(ahead)
