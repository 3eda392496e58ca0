"""Numbers are read as what they are worth, with their unit."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer.folding import fold
from summarizer.quantities import Quantity, quantities


def _read(text: str) -> list[set[tuple[str, str]]]:
    """The readings of each number, as value and unit."""
    return [
        {(f"{one.value.normalize():f}", one.unit) for one in written.readings}
        for written in quantities(fold(text, joined=False).text)
    ]


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("79.70", "79.7", ""),
        ("1,000", "1000", ""),
        (".5", "0.5", ""),
        ("-5", "-5", ""),
        ("\u22125.2", "-5.2", ""),
        ("+5", "5", ""),
        ("80%", "80", "%"),
        ("80 %", "80", "%"),
        ("80\\%", "80", "%"),
        ("80 percent", "80", "%"),
        ("80 per cent", "80", "%"),
        ("3 percentage points", "3", "points"),
        ("3 pts", "3", "points"),
        ("2x", "2", "x"),
        ("2\u00d7", "2", "x"),
        ("$2\\times$", "2", "x"),
        ("2 times", "2", "x"),
        ("two-fold", "2", "x"),
        ("twofold", "2", "x"),
        ("2-fold", "2", "x"),
        ("twice", "2", "x"),
        ("twelve", "12", ""),
        ("seven models", "7", ""),
        ("10k", "10000", ""),
        ("10 thousand", "10000", ""),
        ("70B", "70000000000", ""),
        ("two million", "2000000", ""),
        ("1e-5", "0.00001", ""),
        ("10^{-3}", "0.001", ""),
        ("2.5 \\times 10^5", "250000", ""),
        ("4-bit", "4", "bits"),
        ("12ms", "12", "ms"),
        ("12 milliseconds", "12", "ms"),
        ("$5", "5", "$"),
        ("5 dollars", "5", "$"),
        ("$5M", "5000000", "$"),
        ("50+", "50", ""),
    ],
)
def test_a_number_is_read(text: str, value: str, unit: str) -> None:
    """Different ways to write a number come to the same."""
    assert _read(f"We see {text} there.") == [{(value, unit)}]


@pytest.mark.parametrize(
    "text",
    [
        "ResNet-50",
        "F1",
        "v1.5",
        "GPT-4",
        "3D",
        "16S",
        "1.5.2",
        "x_1",
        "1st",
        "tens of models",
        "often",
        "done",
        "a-two",
        "x2",
    ],
)
def test_digits_of_a_name_are_no_number(text: str) -> None:
    """They are checked as the name."""
    assert _read(f"We see {text} there.") == []


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("5.6, 4.5 and 3.5%", {("5.6", ""), ("5.6", "%")}),
        ("from 77.98 to 79.70%", {("77.98", ""), ("77.98", "%")}),
        ("80-95%", {("80", ""), ("80", "%")}),
        ("5 to 10 million", {("5", ""), ("5000000", "")}),
        ("5k-10k", {("5000", "")}),
        ("8- and 4-bit", {("8", ""), ("8", "bits")}),
        ("5% and 10 ms", {("5", "%")}),
        ("5 models reach 10%", {("5", "")}),
    ],
)
def test_a_unit_may_stand_once_for_several(text: str, first: set[tuple[str, str]]) -> None:
    """In lists and ranges the unit of the last number may be meant for all of them."""
    assert _read(text)[0] == first


def test_powers_of_others_than_ten_stay_powers() -> None:
    """2^8 is neither 28 nor 2."""
    (written,) = quantities("2^8")
    assert written.readings == {Quantity(Decimal(2), "8", "")}


@pytest.mark.parametrize(
    ("text", "claimed"),
    [
        ("one", False),
        ("one percent", True),
        ("zero-shot", False),
        ("doubles", False),
        ("two", True),
        ("one million", True),
    ],
)
def test_some_words_claim_nothing(text: str, claimed: bool) -> None:
    """`one` is mostly an article; what doubles may stand for a number and need not be one."""
    assert [written.claimed for written in quantities(text)] == [claimed]


@given(st.text(max_size=60))
def test_any_text_is_read(text: str) -> None:
    """No text is too odd, and places are in order."""
    folded = fold(text, joined=False).text
    found = quantities(folded)
    assert all(0 <= one.start < one.end <= len(folded) for one in found)
    assert [one.start for one in found] == sorted(one.start for one in found)


@given(st.decimals(min_value=0, max_value=10**9, allow_nan=False, places=3))
def test_every_decimal_is_itself(value: Decimal) -> None:
    """Trailing zeros and thousands separators make no difference, and no digit is lost."""
    forms = [f"{value}", f"{value:,}", f"{value}00"]
    read = [quantities(form)[0].readings for form in forms]
    assert read == [{Quantity(value, "", "")}] * 3
