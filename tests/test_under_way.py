"""What is being asked by one run is not asked by another: it waits, and never for ever."""

import json
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from summarizer.cache import CachedBackend, Store
from summarizer.completion import Completion, Identity, Outcome, Request, never
from summarizer.errors import RequestError
from summarizer.leases import Leases

_IDENTITY = Identity(backend="local", model="tiny", revision="r1", dtype="float32")
_SPAWN = multiprocessing.get_context("spawn")

MakeRequest = Callable[..., Request]
MakeCompletion = Callable[..., Completion]


class Noting:
    """A backend that appends a line to a file for each request, and answers after `seconds`; `fails` makes failures."""

    def __init__(self, log: Path, model: Completion, seconds: float = 0.0, window: int = 1) -> None:
        self._log, self._model, self._seconds, self._window = log, model, seconds, window
        self.fails = False
        self.windows: list[list[str]] = []
        self.answering: Callable[[], object] = lambda: None

    @property
    def identity(self) -> Identity:
        return _IDENTITY

    def complete(self, requests: Iterable[Request], stopping: Callable[[], bool] = never) -> Iterator[Outcome]:
        coming = iter(requests)
        while window := list(islice(coming, self._window)):
            self.windows.append([request.id for request in window])
            _append(self._log, self.windows[-1])
            self.answering()
            time.sleep(self._seconds)
            for request in window:
                if self.fails:
                    yield RequestError(request.id, "truncated", "cut off")
                else:
                    yield self._model.model_copy(update={"request_id": request.id})
            if stopping():
                return


def _append(log: Path, ids: list[str]) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, "".join(f"{name}\n" for name in ids).encode())
    os.close(descriptor)


def _asked(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8").split() if log.exists() else []


def _run(folder: Path, requests: list[Request], model: Completion, seconds: float, start: Barrier | None) -> None:
    backend = CachedBackend(Noting(folder / "log", model, seconds), Store(folder / "cache"))
    if start is not None:
        start.wait()
    outcomes = list(backend.complete(requests))
    assert sorted(outcome.request_id for outcome in outcomes) == sorted(request.id for request in requests)
    assert all(isinstance(outcome, Completion) for outcome in outcomes)


def _start_holder(folder: Path, request: Request, model: Completion) -> multiprocessing.process.BaseProcess:
    """A process that is asking this, and would go on for an hour."""
    process = _SPAWN.Process(target=_run, args=(folder, [request], model, 3600.0, None))
    process.start()
    while not _asked(folder / "log"):
        assert process.is_alive()
        time.sleep(0.01)
    return process


def _in_another_thread(work: Callable[[], object]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_identical_requests_of_four_processes_make_one_call(
    tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion
) -> None:
    """Fifty times the same in each of four processes that begin together: one call, two hundred answers."""
    twins = [make_request().model_copy(update={"id": f"twin-{number}"}) for number in range(50)]
    start = _SPAWN.Barrier(4)
    arguments = (tmp_path, twins, make_completion("x"), 0.3, start)
    processes = [_SPAWN.Process(target=_run, args=arguments) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert len(_asked(tmp_path / "log")) == 1


def test_runs_of_one_command_share_the_work(tmp_path: Path) -> None:
    """Three runs over the same papers at the same time: each paper is asked once, and each run has all records."""
    papers = tmp_path / "papers.jsonl"
    papers.write_text(
        "".join(f'{{"id": "p{n}", "title": "T{n}", "abstract": "Stream {n} is deep."}}\n' for n in range(40)),
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "summarizer", "run", str(papers), "--backend", "scripted", "--quiet"]
    command += ["--scripted-seconds", "0.05", "--cache-dir", str(tmp_path / "cache")]
    outputs = [tmp_path / f"out-{number}.jsonl" for number in range(3)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    runs = [subprocess.Popen([*command, "-o", str(output)], env=environment) for output in outputs]
    assert [run.wait(timeout=120) for run in runs] == [0] * 3
    records = [json.loads(line) for output in outputs for line in output.read_text(encoding="utf-8").splitlines()]
    assert [record["id"] for record in records] == [f"p{number}" for number in range(40)] * 3
    assert sum(not record["provenance"]["cached"] for record in records) == 40


def test_threads_ask_once(tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion) -> None:
    """Four threads with a store each over one folder, which ask for the same thirty in windows of three."""
    requests = [make_request(f"p{number}") for number in range(30)]
    start, counts = threading.Barrier(4), list[int]()

    def run() -> None:
        backend = Noting(tmp_path / "log", make_completion("x"), 0.01, window=3)
        cached = CachedBackend(backend, Store(tmp_path / "cache"))
        start.wait()
        counts.append(sum(isinstance(outcome, Completion) for outcome in cached.complete(requests)))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [30] * 4
    assert sorted(_asked(tmp_path / "log")) == sorted(request.id for request in requests)


def test_what_a_killed_process_was_asking_is_asked(
    tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion
) -> None:
    """Its lease ends with it; who waited asks."""
    request, model = make_request(), make_completion("x")
    holder = _start_holder(tmp_path, request, model)

    def kill() -> bool:
        # This is asked only by one who waits.
        holder.kill()
        holder.join()
        return False

    cached = CachedBackend(Noting(tmp_path / "log", model), Store(tmp_path / "cache"))
    (outcome,) = cached.complete([request], kill)
    assert isinstance(outcome, Completion)
    assert not outcome.cached
    assert holder.exitcode == -signal.SIGKILL
    assert _asked(tmp_path / "log") == [request.id] * 2


@pytest.mark.parametrize("fails", [True, False])
def test_what_failed_for_another_is_asked_and_what_was_answered_is_not(
    tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion, fails: bool
) -> None:
    """Nobody takes over the failure of somebody else, and everybody the answer."""
    request, model = make_request(), make_completion("x")
    first, second = (Noting(tmp_path / "log", model) for _ in range(2))
    begun, waited_for = threading.Event(), threading.Event()
    first.fails = fails

    def hold() -> None:
        begun.set()
        waited_for.wait()

    first.answering = hold

    def work() -> None:
        list(CachedBackend(first, Store(tmp_path / "cache")).complete([request]))

    def let_it_answer() -> bool:
        waited_for.set()
        return False

    holder = threading.Thread(target=work)
    holder.start()
    begun.wait()
    (outcome,) = CachedBackend(second, Store(tmp_path / "cache")).complete([request], let_it_answer)
    holder.join()
    assert isinstance(outcome, Completion)
    assert outcome.cached != fails
    assert len(_asked(tmp_path / "log")) == (2 if fails else 1)


def test_others_are_asked_meanwhile_and_a_stop_ends_the_waiting(
    tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion
) -> None:
    """A request that waits holds up no batch; once stopping, nobody waits any longer."""
    store, backend = Store(tmp_path / "cache"), Noting(tmp_path / "log", make_completion("x"), window=3)
    requests = [make_request(name) for name in ("held", "a", "b", "c")]
    with Leases(store.directory / "leases") as somebody:
        _in_another_thread(lambda: somebody.take(requests[0].key))
        looks = iter([False, False, True])  # after the window, and twice while waiting
        outcomes = list(CachedBackend(backend, store).complete(requests, lambda: next(looks)))
    assert [outcome.request_id for outcome in outcomes] == ["a", "b", "c"]
    assert backend.windows == [["a", "b", "c"]]


def test_clearing_the_cache_frees_no_lease(
    tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion
) -> None:
    """`cache clear` forgets answers; what a run is asking is still being asked."""
    store, backend, request = Store(tmp_path), Noting(tmp_path / "log", make_completion("x")), make_request()
    with Leases(store.directory / "leases") as somebody:
        _in_another_thread(lambda: somebody.take(request.key))
        Store(tmp_path).clear()
        looks = iter([False, True])
        assert not list(CachedBackend(backend, store).complete([request], lambda: next(looks)))
    assert _asked(tmp_path / "log") == []


def test_a_lease_is_given_back_however_a_run_ends(
    tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion
) -> None:
    """An iterator that is closed and a backend that raises leave no lease behind, of what was under way either."""
    store, backend = Store(tmp_path / "cache"), Noting(tmp_path / "log", make_completion("x"), window=3)
    requests = [make_request(name) for name in ("a", "b", "c")]
    outcomes = CachedBackend(backend, store).complete(requests)
    next(outcomes)
    with Leases(store.directory / "leases") as somebody:
        assert [somebody.take(request.key) for request in requests] == [True, False, False]
        outcomes.close()  # type: ignore[attr-defined]
        assert all(somebody.take(request.key) for request in requests[1:])

    def fail() -> None:
        raise OSError("the model is gone")

    backend.answering = fail
    with pytest.raises(OSError, match="gone"):
        list(CachedBackend(backend, store).complete(requests))
    with Leases(store.directory / "leases") as somebody:
        assert all(somebody.take(request.key) for request in requests)


def test_two_iterators_of_one_thread_do_not_wait_for_one_another(
    tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion, caplog: pytest.LogCaptureFixture
) -> None:
    """One would wait for what the other can only answer when it is pulled; it asks at once."""
    requests, model = [make_request(f"p{number}") for number in range(3)], make_completion("x")
    store = Store(tmp_path / "cache")
    pair = [CachedBackend(Noting(tmp_path / "log", model, window=4), store, patience=2.0) for _ in range(2)]
    first, second = (cached.complete(requests) for cached in pair)
    with caplog.at_level(logging.WARNING):
        next(first)
        assert len(list(second)) == 3
    assert len(list(first)) == 2
    assert not caplog.records


def test_a_stopped_process_is_not_waited_for_for_ever(
    tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion, caplog: pytest.LogCaptureFixture
) -> None:
    """A run behind Ctrl-Z keeps its lease; when the others lose patience they say so and ask."""
    request, model = make_request(), make_completion("x")
    holder = _start_holder(tmp_path, request, model)
    assert holder.pid is not None
    os.kill(holder.pid, signal.SIGSTOP)
    try:
        cached = CachedBackend(Noting(tmp_path / "log", model), Store(tmp_path / "cache"), patience=0.3)
        with caplog.at_level(logging.WARNING):
            (outcome,) = cached.complete([request])
    finally:
        holder.kill()
        holder.join()
    assert isinstance(outcome, Completion)
    assert "asking here as well" in caplog.text


def test_waiting_for_others_needs_bounded_memory(
    tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion
) -> None:
    """However much somebody else is asking, a bounded part of it is pulled before it is answered, and none is lost."""
    store, somebody = Store(tmp_path / "cache"), Leases(Store(tmp_path / "cache").directory / "leases")
    requests = [make_request(f"p{number}") for number in range(3000)]
    _in_another_thread(lambda: [somebody.take(request.key) for request in requests])
    pulled = 0

    def coming() -> Iterator[Request]:
        nonlocal pulled
        for pulled, request in enumerate(requests, start=1):  # noqa: B007 - counted for the test
            yield request

    def let_go() -> bool:
        somebody.close()
        return False

    most_ahead = answered = 0
    backend = Noting(tmp_path / "log", make_completion("x"), window=8)
    for _ in CachedBackend(backend, store).complete(coming(), let_go):
        answered += 1
        most_ahead = max(most_ahead, pulled - answered)
    assert answered == 3000
    assert 1000 < most_ahead < 1300
    assert len(set(_asked(tmp_path / "log"))) == len(_asked(tmp_path / "log")) == 3000


def test_hits_take_no_lease(tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion) -> None:
    """A run that is wholly cached does not even open the file."""
    store, backend = Store(tmp_path / "cache"), Noting(tmp_path / "log", make_completion("x"))
    requests = [make_request(f"p{number}") for number in range(3)]
    list(CachedBackend(backend, store).complete(requests))
    (store.directory / "leases").unlink()
    assert len(list(CachedBackend(backend, store).complete(requests))) == 3
    assert not (store.directory / "leases").exists()
