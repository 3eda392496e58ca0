"""The errors and what they carry."""

import pytest

from summarizer.errors import InputError, RequestError


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
