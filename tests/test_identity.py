"""Ids: the same paper is the same paper, from whatever source and in whatever version."""

import pytest

from summarizer.reading.identity import known_id, stable_id


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("own", "2301.04567", "2301.04567"),
        ("own", "2301.04567v2", "2301.04567"),
        ("own", "arXiv:2301.04567v13", "2301.04567"),
        ("own", "oai:arXiv.org:2301.04567", "2301.04567"),
        ("own", "http://arxiv.org/abs/2301.04567v1", "2301.04567"),
        ("own", "astro-ph/0601001v3", "astro-ph/0601001"),
        ("own", "math.GT/0309136", "math/0309136"),
        ("arxiv", "0704.0002", "0704.0002"),
        ("url", "https://arxiv.org/pdf/2301.04567v2.pdf", "2301.04567"),
        ("url", "https://www.arxiv.org/abs/hep-th/9901001?context=math", "hep-th/9901001"),
        ("url", "https://huggingface.co/papers/2301.04567", "2301.04567"),
        ("doi", "https://doi.org/10.48550/arXiv.2301.04567", "2301.04567"),
    ],
)
def test_arxiv_id_is_found_in_every_spelling(field: str, value: str, expected: str) -> None:
    """An arXiv id is the bare number without its version, wherever it stands and however it is written."""
    assert known_id(**{field: value}) == expected


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("doi", "10.9999/Example.ABC"),
        ("doi", "doi:10.9999/example.abc"),
        ("doi", "https://dx.doi.org/10.9999/EXAMPLE.abc"),
        ("url", "https://doi.org/10.9999/example.abc"),
        ("own", "10.9999/example.ABC"),
    ],
)
def test_doi_is_lower_case_and_bare(field: str, value: str) -> None:
    """A DOI is given in lower case and without its resolver, because DOIs do not tell cases apart."""
    assert known_id(**{field: value}) == "10.9999/example.abc"


def test_ids_have_a_fixed_order_of_preference() -> None:
    """The arXiv id goes before the DOI, and the DOI before the record's own id."""
    assert known_id(arxiv="2301.04567", doi="10.9999/x", own="row-7") == "2301.04567"
    assert known_id(doi="10.9999/x", own="row-7") == "10.9999/x"
    assert known_id(own=" row-7 ", url="https://example.org/7") == "row-7"


@pytest.mark.parametrize(
    "url", ["https://notarxiv.org/abs/2301.04567", "https://example.org/?u=arxiv.org/abs/2301.04567", "2399.00001x"]
)
def test_other_addresses_are_no_ids(url: str) -> None:
    """An address that only resembles one of arXiv gives no id."""
    assert known_id(url=url) is None


@pytest.mark.parametrize("own", ["", "   ", "tab\tinside", "bell\x07", "x" * 257])
def test_unusable_ids_do_not_count(own: str) -> None:
    """An id that is empty, cannot be printed or is endless is not taken over."""
    assert known_id(own=own) is None


def test_an_id_of_256_characters_counts() -> None:
    """The longest id that is kept has 256 characters."""
    assert known_id(own="x" * 256) == "x" * 256


def test_text_id_ignores_spacing_case_and_unicode_form() -> None:
    """The id made of the text stays the same when only spaces, case or the Unicode form differ."""
    name = stable_id("Caf\u00e9 Graphs", "We count  edges.\nTwice.")
    assert name == stable_id("CAFE\u0301 graphs", " we count edges. twice. ")
    assert name.startswith("sha256:")
    assert len(name) == len("sha256:") + 16


def test_text_id_tells_texts_apart() -> None:
    """Another word gives another id, and so does a word that moves from the title to the abstract."""
    ids = {
        stable_id("Graphs", "We count edges."),
        stable_id("Graphs", "We count nodes."),
        stable_id("Graphs We", "count edges."),
    }
    assert len(ids) == 3
