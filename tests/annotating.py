"""Runs, people and the real program for the tests of `summarizer annotate`. All papers are invented."""

import http.client
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).parent.parent
RUNS = ("run-of-mallard", "run-of-teal")
YES = {"contribution": True, "result": True, "supported": True, "readable": True}
NO = dict.fromkeys(YES, False)

_ADDRESS = re.compile(r"open (http://127\.0\.0\.1:\d+/[\w-]+/)")


def paper(number: int, **fields: Any) -> dict[str, Any]:
    """A line as SciTLDR has it."""
    made = {
        "paper_id": f"pond-{number}",
        "title": f"WaderNet-{number}: Counting Birds on Ponds",
        "source": [
            f"We present WaderNet-{number}, a network that counts birds on ponds.",
            f"On the PondCount data set it reaches {60 + number}.5% accuracy, where HoughGull has {50 + number}.1%.",
        ],
        "target": [f"A network counts birds on ponds with {60 + number}.5% accuracy."],
    }
    return made | fields


def answer(number: int, tldr: str, **fields: Any) -> dict[str, Any]:
    """What a model says about that paper, as the prompt asks for it."""
    evidence = f"it reaches {60 + number}.5% accuracy"
    made = {
        "tldr": tldr,
        "contribution": "method",
        "field": "computer vision",
        "modalities": [],
        "tasks": ["counts birds"],
        "methods": [{"name": f"WaderNet-{number}", "role": "proposed"}],
        "datasets": ["PondCount"],
        "metrics": ["accuracy"],
        "results": [
            {
                "evidence": evidence,
                "value": f"{60 + number}.5",
                "unit": "%",
                "metric": "accuracy",
                "dataset": None,
                "method": None,
                "baseline_value": None,
                "kind": "absolute",
            }
        ],
    }
    return made | fields


def good(number: int) -> str:
    """A summary that says it."""
    return f"WaderNet-{number} counts birds on ponds and reaches {60 + number}.5% accuracy."


def poor(number: int) -> str:
    """One that says less, the less the higher the number."""
    return " ".join(["Birds on ponds are counted", *["by a network"] * (number % 2), "here."])


def make_runs(
    folder: Path,
    papers: Sequence[Mapping[str, Any]],
    answers: Sequence[Sequence[Mapping[str, Any]]],
    names: Sequence[str] = RUNS,
) -> list[Path]:
    """A run for each of `answers`, made by `summarizer eval` from a script."""
    data = folder / "ponds.jsonl"
    data.write_text("".join(json.dumps(one) + "\n" for one in papers), encoding="utf-8")
    runs = []
    for name, given in zip(names, answers, strict=True):
        script = folder / f"{name}.script.jsonl"
        lines = (
            json.dumps({"id": one["paper_id"], "text": said}) + "\n" for one, said in zip(papers, given, strict=True)
        )
        script.write_text("".join(lines), encoding="utf-8")
        command = ["eval", "scitldr", "--data", str(data), "-o", str(folder / name), "--backend", "scripted"]
        command += ["--cache-dir", str(folder / "cache")]
        done = program([*command, "--script", str(script), "--no-repair", "--no-stand-in", "--quiet"])
        assert done.returncode == 0, done.stderr
        runs.append(folder / name)
    return runs


def ponds(folder: Path, count: int) -> list[Path]:
    """Two runs about that many papers, a good one and a poor one."""
    numbers = range(1, count + 1)
    given = [[answer(number, said(number)) for number in numbers] for said in (good, poor)]
    return make_runs(folder, [paper(number) for number in numbers], given)


def program(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run the program to its end."""
    command = [sys.executable, "-m", "summarizer", *arguments]
    return subprocess.run(command, env=_environment(), capture_output=True, text=True, timeout=300, check=False)


@dataclass
class Page:
    """A program that serves, and what a page would say to it."""

    process: subprocess.Popen[str]
    address: str
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        parts = urlsplit(self.address)
        assert parts.hostname
        assert parts.port
        self.host, self.port, self.path = parts.hostname, parts.port, parts.path

    @property
    def origin(self) -> str:
        return f"http://{self.host}:{self.port}"

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body; the path is the whole one."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return response.status, dict(response.headers), response.read()
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        status, _, body = self.send("GET", self.path + path)
        assert status == 200, body
        return json.loads(body)

    def post(self, path: str, body: object) -> tuple[int, Any]:
        headers = {"Origin": self.origin, "Content-Type": "application/json"}
        status, _, answered = self.send("POST", self.path + path, json.dumps(body).encode(), headers)
        return status, json.loads(answered)

    def label(self, place: int, verdict: str) -> Any:
        """Store a label for the pair at a place; the loser gets no for all questions."""
        pair = self.get(f"pairs/{place}")["pair"]
        sides = {"left": NO if verdict == "right" else YES, "right": NO if verdict == "left" else YES}
        status, answered = self.post("labels", {"pair": pair, "verdict": verdict, **sides})
        assert status == 200, answered
        return answered

    def left_is_good(self, place: int) -> bool:
        """Whether the run that says more stands on the left, as anybody can see who reads."""
        return str(self.get(f"pairs/{place}")["left"]).startswith("WaderNet")

    def stop(self, signal: int) -> tuple[int, str]:
        """Exit code, and what was said on standard error."""
        self.process.send_signal(signal)
        _, rest = self.process.communicate(timeout=60)
        return self.process.returncode, "".join(self.told) + rest


@contextmanager
def annotating(runs: Sequence[Path], labels: Path, name: str, *more: str) -> Iterator[Page]:
    """`summarizer annotate`, as a person starts it."""
    command = [sys.executable, "-m", "summarizer", "annotate", *map(str, runs), "-o", str(labels), "--annotator", name]
    process = subprocess.Popen([*command, *more], env=_environment(), stderr=subprocess.PIPE, text=True)
    try:
        told = []
        assert process.stderr
        for line in process.stderr:
            told.append(line)
            if found := _ADDRESS.search(line):
                break
        else:
            raise AssertionError("".join(told))
        yield Page(process, found[1], told)
    finally:
        process.kill()
        process.communicate()


def wait_until(happened: Any, seconds: float = 60.0) -> None:
    """Until something is so; an error after a time that no busy machine takes."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.01)


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)}
