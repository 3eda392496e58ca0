"""One request and its answer, over a connection.

Imported when something is sent, since its imports take two seconds.
"""

import asyncio
import os
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import httpx2
import openai

from summarizer.backends.bodies import read_body
from summarizer.backends.replies import ChatReply, ErrorReply, blotted, clean, read_reply

_PATH = "/chat/completions"
# The client hands the response over unread, so that it can be held to a length.
_HEADERS = {"Content-Type": "application/json", "X-Stainless-Raw-Response": "stream"}
# It is sent nowhere, and without it the client draws a random one for each request, which takes longer than the rest.
_IDEMPOTENCY_KEY = "none"
_Asked = tuple[httpx2.Response, bytes]


@dataclass(frozen=True, slots=True)
class Received:
    """A chat completion, also as it came, what its headers say, and the seconds that it took."""

    reply: ChatReply
    body: bytes
    headers: Mapping[str, str]
    seconds: float


class NotConnectedError(openai.APIConnectionError):
    """There was no connection, so nothing can have been asked."""


async def exchange(client: openai.AsyncOpenAI, content: bytes, within: float) -> Received:
    """Send the body of a request and read the chat completion that comes `within` so many seconds.

    `openai.APIError` for anything else.

    The client is asked one level below its chat methods: these spend more than half of their time on turning arguments
    and answers into objects that are not used here (`benchmarks/hosted.md`).
    """
    started = time.monotonic()
    try:
        response, body = await _bounded(_ask(client, content), within)
        body = blotted(body, client.api_key)
    except TimeoutError as error:
        raise openai.APITimeoutError(_request(client)) from error
    except openai.APIStatusError:
        raise
    except (openai.APIConnectionError, httpx2.RequestError, aiohttp.ClientError, OSError, ValueError) as error:
        raise _translated(error, _request(client)) from _cause(error)
    return Received(_read(response, body, client.api_key), body, response.headers, time.monotonic() - started)


async def _ask(client: openai.AsyncOpenAI, content: bytes) -> _Asked:
    options: Any = {"headers": _HEADERS, "idempotency_key": _IDEMPOTENCY_KEY}
    response = await client.post(_PATH, content=content, cast_to=httpx2.Response, options=options)
    try:
        return response, await read_body(response)
    finally:
        await response.aclose()


async def _bounded(work: Coroutine[Any, Any, _Asked], within: float) -> _Asked:
    """The result of the work; `TimeoutError` after so many seconds, when it has been cancelled.

    The work is a task of its own. `asyncio.timeout` would cancel the task of the caller, which goes wrong when that is
    about to end, or is cancelled for other reasons at the same moment, as by the time-outs of the transport: then the
    cancellation is lost, and the work never ends, or it hits what the caller does next (Python before 3.13).
    """
    task = asyncio.ensure_future(work)
    try:
        if not (await asyncio.wait({task}, timeout=within))[0]:
            raise TimeoutError
        return task.result()
    finally:
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=1.0)
        if not task.cancelled():
            task.exception()  # or asyncio prints that nobody wanted to know


def _read(response: httpx2.Response, body: bytes, key: str) -> ChatReply:
    reply = read_reply(body)
    if isinstance(reply, ChatReply):
        return reply
    if isinstance(reply, ErrorReply):
        raise openai.APIStatusError("an error", response=response, body=reply.body)
    text = clean(body.decode("utf-8", errors="replace"), key)
    raise openai.APIResponseValidationError(response, None, message=f"the answer is not a chat completion: {text!r}")


def _request(client: openai.AsyncOpenAI) -> httpx2.Request:
    return httpx2.Request("POST", f"{str(client.base_url).rstrip('/')}{_PATH}")


def _translated(error: Exception, request: httpx2.Request) -> openai.APIConnectionError:
    # The transport calls every broken connection a time-out, so what it is is looked up in what it comes from.
    match _lowest(error):
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return NotConnectedError(request=request)
        case aiohttp.ServerTimeoutError() | httpx2.TimeoutException():
            return openai.APITimeoutError(request)
    return openai.APIConnectionError(request=request)


def _lowest(error: BaseException) -> BaseException:
    """What an error comes from in the end, as far as the transport knows it."""
    while error.__cause__ is not None and not isinstance(error, aiohttp.ClientError):
        error = error.__cause__
    return error


def _cause(error: Exception) -> BaseException:
    lowest = _lowest(error)
    if isinstance(lowest, aiohttp.ClientConnectorError) and lowest.errno:
        # Its own words say neither what was wrong nor what is known of it to people: "Connect call failed".
        return OSError(lowest.errno, os.strerror(lowest.errno))
    return lowest
