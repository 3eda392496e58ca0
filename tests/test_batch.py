"""Runs by way of a Batch API: real processes against the server of `llm_server`, with its bill."""

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from summarizer import Record, read_records
from summarizer.backends.batch_lines import LONGEST_LINE, custom_id, read_lines
from summarizer.batches import FOLDER, MOST_TRIES, BatchedBackend, FileLimits, Pace
from summarizer.completion import Json
from summarizer.errors import BudgetError, CacheError, EndpointError, SettingsError
from summarizer.pipeline import Summarizer
from summarizer.settings import Settings
from tests.llm_model import Mark
from tests.llm_server import Served, serving

_ROOT = Path(__file__).parent.parent
KEY = "sk-invented-0815"
QUICK = Pace(first=0.02, longest=0.2, settled=0.2, full=0.2)


def _paper(number: int) -> Json:
    return {"id": f"p{number}", "title": f"Stream {number}", "abstract": f"Stream {number} is deep. More follows."}


def _write(folder: Path, numbers: Iterable[int], name: str = "papers.jsonl") -> None:
    (folder / name).write_text("".join(json.dumps(_paper(number)) + "\n" for number in numbers), encoding="utf-8")


def _command(server: Served, *more: str, command: str = "run") -> list[str]:
    files = ["papers.jsonl", "-o", "out.jsonl"] if command == "run" else ["out.jsonl"]
    flags = ["--backend", "hosted", "--model", "model", "--base-url", server.url, "--structured-mode", "strict"]
    return [sys.executable, "-m", "summarizer", command, *files, *flags, "--cache-dir", "cache", *more]


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(_ROOT), "OPENAI_API_KEY": KEY}


def _start(folder: Path, command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, cwd=folder, env=_environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def _run(folder: Path, command: list[str]) -> tuple[int, str]:
    with _start(folder, command) as process:
        said, _ = process.communicate(timeout=120)
    return process.returncode, said


def _records(folder: Path, name: str = "out.jsonl") -> list[Record]:
    return list(read_records(folder / name))


def _billed(server: Served) -> Counter[str]:
    return Counter(server.stats()["billed"])


def _sentences(numbers: Iterable[int]) -> set[str]:
    return {f"Stream {number} is deep." for number in numbers}


@pytest.mark.parametrize(
    "mark",
    [
        "upload_begun",
        "upload_done",
        "create_begun",
        "create_done",
        "poll",
        "completed",
        "content_begun",
        "content_half",
        "content_done",
        "errors_begun",
    ],
)
def test_a_run_that_is_killed_anywhere_pays_each_abstract_once(tmp_path: Path, mark: Mark) -> None:
    """Killed with -9 at a marked point, the same command goes on: no abstract is lost, and none is billed twice."""
    _write(tmp_path, range(24))
    with serving(batch_ends=["partly", "completed"], batch_seconds=0.2, stall=[mark]) as server:
        command = _command(server, "--batch")
        with _start(tmp_path, command) as process:
            server.wait_for(mark)
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        code, said = _run(tmp_path, command)
        bill = _billed(server)
    records = _records(tmp_path)
    rejected = [record.id for record in records if record.status == "failed"]
    assert code == (1 if rejected else 0), said
    assert [record.id for record in records] == [f"p{number}" for number in range(24)]
    assert len(rejected) == 2  # a third of the quarter that fails there
    assert set(bill) == _sentences(range(24)) - _sentences(int(name[1:]) for name in rejected)
    assert set(bill.values()) == {1}
    assert not list((tmp_path / "cache" / FOLDER).glob("*.jsonl"))
