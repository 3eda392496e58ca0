"""What comes back from a server of the OpenAI chat API, read so that no answer of whatever kind can do harm."""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from summarizer.completion import Completion, Decoding, Json, Outcome, Request
from summarizer.errors import RequestError
from summarizer.records import Tokens
from summarizer.settings import DEFAULT_LANGUAGE

if TYPE_CHECKING:
    import openai

#: Characters of a server's words that are worth showing.
LONGEST_QUOTE = 300
#: Tokens of one answer beyond which a server's count is nonsense.
MOST_TOKENS = 10**9
#: Characters from which on a key is one, and no word such as "none" for a server that wants none.
SECRET = 16
#: Why an answer ended that is not whole: by the longest answer, or because something went wrong.
CUT_OFF = frozenset({"length", "max_tokens", "model_length"})
BROKEN_OFF = frozenset({"error", "abort", "aborted", "cancelled", "canceled", "insufficient_system_resource"})
#: What a thought is put between.
THOUGHTS, END_OF_THOUGHTS = "<think>", "</think>"
#: Characters of white space at the end of an answer that was cut off, from which on a grammar let the model go astray.
ASTRAY = 100
#: What to do about a failure, where it says itself what happened: in the message of a record.
ADVICE = RequestError.KINDS | {
    "refused": "try another model",
    "empty": "try another model or prompt",
    "rejected": "`summarizer retry` asks again",
}


def _joined(content: object) -> object:
    """The text of a content in parts. Parts of other kinds, such as thoughts, are not the answer."""
    if not (isinstance(content, list) and all(isinstance(part, dict) for part in content)):
        return content
    texts = [part.get("text") for part in content if part.get("type") == "text"]
    return "".join(texts) if all(isinstance(text, str) for text in texts) else content


def _arguments(calls: object) -> object:
    """What the first function was called with, as text; None for anything that is no call."""
    first = calls[0] if isinstance(calls, list) and calls else None
    function = first.get("function") if isinstance(first, dict) else None
    arguments = function.get("arguments") if isinstance(function, dict) else None
    # Some servers send the object itself.
    return json.dumps(arguments) if isinstance(arguments, dict) else arguments if isinstance(arguments, str) else None


class ChatMessage(BaseModel):
    """What the model said."""

    content: Annotated[str | None, BeforeValidator(_joined)] = None
    refusal: str | None = None
    tool_calls: Annotated[str | None, BeforeValidator(_arguments)] = None
    """The arguments of the first call, where the answer is asked for as one."""

    @property
    def answer(self) -> str:
        """The text without thoughts: of a call, else of the content."""
        return self.tool_calls or spoken(self.content or "")

    @property
    def thinks(self) -> bool:
        """Whether there are thoughts in the content."""
        return spoken(self.content or "") != (self.content or "")


class ChatChoice(BaseModel):
    """One answer, and why it ended."""

    message: ChatMessage
    finish_reason: str | None = None


class ChatReply(BaseModel):
    """The part of a chat completion that is used, checked: the openai client does not validate what it is sent."""

    choices: list[ChatChoice]
    """Empty where a server's filter stopped the prompt."""
    usage: object = None
    """Tokens that were billed; whatever a server says about them, its answer counts."""


class ErrorReply(BaseModel):
    """An error that some services send in place of a chat completion, with the status of a success."""

    error: Annotated[Json | str, Field(min_length=1)]

    @property
    def body(self) -> Json:
        """The error in the form in which the client keeps those of other statuses: with a message that is a text."""
        error = self.error if isinstance(self.error, dict) else {"message": self.error}
        message = error.get("message")
        return error if message and isinstance(message, str) else error | {"message": json.dumps(error)}


def blotted(body: bytes, key: str) -> bytes:
    """A body without the key, should the server or the model repeat it; nobody's words are that long by chance."""
    return body.replace(key.encode(), b"[key]") if len(key) >= SECRET else body


def spoken(text: str) -> str:
    """What follows the thoughts of a model that thinks aloud; some templates only have the end of the thoughts.

    Thoughts that never end are all that there is: then nothing was said.
    """
    beginning = text.lstrip()
    if beginning.startswith("{"):
        return text  # whatever tags are inside, they are quoted
    _, end, after = text.partition(END_OF_THOUGHTS)
    thinks = beginning.startswith(THOUGHTS)
    # A tag without a beginning, and without an answer behind it, is quoted too, in an answer within a fence.
    if end and (thinks or "{" in after or not after.strip()):
        return after.lstrip()
    return "" if thinks else text


def read_reply(body: bytes) -> ChatReply | ErrorReply | None:
    """The chat completion, the error that came in its place, or None for what is neither."""
    try:
        reply = ChatReply.model_validate_json(body)
    except ValidationError:
        reply = None
    if reply is not None and reply.choices:
        return reply
    try:
        return ErrorReply.model_validate_json(body)
    except ValidationError:
        return reply


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait, from milliseconds, seconds or a date; None when it asks nothing legible."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / unit
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0.0:
            return seconds
    try:
        date = parsedate_to_datetime(headers.get("retry-after", ""))
    except (ValueError, OverflowError):
        return None
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def outcome(
    request: Request, reply: ChatReply, mode: str, *, seconds: float, attempts: int, cost: float | None
) -> Outcome:
    """The answer, or why what the model said is none. `mode` is how it was held to its form, `cost` in US dollars."""
    choice, tokens = reply.choices[0], tokens_of(reply)
    text, refusal = choice.message.answer, choice.message.refusal
    if problem := _problem(request, text, refusal, choice.finish_reason):
        said = refusal or text or choice.message.content or ""
        return failure(request, *problem, said, attempts=attempts, tokens=tokens, cost=cost)
    return Completion(
        request_id=request.id,
        text=text,
        tokens=tokens,
        structured_mode=mode,
        attempts=attempts,
        cost_usd=cost,
        seconds=seconds,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _problem(request: Request, text: str, refusal: str | None, finish: str | None) -> tuple[str, str] | None:
    if refusal:
        return "refused", "the model declined"
    if finish == "content_filter":
        return "refused", "the server's filter stopped the answer"
    if finish in BROKEN_OFF:
        return "transport", f"the server broke the answer off (finish_reason {finish!r})"
    if finish in CUT_OFF:
        problem = f"the answer was cut off at {request.decoding.max_tokens} tokens"
        if len(text) - len(text.rstrip()) >= ASTRAY:
            problem += ", most of them white space"
        return "truncated", problem
    return None if text.strip() else ("empty", "the answer has no text")


def failure(
    request: Request,
    kind: str,
    problem: str,
    raw: str = "",
    *,
    attempts: int = 1,
    tokens: Tokens | None = None,
    cost: float | None = None,
) -> RequestError:
    """A failure of this request, with the advice that belongs to its kind."""
    advised = f"{problem}; {ADVICE[kind]}"
    return RequestError(request.id, kind, advised, raw, attempts=attempts, tokens=tokens, cost_usd=cost)


def bare_request(name: str = "", key: str = "", max_tokens: int = 1) -> Request:
    """As much of a request as an answer or a refusal is read with, where no paper is at hand."""
    return Request(
        id=name,
        key=key,
        messages=(),
        schema_text="",
        decoding=Decoding(max_tokens=max_tokens),
        title="",
        abstract="",
        prompt="",
        language=DEFAULT_LANGUAGE,
    )


def tokens_of(reply: ChatReply) -> Tokens:
    """The tokens that the server counted; 0 where what it says is no count."""
    usage = reply.usage if isinstance(reply.usage, dict) else {}
    prompt, completion = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    total, answer = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    cached = min(_count(prompt, "cached_tokens"), total)
    return Tokens(
        prompt=total,
        completion=answer,
        cached_prompt=cached,
        written_prompt=min(_count(prompt, "cache_write_tokens"), total - cached),
        reasoning=min(_count(completion, "reasoning_tokens"), answer),
    )


def _count(usage: object, name: str) -> int:
    number = usage.get(name) if isinstance(usage, dict) else None
    return number if type(number) is int and 0 <= number <= MOST_TOKENS else 0


def words_of(error: "openai.APIStatusError", key: str) -> str:
    """What a server says of an error, cleaned."""
    body = error.body
    message = body.get("message") if isinstance(body, dict) else None
    said = message if isinstance(message, str) else error.response.text
    return clean(said or error.response.headers.get("location", ""), key)


def clean(text: str, key: str) -> str:
    """One printable line of a server's words, without the key that some servers repeat in full."""
    # Cut after the key is gone, so that no half of it is left, and before the rest, since a page may have megabytes.
    text = text.replace(key, "[key]")[: 10 * LONGEST_QUOTE]
    line = "".join(character if character.isprintable() else " " for character in text)
    line = " ".join(line.split())
    return line if len(line) <= LONGEST_QUOTE else f"{line[:LONGEST_QUOTE]}..."
