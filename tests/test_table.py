"""Tables in: rows are papers, and a row that is none costs itself only."""

import csv
import io
from pathlib import Path

import pytest

from summarizer.errors import InputError
from summarizer.reading import read_papers
from summarizer.records import Paper, Unreadable
from tests.work import calls


def read(tmp_path: Path, text: str, name: str = "papers.csv", **columns: str) -> list[Paper | Unreadable]:
    """Read a text as a table."""
    path = tmp_path / name
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return list(read_papers(path, columns=columns))


def papers(tmp_path: Path, text: str, name: str = "papers.csv", **columns: str) -> list[Paper]:
    """Read a text as a table that has nothing but papers."""
    items = read(tmp_path, text, name, **columns)
    found = [item for item in items if isinstance(item, Paper)]
    assert len(found) == len(items), items
    return found


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_header_shows_the_delimiter(tmp_path: Path, delimiter: str) -> None:
    """A .csv may be separated by commas, semicolons, tabs or bars, whatever else the cells hold."""
    text = io.StringIO()
    rows = [["Title", "Abstract", "Note, maybe; or | not"], ["On A; B", "We do, and we do; twice | or so.", "x"]]
    csv.writer(text, delimiter=delimiter).writerows(rows)
    (item,) = papers(tmp_path, text.getvalue())
    assert (item.title, item.abstract) == (rows[1][0], rows[1][1])


def test_tsv_is_separated_by_tabs(tmp_path: Path) -> None:
    """In a .tsv commas are text, in the header too."""
    (item,) = papers(tmp_path, "title\tabstract\tone,two,three\nA, B\tWe do, too.\t\n", "papers.tsv")
    assert (item.title, item.abstract) == ("A, B", "We do, too.")


def test_a_header_that_comes_again_is_no_paper(tmp_path: Path) -> None:
    """Tables that were put together with their headers give the rows of both."""
    found = papers(tmp_path, "title,abstract\nA,We do.\ntitle,abstract\nB,We do too.\n")
    assert [paper.title for paper in found] == ["A", "B"]


@pytest.mark.parametrize("header", ["abstract", "ABSTRACT", "Abstract Note", "abstract_text", "AB", " Summary "])
def test_columns_are_found_by_their_usual_names(tmp_path: Path, header: str) -> None:
    """Case, spaces and punctuation of a header make no difference."""
    (item,) = papers(tmp_path, f"Paper-Title,{header},Authors,Publication Year\nT,We do.,A One; B Two,2025\n")
    assert (item.title, item.abstract, item.published) == ("T", "We do.", "2025")
    assert item.authors == ("A One", "B Two")


def test_columns_override_the_known_names(tmp_path: Path) -> None:
    """A column that the caller names goes before the known ones."""
    (item,) = papers(tmp_path, "abstract,Kurzfassung\nno,We do.\n", abstract="Kurzfassung")
    assert item.abstract == "We do."


@pytest.mark.parametrize(("columns", "words"), [({}, "name,  text"), ({"abstract": "AB"}, "looked for in 'AB'")])
def test_a_missing_column_stops_the_run(tmp_path: Path, columns: dict[str, str], words: str) -> None:
    """Without a column for the abstract nothing is read, and the message lists the columns and the way out."""
    with pytest.raises(InputError, match="--map abstract=") as caught:
        read(tmp_path, "name, text\nT,We do.\n", **columns)
    assert words in str(caught.value)


def test_cells_may_hold_lines(tmp_path: Path) -> None:
    """Line breaks and doubled quotes inside a cell are kept, and a row's line is where it starts."""
    one, two = papers(tmp_path, 'title,abstract\r\nA,"One\r\ntwo\n\n""three"""\r\nB,We do.\r\n')
    assert one.abstract == 'One\r\ntwo\n\n"three"'
    assert (one.source.line, two.source.line) == (2, 6)


def test_other_line_ends_stay_in_cells(tmp_path: Path) -> None:
    """Characters that some programs take for line ends, and control characters, are text."""
    (item,) = papers(tmp_path, "title,abstract\nA,a\u2028b\x0bc\x1cd\x00e\x85f\n")
    assert item.abstract == "a\u2028b\x0bc\x1cd\x00e\x85f"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("A,We do,too.", "3 cells, the header has 2"),
        ("A", "1 cells, the header has 2"),
        ('"A" or so,We do.', "broken"),
        ('A,"We do', "quote"),
        ("A,caf\udce9", "0xE9"),
    ],
    ids=["many", "few", "quote inside", "open quote", "byte"],
)
def test_a_bad_row_costs_itself_only(tmp_path: Path, row: str, words: str) -> None:
    """A row that cannot be read says where it is and what is wrong with it, and its neighbors are read."""
    first, bad, third, last = read(tmp_path, f'title,abstract\nA,We do.\n{row}\nC,"We, too."\nD,And we.\n')
    assert isinstance(bad, Unreadable)
    assert (bad.kind, bad.source.line) == ("unreadable", 3)
    assert words in bad.message
    assert "line 3" in bad.message
    assert [type(item) for item in (first, third, last)] == [Paper] * 3
    bad.model_dump_json()


def test_an_open_quote_swallows_no_more_than_its_row(tmp_path: Path) -> None:
    """A quote that is never closed costs one row, even when thousands of rows follow."""
    rows = "".join(f"{number},We do.\n" for number in range(5_000))
    bad, *rest = read(tmp_path, f'id,abstract\nx,"We do.\n{rows}')
    assert isinstance(bad, Unreadable)
    assert [item.id for item in rest] == [str(number) for number in range(5_000)]


def test_an_open_quote_before_a_huge_rest_is_bounded(tmp_path: Path) -> None:
    """What is looked at for the end of a quote is bounded, and nothing that follows is lost."""
    rows = f"y,{'x' * 2**20}\n" * 20
    bad, *rest = read(tmp_path, f'id,abstract\nx,"We do.\n{rows}')
    assert isinstance(bad, Unreadable)
    assert len(rest) == 20
    assert all(isinstance(item, Paper) for item in rest)


def test_quotes_that_are_never_balanced_cost_no_more_than_their_length(tmp_path: Path) -> None:
    """A file in which every line opens a quote loses no line, and is not read to its end for each of them."""
    count = 20_000
    items: list[Paper | Unreadable] = []
    made = calls(lambda: items.extend(read(tmp_path, "id,abstract\n" + 'x","y\n' * (count + 1))))
    assert [item.source.line for item in items] == list(range(2, count + 3))
    assert made < count**2 / 4


def test_a_long_abstract_fits_and_the_process_keeps_its_limit(tmp_path: Path) -> None:
    """A cell above the usual limit of the csv module is read, and that limit stays what it was for others."""
    csv.field_size_limit(131_072)
    (item,) = papers(tmp_path, f"title,abstract\nA,{'word ' * 50_000}end\n")
    assert len(item.abstract) == 250_003
    assert csv.field_size_limit() == 131_072


def test_an_empty_cell_is_a_paper_without_abstract(tmp_path: Path) -> None:
    """A row whose abstract is empty, or says so, is reported as that, under its own id and title."""
    item, *others = read(tmp_path, "id,title,abstract\nrow-1,Counting Sheep,  \nb,B,N/A\nc,C,null\nd,D,-\n")
    assert [getattr(other, "kind", "") for other in others] == ["no_abstract"] * 3
    assert isinstance(item, Unreadable)
    assert (item.kind, item.id, item.title) == ("no_abstract", "row-1", "Counting Sheep")


def test_blank_rows_are_nothing(tmp_path: Path) -> None:
    """Blank lines and rows of empty cells, as spreadsheets append them, give no items."""
    (item,) = papers(tmp_path, "\n\ntitle,abstract\n\nA,We do.\n,\n , \n\u200b,\ufeff\n\n")
    assert item.source.line == 5


def test_line_ends_of_old_macs_are_line_ends(tmp_path: Path) -> None:
    """A table whose lines end at carriage returns, as some programs still write them, is read like any other."""
    (tmp_path / "papers.csv").write_bytes(b"id,abstract\ra,We count sheep.\rb,We wash them.\r")
    items = list(read_papers(tmp_path / "papers.csv"))
    assert [(item.id, item.source.line) for item in items] == [("a", 2), ("b", 3)]
