"""Eight ways in which the same words are written otherwise, for `grounding.py`.

Either the abstract is written otherwise and the quote stays, or the quote is and the abstract stays. Formulas, commands
and links stay as they are.
"""

import random
import re
import unicodedata
from collections.abc import Callable, Iterator

from grounding_cases import Abstract, Case, Edit, changed, clause, is_plain

_LIGATURES = {"ffi": "\ufb03", "ffl": "\ufb04", "ff": "\ufb00", "fi": "\ufb01", "fl": "\ufb02"}
_DASHES = {"---": "\u2014", "--": "\u2013", "\u2014": "---", "\u2013": "--", "\u2212": "-"}
_QUOTES = {"``": "\u201c", "''": "\u201d", "`": "\u2018", "\u2019": "'", "\u2018": "'", "\u201c": '"', "\u201d": '"'}
_STRAIGHT = {"'": "\u2018\u2019", '"': "\u201c\u201d"}
_SPACES = ("  ", "\u00a0", "\u2009", " \u200b", "\u202f", "\u2003")
_NO_WIDTH = ("\u200b", "\u00ad", "\u2060", "\ufeff", "\u200c")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;", "\u2019": "&rsquo;"}
_ENTITIES |= {"\u2013": "&ndash;", "\u00e9": "&eacute;", "\u00a0": "&nbsp;", " ": "&nbsp;"}
_TAGS = ("i", "b", "em", "span")
_STYLES = (r"\textit", r"\emph", r"\textbf", r"\texttt")
_LATEX_ACCENTS = {"\u00e9": r"\'{e}", "\u00e8": r"\`e", "\u00fc": r"\"{u}", "\u00f6": r"\"o", "\u00ef": r"\"{\i}"}
_ACCENTED = dict(zip("aeioucn", "\u00e1\u00e8\u00ef\u00f4\u00fc\u00e7\u00f1", strict=True))
#: What may lie between a right place and the true one: white space, hyphens, and marks that a reader does not see.
_UNSEEN = re.compile(r"(?:[\s\-\u2010\u2011\u00ad\u200b\u200c\u2060\ufeff~${}]|</?\w+>|&nbsp;|\\[a-z]+\s*)*")

Written = Callable[[str, random.Random], Iterator[Edit]]


def reformatted(kind: str, paper: Abstract, chance: random.Random) -> Case | None:
    """One faithful quote of this kind, if the abstract has something to write otherwise."""
    if kind == "decomposed accents":
        paper = _accented(paper, chance)
    edits = list(TRUE_KINDS[kind](paper.text, chance))
    targets = list(edits)
    chance.shuffle(targets)
    for target in targets:
        span = clause(paper, target, chance)
        if span is None or any(edit.start < place < edit.end for edit in edits for place in span):
            continue
        quote = paper.text[slice(*span)]
        if chance.random() < 0.5:
            return Case(kind, paper.number, paper.title, paper.text, changed(paper.text, edits, *span), span)
        start, end = (len(changed(paper.text, edits, 0, place)) for place in span)
        return Case(kind, paper.number, paper.title, changed(paper.text, edits), quote, (start, end))
    return None


def is_near(text: str, found: tuple[int, int], true: tuple[int, int]) -> bool:
    """Whether both are the same place but for white space, hyphens and unseen marks at the ends."""
    gaps = (sorted((ours, theirs)) for ours, theirs in zip(found, true, strict=True))
    return all(_UNSEEN.fullmatch(text, *gap) is not None for gap in gaps)


def _as_it_is(text: str, chance: random.Random) -> Iterator[Edit]:
    del chance
    for found in re.finditer(r"\w+", text):
        yield Edit(*found.span(), found.group())


def _ligatures(text: str, chance: random.Random) -> Iterator[Edit]:
    for found in re.finditer("ffi|ffl|ff|fi|fl", text):
        if is_plain(text, *found.span()) and chance.random() < 0.8:
            yield Edit(*found.span(), _LIGATURES[found.group()])


def _dashes(text: str, chance: random.Random) -> Iterator[Edit]:
    for found in re.finditer(r"(?<!-)(?:---?|[-\u2013\u2014\u2212])(?!-)", text):
        dash, before, behind = found.group(), text[: found.start()][-1:], text[found.end() :][:1]
        if not is_plain(text, *found.span()) or chance.random() > 0.8:
            continue
        if dash != "-":
            yield Edit(*found.span(), _DASHES[dash])
        elif before.isspace() and behind.isspace():
            yield Edit(*found.span(), chance.choice("\u2013\u2014"))
        elif before.isalnum():
            yield Edit(*found.span(), chance.choice("\u2010\u2011\u2013"))
        else:
            yield Edit(*found.span(), "\u2212")


def _quotation_marks(text: str, chance: random.Random) -> Iterator[Edit]:
    del chance
    for found in re.finditer(r"``|''|[`'\"\u2018\u2019\u201c\u201d]", text):
        if not is_plain(text, *found.span()):
            continue
        mark, opens = found.group(), not text[: found.start()][-1:].strip(" (")
        pair = _STRAIGHT.get(mark)
        yield Edit(*found.span(), pair[0 if opens else 1] if pair else _QUOTES[mark])


def _line_breaks(text: str, chance: random.Random) -> Iterator[Edit]:
    place, column = 0, 0
    width = chance.randint(30, 80)
    for found in re.finditer(r" |(?<=[a-z])-(?=[a-z])|[a-z]{7,}", text):
        column += found.end() - place
        place = found.end()
        if column < width or not is_plain(text, *found.span()):
            continue
        new_line = chance.choice(("\n", "\n", "\n    "))
        if found.group() == " ":
            yield Edit(*found.span(), new_line)
        elif found.group() == "-":
            yield Edit(*found.span(), f"-{new_line}")
        else:
            middle = chance.randint(found.start() + 2, found.end() - 3)
            yield Edit(middle, middle, f"-{new_line}")
        column = 0


def _spaces(text: str, chance: random.Random) -> Iterator[Edit]:
    for found in re.finditer(r" |[a-z]{4,}", text):
        if not is_plain(text, *found.span()):
            continue
        if found.group() == " ":
            if chance.random() < 0.15:
                yield Edit(*found.span(), chance.choice(_SPACES))
        elif chance.random() < 0.05:
            middle = chance.randint(found.start() + 1, found.end() - 1)
            yield Edit(middle, middle, chance.choice(_NO_WIDTH))


def _html(text: str, chance: random.Random) -> Iterator[Edit]:
    for found in re.finditer(r"[&<>\"'\u2019\u2013\u00e9\u00a0 ]|(?<![\w-])[A-Za-z]+(?: [a-z]+)?(?![\w-])", text):
        part = found.group()
        if part in ("&", "<", ">"):
            yield Edit(*found.span(), _ENTITIES[part])
        elif not is_plain(text, *found.span()):
            continue
        elif part in _ENTITIES:
            if part != " " or chance.random() < 0.05:
                yield Edit(*found.span(), _ENTITIES[part])
        elif chance.random() < 0.08:
            tag = chance.choice(_TAGS)
            yield Edit(*found.span(), f"<{tag}>{part}</{tag}>")


def _latex(text: str, chance: random.Random) -> Iterator[Edit]:
    pattern = r"(?P<number>(?<![\w.,^-])\d+(?:\.\d+)?%?(?![\w.,]*\d)(?!\w))|[%&#_]|(?P<space>(?<=\w) (?=\w))"
    pattern += rf"|(?P<accent>[{''.join(_LATEX_ACCENTS)}])|(?P<words>(?<![\w-])[A-Za-z]+(?: [a-z]+)?(?![\w-]))"
    for found in re.finditer(pattern, text):
        part = found.group()
        if not is_plain(text, *found.span()):
            continue
        if found["number"]:
            yield Edit(*found.span(), f"${part.replace('%', chr(92) + '%')}$")
        elif found["space"]:
            if chance.random() < 0.08:
                yield Edit(*found.span(), "~")
        elif found["accent"]:
            yield Edit(*found.span(), _LATEX_ACCENTS[part])
        elif found["words"]:
            if chance.random() < 0.08:
                yield Edit(*found.span(), f"{chance.choice(_STYLES)}{{{part}}}")
        else:
            yield Edit(*found.span(), f"\\{part}")


def _decomposed(text: str, chance: random.Random) -> Iterator[Edit]:
    del chance
    for found in re.finditer(r"[^\W\d_a-zA-Z]", text):
        new = unicodedata.normalize("NFD", found.group())
        if new != found.group():
            yield Edit(*found.span(), new)


def _accented(paper: Abstract, chance: random.Random) -> Abstract:
    """The abstract with accents on some of its words, since hardly any has one."""
    edits = []
    for found in re.finditer(r"[a-z]{4,}", paper.text):
        places = [place for place in range(*found.span()) if paper.text[place] in _ACCENTED]
        if places and is_plain(paper.text, *found.span()) and chance.random() < 0.08:
            place = chance.choice(places)
            edits.append(Edit(place, place + 1, _ACCENTED[paper.text[place]]))
    return paper._replace(text=changed(paper.text, edits))


#: How each kind writes a whole abstract.
FORMS: dict[str, Written] = {
    "ligatures": _ligatures,
    "dashes": _dashes,
    "quotation marks": _quotation_marks,
    "line breaks, hyphens at them": _line_breaks,
    "spaces, zero-width characters": _spaces,
    "HTML entities and tags": _html,
    "LaTeX": _latex,
    "decomposed accents": _decomposed,
}
TRUE_KINDS = {"as it is": _as_it_is} | FORMS
