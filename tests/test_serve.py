"""The hosted backend beside the plain client, against a server that is not ours: `transformers serve`."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import openai
import pytest

from summarizer.backends.hosted import HostedBackend
from summarizer.backends.weights import fetch_weights, find_model
from summarizer.backends.wire import Dialect, Wire
from summarizer.completion import Completion, Decoding, Message, Request
from summarizer.pipeline import Summarizer
from summarizer.records import Paper, Tokens
from summarizer.settings import Settings

#: Seconds that the server may take to load its model, and to answer.
PATIENCE = 300.0
#: Tokens in which the model comes to an end, and in which it does not.
MOST, FEW = 24, 6


class Server(NamedTuple):
    """A server that answers at `url`, the name that it knows its model by, and a folder for what is found of it."""

    url: str
    model: str
    cache: Path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start the server with the embedded model, as a process of its own without network or home, and kill it after."""
    model = str(fetch_weights(find_model("embedded"), None, "bfloat16", tmp_path_factory.mktemp("cache")))
    folder = tmp_path_factory.mktemp("server")
    command = [
        sys.executable,
        "-m",
        "transformers.cli.transformers",
        "serve",
        model,
        "--device",
        "cpu",
        "--dtype",
        "float32",
    ]
    command += ["--host", "127.0.0.1", "--port", "0"]  # the system chooses a free one, and the log names it
    environment = {"HOME": str(folder), "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_UPDATE_CHECK": "1"}
    # Threads that wait for one another are slow where others want the cores too.
    environment["OMP_NUM_THREADS"] = "1"
    log = folder / "log.txt"
    with log.open("wb") as stream:
        process = subprocess.Popen(command, env=os.environ | environment, stdout=stream, stderr=subprocess.STDOUT)
    try:
        yield Server(f"{_address(process, log)}/v1", model, folder / "cache")
    finally:
        process.kill()
        process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Where the server listens, which it says when it does."""
    deadline = time.monotonic() + PATIENCE
    while True:
        said = log.read_text(encoding="utf-8", errors="replace")
        if found := re.search(r"running on (http://127\.0\.0\.1:\d+)", said):
            return found[1]
        assert process.poll() is None, said
        assert time.monotonic() < deadline, said
        time.sleep(0.1)


def _settings(server: Server, max_tokens: int) -> Settings:
    return Settings(
        backend="hosted",
        base_url=server.url,
        model=server.model,
        prompt="compact",
        max_tokens=max_tokens,
        timeout=PATIENCE,
        cache_dir=server.cache,
    )


def _told(server: Server, request: Request) -> tuple[str | None, str | None, Tokens]:
    """What a client that is not ours is told when it asks the same, with the form in words: text, end, tokens."""
    limit = request.decoding.max_tokens
    body = Wire(server.model, Dialect(rung="prompt"), {}).body(request.messages, request.schema_text, limit)
    messages: list[Any] = body["messages"]
    with openai.OpenAI(base_url=server.url, api_key="none", max_retries=0, timeout=PATIENCE) as client:
        reply = client.chat.completions.create(
            model=server.model, messages=messages, max_tokens=limit, temperature=0.0, seed=0
        )
    assert reply.usage
    (choice,) = reply.choices
    tokens = Tokens(prompt=reply.usage.prompt_tokens, completion=reply.usage.completion_tokens)
    return choice.message.content, choice.finish_reason, tokens


def test_answer_is_that_of_the_plain_client(server: Server, make_request: Callable[..., Request]) -> None:
    """An answer that ended has the text and the tokens that a plain client is told for the same messages."""
    messages = (Message(role="user", content="Answer with one word: is water wet?"),)
    request = make_request(messages=messages, decoding=Decoding(max_tokens=MOST))
    (outcome,) = HostedBackend(_settings(server, MOST)).complete([request])
    assert isinstance(outcome, Completion), outcome
    assert (outcome.text, "stop", outcome.tokens) == _told(server, request)
    # It takes a JSON Schema without a word and does not keep it.
    assert (outcome.attempts, outcome.structured_mode) == (1, "prompt")


def test_record_of_a_cut_answer_counts_what_the_server_counts(server: Server, make_paper: Callable[..., Paper]) -> None:
    """A paper whose answer was cut off has a record of kind `truncated`, with the text and tokens of a plain client."""
    paper, summarizer = make_paper(), Summarizer(_settings(server, FEW))
    (record,) = summarizer.run([paper])
    text, end, tokens = _told(server, summarizer.request(paper))
    assert end == "length"
    assert record.status == "failed"
    assert record.failure
    assert record.provenance
    assert (record.failure.kind, record.failure.raw, record.provenance.tokens) == ("truncated", text, tokens)
    assert tokens.prompt > len(paper.abstract.split())
    assert tokens.completion == FEW
