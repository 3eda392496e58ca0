"""What a server says is read as it is meant, whatever form it has."""

import json
from typing import Any

import pytest

from summarizer.backends.replies import ASTRAY, ChatReply, outcome, read_reply, spoken, tokens_of
from summarizer.completion import Completion, Decoding, Json, Outcome, Request
from summarizer.errors import RequestError
from summarizer.records import Tokens

_REQUEST = Request(
    id="p",
    key="k",
    messages=(),
    schema_text="{}",
    decoding=Decoding(max_tokens=64),
    title="T",
    abstract="A",
    prompt="annotate/v1",
    language="English",
)
_THINKING = "<think>\nThe user wants {\"an\": 'object'}, so ...\n</think>\n\n"


def _reply(message: Json, finish: str = "stop", usage: object = None) -> ChatReply:
    body = {"choices": [{"index": 0, "message": message, "finish_reason": finish}], "usage": usage}
    reply = read_reply(json.dumps(body).encode())
    assert isinstance(reply, ChatReply)
    return reply


def _outcome(message: Json, finish: str = "stop", usage: object = None) -> Outcome:
    return outcome(_REQUEST, _reply(message, finish, usage), "strict", seconds=1.0, attempts=2, cost=0.5)


def _text(message: Json) -> str:
    ended = _outcome(message)
    assert isinstance(ended, Completion), ended
    return ended.text


def _failure(message: Json, finish: str = "stop", usage: object = None) -> RequestError:
    ended = _outcome(message, finish, usage)
    assert isinstance(ended, RequestError), ended
    return ended


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"tldr": "x"}', '{"tldr": "x"}'),
        (_THINKING + '{"tldr": "x"}', '{"tldr": "x"}'),
        ("\n  " + _THINKING + "word", "word"),
        ("Let me see, {...}.</think>\n" + '{"tldr": "x"}', '{"tldr": "x"}'),
        ("<think>Well, well, well", ""),
        (" \n<think>", ""),
        ("<think></think>", ""),
        ("Nothing to say.</think>\n", ""),
        ('{"tldr": "It ends with </think> tags"}', '{"tldr": "It ends with </think> tags"}'),
        ('\n{"tldr": "<think>a</think>b"}', '\n{"tldr": "<think>a</think>b"}'),
        ('{"tldr": "</think>", "methods": [{}]}', '{"tldr": "</think>", "methods": [{}]}'),
        ('```json\n{"tldr": "It stops at </think>."}\n```', '```json\n{"tldr": "It stops at </think>."}\n```'),
        ("No thoughts here.", "No thoughts here."),
        ("", ""),
    ],
    ids=[
        "none",
        "thoughts",
        "indented",
        "only the end",
        "never-ending",
        "only the beginning",
        "empty",
        "nothing after",
        "quoted",
        "quoted whole",
        "quoted before more",
        "quoted in a fence",
        "words",
        "nothing",
    ],
)
def test_thoughts_are_not_said(text: str, said: str) -> None:
    """What a model thinks aloud is left out, and tags that its answer quotes are not thoughts."""
    assert spoken(text) == said


def test_thoughts_that_never_end_are_no_answer() -> None:
    """They are kept as what the model said, in a failure that says that it was cut off."""
    failure = _failure({"content": "<think>Well, well, well"}, "length")
    assert (failure.kind, failure.raw) == ("truncated", "<think>Well, well, well")
    assert _failure({"content": "<think>Well."}).kind == "empty"


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_reasoning_beside_the_answer_is_not_the_answer(name: str) -> None:
    """Thoughts in a field of their own are left out; with no content beside them there is no answer."""
    thoughts = {name: '{"tldr": "a thought"}'}
    assert _text({"content": '{"tldr": "x"}', **thoughts}) == '{"tldr": "x"}'
    assert _failure({"content": "", **thoughts}).kind == "empty"
    assert _failure({"content": None, **thoughts}).kind == "empty"
    assert _failure({**thoughts}, "length").kind == "truncated"


def _call(arguments: object) -> Json:
    return {"id": "1", "type": "function", "function": {"name": "answer", "arguments": arguments}}


@pytest.mark.parametrize("arguments", ['{"tldr": "x"}', {"tldr": "x"}], ids=["text", "object"])
def test_the_arguments_of_a_call_are_the_answer(arguments: object) -> None:
    """As text, as the interface wants it, or as the object itself; words beside them do not count."""
    message = {"content": "Here you are.", "tool_calls": [_call(arguments), _call('{"tldr": "another"}')]}
    assert json.loads(_text(message)) == {"tldr": "x"}


@pytest.mark.parametrize(
    "calls",
    [
        None,
        [],
        "call",
        {},
        [None],
        ["answer"],
        [{}],
        [{"function": None}],
        [{"function": {}}],
        [_call(None)],
        [_call(7)],
        [_call(["x"])],
        [_call("")],
    ],
    ids=str,
)
def test_a_call_without_arguments_leaves_the_content(calls: object) -> None:
    """Whatever stands in the place of a call, it harms nothing, and the content counts."""
    assert _text({"content": '{"tldr": "x"}', "tool_calls": calls}) == '{"tldr": "x"}'
    assert _failure({"content": None, "tool_calls": calls}).kind == "empty"


def test_only_texts_among_the_parts_are_the_answer() -> None:
    """Thoughts, signatures and pictures in a content of parts are left out."""
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}], "text": "hm"},
        {"type": "text", "text": '{"tldr": '},
        {"type": "image_url", "image_url": {"url": "data:"}},
        {"type": "text", "text": '"x"}'},
    ]
    assert _text({"content": parts}) == '{"tldr": "x"}'


@pytest.mark.parametrize("content", [7, {"text": "x"}, ["x"], [{"type": "text", "text": 7}], True])
def test_a_content_that_is_no_text_is_no_completion(content: object) -> None:
    """It is told as that, and not turned into words."""
    body = {"choices": [{"message": {"content": content}}]}
    assert read_reply(json.dumps(body).encode()) is None


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        (
            {
                "prompt_tokens": 1000,
                "completion_tokens": 200,
                "prompt_tokens_details": {"cached_tokens": 600, "cache_write_tokens": 300},
                "completion_tokens_details": {"reasoning_tokens": 150},
            },
            Tokens(prompt=1000, completion=200, cached_prompt=600, written_prompt=300, reasoning=150),
        ),
        (
            {
                "prompt_tokens": 100,
                "completion_tokens": 20,
                "prompt_tokens_details": {"cached_tokens": 600, "cache_write_tokens": 300},
                "completion_tokens_details": {"reasoning_tokens": 150},
            },
            Tokens(prompt=100, completion=20, cached_prompt=100, written_prompt=0, reasoning=20),
        ),
        (
            {"prompt_tokens": 100, "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 60}},
            Tokens(prompt=100, cached_prompt=60, written_prompt=40),
        ),
        (
            {"prompt_tokens": 100, "prompt_tokens_details": {"cached_tokens": -1, "cache_write_tokens": 1.5}},
            Tokens(prompt=100),
        ),
        (
            {"prompt_tokens": 100, "prompt_tokens_details": [60], "completion_tokens_details": "many"},
            Tokens(prompt=100),
        ),
        ({"prompt_tokens": 100, "prompt_tokens_details": None}, Tokens(prompt=100)),
        ({"prompt_tokens_details": {"cached_tokens": 60}}, Tokens()),
        ({"prompt_tokens": 10**9 + 1, "completion_tokens": True}, Tokens()),
        (None, Tokens()),
        ("many", Tokens()),
    ],
)
def test_kinds_of_tokens_are_parts_of_their_whole(usage: Any, tokens: Tokens) -> None:
    """What a server counts as cached, written or thought is never more than there is, and nonsense is not counted."""
    assert tokens_of(_reply({"content": "x"}, usage=usage)) == tokens


def test_a_failure_keeps_what_it_took() -> None:
    """A refusal that was billed has its tokens, its cost and its attempts."""
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "completion_tokens_details": {"reasoning_tokens": 5}}
    failure = _failure({"content": None, "refusal": "No."}, usage=usage)
    assert (failure.kind, failure.raw) == ("refused", "No.")
    assert (failure.tokens, failure.cost_usd, failure.attempts) == (
        Tokens(prompt=11, completion=7, reasoning=5),
        0.5,
        2,
    )


def test_a_loop_of_white_space_is_named() -> None:
    """A grammar may let a model write spaces to the limit: more room would not help, so that is said."""
    astray = _failure({"content": '{"tldr": "x",' + " \n" * ASTRAY}, "length")
    assert astray.kind == "truncated"
    assert "most of them white space" in str(astray)
    assert "white space" not in str(_failure({"content": '{"tldr": "x",' + " " * (ASTRAY - 1)}, "length"))
    assert "white space" not in str(_failure({"content": " " * 500 + '{"tldr": "x'}, "length"))
    assert _failure({"content": " \n" * 500}).kind == "empty"
