"""The model behind the server of `llm_server`: how it behaves, what it answers, and the bill."""

import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Iterable
from time import monotonic, time
from typing import Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict

Json = dict[str, Any]

#: Ways to fail before the model has worked: they are not billed.
UNBILLED = ("429_ms", "429_seconds", "429_date", "429_bare", "503")
#: Ways in which what was answered, and is billed, is lost or damaged on the wire.
SPOILED = ("500", "hang", "reset", "half_body", "twice", "drip")
#: Ways in which the model itself answers wrongly, which is billed as well.
WRONG = ("invalid_json", "wrong_schema", "ignores_schema", "refuses", "length", "empty", "odd_id")
#: Those of all after which the client has a good answer.
HARMLESS = ("", "odd_id", "twice", "drip")

#: How a batch ends.
BatchEnd = Literal["completed", "expired", "cancelled", "failed", "partly", "errors_only"]
#: Moments at which the Batch API can be made to wait.
Mark = Literal[
    "upload_begun",
    "upload_done",
    "create_begun",
    "create_done",
    "poll",
    "completed",
    "content_begun",
    "content_half",
    "content_done",
    "errors_begun",
]

#: Tokens that a model goes on for when the request names no end.
_ENDLESS = 4096
_SAID = re.compile(r"exactly this one word and nothing else: (\w+)")


class Behaviour(BaseModel):
    """How the server behaves. All of it can be changed while it runs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    latency: float = 0.0
    """Seconds that the model takes for a chat."""
    rpm: int | None = None
    tpm: int | None = None
    """Requests and tokens a minute: buckets that fill steadily."""
    burst: float = 60.0
    """Seconds of the rates that the buckets hold."""
    tell_limits: bool = True
    """Send the x-ratelimit headers."""
    faults: float = 0.0
    """Share of requests that go wrong."""
    kinds: tuple[str, ...] = UNBILLED + SPOILED + WRONG
    """The ways in which they do."""
    seed: int = 0
    retry_after: float = 0.05
    """Seconds that a 429 asks to wait, in the forms that can say so little."""
    hang: float = 3600.0
    """Seconds of silence before a connection that hangs is closed."""
    redirect: str | None = None
    """A URL to which every chat is sent on with a 307."""
    answer_tokens: int | None = None
    """Tokens that an answer is billed; by default what its text has."""
    dialect: Literal[
        "enforces",
        "ignores",
        "no_one_of",
        "no_response_format",
        "tools_only",
        "fences",
        "fences_enforced",
        "thinks",
        "ollama",
        "json_object",
        "not_strict",
        "new_names",
    ] = "enforces"
    """What becomes of the parameters that hold an answer to a form."""
    log: bool = False
    """Keep the bodies and headers of the chats, for GET /stats."""

    batch_seconds: float = 0.5
    """Seconds from the creation of a batch to its end."""
    batch_ends: tuple[BatchEnd, ...] = ("completed",)
    """How batches end, one after the other; the last one repeats."""
    batch_error: str = "token_limit_exceeded"
    """Code of the error of a batch that ends as `failed`."""
    batch_share: float = 0.25
    """Share of requests that fail in a batch that ends `partly`, at least one; `faults` of the others are `WRONG`."""
    batch_noise: bool = False
    """Repeat a line of each output file and add one for a request that nobody made."""
    batch_requests: int = 50_000
    batch_bytes: int = 200_000_000
    """What the file of a batch may hold."""
    stall: tuple[Mark, ...] = ()
    """Marks that are told on stdout, and held up, each the first time that it is reached."""
    stall_seconds: float = 3600.0


class Question(NamedTuple):
    """A request of the right shape, by what it is known and billed."""

    body: Json
    sentence: str
    tokens: int

    @classmethod
    def of(cls, body: Json) -> Self:
        """Read a request, once: this takes a good part of the time of an answer."""
        return cls(body, first_sentence(body["messages"]), prompt_tokens(body))


class Model:
    """What answers, and what it has been asked and has billed."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.random = random.Random(behaviour.seed)  # noqa: S311 - faults, not secrets
        self.counts: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.billed: Counter[str] = Counter()
        self.batched: Counter[str] = Counter()
        self.bill: dict[str, Counter[str]] = {}
        self.bodies: list[Json] = []
        self.headers: list[dict[str, str]] = []
        self.most_at_once = 0
        self._first = self._last = 0.0

    def stats(self) -> Json:
        """What can be asked at /stats."""
        total: Counter[str] = sum(self.bill.values(), Counter())
        return {
            "counts": self.counts,
            "asked": self.asked,
            "answered": self.answered,
            "billed": self.billed,
            "batched": self.batched,
            "bill": self.bill,
            "prompt_tokens": total["prompt_tokens"],
            "completion_tokens": total["completion_tokens"],
            "most_at_once": self.most_at_once,
            "seconds": self._last - self._first,
            "bodies": self.bodies,
            "headers": self.headers,
        }

    def note(self, kind: str) -> None:
        """Count something that happened."""
        self._last = monotonic()
        self._first = self._first or self._last
        self.counts[kind] += 1

    def fault(self, kinds: Iterable[str]) -> str:
        """The kind of fault that is due now, of those given and wanted; empty for none."""
        wanted = [kind for kind in self.behaviour.kinds if kind in kinds]
        if not wanted or self.random.random() >= self.behaviour.faults:
            return ""
        kind = self.random.choice(wanted)
        self.counts[kind] += 1
        return kind

    def answer(self, question: Question, kind: str = "", *, batched: bool = False) -> Json:
        """The completion of a request, good or wrong, which from now on is billed."""
        body, sentence, prompt = question
        completion = complete(body, sentence, self.behaviour.dialect, kind)
        limit = body.get("max_tokens") or body.get("max_completion_tokens") or _ENDLESS
        message = completion["choices"][0]["message"]
        said = self.behaviour.answer_tokens or tokens_of(message["content"] or str(message.get("tool_calls", "")))
        spent = limit if kind == "length" else min(said, limit)
        completion["usage"] = {
            "prompt_tokens": prompt,
            "completion_tokens": spent,
            "total_tokens": prompt + spent,
            "prompt_tokens_details": {"cached_tokens": prompt // 2 if self.answered else 0},
        }
        entry = self.bill.setdefault("batched" if batched else kind or "good", Counter())
        entry.update(answers=1, prompt_tokens=prompt, completion_tokens=spent)
        self.billed[sentence] += 1
        if batched:
            self.batched[sentence] += 1
        if kind in HARMLESS:
            self.answered[sentence] += 1
        return completion


def tokens_of(text: str) -> int:
    """Tokens of a text, as this server counts them: never more than its bytes."""
    return (len(text.encode()) + 3) // 4


def prompt_tokens(body: Json) -> int:
    """Tokens of a prompt, a few more for each message as servers count them, but never more than its bytes."""
    texts = [str(message.get("content") or "") for message in body["messages"]]
    tokens = sum(min(tokens_of(text) + 4, len(text.encode())) for text in texts)
    form = body.get("response_format") or body.get("tools")
    return tokens + tokens_of(json.dumps(form)) if form else tokens


def error(message: str, code: str | None = None, param: str | None = None) -> Json:
    """An error as OpenAI words it."""
    return {"error": {"message": message, "type": "invalid_request_error", "code": code, "param": param}}


def refused(body: Json, dialect: str) -> str | None:
    """What is wrong with a request: its shape, or a parameter that the dialect does not take."""
    if not isinstance(body.get("model"), str):
        return "you must provide a model parameter"
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(message, dict) for message in messages):
        return "Missing required parameter: 'messages'."
    return _refused_parameter(body, body.get("response_format"), dialect)


def _refused_parameter(body: Json, form: Json | None, dialect: str) -> str | None:
    message = None
    match dialect:
        case "new_names" if old := [name for name in ("max_tokens", "temperature", "seed") if name in body]:
            message = f"Unsupported parameter: '{old[0]}' is not supported with this model."
        case "no_one_of" if "oneOf" in json.dumps(form):
            message = "Invalid schema for response_format 'answer': 'oneOf' is not permitted."
        case "no_response_format" if form or "tools" in body:
            message = f"Unsupported parameter: {'response_format' if form else 'tools'}"
        case "tools_only" if form:
            message = "response_format is not supported by this model"
        case "not_strict" if form and "strict" in form.get("json_schema", {}):
            message = "Extra inputs are not permitted: response_format.json_schema.strict"
        case "json_object" if "tools" in body or (form and form["type"] != "json_object"):
            message = "response_format.type must be text or json_object"
    return message


def first_sentence(messages: list[Json]) -> str:
    """By which an answer is known: the first sentence of the paper's abstract, or the last message."""
    for message in reversed(messages):
        _, found, rest = str(message.get("content")).partition("<abstract>")
        if found and "</abstract>" in rest:
            return rest.partition("</abstract>")[0].strip().partition(". ")[0].rstrip(".") + "."
    return str(messages[-1].get("content"))


def complete(body: Json, sentence: str, dialect: str, kind: str) -> Json:
    """A chat completion, in the dialect, or of the kind of fault."""
    message = _WRONG_MESSAGES.get(kind) or _message(body, sentence, dialect)
    finish = "length" if kind == "length" else "tool_calls" if "tool_calls" in message else "stop"
    known = "chatcmpl-" + hashlib.sha256(sentence.encode()).hexdigest()[:12]
    return {
        "id": 17 if kind == "odd_id" else known,
        "object": "chat.completion",
        "created": int(time()),
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
    }


#: What a model says that gets it wrong.
_WRONG_MESSAGES: dict[str, Json] = {
    "invalid_json": {"role": "assistant", "content": '{"tldr": "It breaks off'},
    "wrong_schema": {"role": "assistant", "content": '{"summary": "another form"}'},
    "ignores_schema": {"role": "assistant", "content": "The paper is about something else."},
    "refuses": {"role": "assistant", "content": None, "refusal": "I cannot help with that."},
    "length": {"role": "assistant", "content": '{"tldr": "It goes on and on'},
    "empty": {"role": "assistant", "content": ""},
}
_HELD_TO_TOOLS = ("enforces", "no_one_of", "tools_only", "thinks", "not_strict", "new_names")
_NOT_HELD_TO_SCHEMA = ("ignores", "fences", "json_object", "tools_only")


def _message(body: Json, sentence: str, dialect: str) -> Json:
    form, tools, said = body.get("response_format"), body.get("tools"), _SAID.search(sentence)
    if tools and dialect in _HELD_TO_TOOLS:
        function = tools[0]["function"]
        arguments = json.dumps(_instance(function["parameters"], sentence))
        call = {"id": "call_1", "type": "function", "function": {"name": function["name"], "arguments": arguments}}
        return {"role": "assistant", "content": None, "tool_calls": [call]}
    if form and form["type"] == "json_schema" and dialect not in _NOT_HELD_TO_SCHEMA:
        text = json.dumps(_instance(form["json_schema"]["schema"], sentence))
    elif form and form["type"] == "json_object" and dialect == "json_object":
        text = json.dumps({"word": "json"} if said else _by_prompt(sentence))
    else:
        text = said[1] if said else json.dumps(_by_prompt(sentence))
    if dialect in ("fences", "fences_enforced"):
        text = f"Sure, here it is:\n```json\n{text}\n```\nIs there anything else?"
    if dialect == "thinks":
        text = f"<think>\nThe user wants {{\"an\": 'object'}}, so ...\n</think>\n\n{text}"
    return {"role": "assistant", "content": text}


def _instance(schema: Json, sentence: str) -> Any:
    """Something that fits the schema."""
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return None
    match schema["type"]:
        case "object":
            return {name: _instance(part, sentence) for name, part in schema["properties"].items()}
        case "array":
            return []
        case "string":
            return sentence
        case _:
            return 0


def _by_prompt(sentence: str) -> Json:
    """An answer of a model that only reads the prompt."""
    lists: Json = {name: [] for name in ("modalities", "tasks", "methods", "datasets", "metrics", "results")}
    return {"tldr": sentence, "contribution": "method", "field": "machine learning", **lists}
