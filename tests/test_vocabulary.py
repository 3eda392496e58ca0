"""The user's own vocabulary file."""

import tomllib
from pathlib import Path

import pytest

from summarizer.errors import SettingsError
from summarizer.vocabulary import TagVocabulary, load_tag_vocabulary
from summarizer.vocabulary_changes import accepted, ignored

_TEXT = """\
# Mine. Do not sort.
ignored = ["deep learning"] # too wide

[methods]
"tidal basin network" = ["TBN"] # since 2021
"loam net" = []

[tasks]
"flood watch" = []
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A vocabulary file."""
    path = tmp_path / "tags.toml"
    path.write_text(_TEXT, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[method]\nx = []", "method: "),
        ("[methods]\nx = 'y'", "methods.x: "),
        ("[methods]\nx = [1]", "methods.x.0: "),
        ("[methods]\n' ' = []", "methods"),
        ("ignored = 'x'", "ignored: "),
        ("[methods\n", "is not valid TOML"),
        ("[methods]\n'x' = []\n'x' = []", "is not valid TOML"),
        ("[methods]\n'--' = []", "'--' holds no word"),
        ("[methods]\n'Loam Nets' = []\n'loam-net' = []", "'loam-net' is a name of 'Loam Nets' and of 'loam-net'"),
        ("[tasks]\n'a b' = ['c']\n'd' = ['C']", "'C' is a name of 'a b' and of 'd'"),
        ("[tasks]\n'a b' = ['c']\n[methods]\n'd' = ['C']", "'C' is a name of 'a b' and of 'd'"),
        ("ignored = ['Loam Nets']\n[tasks]\n'loam net' = []", "'Loam Nets' is ignored, and a name of 'loam net'"),
        ("ignored = ['--']", "'--' holds no word"),
        ('[tasks]\n"loam\\u001bnet" = []', "holds what cannot be printed"),
    ],
)
def test_a_file_that_holds_anything_else_is_refused(text: str, problem: str) -> None:
    """A mistyped table or two labels of one name would silently tag otherwise than was meant."""
    with pytest.raises(SettingsError) as caught:
        TagVocabulary(text, "tags.toml")
    assert str(caught.value).startswith("tags.toml: ")
    assert problem in str(caught.value)


def test_a_file_of_a_windows_editor_is_read(tmp_path: Path) -> None:
    """A byte order mark and other line ends are no part of it."""
    path = tmp_path / "tags.toml"
    path.write_bytes(b"\xef\xbb\xbf" + _TEXT.replace("\n", "\r\n").encode())
    assert load_tag_vocabulary(path).find("method", ("loam", "net")) == ("method", "loam net")


def test_one_name_may_be_a_task_and_a_method() -> None:
    """The facet that is asked for goes first."""
    vocabulary = TagVocabulary("[tasks]\n'Routing' = ['RTG']\n'Loam' = []\n[methods]\n'Routing' = ['path finding']")
    assert vocabulary.find("task", ("routing",)) == ("task", "Routing")
    assert vocabulary.find("method", vocabulary.aliases.words("RTGs")) == ("method", "Routing")
    assert vocabulary.find("method", ("loam",)) == ("task", "Loam")


@pytest.mark.parametrize(
    "text",
    [
        "[methods]\n'Adam optimizer' = ['Adam']",
        "[methods]\n'deep RL' = ['RL']",
        "[methods]\n'foo bar' = ['baz']\n'baz qux' = ['foo']",
    ],
)
def test_an_alias_may_be_a_word_of_a_label(text: str) -> None:
    """Of its own label, of another one, or both of each other: every label is found by all of its names."""
    vocabulary = TagVocabulary(text)
    for label, aliases in tomllib.loads(text)["methods"].items():
        for name in (label, *aliases):
            assert vocabulary.find("method", vocabulary.aliases.words(name)) == ("method", label)


def test_accepting_what_was_ignored_ends_that(file: Path) -> None:
    """Or the label would never be a tag."""
    text = accepted(file, "task", "Deep Learning")
    assert TagVocabulary(text).find("task", ("deep", "learning")) == ("task", "Deep Learning")
    assert not TagVocabulary(text).ignores(("deep", "learning"))


def test_a_label_is_not_ignored(file: Path) -> None:
    """What was accepted is taken out of its table by a person."""
    with pytest.raises(SettingsError, match="'loam nets' is ignored, and a name of 'loam net'"):
        ignored(file, "loam nets")


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    """Missing, or not text."""
    path = tmp_path / "tags.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"tags\.toml: (cannot be read|is not in UTF-8)"):
        load_tag_vocabulary(path)


def test_accepting_keeps_what_a_person_wrote(file: Path) -> None:
    """Comments, order and all other entries are as they were; the new label stands in its table."""
    text = accepted(file, "method", "marsh gate", ("MG", "gate of marsh"))
    for line in _TEXT.splitlines():
        assert line in text
    assert tomllib.loads(text) == tomllib.loads(_TEXT) | {
        "methods": {"tidal basin network": ["TBN"], "loam net": [], "marsh gate": ["MG", "gate of marsh"]}
    }


def test_accepting_a_label_that_is_there_adds_its_aliases(file: Path) -> None:
    """Twice the same changes nothing."""
    file.write_text(accepted(file, "method", "loam net", ("LN",)), encoding="utf-8")
    assert accepted(file, "method", "loam net", ("LN",)) == file.read_text(encoding="utf-8")
    assert tomllib.loads(file.read_text(encoding="utf-8"))["methods"]["loam net"] == ["LN"]


def test_accepting_makes_the_file_and_its_tables(tmp_path: Path) -> None:
    """The first label of all needs no preparation."""
    path = tmp_path / "new.toml"
    path.write_text(accepted(path, "task", "flood watch"), encoding="utf-8")
    path.write_text(ignored(path, "deep learning"), encoding="utf-8")
    path.write_text(accepted(path, "method", "loam net"), encoding="utf-8")
    assert tomllib.loads(path.read_text(encoding="utf-8")) == {
        "ignored": ["deep learning"],
        "tasks": {"flood watch": []},
        "methods": {"loam net": []},
    }


def test_a_name_of_another_label_is_not_accepted(file: Path) -> None:
    """The file would be refused by the next run."""
    with pytest.raises(SettingsError, match="'TBNs' is a name of 'tidal basin network' and of 'TBNs'"):
        accepted(file, "method", "TBNs")


def test_ignoring_adds_to_the_list(file: Path) -> None:
    """Once, however often it is said."""
    file.write_text(ignored(file, "neural network"), encoding="utf-8")
    file.write_text(ignored(file, "neural network"), encoding="utf-8")
    text = file.read_text(encoding="utf-8")
    assert tomllib.loads(text)["ignored"] == ["deep learning", "neural network"]
    assert "# too wide" in text
    assert load_tag_vocabulary(file).ignores(("neural", "network"))


def test_the_hash_is_of_what_the_file_says(file: Path) -> None:
    """Any other name makes another vocabulary; a copy, a comment and another order of the labels do not."""
    first = load_tag_vocabulary(file).sha256
    assert TagVocabulary(_TEXT).sha256 == first
    assert TagVocabulary(_TEXT + "# the end\n").sha256 == first
    assert TagVocabulary(_TEXT + '"marsh gate" = []\n').sha256 != first
