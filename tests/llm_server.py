"""A server of the OpenAI chat API that is slow, limits rates, bills and breaks things, as a process of its own.

    python -m tests.llm_server '{"latency": 0.2, "rpm": 3000, "faults": 0.3}'

It prints its base URL and serves on a loopback socket until it is killed: chats, the Batch API, the list of its one
model, and beside the API, at GET /stats, what it was asked and what it billed. POST /behaviour changes fields of
`Behaviour` while it runs. An answer repeats the first sentence of the abstract, so that it can be told whose answer
it is. `serving` starts such a process for a test.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from functools import cached_property
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic, time
from typing import get_args
from urllib.parse import urlsplit

from pydantic import ValidationError

from tests.llm_batches import Batches
from tests.llm_http import Connection, RefusedError, Request, response
from tests.llm_model import SPOILED, UNBILLED, WRONG, Behaviour, Json, Mark, Model, Question, error
from tests.llm_model import refused as refused_request

_ROOT = Path(__file__).parent.parent


class Bucket:
    """A rate limit as servers have it."""

    def __init__(self, per_minute: int, burst: float) -> None:
        """Full at first, with what fills it in `burst` seconds."""
        self.limit, self._rate = per_minute, per_minute / 60
        self._size = self._rate * burst
        self._level, self._then = self._size, monotonic()

    def level(self) -> float:
        """What can be taken now."""
        now = monotonic()
        self._level = min(self._size, self._level + (now - self._then) * self._rate)
        self._then = now
        return self._level

    def take(self, amount: float) -> None:
        """Take it; more than there is leaves a debt."""
        self._level = self.level() - amount

    def until(self, amount: float) -> float:
        """Seconds until so much can be taken."""
        return max(0.0, (amount - self.level()) / self._rate)

    def until_full(self) -> float:
        """Seconds until nothing is missing."""
        return self.until(self._size)


class Limits:
    """The rate limits of the chats."""

    def __init__(self, behaviour: Behaviour) -> None:
        """Full buckets."""
        self._told = behaviour.tell_limits
        self._requests = Bucket(behaviour.rpm, behaviour.burst) if behaviour.rpm else None
        self._tokens = Bucket(behaviour.tpm, behaviour.burst) if behaviour.tpm else None

    def let_in(self, tokens: int) -> float:
        """Count a request, or return the seconds after which it may come again."""
        wait = max(
            self._requests.until(1) if self._requests else 0.0, self._tokens.until(tokens) if self._tokens else 0.0
        )
        if not wait:
            if self._requests:
                self._requests.take(1)
            self.spend(tokens)
        return wait

    def spend(self, tokens: int) -> None:
        """Count tokens that could not be known before."""
        if self._tokens:
            self._tokens.take(tokens)

    def headers(self) -> dict[str, str]:
        """What a server says of them."""
        headers: dict[str, str] = {}
        for name, bucket in (("requests", self._requests), ("tokens", self._tokens)):
            if bucket and self._told:
                headers[f"x-ratelimit-limit-{name}"] = str(bucket.limit)
                headers[f"x-ratelimit-remaining-{name}"] = str(max(0, int(bucket.level())))
                headers[f"x-ratelimit-reset-{name}"] = f"{int(bucket.until_full() * 1000)}ms"
        return headers


class Server:
    """All that is served."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._model, self._limits = Model(behaviour), Limits(behaviour)
        self._batches = Batches(self._model)
        self._at_once = 0

    async def handle(self, request: Request, reply: Connection) -> None:
        """Answer a request."""
        match request.method, request.path:
            case "POST", "/v1/chat/completions":
                self._at_once += 1
                self._model.most_at_once = max(self._model.most_at_once, self._at_once)
                try:
                    await self._chat(request, await reply.json(), reply)
                finally:
                    self._at_once -= 1
            case "GET", "/stats":
                reply.send(200, self._model.stats())
            case "POST", "/behaviour":
                self._behave(await reply.json())
                reply.send(200, {})
            case "GET", "/v1/models":
                about = {"id": "model", "object": "model", "created": 0, "owned_by": "tests"}
                reply.send(200, {"object": "list", "data": [about]})
            case _:
                await self._batches.handle(request, reply)

    def _behave(self, changes: Json) -> None:
        """Change the behaviour. Buckets whose rates change are full again, marks that are named hold up again."""
        try:
            behaviour = Behaviour.model_validate({**self._model.behaviour.model_dump(), **changes})
        except ValidationError as wrong:
            raise RefusedError(400, error(str(wrong))) from None
        self._model.behaviour = behaviour
        if changes.keys() & {"rpm", "tpm", "burst", "tell_limits"}:
            self._limits = Limits(behaviour)
        if "stall" in changes:
            self._batches.stalled.clear()

    async def _chat(self, request: Request, body: Json, reply: Connection) -> None:
        model, behaviour, limits = self._model, self._model.behaviour, self._limits
        model.note("requests")
        if behaviour.log:
            model.bodies.append(body)
            model.headers.append(request.headers)
        if behaviour.redirect:
            model.note("redirected")
            reply.send(307, {}, {"location": behaviour.redirect})
            return
        if (message := refused_request(body, behaviour.dialect)) is not None:
            model.note("refused")
            reply.send(400, error(message), limits.headers())
            return
        question = Question.of(body)
        if wait := limits.let_in(question.tokens):
            model.note("limited")
            waits = {"retry-after-ms": str(int(wait * 1000) + 1), "retry-after": str(int(wait) + 1)}
            reply.send(429, error("Rate limit reached", "rate_limit_exceeded"), limits.headers() | waits)
            return
        model.asked[question.sentence] += 1
        kind = model.fault(UNBILLED + SPOILED + WRONG)
        if kind in UNBILLED:
            await asyncio.sleep(behaviour.latency / 4)
            _refuse(kind, reply, behaviour.retry_after, limits.headers())
            return
        if behaviour.latency:
            await asyncio.sleep(behaviour.latency)
        # From here on the model has worked, whether or not anybody still waits for it.
        completion = model.answer(question, kind)
        limits.spend(completion["usage"]["completion_tokens"])
        await _spoil(kind, completion, reply, behaviour.hang, limits.headers())


def _refuse(kind: str, reply: Connection, wait: float, limits: dict[str, str]) -> None:
    """Answer with an error that costs nothing."""
    headers = {
        "429_ms": {"retry-after-ms": str(int(wait * 1000))},
        "429_seconds": {"retry-after": f"{wait}"},
        "429_date": {"retry-after": formatdate(time() + wait, usegmt=True)},
    }.get(kind, {})
    status = int(kind[:3])
    reply.send(status, error(f"this is a {status}", "rate_limit_exceeded" if status == 429 else None), limits | headers)


async def _spoil(kind: str, completion: Json, reply: Connection, hang: float, limits: dict[str, str]) -> None:
    """Send the completion in the way of the fault."""
    whole = response(200, completion, limits)
    match kind:
        case "500":
            reply.send(500, error("the server had an error after all the work"), limits)
        case "hang":
            await reply.linger(hang)
            reply.close()
        case "reset":
            reply.reset()
        case "half_body":
            reply.write(whole[: -len(json.dumps(completion)) // 2])
            reply.close()
        case "twice":
            reply.write(whole * 2)
        case "drip":
            for start in range(0, len(whole), 64):
                reply.write(whole[start : start + 64])
                await asyncio.sleep(0.002)
        case _:
            reply.write(whole)


class Served:
    """A server in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Read what it prints."""
        self._process, self._lines, self._changed = process, list[str](), threading.Condition()
        self._ended, self._waited_for = False, Counter[str]()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @cached_property
    def url(self) -> str:
        """The base URL, with /v1, once it serves."""
        return self._wait_for_line("http://", 60)

    def stats(self) -> Json:
        """What it was asked and what it billed, see `Model.stats`."""
        return self._ask("GET", "/stats")

    def tell(self, **changes: object) -> None:
        """Change fields of its `Behaviour`.

        Raises:
            ValueError: There is no such field, or it has no such value.
        """
        self._ask("POST", "/behaviour", changes)

    def wait_for(self, mark: Mark, seconds: float = 60) -> None:
        """Wait until the server holds a request up at this mark, which must be one of `Behaviour.stall`.

        A mark that was set again with `tell` can be waited for again.

        Raises:
            TimeoutError: It did not, for so long.
            ChildProcessError: The server has ended.
        """
        self._wait_for_line(mark, seconds)

    @property
    def output(self) -> str:
        """All that it has printed."""
        if self._process.poll() is not None:
            self._reader.join()
        with self._changed:
            return "\n".join(self._lines)

    @property
    def broken(self) -> bool:
        """Whether it has ended, or printed what is neither its URL nor a mark: a traceback."""
        known = ("http://", *get_args(Mark))
        return self._process.poll() is not None or not all(line.startswith(known) for line in self.output.split("\n"))

    def kill(self) -> None:
        """End it."""
        self._process.kill()
        self._reader.join()

    def _ask(self, method: str, path: str, body: Json | None = None) -> Json:
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        try:
            connection.request(method, path, json.dumps(body) if body else None)
            reply = connection.getresponse()
            content: Json = json.loads(reply.read())
        finally:
            connection.close()
        if reply.status != 200:
            raise ValueError(content["error"]["message"])
        return content

    def _read(self) -> None:
        for line in self._process.stdout or ():
            with self._changed:
                self._lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _wait_for_line(self, begin: str, seconds: float) -> str:
        def found() -> list[str]:
            return [line for line in self._lines if line.startswith(begin)][self._waited_for[begin] :]

        with self._changed:
            self._changed.wait_for(lambda: found() or self._ended, seconds)
            if lines := found():
                self._waited_for[begin] += 1
                return lines[0]
        if self._ended:
            raise ChildProcessError(f"the server has ended:\n{self.output}")
        raise TimeoutError(f"the server did not print {begin} within {seconds} seconds:\n{self.output}")


@contextmanager
def serving(**behaviour: object) -> Iterator[Served]:
    """Serve in a process of its own, until the block ends; the arguments are the fields of `Behaviour`.

    Raises:
        ChildProcessError: The server broke, with what it printed.
    """
    command = [sys.executable, "-m", "tests.llm_server", json.dumps(behaviour)]
    with subprocess.Popen(command, cwd=_ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        server = Served(process)
        try:
            assert server.url
            yield server
        except Exception as problem:
            if server.broken:
                problem.add_note(f"the server printed:\n{server.output}")
            raise
        else:
            if server.broken:
                raise ChildProcessError(f"the server broke:\n{server.output}")
        finally:
            server.kill()


async def _serve(behaviour: Behaviour, port: int) -> None:
    """Serve until the process is killed."""
    handle = Server(behaviour).handle
    server = await asyncio.get_running_loop().create_server(lambda: Connection(handle), "127.0.0.1", port, backlog=2048)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)  # noqa: T201 - how it is found
    await server.serve_forever()


def main() -> None:
    """Read the behaviour and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("behaviour", nargs="?", default="{}", help="JSON of the fields of Behaviour")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    asyncio.run(_serve(Behaviour.model_validate_json(options.behaviour), options.port))


if __name__ == "__main__":
    main()
