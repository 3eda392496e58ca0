"""Runs by way of a Batch API: real processes against the server of `llm_server`, with its bill."""

import json
import os
import re
import shlex
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import get_args

import openai
import pytest

from summarizer import Record, read_records
from summarizer.backends.handover import Pace
from summarizer.backends.spool import FileLimits
from summarizer.batches import FOLDER, MOST_TRIES, BatchedBackend
from summarizer.cache import FOLDER as STORE
from summarizer.completion import Json, never
from summarizer.errors import BudgetError, CacheError, EndpointError, SettingsError
from summarizer.pipeline import Summarizer
from summarizer.records import Paper, Source
from summarizer.settings import Settings
from tests.llm_model import BatchEnd, Mark
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


def _check_private(folder: Path) -> None:
    """What is on disk is the user's alone, and the key is not in it."""
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    paths = list(folder.iterdir())
    assert {"journal.sqlite", "lock"} <= {path.name for path in paths}
    for path in paths:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        assert KEY.encode() not in path.read_bytes(), path


def _settings(folder: Path, server: Served, **others: object) -> Settings:
    values: Json = {
        "backend": "hosted",
        "model": "model",
        "base_url": server.url,
        "structured_mode": "strict",
        "cache_dir": folder / "cache",
        "batch": True,
        "prices": {"model": {"input": 2.0, "output": 8.0}},
        **others,
    }
    return Settings.model_validate(values)


def _ask(
    settings: Settings, numbers: Iterable[int], limits: FileLimits | None = None, stopping: Callable[[], bool] = never
) -> list[Record] | None:
    """The records of a run in this process; None when it was stopped."""
    known = list(numbers)
    with BatchedBackend(settings, stopping, QUICK, limits) as batched:
        summarizer = Summarizer(settings.model_copy(update={"cache": False}), batched, stopping)

        def dry() -> Generator[Record]:
            yield from summarizer.run(map(_read, known))

        if not batched.answer(dry):
            return None
        records = list(summarizer.run(map(_read, known)))
        batched.finish()
        return records


def _read(number: int) -> Paper:
    return Paper(**_paper(number), source=Source(name="papers.jsonl", line=number + 1))


def _statuses(records: list[Record] | None) -> Counter[str]:
    assert records is not None
    return Counter(record.failure.kind if record.failure else record.status for record in records)


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


MARKS = get_args(Mark)


@pytest.mark.parametrize("mark", MARKS)
def test_a_run_that_is_killed_anywhere_pays_each_abstract_once(tmp_path: Path, mark: Mark) -> None:
    """Killed with -9 at a marked point, the same command goes on: no abstract is lost, and none is billed twice."""
    _write(tmp_path, range(24))
    with serving(batch_ends=["partly", "completed"], batch_seconds=0.2, stall=[mark]) as server:
        command = _command(server, "--batch")
        with _start(tmp_path, command) as process:
            server.wait_for(mark)
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        _check_private(tmp_path / "cache" / FOLDER)
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


@pytest.mark.parametrize("mark", [mark for mark in MARKS if mark != "content_done"])
def test_a_call_that_times_out_is_made_good(tmp_path: Path, mark: Mark) -> None:
    """A call that gets no answer in time, or half of one, is made again, unless it has begun a batch all the same."""
    with serving(batch_ends=["partly", "completed"], batch_seconds=0.05, stall=[mark]) as server:
        records = _ask(_settings(tmp_path, server, timeout=0.4), range(8))
        stats = server.stats()
        stored = openai.OpenAI(base_url=server.url, api_key="none").files.list(purpose="batch").data
    assert _statuses(records) == {"ok": 7, "rejected": 1}
    assert set(stats["billed"].values()) == {1}
    assert len(stats["billed"]) == 7
    assert stats["counts"]["batches"] == 2  # one request got a 500
    assert stored == []  # files of requests are deleted when they have served


def test_records_are_those_of_a_live_run(tmp_path: Path) -> None:
    """Through a batch the same records come out, at half the price, and no chat is asked."""
    with serving(batch_seconds=0.05) as server:
        batched = _ask(_settings(tmp_path, server), range(6))
        assert server.stats()["counts"] == {"batches": 1, "batched": 6}
        live_settings = _settings(tmp_path, server, batch=False, cache_dir=tmp_path / "live", concurrency=1)
        live = list(Summarizer(live_settings).run(map(_read, range(6))))
    assert batched is not None
    for one, other in zip(batched, live, strict=True):
        made, made_live = one.provenance, other.provenance
        assert made is not None
        assert made_live is not None
        assert one.model_copy(update={"provenance": None}) == other.model_copy(update={"provenance": None})
        assert (made.key, made.structured_mode, made.attempts, made.cached) == (made_live.key, "strict", 1, False)
        assert made.tokens.prompt == made_live.tokens.prompt
        uncached = made.tokens.prompt
        assert made.cost_usd == pytest.approx((uncached * 2.0 + made.tokens.completion * 8.0) / 1e6 / 2)


def test_what_was_answered_is_not_asked_again(tmp_path: Path) -> None:
    """A second run finds all in the cache, says so, and sends nothing, not even a key."""
    with serving(batch_seconds=0.05) as server:
        _ask(_settings(tmp_path, server), range(3))
        os.environ.pop("OPENAI_API_KEY")
        records = _ask(_settings(tmp_path, server), range(3))
        assert server.stats()["counts"] == {"batches": 1, "batched": 3}
    assert records is not None
    assert all(record.provenance and record.provenance.cached for record in records)


@pytest.mark.parametrize("end", ["expired", "cancelled"])
def test_what_a_batch_did_not_come_to_is_asked_in_the_next(tmp_path: Path, end: BatchEnd) -> None:
    """Of a batch that expired or was cancelled the answers are kept, and only the rest is asked again."""
    with serving(batch_ends=[end, "completed"], batch_seconds=0.05) as server:
        records = _ask(_settings(tmp_path, server), range(9))
        stats = server.stats()
    assert _statuses(records) == {"ok": 9}
    assert stats["counts"] == {"batches": 2, "batched": 9}
    assert records is not None
    assert Counter(record.provenance.attempts for record in records if record.provenance) == {1: 4, 2: 5}


def test_what_never_gets_an_answer_fails(tmp_path: Path) -> None:
    """After three batches a request is given up, with the reason; a retry would ask it again."""
    with serving(batch_ends=["expired"], batch_seconds=0.02) as server:
        records = _ask(_settings(tmp_path, server), [0])
        assert server.stats()["counts"] == {"batches": MOST_TRIES}
        assert records is not None
        (record,) = records
        assert record.failure is not None
        assert record.failure.kind == "transport"
        assert "before it expired" in record.failure.message
        assert record.provenance is not None
        assert record.provenance.attempts == MOST_TRIES
        server.tell(batch_ends=["completed"])
        assert _statuses(_ask(_settings(tmp_path, server), [0])) == {"ok": 1}


def test_a_batch_without_any_answer(tmp_path: Path) -> None:
    """A batch with errors alone makes typed failures, which cost nothing and are asked again by the next run."""
    with serving(batch_ends=["errors_only", "completed"], batch_seconds=0.02) as server:
        records = _ask(_settings(tmp_path, server), range(3))
        assert records is not None
        assert _statuses(records) == {"rejected": 3}
        assert all(record.failure and "The prompt is not allowed." in record.failure.message for record in records)
        assert _statuses(_ask(_settings(tmp_path, server), range(3))) == {"ok": 3}
        assert set(_billed(server).values()) == {1}


def test_a_full_queue_gets_less_at_once(tmp_path: Path) -> None:
    """A batch that the server's queue has no room for is handed over again in smaller ones, and costs nothing."""
    with serving(batch_ends=["failed", "completed"], batch_seconds=0.02) as server:
        assert _statuses(_ask(_settings(tmp_path, server), range(8))) == {"ok": 8}
        stats = server.stats()
    assert stats["counts"]["batches"] >= 3
    assert set(stats["billed"].values()) == {1}


def test_a_batch_that_is_refused_stops_the_run(tmp_path: Path) -> None:
    """Any other refusal of a batch stops the run with its code; the next command asks all."""
    with serving(batch_ends=["failed", "completed"], batch_error="billing_hard_limit", batch_seconds=0.02) as server:
        with pytest.raises(EndpointError, match=r"not begun \(billing_hard_limit\); nothing of it is billed"):
            _ask(_settings(tmp_path, server), range(3))
        assert _statuses(_ask(_settings(tmp_path, server), range(3))) == {"ok": 3}


def test_lines_that_nobody_waits_for_are_ignored(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A line that comes twice, or for a request that nobody made, changes nothing and is told in one warning."""
    with serving(batch_noise=True, batch_seconds=0.02) as server:
        assert _statuses(_ask(_settings(tmp_path, server), range(5))) == {"ok": 5}
    assert [record.message.partition(": ")[2] for record in caplog.records if "ignored" in record.message] == [
        "ignored 2 lines that nobody waits for"
    ]


@pytest.mark.parametrize("limits", [FileLimits(requests=3), FileLimits(bytes=30_000)])
def test_files_keep_their_limits(tmp_path: Path, limits: FileLimits) -> None:
    """No file has more requests or bytes than allowed, which the server would refuse, and all are answered."""
    server_limits = {"batch_requests": limits.requests, "batch_bytes": min(limits.bytes, 200_000_000)}
    with serving(**server_limits, batch_seconds=0.02) as server:
        assert _statuses(_ask(_settings(tmp_path, server), range(8), limits)) == {"ok": 8}
        stats = server.stats()
    assert stats["counts"]["batches"] >= 3
    assert set(stats["billed"].values()) == {1}


def test_the_same_question_is_asked_once(tmp_path: Path) -> None:
    """The same text again is one request of a batch, in `again` as well, where each record is asked for itself."""
    with serving(batch_seconds=0.02) as server:
        settings = _settings(tmp_path, server)
        with BatchedBackend(settings, pace=QUICK) as batched:
            summarizer = Summarizer(settings.model_copy(update={"cache": False}), batched)
            skipped = [Record(**_read(0).model_dump(), status="skipped"), Record(**_read(0).model_dump(), status="ok")]

            def dry() -> Generator[Record]:
                yield from summarizer.again(skipped)

            assert batched.answer(dry)
            records = list(summarizer.again(skipped))
            batched.finish()
        assert server.stats()["counts"] == {"batches": 1, "batched": 1}
    assert [record.provenance.cached for record in records if record.provenance] == [False, True]


def test_repairs_are_a_second_batch(tmp_path: Path) -> None:
    """Answers that cannot be read are repaired in a second batch, and both are counted."""
    ends, kinds = ["partly", "completed"], ["invalid_json"]
    with serving(batch_ends=ends, batch_share=0.01, faults=1.0, kinds=kinds, batch_seconds=0.02) as server:
        records = _ask(_settings(tmp_path, server), range(5))
        stats = server.stats()
    assert _statuses(records) == {"ok": 4, "rejected": 1}
    assert stats["counts"]["batches"] == 2
    assert set(stats["billed"].values()) == {2}
    assert records is not None
    assert {record.provenance.attempts for record in records if record.status == "ok" and record.provenance} == {2}


@pytest.mark.parametrize(("fault", "kind"), [("refuses", "refused"), ("length", "truncated"), ("empty", "empty")])
def test_incomplete_answers_are_failures(tmp_path: Path, fault: str, kind: str) -> None:
    """What a model declines or breaks off is the failure that it is in a live run, with its cost, and is not kept."""
    ends = ["partly", "completed"]
    with serving(batch_ends=ends, batch_share=0.01, faults=1.0, kinds=[fault], batch_seconds=0.02) as server:
        records = _ask(_settings(tmp_path, server), range(3))
        assert _statuses(records) == {kind: 2, "rejected": 1}
        assert server.stats()["counts"]["batches"] == 1
        # What plans are measured on is what was billed, however many passes there were.
        with closing(sqlite3.connect(tmp_path / "cache" / STORE / "usage.db")) as ledger:
            assert ledger.execute("SELECT prompt FROM usage").fetchone() == (server.stats()["prompt_tokens"],)
        assert _statuses(_ask(_settings(tmp_path, server), range(3))) == {"ok": 3}
    assert records is not None
    assert all(
        record.provenance and record.provenance.cost_usd for record in records if _statuses([record]) == {kind: 1}
    )


def test_other_inputs_lose_nothing(tmp_path: Path) -> None:
    """What was handed over for other inputs is harvested all the same, and what both have is asked once."""
    with serving(batch_seconds=0.3) as server:
        settings = _settings(tmp_path, server)
        assert _ask(settings, range(5), stopping=lambda: bool(server.stats()["counts"].get("batches"))) is None
        assert _statuses(_ask(settings, range(3, 9))) == {"ok": 6}
        assert _statuses(_ask(settings, range(9))) == {"ok": 9}
        stats = server.stats()
    assert set(stats["billed"]) == _sentences(range(9))
    assert set(stats["billed"].values()) == {1}
    assert stats["counts"]["batches"] == 2


def test_the_budget_holds_for_what_is_handed_over(tmp_path: Path) -> None:
    """What could cost more than the limit stays back, the run ends with a budget error, and the next goes on."""
    with serving(batch_seconds=0.02) as server:
        settings = _settings(tmp_path, server, max_total_tokens=40_000)
        with pytest.raises(BudgetError):
            _ask(settings, range(40))
        stats = server.stats()
        assert 0 < stats["prompt_tokens"] + stats["completion_tokens"] <= 40_000
        first = _billed(server)
        assert 2 <= len(first) < 40
        assert _statuses(_ask(_settings(tmp_path, server), range(40))) == {"ok": 40}
        assert set(_billed(server).values()) == {1}


def test_one_run_at_a_time(tmp_path: Path) -> None:
    """A second run with the same cache hands nothing over, and names the process that does."""
    with serving() as server:
        settings = _settings(tmp_path, server)
        with BatchedBackend(settings), pytest.raises(CacheError, match=f"process {os.getpid()} has the batches"):
            BatchedBackend(settings)
        with BatchedBackend(settings):
            pass


def test_an_interrupted_wait_goes_on(tmp_path: Path) -> None:
    """Ctrl-C ends the wait with 130 and the command that goes on; the batch goes on at the server."""
    _write(tmp_path, range(5))
    with serving(batch_seconds=4.0, stall=["poll"], stall_seconds=0.1) as server:
        command = _command(server, "--batch")
        with _start(tmp_path, command) as process:
            server.wait_for("poll")
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "stopping: batches that have begun go on at the server" in said
        assert f"To go on: summarizer {shlex.join(command[3:])}" in said
        assert (tmp_path / "out.jsonl").read_bytes() == b""
        beside, said_beside = _run(tmp_path, _command(server, "--limit", "0"))
        assert beside == 0
        assert "5 requests of this cache are in batches" in said_beside
        code, said = _run(tmp_path, command)
        assert code == 0, said
        assert server.stats()["counts"] == {"batches": 1, "batched": 5}
    assert len(_records(tmp_path)) == 5


def test_a_retry_goes_through_a_batch(tmp_path: Path) -> None:
    """`retry --batch` asks the failed records again, and leaves the others."""
    _write(tmp_path, range(8))
    with serving(batch_ends=["errors_only", "completed"], batch_seconds=0.05) as server:
        assert _run(tmp_path, _command(server, "--batch"))[0] == 1
        code, said = _run(tmp_path, _command(server, "--batch", command="retry"))
        assert code == 0, said
        assert server.stats()["counts"] == {"batches": 2, "batched": 8}
    assert _statuses(_records(tmp_path)) == {"ok": 8}


class _Refusing(BaseHTTPRequestHandler):
    """Answers every POST with one error."""

    status = 404

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps({"error": {"message": f"No for {self.headers['authorization']}"}}).encode()
        self.send_response(self.status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    ("status", "advice"),
    [(404, "run without --batch"), (405, "run without --batch"), (401, "OPENAI_API_KEY holds a valid key")],
)
def test_a_server_that_takes_no_files(tmp_path: Path, status: int, advice: str) -> None:
    """A server without a Batch API, or with another key, stops the run with what to do, and the key is not shown."""
    handler = type("Handler", (_Refusing,), {"status": status})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings = Settings(
            backend="hosted",
            model="m",
            base_url=f"http://127.0.0.1:{server.server_port}/v1",
            structured_mode="strict",
            cache_dir=tmp_path / "cache",
            batch=True,
        )
        with pytest.raises(EndpointError, match=advice) as caught:
            _ask(settings, range(3))
        server.shutdown()
    assert KEY not in str(caught.value)
    assert "[key]" in str(caught.value)


class _Hidden(BaseHTTPRequestHandler):
    """Begins a batch and answers with a 500; whether there is a list of batches changes."""

    listed, created, names = False, list[Json](), list[str]()

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/v1/files":
            self.names[:] = re.findall(r'"custom_id":"([^"]+)"', content.decode())
            self._send(200, {"id": "file-1"})
        else:
            self.created.append(json.loads(content))
            self._send(500, {"error": {"message": "after all the work"}})

    def do_GET(self) -> None:
        answer: Json = {"tldr": "It is deep.", "contribution": "method", "field": "other"}
        answer |= {name: [] for name in ("modalities", "tasks", "methods", "datasets", "metrics", "results")}
        body = {"choices": [{"message": {"content": json.dumps(answer)}}], "usage": {"prompt_tokens": 9}}
        lines = [{"custom_id": name, "response": {"status_code": 200, "body": body}} for name in self.names]
        match self.path.partition("?")[0]:
            case "/v1/batches" if self.listed:
                self._send(200, {"data": [{"id": "batch_1", "metadata": one["metadata"]} for one in self.created]})
            case "/v1/batches/batch_1":
                self._send(200, {"id": "batch_1", "status": "completed", "output_file_id": "file-2"})
            case "/v1/files/file-2/content":
                self._send(200, *lines)
            case _:
                self._send(404, {"error": {"message": "not here"}})

    def do_DELETE(self) -> None:
        self._send(200, {})

    def _send(self, status: int, *lines: Json) -> None:
        content = "\n".join(json.dumps(line) for line in lines).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def test_what_cannot_be_found_out_is_not_asked_again(tmp_path: Path) -> None:
    """When nobody says whether a batch has begun, none is begun in its place; the next command finds it."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Hidden) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings = Settings(
            backend="hosted",
            model="m",
            base_url=f"http://127.0.0.1:{server.server_port}/v1",
            structured_mode="strict",
            cache_dir=tmp_path / "cache",
            repair=False,
        )
        for _ in range(2):
            with pytest.raises(EndpointError, match="cannot list batches"):
                _ask(settings, range(3))
        _Hidden.listed = True
        records = _ask(settings, range(3))
        server.shutdown()
    assert records is not None
    assert [record.failure for record in records] == [None] * 3
    assert len(_Hidden.created) == 1


@pytest.mark.parametrize(
    ("others", "words"), [({"backend": "local"}, "--backend hosted"), ({"cache": False}, "without --no-cache")]
)
def test_what_has_no_batches_is_refused(others: Json, words: str) -> None:
    """A local model has no Batch API, and without a cache paid answers would have no place."""
    with pytest.raises(SettingsError, match=words):
        BatchedBackend(Settings.model_validate({"backend": "hosted", "model": "m", **others}))


def test_standard_input_is_refused(tmp_path: Path) -> None:
    """What can be read only once cannot be gone on with."""
    (tmp_path / "empty").touch()
    command = [sys.executable, "-m", "summarizer", "run", "-", "-o", "out.jsonl", "--backend", "hosted", "--batch"]
    code, said = _run(tmp_path, [*command, "--model", "m"])
    assert code == 2
    assert "with --batch the inputs are read several times" in said


def test_a_journal_of_somebody_else_is_not_loaded(tmp_path: Path) -> None:
    """A row that this program did not write stops the run."""
    with serving(batch_seconds=0.3) as server:
        settings = _settings(tmp_path, server)
        assert _ask(settings, range(2), stopping=lambda: bool(server.stats()["counts"].get("batches"))) is None
        with closing(sqlite3.connect(tmp_path / "cache" / FOLDER / "journal.sqlite")) as database, database:
            database.execute("UPDATE requests SET parts = '{}'")
        with pytest.raises(CacheError, match="did not write"):
            _ask(settings, range(2))
