r"""Numbers as they are claimed: what they are worth, and whether they are percent, times, points, seconds.

Everything here reads folded text (`folding.fold`), in which `\%`, `10²` and dashes have one form. Two quantities are
the same when sign, value and unit are: `79.7` is `79.70`, `80%` is `80 percent`, `two-fold` is `2x`, `10k` is `10,000`;
but `80` is not `80%` and `-5` is not `5`. Digits inside a name (`ResNet-50`, `F1`, `v1.5`) belong to the name and are
no quantity. Where a unit stands once for several numbers (`77.98 and 79.70%`, `80-95%`), each may be read with it.
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

#: Units, each with the other ways to write it. Any other word behind a number is what is counted.
_UNITS = {
    "%": r"percent|per cent|pct",
    "points": r"percentage points?|percent points?|%-? ?points?|points?|pts?|pp",
    "x": r"times|folds?",
    "ns": r"nanoseconds?",
    "us": r"μs|microseconds?",
    "ms": r"msecs?|milliseconds?",
    "s": r"secs?|seconds?",
    "min": r"mins|minutes?",
    "h": r"hrs?|hours?",
    "days": r"days?",
    "weeks": r"weeks?",
    "months": r"months?",
    "years": r"years?|yrs?",
    "bits": r"bits?",
    "bytes": r"bytes?",
    "KB": r"kB|KiB|kilobytes?",
    "MB": r"MiB|megabytes?",
    "GB": r"GiB|gigabytes?",
    "TB": r"TiB|terabytes?",
    "Hz": r"hertz",
    "kHz": r"kilohertz",
    "MHz": r"megahertz",
    "GHz": r"gigahertz",
    "fps": r"FPS|frames per second",
    "dB": r"decibels?",
    "nm": r"nanomet(?:er|re)s?",
    "um": r"μm|microns?|micromet(?:er|re)s?",
    "mm": r"millimet(?:er|re)s?",
    "cm": r"centimet(?:er|re)s?",
    "m": r"met(?:er|re)s?",
    "km": r"kilomet(?:er|re)s?",
    "mg": r"milligrams?",
    "g": r"grams?",
    "kg": r"kilograms?",
    "mJ": r"millijoules?",
    "J": r"joules?",
    "mW": r"milliwatts?",
    "W": r"watts?",
    "kW": r"kilowatts?",
    "kWh": r"kilowatt[- ]hours?",
    "V": r"volts?",
    "eV": r"electron ?volts?",
    "keV": "keV",
    "MeV": "MeV",
    "GeV": "GeV",
    "TeV": "TeV",
    "°C": r"degrees celsius",
    "°": r"degrees?",
    "$": r"(?:US\ )?dollars?|USD",
    "GFLOPs": r"GFLOPS|gigaflops",
    "TFLOPs": r"TFLOPS|teraflops",
    "FLOPs": r"FLOPS|flops",
    "ppm": "ppm",
}
_SCALES = {"k": 3, "K": 3, "M": 6, "B": 9, "T": 12, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_TO_TWELVE = "zero one two three four five six seven eight nine ten eleven twelve"
_WORDS = {word: str(number) for number, word in enumerate(_TO_TWELVE.split())}
_WORDS |= {"twice": "2", "thrice": "3"}
#: Words of change say a number without a digit. They may stand for one in the text; nobody has to prove them.
_CHANGES = dict.fromkeys(("double", "doubles", "doubled", "doubling"), "2") | dict.fromkeys(
    ("triple", "triples", "tripled", "tripling"), "3"
)
_UNPROVEN = frozenset({"zero", "one", *_CHANGES})
_ADVERBS = frozenset({"twice", "thrice", *_CHANGES})
_UNIT = "|".join(
    f"(?P<u{number}>{re.escape(unit)}|{spellings})".replace(" ", r"\ ")
    for number, (unit, spellings) in enumerate(_UNITS.items())
)
_UNIT_OF = {f"u{number}": unit for number, unit in enumerate(_UNITS)}
_NAMED_SCALE = "|".join(word for word in _SCALES if len(word) > 1)
_BEHIND = rf"""
    (?P<scale>[kKMBT](?![A-Za-z])|[\s-]?(?:{_NAMED_SCALE})s?(?![A-Za-z]))?
    \+?
    (?:[\s-]?(?:{_UNIT})(?![A-Za-z]))?
    (?![A-Za-z0-9])
"""
#: The first character is looked for before what stands in front of it: many times faster over a whole abstract.
_NUMERAL = re.compile(
    rf"""
    (?P<mantissa>[.\d](?<![\w^.].)(?<!\d,.)(?:(?<=\.)\d+|(?<=\d)(?:\d{{0,2}}(?:,\d{{3}})+(?!,?\d)|\d*)(?:\.\d+)?))
    (?:\s?[x*·]\s?10\^\(?(?P<exponent>[-+]?\d{{1,4}})\)?|[eE](?P<short>[-+]?\d{{1,4}})|\^\(?(?P<power>[-+]?\d+)\)?)?
    (?![\d^_]|\.\d)
    {_BEHIND}
    """,
    re.VERBOSE,
)
_WORD = re.compile(rf"(?P<word>{'|'.join(sorted(_WORDS | _CHANGES, key=len, reverse=True))}){_BEHIND}", re.VERBOSE)
_ENDING = re.compile(rf"(?<![\w.])\d[\d,.]*{_BEHIND}$", re.VERBOSE)
#: What may stand between numbers that share the unit of the last one.
_SHARED = re.compile(r"-?\s?(?:[,;/±-]|\+-|(?:,\s)?(?:and|or|to|vs\.?|versus|than)\b)\s?")


class Quantity(NamedTuple):
    """A number with its unit, as something that can be compared."""

    value: Decimal
    """With its sign; of a power like 2^8 the base."""
    power: str
    unit: str
    """One of the listed units, or empty."""


class Written(NamedTuple):
    """A place in a text where a number is written, and all that it may be read as."""

    start: int
    end: int
    readings: frozenset[Quantity]
    claimed: bool
    """Whether somebody who writes this claims a number; `one` and `zero-shot` claim none."""


def quantities(text: str) -> list[Written]:
    """The numbers of a folded text (`joined=False`), in order."""
    numerals = [match for match in _NUMERAL.finditer(text) if not _in_name(match)]
    words = [match for match in _WORD.finditer(text) if not _in_word(match)]
    written: list[Written] = []
    unit, scale, following = "", 0, -1
    for match in sorted((*numerals, *words), key=re.Match.start, reverse=True):
        sign, money = _before(match)
        own_unit, own_scale = money or _unit(match), _scale(match)
        read = {_quantity(match, sign, own_scale, own_unit)}
        if not own_unit and not own_scale and following >= 0 and _SHARED.fullmatch(text, match.end(), following):
            read |= {_quantity(match, sign, scale, unit), _quantity(match, sign, 0, unit)}
        else:
            unit, scale = own_unit, own_scale
        following = match.start() - len(sign) - len(money)
        written.append(Written(following, match.end(), frozenset(read), _is_claimed(match, own_unit, own_scale)))
    return written[::-1]


def readings(written: Iterable[Written]) -> frozenset[Quantity]:
    """All readings of all numbers, to look others up in."""
    return frozenset(reading for one in written for reading in one.readings)


def _word(match: re.Match[str]) -> str | None:
    return match["word"] if match.re is _WORD else None


def _in_name(match: re.Match[str]) -> bool:
    """Whether the digits are part of a name in front of them: `GPT-4`, but not `5k-10k`."""
    text, start = match.string, match.start()
    if start < 2 or text[start - 1] not in "-/" or not text[start - 2].isalpha():
        return False
    return _ENDING.search(text, max(start - 24, 0), start - 1) is None


def _in_word(match: re.Match[str]) -> bool:
    text, start = match.string, match.start()
    before, behind = text[start - 1 : start], text[match.end("word") : match.end("word") + 1]
    if before.isalnum() or before in ("-", "_", "^"):
        return True
    # `tens` is no ten seconds: what is glued to a word can only be `fold`.
    return behind.isalpha() and _unit(match) != "x"


def _before(match: re.Match[str]) -> tuple[str, str]:
    """The sign and the currency in front of a number, as far as they belong to it."""
    text, start = match.string, match.start()
    if match.re is _WORD or not start:
        return "", ""
    before = text[max(start - 3, 0) : start]
    if before[-1] == "$":
        return "", "$"
    if before[-1] in "+-" and (len(before) == 1 or before[-2] in " ([{$~<>=:,;/|"):
        return before[-1], ""
    return "", ""


def _unit(match: re.Match[str]) -> str:
    if _word(match) in _ADVERBS:
        return "x"
    # A unit is the last thing that is matched.
    return _UNIT_OF.get(match.lastgroup or "", "")


def _scale(match: re.Match[str]) -> int:
    return _SCALES[match["scale"].strip(" -").removesuffix("s")] if match["scale"] else 0


def _quantity(match: re.Match[str], sign: str, scale: int, unit: str) -> Quantity:
    if word := _word(match):
        return Quantity(Decimal(f"{_WORDS.get(word) or _CHANGES[word]}e{scale}"), "", unit)
    digits, power = match["mantissa"].replace(",", ""), match["power"] or ""
    exponent = int(match["exponent"] or match["short"] or 0) + scale
    if power and Decimal(digits) == 10 and len(power) < 5:
        digits, exponent, power = "1", exponent + int(power), ""
    return Quantity(Decimal(f"{'-' if sign == '-' else ''}{digits}e{exponent}"), power, unit)


def _is_claimed(match: re.Match[str], unit: str, scale: int) -> bool:
    word = _word(match)
    return word not in _UNPROVEN or (word not in _CHANGES and bool(unit or scale))
