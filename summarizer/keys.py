"""What the key of an answer is made of, in parts that a person can compare."""

import json
from hashlib import sha256

from summarizer.completion import SCHEME, Identity, Request
from summarizer.records import Frozen

#: Parts that are told to people and are not in the key.
_NAMES = frozenset({"prompt", "language"})


class Parts(Frozen):
    """Everything that can change an answer, long texts as their SHA-256: it tells why two keys differ."""

    scheme: str
    backend: str
    endpoint: str | None
    model: str
    revision: str | None
    adapter: str | None
    dtype: str | None
    dialect: str | None = None
    prompt: str
    language: str
    """Like `prompt` only a name: what was really said is in `instructions`."""
    instructions: str
    """All messages before the paper's."""
    paper: str
    """The paper's message."""
    attempt: int
    """2 for the repair of an answer that could not be read."""
    answer_schema: str
    max_tokens: int
    temperature: float
    seed: int


def request_parts(identity: Identity, request: Request) -> Parts:
    """What the key of a request is made of, in parts that a person can compare."""
    place = _place(request)
    instructions = [[message.role, message.content] for message in request.messages[:place]]
    return Parts(
        scheme=SCHEME,
        **identity.model_dump(),
        prompt=request.prompt,
        language=request.language,
        instructions=_digest(json.dumps(instructions)),
        paper=paper_digest(request),
        attempt=request.attempt,
        answer_schema=_digest(request.schema_text),
        **request.decoding.model_dump(),
    )


def differences(wanted: Parts, stored: Parts) -> list[str]:
    """The parts in which two keys differ, as `name: stored -> wanted`.

    A prompt or a language of another name makes no other key as long as the model is told the same.
    """
    differing = [name for name in Parts.model_fields if getattr(stored, name) != getattr(wanted, name)]
    if set(differing) <= _NAMES:
        return []
    return [f"{name}: {getattr(stored, name)} -> {getattr(wanted, name)}" for name in differing]


def paper_digest(request: Request) -> str:
    """SHA-256 of the message that holds the paper."""
    return _digest(request.messages[_place(request)].content)


def _place(request: Request) -> int:
    # A repair goes on after the paper's message with the first answer and what was wrong with it.
    return len(request.messages) - (1 if request.attempt == 1 else 3)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
