"""What all tests share: a home of their own, and no network but the loopback."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from summarizer.completion import Completion, Decoding, Message, Request
from summarizer.records import Paper, Source, Tokens

_LOOPBACK = ("127.", "::1", "localhost")


def _refuse_network(event: str, arguments: tuple[object, ...]) -> None:
    if event != "socket.connect" or not isinstance(address := arguments[1], tuple):
        return
    if not str(address[0]).startswith(_LOOPBACK):
        raise RuntimeError(f"a test tried to reach {address!r}; tests use the loopback only")


sys.addaudithook(_refuse_network)


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the caches, the settings or the keys of the person who runs it."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache folder for all tests, so that the embedded model is unpacked once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def make_paper() -> Callable[..., Paper]:
    """Make a paper about a network of the given number; any field can be set."""

    def make(number: int = 1, **fields: object) -> Paper:
        given: dict[str, object] = {
            "id": f"paper-{number}",
            "title": f"BrookNet-{number}: Guessing the Depth of Streams",
            "abstract": f"We present BrookNet-{number}, a network that guesses the depth of streams. "
            "On the PebbleBed data set it reaches 81.4% accuracy, compared with 76.9% for a linear model.",
            "source": Source(name="papers.jsonl", line=number),
        }
        return Paper.model_validate(given | fields)

    return make


@pytest.fixture
def make_request() -> Callable[..., Request]:
    """Make a request that asks about one paper; any field can be set."""

    def make(request_id: str = "paper-1", **fields: object) -> Request:
        given: dict[str, object] = {
            "id": request_id,
            "key": f"key of {request_id}",
            "messages": (
                Message(role="system", content="Describe the paper as JSON."),
                Message(role="user", content=f"Title: {request_id}\nAbstract: Streams are deep."),
            ),
            "schema_text": '{"type":"object","properties":{"tldr":{"type":"string","maxLength":40}}}',
            "decoding": Decoding(max_tokens=64),
            "title": request_id,
            "abstract": "Streams are deep.",
            "prompt": "annotate/v1",
            "language": "English",
        }
        return Request.model_validate(given | fields)

    return make


@pytest.fixture
def make_completion() -> Callable[..., Completion]:
    """Make a completion with a text; any field can be set."""

    def make(text: str, request_id: str = "paper-1", **fields: object) -> Completion:
        given: dict[str, object] = {
            "request_id": request_id,
            "text": text,
            "tokens": Tokens(prompt=10, completion=5),
            "structured_mode": "json_schema",
            "seconds": 0.5,
            "created_at": "2026-01-01T00:00:00+00:00",
        }
        return Completion.model_validate(given | fields)

    return make


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a text file into the test's own folder."""

    def write_file(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write_file
