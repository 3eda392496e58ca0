"""JSON in: every line is a paper or says why not, and none disturbs another."""

import json
from pathlib import Path

import pytest

from summarizer.reading import read_papers
from summarizer.records import Paper, Unreadable

GOOD = {"id": "row-1", "title": "Counting Sheep", "abstract": "We count sheep. There are nine."}


def read(tmp_path: Path, text: str, **columns: str) -> list[Paper | Unreadable]:
    """Read a text as JSON Lines."""
    path = tmp_path / "papers.jsonl"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return list(read_papers(path, columns=columns))


def read_one(tmp_path: Path, record: object, **columns: str) -> Paper | Unreadable:
    """Read one record."""
    (item,) = read(tmp_path, json.dumps(record), **columns)
    return item


def paper(tmp_path: Path, record: object, **columns: str) -> Paper:
    """Read one record, which must be a paper."""
    item = read_one(tmp_path, record, **columns)
    assert isinstance(item, Paper), item
    return item


def failure(tmp_path: Path, record: object) -> Unreadable:
    """Read one record, which must not be a paper."""
    item = read_one(tmp_path, record)
    assert isinstance(item, Unreadable), item
    return item


@pytest.mark.parametrize(
    "key", ["abstract", "Abstract", "summary", "abstractText", "abstract_text", "AB", "Abstract Note"]
)
def test_abstract_is_found_under_its_usual_names(tmp_path: Path, key: str) -> None:
    """The abstract is found whatever the source calls it."""
    assert paper(tmp_path, {"title": "T", key: "We do."}).abstract == "We do."


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"arxiv_id": "2301.04567v2"}, "2301.04567"),
        ({"externalIds": {"ArXiv": "2301.04567", "DOI": "10.9999/x"}, "paperId": "ab12"}, "2301.04567"),
        ({"externalIds": {"DOI": "10.9999/X"}, "paperId": "ab12"}, "10.9999/x"),
        ({"paperId": "ab12", "externalIds": None}, "ab12"),
        ({"doi": None, "id": 7}, "7"),
    ],
)
def test_ids_are_found_under_their_usual_names(tmp_path: Path, record: dict[str, object], expected: str) -> None:
    """An id is found whatever the source calls it, in nested objects and as a number too."""
    assert paper(tmp_path, {**record, "abstract": "We do."}).id == expected


def test_numbers_keep_their_zeros(tmp_path: Path) -> None:
    """An id that was written as a number keeps its last zero."""
    (item,) = read(tmp_path, '{"id": 2407.10010, "abstract": "We do."}')
    assert item.id == "2407.10010"


@pytest.mark.parametrize(
    ("authors", "expected"),
    [
        (["Ada One", " Bo  Two "], ("Ada One", "Bo Two")),
        ([{"name": "Ada One"}, {"given": "Bo", "family": "Two"}], ("Ada One", "Bo Two")),
        ("One, Ada; Two, Bo", ("One, Ada", "Two, Bo")),
        ("Ada One and Bo Two", ("Ada One and Bo Two",)),
        ([1, None, {}], ("1",)),
        (None, ()),
    ],
)
def test_authors_come_in_many_shapes(tmp_path: Path, authors: object, expected: tuple[str, ...]) -> None:
    """Authors are read from lists, objects and texts, and what is no name is left out."""
    assert paper(tmp_path, {**GOOD, "authors": authors}).authors == expected


def test_other_fields_are_kept(tmp_path: Path) -> None:
    """Address, date and line of a paper are kept for the record."""
    item = paper(tmp_path, {**GOOD, "link": "https://example.org/1", "year": 2025})
    assert (item.url, item.published, item.source.line) == ("https://example.org/1", "2025", 1)


def test_nested_paper_is_unwrapped(tmp_path: Path) -> None:
    """The object that the Hugging Face API wraps around a paper is taken off."""
    nested = {"title": "outer", "numComments": 3, "paper": {"id": "2301.04567", "title": "Inner", "summary": "We do."}}
    item = paper(tmp_path, nested)
    assert (item.id, item.title, item.abstract) == ("2301.04567", "Inner", "We do.")


def test_columns_override_the_known_names(tmp_path: Path) -> None:
    """A key that the caller names goes before the known ones, and may be a path into nested objects."""
    record = {"abstract": "not this", "AB": "this", "deep": {"er": "that"}}
    assert paper(tmp_path, record, abstract="AB").abstract == "this"
    assert paper(tmp_path, record, abstract="deep.er").abstract == "that"


def test_a_missing_abstract_key_lists_what_there_is(tmp_path: Path) -> None:
    """A record without a known abstract says which keys it has and how to name the right one."""
    item = failure(tmp_path, {"title": "T", "body": "We do."})
    assert item.kind == "unreadable"
    assert "title, body" in item.message
    assert "--map abstract=" in item.message


@pytest.mark.parametrize(
    "abstract",
    [
        *(None, "", " \n\t ", "\u200b", "\ufeff \u00ad\u2060", "\u3164\x00", "\u200b" * 100),
        *("N/A", "null", "None", " nan ", "-", "\u2014", "...", "#N/A", "[No abstract available]", "No abstract."),
    ],
)
def test_an_empty_abstract_keeps_title_and_id(tmp_path: Path, abstract: object) -> None:
    """An abstract that shows nothing, or says that it is none, is missing: that is reported under the id and title."""
    item = failure(tmp_path, {**GOOD, "abstract": abstract})
    assert (item.kind, item.id, item.title) == ("no_abstract", "row-1", "Counting Sheep")
    assert item.raw == str(abstract or "").strip()


@pytest.mark.parametrize("abstract", ["None of the sheep count.", "Na.Cl", "7", "\u200bWe do.\u200b", "\u7f8a"])
def test_a_short_abstract_is_an_abstract(tmp_path: Path, abstract: str) -> None:
    """However short a text is, if it says anything it is an abstract, and kept with what is invisible in it."""
    assert paper(tmp_path, {"abstract": abstract}).abstract == abstract


def test_an_invisible_title_is_empty(tmp_path: Path) -> None:
    """A title of zero-width characters is no title, and one that holds some is kept as it is."""
    assert paper(tmp_path, {**GOOD, "title": "\u200b \ufeff"}).title == ""
    assert paper(tmp_path, {**GOOD, "title": "Count\u00ading"}).title == "Count\u00ading"


def test_nan_is_an_empty_abstract(tmp_path: Path) -> None:
    """NaN, which some programs write for an empty cell, is an abstract that is missing."""
    (item,) = read(tmp_path, '{"id": "a", "abstract": NaN}')
    assert isinstance(item, Unreadable)
    assert item.kind == "no_abstract"


def test_the_title_may_be_missing(tmp_path: Path) -> None:
    """An abstract is enough, and a paper that is titled "0" has a title."""
    assert paper(tmp_path, {"abstract": "We do."}).title == ""
    assert paper(tmp_path, {"abstract": "We do.", "title": "0"}).title == "0"


def test_title_is_one_line_and_abstract_is_as_found(tmp_path: Path) -> None:
    """White space is collapsed in titles, and in abstracts kept but for the two ends."""
    item = paper(tmp_path, {"title": " A\n  Wrapped\u00a0Title ", "abstract": "  One.\n\n Two\x0b\x07 \u2028three.\n"})
    assert item.title == "A Wrapped Title"
    assert item.abstract == "One.\n\n Two\x0b\x07 \u2028three."


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"abstract": "cut of', "not JSON"),
        ("[1, 2]", "not an object"),
        ("null", "not an object"),
        ('{"abstract": ["We do."]}', "abstract is a list"),
        ('{"abstract": 7}', "abstract is a number"),
        ('{"abstract": "We do.", "title": {}}', "title is an object"),
        ('{"abstract": "half \\ud800"}', "U+D800"),
        ("[" * 100_000, "too deeply"),
        ('{"abstract": "caf\udce9"}', "0xE9"),
    ],
    ids=["cut off", "list", "null", "abstract list", "abstract number", "title object", "half", "deep", "byte"],
)
def test_a_bad_line_costs_itself_only(tmp_path: Path, line: str, words: str) -> None:
    """A line that cannot be read says where it is and what is wrong with it, and its neighbors are read."""
    first, bad, last = read(tmp_path, "\n".join([json.dumps(GOOD), line, json.dumps(GOOD), ""]))
    assert isinstance(first, Paper)
    assert isinstance(last, Paper)
    assert isinstance(bad, Unreadable)
    assert (bad.kind, bad.source.line) == ("unreadable", 2)
    assert bad.id == f"{bad.source.name}:2"
    assert words in bad.message
    assert "line 2" in bad.message
    bad.model_dump_json()


def test_a_first_line_that_is_a_list_does_not_make_an_array(tmp_path: Path) -> None:
    """A list of numbers on the first line is one bad line, and the objects below it are read."""
    bad, good = read(tmp_path, "[1, 2]\n" + json.dumps(GOOD))
    assert isinstance(bad, Unreadable)
    assert isinstance(good, Paper)


def test_huge_numbers_do_no_harm(tmp_path: Path) -> None:
    """A number of ten thousand digits beside the abstract costs nothing."""
    (item,) = read(tmp_path, '{"abstract": "We do.", "n": ' + "9" * 10_000 + "}")
    assert isinstance(item, Paper)


def test_only_line_feeds_end_lines(tmp_path: Path) -> None:
    """Other characters that some programs take for line ends stay inside the abstract."""
    record = {"abstract": "a\u2028b\u0085c\x0bd\x1ce"}
    (item,) = read(
        tmp_path, json.dumps(record, ensure_ascii=False).replace("\\u000b", "\x0b").replace("\\u001c", "\x1c")
    )
    assert isinstance(item, Paper)
    assert item.abstract == record["abstract"]


def test_blank_lines_and_carriage_returns_are_nothing(tmp_path: Path) -> None:
    """Blank lines give no items, and lines are counted with them."""
    items = read(tmp_path, f"\r\n  \n{json.dumps(GOOD)}\r\n\n")
    assert [item.source.line for item in items] == [3]


@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_is_read_like_lines(tmp_path: Path, indent: int | None) -> None:
    """A file that is one JSON array gives its objects, each with the line on which it starts."""
    items = read(tmp_path, json.dumps([GOOD] * 3, indent=indent))
    assert [type(item) for item in items] == [Paper] * 3
    assert [item.source.line for item in items] == ([1, 1, 1] if indent is None else [2, 7, 12])


def test_an_array_may_be_longer_than_any_buffer(tmp_path: Path) -> None:
    """Objects that lie across the borders of what is read at once are whole, long ones too."""
    records = [{"id": f"row-{number}", "abstract": "We do. " * 700} for number in range(200)]
    records.insert(100, {"id": "long", "abstract": "word " * 100_000})
    items = read(tmp_path, json.dumps(records))
    assert [item.id for item in items] == [record["id"] for record in records]


def test_one_object_over_several_lines_is_read(tmp_path: Path) -> None:
    """A single object as an API gives it, spread over lines, is one paper."""
    (item,) = read(tmp_path, json.dumps(GOOD, indent=1))
    assert item.id == "row-1"


def test_a_broken_array_says_where(tmp_path: Path) -> None:
    """What stands before the break is read; the rest is one item that says where it broke and what to do."""
    good, bad = read(tmp_path, json.dumps([GOOD, GOOD], indent=0)[:-25])
    assert isinstance(good, Paper)
    assert isinstance(bad, Unreadable)
    assert "JSON Lines" in bad.message
    assert bad.source.line == 7


def test_a_line_that_is_too_long_is_skipped(tmp_path: Path) -> None:
    """A line above the limit is one bad item, and the next line is read."""
    long = json.dumps({"abstract": "x" * (16 * 2**20)})
    bad, good = read(tmp_path, f"{long}\n{json.dumps(GOOD)}\n")
    assert isinstance(bad, Unreadable)
    assert "longer than" in bad.message
    assert bad.raw == ""
    assert isinstance(good, Paper)
    assert good.source.line == 2


def test_fifty_thousand_words_are_an_abstract(tmp_path: Path) -> None:
    """A very long abstract is read like any other."""
    text = " ".join(["word"] * 50_000)
    assert paper(tmp_path, {"abstract": text}).abstract == text
