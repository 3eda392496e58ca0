"""JSON in: every line is a paper or says why not, and none disturbs another."""

import json
import tracemalloc
from pathlib import Path

import pytest

from summarizer.errors import InputError
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
    _, item = read(tmp_path, f'{json.dumps(GOOD)}\n{{"name": "T", "body": {{"text": "We do."}}}}\n')
    assert isinstance(item, Unreadable)
    assert (item.kind, item.source.line) == ("unreadable", 2)
    assert "name, body.text;" in item.message
    assert "--map abstract=" in item.message


def test_a_paper_without_the_abstract_key_is_skipped_under_its_name(tmp_path: Path) -> None:
    """A service that leaves the key out where it has no abstract costs the paper neither its id nor its title."""
    _, item = read(tmp_path, f'{json.dumps(GOOD)}\n{{"id": "row-2", "title": "Lost Sheep", "body": "We do."}}\n')
    assert isinstance(item, Unreadable)
    assert (item.kind, item.id, item.title) == ("no_abstract", "row-2", "Lost Sheep")
    assert "id, title, body;" in item.message
    assert "--map abstract=" in item.message


@pytest.mark.parametrize("count", [1, 3, 5_000])
@pytest.mark.parametrize(
    ("record", "columns", "words"),
    [
        ({"title": "T", "body": "We do."}, {}, "no key is known to hold the abstract; found: title, body;"),
        (
            {"title": "T", "abstract": "We do."},
            {"abstract": "AB"},
            "under 'AB' (--map, columns), and there is no such key; found: t",
        ),
        ({"paper": {"id": "7"}, "externalIds": {"DOI": "10.9999/x"}}, {}, "found: paper.id, externalIds.DOI;"),
        ({"paper": {}, "authors": [{"name": "Ada One"}]}, {}, "found: paper, authors;"),
    ],
)
def test_no_abstract_key_in_the_whole_file_stops_the_run(
    tmp_path: Path, record: dict[str, object], columns: dict[str, str], words: str, count: int
) -> None:
    """When no record has a known abstract nothing is read, and the message lists the keys and the way out."""
    with pytest.raises(InputError, match="--map abstract=") as caught:
        read(tmp_path, "broken\n" + f"{json.dumps(record)}\n" * count, **columns)
    assert words in str(caught.value)
    assert caught.value.line == 2


def test_items_before_the_first_abstract_keep_their_order(tmp_path: Path) -> None:
    """As soon as one record has an abstract, all bad ones before it are given, in their places."""
    strange = '{"version": 3}'
    items = read(tmp_path, "\n".join(["broken", strange, "broken", *[strange] * 400, json.dumps(GOOD), strange]))
    assert [item.source.line for item in items] == list(range(1, 406))
    assert [item.source.line for item in items if isinstance(item, Paper)] == [404]


@pytest.mark.parametrize("broken", [{"abstract": 7}, {"abstract": ["We do."]}, {"abstract": "We do.", "title": {}}])
def test_a_field_of_the_wrong_kind_costs_the_paper_not_its_id(tmp_path: Path, broken: dict[str, object]) -> None:
    """What is no text cannot be read, and is reported under the id that the record has."""
    item = failure(tmp_path, {"id": "row-7", **broken})
    assert (item.kind, item.id) == ("unreadable", "row-7")


def test_an_array_may_be_broken_over_lines_anywhere(tmp_path: Path) -> None:
    """An array whose first line holds other values and a paper is read as an array."""
    *others, item = read(tmp_path, f"[1, {json.dumps(GOOD)}\n, {json.dumps(GOOD | {'id': 'row-2'})}]\n")
    assert item.id == "row-2"
    assert len(others) == 2


def test_what_is_held_back_is_bounded(tmp_path: Path) -> None:
    """A file that never ends is given up after a thousand items, so that they need not be kept."""
    (tmp_path / "papers.jsonl").write_text('{"body": "We do."}\n' * 1_001 + f"{json.dumps(GOOD)}\n")
    with pytest.raises(InputError, match="found: body"):
        next(read_papers(tmp_path / "papers.jsonl"))


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


def test_the_first_of_several_titles_is_taken(tmp_path: Path) -> None:
    """Crossref keeps the title in a list."""
    assert paper(tmp_path, {"title": ["Counting Sheep", "Les moutons"], "abstract": "We do."}).title == "Counting Sheep"
    assert paper(tmp_path, {"title": [], "abstract": "We do."}).title == ""


def test_an_empty_answer_between_others_is_nothing(tmp_path: Path) -> None:
    """A page of results that found nothing costs nothing."""
    answer = json.dumps({"results": [GOOD]})
    assert [item.id for item in read(tmp_path, f'[]\n{{"results": []}}\n{answer}\n')] == ["row-1"]


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


def test_what_is_no_object_costs_its_place_in_the_array(tmp_path: Path) -> None:
    """An element that is no object is reported, and the ones around it are read."""
    first, bad, last = read(tmp_path, json.dumps([GOOD, 7, {**GOOD, "id": "row-3"}], indent=1))
    assert [first.id, last.id] == ["row-1", "row-3"]
    assert isinstance(bad, Unreadable)
    assert "not an object" in bad.message


def test_an_array_may_be_longer_than_any_buffer(tmp_path: Path) -> None:
    """Objects that lie across the borders of what is read at once are whole, long ones too."""
    records = [{"id": f"row-{number}", "abstract": "We do. " * 700} for number in range(200)]
    records.insert(100, {"id": "long", "abstract": "word " * 100_000})
    items = read(tmp_path, json.dumps(records))
    assert [item.id for item in items] == [record["id"] for record in records]


META = {"count": 3, "facets": [], "groups": [{"key": "a"}], "next": None}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("order", ["alone", "before", "after"])
@pytest.mark.parametrize("key", ["results", "data", "items", "papers", "whatever"])
def test_an_object_with_a_list_of_papers_is_opened(tmp_path: Path, key: str, order: str, indent: int | None) -> None:
    """What a service answers gives its papers, each with its own line, whatever stands beside their list."""
    document: dict[str, object] = {key: [GOOD] * 3}
    document = {"alone": document, "before": {"meta": META, **document}, "after": {**document, "meta": META}}[order]
    text = json.dumps(document, indent=indent)
    items = read(tmp_path, text)
    assert [type(item) for item in items] == [Paper] * 3
    lines = [number for number, line in enumerate(text.splitlines(), 1) if line == "    {"]
    assert [item.source.line for item in items] == (lines if indent else [1, 1, 1])


def test_a_list_of_papers_may_lie_deeper(tmp_path: Path) -> None:
    """A list inside an object that is inside of another is found as well."""
    items = read(tmp_path, json.dumps({"version": 1, "found": {"hits": 1, "result": [GOOD, GOOD]}, "next": 2}))
    assert [type(item) for item in items] == [Paper] * 2


def test_one_answer_a_line_is_opened(tmp_path: Path) -> None:
    """Answers of a service, one a line, give all their papers, and a broken one costs itself only."""
    answer = json.dumps({"meta": META, "data": [GOOD, GOOD]})
    items = read(tmp_path, f"{answer}\n{answer[:-20]}\n{answer}\n")
    assert [(type(item), item.source.line) for item in items] == [
        *[(Paper, 1)] * 2,
        (Unreadable, 2),
        *[(Paper, 3)] * 2,
    ]


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize(
    "extra",
    [
        {"authors": [{"name": "Ada One"}]},
        {"references": [{"title": "Old Geese", "abstract": "They flew."}]},
        {"results": [{"metric": "accuracy", "value": 3}]},
        {"related": {"items": [{"title": "Old Geese", "abstract": "They flew."}]}},
    ],
    ids=["authors", "references", "results", "related"],
)
@pytest.mark.parametrize("first", [True, False])
def test_the_lists_in_a_paper_are_no_papers(
    tmp_path: Path, extra: dict[str, object], indent: int | None, *, first: bool
) -> None:
    """A paper with lists of objects stays one paper, wherever they stand in it."""
    record = {**extra, **GOOD} if first else {**GOOD, **extra}
    for text in (json.dumps(record, indent=indent), json.dumps([record], indent=indent)):
        (item,) = read(tmp_path, text)
        assert (type(item), item.id) == (Paper, "row-1")


def test_a_long_paper_with_lists_is_one_paper(tmp_path: Path) -> None:
    """A paper that is longer than what is read at once is whole, and so are the objects in it."""
    record = {"paper": {**GOOD, "authors": [{"name": "Ada One"}], "abstract": "We do. " * 50_000}, "n": {"a": {"b": 1}}}
    (item,) = read(tmp_path, json.dumps([record]))
    assert isinstance(item, Paper)
    assert (len(item.abstract), item.authors) == (349_999, ("Ada One",))


def test_papers_of_a_list_without_abstracts_name_their_own_keys(tmp_path: Path) -> None:
    """When the papers of an answer have no abstracts, the message lists their keys and not those around them."""
    with pytest.raises(InputError, match="found: id, body;"):
        read(tmp_path, json.dumps({"meta": META, "results": [{"id": 1, "body": "We do."}]}))


def test_a_list_of_papers_may_be_longer_than_any_buffer(tmp_path: Path) -> None:
    """An answer on one line that is longer than a line may be is read in bounded memory."""
    record = json.dumps({**GOOD, "abstract": "We do. " * 700})
    path = tmp_path / "papers.json"
    with path.open("w") as file:
        file.write('{"meta": {"count": 4000}, "results": [')
        file.writelines(f"{record}, " for _ in range(4_000))
        file.write(f"{record}]}}")
    assert path.stat().st_size > 16 * 2**20
    tracemalloc.start()
    items = read_papers(path)
    assert sum(isinstance(item, Paper) for item in items) == 4_001
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 2**20


def test_a_number_at_the_end_of_what_was_read_is_whole(tmp_path: Path) -> None:
    """A number that lies across the border of what is read at once is one number."""
    start, number = '{"a": "', "1234567890"
    for border in range(12):
        filler = "x" * (64 * 2**10 - len(start) - border)
        text = f'{start}{filler}", "data": [{json.dumps(GOOD)}], "n": {number}, "m": [1, 2]}}'
        items = read(tmp_path, text)
        assert [type(item) for item in items] == [Paper]


@pytest.mark.parametrize(
    ("text", "papers", "words"),
    [
        ('{"data": [GOOD, GOOD', 2, "Expecting ']'"),
        ('{"data": [GOOD, {"id": }, GOOD]}', 1, "Expecting value"),
        ('{"data": [GOOD], "meta": {7: 1}}', 1, "a key in quotes"),
        ('{"data": [GOOD], "meta" 7}', 1, "Expecting ':'"),
        ('{"data": [GOOD], "meta": 7', 1, "Expecting '}'"),
        ('{"data": [GOOD], "meta": ' + '{"a": ' * 5_000, 1, "too deeply"),
    ],
    ids=["open list", "element", "key", "colon", "open object", "deep"],
)
@pytest.mark.parametrize("space", [" ", "\n"])
def test_a_broken_answer_gives_what_stands_before_the_break(
    tmp_path: Path, text: str, papers: int, words: str, space: str
) -> None:
    """The papers before a break are read; the rest is one item that says what is wrong."""
    *good, bad = read(tmp_path, text.replace(" ", space).replace("GOOD", json.dumps(GOOD)))
    assert [type(item) for item in good] == [Paper] * papers
    assert isinstance(bad, Unreadable)
    assert words in bad.message


@pytest.mark.parametrize("between", ["", ",", "\ufeff", "\n\ufeff", ",\n"])
def test_files_that_were_put_together_lose_nothing(tmp_path: Path, between: str) -> None:
    """Where a line break is missing, a comma left over or a byte order mark inside, all papers are read."""
    items = read(tmp_path, "\ufeff" + between.join([json.dumps(GOOD)] * 3))
    assert [type(item) for item in items] == [Paper] * 3


def test_more_than_an_object_on_a_line_is_reported(tmp_path: Path) -> None:
    """What stands behind an object on its line, and is no object, makes it a bad line."""
    bad, _ = read(tmp_path, f"{json.dumps(GOOD)} and more\n{json.dumps(GOOD)}\n")
    assert isinstance(bad, Unreadable)
    assert f"Extra data at character {len(json.dumps(GOOD)) + 1}" in bad.message


@pytest.mark.parametrize("line", ['{"id": "a", "abstract": "We do."', '{"abstract": "cut, ', "[" * 9, '{"a": ' * 5_000])
def test_a_first_line_that_is_broken_costs_itself_only(tmp_path: Path, line: str) -> None:
    """A first line that is no whole object does not make the rest of the file part of it."""
    bad, good = read(tmp_path, f"{line}\n{json.dumps(GOOD)}\n")
    assert isinstance(bad, Unreadable)
    assert isinstance(good, Paper)
    assert good.source.line == 2


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
