"""A file that is replaced as a whole."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from summarizer.errors import OutputError
from summarizer.whole import write_parts, write_whole


def test_a_file_keeps_its_rights_and_links_lead_to_it(tmp_path: Path) -> None:
    """What others may not read they may not read afterwards either."""
    file, link = tmp_path / "tags.toml", tmp_path / "link.toml"
    file.write_text("old", encoding="utf-8")
    file.chmod(0o600)
    link.symlink_to(file)
    write_whole(link, "new")
    assert file.read_text(encoding="utf-8") == "new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert link.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.toml", "tags.toml"]


def test_parts_that_end_in_an_error_leave_the_file(tmp_path: Path) -> None:
    """Neither half of the new text is seen, nor what was written of it beside."""

    def parts() -> Iterator[str]:
        yield "new "
        raise KeyboardInterrupt

    file = tmp_path / "samples.jsonl"
    write_parts(file, ["old ", "text"])
    with pytest.raises(KeyboardInterrupt):
        write_parts(file, parts())
    assert [path.read_text("utf-8") for path in tmp_path.iterdir()] == ["old text"]


def test_what_is_no_file_stays_what_it_is(tmp_path: Path) -> None:
    """A pipe gets the text, and is a pipe afterwards: `/dev/null` must not become a file."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = Thread(target=lambda: read.append(pipe.read_text(encoding="utf-8")))
    reader.start()
    write_whole(pipe, "new")
    reader.join()
    assert read == ["new"]
    assert pipe.is_fifo()


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A folder, or a folder that does not exist; nothing is left behind."""
    for path in (tmp_path, tmp_path / "none" / "tags.toml"):
        with pytest.raises(OutputError, match="choose another"):
            write_whole(path, "new")
    assert list(tmp_path.iterdir()) == []
