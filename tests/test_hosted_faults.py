"""Runs of the hosted backend against a server that breaks things, in the size that CI can bear.

`benchmarks/hosted_faults.py` runs the full size.
"""

import asyncio
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from summarizer import Summarizer, read_records
from summarizer.backends.hosted import HostedBackend
from summarizer.completion import Completion, Request
from summarizer.errors import BudgetError
from summarizer.settings import Settings
from tests.hosted_runs import QUICK, command, papers, sentence, settings, tally, write_papers
from tests.llm_server import serving


def _requests(chosen: Settings, count: int) -> list[Request]:
    summarizer = Summarizer(chosen, HostedBackend(chosen))
    return [summarizer.request(paper) for paper in papers(count)]


def _answers(backend: HostedBackend, requests: list[Request]) -> int:
    """How many requests were answered, each with its own answer."""
    outcomes = list(backend.complete(requests))
    for outcome in outcomes:
        assert isinstance(outcome, Completion), outcome
        assert sentence(int(outcome.request_id[1:])) in outcome.text
    return len(outcomes)


def test_each_paper_has_its_own_answer_or_says_why_not(tmp_path: Path) -> None:
    """Of a thousand papers and a server that breaks three answers in ten, all come out in order, none with another's."""
    write_papers(tmp_path / "papers.jsonl", 1000)
    with serving(faults=0.3, latency=0.02) as server:
        done = subprocess.run(command(server.url), cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    found = tally(read_records(tmp_path / "out.jsonl"), 1000)
    assert found["ok"] > 850
    assert found["failed: refused"] > 0


def test_waits_of_two_passes_do_not_meet(tmp_path: Path) -> None:
    """A backend whose requests had to wait for their turn can be used again, by a loop of its own."""
    with serving() as server:
        chosen = settings(server.url, tmp_path, requests_per_minute=3000)
        backend, requests = HostedBackend(chosen, QUICK), _requests(chosen, 60)
        assert [_answers(backend, requests), _answers(backend, requests)] == [60, 60]


def test_what_was_set_aside_for_requests_that_were_left_is_given_back(tmp_path: Path) -> None:
    """After a run was left while requests waited for their turn, a budget that has room for the others still has."""
    with serving() as server:
        chosen = settings(server.url, tmp_path, requests_per_minute=60, max_total_tokens=400_000, concurrency=8)
        backend, requests = HostedBackend(chosen, QUICK), _requests(chosen, 8)
        with closing(iter(backend.complete(requests))) as outcomes:
            next(outcomes)
        assert backend.budget.held.tokens == 0
