"""What does one request cost in processor time, by the way in which the openai client is used?

Usage: python benchmarks/hosted_transport.py [N]

Each way is a process of its own that asks the test server N times (2,000), 256 requests in flight, 200 ms an answer,
with the request that this project sends about a paper. They take turns in three rounds, and the median is printed, as
Markdown.
"""

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any

import httpx2
import openai
from hosted_throughput import Server, write_requests

_IN_FLIGHT, _ROUNDS = 256, 3
_WAYS = {
    "chat.completions.create, httpx": (False, True),
    "chat.completions.create, aiohttp": (True, True),
    "bytes and raw response, httpx": (False, False),
    "bytes and raw response, aiohttp (as here)": (True, False),
}


def main() -> None:
    """Measure all ways, or as a child process one of them."""
    if len(sys.argv) == 5:
        _, way, url, asked, number = sys.argv
        sys.stdout.write(json.dumps(asyncio.run(ask(way, url, json.loads(Path(asked).read_text()), int(number)))))
        return
    count = sys.argv[1] if len(sys.argv) > 1 else "2000"
    figures: dict[str, list[tuple[float, float]]] = {way: [] for way in _WAYS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_requests(folder, 1)
        for _ in range(_ROUNDS):
            for way in _WAYS:
                with Server(0.2) as server:
                    command = [sys.executable, __file__, way, server.url, str(folder / "asked.json"), count]
                    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
                figures[way].append(tuple(json.loads(done.stdout)))
    sys.stdout.write("| way | requests/s | CPU ms a request |\n| --- | --- | --- |\n")
    for way, rounds in figures.items():
        rate, cpu = (median(part) for part in zip(*rounds, strict=True))
        sys.stdout.write(f"| {way} | {rate:,.0f} | {cpu:.1f} |\n")


async def ask(way: str, url: str, asked: dict[str, Any], count: int) -> tuple[float, float]:
    """Requests a second, and milliseconds of processor time for one."""
    with_aiohttp, typed = _WAYS[way]
    make = openai.DefaultAioHttpClient if with_aiohttp else openai.DefaultAsyncHttpxClient
    limits = httpx2.Limits(max_connections=_IN_FLIGHT, max_keepalive_connections=_IN_FLIGHT)
    numbers = iter(range(count))
    async with openai.AsyncOpenAI(
        api_key="k", base_url=url, max_retries=0, timeout=120.0, http_client=make(limits=limits, trust_env=False)
    ) as client:
        send = by_create if typed else by_post

        async def work() -> None:
            for number in numbers:
                user = {"role": "user", "content": f"<abstract>\nGauge {number} fails. It does so often.\n</abstract>"}
                json.loads(await send(client, asked | {"messages": [*asked["messages"], user]}))

        before, began = spent(), time.monotonic()
        await asyncio.gather(*(work() for _ in range(_IN_FLIGHT)))
        seconds, cpu = time.monotonic() - began, spent() - before
    return count / seconds, 1000 * cpu / count


async def by_create(client: openai.AsyncOpenAI, asked: dict[str, Any]) -> str | bytes:
    """As the client's documentation does it."""
    create: Callable[..., Awaitable[Any]] = client.chat.completions.create
    reply = await create(**asked)
    return str(reply.choices[0].message.content)


async def by_post(client: openai.AsyncOpenAI, asked: dict[str, Any]) -> str | bytes:
    """As `summarizer.backends.exchange` does it."""
    response = await client.post(
        "/chat/completions",
        content=json.dumps(asked).encode(),
        cast_to=httpx2.Response,
        options={"headers": {"Content-Type": "application/json"}, "idempotency_key": "none"},
    )
    return response.content


def spent() -> float:
    """Processor seconds of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
