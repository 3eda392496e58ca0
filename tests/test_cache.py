"""Answers are kept: the key, the store, what tampering does, and who may share it."""

import multiprocessing
import os
import pickle
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from summarizer.cache import FOLDER, CachedBackend, Entry, Store
from summarizer.completion import Completion, Decoding, Identity, Message, Outcome, Request, never
from summarizer.errors import CacheError, RequestError
from summarizer.keys import differences, request_parts

_IDENTITY = Identity(backend="local", model="tiny", revision="r1", dtype="float32")

MakeRequest = Callable[..., Request]
MakeCompletion = Callable[..., Completion]


class Echo:
    """A backend that answers with the id, fails for ids that begin with `bad`, and counts."""

    def __init__(self, make: MakeCompletion) -> None:
        self._make = make
        self.asked: list[str] = []
        self.window = 1

    @property
    def identity(self) -> Identity:
        return _IDENTITY

    def complete(self, requests: Iterable[Request], stopping: Callable[[], bool] = never) -> Iterator[Outcome]:
        coming = iter(requests)
        while window := list(islice(coming, self.window)):
            for request in window:
                self.asked.append(request.id)
                if request.id.startswith("bad"):
                    yield RequestError(request.id, "truncated", "cut off")
                else:
                    yield self._make(request.messages[-1].content, request.id)
            if stopping():
                return


def _store_entry(store: Store, request: Request, completion: Completion) -> str:
    store.put(request.key, Entry(parts=request_parts(_IDENTITY, request), completion=completion))
    return request.key


def _row(store: Store, statement: str, *values: object) -> None:
    database = sqlite3.connect(store.directory / "cache.db")
    database.execute(statement, values)
    database.commit()
    database.close()


def test_second_time_nothing_is_asked(
    tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion
) -> None:
    """Hits come marked, with the id of their own request, from another process's store too."""
    backend = Echo(make_completion)
    requests = [make_request(f"p{number}") for number in range(5)]
    first = list(CachedBackend(backend, Store(tmp_path)).complete(requests))
    again = [request.model_copy(update={"id": f"again-{request.id}"}) for request in requests]
    second = list(CachedBackend(backend, Store(tmp_path)).complete(again))
    assert backend.asked == ["p0", "p1", "p2", "p3", "p4"]
    for before, after in zip(first, second, strict=True):
        assert isinstance(before, Completion)
        assert isinstance(after, Completion)
        assert (before.cached, after.cached) == (False, True)
        assert after.request_id == f"again-{before.request_id}"
        assert after.text == before.text


def test_failures_are_never_hits(tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion) -> None:
    """A request that failed is asked again."""
    backend = Echo(make_completion)
    cached = CachedBackend(backend, Store(tmp_path))
    for _ in range(2):
        assert [type(outcome) for outcome in cached.complete([make_request("bad-1")])] == [RequestError]
    assert backend.asked == ["bad-1", "bad-1"]


def test_what_is_being_asked_is_not_asked_again(
    tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion
) -> None:
    """The same paper under two ids, one right behind the other, is computed once."""
    backend = Echo(make_completion)
    backend.window = 3
    first, other = make_request("p0"), make_request("p1")
    twin = first.model_copy(update={"id": "twin"})
    outcomes = list(CachedBackend(backend, Store(tmp_path)).complete([first, twin, other]))
    assert backend.asked == ["p0", "p1"]
    found = {outcome.request_id: outcome for outcome in outcomes if isinstance(outcome, Completion)}
    assert sorted(found) == ["p0", "p1", "twin"]
    assert (found["twin"].text, found["twin"].cached) == (found["p0"].text, True)


def test_twin_of_a_failure_is_asked_itself(
    tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion
) -> None:
    """No request goes without an outcome, and none takes over a failure."""
    backend = Echo(make_completion)
    backend.window = 2
    first = make_request("bad-1")
    twins = [first.model_copy(update={"id": f"good-{number}"}) for number in range(300)]
    outcomes = list(CachedBackend(backend, Store(tmp_path)).complete([first, *twins]))
    assert len({outcome.request_id for outcome in outcomes}) == len(outcomes) == 301
    assert backend.asked == ["bad-1", "good-0"]


def test_hits_among_misses_need_bounded_memory(
    tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion
) -> None:
    """A long stretch of hits between two misses is yielded while it is read, not collected."""
    backend = Echo(make_completion)
    store = Store(tmp_path)
    known = make_request("known")
    list(CachedBackend(backend, store).complete([known]))
    pulled = 0

    def requests() -> Iterator[Request]:
        nonlocal pulled
        yield make_request("new-1")
        for _ in range(5000):
            pulled += 1
            yield known
        yield make_request("new-2")

    most_ahead = yielded = 0
    for _ in CachedBackend(backend, store).complete(requests()):
        yielded += 1
        most_ahead = max(most_ahead, pulled - yielded)
    assert yielded == 5002
    assert most_ahead < 300


def test_stopping_reaches_the_backend(
    tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion
) -> None:
    """Once stopping, no further miss is asked."""
    backend = Echo(make_completion)
    requests = [make_request(f"p{number}") for number in range(5)]
    outcomes = list(CachedBackend(backend, Store(tmp_path)).complete(requests, lambda: len(backend.asked) >= 2))
    assert len(outcomes) == len(backend.asked) == 2


class Bomb:
    """Unpickling this makes a folder, which the test would see."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return os.mkdir, (str(self.target),)


def test_pickled_value_raises_and_does_not_run(
    tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion
) -> None:
    """A row changed to a pickle is refused before anything of it is loaded."""
    store = Store(tmp_path / "cache")
    key = _store_entry(store, make_request(), make_completion("x"))
    _row(store, "UPDATE Cache SET mode = 4, value = ?", pickle.dumps(Bomb(tmp_path / "ran")))
    with pytest.raises(CacheError, match="did not write"):
        store.get(key)
    assert not (tmp_path / "ran").exists()


def test_pickled_key_raises_and_does_not_run(
    tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion
) -> None:
    """The same for a key, which is unpickled when keys are listed."""
    store = Store(tmp_path / "cache")
    _store_entry(store, make_request(), make_completion("x"))
    _row(store, "UPDATE Cache SET raw = 0, key = ?", pickle.dumps(Bomb(tmp_path / "ran")))
    with pytest.raises(CacheError, match="did not write"):
        list(store.entries())
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "change",
    [
        "mode = 3, filename = '../../secret.txt', value = NULL",
        "mode = 2, filename = '../../secret.txt', value = NULL",
        "value = x'00ff'",
        "value = '{\"text\": 1}'",
        "value = 'no json'",
        "mode = 9",
    ],
)
def test_any_other_tampered_row_raises(
    tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion, change: str
) -> None:
    """Rows that name a file, hold bytes or hold another shape are refused, and no file is opened."""
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    store = Store(tmp_path / "cache")
    key = _store_entry(store, make_request(), make_completion("x"))
    _row(store, f"UPDATE Cache SET {change}")  # noqa: S608 - the test's own constants
    with pytest.raises(CacheError, match="did not write") as caught:
        store.get(key)
    assert "secret" not in str(caught.value)


def test_answer_of_another_paper_is_refused(
    tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion
) -> None:
    """A whole row that was moved under another key is no answer to that."""
    store = Store(tmp_path)
    one, two = make_request("one"), make_request("two")
    list(CachedBackend(Echo(make_completion), store).complete([one, two]))
    _row(store, "UPDATE Cache SET value = (SELECT value FROM Cache WHERE key = ?) WHERE key = ?", two.key, one.key)
    with pytest.raises(CacheError, match="did not write"):
        list(CachedBackend(Echo(make_completion), store).complete([one]))


def test_clearing_removes_no_file_that_a_row_names(
    tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion
) -> None:
    """`cache clear`, which the error advises, deletes nothing outside of the database."""
    (tmp_path / "victim").mkdir()
    victim = tmp_path / "victim" / "secret.txt"
    victim.write_text("secret", encoding="utf-8")
    store = Store(tmp_path / "cache")
    _store_entry(store, make_request(), make_completion("x"))
    _row(store, "UPDATE Cache SET filename = '../../victim/secret.txt'")
    assert store.clear() == 1
    assert victim.read_text(encoding="utf-8") == "secret"


def test_only_text_goes_in(tmp_path: Path) -> None:
    """The disk refuses values and keys that would have to be pickled."""
    store = Store(tmp_path)
    with pytest.raises(CacheError, match="only text can be kept"):
        store._cache.set("key", {"a": 1})
    with pytest.raises(CacheError, match="only text can be a key"):
        store._cache.set(("a", 1), "text")


def test_nothing_is_evicted(tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion) -> None:
    """Paid answers stay, however many there are and however small diskcache's own limit is set."""
    store = Store(tmp_path)
    store._cache.reset("size_limit", 1000)
    for number in range(200):
        _store_entry(store, make_request(f"p{number}"), make_completion("x" * 1000, f"p{number}"))
    assert store.stats()[0] == 200


def test_folder_is_private(tmp_path: Path) -> None:
    """Nobody else can look into the cache."""
    assert Store(tmp_path / "new").directory.stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    (tmp_path / "new" / FOLDER).chmod(0o755)
    assert Store(tmp_path / "new").directory.stat().st_mode & 0o777 == 0o700


def test_folder_that_anybody_can_change_is_refused(tmp_path: Path) -> None:
    """What everybody may write is not to be trusted, whoever owns it."""
    tmp_path.chmod(0o777)
    with pytest.raises(CacheError, match="anybody could change"):
        Store(tmp_path)


def test_folder_is_the_one_that_was_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dollar sign in the name leads to no other folder than the one that was looked at."""
    monkeypatch.setenv("ELSEWHERE", "elsewhere")
    with pytest.raises(CacheError, match="write it out"):
        Store(tmp_path / "a$ELSEWHERE")
    assert not (tmp_path / "aelsewhere").exists()


def test_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    """Someone else who owns the folder could change the answers."""
    foreign = Path("/usr")
    if os.geteuid() == 0:
        foreign = tmp_path
        os.chown(foreign, 12345, 12345)
    with pytest.raises(CacheError, match=r"belongs to another user \(uid \d+\).*--cache-dir"):
        Store(foreign)


def test_what_is_no_store_says_so(tmp_path: Path) -> None:
    """A file in the place of the folder, and a database that is none, are errors with advice."""
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(CacheError, match="is not a folder; choose another"):
        Store(tmp_path / "file")
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "cache.db").write_text("no database at all" * 100, encoding="utf-8")
    with pytest.raises(CacheError, match="not a database; .*--cache-dir"):
        Store(tmp_path)


def test_clear_and_stats(tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion) -> None:
    """`stats` counts, `clear` forgets and says how many."""
    store = Store(tmp_path)
    _store_entry(store, make_request(), make_completion("x"))
    count, size = store.stats()
    assert (count, size > 0) == (1, True)
    assert store.clear() == 1
    assert store.stats()[0] == 0


def test_why_names_the_parts_that_differ(
    tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion
) -> None:
    """Of a stored answer that is not used it can be said what differs."""
    store = Store(tmp_path)
    request = make_request()
    _store_entry(store, request, make_completion("x"))
    wanted = request_parts(
        _IDENTITY.model_copy(update={"revision": "r2"}),
        request.model_copy(update={"decoding": Decoding(max_tokens=99)}),
    )
    ((key, entry),) = store.answers_for("paper-1")
    assert key == request.key
    assert differences(wanted, entry.parts) == ["revision: r1 -> r2", "max_tokens: 64 -> 99"]
    assert store.answers_for("paper-2") == []


def test_names_that_change_nothing_are_no_difference(make_request: MakeRequest) -> None:
    """A copy of a prompt under another name asks the same; with other words it is named beside them."""
    request = make_request()
    parts = request_parts(_IDENTITY, request)
    copy = request.model_copy(update={"prompt": "my.toml"})
    assert differences(request_parts(_IDENTITY, copy), parts) == []
    other = copy.model_copy(update={"messages": (Message(role="system", content="Other."), *request.messages[1:])})
    named, instructions = differences(request_parts(_IDENTITY, other), parts)
    assert (named, instructions[:14]) == ("prompt: annotate/v1 -> my.toml", "instructions: ")


@pytest.mark.parametrize("change", ["value = 'junk'", "raw = 0", "key = x'00ff'"])
def test_a_tampered_row_costs_an_export_nothing_else(
    tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion, change: str
) -> None:
    """What can be read is read, and what cannot is told."""
    store = Store(tmp_path)
    for number in range(3):
        _store_entry(store, make_request(f"p{number}"), make_completion("x", f"p{number}"))
    _row(store, f"UPDATE Cache SET {change} WHERE rowid = 2")  # noqa: S608 - the test's own constants
    broken: list[CacheError] = []
    assert [entry.completion.request_id for _, entry in Store(tmp_path).entries(broken.append)] == ["p0", "p2"]
    assert "holds a row that this program did not write" in str(broken[0])
    with pytest.raises(CacheError):
        list(Store(tmp_path).entries())


def _write_many(directory: Path, process: int, requests: list[Request], completions: list[Completion]) -> None:
    store = Store(directory)
    for number, (request, completion) in enumerate(zip(requests, completions, strict=True)):
        key = f"{process}-{number}"
        store.put(key, Entry(parts=request_parts(_IDENTITY, request), completion=completion))


def test_processes_share_a_store(tmp_path: Path, make_request: MakeRequest, make_completion: MakeCompletion) -> None:
    """Six processes that open a new store at once and write 50 answers each lose none of the 300."""
    requests = [make_request(f"p{number}") for number in range(50)]
    completions = [make_completion("x", request.id) for request in requests]
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=_write_many, args=(tmp_path, number, requests, completions)) for number in range(6)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 6
    assert Store(tmp_path).stats()[0] == 300


_FILL = """
import resource, sys
from pathlib import Path
from summarizer.errors import CacheError
from summarizer.cache import Store
from summarizer.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
sys.exit(main(["run", sys.argv[1], "-o", sys.argv[2], "--backend", "scripted", "--cache-dir", sys.argv[3], "--quiet"]))
"""


def test_full_disk_stops_the_run_with_advice(tmp_path: Path) -> None:
    """When the database cannot grow any further the run stops and says what to do."""
    papers = tmp_path / "papers.jsonl"
    papers.write_text(
        "".join(f'{{"id": "p{n}", "title": "T{n}", "abstract": "{"deep " * 300}{n}."}}\n' for n in range(200)),
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-c", _FILL, str(papers), str(tmp_path / "out.jsonl"), str(tmp_path / "cache")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "--no-cache" in done.stderr
    assert "Traceback" not in done.stderr
