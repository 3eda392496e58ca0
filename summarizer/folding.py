r"""Two texts that only look different become the same text, with a map back to the raw one.

Folded away is how a text looks: Unicode forms and ligatures, kinds of dashes and quotation marks, white space and what
has no width, line breaks and the hyphens at them, HTML entities and tags, the LaTeX that abstracts contain, the capital
at the beginning of a word. What a text says stays: digits, signs, decimal points, percent, units, and the case of
acronyms and of names with a capital inside. Raised and lowered digits keep their meaning: `10²`, `10^{2}` and
`10<sup>2</sup>` become `10^2`, which is not `102`.

Where that is a matter of taste, the two forms mean the same to every reader:

- A hyphen between two lower-case letters (`pre-training`, `exam-` and `ple` on two lines) is dropped, because at the
  end of a line nobody can tell which kind it was. Between other characters (`GPT-4`, `U-Net`, `10-20`) it stays.
- `~` joins two words as in LaTeX (`Table~3`); where it stands at the start of a word it says "about" and stays.
- `$` before a digit is money, unless a formula ends there or soon after it. Any other is the mark of a formula.
- An em dash (`---` in LaTeX) is a comma's brother and stands between spaces; all other dashes are one.
"""

import html
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from summarizer.latex import ACCENTS, COMMANDS, ESCAPES

#: Rounds in which a form may uncover another one. Real texts take three; a hostile one shall not take for ever.
_MOST_ROUNDS = 8
#: Characters that Unicode itself does not take for forms of others.
_LOOKALIKES = (
    dict.fromkeys("\u2010\u2011\u2012\u2013\u2212\ufe58", "-")
    | dict.fromkeys("\u2014\u2015\u2e3a\u2e3b", " - ")
    | dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc\u00b4", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"')
    | {"\u00d7": "x", "\u2715": "x", "\u2044": "/", "\u2215": "/", "\u223c": "~", "\u02dc": "~"}
    | {"\u0153": "oe", "\u0152": "OE", "\u00e6": "ae", "\u00c6": "AE"}
)
#: Compatibility forms that differ in looks alone; raised, lowered, circled and divided ones say something.
_LOOKS = ("<font>", "<compat>", "<wide>", "<narrow>", "<noBreak>", "<initial>", "<medial>", "<final>", "<isolated>")
_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ", "0123456789+-=()ni", strict=True))
_LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎", "0123456789+-=()", strict=True))

_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
)
_BLANK = rf"\s\x00-\x1f\x7f-\x9f{_INVISIBLE}"
_DASHES = r"\-\u2010-\u2015\u2212\u2e3a\u2e3b\ufe58\ufe63\uff0d"
_INLINE = "i|b|em|strong|u|s|small|span|a|font|tt|code|italic|bold|sc|monospace|underline|ext-link|inline-formula"
_BLOCK = "p|br|div|li|ul|ol|title|sec|abstract"
_SINGLES = r"'\u2018\u2019\u201a\u201b\u2032\u02bc\u00b4`"
_COMMANDS = "|".join(sorted(COMMANDS, key=len, reverse=True))
#: What stands behind a hyphen that belongs to a word to come: `short- and long-term`.
_SUSPENDED = r"(?!(?:and|or)\b)"
#: The capital that a word has where it begins a sentence or stands in a title. It is looked at last: whether a capital
#: further inside makes the word a name shows only when line breaks and accents are gone.
_CAPITALIZED = re.compile(r"[A-Z](?<![^\W_].)[a-z]+(?![^\W_])")
#: Each rule begins with a look back at the first character, which has been consumed when the rules are tried: so the
#: search runs at the speed of a character class until something may have to change.
_RULES = rf"""
    (?P<hyphen>(?<=[a-z][\-\u2010\u2011])(?:[^\S\n]*\n\s*{_SUSPENDED})?(?=[a-z](?![\u0300-\u036f])))
  | (?P<wrap>(?<=\w[\-\u2010\u2011])[^\S\n]*\n\s*{_SUSPENDED}(?=\w))
  | (?P<unit>(?<=\d[{_BLANK}])[{_BLANK}]*(?=\\?%))
  | (?P<blank>(?<=[{_BLANK}])(?:[{_BLANK}]+|(?<!\ )))
  | (?P<dashes>(?<=[{_DASHES}])[{_DASHES}]+)
  | (?P<double>(?<=[{_SINGLES}])[{_SINGLES}])
  | (?P<single>(?<=`))
  | (?P<brace>(?<=[{{}}]))
  | (?P<formula>(?<=\$)(?:(?!\d)|(?<=[a-z0-9)}}%]\$)|(?=\d[^$\n]{{0,80}}(?<!\s)\$(?!\d))))
  | (?P<tie>(?<=\S~)(?=\S))
  | (?P<accented>(?<=\\)(?:(?P<mark>['`^"~=.])|(?P<letter_mark>[cvuHkrbd])(?=[\s{{]))
        \s*\{{?\s*(?:\\(?P<dotless>[ij])(?![A-Za-z])|(?P<letter>[A-Za-z]))\}}?)
  | (?P<command>(?<=\\)(?P<name>{_COMMANDS})(?![A-Za-z])\*?(?P<gap>[^\S\n]+(?=\S))?)
  | (?P<escaped>(?<=\\)(?P<sign>[%&\#_$,;:\ \\\n!\-/@{{}}()\[\]]))
  | (?P<entity>(?<=&)(?:amp;)*(?P<entity_name>\#\d{{1,7}}|\#[xX][0-9a-fA-F]{{1,6}}|[A-Za-z][A-Za-z0-9]{{1,31}});)
  | (?P<tag>(?<=<)(?<!<<)/?(?:jats:|mml:)?(?:(?P<raised>sup)|(?P<lowered>sub)|(?:{_INLINE})|(?P<block>{_BLOCK}))
        (?:\s+[\w:-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'))*\s*/?>)
  | (?P<superscript>(?<=[{"".join(_RAISED)}])[{"".join(_RAISED)}]*)
  | (?P<subscript>(?<=[{"".join(_LOWERED)}])[{"".join(_LOWERED)}]*)
"""
#: A dash that stands for a comma, with or without spaces, and never for a minus.
_EM_DASH = re.compile(r"[\u2014\u2015\u2e3a\u2e3b]|---")
#: A space may begin something that changes only before one of these.
_SPACED = re.compile(rf"\ (?:[{_BLANK}]|\\?%)")


class Folded(NamedTuple):
    """A text in the form in which it is compared. Offsets count code points."""

    text: str
    starts: list[int]
    """Where each piece begins in `text`; between two places where something was changed lies one piece."""
    origins: list[int]
    """Where each piece begins in the raw text."""
    ends: list[int]
    """Where a piece that was changed ends in the raw text; -1 for a piece that is the same in both."""

    def raw_span(self, start: int, end: int) -> tuple[int, int]:
        """Where `text[start:end]`, which may not be empty, stands in the raw text; changed pieces are taken whole."""
        first, last = bisect_right(self.starts, start) - 1, bisect_right(self.starts, end - 1) - 1
        begin, stop = self.origins[first], self.ends[last]
        if self.ends[first] < 0:
            begin += start - self.starts[first]
        if stop < 0:
            stop = self.origins[last] + end - self.starts[last]
        return begin, stop


def fold(text: str, *, joined: bool = True) -> Folded:
    """Fold a text; folding the result once more changes nothing (within eight forms that uncover one another).

    With `joined=False` the hyphens between lower-case letters stay: `two-fold` says a number, `twofold` hides it.
    """
    folded = Folded(text, [0], [0], [-1])
    for _ in range(_MOST_ROUNDS):
        if again := _round(folded.text, joined):
            folded = again if folded.text is text else _composed(folded, again)
            continue
        # Character for character, so the places stay.
        lowered = _CAPITALIZED.sub(_lower, folded.text)
        is_last = lowered == folded.text or not joined or "-" not in lowered
        folded = folded._replace(text=lowered)
        if is_last:
            break
    return folded


def _lower(found: re.Match[str]) -> str:
    return found.group().lower()


def _round(text: str, joined: bool) -> Folded | None:
    """Apply every rule once; None when nothing changes."""
    parts: list[str] = []
    starts, origins, ends = [0], [0], [-1]
    place = length = 0
    changed = False
    for found in _finder(text, joined).finditer(text):
        new = _replacement(found)
        begin, end = found.span()
        if new is None or new == text[begin:end]:
            continue
        changed = True
        parts += (text[place:begin], new)
        length += begin - place
        place = end
        if len(new) == 1 == end - begin:
            length += len(new)
            continue
        for piece in ((length, begin, end), (length + len(new), end, -1)):
            if piece[0] == starts[-1]:  # the piece before is empty
                starts[-1], origins[-1], ends[-1] = piece
            else:
                starts.append(piece[0])
                origins.append(piece[1])
                ends.append(piece[2])
        length += len(new)
    if not changed:
        return None
    parts.append(text[place:])
    return Folded("".join(parts), starts, origins, ends)


def _composed(first: Folded, second: Folded) -> Folded:
    """The map of two rounds in one: a piece of the second, seen through the pieces of the first."""
    starts, origins, ends = [], [], []
    for number, start in enumerate(second.starts):
        stop = second.starts[number + 1] if number + 1 < len(second.starts) else len(second.text)
        if stop == start:
            continue
        origin = second.origins[number]
        if (end := second.ends[number]) >= 0:
            begin, until = first.raw_span(origin, end)
            starts.append(start)
            origins.append(begin)
            ends.append(until)
            continue
        at = bisect_right(first.starts, origin) - 1
        while at < len(first.starts) and first.starts[at] < origin + stop - start:
            inside = max(first.starts[at], origin)
            changed = first.ends[at] >= 0
            starts.append(start + inside - origin)
            origins.append(first.origins[at] + (0 if changed else inside - first.starts[at]))
            ends.append(first.ends[at])
            at += 1
    return Folded(second.text, starts or [0], origins or [0], ends or [-1])


def _replacement(found: re.Match[str]) -> str | None:
    """What a form becomes, or None for what only looked like one."""
    rule = found.lastgroup or ""
    return _FIXED[rule] if rule in _FIXED else _CHOSEN[rule](found)


def _blank(found: re.Match[str]) -> str:
    return " " if any(character.isspace() for character in found.group()) else ""


def _dashes(found: re.Match[str]) -> str:
    return " - " if _EM_DASH.search(found.group()) else "-"


def _entity(found: re.Match[str]) -> str | None:
    text = html.unescape(f"&{found['entity_name']};")
    return None if text.startswith("&") and len(text) > 1 else text


def _command(found: re.Match[str]) -> str:
    r"""What a command stands for; behind a sign (`3\times faster`) the space stays, which only LaTeX drops."""
    sign = COMMANDS[found["name"]]
    return f"{sign} " if sign and found["gap"] else sign


def _accented(found: re.Match[str]) -> str:
    letter, mark = found["letter"] or found["dotless"], found["mark"] or found["letter_mark"]
    return unicodedata.normalize("NFC", letter + ACCENTS[mark])


def _other(found: re.Match[str]) -> str:
    return "".join(map(_plain, unicodedata.normalize("NFC", found.group())))


def _tag(found: re.Match[str]) -> str:
    if found["block"]:
        return " "
    closing = found.group().startswith("</")
    if found["raised"]:
        return "" if closing else "^"
    return "_" if found["lowered"] and not closing else ""


@lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    """The form of one character that is compared."""
    if character in _LOOKALIKES:
        return _LOOKALIKES[character]
    if unicodedata.decomposition(character).startswith(_LOOKS):
        looks = unicodedata.normalize("NFKC", character)
        # A spacing accent would become a space and a mark that goes on to the letter before.
        return character if looks.startswith(" ") else looks
    return character


_FIXED = {"hyphen": "", "unit": "", "brace": "", "formula": "", "wrap": "-", "tie": " ", "double": '"', "single": "'"}
_CHOSEN: dict[str, Callable[[re.Match[str]], str | None]] = {
    "blank": _blank,
    "dashes": _dashes,
    "superscript": lambda found: "^" + "".join(map(_RAISED.__getitem__, found.group())),
    "subscript": lambda found: "_" + "".join(map(_LOWERED.__getitem__, found.group())),
    "entity": _entity,
    "tag": _tag,
    "accented": _accented,
    "command": _command,
    "escaped": lambda found: ESCAPES[found["sign"]],
    "other": _other,
}


def _finder(text: str, joined: bool) -> re.Pattern[str]:
    return _pattern(
        ascii_only=text.isascii(),
        composed=unicodedata.is_normalized("NFC", text),
        spaced=_SPACED.search(text) is not None,
        joined=joined,
    )


@lru_cache
def _pattern(*, ascii_only: bool, composed: bool, spaced: bool, joined: bool) -> re.Pattern[str]:
    """All rules in one expression, without those that this kind of text has no need of."""
    rules = _RULES if joined else _RULES.replace("(?<=[a-z][", "(?!)(?<=[a-z][", 1)
    first = r"\-\\{}$~&<'`\t-\r\x00-\x08\x0e-\x1f\x7f" + (r"\ " if spaced else "")
    if ascii_only:
        return re.compile(f"[{first}](?:{rules})", re.VERBOSE | re.ASCII)
    if composed:
        return re.compile(rf"[{first}\x80-\U0010ffff](?:{rules}|(?P<other>(?<=[^\x00-\x7f])))", re.VERBOSE)
    joins = _joining()
    other = rf"(?P<other>(?<=[^\x00-\x7f])[{joins}]*|(?<=[A-Za-z])[{joins}]+)"
    return re.compile(rf"[{first}a-z\x80-\U0010ffff](?:{other}|{rules})", re.VERBOSE)


@lru_cache
def _joining() -> str:
    """What joins the character before it in NFC: marks, and the second halves of characters that have two."""
    joining = {chr(code) for code in range(0x300, 0x1_2000) if unicodedata.combining(chr(code))}
    for code in range(0xC0, 0x1_2000):
        halves = unicodedata.decomposition(chr(code)).split()
        if len(halves) == 2 and not halves[0].startswith("<") and int(halves[1], 16) > 0x7F:
            joining.add(chr(int(halves[1], 16)))
    return "".join(sorted(joining)) + "\u1161-\u1175\u11a8-\u11c2"
