"""A server of the OpenAI chat API that is slow, limits rates, bills and breaks things, as a process of its own.

    python tests/llm_server.py '{"latency": 0.2, "rpm": 3000, "faults": 0.3}'

It prints its base URL, serves on a loopback socket until it is killed, and says at GET /stats what it was asked and what
it billed. An answer repeats the first sentence of the abstract, so that it can be told whose answer it is. It writes
HTTP by hand, because it has to be faster than what is measured with it.
"""

import argparse
import asyncio
import hashlib
import json
import random
import re
import socket
import struct
import sys
from collections import Counter
from collections.abc import Callable
from email.utils import formatdate
from time import monotonic, time
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Json = dict[str, Any]

#: Ways to fail. The first ones are refused before the model has worked, and are not billed; all others are.
UNBILLED = ("429_ms", "429_seconds", "429_date", "429_bare", "503")
BILLED = (
    "500",
    "hang",
    "reset",
    "half_body",
    "invalid_json",
    "wrong_schema",
    "ignores_schema",
    "refuses",
    "length",
    "empty",
    "odd_id",
    "twice",
    "drip",
)
_STATUS = {200: "OK", 400: "Bad Request", 404: "Not Found", 429: "Too Many Requests", 500: "Internal Server Error"}
_ABSTRACT = re.compile(r"<abstract>\s*(.*?)\s*</abstract>", re.DOTALL)
_SAID = re.compile(r"exactly this one word and nothing else: (\w+)")


class Behaviour(BaseModel):
    """How the server behaves."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    latency: float = 0.0
    """Seconds that the model takes."""
    rpm: int | None = None
    tpm: int | None = None
    """Requests and tokens a minute: buckets that hold one minute's worth and fill steadily."""
    burst: float = 60.0
    """Seconds of the rates that the buckets hold."""
    tell_limits: bool = True
    """Send the x-ratelimit headers."""
    faults: float = 0.0
    """Share of requests that go wrong."""
    kinds: tuple[str, ...] = UNBILLED + BILLED
    """The ways in which they do."""
    seed: int = 0
    retry_after: float = 0.05
    """Seconds that a 429 asks to wait, in the forms that can say so little."""
    hang: float = 3600.0
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
    """Keep the bodies of the requests, for GET /stats."""


class Bucket:
    """A rate limit as servers have it."""

    def __init__(self, per_minute: int, burst: float) -> None:
        """Full at first."""
        self.limit, self._rate = per_minute, per_minute / 60
        self._size = self._rate * burst
        self._level, self._then = self._size, monotonic()

    def level(self) -> float:
        """What can be taken now."""
        now = monotonic()
        self._level = min(self._size, self._level + (now - self._then) * self._rate)
        self._then = now
        return self._level

    def has(self, amount: float) -> bool:
        """Whether so much can be taken."""
        return self.level() >= amount

    def take(self, amount: float) -> None:
        """Take it; more than there is leaves a debt."""
        self._level = self.level() - amount

    def until(self, amount: float) -> float:
        """Seconds until so much can be taken."""
        return max(0.0, (amount - self.level()) / self._rate)


def tokens_of(text: str) -> int:
    """Tokens of a text, as this server counts them: never more than its bytes."""
    return (len(text.encode()) + 3) // 4


class Model:
    """What answers, and what it has been asked."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self._random = random.Random(behaviour.seed)  # noqa: S311 - faults, not secrets
        self.counts: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.bodies: list[Json] = []
        self.headers: list[dict[str, str]] = []
        self.at_once = self.most_at_once = 0
        self.prompt_tokens = self.completion_tokens = 0
        self.first = self.last = 0.0
        self._requests = Bucket(behaviour.rpm, behaviour.burst) if behaviour.rpm else None
        self._tokens = Bucket(behaviour.tpm, behaviour.burst) if behaviour.tpm else None

    def stats(self) -> Json:
        """What can be asked at /stats."""
        return {
            "counts": self.counts,
            "asked": self.asked,
            "answered": self.answered,
            "most_at_once": self.most_at_once,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "seconds": self.last - self.first,
            "bodies": self.bodies,
            "headers": self.headers,
        }

    async def chat(self, body: Json, reply: "Connection") -> None:
        """Answer, or fail, one request."""
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self._chat(body, reply)
        finally:
            self.at_once -= 1

    async def _chat(self, body: Json, reply: "Connection") -> None:
        now, behaviour = monotonic(), self.behaviour
        self.first, self.last = self.first or now, now
        self.counts["requests"] += 1
        messages = body["messages"]
        # Of the constant part only the length counts, and it is the same in all requests.
        prompt = sum(tokens_of(str(message["content"])) + 4 for message in messages)
        if "response_format" in body or "tools" in body:
            prompt += tokens_of(json.dumps(body.get("response_format") or body["tools"]))
        if (refusal := self._refused_by_limits(prompt)) is not None:
            self.counts["limited"] += 1
            reply.send(429, error("Rate limit reached", "rate_limit_exceeded"), refusal)
            return
        limits = self._limit_headers()
        if (message := refused_parameter(body, behaviour.dialect)) is not None:
            self.counts["refused_parameter"] += 1
            reply.send(400, error(message, None), limits)
            return
        sentence = first_sentence(messages)
        self.asked[sentence] += 1
        faulty = self._random.random() < behaviour.faults
        kind = self._random.choice(behaviour.kinds) if faulty else ""
        if kind:
            self.counts[kind] += 1
        if kind in UNBILLED:
            await asyncio.sleep(behaviour.latency / 4)
            refuse(kind, reply, behaviour.retry_after, limits)
            return
        await asyncio.sleep(behaviour.latency)
        completion = complete(body, sentence, behaviour.dialect, kind)
        text = completion["choices"][0]["message"].get("content") or ""
        spent = behaviour.answer_tokens or tokens_of(text) + tokens_of(str(completion["choices"][0]["message"]))
        limit = body.get("max_tokens") or body.get("max_completion_tokens") or 10**6
        spent = limit if kind == "length" else min(spent, limit)
        completion["usage"] = {
            "prompt_tokens": prompt,
            "completion_tokens": spent,
            "total_tokens": prompt + spent,
            "prompt_tokens_details": {"cached_tokens": prompt // 2 if self.answered else 0},
        }
        self.prompt_tokens += prompt
        self.completion_tokens += spent
        if self._tokens:
            self._tokens.take(spent)
        if kind in ("", "odd_id", "twice", "drip"):
            self.answered[sentence] += 1
        await spoil(kind, completion, reply, behaviour.hang, limits)

    def _refused_by_limits(self, prompt: int) -> dict[str, str] | None:
        """Headers of the refusal, or None when the request was let in, and counted."""
        for bucket, amount in ((self._requests, 1.0), (self._tokens, float(prompt))):
            if bucket and not bucket.has(amount):
                wait = bucket.until(amount)
                return {**self._limit_headers(), "retry-after-ms": str(int(wait * 1000) + 1), "retry-after": str(int(wait) + 1)}
        if self._requests:
            self._requests.take(1.0)
        if self._tokens:
            self._tokens.take(float(prompt))
        return None

    def _limit_headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        if not self.behaviour.tell_limits:
            return headers
        for name, bucket in (("requests", self._requests), ("tokens", self._tokens)):
            if bucket:
                headers[f"x-ratelimit-limit-{name}"] = str(bucket.limit)
                headers[f"x-ratelimit-remaining-{name}"] = str(max(0, int(bucket.level())))
                headers[f"x-ratelimit-reset-{name}"] = f"{int(bucket.until(bucket.limit) * 1000)}ms"
        return headers


def error(message: str, code: str | None, param: str | None = None) -> Json:
    """An error as OpenAI words it."""
    return {"error": {"message": message, "type": "invalid_request_error", "code": code, "param": param}}


def refused_parameter(body: Json, dialect: str) -> str | None:
    """What is wrong with the parameters, for the dialects that do not take all."""
    form = body.get("response_format")
    if dialect == "new_names":
        for name in ("max_tokens", "temperature", "seed"):
            if name in body:
                return f"Unsupported parameter: '{name}' is not supported with this model."
    if dialect == "no_one_of" and "oneOf" in json.dumps(form):
        return "Invalid schema for response_format 'answer': 'oneOf' is not permitted."
    if dialect == "no_response_format" and (form or "tools" in body):
        return f"Unsupported parameter: {'response_format' if form else 'tools'}"
    if dialect == "tools_only" and form:
        return "response_format is not supported by this model"
    if dialect == "not_strict" and form and "strict" in form.get("json_schema", {}):
        return "Extra inputs are not permitted: response_format.json_schema.strict"
    if dialect == "json_object" and (("tools" in body) or (form and form["type"] != "json_object")):
        return "response_format.type must be text or json_object"
    return None


def first_sentence(messages: list[Json]) -> str:
    """By which an answer is known: the first sentence of the paper's abstract, or the last message."""
    for message in reversed(messages):
        if found := _ABSTRACT.search(str(message["content"])):
            return found[1].split(". ")[0].rstrip(".") + "."
    return str(messages[-1]["content"])


def complete(body: Json, sentence: str, dialect: str, kind: str) -> Json:
    """A chat completion, in the dialect, or of the kind of fault."""
    form, tools = body.get("response_format"), body.get("tools")
    message: Json = {"role": "assistant", "content": None}
    held = dialect not in ("ignores", "fences", "json_object") and kind != "ignores_schema"
    if tools and dialect in ("enforces", "no_one_of", "tools_only", "thinks", "not_strict", "new_names") and held:
        function = tools[0]["function"]
        arguments = json.dumps(instance(function["parameters"], sentence))
        call = {"id": "call_1", "type": "function", "function": {"name": function["name"], "arguments": arguments}}
        message["tool_calls"] = [call]
    elif form and form["type"] == "json_schema" and held and dialect != "tools_only":
        message["content"] = json.dumps(instance(form["json_schema"]["schema"], sentence))
    elif form and form["type"] == "json_object" and dialect == "json_object":
        message["content"] = json.dumps(by_prompt(sentence) if not _SAID.search(sentence) else {"word": "json"})
    else:
        said = _SAID.search(sentence)
        message["content"] = said[1] if said else json.dumps(by_prompt(sentence))
    if dialect in ("fences", "fences_enforced") and message["content"]:
        message["content"] = f"Sure, here it is:\n```json\n{message['content']}\n```\nIs there anything else?"
    if dialect == "thinks" and message["content"]:
        message["content"] = f"<think>\nThe user wants {{\"an\": 'object'}}, so ...\n</think>\n\n{message['content']}"
    finish = "tool_calls" if "tool_calls" in message else "stop"
    match kind:
        case "invalid_json":
            message = {"role": "assistant", "content": '{"tldr": "It breaks off'}
        case "wrong_schema":
            message = {"role": "assistant", "content": '{"summary": "another form"}'}
        case "ignores_schema":
            message = {"role": "assistant", "content": "The paper is about something else."}
        case "refuses":
            message = {"role": "assistant", "content": None, "refusal": "I cannot help with that."}
        case "length":
            message, finish = {"role": "assistant", "content": '{"tldr": "It goes on and on'}, "length"
        case "empty":
            message = {"role": "assistant", "content": ""}
    identifier: object = 17 if kind == "odd_id" else "chatcmpl-" + hashlib.sha256(sentence.encode()).hexdigest()[:12]
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return {"id": identifier, "object": "chat.completion", "created": int(time()), "model": body["model"], "choices": [choice]}


def instance(schema: Json, sentence: str) -> Any:
    """Something that fits the schema."""
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return None
    match schema["type"]:
        case "object":
            return {name: instance(part, sentence) for name, part in schema["properties"].items()}
        case "array":
            return []
        case "string":
            return sentence
        case _:
            return 0


def by_prompt(sentence: str) -> Json:
    """An answer of a model that only reads the prompt."""
    lists = dict.fromkeys(("modalities", "tasks", "methods", "datasets", "metrics", "results"), [])
    return {"tldr": sentence, "contribution": "method", "field": "machine learning", **lists}


def refuse(kind: str, reply: "Connection", wait: float, limits: dict[str, str]) -> None:
    """Answer with an error that costs nothing."""
    headers = {
        "429_ms": {"retry-after-ms": str(int(wait * 1000))},
        "429_seconds": {"retry-after": f"{wait}"},
        "429_date": {"retry-after": formatdate(time() + wait, usegmt=True)},
    }.get(kind, {})
    status = int(kind[:3])
    reply.send(status, error(f"this is a {status}", "rate_limit_exceeded" if status == 429 else None), limits | headers)


async def spoil(kind: str, completion: Json, reply: "Connection", hang: float, limits: dict[str, str]) -> None:
    """Send the completion in the way of the fault."""
    match kind:
        case "500":
            reply.send(500, error("the server had an error after all the work", None), limits)
        case "hang":
            await asyncio.sleep(hang)
            reply.close()
        case "reset":
            reply.reset()
        case "half_body":
            whole = reply.response(200, completion, limits)
            reply.write(whole[: -len(json.dumps(completion)) // 2])
            reply.close()
        case "twice":
            reply.write(reply.response(200, completion, limits) * 2)
        case "drip":
            whole = reply.response(200, completion, limits)
            for start in range(0, len(whole), 64):
                reply.write(whole[start : start + 64])
                await asyncio.sleep(0.002)
        case _:
            reply.send(200, completion, limits)


class Connection(asyncio.Protocol):
    """One connection: requests come one after the other, each with a length."""

    def __init__(self, routes: dict[str, Callable[[Json, "Connection"], Any]]) -> None:
        self._routes, self._received = routes, bytearray()
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._received[:end].decode("latin-1")
        first, *lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        begin, length = end + 4, int(headers.get("content-length", 0))
        if len(self._received) < begin + length:
            return
        content = bytes(self._received[begin : begin + length])
        del self._received[: begin + length]
        method, path, _ = first.split(" ")
        self._serve(f"{method} {path.partition('?')[0]}", content, headers)

    def _serve(self, route: str, content: bytes, headers: dict[str, str]) -> None:
        handler = self._routes.get(route)
        if handler is None:
            self.send(404, error(f"there is no {route}", None), {})
            return
        body = json.loads(content) if content else {}
        result = handler({**body, "headers": headers}, self)
        if asyncio.iscoroutine(result):
            self._task = asyncio.ensure_future(result)

    def send(self, status: int, body: Json, headers: dict[str, str]) -> None:
        """Send a whole response."""
        self.write(self.response(status, body, headers))

    def response(self, status: int, body: Json, headers: dict[str, str]) -> bytes:
        """The bytes of a response."""
        content = json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status} {_STATUS.get(status, 'Other')}", "content-type: application/json"]
        lines += [f"content-length: {len(content)}", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + content

    def write(self, content: bytes) -> None:
        """Send as it is."""
        if self._transport and not self._transport.is_closing():
            self._transport.write(content)

    def close(self) -> None:
        """End the connection."""
        if self._transport:
            self._transport.close()

    def reset(self) -> None:
        """End it as a crash would: lingering for no time makes closing a reset."""
        if self._transport:
            peer: socket.socket = self._transport.get_extra_info("socket")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()


async def serve(behaviour: Behaviour, port: int) -> None:
    """Serve until the process is killed."""
    model = Model(behaviour)

    def chat(body: Json, reply: Connection) -> Any:
        headers = body.pop("headers")
        if behaviour.log:
            model.bodies.append(body)
            model.headers.append(headers)
        return model.chat(body, reply)

    routes: dict[str, Callable[[Json, Connection], Any]] = {
        "POST /v1/chat/completions": chat,
        "GET /stats": lambda _body, reply: reply.send(200, model.stats(), {}),
    }
    server = await asyncio.get_running_loop().create_server(lambda: Connection(routes), "127.0.0.1", port, backlog=2048)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


def main() -> None:
    """Read the behaviour and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("behaviour", nargs="?", default="{}", help="JSON of the fields of Behaviour")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    asyncio.run(serve(Behaviour.model_validate_json(options.behaviour), options.port))


if __name__ == "__main__":
    sys.exit(main())
