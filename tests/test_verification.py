"""What was changed since a record was made is found, without a model."""

import json
import string
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from summarizer import Summarizer
from summarizer.cli import main
from summarizer.prompting import load_vocabulary
from summarizer.records import Paper, Record, Source, Unreadable
from summarizer.settings import Settings
from summarizer.verification import Mismatch, Rules, verify_record, verify_run

_ABSTRACT = (
    "We present BrookNet\u20112, a net\u00adwork that guesses the depth of streams \u2013 from sound alone. On the "
    "PebbleBed data set it reaches 81.40\\% accuracy (F1: 0.77), compared with 76.9% for a linear model, and is "
    "two-fold faster; see https://example.org/brook. No stream was harmed in 10\u00b2 tests. It loses \u22123.5 points."
)
_ANSWER: dict[str, Any] = {
    "tldr": "BrookNet-2 reaches 81.4% accuracy on PebbleBed.",
    "contribution": "method",
    "field": "machine learning",
    "modalities": ["audio"],
    "tasks": ["depth of streams"],
    "methods": [{"name": "BrookNet-2", "role": "proposed"}, {"name": "GhostNet", "role": "compared"}],
    "datasets": ["PebbleBed"],
    "metrics": ["accuracy", "F1"],
    "results": [
        {
            "evidence": "it reaches 81.40% accuracy (F1: 0.77), compared with 76.9% for a linear model",
            "value": "81.4",
            "unit": "%",
            "metric": "accuracy",
            "dataset": "PebbleBed",
            "method": "BrookNet-2",
            "baseline_value": "76.9",
            "kind": "absolute",
        },
        {
            "evidence": "It loses -3.5 points",
            "value": "-3.5",
            "unit": "points",
            "metric": None,
            "dataset": "SiltSet",
            "method": None,
            "baseline_value": None,
            "kind": "change",
        },
    ],
}
_PAPER = Paper(id="p1", title="BrookNet: Hearing Streams", abstract=_ABSTRACT, source=Source(name="f", line=1))
_RULES = Rules(load_vocabulary())


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """A record with exact, folded and absent evidence, flags and warnings."""
    folder = tmp_path_factory.mktemp("script")
    script = folder / "script.jsonl"
    script.write_text(json.dumps({"id": "*", "text": _ANSWER}), encoding="utf-8")
    settings = Settings(backend="scripted", script=script, cache=False, cache_dir=folder)
    (made,) = Summarizer(settings).run([_PAPER])
    return made


def _mismatches(record: Record, paper: Paper = _PAPER) -> list[Mismatch]:
    return list(verify_run([record], [paper], _RULES))


def test_a_record_as_it_was_made_holds(record: Record) -> None:
    """Nothing is reported of what the pipeline makes, whatever it found, folded, missed or flagged."""
    matches = [record.methods[0].evidence.match, record.methods[1].evidence.match, record.datasets[0].evidence.match]
    assert matches == ["folded", "absent", "exact"]
    assert record.results[1].flags == ("dataset_absent",)
    assert [warning.evidence.quote for warning in record.warnings if warning.evidence] == ["0.77", "two-fold"]
    assert _mismatches(record) == []


def _other(character: str) -> str:
    """Another character of the same class, that does not look like it to a reader."""
    for characters in (string.digits, string.ascii_uppercase, string.ascii_lowercase):
        if character in characters:
            return characters[(characters.index(character) + 1) % len(characters)]
    return "x" if character.isspace() or character.isalpha() else "%" if character != "%" else ","


def _flips(text: str) -> Iterator[str]:
    for place, character in enumerate(text):
        yield text[:place] + _other(character) + text[place + 1 :]
        if character not in "\u00ad ":
            yield text[:place] + text[place + 1 :]
        yield text[:place] + "7" + text[place:]


def _changed(record: Record, path: tuple[str | int, ...], value: object) -> Record:
    document = record.model_dump()
    part: Any = document
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    return Record.model_validate(document)


_TEXTS: list[tuple[str | int, ...]] = [
    ("abstract",),
    ("title",),
    ("provenance", "abstract_sha256"),
    ("tags", 2, "mention"),
    ("tags", 2, "evidence", "quote"),
    ("methods", 0, "name"),
    ("methods", 0, "evidence", "quote"),
    ("methods", 1, "name"),
    ("datasets", 0, "name"),
    ("datasets", 0, "evidence", "quote"),
    ("metrics", 1, "name"),
    ("results", 0, "evidence", "quote"),
    ("results", 0, "value"),
    ("results", 0, "value_evidence", "quote"),
    ("results", 0, "metric"),
    ("results", 0, "dataset"),
    ("results", 0, "method"),
    ("results", 0, "baseline_value"),
    ("results", 1, "evidence", "quote"),
    ("results", 1, "value"),
    ("links", 0, "url"),
    ("warnings", 0, "evidence", "quote"),
]


@pytest.mark.parametrize("path", _TEXTS, ids=lambda path: ".".join(map(str, path)))
def test_one_changed_character_is_found(record: Record, path: tuple[str | int, ...]) -> None:
    """Whatever character of an abstract, a quote, a name or a value is changed, taken away or put in."""
    text: Any = record.model_dump()
    for step in path:
        text = text[step]
    unnoticed = [flipped for flipped in _flips(text) if not _mismatches(_changed(record, path, flipped))]
    assert unnoticed == []


@pytest.mark.parametrize("change", [1, -1])
@pytest.mark.parametrize(
    "path",
    [
        *[("tags", 2, "evidence", side) for side in ("start", "end")],
        *[("methods", 0, "evidence", side) for side in ("start", "end")],
        *[("datasets", 0, "evidence", side) for side in ("start", "end")],
        *[("results", 0, "evidence", side) for side in ("start", "end")],
        *[("results", 1, "value_evidence", side) for side in ("start", "end")],
        ("results", 0, "number"),
        ("warnings", 0, "evidence", "start"),
    ],
    ids=lambda path: ".".join(map(str, path)) if isinstance(path, tuple) else str(path),
)
def test_a_number_that_is_off_by_one_is_found(record: Record, path: tuple[str | int, ...], change: int) -> None:
    """Places and parsed numbers are derived again."""
    value: Any = record.model_dump()
    for step in path:
        value = value[step]
    assert _mismatches(_changed(record, path, value + change))


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        (("tldr", "text"), "BrookNet-2 reaches 81.5% accuracy on PebbleBed.", "tldr.unsupported"),
        (("tldr", "text"), "BrookNet-3 reaches 81.4% accuracy on PebbleBed.", "tldr.unsupported"),
        (("tldr", "unsupported"), ("81.4%",), "tldr.unsupported"),
        (("tldr", "origin"), "abstract", "tldr.evidence"),
        (("methods", 0, "evidence", "match"), "exact", "methods.0.evidence"),
        (("methods", 1, "evidence", "match"), "exact", "methods.1.evidence"),
        (("datasets", 0, "evidence", "match"), "absent", "datasets.0.evidence"),
        (("datasets", 0, "evidence", "match"), "folded", "datasets.0.evidence"),
        (("datasets", 0, "evidence", "where"), "title", "datasets.0.evidence"),
        (("datasets", 0, "evidence", "start"), None, "datasets.0.evidence"),
        (("tags", 0, "label"), "astrology", "tags.0.label"),
        (("tags", 2, "mention"), None, "tags.2"),
        (("results", 1, "flags"), (), "results.1.flags"),
        (("results", 0, "unit"), "points", "results.0.flags"),
        (("warnings",), (), "warnings"),
        (("links",), (), "links"),
        (("status",), "ok", "status"),
        (("status",), "failed", "status"),
        (("failure",), {"kind": "refused", "message": "no"}, "status"),
    ],
)
def test_what_does_not_follow_from_the_paper_is_found(
    record: Record, path: tuple[str | int, ...], value: object, place: str
) -> None:
    """Marks that were taken away, labels that are none, and a status that hides something are named by their place."""
    assert place in [mismatch.place for mismatch in _mismatches(_changed(record, path, value))]


def test_a_sentence_of_the_abstract_has_to_be_one(record: Record) -> None:
    """A summary that is said to be the abstract's own is looked up."""
    sentence = _ABSTRACT[_ABSTRACT.index("No stream") : _ABSTRACT.index(" It loses")]
    start = _ABSTRACT.index(sentence)
    evidence = {"quote": sentence, "start": start, "end": start + len(sentence), "match": "exact"}
    honest = _changed(record, ("tldr",), {"text": sentence, "origin": "abstract", "evidence": evidence})
    assert _mismatches(honest) == []
    moved = _changed(honest, ("tldr", "evidence", "start"), start + 1)
    assert [mismatch.place for mismatch in _mismatches(moved)] == ["tldr.evidence"]


def test_lost_doubled_and_foreign_records_are_named(record: Record) -> None:
    """There is one record for each input, in order; what is missing is named, and what follows is still checked."""
    papers: list[Paper | Unreadable] = [
        _PAPER.model_copy(update={"id": f"p{number}", "source": Source(name="f", line=number)})
        for number in range(1, 5)
    ]
    records = [record.model_copy(update={"id": paper.id, "source": paper.source}) for paper in papers]
    assert list(verify_run(records, papers, _RULES)) == []
    lost = list(verify_run([records[0], records[3]], papers, _RULES))
    assert [(mismatch.id, mismatch.problem) for mismatch in lost] == [
        ("p2", "there is none for f, line 2"),
        ("p3", "there is none for f, line 3"),
    ]
    assert [mismatch.id for mismatch in verify_run(records[:3], papers, _RULES)] == ["p4"]
    doubled = list(verify_run([records[0], *records], papers, _RULES))
    assert [(mismatch.id, mismatch.problem) for mismatch in doubled] == [
        ("p1", "the inputs have no such paper at this place")
    ]


@pytest.fixture
def made(write: Callable[[str, str], Path], tmp_path: Path) -> tuple[Path, Path]:
    """Papers with a broken one, and the records of a run over them."""
    lines = [
        json.dumps({"id": "a", "title": "T", "abstract": "We count 12 sheep."}),
        '{"id": broken',
        json.dumps({"id": "c", "title": "Empty", "abstract": ""}),
    ]
    papers, out = write("papers.jsonl", "\n".join(lines) + "\n"), tmp_path / "out.jsonl"
    main(["run", str(papers), "-o", str(out), "--backend", "scripted", "--no-cache", "--quiet"])
    return papers, out


def test_the_command_tells_each_mismatch_in_a_line(
    made: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 0 while all holds, however the inputs are named; else 1, with the record and the place."""
    papers, out = made
    assert main(["verify", str(out), "--papers", str(papers)]) == 0
    assert "3 records checked: no mismatches" in capsys.readouterr().err
    monkeypatch.chdir(papers.parent)
    assert main(["verify", str(out), "--papers", papers.name]) == 0
    out.write_text(out.read_text(encoding="utf-8").replace("12 sheep", "13 sheep", 1), encoding="utf-8")
    capsys.readouterr()
    assert main(["verify", str(out)]) == 1
    told = capsys.readouterr()
    assert told.out.startswith(f"{out}: 'a': provenance.abstract_sha256: is not the hash of the abstract\n")
    out.write_text(out.read_text(encoding="utf-8") + '{"schema_version": "1.0"}\n{}\n', encoding="utf-8")
    assert main(["verify", str(out)]) == 1
    assert f"{out}, line 4: not a record of this version" in capsys.readouterr().out


def test_nothing_to_verify_is_an_error(write: Callable[[str, str], Path]) -> None:
    """An empty file has not been checked."""
    assert main(["verify", str(write("empty.jsonl", ""))]) == 2


def test_a_record_alone_is_checked_against_what_it_holds(record: Record) -> None:
    """Without the papers the record's own abstract counts, which its hash protects."""
    assert list(verify_record(record, _RULES)) == []
    assert list(verify_record(_changed(record, ("abstract",), "We count sheep."), _RULES))


def test_an_answer_without_provenance_is_told(record: Record) -> None:
    """Nobody can say what its tags were made by."""
    bare = record.model_copy(update={"provenance": None})
    assert [mismatch.place for mismatch in verify_record(bare, _RULES)] == ["provenance"]
