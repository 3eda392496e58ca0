"""Ask a server about all papers of a folder, as other libraries do it; started by `hosted_throughput.py`.

Usage: python hosted_peers.py bare|curator|langextract FOLDER BASE_URL IN_FLIGHT

FOLDER holds `papers.jsonl`, `users.jsonl` (the last message of each request, as this project renders it) and
`asked.json` (the messages before it and all other parameters). It gets `out.jsonl`, with a line of id and tldr for each
answer that the library could read. Settings are those that let the library go fastest: no limits of rates, no progress
bars, no telemetry.
"""

import argparse
import asyncio
import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

Json = dict[str, Any]

#: A model whose price and abilities the libraries know.
_MODEL = "gpt-4o-mini"


class Method(BaseModel):
    """A technique."""

    name: str
    role: str


class Result(BaseModel):
    """A number that is claimed."""

    evidence: str
    value: str
    unit: str
    metric: str | None
    dataset: str | None
    method: str | None
    baseline_value: str | None
    kind: str


class Answer(BaseModel):
    """The fields that this project asks for, without its bounds."""

    tldr: str
    contribution: str
    field: str
    modalities: list[str]
    tasks: list[str]
    methods: list[Method]
    datasets: list[str]
    metrics: list[str]
    results: list[Result]


def bare(folder: Path, url: str, in_flight: int) -> None:
    """One client, a semaphore and a gather: the loop that most scripts have, with the very requests of this project."""
    asyncio.run(_bare(folder, url, in_flight))


async def _bare(folder: Path, url: str, in_flight: int) -> None:
    openai, httpx2 = importlib.import_module("openai"), importlib.import_module("httpx2")
    asked: Json = json.loads((folder / "asked.json").read_text())
    before: list[Json] = asked.pop("messages")
    slots = asyncio.Semaphore(in_flight)
    # The client comes with 100 connections that are kept: all others would be made anew for each request.
    limits = httpx2.Limits(max_connections=2 * in_flight, max_keepalive_connections=2 * in_flight)
    transport = openai.DefaultAsyncHttpxClient(limits=limits)
    # It gives up on a connection after 5 s, which one of hundreds that are begun at once can take on a busy machine.
    connected = openai.AsyncOpenAI(base_url=url, max_retries=0, timeout=120, http_client=transport)
    with (folder / "out.jsonl").open("w") as output:
        async with connected as client:

            async def ask(row: Json) -> None:
                async with slots:
                    messages = [*before, {"role": "user", "content": row["user"]}]
                    completion = await client.chat.completions.create(messages=messages, **asked)
                answer = json.loads(completion.choices[0].message.content)
                output.write(json.dumps({"id": row["id"], **answer}) + "\n")

            await asyncio.gather(*map(ask, _rows(folder / "users.jsonl")))


def curator(folder: Path, url: str, in_flight: int) -> None:
    """The same messages, its own schema of the same fields, its own cache in the folder."""
    library = importlib.import_module("bespokelabs.curator")
    before: list[Json] = json.loads((folder / "asked.json").read_text())["messages"]
    processors = importlib.import_module("bespokelabs.curator.request_processor.online.openai_online_request_processor")
    # It reads the rate limits from the answer to a request without messages, and waits for that without end.
    processors.OpenAIOnlineRequestProcessor.get_header_based_rate_limits = lambda _self: (0, 0)

    class Papers(library.LLM):  # type: ignore[misc, name-defined]
        """Asks as this project does."""

        def prompt(self, row: Json) -> list[Json]:
            return [*before, {"role": "user", "content": row["user"]}]

        def parse(self, row: Json, response: Answer) -> Json:
            return {"id": row["id"], "tldr": response.tldr, "answer": response.model_dump_json()}

    model = Papers(
        model_name=_MODEL,
        backend="openai",
        response_format=Answer,
        backend_params={
            "base_url": url,
            "max_concurrent_requests": in_flight,
            "max_requests_per_minute": 10**7,
            "max_tokens_per_minute": 10**11,
            "max_retries": 0,
            "require_all_responses": False,
        },
    )
    answered = model(_rows(folder / "users.jsonl"), working_dir=str(folder / "curator"))
    _write(folder, [{"id": row["id"], "tldr": row["tldr"]} for row in answered.dataset])


def langextract(folder: Path, url: str, in_flight: int) -> None:
    """One document an abstract; it reads flat objects only, so that the lists are not asked for.

    All documents are one batch, because the next batch begins when the last request of the one before has ended.
    """
    library = importlib.import_module("langextract")
    handler = importlib.import_module("langextract.core.format_handler").FormatHandler(
        use_wrapper=False, use_fences=False
    )
    flat = ("tldr", "contribution", "field")
    schema = {
        "type": "object",
        "properties": {name: {"type": "string"} for name in flat},
        "required": list(flat),
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}
    texts = ("We present SiltNet, which counts crossings.", "method", "machine learning")
    extractions = [library.data.Extraction(name, text) for name, text in zip(flat, texts, strict=True)]
    documents = [
        # The server knows by these tags which abstract it is asked about.
        library.data.Document(f"<abstract>\n{row['abstract']}\n</abstract>", document_id=row["id"])
        for row in _rows(folder / "papers.jsonl")
    ]
    annotated = library.extract(
        documents,
        prompt_description="Give the summary in one sentence, the kind of contribution and the field of research.",
        examples=[library.data.ExampleData(text=" ".join(texts), extractions=extractions)],
        config=library.factory.ModelConfig(
            model_id=_MODEL,
            provider_kwargs={"api_key": "x", "base_url": url, "max_workers": in_flight, "response_format": form},
        ),
        use_schema_constraints=False,
        fence_output=False,
        resolver_params={"format_handler": handler},
        max_char_buffer=100_000,
        batch_length=len(documents),
        max_workers=in_flight,
        show_progress=False,
    )
    found = [
        {"id": document.document_id, "tldr": extraction.extraction_text}
        for document in annotated
        for extraction in document.extractions
        if extraction.extraction_class == "tldr" and extraction.char_interval is not None
    ]
    _write(folder, found)


def _rows(path: Path) -> list[Json]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _write(folder: Path, rows: list[Json]) -> None:
    (folder / "out.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def main() -> None:
    """Ask about all papers."""
    libraries: dict[str, Callable[[Path, str, int], None]] = {
        "bare": bare,
        "curator": curator,
        "langextract": langextract,
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", choices=libraries)
    parser.add_argument("folder", type=Path)
    parser.add_argument("url")
    parser.add_argument("in_flight", type=int)
    options = parser.parse_args()
    libraries[options.library](options.folder, options.url, options.in_flight)


if __name__ == "__main__":
    main()
