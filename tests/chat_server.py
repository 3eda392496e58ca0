"""A server of the OpenAI chat API on a loopback socket, whose answers a test decides."""

import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from summarizer.completion import Json


@dataclass(frozen=True)
class Reply:
    """What the server does with one request.

    A `body` of text or bytes is sent as a page, all else as JSON. `trickle` sends the body a byte at a time, that many
    seconds apart, and `times` sends it so often, one after the other. `cut` closes the connection before the last byte
    of the body, `reset` before the first of the headers.
    """

    status: int = 200
    body: Json | str | bytes = ""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    trickle: float = 0.0
    times: int = 1
    reset: bool = False
    cut: bool = False


def answer(
    text: str | list[Json] | None, finish: str = "stop", refusal: str | None = None, delay: float = 0.0
) -> Reply:
    """A chat completion that says `text`, which may be in parts, for 11 tokens of prompt and 7 of completion."""
    message = {"role": "assistant", "content": text, "refusal": refusal}
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    body = {"id": "c", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage}
    return Reply(body=body, delay=delay)


def fault(status: int, message: str, code: str | None = None, param: str | None = None, **headers: str) -> Reply:
    """An error as OpenAI words it; `retry_after_ms="20"` becomes the header `retry-after-ms`."""
    error = {"message": message, "type": code, "code": code, "param": param}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, body={"error": error}, headers=named)


class ChatServer:
    """Answers each request with `reply(prompt, attempt)`: its last message, and how often that was asked, from 1."""

    def __init__(self, reply: Callable[[str, int], Reply]) -> None:
        """Take a free port; nothing is served before `with`."""
        self._reply, self._lock = reply, threading.Lock()
        self._asked: Counter[str] = Counter()
        self.bodies: list[Json] = []
        self.headers: list[dict[str, str]] = []
        self.times: list[float] = []
        self.most_at_once = self._at_once = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = False  # so that leaving waits for every connection
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and wait for the threads."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def decide(self, body: Json, headers: dict[str, str]) -> Reply:
        """Note the request and find its reply."""
        prompt = str(body["messages"][-1]["content"])
        with self._lock:
            self._asked[prompt] += 1
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            self.bodies.append(body)
            self.headers.append(headers)
            self.times.append(time.monotonic())
            attempt = self._asked[prompt]
        try:
            reply = self._reply(prompt, attempt)
            time.sleep(reply.delay)
            return reply
        finally:
            with self._lock:
                self._at_once -= 1

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            timeout = 20

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                headers = {name.lower(): value for name, value in self.headers.items()}
                reply = server.decide({**body, "path": self.path}, headers)
                if reply.reset:
                    # Lingering for no time makes closing a reset.
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.connection.close()
                    self.close_connection = True
                    return
                self._send(reply)

            def _send(self, reply: Reply) -> None:
                as_json = isinstance(reply.body, dict)
                text = json.dumps(reply.body) if isinstance(reply.body, dict) else reply.body
                content = text.encode() if isinstance(text, str) else text
                self.send_response(reply.status)
                self.send_header("Content-Type", "application/json" if as_json else "text/html")
                self.send_header("Content-Length", str(len(content) * reply.times))
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    self._write(content[:-1] if reply.cut else content, reply)
                    self.close_connection = self.close_connection or reply.cut
                except ConnectionError:
                    self.close_connection = True  # the client has had enough

            def _write(self, content: bytes, reply: Reply) -> None:
                parts = [bytes([byte]) for byte in content] if reply.trickle else [content] * reply.times
                for part in parts:
                    self.wfile.write(part)
                    time.sleep(reply.trickle)

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class names it so
                """Keep quiet."""

        return Handler
