"""The errors and what they carry."""

import pytest

from summarizer.errors import InputError, RequestError
from summarizer.records import Tokens


def test_place_stands_in_front_of_the_reason() -> None:
    """File and line come first, and can be had apart."""
    error = InputError("papers.csv", "the row is too short", 7)
    assert str(error) == "papers.csv, line 7: the row is too short"
    assert (error.path, error.line) == ("papers.csv", 7)
    assert str(InputError("papers.csv", "it is empty")) == "papers.csv: it is empty"


def test_kinds_of_failure_are_a_closed_list() -> None:
    """A backend that makes up a kind is told so, because every kind has advice."""
    assert all(RequestError.KINDS.values())
    with pytest.raises(ValueError, match="unknown kind of request failure: 'bad luck'"):
        RequestError("p1", "bad luck", "it failed")


def test_a_failure_of_a_request_says_what_it_took() -> None:
    """An unknown cost is not zero; tokens that nobody counted are none."""
    silent = RequestError("p1", "transport", "gone")
    assert (silent.tokens, silent.cost_usd, silent.attempts) == (Tokens(), None, 1)
    told = RequestError("p1", "truncated", "cut", tokens=Tokens(completion=7), cost_usd=0.0, attempts=2)
    assert (told.tokens, told.cost_usd, told.attempts) == (Tokens(completion=7), 0.0, 2)
