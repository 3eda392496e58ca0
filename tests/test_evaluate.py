"""`summarizer eval` as a command: what it leaves when papers fail, data are refused, or it is stopped."""

import json
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evals.runs import RunFolder
from summarizer import read_records
from summarizer.cli import main
from tests.eval_papers import answer, lines, write_lines


def test_failed_papers_are_asked_again_by_the_command_that_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run with failures prints a `retry` with its settings, after which the same evaluation counts what came."""
    papers = lines(4)
    data, script = write_lines(tmp_path / "invented.jsonl", papers), tmp_path / "script.jsonl"
    script.write_text(json.dumps({"id": papers[0]["paper_id"], "text": "No."}), "utf-8")
    better = tmp_path / "better.jsonl"
    better.write_text(json.dumps({"id": papers[0]["paper_id"], "text": answer(papers[0], "It hums.")}), "utf-8")
    run = RunFolder(tmp_path / "run", "scitldr")
    command = ["eval", "scitldr", "--data", str(data), "-o", str(tmp_path / "run"), "--backend", "scripted"]
    command += ["--script", str(script), "--cache-dir", str(tmp_path / "cache")]
    assert main(command) == 1
    told = capsys.readouterr().err
    assert "scitldr: papers have no answer; after a retry, the same command measures anew" in told
    assert _faults(run) == 25.0
    retry = re.search(r"`(summarizer retry .*?)`", told)
    assert retry is not None
    assert main([*shlex.split(retry.group(1))[1:], "--script", str(better)]) == 0
    assert main(command) == 0
    assert [record.status for record in read_records(run.records)].count("failed") == 0
    assert _faults(run) == 0.0


def _faults(run: RunFolder) -> float | None:
    return next(row for row in run.read_table().rows if row.system == "model").cells["faults"].value


def test_refused_data_leave_no_folder(tmp_path: Path) -> None:
    """Nothing is made of a run whose papers cannot be read."""
    data = tmp_path / "gold.jsonl"
    data.write_text('{"id": "a", "title": "", "abstract": "It hums.", "taks": []}\n', "utf-8")
    assert main(["eval", "gold", "--data", str(data), "-o", str(tmp_path / "run"), "--backend", "scripted"]) == 2
    assert not (tmp_path / "run").exists()


def test_a_stop_is_heard_while_papers_are_scored(tmp_path: Path) -> None:
    """The run ends with 130 and half a file of samples is not left behind."""
    run = RunFolder(tmp_path / "run", "scitldr")
    data = write_lines(tmp_path / "invented.jsonl", lines(1_000))
    command = [sys.executable, "-m", "summarizer", "eval", "scitldr", "--data", str(data), "-o", str(tmp_path / "run")]
    command += ["--backend", "scripted", "--no-cache", "--quiet"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not list(run.path.glob(".samples.jsonl.*")):
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert "interrupted" in process.communicate()[1]
    assert process.returncode == 130
    assert [path.name for path in run.path.iterdir()] == ["records.jsonl"]
