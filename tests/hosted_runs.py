"""Runs of the hosted backend against the server of `llm_server`, and what has to be true of them whatever it does."""

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from summarizer.backends.attempts import Pacing
from summarizer.records import Paper, Record, Source
from summarizer.settings import Settings
from tests.llm_model import Json

#: Waits between attempts that a test can sit out.
QUICK = Pacing(first_wait=0.02, longest_wait=1.0)
_NUMBER = re.compile(r"Stream (\d+) ")


def sentence(number: int) -> str:
    """The first sentence of a paper, by which the server knows it and its answer is known."""
    return f"Stream {number} is deep."


def papers(count: int) -> Iterator[Paper]:
    """Papers that differ in the number of their stream."""
    for number in range(count):
        yield Paper(
            id=f"p{number}",
            title=f"Stream {number} once more",
            abstract=f"{sentence(number)} It was measured with a stick at many places and in every season.",
            source=Source(name="papers.jsonl", line=number + 1),
        )


def write_papers(path: Path, count: int) -> None:
    """The same as a file."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(paper.model_dump_json(include={"id", "title", "abstract"}) + "\n" for paper in papers(count))


def settings(url: str, folder: Path, **others: object) -> Settings:
    """Settings of a run against a server that holds answers to their form."""
    values: Json = {
        "backend": "hosted",
        "model": "m",
        "base_url": url,
        "structured_mode": "strict",
        "cache_dir": folder / "cache",
        "concurrency": 64,
        "timeout": 2.0,
        **others,
    }
    return Settings(**values)


def command(url: str, *flags: str, concurrency: int = 64) -> list[str]:
    """The same as a command that reads papers.jsonl and writes out.jsonl."""
    words = [sys.executable, "-m", "summarizer", "run", "papers.jsonl", "-o", "out.jsonl", "--backend", "hosted"]
    words += ["--model", "m", "--base-url", url, "--structured-mode", "strict", "--cache-dir", "cache"]
    return [*words, "--concurrency", str(concurrency), "--timeout", "2", *flags]


def tally(records: Iterable[Record], count: int) -> Counter[str]:
    """How many records there are of each status and kind of failure.

    Raises:
        AssertionError: A record is missing, out of order, or has the answer of another paper, or a failure that does
            not say what it is or what the model said.
    """
    found = Counter[str]()
    for number, record in enumerate(records):
        assert record.id == f"p{number}"
        said = record.model_dump_json(exclude={"id", "title", "abstract", "source"})
        assert set(_NUMBER.findall(said)) <= {str(number)}, said
        if record.status == "failed":
            failure = record.failure
            assert failure is not None
            assert failure.message
            found[f"failed: {failure.kind}"] += 1
            assert failure.raw or failure.kind not in {"invalid_json", "schema_error", "refused", "truncated"}, failure
        else:
            assert sentence(number).rstrip(".") in said, said
            found[record.status] += 1
    assert found.total() == count
    return found
