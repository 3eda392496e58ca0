"""The lines of a batch: a request as one goes up, and what a line that comes down says of its request."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from summarizer.backends.batch_api import PATH
from summarizer.backends.journal import Asked
from summarizer.backends.refusals import REJECTED_KINDS, Fruitless, may_pass, refused
from summarizer.backends.replies import (
    ChatReply,
    ErrorReply,
    bare_request,
    blotted,
    clean,
    failure,
    outcome,
    read_reply,
    tokens_of,
)
from summarizer.completion import Completion, Json, Request
from summarizer.errors import EndpointError, RequestError
from summarizer.records import Tokens
from summarizer.settings import Settings

#: Bytes of a line that comes down: as many as the body of an answer may have, and some more.
LONGEST_LINE = 9 * 2**20
#: Ends of lines to some programs, which JSON leaves as they are inside of texts.
_LINE_ENDS = {"\x85": b"\\u0085", "\u2028": b"\\u2028", "\u2029": b"\\u2029"}


class Again(NamedTuple):
    """No answer, for a reason that may pass."""

    reason: str


class Line(NamedTuple):
    """What came down for one request: a success has a body, an error has none or one that says why."""

    custom_id: str
    status: int | None
    body: object
    error: Json


def custom_id(key: str) -> str:
    """What a request is called in every batch: it depends on all that can change the answer, and on nothing else."""
    # Servers allow 64 characters.
    return f"s1-{sha256(key.encode()).hexdigest()[:56]}"


def written(request: Request, content: bytes) -> bytes:
    """The line that asks; `content` is the body that a chat would have."""
    for end, escaped in _LINE_ENDS.items():
        content = content.replace(end.encode(), escaped)
    name = json.dumps(custom_id(request.key))
    return b'{"custom_id":%s,"method":"POST","url":"%s","body":%s}\n' % (name.encode(), PATH.encode(), content)


def read_lines(path: Path) -> Iterator[Line | None]:
    """The lines of a file that came down, in its order; None for each that is none, or is too long."""
    with path.open("rb") as file:
        while text := file.readline(LONGEST_LINE):
            if len(text) < LONGEST_LINE or text.endswith(b"\n"):
                if not text.isspace():
                    yield _parsed(text)
                continue
            while (rest := file.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                pass
            yield None


def _parsed(text: bytes) -> Line | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("custom_id"), str):
        return None
    response, error = found.get("response"), found.get("error")
    status = response.get("status_code") if isinstance(response, dict) else None
    return Line(
        found["custom_id"],
        status if type(status) is int and 100 <= status < 600 else None,
        response.get("body") if isinstance(response, dict) else None,
        error if isinstance(error, dict) else {},
    )


class Reader:
    """Says what a line means, in the way in which answers of chats are read."""

    def __init__(self, url: str, key: str, settings: Settings) -> None:
        """`key` is cleared away from what the server says."""
        self._url, self._key, self._settings = url, key, settings

    def tokens(self, line: Line) -> Tokens | None:
        """What is billed for a line, 0 where that is not known; None where nothing is."""
        if line.status is None or not 200 <= line.status < 300:
            return None
        reply = read_reply(blotted(_bytes(line.body), self._key))
        return tokens_of(reply) if isinstance(reply, ChatReply) else Tokens()

    def meaning(
        self, line: Line, asked: Asked, mode: str, *, cost: float | None, answered: bool
    ) -> Completion | RequestError | EndpointError | Again:
        """The answer, the failure, what all requests would meet, or a reason to ask again.

        `answered` says whether any request of the batch was answered, `cost` is in US dollars.
        """
        request = bare_request(asked.paper, asked.key, asked.max_tokens)
        if line.status is None:
            return self._unanswered(line, request, asked)
        reply = read_reply(blotted(_bytes(line.body), self._key)) if 200 <= line.status < 300 else None
        if isinstance(reply, ChatReply) and reply.choices:
            return outcome(request, reply, mode, seconds=0.0, attempts=asked.tries, cost=cost)
        if isinstance(reply, ChatReply):
            problem = f"{self._url} sent a chat completion without any choice: {self._clean(json.dumps(line.body))}"
            return failure(request, "empty", problem, attempts=asked.tries, tokens=tokens_of(reply), cost=cost)
        if 200 <= line.status < 300 and not isinstance(reply, ErrorReply):
            return Again(f"the answer is not a chat completion: {self._clean(json.dumps(line.body))}")
        return self._refused(line, reply.body if isinstance(reply, ErrorReply) else None, request, answered=answered)

    def _unanswered(self, line: Line, request: Request, asked: Asked) -> RequestError | Again:
        code, message = line.error.get("code"), line.error.get("message")
        said = self._clean(f"{message or 'there is neither an answer nor an error'} ({code or 'no code'})")
        if isinstance(code, str) and code in REJECTED_KINDS:
            return failure(request, REJECTED_KINDS[code], said, attempts=asked.tries)
        return Again(said)

    def _refused(
        self, line: Line, error: Json | None, request: Request, *, answered: bool
    ) -> RequestError | EndpointError | Again:
        import httpx2  # noqa: PLC0415
        import openai  # noqa: PLC0415

        if error is None:
            found = line.body.get("error", line.body) if isinstance(line.body, dict) else line.body
            error = found if isinstance(found, dict) else {"message": str(found)}
        message = error.get("message")
        said = f"{self._url} answered {line.status}: {self._clean(message or json.dumps(error))}"
        response = httpx2.Response(line.status or 500, request=httpx2.Request("POST", self._url))
        refusal = openai.APIStatusError(said, response=response, body=error)
        if may_pass(refusal):
            return Again(said)
        end = refused(refusal, said, request, self._settings, answered=answered)
        return end.failure if isinstance(end, Fruitless) else end

    def _clean(self, text: object) -> str:
        return clean(str(text), self._key)


def _bytes(body: object) -> bytes:
    return json.dumps(body).encode()
