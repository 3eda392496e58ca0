"""Promises of `summarizer.writing.harmless`."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer.writing.harmless import visible, web_address

#: Characters of every kind, those that must not reach a page among them.
TEXTS = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("\0\x1b\r\x85\u202e\u2066\u2028")))


@given(TEXTS)
def test_visible_keeps_every_offset(text: str) -> None:
    """Each character is replaced by exactly one, so that offsets into the text stay right."""
    assert len(visible(text)) == len(text)


@given(TEXTS)
def test_visible_leaves_no_control_and_no_reordering(text: str) -> None:
    """No control character but tab and line feed is left, and nothing that turns the direction of the line."""
    for character in visible(text):
        assert unicodedata.category(character) != "Cc" or character in "\t\n"
        assert unicodedata.bidirectional(character) not in {
            "LRE",
            "RLE",
            "LRO",
            "RLO",
            "PDF",
            "LRI",
            "RLI",
            "FSI",
            "PDI",
        }


def test_visible_leaves_ordinary_text_alone() -> None:
    """Letters, signs and emoji of all planes are shown as they are."""
    text = "d√T ≤ 🜁, naïve — ΩМ漢字 🧭\tand\nmore"
    assert visible(text) == text


@pytest.mark.parametrize(
    "url", ["https://example.org", "http://example.org/a?b=c&d=e#f", "HTTPS://example.org:8000/~me/(x)_1.html"]
)
def test_web_address_accepts_the_web(url: str) -> None:
    """Addresses of web pages stay as they are."""
    assert web_address(url) == url


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "javascript:alert(1)",
        "JaVaScRiPt://example.org/%0aalert(1)",
        " https://example.org",
        "https://example.org\n",
        "https://",
        "https://user@evil.example",
        "https://example.org/a b",
        'https://example.org/"onclick="x',
        "https://example.org/<script>",
        "https://example.org\\@evil.example",
        "https://example.org/\u202egro",
        "data:text/html,hello",
        "file:///etc/passwd",
        "mailto:someone@example.org",
        "//example.org",
    ],
)
def test_web_address_refuses_all_else(url: str | None) -> None:
    """Whatever is not plainly a web page, or hides where it leads, never becomes a link."""
    assert web_address(url) is None
