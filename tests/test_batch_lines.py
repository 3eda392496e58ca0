"""What the lines of a batch mean, and that nothing in them does harm."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from summarizer.backends.batch_lines import LONGEST_LINE, Again, Line, Reader, custom_id, read_lines, written
from summarizer.backends.journal import Asked
from summarizer.completion import Completion, Json, Request
from summarizer.errors import EndpointError, RequestError
from summarizer.records import Tokens
from summarizer.settings import Settings

KEY = "sk-invented-1234"
_ASKED = Asked("a", "t", "p1", "k", "{}", bytes=100, max_tokens=50, tries=2)


def _meaning(line: Line, *, answered: bool = True) -> Completion | RequestError | EndpointError | Again:
    reader = Reader("http://localhost/v1", KEY, Settings(backend="hosted", model="m"))
    return reader.meaning(line, _ASKED, "strict", cost=0.5, answered=answered)


def _error(message: str, code: str | None = None, param: str | None = None) -> Json:
    return {"error": {"message": message, "code": code, "param": param, "type": None}}


def test_an_answer_is_that_of_its_request() -> None:
    """It has the paper, the batches that it took as attempts, the tokens and the cost."""
    choice = {"message": {"role": "assistant", "content": "{}"}, "finish_reason": "stop"}
    body = {"choices": [choice], "usage": {"prompt_tokens": 11, "completion_tokens": 7}}
    answer = _meaning(Line("a", 200, body, {}))
    assert isinstance(answer, Completion)
    assert (answer.request_id, answer.text, answer.attempts, answer.cost_usd) == ("p1", "{}", 2, 0.5)
    assert (answer.tokens.prompt, answer.tokens.completion, answer.structured_mode) == (11, 7, "strict")


@pytest.mark.parametrize(
    "line",
    [
        Line("a", 200, _error("overloaded"), {}),
        Line("a", 200, "a page", {}),
        Line("a", 200, None, {}),
        Line("a", 429, _error("slow down", "rate_limit_exceeded"), {}),
        Line("a", 500, None, {}),
        Line("a", None, None, {}),
        Line("a", None, None, {"code": "batch_expired", "message": "too late"}),
        Line("a", None, None, {"code": 7, "message": ["odd"]}),
    ],
)
def test_what_may_pass_is_asked_again(line: Line) -> None:
    """Trouble of the server, in whatever form it comes, leaves the request to the next batch."""
    assert isinstance(_meaning(line), Again)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (Line("a", 200, {"choices": [], "usage": {"prompt_tokens": 3}}, {}), "empty"),
        (Line("a", 400, _error("The prompt is not allowed.", "invalid_prompt"), {}), "rejected"),
        (Line("a", 400, _error("too many", "context_length_exceeded"), {}), "prompt_too_long"),
        (Line("a", 400, f"no with {KEY}", {}), "rejected"),
        (Line("a", 400, {"message": 17}, {}), "rejected"),
        (Line("a", None, None, {"code": "content_filter", "message": "filtered"}), "refused"),
    ],
)
def test_what_does_not_pass_is_a_failure(line: Line, kind: str) -> None:
    """It has the kind that it has in a live run, and the key is not in it."""
    failure = _meaning(line)
    assert isinstance(failure, RequestError)
    assert (failure.request_id, failure.kind) == ("p1", kind)
    assert KEY not in str(failure)


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        (Line("a", 429, _error("pay", "insufficient_quota"), {}), "no credit or quota"),
        (Line("a", 400, _error("no seed", param="seed"), {}), "--seed"),
        (Line("a", 404, _error("no model m", "model_not_found"), {}), "check --model"),
    ],
)
def test_what_all_requests_meet_stops_the_run(line: Line, advice: str) -> None:
    """What is about the account or the settings is told once, with what to do, and fails no paper."""
    refusal = _meaning(line, answered=False)
    assert isinstance(refusal, EndpointError)
    assert advice in str(refusal)


@pytest.mark.parametrize(
    ("line", "tokens"),
    [
        (Line("a", 200, {"choices": [], "usage": {"prompt_tokens": 3}}, {}), Tokens(prompt=3)),
        (Line("a", 200, "a page", {}), Tokens()),
        (Line("a", 200, None, {}), Tokens()),
        (Line("a", 500, None, {}), None),
        (Line("a", None, None, {"code": "batch_expired"}), None),
    ],
)
def test_what_came_with_a_success_may_be_billed(line: Line, tokens: Tokens | None) -> None:
    """A broken answer was made all the same, so a budget may not take it for free, as it may an error."""
    assert Reader("http://localhost/v1", KEY, Settings(backend="hosted", model="m")).tokens(line) == tokens


def test_broken_lines_are_passed_over(tmp_path: Path) -> None:
    """Whatever stands in a file of answers, the lines after it are read, and no line fills the memory."""
    path = tmp_path / "output"
    good = b'{"custom_id": "a", "response": {"status_code": 200, "body": {}}, "error": null}'
    odd = [b"{", b"[]", b'{"custom_id": 1}', b"[" * 100_000, b"\xff", b"1" * 5000, b"x" * (3 * LONGEST_LINE)]
    path.write_bytes(b"\n".join([good, *odd, b"", good]) + b"\n" + good[:40])
    lines = list(read_lines(path))
    assert [line is not None for line in lines] == [True, *[False] * len(odd), True, False]


def test_a_request_is_one_line(make_request: Callable[..., Request]) -> None:
    """Ends of lines that JSON leaves as they are cannot cut a request in two, and change nothing."""
    content = json.dumps({"model": "m", "text": "a\x85b\u2028c\u2029d\n"}, ensure_ascii=False).encode()
    line = written(make_request("p1"), content).decode()
    assert len(line.splitlines()) == 1
    assert json.loads(line)["body"]["text"] == "a\x85b\u2028c\u2029d\n"


def test_the_name_of_a_request_is_made_of_its_key() -> None:
    """The same key has the same name everywhere, in the length that servers allow."""
    assert custom_id("a") == custom_id("a") != custom_id("b")
    assert len(custom_id("a")) <= 64
