"""`summarizer eval counterfactual`: pairs go through a model, and its records are compared."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from evals.counterfactuals.pairs import Pair
from evals.counterfactuals.text import Counterfactual
from summarizer import Paper, read_records
from summarizer.cli import main

_METHODS = ("DriftNet", "LoamBERT", "MireGAN", "FENCE-2", "AlderFormer", "TarnRank-3")
_DATASETS = ("PebbleBed", "QuayWall", "MossBank", "DuneSet", "CairnQA", "FogBook-2")

_EMPTY = {name: () for name in ("modalities", "tasks", "methods", "datasets", "metrics", "results")}  # noqa: C420


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Six papers whose first sentence holds all that can be changed."""
    path = tmp_path / "train.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number, (method, dataset) in enumerate(zip(_METHODS, _DATASETS, strict=True)):
            score = f"{71 + number}.4% accuracy"
            first = f"We present {method}, which outperforms gauges on the {dataset} data set with {score}"
            row = {
                "paper_id": f"paper-{number}",
                "title": "Efficient Pre-training for Streams",
                "source": [f"{first}.", "The code is free."],
                "target": ["A network for streams."],
            }
            file.write(json.dumps(row) + "\n")
    return path


def _run(data: Path, output: Path, *more: str) -> int:
    arguments = ["eval", "counterfactual", "--data", str(data), "-o", str(output), "--quiet", "--backend", "scripted"]
    return main([*arguments, *more])


def _found(output: Path) -> Counterfactual:
    return Counterfactual.model_validate_json((output / "counterfactual.json").read_bytes())


def _papers(output: Path) -> Iterator[tuple[Paper, Paper]]:
    for line in (output / "pairs.jsonl").read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        yield Paper.model_validate(one["original"]), Paper.model_validate(one["changed"])


def test_a_reader_follows_every_change_and_no_form(data: Path, tmp_path: Path) -> None:
    """Who repeats the first sentence says what is changed there, and says the same whatever the text looks like."""
    assert _run(data, tmp_path / "out") == 0
    found = _found(tmp_path / "out")
    assert [(row.kind, row.following.value, row.outcomes["followed"]) for row in found.following] == [
        (kind, 100.0, 6) for kind in ("number", "dataset", "method", "negation")
    ]
    everything = found.stability[-1]
    assert (everything.style, everything.papers, everything.same.value) == ("all", 6, 100.0)


def test_a_memory_follows_nothing(data: Path, tmp_path: Path) -> None:
    """Who knows the original by heart says it whatever is written, in the summary and in the lists."""
    assert _run(data, tmp_path / "pairs") == 0
    script = tmp_path / "script.jsonl"
    with script.open("w", encoding="utf-8") as file:
        for original, changed in _papers(tmp_path / "pairs"):
            text = original.abstract.split(". ")[0] + "."
            answer = {"tldr": text, "contribution": "study", "field": "other", **_EMPTY}
            for known in (original.id, changed.id):
                file.write(json.dumps({"id": known, "text": answer}) + "\n")
    assert _run(data, tmp_path / "out", "--script", str(script)) == 0
    rows = _found(tmp_path / "out").following
    assert [(row.following.value, row.outcomes["kept"]) for row in rows] == [(0.0, 6)] * 4
    # No sentence of the abstract stands in for what the model says.
    records = list(read_records(tmp_path / "out" / "records.jsonl"))
    assert {record.tldr.origin for record in records if record.tldr} == {"model"}


def test_a_run_goes_on_where_it_was_stopped(data: Path, tmp_path: Path) -> None:
    """Records that are there are kept, and the end is the same."""
    assert _run(data, tmp_path / "whole") == 0
    assert _run(data, tmp_path / "stopped") == 0
    records = tmp_path / "stopped" / "records.jsonl"
    lines = records.read_bytes().splitlines(keepends=True)
    records.write_bytes(b"".join(lines[:7]) + lines[7][:40])
    assert _run(data, tmp_path / "stopped") == 0
    assert records.read_bytes().splitlines(keepends=True)[:7] == lines[:7]
    for name in ("outcomes.jsonl", "counterfactual.json", "counterfactual.md", "pairs.jsonl"):
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_other_pairs_need_another_folder(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Another draw does not go on in the folder of the first, and leaves it as it is."""
    assert _run(data, tmp_path / "out") == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert _run(data, tmp_path / "out", "--draw", "1") == 2
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert "choose another folder with -o" in capsys.readouterr().err


def test_papers_without_an_answer_are_told(data: Path, tmp_path: Path) -> None:
    """Exit code 1, and a column of their own."""
    script = tmp_path / "script.jsonl"
    script.write_text('{"id": "paper-0", "text": "no JSON"}\n', encoding="utf-8")
    assert _run(data, tmp_path / "out", "--script", str(script)) == 1
    assert [row.outcomes["failed"] for row in _found(tmp_path / "out").following] == [1, 1, 1, 1]


def test_abstracts_in_which_nothing_can_be_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing to ask, and the message says so."""
    row = {"paper_id": "a", "title": "Streams", "source": ["Streams are deep."], "target": ["Deep."]}
    (tmp_path / "train.jsonl").write_text(json.dumps(row), encoding="utf-8")
    assert _run(tmp_path / "train.jsonl", tmp_path / "out") == 2
    assert "has no abstract in which a number, a name or a negation can be changed" in capsys.readouterr().err


def test_embedded_model_reads_two_pairs(data: Path, tmp_path: Path) -> None:
    """The real model answers both texts of a pair; what it makes of them is in the table."""
    two = tmp_path / "two.jsonl"
    two.write_text("".join(data.read_text(encoding="utf-8").splitlines(keepends=True)[:1]), encoding="utf-8")
    command = [sys.executable, "-m", "summarizer", "eval", "counterfactual", "--data", str(two), "--pairs", "1"]
    # One thread: two that wait for one another on a busy machine take many times as long.
    done = subprocess.run(
        [*command, "--max-tokens", "256", "-o", str(tmp_path / "out"), "--quiet"],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    lines = (tmp_path / "out" / "pairs.jsonl").read_text(encoding="utf-8").splitlines()
    pairs = [Pair.model_validate_json(line) for line in lines if '"change"' in line]
    assert [pair.change.kind for pair in pairs] == ["number", "negation"]
    found = _found(tmp_path / "out")
    assert [(row.kind, row.pairs) for row in found.following] == [("number", 1), ("negation", 1)]
    assert found.made.backend == "local"
