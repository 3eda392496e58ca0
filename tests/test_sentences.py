"""Where sentences end, and which one tells most."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer.records import Paper, Source
from summarizer.sentences import best_sentence, sentences


def _paper(title: str, abstract: str) -> Paper:
    return Paper(id="a", title=title, abstract=abstract, source=Source(name="f", line=1))


def test_abbreviations_and_numbers_end_no_sentence() -> None:
    """A point inside of a number or an abbreviation is no end."""
    text = "It reads e.g. rivers by Brook et al. (2019). It gains 3.5% vs. before.\n See 2.1. Done."
    assert [text[start:end] for start, end in sentences(text)] == [
        "It reads e.g. rivers by Brook et al. (2019).",
        "It gains 3.5% vs. before.",
        "See 2.1.",
        "Done.",
    ]


@given(st.text(max_size=300))
def test_spans_are_of_the_text_and_in_order(text: str) -> None:
    """For any text the spans lie one after the other, begin and end with something, and skip only blanks."""
    end = 0
    for start, stop in sentences(text):
        assert end <= start < stop <= len(text)
        assert not text[end:start].strip()
        assert text[start:stop] == text[start:stop].strip()
        end = stop
    assert not text[end:].strip()


@pytest.mark.parametrize("title", ["BrookNet: Hearing How Deep Streams Are", ""])
def test_the_best_sentence_says_what_was_done(title: str) -> None:
    """It is the one about the paper itself."""
    abstract = (
        "Gauges are expensive things and many rivers of the past have none. "
        "We present BrookNet, a network that hears how deep streams are. However, it is wet. Code is public."
    )
    start, end = best_sentence(_paper(title, abstract))
    assert abstract[start:end] == "We present BrookNet, a network that hears how deep streams are."


def test_where_nothing_is_announced_the_title_decides() -> None:
    """Without a sentence about the paper itself, it is the one that shares most with title and abstract."""
    abstract = (
        "Gauges of many rivers are wet. Ducks swim on it quite often in spring. Nobody knows who feeds them here."
    )
    start, end = best_sentence(_paper("Why Ducks Swim in Spring", abstract))
    assert abstract[start:end] == "Ducks swim on it quite often in spring."


def test_an_abstract_without_a_sentence_is_one() -> None:
    """There is always something that can stand in."""
    assert best_sentence(_paper("T", "streams")) == (0, 7)
    assert best_sentence(_paper("T", "...")) == (0, 3)
    assert best_sentence(_paper("T", " \n\n ")) == (0, 4)
