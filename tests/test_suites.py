"""The suites read the data sets in each layout in which they are published, and name what does not belong there."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from evals.examples import Example, GoldName, Kind
from evals.suites import load_suite
from evals.suites.lines import LONGEST
from summarizer.extension import InputError
from tests.suite_files import (
    ACLSUM,
    SCIERC_COLUMNS,
    SCIERC_JSON,
    SCIREX_CUT,
    SCIREX_WHOLE,
    SCITLDR,
    TDMSCI,
)

Write = Callable[[str, str], Path]
LAYOUTS = [
    ("aclsum", ACLSUM),
    ("scierc", SCIERC_COLUMNS),
    ("scierc", SCIERC_JSON),
    ("scirex", SCIREX_CUT),
    ("scirex", SCIREX_WHOLE),
    ("scitldr", SCITLDR),
    ("tdmsci", TDMSCI),
]


def _read(suite: str, path: Path) -> list[Example]:
    return list(load_suite(suite).read(path))


def _names(example: Example) -> dict[Kind, list[str]]:
    return {kind: [name.name for name in names] for kind, names in example.gold.names.items()}


def test_aclsum_has_a_summary_for_each_aspect(write: Write) -> None:
    """The abstract alone is read, as natural text; the summaries stand by the names of their aspects."""
    (example,) = _read("aclsum", write("val.jsonl", ACLSUM))
    assert example.paper.title == "Counting Pebbles by Ear"
    assert example.sentences == (
        "We count pebbles (small stones) by ear.",
        'The "pebble-ear" hears 90% of them, and nobody\'s feet get wet.',
    )
    assert example.paper.abstract == " ".join(example.sentences)
    assert example.gold.aspects == {
        "challenge": "Pebbles cannot be seen under water.",
        "approach": "They listen to them.",
        "outcome": "Nine of ten pebbles are heard.",
    }
    assert not example.gold.summaries


def test_aclsum_without_a_title_is_read(write: Write) -> None:
    """A version that was published has no titles."""
    row = {key: value for key, value in json.loads(ACLSUM).items() if key != "title"}
    (example,) = _read("aclsum", write("val.jsonl", json.dumps(row)))
    assert not example.paper.title


def test_scierc_columns_are_abstracts_with_names(write: Write) -> None:
    """One paper for each -DOCSTART-; neighbours are two names by their B-, and Generic and other terms are none."""
    first, second = _read("scierc", write("dev.txt", SCIERC_COLUMNS))
    assert first.paper.abstract == (
        "We train PebbleNet (our network) for stone counting shape naming. pebblenet wins on PebbleBed in accuracy."
    )
    assert len(first.sentences) == 2
    assert first.gold.names == {
        "task": (GoldName(name="stone counting"), GoldName(name="shape naming")),
        "method": (GoldName(name="PebbleNet", aliases=("pebblenet",)),),
        "dataset": (GoldName(name="PebbleBed"),),
        "metric": (GoldName(name="accuracy"),),
    }
    assert _names(second) == {"task": [], "method": [], "dataset": [], "metric": []}
    assert (first.paper.id, second.paper.id) == ("scierc-1", "scierc-2")
    assert (first.paper.source.line, second.paper.source.line) == (1, 25)


def test_scierc_json_keeps_names_within_names(write: Write) -> None:
    """The layout of the authors has ids and both of two nested names."""
    (example,) = _read("scierc", write("dev.json", SCIERC_JSON))
    assert example.paper.id == "stones-1"
    assert example.paper.abstract == "PebbleNet (our network) counts. Large stone counting on PebbleBed."
    assert _names(example) == {
        "task": ["Large stone counting", "stone counting"],
        "method": ["PebbleNet"],
        "dataset": ["PebbleBed"],
        "metric": [],
    }


def test_tdmsci_sentences_are_set_by_their_places(write: Write) -> None:
    """One paper without a title for each sentence; methods were not labelled, so there is no list of them."""
    first, second = _read("tdmsci", write("train.conll", TDMSCI))
    assert (first.paper.title, first.paper.abstract) == ("", "We count stones-by-ear.")
    assert _names(first) == {"task": ["stones-by-ear"], "dataset": [], "metric": []}
    assert second.paper.abstract == "Accuracy recall on Pebble-Bed"
    assert _names(second) == {"task": [], "dataset": ["Pebble-Bed"], "metric": ["Accuracy", "recall"]}


def test_scirex_is_cut_into_title_and_abstract(write: Write) -> None:
    """The title stands behind `document :`, or in a section of its own, or is missing; headings are left out."""
    first, second, third = _read("scirex", write("train.jsonl", SCIREX_CUT))
    assert (first.paper.title, first.paper.abstract) == (
        "Stone-Net for Counting",
        "We count state-of-the-art stones with Stone-Net.",
    )
    assert _names(first) == {"task": ["Counting"], "method": ["Stone-Net"], "dataset": [], "metric": []}
    assert (second.paper.title, second.paper.abstract) == ("Stone Naming", "Names are given on PebbleBed.")
    assert _names(second) == {"task": ["Stone Naming"], "method": [], "dataset": ["PebbleBed"], "metric": []}
    assert (third.paper.title, third.paper.abstract) == ("", "Stones sink. Accuracy is high.")


def test_scirex_entities_that_the_abstract_lacks_are_not_stated(write: Write) -> None:
    """Mentions of one entity are its forms; one without a mention in title or abstract is kept, and marked."""
    (example,) = _read("scirex", write("dev.jsonl", SCIREX_WHOLE))
    assert (example.paper.title, example.paper.abstract) == ("Stone Counting", "We train Pebble-Net (PN). It counts.")
    assert example.gold.names == {
        "task": (GoldName(name="Stone Counting"),),
        "method": (GoldName(name="Pebble-Net", aliases=("PN",)),),
        "dataset": (GoldName(name="River Bed", stated=False),),
        "metric": (GoldName(name="mean stone error", aliases=("Mean Stone Error",), stated=False),),
    }


def test_scitldr_leaves_out_sentences_of_spaces(write: Write) -> None:
    """The abstract is its sentences with one space between; all targets are kept."""
    (example,) = _read("scitldr", write("dev.jsonl", SCITLDR))
    assert example.paper.abstract == "Stones sing. We record 12 of them."
    assert example.sentences == ("Stones sing.", "We record 12 of them.")
    assert example.gold.summaries == ("Twelve stones are recorded.", "stones sing")


@pytest.mark.parametrize(("suite", "text"), LAYOUTS)
def test_every_stated_name_is_in_the_paper(write: Write, suite: str, text: str) -> None:
    """A name of people is a part of the title or of the abstract, letter by letter."""
    for example in _read(suite, write("data", text)):
        for names in example.gold.names.values():
            assert all(name.name in f"{example.paper.title}\n{example.paper.abstract}" for name in names if name.stated)


@pytest.mark.parametrize(("suite", "text"), LAYOUTS)
def test_ends_of_lines_and_a_mark_of_order_change_nothing(tmp_path: Path, suite: str, text: str) -> None:
    """A file that went through Windows gives the same examples."""
    path = tmp_path / "data"
    path.write_bytes(text.encode())
    plain = _read(suite, path)
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert _read(suite, path) == plain


@pytest.mark.parametrize(("suite", "text"), LAYOUTS)
@pytest.mark.parametrize("damage", [b"\xff", b"\0", b"{", b"[1]", b"-DOCSTART-"])
def test_a_broken_line_is_named(tmp_path: Path, suite: str, text: str, damage: bytes) -> None:
    """What is no line of the data set is an input error that says where it stands."""
    path = tmp_path / "data"
    path.write_bytes(text.encode() + b"\n" + damage + b"\n")
    with pytest.raises(InputError) as error:
        _read(suite, path)
    assert (error.value.path, error.value.line) == (str(path), text.count("\n") + 2)


def test_a_backslash_is_no_nul(write: Write) -> None:
    """LaTeX that looks like an escape is text."""
    row = json.loads(ACLSUM) | {"title": "\\u0000 is a macro"}
    assert _read("aclsum", write("data", json.dumps(row)))[0].paper.title == "\\u0000 is a macro"


def test_a_line_without_an_end_is_not_held(tmp_path: Path) -> None:
    """A line of any length is refused when it is longer than any paper."""
    path = tmp_path / "data"
    path.write_bytes(SCITLDR.encode() + b"\n" + b" " * (LONGEST + 1))
    with pytest.raises(InputError, match="line 2: the line is longer than 16,777,216 bytes"):
        _read("scitldr", path)


@pytest.mark.parametrize("suite", ["aclsum", "scierc", "scirex", "scitldr", "tdmsci"])
@pytest.mark.parametrize("text", ["", "\n\n", "\ufeff"])
def test_an_empty_file_is_refused(write: Write, suite: str, text: str) -> None:
    """No paper is no result."""
    with pytest.raises(InputError, match="holds no papers"):
        _read(suite, write("data", text))


@pytest.mark.parametrize(
    ("suite", "text"), [(suite, text.splitlines()[0]) for suite, text in LAYOUTS if text.startswith("{")]
)
def test_the_same_id_twice_is_refused(write: Write, suite: str, text: str) -> None:
    """Two papers of one id could not be told apart in the samples."""
    with pytest.raises(InputError, match="line 2: the id .* was there before: data, line 1"):
        _read(suite, write("data", f"{text}\n{text}\n"))


@pytest.mark.parametrize(
    ("suite", "text", "change"),
    [
        ("aclsum", ACLSUM, {"summary": {"challenge": " "}}),
        ("aclsum", ACLSUM, {"summary": {"luck": "They were lucky."}}),
        ("aclsum", ACLSUM, {"sentences": {"abstract": []}}),
        ("aclsum", ACLSUM, {"title": "a\0b"}),
        ("scierc", SCIERC_JSON, {"ner": [[[0, 0, "Method"]]]}),
        ("scierc", SCIERC_JSON, {"ner": [[[5, 7, "Method"]], []]}),
        ("scierc", SCIERC_JSON, {"ner": [[[-1, 0, "Method"]], []]}),
        ("scierc", SCIERC_JSON, {"ner": [[[0, 0, "Animal"]], []]}),
        ("scirex", SCIREX_WHOLE, {"sentences": [[0, 3], [2, 9]]}),
        ("scirex", SCIREX_WHOLE, {"sentences": [[0, 10**9]]}),
        ("scirex", SCIREX_WHOLE, {"sections": [[0, 3000]]}),
        ("scirex", SCIREX_WHOLE, {"coref": {"x": [[5, 5]]}}),
        ("scirex", SCIREX_WHOLE, {"ner": [[-3, 2, "Task"]]}),
        ("scirex", SCIREX_WHOLE, {"ner": [["0", "2", 3]]}),
        ("scirex", SCIREX_WHOLE, {"words": ["document", ":", "Stones"], "sentences": [[0, 3]], "ner": [], "coref": {}}),
        ("scirex", SCIREX_WHOLE, {"title_tokens": -4}),
        ("scirex", SCIREX_WHOLE, {"title_tokens": 40}),
        ("scitldr", SCITLDR, {"source": [" ", ""]}),
        ("scitldr", SCITLDR, {"target": []}),
        ("scitldr", SCITLDR, {"paper_id": None}),
    ],
)
def test_values_that_cannot_be_are_refused(write: Write, suite: str, text: str, change: dict[str, object]) -> None:
    """Wrong types, places outside of the text and unknown kinds are input errors with the line."""
    with pytest.raises(InputError) as error:
        _read(suite, write("data", "\n" + json.dumps(json.loads(text) | change)))
    assert error.value.line == 2


@pytest.mark.parametrize(
    ("suite", "line", "text"),
    [
        ("scierc", 1, "Stones NN O O\n"),
        ("scierc", 1, "-DOCSTART- NN O O\n\n"),
        ("scierc", 3, "-DOCSTART- NN O O\n\nStones NN O I-Animal\n"),
        ("scierc", 3, "-DOCSTART- NN O O\n\nStones NN O X-Task\n"),
        ("scierc", 3, "-DOCSTART- NN O O\n\nStones NN O I-\n"),
        ("scierc", 4, "-DOCSTART- NN O O\n\nStones NN O O\nsink O\n"),
        ("tdmsci", 1, "Stones\t0\tB-METHOD\n"),
        ("tdmsci", 2, "Stones\t0\tO\nsink\t-3\tO\n"),
        ("tdmsci", 2, f"Stones\t0\tO\nsink\t{'9' * 5000}\tO\n"),
        ("tdmsci", 2, "Stones\t0\tO\nsink\t\u0665\tO\n"),
        ("tdmsci", 2, "Stones\t0\tO\n \t7\tO\n"),
    ],
)
def test_columns_that_cannot_be_are_refused(write: Write, suite: str, line: int, text: str) -> None:
    """Tokens without their columns, unknown marks and places that are no numbers are input errors with the line."""
    with pytest.raises(InputError) as error:
        _read(suite, write("data", text))
    assert error.value.line == line
