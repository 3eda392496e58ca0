"""A request as a server of the OpenAI chat API takes it, in the dialect that this server understands."""

import json
from typing import Literal, get_args

from summarizer.completion import Json, Message, Request
from summarizer.records import Frozen

#: How an answer is held to its form, the surest way first.
Rung = Literal["strict", "json_schema", "tools", "json_object", "prompt"]
RUNGS: tuple[Rung, ...] = get_args(Rung)
LimitName = Literal["max_tokens", "max_completion_tokens"]

LENGTH_KEYWORDS = frozenset({"minLength", "maxLength", "minItems", "maxItems"})
#: Name of the schema and of the function.
ANSWER = "answer"
_IN_WORDS = "Write one JSON object and nothing else. It has to fit this JSON Schema:"


class Dialect(Frozen):
    """What a server takes of all that can be said in a request."""

    rung: Rung = "strict"
    limit_name: LimitName = "max_tokens"
    """What the parameter is called that bounds the tokens of an answer."""
    temperature: bool = True
    """Whether a temperature is sent: models that reason have their own."""
    seed: bool = True

    def __str__(self) -> str:
        """One line, as keys of the cache and people read it."""
        left_out = [f"no {name}" for name in ("temperature", "seed") if not getattr(self, name)]
        return ", ".join([self.rung, self.limit_name, *left_out])


class Wire:
    """Makes the bodies of requests to one server."""

    def __init__(self, model: str, dialect: Dialect, extra: Json) -> None:
        """`extra` are parameters of the user's own, which come on top."""
        self._model, self._dialect, self._extra = model, dialect, extra
        self._forms: dict[str, Json] = {}

    @property
    def rung(self) -> Rung:
        """How answers are held to their form."""
        return self._dialect.rung

    def content(self, request: Request) -> bytes:
        """The body, as JSON in UTF-8. `UnicodeEncodeError` when the paper holds half a character."""
        body = self.body(request.messages, request.schema_text, request.decoding.max_tokens)
        if self._dialect.temperature:
            body["temperature"] = request.decoding.temperature
        if self._dialect.seed:
            body["seed"] = request.decoding.seed
        return json.dumps(body | self._extra, ensure_ascii=False, separators=(",", ":")).encode()

    def body(self, messages: tuple[Message, ...], schema_text: str, max_tokens: int) -> Json:
        """What every request has. All of it but the last message is the same for every paper, and comes first."""
        said = [message.model_dump() for message in messages]
        if self._dialect.rung in ("json_object", "prompt"):
            told = f"{_IN_WORDS}\n{json.dumps(wire_schema(schema_text), separators=(',', ':'))}"
            if said[0]["role"] == "system":
                said[0]["content"] = f"{said[0]['content']}\n\n{told}"
            else:
                said.insert(0, {"role": "system", "content": told})
        if schema_text not in self._forms:
            self._forms[schema_text] = form(self._dialect.rung, schema_text)
        return {
            "model": self._model,
            **self._forms[schema_text],
            "messages": said,
            self._dialect.limit_name: max_tokens,
        }


def form(rung: Rung, schema_text: str) -> Json:
    """The parameters that hold an answer to the schema, none for `prompt`."""
    schema = wire_schema(schema_text)
    match rung:
        case "strict":
            described = {"name": ANSWER, "strict": True, "schema": schema}
            return {"response_format": {"type": "json_schema", "json_schema": described}}
        case "json_schema":
            return {"response_format": {"type": "json_schema", "json_schema": {"name": ANSWER, "schema": schema}}}
        case "tools":
            function = {"name": ANSWER, "description": "Gives the answer.", "parameters": schema}
            return {
                "tools": [{"type": "function", "function": function}],
                "tool_choice": {"type": "function", "function": {"name": ANSWER}},
            }
        case "json_object":
            return {"response_format": {"type": "json_object"}}
        case "prompt":
            return {}


def wire_schema(schema_text: str) -> Json:
    """The schema as strict mode accepts it: without bounds of lengths, which are validated locally instead.

    `Request.schema_text` already requires every property and allows no others.
    """
    schema: Json = json.loads(schema_text, object_hook=_without_lengths)
    return schema


def _without_lengths(node: Json) -> Json:
    # A property may be called maxItems too, and is then a schema, not a number.
    return {name: value for name, value in node.items() if not (name in LENGTH_KEYWORDS and isinstance(value, int))}
