"""What questions took is added up, whoever asked them."""

import multiprocessing
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from summarizer.completion import Completion, Identity, Outcome, Request
from summarizer.errors import RequestError
from summarizer.keys import request_parts
from summarizer.ledger import FILE, Ledger, Usage, context, size_of
from summarizer.records import Tokens

IDENTITY = Identity(backend="hosted", endpoint="http://localhost/v1", model="m", dialect="strict, max_tokens")

MakeRequest = Callable[..., Request]
MakeCompletion = Callable[..., Completion]


def _add(folder: Path, asked: Request, outcome: Outcome, times: int = 1) -> None:
    ledger = Ledger(folder)
    for _ in range(times):
        ledger.add(request_parts(IDENTITY, asked), asked, outcome)
    ledger.write()


def test_what_was_taken_is_added_up(tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion) -> None:
    """Answers, failures and second rounds count with all their tokens, and the size is that of first questions."""
    asked = make_request()
    tokens = Tokens(prompt=100, completion=20, cached_prompt=60, reasoning=5)
    _add(tmp_path, asked, make_completion("{}", tokens=tokens, seconds=2.0, attempts=3))
    _add(tmp_path, asked, RequestError("paper-1", "truncated", "cut", tokens=Tokens(prompt=100, completion=64)))
    messages = (*asked.messages, asked.messages[-1], asked.messages[-1])
    _add(tmp_path, make_request(attempt=2, messages=messages), make_completion("{}", tokens=tokens, seconds=1.0))
    usage = Ledger(tmp_path).usage(request_parts(IDENTITY, asked))
    assert (usage.first, usage.second, usage.attempts, usage.seconds) == (2, 1, 5, 3.0)
    assert usage.tokens == Tokens(prompt=300, completion=104, cached_prompt=120, reasoning=10)
    assert usage.size == 2 * size_of(asked)


def test_contexts_are_apart(tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion) -> None:
    """What another model, form or prompt took says nothing of this one; another paper's does."""
    asked = make_request()
    _add(tmp_path, asked, make_completion("{}"))
    parts = request_parts(IDENTITY, asked)
    other = IDENTITY.model_copy(update={"dialect": "prompt, max_tokens"})
    assert context(parts) != context(request_parts(other, asked))
    assert context(parts) != context(request_parts(IDENTITY, make_request(schema_text="{}")))
    paper = make_request("paper-2")
    assert context(parts) == context(request_parts(IDENTITY, paper))
    assert Ledger(tmp_path).usage(request_parts(IDENTITY, paper)).first == 1
    assert Ledger(tmp_path).usage(request_parts(other, asked)) == Usage()


def _add_many(folder: Path, asked: Request, completion: Completion) -> None:
    for _ in range(20):
        _add(folder, asked, completion, times=5)


def test_processes_add_to_the_same_sums(
    tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion
) -> None:
    """Nothing is lost when several processes write at once."""
    spawn, asked, completion = multiprocessing.get_context("spawn"), make_request(), make_completion("{}")
    processes = [spawn.Process(target=_add_many, args=(tmp_path, asked, completion)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert Ledger(tmp_path).usage(request_parts(IDENTITY, asked)).first == 300


@pytest.mark.parametrize("content", [b"no database", b""])
def test_a_broken_ledger_stops_nothing(
    tmp_path: Path,
    make_request: MakeRequest,
    make_completion: MakeCompletion,
    caplog: pytest.LogCaptureFixture,
    content: bytes,
) -> None:
    """Without a usable database nothing is known and nothing fails; what cannot be used is told once."""
    (tmp_path / FILE).write_bytes(content)
    asked = make_request()
    ledger = Ledger(tmp_path)
    for _ in range(3):
        ledger.add(request_parts(IDENTITY, asked), asked, make_completion("{}"))
        ledger.write()
    told = [record for record in caplog.records if FILE in record.getMessage()]
    assert len(told) == bool(content)
    assert ledger.usage(request_parts(IDENTITY, asked)).first == (0 if content else 3)


def test_foreign_sums_are_no_usage(tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion) -> None:
    """What stands in the database in the place of a number is not believed."""
    asked = make_request()
    _add(tmp_path, asked, make_completion("{}"))
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("UPDATE usage SET prompt = 'many'")
    database.close()
    assert Ledger(tmp_path).usage(request_parts(IDENTITY, asked)) == Usage()
