"""The output file is whole at every moment."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from summarizer.errors import InputError, OutputError
from summarizer.records import Record, Source
from summarizer.writing.jsonl import RecordFile, read_records

Write = Callable[[str, str], Path]


def _record(number: int) -> Record:
    return Record(
        id=f"r{number}", title="T", abstract="x\u2028y", source=Source(name="f", line=number), status="failed"
    )


def test_records_come_back(tmp_path: Path) -> None:
    """What is appended is what is read, one line each, line separators in texts included."""
    path = tmp_path / "out.jsonl"
    with RecordFile(path) as file:
        for number in range(3):
            file.append(_record(number))
    assert list(read_records(path)) == [_record(number) for number in range(3)]
    assert path.read_bytes().count(b"\n") == 3


@pytest.mark.parametrize("torn", [b'{"schema', b"{", b"\x00\x00", '{"schema_version":"1.0","title":"é'.encode()[:-1]])
def test_torn_last_line_is_taken_away(tmp_path: Path, torn: bytes) -> None:
    """After a kill in the middle of a line the whole ones are kept and the file goes on."""
    path = tmp_path / "out.jsonl"
    whole = "".join(f"{_record(number).model_dump_json()}\n" for number in range(2)).encode()
    path.write_bytes(whole + torn)
    with RecordFile(path) as file:
        assert [record.id for record in file.written()] == ["r0", "r1"]
        assert path.read_bytes() == whole
        file.append(_record(2))
    assert [record.id for record in read_records(path)] == ["r0", "r1", "r2"]


def test_a_last_line_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    """What was added to the file by hand, without a line break, is named and not taken away."""
    path = tmp_path / "out.jsonl"
    content = f"{_record(1).model_dump_json()}\nto be read again on Monday".encode()
    path.write_bytes(content)
    with RecordFile(path) as file, pytest.raises(OutputError, match="line 2 is not a record .* left as it is"):
        list(file.written())
    assert path.read_bytes() == content


def test_blank_lines_do_not_count(tmp_path: Path) -> None:
    """An editor that leaves an empty line at the end does not break the file."""
    path = tmp_path / "out.jsonl"
    path.write_text(f"{_record(1).model_dump_json()}\n\n", encoding="utf-8")
    with RecordFile(path) as file:
        assert [record.id for record in file.written()] == ["r1"]
        file.append(_record(2))
    assert [record.id for record in read_records(path)] == ["r1", "r2"]


def test_reading_leaves_out_what_a_run_has_not_finished(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A digest of a run that goes on shows the records that are whole, and the log tells of the one that is not."""
    path = tmp_path / "out.jsonl"
    whole = f"{_record(1).model_dump_json()}\n".encode()
    path.write_bytes(whole + whole[:40])
    assert [record.id for record in read_records(path)] == ["r1"]
    assert "line 2: is not finished and is left out" in caplog.text


def test_deleted_output_is_told(tmp_path: Path) -> None:
    """Records that go into a file that is gone are not counted as written."""
    path = tmp_path / "out.jsonl"
    with RecordFile(path) as file:
        file.append(_record(1))
        path.unlink()
        with pytest.raises(OutputError, match="was deleted while it was being written"):
            file.append(_record(2))


def test_a_file_of_something_else_is_not_touched(write: Write) -> None:
    """A name typed by mistake does not cost anybody a file."""
    path = write("thesis.txt", "Chapter one\nChapter two, unfinished")
    with RecordFile(path) as file, pytest.raises(OutputError, match="line 1 is not a record of this version"):
        list(file.written())
    assert path.read_text(encoding="utf-8") == "Chapter one\nChapter two, unfinished"


@pytest.mark.parametrize("text", ["One line without an end", '{"id": "p1", "abstract": "x"}', "[1, 2]"])
def test_a_single_unfinished_line_of_something_else_is_not_touched(write: Write, text: str) -> None:
    """A line without its end is a torn record only if it begins like one."""
    path = write("note.txt", text)
    with (
        RecordFile(path) as file,
        pytest.raises(
            OutputError, match="line 1 is not a record of this version.*; the file is left as it is, choose another"
        ),
    ):
        list(file.written())
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("length", [0, 1, 9, 18, 40])
def test_a_torn_first_record_is_taken_away(tmp_path: Path, length: int) -> None:
    """A kill in the first line costs that line, wherever it was cut."""
    path = tmp_path / "out.jsonl"
    path.write_bytes(_record(1).model_dump_json().encode()[:length])
    with RecordFile(path) as file:
        assert list(file.written()) == []
    assert path.read_bytes() == b""


def test_start_anew_empties_the_file(write: Write) -> None:
    """Overwriting is asked for, and then it is whole."""
    path = write("out.jsonl", "something else\n")
    with RecordFile(path) as file:
        file.start_anew()
        file.append(_record(1))
    assert [record.id for record in read_records(path)] == ["r1"]


def test_only_one_process_writes(tmp_path: Path) -> None:
    """A second run into the same file is refused while the first one goes on."""
    path = tmp_path / "out.jsonl"
    code = f"from pathlib import Path; from summarizer.writing.jsonl import RecordFile; RecordFile(Path({str(path)!r}))"
    with RecordFile(path):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "another process is writing this file" in done.stderr
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unwritable_output_says_why(tmp_path: Path) -> None:
    """A folder that is missing, and a folder in the place of the file, are errors with advice."""
    with pytest.raises(OutputError, match="out.jsonl: No such file or directory; choose another with -o"):
        RecordFile(tmp_path / "nowhere" / "out.jsonl")
    with pytest.raises(OutputError, match="Is a directory"):
        RecordFile(tmp_path)


def test_full_disk_says_so() -> None:
    """The device that is always full is a full disk."""
    with RecordFile(Path("/dev/full")) as file:
        assert list(file.written()) == []
        with pytest.raises(OutputError, match="/dev/full: No space left on device"):
            file.append(_record(1))


def test_reading_names_the_line(write: Write, tmp_path: Path) -> None:
    """What is not a record is reported with file and line."""
    path = write("out.jsonl", f'{_record(1).model_dump_json()}\n{{"id": 1}}\n')
    with pytest.raises(InputError, match=r"out.jsonl, line 2: not a record of this version: id: Input should be"):
        list(read_records(path))
    with pytest.raises(InputError, match="No such file"):
        list(read_records(tmp_path / "nowhere.jsonl"))
    later = write(
        "later.jsonl", _record(1).model_dump_json().replace('"schema_version":"1.0"', '"schema_version":"9.9"') + "\n"
    )
    with pytest.raises(InputError, match=r"not a record of this version: schema_version: Input should be '1.0'"):
        list(read_records(later))
