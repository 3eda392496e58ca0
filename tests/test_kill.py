"""Twenty runs that are killed at random moments end like one that was not."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from summarizer import Record, read_records
from summarizer.cache import Store

#: A run whose backend notes each paper on disk before it answers, so that nothing is asked unnoticed.
_PROGRAM = """
import os, sys
from pathlib import Path
from summarizer import Settings, Summarizer, read_papers
from summarizer.backends.scripted import ScriptedBackend
from summarizer.writing.jsonl import RecordFile

papers, out, cache, log = map(Path, sys.argv[1:])
settings = Settings(backend="scripted", cache_dir=cache, scripted_seconds=0.01)

class Noting:
    def __init__(self):
        self.inner, self.log = ScriptedBackend(settings), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    identity = property(lambda self: self.inner.identity)
    def noted(self, requests):
        for request in requests:
            os.write(self.log, f"{request.id}\\n".encode())
            yield request
    def complete(self, requests, stopping):
        return self.inner.complete(self.noted(requests), stopping)

with RecordFile(out) as file:
    for record in Summarizer(settings, Noting()).run(read_papers(papers), file.written()):
        file.append(record)
"""

_PAPERS = 500
_ROOT = Path(__file__).parent.parent


def _start(folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", _PROGRAM, "papers.jsonl", "out.jsonl", "cache", "log.txt"]
    return subprocess.Popen(command, cwd=folder, env=os.environ | {"PYTHONPATH": str(_ROOT)})


def _stored(folder: Path) -> set[str]:
    return {entry.completion.request_id for _, entry in Store(folder / "cache").entries()}


def _asked(folder: Path) -> list[str]:
    log = folder / "log.txt"
    return log.read_text(encoding="utf-8").split() if log.exists() else []


def _told(path: Path) -> list[Record]:
    """Records without what a clock or a cache says of them."""
    volatile = {"cached": False, "seconds": 0.0, "created_at": None}
    return [
        record.model_copy(update={"provenance": record.provenance and record.provenance.model_copy(update=volatile)})
        for record in read_records(path)
    ]


def _prepare(folder: Path) -> Path:
    folder.mkdir()
    lines = [
        f'{{"id": "p{number}", "title": "Stream {number}", "abstract": "Stream {number} is deep. More follows."}}\n'
        for number in range(_PAPERS)
    ]
    lines[270] = '{"id": broken\n'
    (folder / "papers.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder


def test_killed_runs_end_like_an_undisturbed_one(tmp_path: Path) -> None:
    """Twenty kills at random moments: the same records, no stored answer asked again, no line broken."""
    undisturbed, disturbed = _prepare(tmp_path / "undisturbed"), _prepare(tmp_path / "disturbed")
    assert _start(undisturbed).wait(timeout=120) == 0
    assert len(_asked(undisturbed)) == _PAPERS - 1

    moments = random.Random(20261123)  # noqa: S311 - a repeatable choice of moments, not a secret
    for _ in range(20):
        stored, before = _stored(disturbed), len(_asked(disturbed))
        process = _start(disturbed)
        # The moment is counted from the first question, so that every kill hits a run that is at work.
        while len(_asked(disturbed)) == before and process.poll() is None:
            time.sleep(0.005)
        time.sleep(moments.uniform(0.0, 0.25))
        process.kill()
        assert process.wait() == -9
        assert stored.isdisjoint(_asked(disturbed)[before:])
    asked, answers = len(_asked(disturbed)), len(_stored(disturbed))
    assert 20 <= answers < _PAPERS - 1
    assert asked - answers <= 20  # at most the one that was under way at each kill
    assert _start(disturbed).wait(timeout=120) == 0

    assert _told(disturbed / "out.jsonl") == _told(undisturbed / "out.jsonl")
    assert len(_stored(disturbed)) == _PAPERS - 1
