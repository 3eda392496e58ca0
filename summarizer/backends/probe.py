"""What a server really does with a request that asks for a form: found out, not believed.

Many servers accept a JSON Schema and ignore it, and some refuse what others need. So a server is asked once, before the
first paper, in a way that only one that holds its model to the schema can answer: the schema allows nothing but a word
that nobody could guess, and the prompt asks for another one, and for no JSON. The surest rung of the ladder that passes
is used for every paper, and remembered for a week.
"""

import hashlib
import json
import logging
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import AwareDatetime, ValidationError

from summarizer.backends.refusals import UNKNOWN_MODEL
from summarizer.backends.replies import ChatReply, spoken
from summarizer.backends.wire import RUNGS, Dialect, LimitName, Rung, form
from summarizer.completion import Json
from summarizer.errors import OutputError
from summarizer.records import Frozen
from summarizer.whole import write_whole

if TYPE_CHECKING:
    import openai

_LOG = logging.getLogger(__name__)

#: How long what was found is believed: servers are updated, and models exchanged under one name.
LIFETIME = timedelta(days=7)
#: Tokens of the answer to a probe, and of a second try when nothing was said in them: models that reason need some
#: thousand before the first word.
SHORT, LONG = 128, 4096
#: Statuses by which servers refuse what they do not know. 404 is a router's word for "no such model can do that".
UNKNOWN_FORM = (400, 404, 405, 415, 422, 500, 501)


class Found(Frozen):
    """The dialect of a server and model, and when it was found."""

    endpoint: str
    model: str
    dialect: Dialect
    when: AwareDatetime

    @property
    def is_stale(self) -> bool:
        """Whether it is time to look again, or the clock was wrong when it was written."""
        return not timedelta(0) <= datetime.now(UTC) - self.when <= LIFETIME


def recall(folder: Path, endpoint: str, model: str, extra: Json) -> Found | None:
    """What is remembered of this server, model and further parameters; None for what is not, or cannot be read."""
    try:
        found = Found.model_validate_json(_place(folder, endpoint, model, extra).read_bytes())
    except (OSError, ValidationError):
        return None
    return found if (found.endpoint, found.model) == (endpoint, model) else None


def remember(folder: Path, found: Found, extra: Json) -> None:
    """Keep it in the cache folder. One that cannot be written to is not worth a failure: it is asked again."""
    place = _place(folder, found.endpoint, found.model, extra)
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(place, found.model_dump_json())
    except (OSError, OutputError) as error:
        _LOG.warning("what was found of the server is not remembered: %s", error)


def _place(folder: Path, endpoint: str, model: str, extra: Json) -> Path:
    name = hashlib.sha256(json.dumps([endpoint, model, extra], sort_keys=True).encode()).hexdigest()[:32]
    return folder / "dialects" / f"{name}.json"


class Probe:
    """The questions that find the dialect of one server and model."""

    def __init__(
        self,
        model: str,
        drawing: Json,
        extra: Json,
        limit_name: LimitName,
        send: Callable[[bytes, int], Awaitable[ChatReply]],
    ) -> None:
        """`drawing` are temperature and seed, as all requests have them, and `extra` the user's own parameters.

        `send` takes the body of a request and its longest answer in tokens; it raises `openai.APIError`.
        """
        self._model, self._drawing, self._extra, self._send = model, drawing, extra, send
        self._dialect, self._changed = Dialect(limit_name=limit_name), set[str]()
        self._told = False

    async def dialect(self) -> Dialect:
        """The dialect with the surest rung that the server keeps; `openai.APIError` when it answers nothing at all."""
        import openai  # noqa: PLC0415

        for rung in RUNGS:
            self._dialect = self._dialect.model_copy(update={"rung": rung})
            try:
                held = await self._holds(rung, SHORT)
            except openai.APIStatusError as error:
                if error.status_code not in UNKNOWN_FORM or rung == RUNGS[-1] or error.code == UNKNOWN_MODEL:
                    raise
                held = False
            if held:
                break
        return self._dialect

    async def _holds(self, rung: Rung, longest: int) -> bool:
        """Whether the server keeps this rung; parameters that it refuses by name are left out from then on."""
        import openai  # noqa: PLC0415

        nonce, word = f"n{secrets.token_hex(6)}", f"w{secrets.token_hex(6)}"
        try:
            reply = await self._send(self._content(rung, nonce, word, longest), longest)
        except openai.APIStatusError as error:
            if not self._leave_out(error):
                raise
            return await self._holds(rung, longest)
        if not reply.choices:
            return rung == "prompt"
        choice = reply.choices[0]
        if choice.finish_reason == "length" and longest == SHORT and not choice.message.answer.strip():
            return await self._holds(rung, LONG)
        if choice.message.thinks and not self._told:
            self._told = True
            _LOG.info("%s thinks aloud before it answers: give it room with a larger --max-tokens", self._model)
        called, said = _object(choice.message.tool_calls or ""), _object(spoken(choice.message.content or ""))
        keeps = {"tools": _is_meant(called, nonce), "json_object": said is not None, "prompt": True}
        return keeps.get(rung, _is_meant(said, nonce))

    def _content(self, rung: Rung, nonce: str, word: str, longest: int) -> bytes:
        asked = f"Do not use JSON and call no function. Reply with exactly this one word and nothing else: {word}"
        body: Json = {
            "model": self._model,
            **form(rung, json.dumps(_schema(nonce))),
            "messages": [{"role": "user", "content": asked}],
            self._dialect.limit_name: longest,
        }
        body |= {name: value for name, value in self._drawing.items() if getattr(self._dialect, name)}
        return json.dumps(body | self._extra).encode()

    def _leave_out(self, error: "openai.APIStatusError") -> bool:
        """Whether the refusal named a parameter that can be called otherwise or left out, and was not yet."""
        if error.status_code not in (400, 422):
            return False
        said = f"{error.param or ''} {error.message}".lower()
        named = self._dialect.limit_name
        other: LimitName = "max_completion_tokens" if named == "max_tokens" else "max_tokens"
        changes: dict[str, dict[str, Any]] = {
            named: {"limit_name": other},
            "temperature": {"temperature": False},
            "seed": {"seed": False},
        }
        for name, change in changes.items():
            parameter = next(iter(change))
            if name in said and parameter not in self._changed:
                self._changed.add(parameter)
                self._dialect = self._dialect.model_copy(update=change)
                return True
        return False


def _schema(nonce: str) -> Json:
    """A schema of all keywords that the schema of an answer has, which only one word fits."""
    part = _closed(kind={"type": "string", "enum": [nonce]})
    return _closed(
        word={"type": "string", "enum": [nonce]},
        note={"anyOf": [{"type": "string"}, {"type": "null"}]},
        parts={"type": "array", "items": part},
    )


def _closed(**properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _object(text: str) -> Json | None:
    """The JSON object in a text, also within a fence or a sentence."""
    try:
        found = json.loads(text[text.find("{") : text.rfind("}") + 1])
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _is_meant(found: Json | None, nonce: str) -> bool:
    return found is not None and found.get("word") == nonce and set(found) == {"word", "note", "parts"}
