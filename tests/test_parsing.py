"""From the text of a completion to an answer."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer.completion import Completion
from summarizer.errors import AnswerError
from summarizer.parsing import MOST_OBJECTS, parse
from summarizer.prompting import load_prompt
from summarizer.records import Tokens
from tests.work import calls

_PROMPT = load_prompt("annotate")
_VOCABULARY, _LIMITS = _PROMPT.vocabulary, _PROMPT.file.limits
_GOOD: dict[str, Any] = {
    "tldr": " Streams are counted. ",
    "contribution": "study",
    "field": "robotics",
    "modalities": ["image"],
    "tasks": ["counting"],
    "methods": [{"name": "BrookNet", "role": "used"}],
    "datasets": [],
    "metrics": [],
    "results": [],
}

_RESULT: dict[str, Any] = {
    "evidence": "x" * 400,
    "value": "1",
    "unit": "",
    "metric": None,
    "dataset": None,
    "method": None,
    "baseline_value": None,
    "kind": "finding",
}

Make = Callable[..., Completion]


@pytest.mark.parametrize("wrap", ["{}", "```json\n{}\n```", "Here it is: {} I hope it helps.", "\n {}\n\n"])
def test_the_first_object_is_the_answer(make_completion: Make, wrap: str) -> None:
    """Fences and sentences around the JSON do not matter; white space around texts is dropped."""
    answer = parse(make_completion(wrap.replace("{}", json.dumps(_GOOD))), _VOCABULARY, _LIMITS)
    assert answer.tldr == "Streams are counted."
    assert answer.methods[0].name == "BrookNet"


@pytest.mark.parametrize(
    "before",
    [
        '<think>hm {"a":1}</think>',
        "<think>Something like {'tldr': ...}, with {x} in \\\\frac{a}{b}</think>",
        '<think>It begins with {"tldr": " and so on</think>',
        '<think>{"tldr": "a draft", "tasks": [{"b": 1}, </think>',
        '<think>{"count": %s}</think>' % ("1" * 5000),
        "<think>" + "{" * 100_000 + "</think>",
        '{"a": {}} ' * 40,
    ],
    ids=["other", "prose", "string", "draft", "huge", "braces", "many"],
)
def test_an_answer_after_other_objects_is_found(make_completion: Make, before: str) -> None:
    """Objects that a model writes while it thinks, whole or not, do not hide the answer that follows."""
    text = f"{before}\n```json\n{json.dumps(_GOOD)}\n```"
    assert parse(make_completion(text), _VOCABULARY, _LIMITS).tldr == "Streams are counted."


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a": 1} {"contribution": "study"} {}', "tldr: Field required"),
        ('{"a": 1} {"tldr": "x", "methods": [{"name": "A"}], "results": [', "the JSON is broken"),
        ("```json\n{'tldr': 'x'}\n```", "the JSON is broken: Expecting property name enclosed in double quotes"),
    ],
    ids=["shape", "cut", "quotes"],
)
def test_of_several_objects_the_longest_is_told_about(make_completion: Make, text: str, problem: str) -> None:
    """A model that is to repair its answer hears of the object that was meant to be one."""
    with pytest.raises(AnswerError, match=problem):
        parse(make_completion(text), _VOCABULARY, _LIMITS)


@pytest.mark.parametrize("hostile", ["{", '{"', '{"a":', '{"a":[', '{"a":{},', "{ ", '{"a":1} ', '{"a" '])
def test_a_text_of_braces_costs_no_more_than_its_length(make_completion: Make, hostile: str) -> None:
    """However many objects begin in a text, as many are tried as `MOST_OBJECTS`, so two megabytes are soon refused.

    Trying each would take hours.
    """
    completion = make_completion("x" + hostile * (2_000_000 // len(hostile)))

    def refuse() -> None:
        with pytest.raises(AnswerError):
            parse(completion, _VOCABULARY, _LIMITS)

    assert calls(refuse) < 100 * MOST_OBJECTS


@pytest.mark.parametrize("text", ["", "I cannot do that.", '{"tldr": "cut of', "{" * 100_000])
def test_what_is_no_json_says_so_and_is_kept(make_completion: Make, text: str) -> None:
    """No object, half an object and absurd nesting are `invalid_json`, with the raw text."""
    with pytest.raises(AnswerError) as caught:
        parse(make_completion(text), _VOCABULARY, _LIMITS)
    assert (caught.value.kind, caught.value.raw) == ("invalid_json", text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tldr": "  "}, "tldr: String should have at least 1 character"),
        ({"tasks": ["\x1c"]}, r"tasks\.0: Value error, it is empty"),
        ({"contribution": "magic"}, "contribution: Input should be 'method'"),
        ({"contribution": None}, "contribution: missing"),
        ({"field": "astrology"}, "field: 'astrology' is not one of"),
        ({"modalities": ["smell"]}, r"modalities: \['smell'\] are not among"),
        ({"methods": [{"name": "", "role": "used"}]}, r"methods\.0\.name"),
        ({"methods": [{"name": "A", "role": "boss"}]}, r"methods\.0\.role"),
        ({"colour": "red"}, "colour: Extra inputs"),
        ({"tasks": "counting"}, "tasks: Input should be a valid"),
    ],
)
def test_another_shape_is_a_schema_error_with_its_place(
    make_completion: Make, change: dict[str, Any], message: str
) -> None:
    """JSON that is not an answer is refused with the place, in words that a model can act on."""
    text = json.dumps(_GOOD | change)
    with pytest.raises(AnswerError, match=message) as caught:
        parse(make_completion(text), _VOCABULARY, _LIMITS)
    assert (caught.value.kind, caught.value.raw) == ("schema_error", text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tldr": "x" * 321}, "tldr: 321 characters, at most 320"),
        ({"tasks": ["counting"] * 6}, "tasks: 6 entries, at most 5"),
        ({"datasets": ["x" * 121]}, "a name: 121 characters"),
        ({"methods": [{"name": "x" * 121, "role": "used"}]}, "a method: 121 characters"),
        ({"results": [_RESULT | {"evidence": "x" * 401}]}, "evidence: 401 characters, at most 400"),
        ({"results": [_RESULT | {"metric": "x" * 121}]}, "a part of a result: 121 characters"),
    ],
)
def test_what_is_too_long_is_a_schema_error(make_completion: Make, change: dict[str, Any], message: str) -> None:
    """The limits of the prompt hold for servers that do not hold their models to them."""
    with pytest.raises(AnswerError, match=message):
        parse(make_completion(json.dumps(_GOOD | change)), _VOCABULARY, _LIMITS)


def test_what_is_just_short_enough_is_an_answer(make_completion: Make) -> None:
    """A limit is what may be there."""
    answer = _GOOD | {"tldr": "x" * 320, "tasks": ["counting"] * 5, "results": [_RESULT] * 12}
    assert len(parse(make_completion(json.dumps(answer)), _VOCABULARY, _LIMITS).results) == 12


def test_missing_field_is_a_schema_error(make_completion: Make) -> None:
    """An answer without a list is not an answer with an empty list."""
    text = json.dumps({name: value for name, value in _GOOD.items() if name != "results"})
    with pytest.raises(AnswerError, match="results: Field required"):
        parse(make_completion(text), _VOCABULARY, _LIMITS)


def test_another_shape_inside_a_fence_is_a_schema_error(make_completion: Make) -> None:
    """What is wrapped is held to the same shape."""
    with pytest.raises(AnswerError, match="tldr: Field required") as caught:
        parse(make_completion('```json\n{"contribution": "study"}\n```'), _VOCABULARY, _LIMITS)
    assert caught.value.kind == "schema_error"


def test_plain_summary_is_one_line(make_completion: Make) -> None:
    """What a plain summarizer writes is the summary, white space folded; nothing else is claimed."""
    answer = parse(make_completion(" Streams\n are deep. ", structured_mode="summary"), _VOCABULARY, _LIMITS)
    assert (answer.tldr, answer.contribution, answer.field, answer.results) == ("Streams are deep.", None, None, ())
    with pytest.raises(AnswerError, match="the summary is empty"):
        parse(make_completion(" \n", structured_mode="summary"), _VOCABULARY, _LIMITS)


@given(st.text())
def test_any_text_is_an_answer_or_an_answer_error(text: str) -> None:
    """Nothing that a model can say makes the parser crash."""
    completion = Completion(
        request_id="a", text=text, tokens=Tokens(), structured_mode="json_schema", seconds=0.0, created_at=""
    )
    with pytest.raises(AnswerError):
        parse(completion, _VOCABULARY, _LIMITS)
