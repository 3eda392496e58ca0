"""Style is taken from summaries before a judge sees them, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.judging.normal import normalized

_PLAIN = "BrookNet guesses how deep a stream is, with 81.4% accuracy"


@pytest.mark.parametrize(
    "styled",
    [
        _PLAIN,
        f"{_PLAIN}.",
        f"{_PLAIN}!  ",
        f'"{_PLAIN}."',
        f"\u201c{_PLAIN}\u201d.",
        f"**{_PLAIN}**",
        f"# {_PLAIN}\n",
        f"- {_PLAIN}\u2026",
        f"> *{_PLAIN}.*",
        f"```\n{_PLAIN}\n```",
        _PLAIN.replace(" how ", "\n  how\t"),
        _PLAIN.replace("BrookNet", "`BrookNet`"),
        _PLAIN.replace("stream", "[stream](https://example.org)"),
    ],
)
def test_style_makes_no_difference(styled: str) -> None:
    """Markdown, quotes around it, white space and what stands at the end leave the same line."""
    assert normalized(styled) == f"{_PLAIN}."


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ("we guess depths", "We guess depths."),
        ("mRNA is read", "mRNA is read."),
        ("The net's depth", "The net's depth."),
        ('"Deep" beats "wide"', '"Deep" beats "wide".'),
        ("snake_case_names stay, and so does a < b", "Snake_case_names stay, and so does a < b."),
        ("A* and D* search", "A* and D* search."),
        ("a loss of $x_i$ on <unk>", "A loss of $x_i$ on <unk>."),
        ("", ""),
        (" \n", ""),
        ('"..."', ""),
        ("[1]: https://example.org", "[1]: https://example.org."),
    ],
)
def test_what_is_said_stays(given_: str, expected: str) -> None:
    """Names, symbols and quotes inside are content; only what says nothing becomes empty."""
    assert normalized(given_) == expected


@given(st.text())
def test_any_text_becomes_one_line(text: str) -> None:
    """There is no text that breaks it, and none with a letter in it is lost."""
    line = normalized(text)
    assert len(line.splitlines()) <= 1
    assert line or not any(character.isascii() and character.isalnum() for character in text)
