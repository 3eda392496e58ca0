"""Leases: one holder at a time, among threads and processes, however a holder ends."""

import errno
import fcntl
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from summarizer.leases import Leases

_ROOT = Path(__file__).parent.parent

#: Takes a lease, says so, and holds it until its input ends.
_HOLD = """
import sys
from pathlib import Path
from summarizer.leases import Leases
with Leases(Path(sys.argv[1])) as leases:
    print(leases.take(sys.argv[2]), flush=True)
    sys.stdin.read()
"""


def _hold(path: Path, key: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path), key],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(_ROOT)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    return process


def _end(process: subprocess.Popen[str], number: signal.Signals | None = None) -> None:
    if number is not None:
        process.send_signal(number)
    process.communicate()


def test_a_lease_has_one_holder_in_a_process(tmp_path: Path) -> None:
    """Nobody else gets it, not even its holder again, before it is given back; other keys are free."""
    with Leases(tmp_path / "leases") as one, Leases(tmp_path / "leases") as other:
        assert one.take("a")
        assert not one.take("a")
        assert not other.take("a")
        assert other.take("b")
        other.free("a")  # is not the other's to give
        assert not other.take("a")
        one.free("a")
        assert other.take("a")


def test_a_lease_has_one_holder_among_processes(tmp_path: Path) -> None:
    """What another process holds is refused until that process has ended."""
    process = _hold(tmp_path / "leases", "a")
    with Leases(tmp_path / "leases") as leases:
        assert not leases.take("a")
        assert leases.take("b")
        _end(process)
        assert leases.take("a")


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    """After kill -9 the lease is free, with nothing to be cleared away."""
    process = _hold(tmp_path / "leases", "a")
    with Leases(tmp_path / "leases") as leases:
        assert not leases.take("a")
        _end(process, signal.SIGKILL)
        assert leases.take("a")
    assert (tmp_path / "leases").stat().st_size == 0


def test_closing_one_holder_frees_what_is_its_own_and_nothing_else(tmp_path: Path) -> None:
    """The kernel would drop all locks of a process that closes a file once; the other holder here keeps its own."""
    path = tmp_path / "leases"
    with Leases(path) as one:
        assert one.take("a")
        with Leases(path) as other:
            assert other.take("b")
        assert _taken_elsewhere(path, "a", "b") == [False, True]
    assert _taken_elsewhere(path, "a", "b") == [True, True]


def test_the_last_holder_closes_the_file(tmp_path: Path) -> None:
    """A process that reads many inputs one after the other keeps no descriptor."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(20):
        path = tmp_path / f"leases-{number % 3}"
        with Leases(path) as one, Leases(path) as other:
            assert one.take("a")
            assert other.take("b")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_nothing_is_opened_before_the_first_lease(tmp_path: Path) -> None:
    """A run that is wholly cached leaves no trace."""
    with Leases(tmp_path / "leases") as leases:
        leases.free("a")
        assert not leases.is_of_this_thread("a")
    assert not (tmp_path / "leases").exists()


def _taken_elsewhere(path: Path, *keys: str) -> list[bool]:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_take_all, (path, keys))


def _take_all(path: Path, keys: tuple[str, ...]) -> list[bool]:
    with Leases(path) as leases:
        return [leases.take(key) for key in keys]


def test_a_fork_inherits_no_lease(tmp_path: Path) -> None:
    """The child is refused what its parent holds, cannot free it, and gets it once the parent has given it back."""
    path = tmp_path / "leases"
    parent_reads, child_writes = os.pipe()
    child_reads, parent_writes = os.pipe()
    with Leases(path) as leases:
        assert leases.take("a")
        child = os.fork()
        if child == 0:
            # Whatever happens, the child must not go on with the tests of its parent.
            try:
                os.close(parent_reads)
                os.close(parent_writes)
                inherited, own = leases.is_of_this_thread("a") or leases.take("a"), Leases(path)
                leases.free("a")
                refused = own.take("a")
                leases.close()
                os.write(child_writes, b"%d%d%d" % (inherited, refused, own.take("b")))
                os.read(child_reads, 1)
                os.write(child_writes, b"%d" % own.take("a"))
            finally:
                os._exit(0)
        os.close(child_reads)
        os.close(child_writes)
        assert os.read(parent_reads, 3) == b"001"
        assert not leases.take("b")
        assert _taken_elsewhere(path, "a") == [False]
    os.write(parent_writes, b"x")
    assert os.read(parent_reads, 1) == b"1"
    assert os.waitpid(child, 0)[1] == 0
    os.close(parent_reads)
    os.close(parent_writes)


def test_threads_are_told_apart(tmp_path: Path) -> None:
    """Of sixteen threads that take a lease at once one gets it, and knows it for its own."""
    path, barrier, got = tmp_path / "leases", threading.Barrier(16), list[tuple[bool, bool]]()

    def take() -> None:
        with Leases(path) as leases:
            barrier.wait()
            got.append((leases.take("a"), leases.is_of_this_thread("a")))
            barrier.wait()

    threads = [threading.Thread(target=take) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [(False, False)] * 15 + [(True, True)]


def test_ten_thousand_leases_at_once(tmp_path: Path) -> None:
    """As many as there can be requests in flight are held by one, and free again when it closes."""
    keys = [f"key {number}" for number in range(10_000)]
    with Leases(tmp_path / "leases") as leases:
        assert all(leases.take(key) for key in keys)
        assert _taken_elsewhere(tmp_path / "leases", *keys[::999]) == [False] * 11
    assert all(_taken_elsewhere(tmp_path / "leases", *keys))


@pytest.mark.parametrize("obstacle", ["link", "folder"])
def test_a_file_that_cannot_be_used_stops_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, obstacle: str
) -> None:
    """Leases are given without it, with one warning, and no link is followed."""
    path, elsewhere = tmp_path / "leases", tmp_path / "elsewhere"
    if obstacle == "link":
        path.symlink_to(elsewhere)
    else:
        path.mkdir()
    with caplog.at_level(logging.WARNING), Leases(path) as leases:
        assert all(leases.take(key) for key in ("a", "b", "a"))
        leases.free("a")
    assert not elsewhere.exists()
    assert [record.name for record in caplog.records] == ["summarizer.leases"]
    assert "runs at the same time may ask the same" in caplog.text


def test_a_file_system_without_locks_stops_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads still respect one another, processes cannot, and it is said once."""

    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "lockf", no_locks)  # the system's answer on some network file systems
    with caplog.at_level(logging.WARNING), Leases(tmp_path / "leases") as leases:
        assert leases.take("a")
        assert not leases.take("a")
        assert leases.take("b")
        leases.free("a")
        assert leases.take("a")
    assert [record.name for record in caplog.records] == ["summarizer.leases"]
    assert "No locks available" in caplog.text


def test_the_file_is_private_and_never_cut(tmp_path: Path) -> None:
    """It is made for this user alone, and what somebody left in it stays."""
    with Leases(tmp_path / "leases") as leases:
        assert leases.take("a")
    assert (tmp_path / "leases").stat().st_mode & 0o777 == 0o600
    (tmp_path / "leases").write_text("something", encoding="utf-8")
    with Leases(tmp_path / "leases") as leases:
        assert leases.take("a")
    assert (tmp_path / "leases").read_text(encoding="utf-8") == "something"
