"""Records that failed are asked again, and nothing else in the file changes."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path

import pytest

from summarizer import Record, Settings, Summarizer, read_records
from summarizer.cli import main
from summarizer.errors import InputError, OutputError
from summarizer.options import parser
from summarizer.writing.renewal import Renewal
from tests.chat_server import ChatServer, Reply, answer, fault

Run = Callable[..., int]

_ROOT = Path(__file__).parent.parent
_ABSTRACT = "Stream {0} is deep. More follows."
_PAPERS = [
    {"id": f"p{number}", "title": f"Paper {number}", "abstract": _ABSTRACT.format(number)} for number in range(6)
]
_EMPTY: dict[str, object] = {"contribution": "study", "field": "other", "modalities": [], "tasks": [], "methods": []}
_EMPTY |= {"datasets": [], "metrics": [], "results": []}
#: What the first run gets: no JSON for p1 and p3, a number for p4 that its paper does not have.
_SCRIPT: list[dict[str, object]] = [
    {"id": "p1", "text": "I would rather not."},
    {"id": "p3", "text": "Neither would I."},
    {"id": "p4", "text": {**_EMPTY, "tldr": "Stream 4 is 97.3 m deep."}},
]


def _lines(items: Sequence[Mapping[str, object]]) -> str:
    return "".join(f"{json.dumps(item)}\n" for item in items)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished output: p1 and p3 failed, p4 is partial, then come a duplicate and an unreadable line."""
    monkeypatch.chdir(tmp_path)
    papers = [*_PAPERS, _PAPERS[0]]
    Path("papers.jsonl").write_text(_lines(papers) + '{"id": broken\n', encoding="utf-8")
    Path("script.jsonl").write_text(_lines(_SCRIPT), encoding="utf-8")
    Path("summarizer.toml").write_text('backend = "scripted"\ncache_dir = "cache"\n', encoding="utf-8")
    assert main(["run", "papers.jsonl", "-o", "out.jsonl", "--script", "script.jsonl"]) == 1
    return tmp_path


def _statuses(path: str = "out.jsonl") -> list[str]:
    return [record.status for record in read_records(path)]


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "summarizer", *arguments]


def _start(*arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(_ROOT)}
    return subprocess.Popen(_command(*arguments), stderr=subprocess.PIPE, text=True, env=environment)


def _with_odd_lines(path: Path) -> list[bytes]:
    """Give the lines another look that means the same, so that a line that is written anew is noticed."""
    lines = [line.replace(b'","', b'" ,\t"', 1) for line in path.read_bytes().splitlines()]
    lines[0] = b"  " + lines[0] + b"  \r"
    lines[-1] = b" " + lines[-1]
    lines.insert(2, b"   ")
    content = b"\n".join(lines)
    path.write_bytes(content)
    return content.split(b"\n")


@pytest.mark.usefixtures("folder")
def test_only_what_failed_is_replaced() -> None:
    """Failed records become answered ones in their places, and all other lines stay byte for byte."""
    assert _statuses() == ["ok", "failed", "ok", "failed", "partial", "ok", "skipped", "failed"]
    before = _with_odd_lines(Path("out.jsonl"))
    assert main(["retry", "out.jsonl"]) == 0
    after = Path("out.jsonl").read_bytes().split(b"\n")
    assert [place for place, line in enumerate(before) if after[place] != line] == [1, 4]
    assert len(after) == len(before)
    assert _statuses() == ["ok", "ok", "ok", "ok", "partial", "ok", "skipped", "failed"]
    old, new = Record.model_validate_json(before[4]), Record.model_validate_json(after[4])
    assert (new.id, new.source, new.abstract, new.tldr and new.tldr.text) == (
        old.id, old.source, old.abstract, "Stream 3 is deep.",
    )  # fmt: skip
    assert [path.name for path in Path().glob("*out.jsonl*")] == ["out.jsonl"]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("names", "changed"),
    [(["partial"], [4]), (["invalid_json"], [1, 3]), (["ok"], [0, 2, 5]), (["failed", "partial"], [1, 3, 4])],
)
def test_only_chooses_by_status_and_kind(names: list[str], changed: list[int]) -> None:
    """Every `--only` adds to what is asked, and nothing else is."""
    before = Path("out.jsonl").read_bytes().splitlines()
    assert main(["retry", "out.jsonl", *(word for name in names for word in ("--only", name))]) == 0
    after = Path("out.jsonl").read_bytes().splitlines()
    assert [place for place, line in enumerate(before) if after[place] != line] == changed


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["out.jsonl", "--only", "trunkated"],
         "out.jsonl has ok (3), failed (2), invalid_json (2), partial (1); no paper to ask about: skipped (1), "),
        (["out.jsonl", "--only", "skipped"], "--only skipped: there is no paper to ask about (no_abstract: "),
        (["out.jsonl", "--only", "unreadable"], "no paper to ask about; the input is broken at the line"),
        (["out.jsonl", "--only", "duplicate"], "no paper to ask about; the paper stands earlier"),
        (["nowhere.jsonl"], "nowhere.jsonl: No such file"),
        (["empty.jsonl"], "empty.jsonl: holds no records"),
        (["-"], "records are replaced in a file"),
        (["/dev/null"], "/dev/null: is not a file"),
        (["papers.jsonl"], "papers.jsonl, line 1: not a record"),
        (["out.jsonl", "--prompt", "anotate"], "there is no prompt 'anotate'"),
        (["out.jsonl", "--backend", "hosted", "--model", "m"], "OPENAI_API_KEY"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_leaves_the_file(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    """A mistake is exit code 2 with the reason, and no byte of any file changes."""
    Path("empty.jsonl").write_text("\n", encoding="utf-8")
    before = {path: path.read_bytes() for path in Path().glob("*.jsonl")}
    assert main(["retry", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert {path: path.read_bytes() for path in Path().glob("*.jsonl")} == before
    assert not list(Path().glob(".*"))


@pytest.mark.usefixtures("folder")
def test_nothing_to_ask_is_fine(capsys: pytest.CaptureFixture[str]) -> None:
    """A script may ask again after every run: without failures there is nothing to do, and that is no failure."""
    assert main(["retry", "out.jsonl", "--only", "transport"]) == 0
    assert "there is nothing to ask again; it has ok (3), " in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
def test_unfinished_output_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A torn last line belongs to a run that has to be finished first."""
    torn = Path("out.jsonl").read_bytes()[:-40]
    Path("out.jsonl").write_bytes(torn)
    assert main(["retry", "out.jsonl"]) == 2
    assert "out.jsonl, line 8: is not finished" in (error := capsys.readouterr().err)
    assert "finish the run first" in error
    assert Path("out.jsonl").read_bytes() == torn


@pytest.mark.usefixtures("folder")
def test_same_question_has_the_same_answer(capsys: pytest.CaptureFixture[str]) -> None:
    """With the settings of the run the stored answer comes back, and the summary says how to get another one."""
    settings = ["--script", "script.jsonl", "--only", "partial", "--only", "failed"]
    assert main(["retry", "out.jsonl", *settings]) == 1
    error = capsys.readouterr().err
    assert "3 x the same answer as before, from the cache" in error
    assert "`summarizer retry out.jsonl --script script.jsonl --only invalid_json`" in error
    assert main(["retry", "out.jsonl", *settings, "--no-cache"]) == 1
    assert "same answer" not in capsys.readouterr().err
    assert main(["retry", "out.jsonl", *settings, "--max-tokens", "700"]) == 1
    assert "same answer" not in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
def test_a_failure_takes_no_answer_away(capsys: pytest.CaptureFixture[str]) -> None:
    """A record with an answer that is asked again in vain stays as it was, and the exit code tells of the failure."""
    Path("worse.jsonl").write_text('{"id": "*", "text": "No."}\n', encoding="utf-8")
    before = Path("out.jsonl").read_bytes()
    assert main(["retry", "out.jsonl", "--script", "worse.jsonl", "--only", "ok", "--only", "partial"]) == 1
    assert Path("out.jsonl").read_bytes() == before
    error = capsys.readouterr().err
    assert "4 x the new try failed, so the answer that was there stays" in error
    assert "0 ok, 0 partial, 4 failed" in error


@pytest.mark.usefixtures("folder")
def test_the_run_goes_on_after_a_retry(capsys: pytest.CaptureFixture[str]) -> None:
    """The command that made the file goes on after records that were asked again with other settings, twice even."""
    command = ["run", "papers.jsonl", "-o", "out.jsonl", "--script", "script.jsonl"]
    assert main(["retry", "out.jsonl", "--max-tokens", "700"]) == 0
    assert main(["retry", "out.jsonl", "--only", "partial", "--max-tokens", "800"]) == 0
    assert main(["retry", "out.jsonl", "--only", "ok", "--max-tokens", "900"]) == 0
    before = Path("out.jsonl").read_bytes()
    with Path("papers.jsonl").open("a", encoding="utf-8") as papers:
        papers.write('{"id": "new", "title": "New", "abstract": "A new stream."}\n')
    capsys.readouterr()
    assert main(command) == 1  # of the line that is broken
    assert Path("out.jsonl").read_bytes().startswith(before)
    assert _statuses()[-1] == "ok"
    # The same check still refuses what is of no run with these settings, and says what may have been meant.
    assert main([*command, "--max-tokens", "700"]) == 2
    assert "`summarizer retry` asks some of them again with other settings" in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
def test_a_retry_with_the_first_settings_is_no_retry() -> None:
    """What is asked with the settings of the run again is marked as any record of the run."""
    assert main(["retry", "out.jsonl"]) == 0
    marks = [record.provenance and record.provenance.retry_of for record in read_records("out.jsonl")]
    assert [place for place, mark in enumerate(marks) if mark] == [1, 3]
    assert main(["retry", "out.jsonl", "--only", "ok", "--only", "partial", "--script", "script.jsonl"]) == 1
    kept = [record.provenance and record.provenance.retry_of for record in read_records("out.jsonl")]
    assert kept == marks  # p1 and p3 failed once more and kept what they had


@pytest.mark.usefixtures("folder")
def test_other_vocabulary_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """One file never holds the labels of two vocabularies."""
    Path("tags.toml").write_text('[methods]\n"stream" = []\n', encoding="utf-8")
    before = Path("out.jsonl").read_bytes()
    assert main(["retry", "out.jsonl", "--vocabulary", "tags.toml"]) == 2
    assert "the record of 'p0', which stays, was tagged with another vocabulary" in capsys.readouterr().err
    assert Path("out.jsonl").read_bytes() == before
    every = ["--only", "ok", "--only", "partial", "--only", "failed"]
    assert main(["retry", "out.jsonl", "--vocabulary", "tags.toml", *every]) == 0


def test_acronyms_of_the_whole_file_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked again has the tags that the run would have given: other records explain its acronyms."""
    monkeypatch.chdir(tmp_path)
    Path("summarizer.toml").write_text('backend = "scripted"\ncache_dir = "cache"\n', encoding="utf-8")
    papers = [
        {"id": "a", "title": "Basins", "abstract": "We present tidal basin networks (TBNs), which are deep."},
        {"id": "b", "title": "Rivers", "abstract": "We train TBNs on rivers. They are deep."},
    ]
    Path("papers.jsonl").write_text(_lines(papers), encoding="utf-8")
    said = {**_EMPTY, "tldr": "We train TBNs on rivers.", "methods": [{"name": "TBNs", "role": "used"}]}
    Path("good.jsonl").write_text(_lines([{"id": "b", "text": said}]), encoding="utf-8")
    Path("bad.jsonl").write_text(_lines([{"id": "b", "text": "No."}]), encoding="utf-8")
    assert main(["run", "papers.jsonl", "-o", "good.out.jsonl", "--script", "good.jsonl"]) == 0
    assert main(["run", "papers.jsonl", "-o", "out.jsonl", "--script", "bad.jsonl"]) == 1
    assert main(["retry", "out.jsonl", "--script", "good.jsonl"]) == 0
    wanted, found = (list(read_records(name))[1].tags for name in ("good.out.jsonl", "out.jsonl"))
    assert found == wanted
    assert "tidal basin network" in {tag.label for tag in found}


def test_the_same_ids_and_texts_are_asked_one_for_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In files that were put together each failed record is answered in its place, and none is a duplicate."""
    monkeypatch.chdir(tmp_path)
    Path("summarizer.toml").write_text('backend = "scripted"\ncache_dir = "cache"\n', encoding="utf-8")
    papers = [{**_PAPERS[0], "abstract": _ABSTRACT.format(number)} for number in (1, 2, 3)]
    Path("papers.jsonl").write_text(_lines(papers), encoding="utf-8")
    Path("bad.jsonl").write_text('{"id": "*", "text": "No."}\n', encoding="utf-8")
    assert main(["run", "papers.jsonl", "-o", "out.jsonl", "--script", "bad.jsonl"]) == 1
    Path("twice.jsonl").write_bytes(Path("out.jsonl").read_bytes() * 2)
    before = list(read_records("twice.jsonl"))
    assert main(["retry", "twice.jsonl"]) == 0
    after = list(read_records("twice.jsonl"))
    told = [record.tldr and record.tldr.text for record in after]
    assert told == [f"Stream {number} is deep." for number in (1, 2, 3)] * 2
    assert [record.source for record in after] == [record.source for record in before]
    codes = [[caution.code for caution in record.warnings] for record in after]
    assert codes == [[], ["duplicate_id"], ["duplicate_id"]] * 2
    assert [record.warnings for record in after] == [record.warnings for record in before]


def _failing(settings: list[str], reply: Callable[[str, int], Reply], papers: int = 6) -> list[str]:
    """Make out.jsonl by a server whose first request is answered; gives the flags that reach the server."""
    lines = [{"id": f"h{number}", "title": f"Paper h{number}", "abstract": _ABSTRACT.format(number)}
             for number in range(papers)]  # fmt: skip
    Path("papers.jsonl").write_text(_lines(lines), encoding="utf-8")
    with ChatServer(reply) as server:
        flags = ["--backend", "hosted", "--model", "m", "--base-url", server.url, "--cache-dir", "cache", *settings]
        flags += ["--structured-mode", "strict"]
        assert main(["run", "papers.jsonl", "-o", "out.jsonl", *flags]) == 1
    return flags


def _good(prompt: str) -> Reply:
    number = prompt.partition("Paper h")[2].split()[0]
    text = {**_EMPTY, "tldr": f"Stream {number} is deep."}
    return answer(json.dumps(text))


def _truncating(prompt: str, _attempt: int) -> Reply:
    return _good(prompt) if "Paper h0" in prompt else answer('{"tldr": "Stream', finish="length")


def test_truncated_answers_get_more_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run names the command; with more tokens it asks those that were cut off, and only those."""
    monkeypatch.chdir(tmp_path)
    flags = _failing([], _truncating)
    told = capsys.readouterr().err
    assert "5 x truncated: raise --max-tokens; `summarizer retry out.jsonl --backend hosted --model m " in told
    assert f"--base-url {flags[5]} --structured-mode strict --only truncated --max-tokens 1280`" in told
    with ChatServer(lambda prompt, _: _good(prompt)) as server:
        flags[5] = server.url
        assert main(["retry", "out.jsonl", "--only", "truncated", *flags, "--max-tokens", "2000"]) == 0
        assert len(server.bodies) == 5
        assert "was asked about before" not in capsys.readouterr().err
        assert main(["retry", "out.jsonl", "--only", "ok", *flags, "--model", "larger"]) == 0
        assert "asking larger about papers that m was asked about before" in capsys.readouterr().err
        assert len(server.bodies) == 11
    assert [record.tldr and record.tldr.text for record in read_records("out.jsonl")] == [
        f"Stream {number} is deep." for number in range(6)
    ]


def test_at_the_end_of_the_budget_what_was_answered_is_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Answers that are paid are written, also where no cache keeps them; it ends with 3 and says how to go on."""
    monkeypatch.chdir(tmp_path)
    flags = _failing(["--concurrency", "1"], _truncating)

    def dear(prompt: str, _attempt: int) -> Reply:
        reply = _good(prompt)
        usage = {"prompt_tokens": 4000, "completion_tokens": 7}
        return Reply(body={**reply.body, "usage": usage}) if isinstance(reply.body, dict) else reply

    with ChatServer(dear) as server:
        flags[5] = server.url
        assert main(["retry", "out.jsonl", *flags, "--no-cache", "--max-total-tokens", "12000"]) == 3
        answered = len(server.bodies)
    assert 0 < answered < 5
    assert _statuses() == ["ok"] * (1 + answered) + ["failed"] * (5 - answered)
    assert f"{answered} of 5 records are replaced" in capsys.readouterr().err


def test_a_server_that_refuses_half_way_takes_no_answer_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was answered before the account ran out of credit is in the file, also where no cache keeps it."""
    monkeypatch.chdir(tmp_path)
    flags = _failing(["--concurrency", "1"], _truncating)
    asked = count(1)

    def refusing(prompt: str, _attempt: int) -> Reply:
        return _good(prompt) if next(asked) <= 2 else fault(429, "no credit", code="insufficient_quota")

    with ChatServer(refusing) as server:
        flags[5] = server.url
        assert main(["retry", "out.jsonl", *flags, "--no-cache"]) == 2
    assert _statuses() == ["ok"] * 3 + ["failed"] * 3
    assert not Path(".out.jsonl.retry").exists()
    assert "no credit or quota left" in capsys.readouterr().err


@pytest.fixture
def slow_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ChatServer, list[str]]]:
    """A server that truncates until `out.jsonl` is there, and then answers one request after the other."""
    monkeypatch.chdir(tmp_path)
    finished = tmp_path / "finished"

    def reply(prompt: str, attempt: int) -> Reply:
        if not finished.exists():
            return _truncating(prompt, attempt)
        time.sleep(0.3)
        return _good(prompt)

    lines = [{"id": f"h{number}", "title": f"Paper h{number}", "abstract": _ABSTRACT.format(number)}
             for number in range(8)]  # fmt: skip
    Path("papers.jsonl").write_text(_lines(lines), encoding="utf-8")
    with ChatServer(reply) as server:
        flags = ["--backend", "hosted", "--model", "m", "--base-url", server.url, "--cache-dir", "cache"]
        flags += ["--concurrency", "1"]
        assert main(["run", "papers.jsonl", "-o", "out.jsonl", *flags]) == 1
        server.bodies.clear()
        finished.touch()
        yield server, flags


def _wait_for(count: int, server: ChatServer, process: subprocess.Popen[str]) -> None:
    while len(server.bodies) < count:
        assert process.poll() is None
        time.sleep(0.01)


def test_a_killed_retry_changes_nothing_and_goes_on(slow_server: tuple[ChatServer, list[str]]) -> None:
    """After `kill -9` the file is as it was, and the same command asks none again of what was answered."""
    server, flags = slow_server
    before = Path("out.jsonl").read_bytes()
    with _start("retry", "out.jsonl", *flags) as process:
        _wait_for(4, server, process)
        process.kill()
    assert Path("out.jsonl").read_bytes() == before
    assert main(["retry", "out.jsonl", *flags]) == 0
    # Seven had failed, and what was under way at the kill may be asked twice.
    assert 7 <= len(server.bodies) <= 8
    assert set(_statuses()) == {"ok"}
    assert not Path(".out.jsonl.retry").exists()


def test_an_interrupted_retry_keeps_what_was_answered(slow_server: tuple[ChatServer, list[str]]) -> None:
    """After Ctrl-C what was answered is in the file, the rest is as it was, and the command is told that goes on."""
    server, flags = slow_server
    before = Path("out.jsonl").read_bytes().splitlines()
    with _start("retry", "out.jsonl", *flags) as process:
        _wait_for(4, server, process)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    after = Path("out.jsonl").read_bytes().splitlines()
    replaced = [place for place, line in enumerate(before) if after[place] != line]
    assert len(after) == len(before)
    assert replaced == list(range(1, len(replaced) + 1))
    assert 1 <= len(replaced) < 7
    assert f"stopped; {len(replaced)} of 7 records are replaced" in error
    assert "To go on: summarizer retry out.jsonl --backend hosted" in error
    assert main(["retry", "out.jsonl", *flags]) == 0
    assert len(server.bodies) == 7
    assert set(_statuses()) == {"ok"}


def test_two_do_not_write_one_file(
    slow_server: tuple[ChatServer, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """While a retry goes on, neither a run nor another retry touches its file."""
    server, flags = slow_server
    with _start("retry", "out.jsonl", *flags) as process:
        _wait_for(1, server, process)
        assert main(["retry", "out.jsonl", *flags]) == 2
        assert main(["run", "papers.jsonl", "-o", "out.jsonl", *flags]) == 2
        assert capsys.readouterr().err.count("another process is writing this file") == 2
        process.communicate(timeout=60)
    assert process.returncode == 0


def _record(number: int, record: Record) -> bytes:
    return record.model_copy(update={"id": f"r{number}"}).model_dump_json().encode() + b"\n"


@pytest.mark.usefixtures("folder")
def test_reading_is_never_far_ahead() -> None:
    """20,000 records stream: what was read and is not yet replaced is bounded, however many lie between."""
    ok, failed, *_ = read_records("out.jsonl")
    # In groups, so that sixteen thousand untouched records stand between two that failed.
    kinds = [*[failed] * 2_000, *[ok] * 16_000, *[failed] * 2_000]
    Path("out.jsonl").write_bytes(b"".join(_record(number, record) for number, record in enumerate(kinds)))
    ahead = most = 0

    def asked(file: Renewal) -> Iterator[Record]:
        nonlocal ahead, most
        for _, record in file.records():
            if record.status == "failed":
                ahead += 1
                most = max(most, ahead)
                yield record

    with Renewal(Path("out.jsonl")) as file:
        for _ in Summarizer(Settings(backend="scripted", cache=False)).again(asked(file)):
            ahead -= 1
    assert ahead == 0
    assert 1 <= most < 300


@pytest.mark.usefixtures("folder")
def test_what_another_program_changes_is_not_replaced() -> None:
    """An editor heeds no lock: what it wrote meanwhile stays, and the retry says so."""
    with Renewal(Path("out.jsonl")) as file:
        place, record = next(file.records())
        file.put(place, record)
        Path("out.jsonl").write_bytes(b"mine\n")
        with pytest.raises(OutputError, match="out.jsonl: was changed by another program meanwhile"):
            file.finish()
    assert Path("out.jsonl").read_bytes() == b"mine\n"
    assert not Path(".out.jsonl.retry").exists()


@pytest.mark.usefixtures("folder")
def test_rights_and_links_stay() -> None:
    """The new file may be read by those who could read the old one, and a link goes on leading to it."""
    Path("real").mkdir()
    Path("out.jsonl").rename("real/out.jsonl")
    Path("out.jsonl").symlink_to("real/out.jsonl")
    Path("real/out.jsonl").chmod(0o640)
    assert main(["retry", "out.jsonl"]) == 0
    assert Path("out.jsonl").is_symlink()
    assert Path("real/out.jsonl").stat().st_mode & 0o777 == 0o640
    assert [path.name for path in Path("real").iterdir()] == ["out.jsonl"]


@pytest.mark.usefixtures("folder")
def test_what_a_killed_retry_left_behind_leads_nowhere() -> None:
    """A link in the place of the new file is removed and not followed."""
    Path("precious").write_text("mine", encoding="utf-8")
    Path(".out.jsonl.retry").symlink_to("precious")
    assert main(["retry", "out.jsonl"]) == 0
    assert Path("precious").read_text(encoding="utf-8") == "mine"
    assert not Path("out.jsonl").is_symlink()


def test_a_fifo_is_refused(tmp_path: Path) -> None:
    """What is no file is an error at once."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="is not a file"):
        Renewal(tmp_path / "pipe")


@pytest.mark.usefixtures("folder")
def test_the_file_says_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    """A kind of failure that a file brings along is never part of a command that people may copy."""
    content = Path("out.jsonl").read_text(encoding="utf-8").replace('"invalid_json"', '"x`; rm -rf ~"')
    Path("out.jsonl").write_text(content, encoding="utf-8")
    assert main(["run", "papers.jsonl", "-o", "out.jsonl", "--script", "script.jsonl"]) == 1
    assert "rm -rf ~: see the record\n" in capsys.readouterr().err
    assert main(["retry", "out.jsonl", "--only", "x`; rm -rf ~"]) == 0
    assert _statuses()[1] == "ok"


def test_the_command_that_is_told_means_the_same_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every setting that the run was given stands in the command that it names, in the form of the command line."""
    monkeypatch.chdir(tmp_path)
    Path("papers.jsonl").write_text(_lines(_PAPERS), encoding="utf-8")
    Path("my script.jsonl").write_text('{"id": "*", "text": "No."}\n', encoding="utf-8")
    Path("my.toml").write_text("", encoding="utf-8")
    flags = ["--config", "my.toml", "--backend", "scripted", "--script", "my script.jsonl", "--cache-dir", "cache"]
    flags += ["--temperature", "0.5", "--seed", "0", "--no-repair", "--no-stand-in", "--no-cache", "--batch-size", "3"]
    assert main(["run", "papers.jsonl", "-o", "out.jsonl", "--map", "title=title", *flags]) == 1
    told = capsys.readouterr().err.partition("`summarizer ")[2].partition("`")[0]
    arguments = shlex.split(told)
    assert arguments[:2] == ["retry", "out.jsonl"]
    found, wanted = vars(parser().parse_args(arguments)), vars(parser().parse_args(["retry", "out.jsonl", *flags]))
    assert found == {**wanted, "only": ["invalid_json"]}
