"""Runs of the hosted backend against a server that breaks things, in the size that CI can bear.

`benchmarks/hosted_faults.py` runs the full size.
"""

import asyncio
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from summarizer import Summarizer, read_records
from summarizer.backends.hosted import HostedBackend
from summarizer.completion import Completion, Request
from summarizer.errors import BudgetError
from summarizer.settings import Settings
from tests.hosted_runs import QUICK, command, papers, sentence, settings, tally, write_papers
from tests.llm_http import Connection, response
from tests.llm_http import Request as Asked
from tests.llm_model import Json, complete, first_sentence
from tests.llm_server import serving

#: Leaves when the first answer has come, and prints the seconds that leaving took.
_LEAVING = """
import time
from pathlib import Path
from summarizer import Summarizer
from summarizer.backends.hosted import HostedBackend
from tests.hosted_runs import QUICK, papers, settings

chosen = settings("{url}", Path("{folder}"), timeout=600.0)
summarizer = Summarizer(chosen, HostedBackend(chosen))
outcomes = HostedBackend(chosen, QUICK).complete([summarizer.request(paper) for paper in papers(64)])
next(outcomes)
time.sleep(0.3)
began = time.monotonic()
outcomes.close()
print(time.monotonic() - began)
"""


class _Repeating:
    """A server that sends each response a second time, a moment later."""

    def __enter__(self) -> str:
        self._loop, ready = asyncio.new_event_loop(), threading.Event()

        async def answer(_: Asked, reply: Connection) -> None:
            body = await reply.json()
            whole = response(200, complete(body, first_sentence(body["messages"]), "enforces", ""), {})
            reply.write(whole)
            await asyncio.sleep(0.02)
            reply.write(whole)

        async def serve() -> None:
            self._server = await self._loop.create_server(lambda: Connection(answer), "127.0.0.1", 0)
            ready.set()

        def run() -> None:
            self._loop.run_until_complete(serve())
            self._loop.run_forever()

        self._thread = threading.Thread(target=run)
        self._thread.start()
        ready.wait()
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def _requests(chosen: Settings, count: int) -> list[Request]:
    summarizer = Summarizer(chosen, HostedBackend(chosen))
    return [summarizer.request(paper) for paper in papers(count)]


def _answers(backend: HostedBackend, requests: Iterable[Request]) -> int:
    """How many requests were answered, each with its own answer."""
    outcomes = list(backend.complete(requests))
    for outcome in outcomes:
        assert isinstance(outcome, Completion), outcome
        assert sentence(int(outcome.request_id[1:])) in outcome.text
    return len(outcomes)


def test_each_paper_has_its_own_answer_or_says_why_not(tmp_path: Path) -> None:
    """Of a thousand papers all come out in order, none with the answer of another, though 30 % of answers break."""
    write_papers(tmp_path / "papers.jsonl", 1000)
    with serving(faults=0.3, latency=0.02) as server:
        done = subprocess.run(command(server.url), cwd=tmp_path, capture_output=True, text=True, check=False)
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
        outcomes = backend.complete(requests)
        next(iter(outcomes))
        outcomes.close()  # type: ignore[attr-defined]
        assert backend.budget.held.tokens == 0


def test_an_answer_that_comes_late_is_not_taken_for_that_of_the_next(tmp_path: Path) -> None:
    """A response that is sent once more after a moment, on a connection that waits, is nobody's."""
    with _Repeating() as url:
        chosen = settings(url, tmp_path, concurrency=1)
        backend, requests = HostedBackend(chosen, QUICK), _requests(chosen, 10)

        def slowly() -> Iterator[Request]:
            for request in requests:
                time.sleep(0.05)
                yield request

        assert _answers(backend, slowly()) == 10


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("limit", [{"max_cost": 0.12}, {"max_total_tokens": 110_000}])
def test_a_budget_holds_whatever_breaks(limit: Json, seed: int, tmp_path: Path) -> None:
    """The server never bills more than the limit, lost answers included; what was answered is not asked again."""
    with serving(faults=0.3, seed=seed, hang=5.0) as server:
        chosen = settings(server.url, tmp_path, timeout=0.5, prices={"m": {"input": 1.0, "output": 4.0}})
        limited = chosen.model_copy(update=limit)
        with pytest.raises(BudgetError):
            list(Summarizer(limited, HostedBackend(limited, QUICK)).run(papers(150)))
        before = server.stats()
        tokens, answers = before["prompt_tokens"] + before["completion_tokens"], before["completion_tokens"]
        assert tokens <= limit.get("max_total_tokens", tokens)
        assert tokens + 3 * answers <= 1e6 * limit.get("max_cost", 1.0)
        tally(Summarizer(chosen, HostedBackend(chosen, QUICK)).run(papers(150)), 150)
        after = server.stats()
    assert before["answered"]
    assert all(after["asked"][one] == before["asked"][one] for one in before["answered"])


def test_five_kills_cost_what_was_in_flight(tmp_path: Path) -> None:
    """A run that is killed five times asks nothing again but what was in flight, and ends with all answers."""
    write_papers(tmp_path / "papers.jsonl", 400)
    with serving(latency=0.2) as server:
        for number in range(5):
            with subprocess.Popen(command(server.url, "--quiet", concurrency=16), cwd=tmp_path) as process:
                while server.stats()["counts"].get("requests", 0) < 60 * (number + 1):
                    assert process.poll() is None
                    time.sleep(0.02)
                process.kill()
        done = subprocess.run(command(server.url, "--quiet", concurrency=16), cwd=tmp_path, check=False)
        asked = server.stats()["asked"]
    assert done.returncode == 0
    assert tally(read_records(tmp_path / "out.jsonl"), 400) == {"ok": 400}
    assert 400 <= sum(asked.values()) <= 400 + 5 * 16


@pytest.mark.parametrize("tell", [True, False], ids=["told", "not told"])
def test_limits_of_the_server_are_kept(tell: bool, tmp_path: Path) -> None:
    """Few requests are refused by a server with a limit, whether or not it tells it."""
    with serving(rpm=1200, burst=2.0, latency=0.1, tell_limits=tell) as server:
        chosen = settings(server.url, tmp_path, timeout=60.0, concurrency=256)
        assert _answers(HostedBackend(chosen, QUICK), _requests(chosen, 300)) == 300
        counts = server.stats()["counts"]
    assert counts.get("limited", 0) <= (0.02 if tell else 0.15) * counts["requests"]


def test_leaving_with_requests_in_flight_is_quick_and_quiet(tmp_path: Path) -> None:
    """Who leaves with requests in flight waits for none of the many that hang, and nothing is printed about them."""
    with serving(faults=0.8, kinds=("hang",)) as server:
        program = _LEAVING.format(url=server.url, folder=str(tmp_path))
        done = subprocess.run([sys.executable, "-X", "dev", "-c", program], capture_output=True, text=True, check=False)
        most = server.stats()["most_at_once"]
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 300.0
    assert most > 8
    assert not re.findall("destroyed|Unclosed|unclosed|never retrieved|Traceback", done.stderr), done.stderr


def test_two_backends_and_a_running_loop_do_not_disturb_one_another(tmp_path: Path) -> None:
    """Two threads and a run inside an event loop, as in a notebook, ask at once, and all answers are right."""
    with serving(faults=0.2, kinds=("reset", "twice", "drip", "half_body")) as server:
        chosen = settings(server.url, tmp_path)
        requests, found = _requests(chosen, 60), list[int]()
        threads = [
            threading.Thread(target=lambda: found.append(_answers(HostedBackend(chosen, QUICK), requests)))
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()

        async def notebook() -> int:
            return _answers(HostedBackend(chosen, QUICK), requests)

        found.append(asyncio.run(notebook()))
        for thread in threads:
            thread.join()
    assert found == [60, 60, 60]
