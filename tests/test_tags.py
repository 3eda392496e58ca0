"""Tags from the command line: proposals, and what becomes of them."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from summarizer import read_records
from summarizer.cli import main
from summarizer.records import Evidence, Record
from tests.chat_server import ChatServer, answer

Write = Callable[[str, str], Path]

_ABSTRACTS = {
    "p1": "We train tidal basin networks (TBNs) for flood watch. They are deep learning.",
    "p2": "A TBN with a loam net does flood watches.",
    "p3": "Loam Nets are read by an LLM.",
}
_METHODS = {"p1": ["tidal basin networks", "deep learning"], "p2": ["TBN", "loam net"], "p3": ["Loam Nets", "LLM"]}
_TASKS = {"p1": ["flood watch"], "p2": ["flood watches"], "p3": []}


def _answer(paper: str) -> str:
    return json.dumps(
        {
            "tldr": _ABSTRACTS[paper].split(".")[0] + ".",
            "contribution": "method",
            "field": "machine learning",
            "modalities": [],
            "tasks": _TASKS[paper],
            "methods": [{"name": name, "role": "used"} for name in _METHODS[paper]],
            "datasets": [],
            "metrics": [],
            "results": [],
        }
    )


class _Folder:
    """Papers, a server that answers, a cache, and the commands over them."""

    def __init__(self, tmp_path: Path, write: Write, server: ChatServer) -> None:
        papers = [{"id": name, "title": f"Paper {name}", "abstract": text} for name, text in _ABSTRACTS.items()]
        self.papers = write("papers.jsonl", "".join(json.dumps(paper) + "\n" for paper in papers))
        self.server = server
        self.out, self.vocabulary, self.cache = tmp_path / "out.jsonl", tmp_path / "tags.toml", tmp_path / "cache"

    def run(self, *more: str) -> int:
        backend = [
            "--backend",
            "hosted",
            "--model",
            "m",
            "--structured-mode",
            "strict",
            "--base-url",
            self.server.url,
            "--cache-dir",
            str(self.cache),
        ]
        return main(["run", str(self.papers), "-o", str(self.out), "--quiet", *backend, *more])

    def tags(self, *arguments: str) -> int:
        return main(["tags", *arguments])

    def records(self) -> list[Record]:
        return list(read_records(self.out))

    def labels(self) -> list[list[str]]:
        return [[tag.label for tag in record.tags if tag.mention] for record in self.records()]

    def proposed(self, capsys: pytest.CaptureFixture[str], *more: str) -> list[dict[str, Any]]:
        capsys.readouterr()
        assert self.tags("proposed", str(self.out), "--json", *more) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture
def folder(tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Folder]:
    """Three papers, and a server that knows them."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-invented-4711")
    with ChatServer(lambda prompt, _: answer(_answer(next(p for p in _ABSTRACTS if f"Paper {p}" in prompt)))) as server:
        yield _Folder(tmp_path, write, server)


def test_one_label_across_a_batch(folder: _Folder) -> None:
    """An acronym that one paper defines, plurals and capitals, an acronym that all know: one label for each thing."""
    assert folder.run() == 0
    assert folder.labels() == [
        ["flood watch", "tidal basin network", "deep learning"],
        ["flood watch", "tidal basin network", "loam net"],
        ["loam net", "large language model"],
    ]
    assert [record.proposed_tags for record in folder.records()] == [(), (), ()]


def test_without_a_vocabulary_everything_is_there_to_choose_from(
    folder: _Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    """The most frequent labels first, with the words they were made from and where those stand."""
    folder.run()
    found = folder.proposed(capsys)
    assert [(entry["count"], entry["facet"], entry["label"]) for entry in found] == [
        (2, "method", "loam net"),
        (2, "method", "tidal basin network"),
        (2, "task", "flood watch"),
        (1, "method", "deep learning"),
        (1, "method", "large language model"),
    ]
    assert found[0]["examples"] == [{"mention": "loam net", "id": "p2"}, {"mention": "Loam Nets", "id": "p3"}]
    assert folder.tags("proposed", str(folder.out)) == 0
    assert "    2 method loam net <- loam net (p2); Loam Nets (p3)" in capsys.readouterr().out.splitlines()


def test_an_accepted_label_tags_anew_without_a_model(folder: _Folder, capsys: pytest.CaptureFixture[str]) -> None:
    """What the vocabulary does not have is proposed; accepted or ignored, it is tagged or gone, and nobody is asked."""
    vocabulary = ["--vocabulary", str(folder.vocabulary)]
    assert folder.tags("accept", "Flood Watch", "--facet", "task", *vocabulary) == 0
    assert folder.run(*vocabulary) == 0
    assert folder.labels() == [["Flood Watch"], ["Flood Watch"], []]
    assert {entry["label"] for entry in folder.proposed(capsys, *vocabulary)} == {
        "deep learning",
        "large language model",
        "loam net",
        "tidal basin network",
    }

    assert folder.tags("accept", "TBN", "--facet", "method", "--alias", "basin net", *vocabulary) == 0
    assert folder.tags("ignore", "deep learning", *vocabulary) == 0
    assert folder.run("--overwrite", *vocabulary) == 0
    assert folder.labels() == [["Flood Watch", "TBN"], ["Flood Watch", "TBN"], []]
    assert len(folder.server.bodies) == 3
    assert [[tag.label for tag in record.proposed_tags] for record in folder.records()] == [
        [],
        ["loam net"],
        ["loam net", "large language model"],
    ]


def test_proposals_follow_the_vocabulary_before_the_next_run(
    folder: _Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was accepted since the records were made is no proposal any more."""
    vocabulary = ["--vocabulary", str(folder.vocabulary)]
    folder.tags("accept", "Flood Watch", "--facet", "task", *vocabulary)
    folder.run(*vocabulary)
    folder.tags("accept", "loam net", "--facet", "method", *vocabulary)
    assert "loam net" not in {entry["label"] for entry in folder.proposed(capsys, *vocabulary)}
    assert "loam net" in {entry["label"] for entry in folder.proposed(capsys)}


def test_a_run_does_not_go_on_after_records_of_another_vocabulary(
    folder: _Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    """One file never holds two vocabularies, and nothing of it is lost."""
    folder.run()
    before = folder.out.read_bytes()
    folder.tags("accept", "loam net", "--facet", "method", "--vocabulary", str(folder.vocabulary))
    assert folder.run("--vocabulary", str(folder.vocabulary)) == 2
    assert "tagged with another vocabulary" in capsys.readouterr().err
    assert folder.out.read_bytes() == before


@pytest.mark.parametrize("arguments", [["accept", "x", "--facet", "task"], ["ignore", "x"]])
def test_there_has_to_be_a_file_to_change(
    folder: _Folder, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """Without `--vocabulary` nothing is guessed."""
    assert folder.tags(*arguments) == 2
    assert "--vocabulary" in capsys.readouterr().err


def test_a_broken_vocabulary_stops_the_run_before_anything_is_written(
    folder: _Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message names the file."""
    folder.vocabulary.write_text("[method]\n", encoding="utf-8")
    assert folder.run("--vocabulary", str(folder.vocabulary)) == 2
    assert "tags.toml: method:" in capsys.readouterr().err
    assert not folder.out.exists()


def test_verify_reads_standard_input(folder: _Folder) -> None:
    """The acronyms of the batch are known there as well."""
    folder.run()
    command = [sys.executable, "-m", "summarizer", "verify", "-"]
    with folder.out.open("rb") as records:
        done = subprocess.run(command, stdin=records, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    assert "3 records checked: no mismatches" in done.stderr


def test_verify_knows_that_a_batch_may_have_been_larger(folder: _Folder, capsys: pytest.CaptureFixture[str]) -> None:
    """A part of the records holds labels that only the rest explains; they have to be spelled by the mention."""
    folder.run()
    lines = folder.out.read_text(encoding="utf-8").splitlines(keepends=True)
    folder.out.write_text("".join(lines[1:]), encoding="utf-8")
    assert main(["verify", str(folder.out)]) == 0
    folder.out.write_text(lines[1].replace("tidal basin network", "wide river network"), encoding="utf-8")
    assert main(["verify", str(folder.out)]) == 1
    assert "'p2': tags.2.label: is not one of" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"label": "tidal pool"}, "tags.2.label: is not one of"),
        ({"evidence": Evidence(quote="tidal basin networks", match="absent")}, "is made from words that are not"),
        ({"mention": "flood watch"}, "tags.2: is a method, and no method of the record has this name"),
        ({}, "tags.4: stands there twice"),
    ],
)
def test_verify_finds_a_tag_that_was_changed_or_added(
    folder: _Folder, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], problem: str
) -> None:
    """Of another label, of words that the paper does not have, of no method of the record, or a second time."""
    folder.run()
    first, *others = folder.records()
    changed = first.tags[2].model_copy(update=changes)
    tags = (*first.tags[:2], changed, *first.tags[3:]) if changes else (*first.tags, changed)
    lines = [record.model_dump_json() + "\n" for record in (first.model_copy(update={"tags": tags}), *others)]
    folder.out.write_text("".join(lines), encoding="utf-8")
    assert main(["verify", str(folder.out)]) == 1
    assert problem in capsys.readouterr().out


def test_nothing_in_a_record_forges_a_proposal(folder: _Folder, capsys: pytest.CaptureFixture[str]) -> None:
    """A line break in a mention begins no line."""
    folder.run()
    first, *_ = folder.records()
    tag = first.tags[-1].model_copy(update={"mention": "x\n    9 task FORGED <- y (z)"})
    folder.out.write_text(first.model_copy(update={"tags": (tag,)}).model_dump_json() + "\n", encoding="utf-8")
    capsys.readouterr()
    assert folder.tags("proposed", str(folder.out)) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_verify_finds_a_tag_that_was_taken_away(folder: _Folder, capsys: pytest.CaptureFixture[str]) -> None:
    """Every method that the paper has makes a tag."""
    folder.run()
    first, *others = folder.records()
    changed = first.model_copy(update={"tags": first.tags[:-1]})
    lines = [record.model_dump_json() + "\n" for record in (changed, *others)]
    folder.out.write_text("".join(lines), encoding="utf-8")
    assert main(["verify", str(folder.out)]) == 1
    assert "'p1': methods.1: has no tag" in capsys.readouterr().out


def test_verify_makes_the_labels_again(folder: _Folder, capsys: pytest.CaptureFixture[str]) -> None:
    """With the vocabulary all is well; without it, or with a changed label, it is told."""
    vocabulary = ["--vocabulary", str(folder.vocabulary)]
    folder.tags("accept", "Flood Watch", "--facet", "task", *vocabulary)
    folder.run(*vocabulary)
    assert main(["verify", str(folder.out), "--papers", str(folder.papers), *vocabulary]) == 0
    assert main(["verify", str(folder.out), *vocabulary]) == 0
    capsys.readouterr()
    assert main(["verify", str(folder.out)]) == 1
    assert "'p1': provenance.vocabulary_sha256: is not that of the vocabulary" in capsys.readouterr().out
    text = folder.out.read_text(encoding="utf-8")
    for old, new, place in (
        ('"label":"Flood Watch"', '"label":"Flood watch"', "tags.1.label: is not one of ['Flood Watch']"),
        ('"label":"loam net"', '"label":"loam nets"', "proposed_tags.1.label: is not one of ['loam net']"),
    ):
        folder.out.write_text(text.replace(old, new, 1), encoding="utf-8")
        assert main(["verify", str(folder.out), *vocabulary]) == 1
        assert place in capsys.readouterr().out
