"""Bodies of HTTP responses, held to a length: a server may send without end.

Imported when something is sent, since its imports take two seconds.
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

import httpx2
import openai

#: Bytes of one answer, which has some ten thousand.
LONGEST_BODY = 8 * 2**20
#: Bytes of the body of an error.
LONGEST_ERROR = 64 * 2**10


async def read_body(response: httpx2.Response, longest: int = LONGEST_BODY) -> bytes:
    """Read an answer to its end, but no further than `longest` bytes (`APIResponseValidationError`)."""
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > longest:
            message = f"the answer is longer than {longest} bytes"
            raise openai.APIResponseValidationError(response, None, message=message)
    return bytes(body)


def bound_errors() -> dict[str, list[Callable[[httpx2.Response], Coroutine[Any, Any, None]]]]:
    """Hooks of the HTTP client that cut the body of an error, which the client reads by itself and to its end."""

    async def bound(response: httpx2.Response) -> None:
        if not response.is_success and isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _Beginning(response, response.stream)
            # It comes unpacked from there: were the client to do it, 64 kB could become 64 MB.
            response.headers.pop("content-encoding", None)

    return {"response": [bound]}


class _Beginning(httpx2.AsyncByteStream):
    """What comes of a body, unpacked, before it is too long."""

    def __init__(self, response: httpx2.Response, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream
        self._unpacked = httpx2.Response(
            response.status_code, headers=response.headers, stream=stream, request=response.request
        )

    async def __aiter__(self) -> AsyncIterator[bytes]:
        room = LONGEST_ERROR
        async for part in self._unpacked.aiter_bytes():
            yield part[:room]
            room -= len(part)
            if room <= 0:
                return

    async def aclose(self) -> None:
        await self._stream.aclose()


def bound_errors_in_turn() -> dict[str, list[Callable[[httpx2.Response], None]]]:
    """The same for a client without an event loop."""

    def bound(response: httpx2.Response) -> None:
        if not response.is_success and isinstance(response.stream, httpx2.SyncByteStream):
            response.stream = _BeginningInTurn(response, response.stream)
            response.headers.pop("content-encoding", None)

    return {"response": [bound]}


class _BeginningInTurn(httpx2.SyncByteStream):
    """`_Beginning` without an event loop."""

    def __init__(self, response: httpx2.Response, stream: httpx2.SyncByteStream) -> None:
        self._stream = stream
        self._unpacked = httpx2.Response(
            response.status_code, headers=response.headers, stream=stream, request=response.request
        )

    def __iter__(self) -> Iterator[bytes]:
        room = LONGEST_ERROR
        for part in self._unpacked.iter_bytes():
            yield part[:room]
            room -= len(part)
            if room <= 0:
                return

    def close(self) -> None:
        self._stream.close()
