"""HTTP/1.1 as far as a server of JSON needs it, by hand, because it has to be faster than what is measured with it."""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from tests.llm_model import Json, error

_REASONS = {200: "OK", 307: "Temporary Redirect", 400: "Bad Request", 404: "Not Found", 429: "Too Many Requests"}


class GoneError(Exception):
    """The client has closed the connection."""


class RefusedError(Exception):
    """A request that gets an error for an answer."""

    def __init__(self, status: int, body: Json) -> None:
        """Keep what is answered."""
        super().__init__(status, body)
        self.status, self.body = status, body


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a request; `Connection.body` has the rest."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]


Handler = Callable[[Request, "Connection"], Awaitable[None]]


class Connection(asyncio.Protocol):
    """One connection: requests come one after the other, each with a length."""

    def __init__(self, handle: Handler) -> None:
        """Wait for a client; `handle` answers each request."""
        self._handle, self._received, self._more = handle, bytearray(), asyncio.Event()
        self._length = 0
        """Bytes of the body that nobody has read yet."""
        self._gone = asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
            self._task = asyncio.create_task(self._serve())
            # A mistake of ours is printed, and not kept until the task is collected.
            self._task.add_done_callback(asyncio.Task.result)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - all ways to end are one
        self._gone.set()
        self._more.set()

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._more.set()

    async def _serve(self) -> None:
        try:
            while True:
                request = await self._head()
                try:
                    await self._handle(request, self)
                except RefusedError as refusal:
                    self.send(refusal.status, refusal.body)
                await self.body()
        except GoneError:
            pass
        finally:
            self.close()

    async def _head(self) -> Request:
        while (end := self._received.find(b"\r\n\r\n")) < 0:
            await self._wait_for_more()
        first, *lines = self._received[:end].decode("latin-1").split("\r\n")
        del self._received[: end + 4]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self._length = int(headers.get("content-length", 0))
        method, target, _ = first.split(" ")
        path, _, query = target.partition("?")
        if "transfer-encoding" in headers:
            self.send(411, error("a request needs a content-length"))
            raise GoneError
        return Request(method, path, dict(parse_qsl(query)) if query else {}, headers)

    async def body(self) -> bytes:
        """The body of the request, once it is whole; nothing when it was read before.

        Raises:
            GoneError: The client has left before its end.
        """
        while len(self._received) < self._length:
            await self._wait_for_more()
        content = bytes(self._received[: self._length])
        del self._received[: self._length]
        self._length = 0
        return content

    async def json(self) -> Json:
        """The body as a JSON object.

        Raises:
            RefusedError: It is none.
        """
        try:
            body = json.loads(await self.body())
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise RefusedError(400, error("We could not parse the JSON body of your request."))
        return body

    async def _wait_for_more(self) -> None:
        self._more.clear()
        if self._gone.is_set():
            raise GoneError
        await self._more.wait()

    async def linger(self, seconds: float) -> None:
        """Do nothing for some time.

        Raises:
            GoneError: The client has left meanwhile.
        """
        try:
            await asyncio.wait_for(self._gone.wait(), seconds)
        except TimeoutError:
            return
        raise GoneError

    def send(self, status: int, body: Json, headers: dict[str, str] | None = None) -> None:
        """Send a whole response."""
        self.write(response(status, body, headers or {}))

    def write(self, content: bytes) -> None:
        """Send as it is."""
        if self._transport and not self._transport.is_closing():
            self._transport.write(content)

    def close(self) -> None:
        """End the connection, after what was written."""
        if self._transport:
            self._transport.close()

    def reset(self) -> None:
        """End it as a crash would: lingering for no time makes closing a reset."""
        if self._transport and not self._transport.is_closing():
            peer: socket.socket = self._transport.get_extra_info("socket")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()


def response(status: int, body: Json, headers: dict[str, str]) -> bytes:
    """The bytes of a response."""
    content = json.dumps(body).encode()
    return head(status, len(content), headers) + content


def head(status: int, length: int, headers: dict[str, str], kind: str = "application/json") -> bytes:
    """The bytes of a response before its content."""
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Other')}", f"content-type: {kind}", f"content-length: {length}"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode()
