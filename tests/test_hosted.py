"""The hosted backend against servers on loopback sockets."""

import gzip
import itertools
import json
import subprocess
import sys
import threading
import time
import traceback
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from summarizer.backends.attempts import Pacing
from summarizer.backends.bodies import LONGEST_BODY
from summarizer.backends.hosted import HostedBackend
from summarizer.backends.replies import LONGEST_QUOTE, retry_after
from summarizer.backends.wire import Dialect, Wire, wire_schema
from summarizer.completion import Completion, Decoding, Identity, Json, Message, Outcome, Request
from summarizer.errors import BudgetError, EndpointError, InputError, RequestError, SettingsError
from summarizer.prompting import Renderer, answer_schema, load_prompt
from summarizer.records import Paper, Source
from summarizer.settings import Settings
from tests.chat_server import ChatServer, Reply, answer, fault

KEY = "sk-invented-4711"
VARIABLE = "HOSTED_TEST_KEY"
QUICK = Pacing(attempts=4, first_wait=0.01, longest_wait=0.3)
SCHEMA = {
    "type": "object",
    "properties": {"tldr": {"type": "string", "minLength": 1, "maxLength": 300}},
    "required": ["tldr"],
    "additionalProperties": False,
}


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, KEY)


def settings(url: str | None, **others: object) -> Settings:
    """Settings of a hosted run."""
    values: Json = {
        "backend": "hosted",
        "model": "m",
        "base_url": url,
        "api_key_env": VARIABLE,
        "timeout": 10.0,
        "structured_mode": "strict",
        **others,
    }
    return Settings(**values)


def request(name: str) -> Request:
    """A request whose abstract, and last message, is its id."""
    return Request(
        id=name,
        key=name,
        messages=(Message(role="system", content="Read."), Message(role="user", content=name)),
        schema_text=json.dumps(SCHEMA),
        prompt="annotate/v1",
        language="English",
        decoding=Decoding(max_tokens=64, temperature=0.5, seed=9),
        title="T",
        abstract=name,
    )


def ask(server: ChatServer, *names: str, **others: object) -> list[Outcome]:
    """All outcomes for requests of these names."""
    return list(HostedBackend(settings(server.url, **others), QUICK).complete(request(name) for name in names))


def ask_paced(server: ChatServer, pacing: Pacing, name: str) -> Completion:
    """The answer to one request that is tried at this pace."""
    (outcome,) = HostedBackend(settings(server.url), pacing).complete([request(name)])
    return success(outcome)


def failure(server: ChatServer) -> RequestError:
    """The failure of the only request."""
    (outcome,) = ask(server, "p")
    assert isinstance(outcome, RequestError)
    assert outcome.request_id == "p"
    return outcome


def success(outcome: Outcome) -> Completion:
    """The outcome, which has to be an answer."""
    assert isinstance(outcome, Completion), outcome
    return outcome


def test_every_answer_belongs_to_its_request() -> None:
    """Fifty requests, eight at a time, and each completion carries the text that was written for its own prompt."""
    together = threading.Barrier(8)

    def reply(prompt: str, _: int) -> Reply:
        if prompt in {f"p{n}" for n in range(8)}:
            together.wait(20.0)
        return answer(f"about {prompt}", delay=0.005)

    with ChatServer(reply) as server:
        outcomes = [success(outcome) for outcome in ask(server, *(f"p{n}" for n in range(50)), concurrency=8)]
    assert {outcome.request_id: outcome.text for outcome in outcomes} == {f"p{n}": f"about p{n}" for n in range(50)}
    assert len(outcomes) == len(server.bodies) == 50
    assert server.most_at_once == 8


def test_a_completion_says_what_it_took() -> None:
    """Tokens are the server's, the price is unknown rather than nothing, and the time is in UTC."""
    with ChatServer(lambda *_: answer("{}", delay=0.05)) as server:
        outcome = success(ask(server, "p")[0])
    assert (outcome.tokens.prompt, outcome.tokens.completion) == (11, 7)
    assert (outcome.cost_usd, outcome.attempts, outcome.structured_mode) == (None, 1, "strict")
    assert 0.05 <= outcome.seconds < 10.0
    assert datetime.fromisoformat(outcome.created_at).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        ("null", (0, 0)),
        ("[11, 7]", (0, 0)),
        ('"many"', (0, 0)),
        ('{"completion_tokens": 7}', (0, 7)),
        ('{"prompt_tokens": null, "completion_tokens": -7}', (0, 0)),
        ('{"prompt_tokens": "11", "completion_tokens": 7.5}', (0, 0)),
        ('{"prompt_tokens": true, "completion_tokens": 1%s}' % ("0" * 4000), (0, 0)),
    ],
    ids=["null", "list", "words", "half", "negative", "other", "huge"],
)
def test_a_server_that_counts_oddly_loses_no_answer(usage: str, counted: tuple[int, int]) -> None:
    """Whatever a reply says about tokens, it is an answer, and what is no count is not counted."""
    body = json.dumps(_body("yes") | {"usage": "USAGE"}).replace('"USAGE"', usage)
    with ChatServer(lambda *_: Reply(body=body)) as server:
        outcome = success(ask(server, "p")[0])
    assert (outcome.text, outcome.tokens.prompt, outcome.tokens.completion) == ("yes", *counted)


def test_the_request_goes_out_as_it_was_rendered() -> None:
    """Messages, decoding, model and the strict schema are on the wire, and the key is in its header."""
    with ChatServer(lambda *_: answer("{}")) as server:
        ask(server, "p")
    (body,), (headers,) = server.bodies, server.headers
    assert body["path"] == "/v1/chat/completions"
    assert body["messages"] == [{"role": "system", "content": "Read."}, {"role": "user", "content": "p"}]
    assert (body["model"], body["max_tokens"], body["temperature"], body["seed"]) == ("m", 64, 0.5, 9)
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "strict": True, "schema": wire_schema(json.dumps(SCHEMA))},
    }
    assert headers["authorization"] == f"Bearer {KEY}"


def test_the_wire_schema_of_the_shipped_prompt_is_strict() -> None:
    """Every object closes and requires its properties, no bound of a length is left, and nothing else is lost."""
    prompt = load_prompt("annotate")
    full = answer_schema(prompt.vocabulary, prompt.file.limits)
    wire = wire_schema(json.dumps(full))
    for node in _nodes(wire):
        assert not {"minLength", "maxLength", "minItems", "maxItems"} & node.keys()
        if node.get("type") == "object":
            assert node["additionalProperties"] is False
            assert node["required"] == list(node["properties"])
    assert len(list(_nodes(wire))) == len(list(_nodes(full)))
    assert list(wire["properties"]) == list(full["properties"])


@pytest.mark.parametrize("name", ["annotate", "compact"])
def test_the_wire_schema_is_one_that_every_strict_mode_takes(name: str) -> None:
    """All keywords are those that servers share (no oneOf, $schema, default ...), and OpenAI's limits are far away."""
    prompt = load_prompt(name)
    wire = wire_schema(json.dumps(answer_schema(prompt.vocabulary, prompt.file.limits)))
    shared = {"type", "properties", "required", "additionalProperties", "items", "enum", "anyOf"}
    nodes = list(_schemas(wire))
    assert set[str]().union(*(node.keys() for node in nodes)) <= shared
    assert wire["type"] == "object"
    assert all("properties" in node for node in nodes if node.get("type") == "object")
    assert sum(len(node.get("properties", {})) for node in nodes) < 5000 / 10
    assert sum(len(node.get("enum", [])) for node in nodes) < 1000 / 5
    assert len(json.dumps(wire)) < 120_000 / 10
    assert _depth(wire) <= 10 / 2


def test_the_constant_part_is_worth_a_cache() -> None:
    """What comes before the paper is the same to the byte, and longer than the 1,024 tokens that make it cheaper."""
    prompt = load_prompt("annotate")
    renderer = Renderer(prompt, "English", Decoding(max_tokens=640), Identity(backend="hosted", model="m"))
    papers = (Paper(id=name, title=name, abstract=f"{name} is deep.", source=Source(name="p", line=1)) for name in "ab")
    one, other = (Wire("m", Dialect(), {}).content(renderer.request(paper)) for paper in papers)
    same = next(place for place, (byte, twin) in enumerate(zip(one, other, strict=False)) if byte != twin)
    assert same > 5 * 1024  # English has at most five bytes in a token


def test_a_property_may_be_named_like_a_keyword() -> None:
    """Only bounds are taken out of the schema, not a property that happens to have the name of one."""
    schema = {"properties": {"maxItems": {"type": "string", "maxLength": 3}}}
    assert wire_schema(json.dumps(schema)) == {"properties": {"maxItems": {"type": "string"}}}


def test_a_rate_limit_is_waited_out() -> None:
    """After a 429 the next attempt comes when the server said, and is counted."""
    limited = fault(429, "slow down", "rate_limit_exceeded", retry_after_ms="200")
    with ChatServer(lambda _, attempt: limited if attempt == 1 else answer("yes")) as server:
        assert success(ask(server, "p")[0]).attempts == 2
    first, second = server.times
    assert 0.2 <= second - first < 2.0


def test_a_server_may_say_whether_to_try_again() -> None:
    """`x-should-retry` goes before what the status says, in both directions."""
    busy, odd = fault(503, "for good", x_should_retry="false"), fault(400, "for now", x_should_retry="true")
    with ChatServer(lambda prompt, _: busy if prompt == "p" else answer("yes")) as server:
        outcomes = ask(server, "first", "p", concurrency=1)
    assert isinstance(outcomes[1], RequestError)
    assert (outcomes[1].kind, len(server.bodies)) == ("rejected", 2)
    with ChatServer(lambda _, attempt: odd if attempt == 1 else answer("yes")) as server:
        assert success(ask(server, "p")[0]).attempts == 2


def test_a_server_that_asks_for_hours_stops_the_run() -> None:
    """A wait that is longer than anybody sits out ends the run, which says when to come back."""
    limited = fault(429, "the day's quota is used up", retry_after="7200")
    with ChatServer(lambda prompt, _: limited if prompt == "p" else answer("yes")) as server:
        outcomes = HostedBackend(settings(server.url, concurrency=1), QUICK).complete(map(request, ("a", "p", "b")))
        assert success(next(outcomes)).text == "yes"
        with pytest.raises(EndpointError, match="quota is used up; it asks to wait 120 minutes"):
            list(outcomes)
    assert len(server.bodies) == 2


def test_a_wait_that_is_asked_for_may_be_longer_than_our_own() -> None:
    """Up to `longest_asked` the server's word counts, whatever the longest wait of our own is."""
    limited = fault(429, "slow down", retry_after_ms="700")
    with ChatServer(lambda _, attempt: limited if attempt == 1 else answer("yes")) as server:
        assert success(ask(server, "p")[0]).attempts == 2
    first, second = server.times
    assert 0.7 <= second - first < 3.0


def test_retry_after_is_read_in_all_its_forms() -> None:
    """Milliseconds go before seconds, a date is an interval from now, and nonsense is no request to wait."""
    soon = datetime.now(UTC) + timedelta(seconds=30)
    assert retry_after({"retry-after-ms": "1500", "retry-after": "9"}) == 1.5
    assert retry_after({"retry-after": "0.25"}) == 0.25
    assert retry_after({"retry-after-ms": "soon", "retry-after": "3"}) == 3.0
    assert 27.0 < (retry_after({"retry-after": format_datetime(soon, usegmt=True)}) or 0.0) <= 30.0
    assert retry_after({"retry-after": "Mon, 05 Jan 2015 10:00:00 -0000"}) == 0.0
    for nonsense in ("", "nan", "-4", "later", "Mon, 01 Jan 2024 00:00:00 +99999999999999"):
        assert retry_after({"retry-after": nonsense}) is None
    assert retry_after({}) is None


@pytest.mark.parametrize("status", [408, 409, 500, 503])
def test_a_passing_fault_is_tried_again(status: int) -> None:
    """Timeouts, conflicts and faults of the server cost an attempt and not the record."""
    with ChatServer(lambda _, attempt: fault(status, "busy") if attempt < 3 else answer("yes")) as server:
        outcome = success(ask(server, "p")[0])
    assert (outcome.text, outcome.attempts) == ("yes", 3)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(reset=True),
        Reply(body={"choices": []}, cut=True),
    ],
    ids=["reset", "cut off"],
)
def test_a_broken_connection_is_tried_again(reply: Reply) -> None:
    """A connection that breaks before or within the reply costs only an attempt."""
    with ChatServer(lambda _, attempt: reply if attempt == 1 else answer("yes")) as server:
        assert success(ask(server, "p")[0]).attempts == 2


def test_an_answer_in_parts_is_joined() -> None:
    """A text that comes in parts is one text, and what is no text, such as a thought, is not in it."""
    thought: Json = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    parts = [thought, {"type": "text", "text": '{"tldr": '}, {"type": "text", "text": '"x"}'}]
    with ChatServer(lambda *_: answer(parts)) as server:
        assert success(ask(server, "p")[0]).text == '{"tldr": "x"}'


@pytest.mark.parametrize("parts", [[], [{"type": "thinking", "thinking": "hm"}]], ids=["none", "thought"])
def test_parts_without_text_are_empty(parts: list[Json]) -> None:
    """A thought is no answer."""
    with ChatServer(lambda *_: answer(parts)) as server:
        assert failure(server).kind == "empty"


@pytest.mark.parametrize("error", [None, "", {}, {"code": 0, "message": ""}], ids=["null", "text", "none", "zero"])
def test_an_answer_beside_an_empty_error_is_an_answer(error: object) -> None:
    """Some services have a place for an error in every reply."""
    with ChatServer(lambda *_: Reply(body=_body("yes") | {"error": error})) as server:
        assert success(ask(server, "p")[0]).text == "yes"


NO_COMPLETIONS = pytest.mark.parametrize(
    "reply",
    [
        Reply(body="<html>Sign in</html>"),
        Reply(body='{"choices": [{"mess'),
        Reply(body="[1, 2]"),
        Reply(body={"choices": None}),
        Reply(body={"choices": [{"message": "hello"}]}),
        Reply(body={"choices": [{"message": {"content": ["hello"]}}]}),
        Reply(body={"choices": [{"message": {"content": [{"type": "text", "text": None}]}}]}),
        answer("x" * (LONGEST_BODY + 1)),
    ],
    ids=["portal", "half", "list", "null", "other", "words", "part", "flood"],
)
ERRORS_OF_SUCCESS = pytest.mark.parametrize(
    "reply",
    [
        fault(200, f"Provider is\noverloaded, {KEY}"),
        Reply(body={"error": {"message": f"Provider is overloaded, {KEY}", "code": 502}, "choices": []}),
        Reply(body={"error": f"Provider is overloaded, {KEY}"}),
        Reply(body={"error": {"reason": f"Provider is overloaded, {KEY}", "message": None}}),
    ],
    ids=["as usual", "no choices", "text", "other"],
)


@NO_COMPLETIONS
def test_what_is_no_completion_is_tried_again(reply: Reply) -> None:
    """Where others were answered, a reply that is not a chat completion passes, like a fault of the server."""
    with ChatServer(lambda prompt, attempt: reply if prompt == "odd" and attempt < 3 else answer(prompt)) as server:
        first, odd = [success(outcome) for outcome in ask(server, "p0", "odd", concurrency=1)]
    assert [first.text, odd.text] == ["p0", "odd"]
    assert (odd.attempts, len(server.bodies)) == (3, 4)


@ERRORS_OF_SUCCESS
def test_an_error_with_the_status_of_a_success_is_tried_again(reply: Reply) -> None:
    """Where others were answered, an error that a service sends as if all were well passes, too."""
    with ChatServer(lambda prompt, attempt: reply if prompt == "odd" and attempt < 3 else answer(prompt)) as server:
        _, odd = [success(outcome) for outcome in ask(server, "p0", "odd", concurrency=1)]
    assert (odd.text, odd.attempts) == ("odd", 3)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(body="<html>Maintenance</html>"), "not a chat completion: '<html>Maintenance</html>'"),
        (fault(200, "overloaded"), "answered 200 with an error: overloaded"),
    ],
)
def test_what_never_is_a_completion_fails_alone(reply: Reply, said: str) -> None:
    """A request that gets a page or an error each time fails as in an outage, and the others are answered."""
    with ChatServer(lambda prompt, _: reply if prompt == "odd" else answer(prompt)) as server:
        first, odd, last = ask(server, "p0", "odd", "p1", concurrency=1)
    assert isinstance(odd, RequestError)
    assert (odd.kind, odd.attempts) == ("transport", 4)
    assert said in str(odd)
    assert [success(outcome).text for outcome in (first, last)] == ["p0", "p1"]


@ERRORS_OF_SUCCESS
def test_an_error_before_any_answer_stops_the_run_with_its_words(reply: Reply) -> None:
    """What a service says in place of its first answer is shown, after one attempt, and the address is not blamed."""
    with ChatServer(lambda *_: reply) as server, pytest.raises(EndpointError, match="Provider is overloaded") as caught:
        ask(server, *(f"p{n}" for n in range(9)), concurrency=1)
    assert str(caught.value).startswith(f"{server.url} answered 200 with an error: ")
    assert "address" not in str(caught.value)
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert len(server.bodies) == 1


def test_an_empty_account_stops_the_run_with_any_status() -> None:
    """No quota is left, says a 200 after other answers: nothing else is asked."""
    spent = fault(200, "You exceeded your current quota", "insufficient_quota")
    with ChatServer(lambda prompt, _: spent if prompt == "b" else answer(prompt)) as server:
        outcomes = HostedBackend(settings(server.url, concurrency=1), QUICK).complete(map(request, "abc"))
        assert success(next(outcomes)).text == "a"
        with pytest.raises(EndpointError, match="credit"):
            next(outcomes)
    assert len(server.bodies) == 2


def test_a_prompt_that_is_too_long_with_the_status_of_a_success_is_not_asked_again() -> None:
    """An error that names what is wrong with the prompt does not pass."""
    long = fault(200, "8,193 tokens", "context_length_exceeded")
    with ChatServer(lambda *_: long) as server:
        assert failure(server).kind == "prompt_too_long"
    assert len(server.bodies) == 1


@NO_COMPLETIONS
def test_an_address_of_something_else_stops_the_run(reply: Reply) -> None:
    """When the first reply is not a chat completion, the address is said to be wrong, after one attempt."""
    with (
        ChatServer(lambda *_: reply) as server,
        pytest.raises(EndpointError, match="probably not the address|has not the form of an answer"),
    ):
        ask(server, *(f"p{n}" for n in range(9)), concurrency=1)
    assert len(server.bodies) == 1


@pytest.mark.parametrize("usage", ['{"prompt_tokens": NaN, "completion_tokens": 7}', '{"prompt_tokens": 11}', "null"])
def test_what_is_not_counted_may_be_billed(usage: str) -> None:
    """An answer whose bill cannot be read counts with the most that it can cost, so a budget ends the run."""
    body = json.dumps(_body("yes")).partition('"usage"')[0] + f'"usage": {usage}}}'
    limited = settings(None, max_total_tokens=3000, concurrency=1)
    with ChatServer(lambda *_: Reply(body=body)) as server:
        backend = HostedBackend(limited.model_copy(update={"base_url": server.url}), QUICK)
        with pytest.raises(BudgetError, match="ended without a bill"):
            list(backend.complete(request(f"p{number}") for number in range(99)))
    assert len(server.bodies) < 10


def test_an_answer_does_not_show_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the model or a gateway repeats the key, it is blotted out of what is kept."""
    key = "sk-invented-and-as-long-as-keys-are"
    monkeypatch.setenv(VARIABLE, key)
    with ChatServer(lambda *_: answer(f"I saw Bearer {key}")) as server:
        assert success(ask(server, "p")[0]).text == "I saw Bearer [key]"


@pytest.mark.parametrize(
    ("finish", "kind"), [("error", "transport"), ("abort", "transport"), ("max_tokens", "truncated")]
)
def test_an_answer_that_was_broken_off_is_none(finish: str, kind: str) -> None:
    """Other servers have other words for an answer that is not whole; its text is kept as what was said."""
    with ChatServer(lambda *_: answer('{"tldr": "half', finish=finish)) as server:
        outcome = failure(server)
    assert (outcome.kind, outcome.raw) == (kind, '{"tldr": "half')


def test_an_unknown_model_ends_the_probe(tmp_path: Path) -> None:
    """One request is enough to hear that there is no such model, and the advice is about the model."""
    unknown = fault(404, "The model 'm' does not exist", "model_not_found")
    with ChatServer(lambda *_: unknown) as server:
        backend = HostedBackend(settings(server.url, structured_mode="auto", cache_dir=tmp_path), QUICK)
        with pytest.raises(EndpointError, match="check --model"):
            _ = backend.dialect
    assert len(server.bodies) == 1


def test_a_stop_ends_the_probe(tmp_path: Path) -> None:
    """A server that says nothing to the first question of all holds nobody up who wants to stop."""
    asked, left, answered = threading.Event(), threading.Event(), threading.Event()

    def reply(*_: object) -> Reply:
        asked.set()
        if not left.wait(60.0):
            answered.set()
        return answer("yes")

    with ChatServer(reply) as server:
        chosen = settings(server.url, structured_mode="auto", cache_dir=tmp_path)
        backend = HostedBackend(chosen, QUICK, stopping=asked.is_set)
        with pytest.raises(KeyboardInterrupt):
            _ = backend.dialect
        left.set()
    assert not answered.is_set()


def test_a_page_does_not_show_the_key() -> None:
    """A page that repeats the key is quoted without it, and without a half of it where the quotation ends."""
    page = Reply(body=" " * (LONGEST_QUOTE - 8) + KEY + "x" * 5000)
    with ChatServer(lambda *_: page) as server, pytest.raises(EndpointError) as caught:
        ask(server, "p")
    assert KEY[:6] not in "".join(traceback.format_exception(caught.value))


def test_a_completion_without_choices_is_empty() -> None:
    """A filter may leave no choice at all: that paper has no answer, even where it is the only one that is asked.

    What came is told, since only the server knows why.
    """
    with ChatServer(lambda *_: Reply(body={"choices": [], "filter": f"violence, {KEY}"})) as server:
        outcome = failure(server)
    assert outcome.kind == "empty"
    assert 'without any choice: {"choices": [], "filter": "violence, [key]"}; try another model' in str(outcome)
    assert len(server.bodies) == 1


def test_a_server_that_says_nothing_stops_the_run_with_what_it_sent() -> None:
    """When no request gets a choice the server runs and the address is right: other advice is given."""
    outcomes: list[Outcome] = []
    with ChatServer(lambda *_: Reply(body={"choices": [], "filter": "violence"})) as server:
        backend = HostedBackend(settings(server.url, concurrency=1), QUICK)
        with pytest.raises(EndpointError, match="none of 3 requests got a word so far: a filter") as caught:
            outcomes.extend(backend.complete(request(f"p{n}") for n in range(9)))
    assert outcomes == []
    assert '{"choices": [], "filter": "violence"}' in str(caught.value)
    assert "address" not in str(caught.value)
    assert len(server.bodies) == 3


@pytest.mark.parametrize(
    "reply",
    [fault(503, "down"), Reply(reset=True)],
    ids=["down", "reset"],
)
def test_a_server_that_never_answers_stops_the_run(reply: Reply) -> None:
    """When three requests were given up and none was answered, the run stops, and none of them is a failure."""
    outcomes: list[Outcome] = []
    with ChatServer(lambda *_: reply) as server:
        backend = HostedBackend(settings(server.url, concurrency=1), QUICK)
        with pytest.raises(EndpointError, match="no request was answered so far, and 3 were given up") as caught:
            outcomes.extend(backend.complete(request(f"p{n}") for n in range(9)))
    assert outcomes == []
    assert server.url in str(caught.value)
    assert len(server.bodies) == 3 * QUICK.attempts


def test_one_answer_is_enough_to_go_on() -> None:
    """Papers that break a server fail alone when another is answered, be it after them or in an earlier pass."""
    with ChatServer(lambda prompt, _: answer("yes") if prompt == "fine" else fault(500, "broken")) as server:
        backend = HostedBackend(settings(server.url, concurrency=1), QUICK)
        for names in (("a", "b", "fine", "c", "d", "e"), ("f", "g", "h", "i")):
            outcomes = {outcome.request_id: outcome for outcome in backend.complete(map(request, names))}
            assert sorted(outcomes) == sorted(names)
            failed = [outcome for outcome in outcomes.values() if isinstance(outcome, RequestError)]
            assert {outcome.kind for outcome in failed} == {"transport"}
            assert len(failed) == len(set(names) - {"fine"})


def test_the_first_failure_is_told_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """While a request waits for its second attempt there is one line that says what failed, however many fail."""
    told: list[list[str]] = []

    def reply(_: str, attempt: int) -> Reply:
        if attempt == 2:
            told.append([record.getMessage() for record in caplog.records if record.levelname == "WARNING"])
        return fault(503, f"overloaded, {KEY}") if attempt < 3 else answer("yes")

    with ChatServer(reply) as server:
        backend = HostedBackend(settings(server.url, concurrency=3), QUICK)
        for _ in range(2):
            assert len([success(outcome) for outcome in backend.complete(map(request, "abc"))]) == 3
    assert len(told) == 3
    assert told[0] == told[-1]
    (line,) = told[0]
    assert line.startswith(f"{server.url} answered 503: overloaded, [key]; trying again")


def test_long_waits_are_told(caplog: pytest.LogCaptureFixture) -> None:
    """A run that waits says for how long and why, in one line for all requests that wait at the same time."""
    caplog.set_level("INFO", logger="summarizer")

    def reply(prompt: str, _: int) -> Reply:
        if prompt != "last":
            return fault(429, "slow down", retry_after="30")
        patience = time.monotonic() + 5.0
        while (len(server.bodies) < 4 or not _waits(caplog)) and time.monotonic() < patience:
            time.sleep(0.01)
        return answer(prompt)

    with ChatServer(reply) as server:
        outcomes = HostedBackend(settings(server.url, concurrency=4), Pacing()).complete(
            map(request, ("a", "b", "c", "last"))
        )
        assert success(next(outcomes)).text == "last"
        outcomes.close()  # type: ignore[attr-defined]
    assert _waits(caplog) == [f"waiting 30 s, as the server asks: {server.url} answered 429: slow down"]


def test_waits_are_told_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    """Waits that follow one another are told again after a pause, those that nobody notices never."""
    caplog.set_level("INFO", logger="summarizer")
    told: Json = {"attempts": 5, "first_wait": 0.2, "longest_wait": 0.2}
    with ChatServer(lambda _, attempt: fault(503, "down") if attempt < 5 else answer("yes")) as server:
        for told_wait, told_pause, lines in ((0.3, 0.0, 0), (0.1, 9.0, 1), (0.1, 0.0, 4)):
            caplog.clear()
            pacing = Pacing(**told, told_wait=told_wait, told_pause=told_pause)
            assert ask_paced(server, pacing, str(lines)).attempts == 5
            assert len(_waits(caplog)) == lines
            assert all("s, before the next attempt: http" in line for line in _waits(caplog))


def test_a_dead_server_is_named_with_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    """What is told, and raised in the end, says that the connection was refused, and by which address."""
    with ChatServer(lambda *_: answer("yes")) as server:
        url = server.url
    backend = HostedBackend(settings(url), Pacing(attempts=2, first_wait=0.01, longest_wait=0.01))
    with pytest.raises(EndpointError, match="refused") as caught:
        list(backend.complete(map(request, "abc")))
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    for text in (line, str(caught.value)):
        assert text.startswith(f"{url}: Connection error. [Errno")


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (fault(503, "overloaded"), "503: overloaded"),
        (Reply(reset=True), "Connection error"),
    ],
)
def test_retries_end(reply: Reply, said: str) -> None:
    """When every attempt fails, the record fails with what happened last, after as many attempts as were allowed."""
    with ChatServer(lambda *_: reply) as server:
        outcome = failure(server)
    assert outcome.kind == "transport"
    assert said in str(outcome)
    assert "attempts: 4" in str(outcome)
    assert len(server.bodies) == 4


def test_a_silent_server_times_out() -> None:
    """An attempt without an answer ends after `timeout` and is repeated."""
    with ChatServer(lambda _, attempt: answer("yes", delay=2.0 if attempt == 1 else 0.0)) as server:
        assert success(ask(server, "p", timeout=0.4)[0]).attempts >= 2
    assert server.times[1] - server.times[0] < 1.5


@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_trickling_server_times_out(status: int) -> None:
    """What comes a byte at a time is not waited for longer than `timeout`, although no byte is late."""
    slow = Reply(status=status, body=_body("yes"), trickle=0.05)
    with ChatServer(lambda _, attempt: slow if attempt == 1 else answer("yes")) as server:
        assert success(ask(server, "p", timeout=0.5)[0]).attempts >= 2
    assert server.times[1] - server.times[0] < 3.0


@pytest.mark.parametrize(
    "page",
    [
        Reply(status=500, body="x" * 2**16, times=3_000),
        Reply(status=500, body=gzip.compress(b"x" * 50_000_000), headers={"content-encoding": "gzip"}),
    ],
    ids=["plain", "compressed"],
)
def test_an_endless_error_fills_no_memory(page: Reply) -> None:
    """Of the body of an error only the beginning is kept, and of a compressed one no more is unpacked."""
    with ChatServer(lambda _, attempt: page if attempt < 3 else answer("fine")) as server:
        ask(server, "warm up")
        tracemalloc.start()
        try:
            assert success(ask(server, "p")[0]).attempts == 3
            assert tracemalloc.get_traced_memory()[1] < 10_000_000
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("rest", [0, 1_000_000])
def test_a_compressed_error_is_quoted(rest: int) -> None:
    """What a compressed error begins with is told, however much follows."""
    body = gzip.compress(b"bad words" + b" " * rest)
    with ChatServer(lambda *_: Reply(status=400, body=body, headers={"content-encoding": "gzip"})) as server:
        outcome = failure(server)
    assert outcome.kind == "rejected"
    assert "answered 400: bad words;" in str(outcome)


def test_a_wrong_key_stops_the_run() -> None:
    """A 401 is raised with advice and without the key that the server repeats; nothing is tried twice."""
    wrong = fault(401, f"Incorrect API key provided: {KEY}")
    with ChatServer(lambda *_: wrong) as server, pytest.raises(EndpointError) as caught:
        ask(server, *(f"p{n}" for n in range(100)), concurrency=2)
    assert VARIABLE in str(caught.value)
    assert "401" in str(caught.value)
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert len(server.bodies) <= 4


@pytest.mark.parametrize(
    ("reply", "advice"),
    [
        (fault(403, "not yours"), VARIABLE),
        (fault(404, "no such model"), "/v1"),
        (fault(501, "no such method"), "/v1"),
        (fault(402, "pay"), "credit"),
        (fault(429, "You exceeded your current quota", "insufficient_quota"), "credit"),
        (fault(400, "no such temperature", "unsupported_value"), "setting"),
    ],
)
def test_what_every_request_would_meet_stops_the_run(reply: Reply, advice: str) -> None:
    """Refusals that are about the account, the address or the settings are raised at the first attempt, with advice."""
    with ChatServer(lambda *_: reply) as server, pytest.raises(EndpointError, match=advice):
        ask(server, "p")
    assert len(server.bodies) == 1


TOO_MANY = "This model's maximum context length is 2048 tokens, and max_tokens is 640: reduce one of them"


@pytest.mark.parametrize(
    ("reply", "advice"),
    [
        (fault(400, "Invalid schema for 'answer'", None, "response_format"), "structured outputs"),
        (fault(400, "No", None, "response_format.json_schema.schema"), "structured outputs"),
        (fault(400, "This response_format type is unavailable now"), "structured outputs"),
        (fault(400, "This model does not support response format `json_schema`."), "structured outputs"),
        (Reply(status=422, body={"detail": [{"loc": ["body", "response_format"]}]}), "structured outputs"),
        (fault(400, "640 is too large: at most 512 are supported", None, "max_tokens"), "--max-tokens"),
        (fault(400, "Use 'max_completion_tokens'", "unsupported_parameter", "max_tokens"), "--max-tokens"),
        (fault(400, "max_completion_tokens must be less than 512"), "--max-tokens"),
        (fault(400, "No", "unsupported_value", "temperature"), "--temperature"),
    ],
)
def test_a_refused_parameter_of_all_requests_stops_the_run(reply: Reply, advice: str) -> None:
    """What is the same in every request is not refused once for each paper: the run stops, with the flag to change."""
    with ChatServer(lambda *_: reply) as server, pytest.raises(EndpointError, match=advice) as caught:
        ask(server, *(f"p{n}" for n in range(9)), concurrency=1)
    assert str(caught.value).startswith(f"{server.url} answered {reply.status}: ")
    assert len(server.bodies) == 1


@pytest.mark.parametrize(
    ("prompt", "reply", "kind"),
    [
        ("on max_tokens", fault(400, "cannot read 'on max_tokens'"), "rejected"),
        ("odd", fault(400, "the response_format of this", None, "messages.[1].content"), "rejected"),
        ("odd", fault(400, TOO_MANY, None, "max_tokens"), "prompt_too_long"),
        ("odd", fault(400, "the request exceeds the available context size"), "prompt_too_long"),
    ],
    ids=["quoted", "message", "limit", "context"],
)
def test_a_refusal_of_one_paper_stops_nothing(prompt: str, reply: Reply, kind: str) -> None:
    """A refusal that is about a paper is its failure, although it speaks of parameters and nothing was answered yet."""
    with ChatServer(lambda asked, _: reply if asked == prompt else answer(asked)) as server:
        outcomes = {outcome.request_id: outcome for outcome in ask(server, prompt, "p", concurrency=1)}
    failed = outcomes[prompt]
    assert isinstance(failed, RequestError)
    assert failed.kind == kind
    assert success(outcomes["p"]).text == "p"
    assert len(server.bodies) == 2


def test_a_parameter_that_was_accepted_before_is_not_refused_for_all() -> None:
    """Where another request was answered, its parameters were accepted: a refusal is about the paper."""
    odd = fault(400, "response_format cannot be met", None, "response_format")
    with ChatServer(lambda prompt, _: odd if prompt == "odd" else answer(prompt)) as server:
        first, failed, last = ask(server, "p0", "odd", "p1", concurrency=1)
    assert isinstance(failed, RequestError)
    assert failed.kind == "rejected"
    assert [success(outcome).text for outcome in (first, last)] == ["p0", "p1"]


def test_a_context_without_room_for_the_answer_stops_the_run() -> None:
    """When paper after paper is too long for what is left beside the answer, the limit is what is to change."""
    many = fault(400, TOO_MANY)
    with ChatServer(lambda *_: many) as server, pytest.raises(EndpointError, match="smaller --max-tokens"):
        ask(server, *(f"p{n}" for n in range(9)), concurrency=1)
    assert len(server.bodies) == 3


def test_answers_under_way_survive_a_stop() -> None:
    """Answers that were paid for are yielded before the refusal is raised, and waits for retries are cut short."""
    refused = threading.Event()

    def reply(prompt: str, _: int) -> Reply:
        if prompt == "busy":
            return fault(503, "busy", retry_after="600")
        if prompt == "no":
            refused.set()
            return fault(401, "no")
        refused.wait(10.0)
        return answer(prompt, delay=0.5)

    outcomes: list[Outcome] = []
    started = time.monotonic()
    with ChatServer(reply) as server:
        backend = HostedBackend(settings(server.url, concurrency=4), Pacing())
        names = ("paid", "busy", "no", "paid too", "never")
        with pytest.raises(EndpointError):
            outcomes.extend(backend.complete(request(name) for name in names))
    assert time.monotonic() - started < 300.0
    assert {outcome.request_id for outcome in outcomes} == {"paid", "paid too"}
    assert "never" not in {body["messages"][-1]["content"] for body in server.bodies}


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (fault(400, "bad words"), "rejected"),
        (fault(422, "bad form"), "rejected"),
        (fault(413, "too big"), "rejected"),
        (fault(400, "8,193 tokens", "context_length_exceeded"), "prompt_too_long"),
        (fault(400, "filtered", "content_filter"), "refused"),
    ],
)
def test_a_rejected_request_fails_alone(reply: Reply, kind: str) -> None:
    """A request that the server does not accept fails once, with the server's words, and the others are answered."""
    with ChatServer(lambda prompt, _: reply if prompt == "p1" else answer(prompt)) as server:
        outcomes = {outcome.request_id: outcome for outcome in ask(server, "p0", "p1", "p2")}
    failed = outcomes.pop("p1")
    assert isinstance(failed, RequestError)
    assert failed.kind == kind
    assert str(reply.body["error"]["message"]) in str(failed) if isinstance(reply.body, dict) else False
    assert {success(outcome).text for outcome in outcomes.values()} == {"p0", "p2"}
    assert len(server.bodies) == 3


@pytest.mark.parametrize(
    ("reply", "kind", "raw"),
    [
        (answer('{"tldr": "half', finish="length"), "truncated", '{"tldr": "half'),
        (answer(None, finish="length"), "truncated", ""),
        (answer(None, refusal="I cannot."), "refused", "I cannot."),
        (answer("par", finish="content_filter"), "refused", "par"),
        (answer(None), "empty", ""),
        (answer(" \n"), "empty", " \n"),
    ],
)
def test_an_incomplete_answer_is_a_failure(reply: Reply, kind: str, raw: str) -> None:
    """Cut off, refused and empty answers are told apart, keep what was said, and are not asked for again."""
    with ChatServer(lambda *_: reply) as server:
        outcome = failure(server)
    assert (outcome.kind, outcome.raw) == (kind, raw)
    assert (outcome.attempts, outcome.tokens.prompt, outcome.tokens.completion) == (1, 11, 7)
    assert len(server.bodies) == 1


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (answer(None, refusal="I cannot."), "the model declined; try another model"),
        (answer("par", finish="content_filter"), "the server's filter stopped the answer; try another model"),
        (answer(None), "the answer has no text; try another model or prompt"),
    ],
)
def test_a_message_says_what_happened_once(reply: Reply, message: str) -> None:
    """What happened comes first, and then what to do; neither is said twice."""
    with ChatServer(lambda *_: reply) as server:
        assert str(failure(server)) == message


def test_a_rejected_paper_is_not_asked_again_by_itself() -> None:
    """Whoever mends the paper or the server has to know that a failed record stays as it is."""
    with ChatServer(lambda *_: fault(400, "bad words")) as server:
        assert str(failure(server)).endswith("bad words; `summarizer retry` asks again")


def test_half_a_character_fails_alone() -> None:
    """An abstract that cannot be encoded fails without being sent, and the others are answered."""
    with ChatServer(lambda prompt, _: answer(prompt)) as server:
        broken, fine = sorted(ask(server, "\ud800", "p"), key=lambda outcome: isinstance(outcome, Completion))
    assert isinstance(broken, RequestError)
    assert broken.kind == "rejected"
    assert success(fine).text == "p"


def test_words_of_the_server_are_one_printable_line() -> None:
    """Control characters and length of a server's message cannot disturb a terminal."""
    with ChatServer(lambda *_: fault(400, "bad\x1b[2J\n" + "x" * 10_000)) as server:
        said = str(failure(server))
    assert said.isprintable()
    assert len(said) < 600


def test_redirects_are_not_followed() -> None:
    """Neither key nor abstract goes to the server that a redirect names; the run stops with advice."""
    with ChatServer(lambda *_: answer("stolen")) as other:
        moved = Reply(status=307, headers={"location": f"{other.url}/chat/completions"})
        with ChatServer(lambda *_: moved) as server, pytest.raises(EndpointError, match="redirects") as caught:
            ask(server, "p")
        assert other.bodies == []
        assert other.url in str(caught.value)


def test_a_missing_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the key the error names the variable, before anything is sent."""
    monkeypatch.delenv(VARIABLE)
    backend = HostedBackend(settings("https://models.example/v1"))
    with pytest.raises(EndpointError, match=VARIABLE):
        next(backend.complete([request("p")]))


def test_a_key_that_cannot_be_sent_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key with characters that no header takes is an error that does not repeat it."""
    monkeypatch.setenv(VARIABLE, "sk-\N{LEFT DOUBLE QUOTATION MARK}4711")
    with pytest.raises(EndpointError, match=VARIABLE) as caught:
        next(HostedBackend(settings("https://models.example/v1")).complete([request("p")]))
    assert "4711" not in str(caught.value)


def test_a_server_on_this_machine_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a loopback address the run goes on without a key, and past any proxy of the environment."""
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with ChatServer(lambda *_: answer("yes")) as server:
        assert success(ask(server, "p")[0]).text == "yes"
    assert KEY not in server.headers[0]["authorization"]


def test_no_requests_need_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is wholly cached asks nothing of the server, not even whether there is a key."""
    monkeypatch.delenv(VARIABLE)
    assert list(HostedBackend(settings("https://models.example/v1")).complete([])) == []


def test_the_identity_names_server_and_model() -> None:
    """The default server is OpenAI, a final slash makes no other server, and the key is nowhere."""
    assert HostedBackend(settings(None)).identity.endpoint == "https://api.openai.com/v1"
    identity = HostedBackend(settings("http://models.example/v1/")).identity
    assert (identity.backend, identity.endpoint, identity.model) == ("hosted", "http://models.example/v1", "m")
    assert KEY not in identity.model_dump_json()


def test_a_model_has_to_be_named() -> None:
    """The embedded model is not a hosted one."""
    with pytest.raises(SettingsError, match="--model"):
        HostedBackend(Settings(backend="hosted"))


@pytest.mark.parametrize(
    "url",
    [
        "models.example/v1",
        "ftp://models.example",
        "http://",
        "http://[::1",
        "https://a:pw4711@b/v1",
        "https://b?k=4711",
    ],
)
def test_an_unusable_address_is_refused(url: str) -> None:
    """An address that is none, or that holds a secret, is a setting to correct, and is not repeated."""
    with pytest.raises(SettingsError, match="base_url") as caught:
        HostedBackend(settings(url))
    assert "4711" not in str(caught.value)


def test_an_endless_source_is_pulled_as_needed() -> None:
    """Never more requests are pulled than are in flight and answered, so a million rows cost no memory."""
    pulled = 0

    def endless() -> Iterator[Request]:
        nonlocal pulled
        for number in itertools.count():
            pulled += 1
            yield request(f"p{number}")

    with ChatServer(lambda prompt, _: answer(prompt)) as server:
        outcomes = HostedBackend(settings(server.url, concurrency=3), QUICK).complete(endless())
        for taken in range(1, 31):
            success(next(outcomes))
            assert pulled <= taken + 2 * 3
        outcomes.close()  # type: ignore[attr-defined]
    assert len(server.bodies) <= pulled


def test_stopping_finishes_what_is_under_way() -> None:
    """After a stop no request is pulled, those in flight are yielded, and those that wait for their turn are let go."""
    source = iter([request(f"p{n}") for n in range(100)])
    taken: list[Outcome] = []
    with ChatServer(lambda prompt, _: answer(prompt, delay=0.05)) as server:
        backend = HostedBackend(settings(server.url, concurrency=4), QUICK)
        taken.extend(backend.complete(source, lambda: len(taken) >= 5))
    assert {success(outcome).request_id for outcome in taken} == {f"p{n}" for n in range(len(taken))}
    assert len(taken) == len(server.bodies) <= 5 + 4
    assert int(next(source).id[1:]) <= 5 + 4


def test_a_stop_does_not_sit_out_an_outage() -> None:
    """Requests that wait for another attempt when the run is to stop are let go, to be asked by the next run.

    However many they are, the stop is no sign of a server that is not there.
    """
    patient = Pacing(attempts=3, first_wait=50.0)
    with ChatServer(lambda *_: fault(503, "down")) as server:
        backend = HostedBackend(settings(server.url, concurrency=4), patient)
        requests = [request(f"p{n}") for n in range(9)]
        assert list(backend.complete(requests, lambda: len(server.bodies) >= 4)) == []
        assert len(server.bodies) == 4  # who was waiting does not try once more


def test_answers_under_way_survive_broken_requests() -> None:
    """When a paper cannot be read, no other is pulled, and what was asked is answered before that is raised.

    Not every iterator has ended when it has raised.
    """

    def paper(number: int) -> Request:
        if number == 3:
            raise InputError("second.jsonl", "holds no papers")
        return request(f"p{number}")

    with ChatServer(lambda prompt, _: answer(prompt, delay=0.3)) as server:
        outcomes = HostedBackend(settings(server.url, concurrency=4), QUICK).complete(map(paper, range(9)))
        answered = {success(next(outcomes)).text for _ in range(3)}
        with pytest.raises(InputError, match="holds no papers"):
            next(outcomes)
    assert answered == {"p0", "p1", "p2"}


def test_a_stop_before_the_start_begins_nothing() -> None:
    """When stopping is true from the start, nothing is pulled."""
    source = iter([request("p")])
    assert list(HostedBackend(settings("https://models.example/v1")).complete(source, lambda: True)) == []
    assert next(source).id == "p"


def test_leaving_early_cuts_waits_short() -> None:
    """Whoever closes the iterator does not sit out a long wait between attempts."""
    began = threading.Event()

    def reply(prompt: str, _: int) -> Reply:
        if prompt == "busy":
            began.set()
            return fault(503, "busy", retry_after="600")
        began.wait(60.0)
        return answer(prompt)

    started = time.monotonic()
    with ChatServer(reply) as server:
        outcomes = HostedBackend(settings(server.url, concurrency=2), Pacing()).complete(map(request, ("busy", "p")))
        assert success(next(outcomes)).text == "p"
        outcomes.close()  # type: ignore[attr-defined]
    assert time.monotonic() - started < 300.0


def test_the_client_is_imported_on_the_first_request() -> None:
    """Making the backend, and asking what it is, does not import openai."""
    program = (
        "import sys; from summarizer.backends.hosted import HostedBackend; from summarizer.settings import Settings; "
        "HostedBackend(Settings(model='m', structured_mode='strict')).identity; "
        "sys.exit(any(m in sys.modules for m in ('openai', 'httpx2', 'aiohttp')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def _waits(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was told of waits."""
    ours = [record for record in caplog.records if record.name.startswith("summarizer.")]
    return [record.getMessage() for record in ours if record.levelname == "INFO"]


def _body(text: str) -> Json:
    body = answer(text).body
    assert isinstance(body, dict)
    return body


def _parts(schema: Json) -> list[Json]:
    items = [schema["items"]] if "items" in schema else []
    return [*schema.get("properties", {}).values(), *items, *schema.get("anyOf", [])]


def _schemas(schema: Json) -> Iterator[Json]:
    """A schema and all that it has inside."""
    yield schema
    for part in _parts(schema):
        yield from _schemas(part)


def _depth(schema: Json) -> int:
    return 1 + max((_depth(part) for part in _parts(schema)), default=0)


def _nodes(schema: object) -> Iterator[Json]:
    children: list[object] = []
    if isinstance(schema, dict):
        yield schema
        children = list(schema.values())
    elif isinstance(schema, list):
        children = schema
    for child in children:
        yield from _nodes(child)
