"""Acronyms that a text defines itself: `Sparse Autoencoders (SAEs)`, `SAE (sparse autoencoder)`.

The idea is that of Schwartz and Hearst (A simple algorithm for identifying abbreviation definitions in biomedical text,
2003): the letters of the short form are looked for in the words before the parenthesis. Here each word has to give its
first letter, or it is no definition; of several ways, the one in which most letters begin a word is taken.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from summarizer.folding import fold

_PARENTHESIS = re.compile(r"[(\[]([^()\[\]]{2,160})[)\]]")
_CAPITALS = re.compile(r"[A-Z]\S*[A-Z0-9]|[0-9]\S*[A-Z]")
_SHORT = r"[A-Za-z0-9][A-Za-z0-9.&+\-]{1,13}"
_INSIDE = re.compile(rf"\s*({_SHORT})\s*(?:[,;][^A-Z]*)?", re.DOTALL)
_BEFORE = re.compile(rf"(?:^|[^\w-])({_SHORT})\s*$")
#: Words that may give no letter to the short form.
_SMALL = frozenset({"of", "the", "and", "for", "in", "to", "with", "on", "by", "a", "an", "from", "as", "via", "or"})
#: Words behind a long form that are no part of it: `variational autoencoder model (VAE)`.
_KIND = re.compile(r"(?<=\w)\s+(?:algorithm|approach|framework|method|model|network|system)s?$", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")
#: What ends the words that a short form can stand for.
_CLAUSE_END = re.compile(r"[.;:!?()\[\]]|,(?! (?:and )?[\w-]+(?:,|$| and))")
_MARKUP = re.compile(r"[\"'*]|\\[A-Za-z]+")
#: Characters before a parenthesis that are looked at, and parts of words.
_WINDOW = 200
_MOST_PARTS = 16


class Definition(NamedTuple):
    """A short form, without the s of its plural, and the words that it stands for."""

    short: str
    long: str
    is_remark: bool = False
    """Whether the words stand in parentheses behind the acronym, where they may say anything else as well."""


class _Part(NamedTuple):
    """A word, or a part of one with hyphens."""

    start: int
    text: str
    begins: bool
    """Whether it begins its word."""


def definitions(text: str) -> Iterator[Definition]:
    """The acronyms that a text defines, in order; the long forms are folded (lower-case words, no markup)."""
    for found in _PARENTHESIS.finditer(text):
        window = text[max(found.start() - _WINDOW, 0) : found.start()]
        # Most parentheses are ruled out before anything is folded.
        if _CAPITALS.search(found[1]) and (behind := _INSIDE.fullmatch(_plain(found[1]))):
            short = singular(behind[1])
            before = _plain(window)
            if is_acronym(short) and (long := _words_before(before, short) or _without_kind(before, short)):
                yield Definition(short, long)
        if _CAPITALS.search(window, max(len(window) - 20, 0)) and (name := _BEFORE.search(_plain(window))):
            short, long = singular(name[1]), _plain(found[1])
            if is_acronym(short) and not is_acronym(long) and _initials(_parts(long), short):
                yield Definition(short, long, is_remark=True)


def _plain(text: str) -> str:
    return _MARKUP.sub("", fold(text, joined=False).text).strip(" ~")


def is_acronym(word: str) -> bool:
    """Whether a word has two capitals, or a capital and a digit."""
    capitals = sum(map(str.isupper, word))
    return capitals > 1 or (capitals == 1 and any(map(str.isdigit, word)))


def singular(acronym: str) -> str:
    """The acronym without the s of its plural: `SAE` of `SAEs`, `CapsNet` of `CapsNets`."""
    if acronym.endswith("s") and (acronym[-2:-1].isupper() or is_acronym(acronym[:-1])):
        return acronym if acronym.endswith(("ss", "us", "is")) else acronym[:-1]
    return acronym


def spells(text: str, acronym: str) -> bool:
    """Whether words in a row of a text spell an acronym."""
    parts = _parts(text)
    ends = range(1, len(parts) + 1)
    return any(_initials(parts[start:end], acronym) for end in ends for start in range(end) if parts[start].begins)


def _words_before(text: str, short: str) -> str:
    """The words at the end of a text that the short form stands for, or an empty text."""
    ends = list(_CLAUSE_END.finditer(text))
    window = text[ends[-1].end() :] if ends else text
    parts = _parts(window)[-_MOST_PARTS:]
    best, start = 0, len(window)
    for number in range(len(parts) - 1, -1, -1):
        initials = _initials(parts[number:], short) if parts[number].begins else 0
        if initials > best:
            best, start = initials, parts[number].start
    return window[start:]


def _without_kind(text: str, short: str) -> str:
    kind = _KIND.search(text)
    long = _words_before(text[: kind.start()], short) if kind else ""
    # A network is one; the T of GAT is that of attention.
    return long + kind.group() if kind and long and "net" in kind.group() else long


def _parts(text: str) -> list[_Part]:
    return [
        _Part(found.start(), found.group().lower(), text[found.start() - 1 : found.start()] not in ("-", "/"))
        for found in _WORD.finditer(text)
    ]


def _initials(parts: Sequence[_Part], short: str) -> int:
    """How many letters of the short form begin a word when all of it is spelled by the parts; 0 when it is not."""
    letters = "".join(_WORD.findall(short)).lower()
    if not parts or parts[0].text in _SMALL or not any(map(letters.startswith, _spellings(parts[0].text))):
        return 0

    @cache
    def most(part: int, letter: int) -> int:
        # The largest number of initials from here on, or a number below zero when the letters cannot be spelled.
        if part == len(parts):
            return 0 if letter == len(letters) else -len(letters)
        _, text, begins = parts[part]
        ways = [most(part + 1, letter)] if text in _SMALL or not begins else []
        for first in _spellings(text):
            if letters.startswith(first, letter):
                inside = letter + len(first)
                places = _following(text[len(first) :], letters[inside:])
                ways += [1 + most(part + 1, inside + place) for place in places]
        return max(ways, default=-len(letters))

    initials = max(most(0, 0), 0)
    # One word alone may give two letters, but not three: `generation` is no GAN.
    return initials if initials > 1 or len(letters) < 3 else 0


def _spellings(word: str) -> Iterator[str]:
    """What a word gives to a short form: its first letter, or what sounds like it."""
    yield word[0]
    if word.startswith("ex"):
        yield "x"
    if word in ("to", "two"):
        yield "2"


def _following(word: str, letters: str) -> range:
    """How many of the letters the rest of a word can give, in their order: none, one, two ..."""
    count, place = 0, 0
    for letter in letters:
        place = word.find(letter, place) + 1
        if not place:
            break
        count += 1
    return range(count + 1)
