"""Bodies of HTTP responses, held to a deadline and a length: a server may drip, and may send without end.

Imported when something is sent, since its imports take two seconds.
"""

import time
from collections.abc import Callable, Iterator

import httpx2
import openai
from openai.types.chat import ChatCompletion

#: Bytes of one answer, which has some ten thousand.
LONGEST_BODY = 8 * 2**20
#: Bytes of the body of an error.
LONGEST_ERROR = 64 * 2**10


def read_body(response: openai.APIResponse[ChatCompletion], deadline: float) -> bytes:
    """Read an answer to its end, and no further than `LONGEST_BODY` or beyond `deadline`."""
    body = bytearray()
    try:
        for part in response.iter_bytes():
            body += part
            if time.monotonic() > deadline:
                raise openai.APITimeoutError(response.http_request)
            if len(body) > LONGEST_BODY:
                message = f"the answer is longer than {LONGEST_BODY} bytes"
                raise openai.APIResponseValidationError(response.http_response, None, message=message)
    except (httpx2.RequestError, OSError) as error:
        raise openai.APIConnectionError(request=response.http_request) from error
    return bytes(body)


def bound_errors(timeout: float) -> dict[str, list[Callable[..., None]]]:
    """Hooks of the HTTP client that end the body of an error, which the client reads by itself and to its end.

    It gets `timeout` seconds from the beginning of the request, and what is longer than `LONGEST_ERROR` is cut off.
    """

    def begin(request: httpx2.Request) -> None:
        request.extensions["deadline"] = time.monotonic() + timeout

    def bound(response: httpx2.Response) -> None:
        if not response.is_success and isinstance(response.stream, httpx2.SyncByteStream):
            response.stream = _Beginning(response, response.stream)
            # It comes unpacked from there: were the client to do it, 64 kB could become 64 MB.
            response.headers.pop("content-encoding", None)

    return {"request": [begin], "response": [bound]}


class _Beginning(httpx2.SyncByteStream):
    """What comes of a body, unpacked, before it is too long or too late."""

    def __init__(self, response: httpx2.Response, stream: httpx2.SyncByteStream) -> None:
        self._request, self._stream = response.request, stream
        self._unpacked = httpx2.Response(
            response.status_code, headers=response.headers, content=self._in_time(), request=response.request
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

    def _in_time(self) -> Iterator[bytes]:
        for part in self._stream:
            if time.monotonic() > self._request.extensions["deadline"]:
                raise httpx2.ReadTimeout("the server is too slow", request=self._request)
            yield part
