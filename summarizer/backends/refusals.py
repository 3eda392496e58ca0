"""What it means when a server does not answer: that it may pass, that it is about one paper, or about all of them."""

import re
from typing import TYPE_CHECKING, NamedTuple

from summarizer.backends.replies import failure
from summarizer.completion import Request
from summarizer.errors import EndpointError, RequestError
from summarizer.settings import Settings

if TYPE_CHECKING:
    import openai

#: Codes of a 400 that is about a parameter that all requests share, not about this one.
SHARED_CODES = frozenset({"unsupported_parameter", "unsupported_value"})
UNKNOWN_MODEL = "model_not_found"
#: Parameters that are the same in every request, with what to do when one is refused.
SHARED_PARAMETERS = {
    "response_format": "answers cannot be held to a JSON Schema there: use a model or a server with structured outputs",
    "max_completion_tokens": "set --max-tokens to what the model allows; if the name is refused, use another server",
    "max_tokens": "set --max-tokens to what the model allows; if the name is refused, use another server or model",
    "temperature": "set --temperature to what the model allows, or use another model",
    "seed": "set --seed to what the model allows, or use another model",
    "model": "check the name of the model",
}
#: How servers that do not name the parameter speak of it. Words such as seed may be about anything.
SPOKEN_OF = {
    "response_format": "response_format",
    "response format": "response_format",
    "json_schema": "response_format",
    "max_completion_tokens": "max_completion_tokens",
    "max_tokens": "max_tokens",
}
#: Codes of a 400 that have a name of their own here.
REJECTED_KINDS = {"context_length_exceeded": "prompt_too_long", "content_filter": "refused"}
#: The same said in words.
TOO_LONG = re.compile(r"context[ _](length|window|size|limit)|input (tokens|length)|prompt is too long", re.IGNORECASE)

#: Why a paper cannot be asked about.
NOT_TEXT = "the abstract or title holds half of a surrogate pair, which is no text"


class Fruitless(NamedTuple):
    """A request that got no answer: a failure of its own where others are answered, of the server where none is."""

    failure: RequestError
    problem: str


#: How a request ended that got no answer.
NoAnswer = RequestError | EndpointError | Fruitless


def may_pass(error: BaseException) -> bool:
    """Whether the same request may be answered another time."""
    import openai  # noqa: PLC0415

    if isinstance(error, openai.APIStatusError):
        # 501 is what a server of files says to every POST.
        transient = error.status_code in (408, 409, 429) or (error.status_code >= 500 and error.status_code != 501)
        # What has no status of its own comes with that of a success.
        passing = transient or (error.response.is_success and error.code not in REJECTED_KINDS)
        # A server may know better, and says so to the clients of OpenAI.
        passing = {"true": True, "false": False}.get(error.response.headers.get("x-should-retry", ""), passing)
        return passing and not is_out_of_quota(error)
    return isinstance(error, openai.APIError)


def may_be_billed(error: "openai.APIError") -> bool:
    """Whether the server may have worked for this, and bill it."""
    import openai  # noqa: PLC0415

    from summarizer.backends.exchange import NotConnectedError  # noqa: PLC0415

    if not isinstance(error, openai.APIStatusError) or error.response.is_success:
        return not isinstance(error, NotConnectedError)  # a time-out, or a broken answer
    # Refused by the server, or by what stands before it (503 overloaded, 529 Anthropic's word for it), before any work.
    return error.status_code == 408 or (error.status_code >= 500 and error.status_code not in (501, 503, 529))


def is_out_of_quota(error: "openai.APIStatusError") -> bool:
    """Whether the account is empty."""
    # It comes as a 429, like a rate limit, but does not pass by waiting. Other vendors say 402.
    return error.status_code == 402 or "insufficient_quota" in (error.code, error.type)


def never_answered(error: "openai.APIResponseValidationError | openai.APIStatusError", said: str) -> EndpointError:
    """What it means when something else comes in place of the very first chat completion. `said` is that in words."""
    import openai  # noqa: PLC0415

    if isinstance(error, openai.APIStatusError):
        advice = (
            "no request was answered before that: when it is mended or has passed, the same command goes on from here"
        )
    elif '"choices"' in said:
        advice = "it has not the form of an answer of the OpenAI chat API: try another model or server"
    else:
        advice = (
            "this is probably not the address of a server that speaks the OpenAI chat API: check base_url (it usually "
            "ends in /v1)"
        )
    return EndpointError(f"{said}; {advice}")


def refused(
    error: "openai.APIStatusError", said: str, request: Request, settings: Settings, *, answered: bool
) -> NoAnswer:
    """What a refusal that does not pass is about, with what to do. `said` is the error in words.

    Where other requests were `answered`, their parameters were accepted, and so were those of this one.
    """
    model, variable = settings.model, settings.api_key_env
    code, parameter = error.code or "", None if answered else _shared_parameter(error, said, request)
    if is_out_of_quota(error):
        advice = "the account has no credit or quota left: add some, then run again"
    elif code in REJECTED_KINDS:
        return failure(request, REJECTED_KINDS[code], said)
    elif parameter is not None:
        advice = f"every request has this {parameter}: {SHARED_PARAMETERS[parameter]}"
        if TOO_LONG.search(said):
            # Either the paper or the limit is too long: the next ones show which it is.
            return Fruitless(failure(request, "prompt_too_long", said), f"{said}; {advice}")
    elif code == UNKNOWN_MODEL:
        advice = f"check --model: the server does not know {model!r}, or {variable} may not use it"
    elif code in SHARED_CODES:
        advice = f"the model {model!r} does not take what every request has: change that setting, or the model"
    elif error.status_code in (401, 403):
        advice = f"check that {variable} holds a valid key for this server, and that it may use the model {model!r}"
    elif error.status_code in (404, 405, 501):
        advice = f"check the address (it usually ends in /v1) and the name of the model, {model!r}"
    elif error.status_code < 400:
        advice = "redirects are not followed: give the address that it leads to, if you trust it, as base_url"
    else:
        return failure(request, "prompt_too_long" if TOO_LONG.search(said) else "rejected", said)
    # Not chained: the client's error repeats the server's words uncleaned, and with them perhaps the key.
    return EndpointError(f"{said}; {advice}")


def _shared_parameter(error: "openai.APIStatusError", said: str, request: Request) -> str | None:
    """The parameter, the same in all requests, that a server does not take; None when it is about something else."""
    if error.status_code not in (400, 422):
        return None
    if isinstance(error.param, str) and error.param:
        name = re.split(r"[^a-z_]", error.param, maxsplit=1)[0]
        return name if name in SHARED_PARAMETERS else None
    # The server may be quoting the paper, or what else was asked about.
    quoted = "\n".join((request.title, request.abstract, *(message.content for message in request.messages[-1:])))
    return next((name for words, name in SPOKEN_OF.items() if words in said and words not in quoted), None)
