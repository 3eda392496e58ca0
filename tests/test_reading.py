"""Inputs of any kind: which format, which encoding, what stops a run, and how much memory it takes."""

import gzip
import json
import os
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer.errors import InputError, SettingsError
from summarizer.reading import FORMATS, read_papers
from summarizer.records import Paper, Unreadable

JSONL = (
    '{"id": "a", "title": "Tea", "abstract": "We brew t\u00e9a."}\n'
    '{"id": "b", "title": "Cups", "abstract": "We wash."}\n'
)
CSV = "id,title,abstract\na,Tea,We brew t\u00e9a.\nb,Cups,We wash.\n"
TSV = CSV.replace(",", "\t")
PAGE = (
    "Tea\nWe brew t\u00e9a in nine pots of clay. The taste of the third is the best, as 61% of our guests agree. "
    "Why this is so is left for later work on pots.\n"
    "Cups\nWe wash four hundred cups by hand and by machine. The machine is faster by a factor of 7.9, but it breaks "
    "one cup in eighty. Hands break none.\n"
)
TEXTS = {"papers.jsonl": JSONL, "papers.csv": CSV, "papers.tsv": TSV, "papers.txt": PAGE}


def titles(items: Iterator[Paper | Unreadable]) -> list[str]:
    """Titles of items that are all papers."""
    found = list(items)
    assert all(isinstance(item, Paper) for item in found), found
    return [item.title for item in found]


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    """Write a text just as it is."""
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("name", [*TEXTS, "PAPERS.CSV"])
def test_the_suffix_tells_the_format(tmp_path: Path, name: str) -> None:
    """A file is read by its suffix, in whatever case."""
    assert titles(read_papers(write(tmp_path / name, TEXTS[name.lower()]))) == ["Tea", "Cups"]


@pytest.mark.parametrize("name", TEXTS)
def test_the_content_tells_the_format_otherwise(tmp_path: Path, name: str) -> None:
    """Without a known suffix the content shows what it is."""
    assert titles(read_papers(write(tmp_path / "papers.dat", TEXTS[name]))) == ["Tea", "Cups"]


@pytest.mark.parametrize("name", ["papers.jsonl", "papers.csv"])
def test_a_text_file_is_what_its_content_is(tmp_path: Path, name: str) -> None:
    """People give any text the suffix .txt."""
    assert titles(read_papers(write(tmp_path / "papers.txt", TEXTS[name]))) == ["Tea", "Cups"]


def test_a_page_may_begin_with_a_bracket(tmp_path: Path) -> None:
    """A numbered list of papers is no JSON."""
    text = "[1] Counting Geese\n" + "We count geese from the air. It works well, and the geese do not mind. " * 3
    assert titles(read_papers(write(tmp_path / "papers.txt", text))) == ["[1] Counting Geese"]


@pytest.mark.parametrize(("name", "input_format"), list(zip(TEXTS, FORMATS, strict=True)))
def test_standard_input_is_read(name: str, input_format: str) -> None:
    """The input `-` is standard input, whose format is recognized, or said by the caller."""
    program = (
        "import sys; from summarizer.reading import read_papers\n"
        "for item in read_papers('-', input_format=sys.argv[1] or None): print(item.title, item.source.name)"
    )
    for given_format in ("", input_format):
        ran = subprocess.run(
            [sys.executable, "-c", program, given_format], input=TEXTS[name].encode(), capture_output=True, check=True
        )
        assert ran.stdout == b"Tea -\nCups -\n"


def test_standard_input_cannot_be_read_twice() -> None:
    """Naming standard input twice is refused, because the second time it would be empty."""
    with pytest.raises(InputError, match="only once"):
        read_papers("-", "-")


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_tells_the_encoding(tmp_path: Path, name: str, encoding: str) -> None:
    """A file with a byte order mark is read without being told its encoding."""
    first, second = read_papers(write(tmp_path / name, TEXTS[name], encoding))
    assert isinstance(first, Paper)
    assert (first.title, second.title) == ("Tea", "Cups")
    assert "t\u00e9a" in first.abstract


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16-le"])
def test_the_encoding_can_be_given(tmp_path: Path, encoding: str) -> None:
    """Other encodings are read when the caller names them."""
    first, _ = read_papers(write(tmp_path / "papers.csv", CSV, encoding), encoding=encoding)
    assert isinstance(first, Paper)
    assert first.abstract == "We brew t\u00e9a."


@pytest.mark.parametrize("name", TEXTS)
def test_a_wrong_encoding_costs_the_papers_that_it_concerns(tmp_path: Path, name: str) -> None:
    """Bytes that do not decode make one bad item, which says which byte, and how to give the right encoding."""
    bad, good = read_papers(write(tmp_path / name, TEXTS[name], "latin-1"))
    assert isinstance(bad, Unreadable)
    assert "0xE9" in bad.message
    assert "--encoding" in bad.message
    assert isinstance(good, Paper)


def test_a_wrong_wide_encoding_stops_the_run(tmp_path: Path) -> None:
    """Where no single byte is at fault the file is refused, with the advice to name its encoding."""
    with pytest.raises(InputError, match="--encoding"):
        list(read_papers(write(tmp_path / "papers.csv", CSV[:-1], "latin-1"), encoding="utf-32"))


@pytest.mark.parametrize("name", TEXTS)
def test_gzip_is_undone(tmp_path: Path, name: str) -> None:
    """A compressed file is read like the file itself."""
    path = tmp_path / f"{name}.gz"
    path.write_bytes(gzip.compress(TEXTS[name].encode()))
    assert titles(read_papers(path)) == ["Tea", "Cups"]


def cut_off(path: Path, text: str) -> list[Paper | Unreadable]:
    """Read a compressed file of which only the part with this text is left."""
    packed = zlib.compressobj(wbits=31)
    path.write_bytes(packed.compress(text.encode()) + packed.flush(zlib.Z_SYNC_FLUSH))
    return list(read_papers(path))


LATER = "Pots, Plates and the Art of Drying Them Without a Towel"
WRAPPED = (
    "We compare pots with plates. A pot dries from the inside out, and the plate\n"
    "from its rim to the middle. Of the ninety that we dried by hand, eleven were"
)
CUT_OFF = {
    "jsonl": ("papers.jsonl", JSONL, '{"id": "c", "title": "Po', 3),
    "jsonl between": ("papers.jsonl", JSONL, "", 3),
    "csv": ("papers.csv", CSV, "c,Pots,We compare", 4),
    "csv quoted": ("papers.csv", CSV, 'c,Pots,"We compare,\nlong and, often\n,', 4),
    "csv between": ("papers.csv", CSV, "", 4),
    "tsv": ("papers.tsv", TSV, "c\tPots\tWe comp", 4),
    "page title": ("papers.txt", PAGE, "Pots, Plates", 5),
    "page abstract": ("papers.txt", PAGE, f"{LATER}\n{WRAPPED[:70]}", 5),
    "page wrapped": ("papers.txt", PAGE, f"\n{LATER}\n\n{WRAPPED} broken. The", 6),
    "page wrapped line": ("papers.txt", PAGE, f"\n{LATER}\n\n{WRAPPED}\n", 6),
    "array": ("papers.json", "[" + JSONL.replace("\n", ",\n"), '{"id": "c", "abst', 3),
    "array between": ("papers.json", "[" + JSONL.replace("\n", ",\n"), "", 3),
    "one line": ("papers.json", '{"data": [' + JSONL.replace("\n", ","), '{"id": "c", "abst', 1),
}


@pytest.mark.parametrize("case", CUT_OFF)
def test_a_compressed_file_that_is_cut_off_costs_what_is_lost(tmp_path: Path, case: str) -> None:
    """All papers before the cut are read; one item says where and what happened, and no half paper is taken for one."""
    name, whole, half, line = CUT_OFF[case]
    first, second, *others = cut_off(tmp_path / f"{name}.gz", whole + half)
    assert [first.title, second.title] == ["Tea", "Cups"]
    assert isinstance(second, Paper)
    assert second.abstract.endswith(("wash.", "Hands break none."))
    (bad,) = others
    assert isinstance(bad, Unreadable)
    assert bad.source.line == line
    assert "cut off" in bad.message
    assert f"line {line}" in bad.message


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(
            ("a.jsonl", '{"id": "a'),
            ("a.json", '[{"id": "a'),
            ("a.csv", "title,abstract\nA,We"),
            ("a.tsv", "title\tab"),
        ),
        *(("a.txt", "Tea in Nine Po"), ("a.txt", ""), ("a.dat", "")),
    ],
)
def test_a_compressed_file_of_which_nothing_is_left_stops_the_run(tmp_path: Path, name: str, text: str) -> None:
    """When the cut is before the end of the first paper, the file is refused, and the message says why."""
    with pytest.raises(InputError, match="cut off"):
        cut_off(tmp_path / f"{name}.gz", text)


@pytest.mark.parametrize("count", [2, 20_000])
@pytest.mark.parametrize("damage", ["checksum", "tail"])
def test_a_compressed_file_with_a_wrong_end_is_read_to_it(tmp_path: Path, damage: str, count: int) -> None:
    """A wrong checksum, or something else behind the end, is reported after all papers."""
    path = tmp_path / "papers.jsonl.gz"
    packed = gzip.compress("".join(f'{{"id": "{number}", "abstract": "We do."}}\n' for number in range(count)).encode())
    path.write_bytes(packed[:-8] + b"01234567" if damage == "checksum" else packed + b"more of it")
    *papers, bad = read_papers(path)
    assert [paper.id for paper in papers] == [str(number) for number in range(count)]
    assert isinstance(bad, Unreadable)
    assert "damaged" in bad.message
    assert bad.source.line == count + 1


def test_a_missing_file_is_found_before_anything_is_read(tmp_path: Path) -> None:
    """All inputs are looked for first, so that a typing error does not cost half a run."""
    with pytest.raises(InputError, match="no such file"):
        read_papers(write(tmp_path / "papers.jsonl", JSONL), tmp_path / "paperz.jsonl")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    """A folder is no input."""
    with pytest.raises(InputError, match="folder"):
        read_papers(tmp_path)


@pytest.fixture
def _not_root() -> Iterator[None]:
    """Root may read everything: for the time of a test be nobody."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)


@pytest.mark.usefixtures("_not_root")
def test_a_file_without_permission_is_refused() -> None:
    """A file that may not be read says that, before anything is read."""
    path = Path("/etc/shadow")
    assert path.exists()
    with pytest.raises(InputError, match="permission"):
        read_papers(path, input_format="jsonl")


EMPTY = [
    *((name, "") for name in [*TEXTS, "-.dat"]),
    ("a.csv", "title,abstract\n"),
    *(("a.json", text) for text in ["[]", "[]\n", '{"results": []}', '{"meta": {"count": 0}, "items": []}']),
]


@pytest.mark.parametrize(("name", "text"), EMPTY)
def test_an_empty_file_stops_the_run(tmp_path: Path, name: str, text: str) -> None:
    """A file without a single paper is an error when its turn comes, not a run of nothing."""
    items = read_papers(write(tmp_path / "first.jsonl", JSONL), write(tmp_path / name, text))
    assert [next(items).title, next(items).title] == ["Tea", "Cups"]
    with pytest.raises(InputError, match="no papers"):
        next(items)


CHINESE = '{"title": "\u6cb3\u6d41", "abstract": "\u6cb3\u6d41\u4e2d\u7684\u58f0\u97f3\u5f88\u4e30\u5bcc"}\n'


@pytest.mark.parametrize(
    "content",
    [
        *(b"%PDF-1.7\n1 0 obj", b"PK\x03\x04\x14\x00", b"papers.jsonl".ljust(257, b"\0") + b"ustar\x0000"),
        *(JSONL.encode("utf-16-le"), (CHINESE * 9).encode("utf-16-be"), bytes(range(256)) * 20, b"\x00" * 99),
    ],
    ids=["pdf", "zip", "tar", "utf-16", "chinese", "bytes", "zeros"],
)
@pytest.mark.parametrize("name", TEXTS)
def test_binary_files_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    """A file that is evidently no text is refused, whatever its suffix says."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match="not text"):
        list(read_papers(path))


@pytest.mark.parametrize("name", ["papers.jsonl", "papers.csv", "papers.tsv"])
@pytest.mark.parametrize("place", ["abstract", "between"])
def test_stray_nul_bytes_cost_one_record_at_most(tmp_path: Path, name: str, place: str) -> None:
    """A few NULs in a short file do no harm inside a text, and outside of it cost no other record."""
    text = TEXTS[name].replace("wash", "wa\0\0\0\0sh") if place == "abstract" else TEXTS[name] + "\0" * 9
    items = list(read_papers(write(tmp_path / name, text)))
    assert [item.title for item in items[:2]] == ["Tea", "Cups"]
    assert isinstance(items[0], Paper)
    assert isinstance(items[1], Paper)
    assert ("\0" in items[1].abstract) is (place == "abstract")


@pytest.mark.parametrize(
    "text", ["<?xml version='1.0'?><feed/>", "<!DOCTYPE html><p>", "@article{a, title = {T}}\n", "a\nb\n"]
)
def test_unknown_formats_list_the_known_ones(tmp_path: Path, text: str) -> None:
    """What is in no known format is refused with the list of the formats."""
    with pytest.raises(InputError, match="jsonl.*csv.*tsv.*page"):
        list(read_papers(write(tmp_path / "papers.dat", text)))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"encoding": "utf-99"}, "utf-99"),
        ({"encoding": "rot13"}, "encoding"),
        ({"input_format": "bibtex"}, "jsonl"),
        ({"columns": {"abstrct": "AB"}}, "abstract"),
        ({"limit": -1}, "limit"),
        ({"limit": 10**30}, "limit"),
    ],
)
def test_settings_that_do_not_fit_are_refused_at_once(tmp_path: Path, options: dict[str, object], words: str) -> None:
    """A wrong option is reported before a file is opened, with what it could be."""
    with pytest.raises(SettingsError, match=words):
        read_papers(tmp_path / "none.jsonl", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("limit", [0, 1, 3, 9])
def test_the_limit_counts_all_items(tmp_path: Path, limit: int) -> None:
    """The limit counts papers and bad lines of all files together, and nothing behind it is opened."""
    path = write(tmp_path / "papers.jsonl", JSONL + "broken\n")
    assert len(list(read_papers(path, path, limit=limit))) == min(limit, 6)
    assert len(list(read_papers(path, write(tmp_path / "empty.jsonl", ""), limit=3))) == 3


def test_a_name_that_is_no_text_can_be_shown(tmp_path: Path) -> None:
    """A file whose name does not decode is read, and its items can be stored."""
    path = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jsonl")
    write(Path(path), JSONL)
    (item, _) = read_papers(path)
    assert json.loads(item.model_dump_json())["source"]["name"].endswith("caf\\udce9.jsonl")


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(FORMATS)),
    st.one_of(
        st.binary(max_size=300),
        st.text(alphabet='{}[]",;\t\n\r\\:.ab \u3002\u2028', max_size=300).map(str.encode),
        st.sampled_from([text.encode() for text in TEXTS.values()]).flatmap(
            lambda text: st.tuples(st.integers(0, len(text)), st.binary(max_size=4)).map(
                lambda cut: text[: cut[0]] + cut[1] + text[cut[0] + len(cut[1]) :]
            )
        ),
    ),
)
def test_any_bytes_give_items_or_an_input_error(
    tmp_path_factory: pytest.TempPathFactory, input_format: str, content: bytes
) -> None:
    """Whatever a file holds, it gives items that can be stored, in the order of their lines, or an `InputError`."""
    path = tmp_path_factory.mktemp("any") / "papers.dat"
    path.write_bytes(content)
    try:
        items = list(read_papers(path, input_format=input_format))
    except InputError:
        return
    for item in items:
        assert type(item).model_validate_json(item.model_dump_json()) == item
    assert [item.source.line for item in items] == sorted(item.source.line for item in items)


@pytest.mark.parametrize("name", TEXTS)
def test_memory_does_not_grow_with_the_input(tmp_path: Path, name: str) -> None:
    """Ten times the papers take no more memory, in every format."""
    text = "We brew tea. " * 60
    rows = {"papers.jsonl": json.dumps({"abstract": text}), "papers.csv": f"Tea,{text}", "papers.tsv": f"Tea\t{text}"}
    header = {"papers.csv": "title,abstract\n", "papers.tsv": "title\tabstract\n"}.get(name, "")
    peaks = []
    for count in (500, 5_000):
        path = write(tmp_path / name, header + (rows.get(name, f"Tea\n{text}") + "\n") * count)
        tracemalloc.start()
        assert sum(1 for _ in read_papers(path)) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 100_000


def test_a_compressed_file_with_a_broken_header_is_said_to_be_damaged(tmp_path: Path) -> None:
    """What cannot be unpacked at all is called damaged, not empty."""
    path = tmp_path / "papers.jsonl.gz"
    path.write_bytes(b"\x1f\x8b\xff\xff" + gzip.compress(TEXTS["papers.jsonl"].encode())[4:])
    with pytest.raises(InputError, match="cut off or damaged"):
        list(read_papers(path))
