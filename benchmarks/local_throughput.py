"""How fast the local backend is against the loop that most scripts have: `pipeline("text-generation")`, one by one.

Same prompts, same number of new tokens for each (the schema asks for a text that is longer than there is room for, so
that nobody ends early), same weights, same machine, one after the other. Ours is also held to a schema.

Usage: python benchmarks/local_throughput.py [--papers FILE.jsonl] [--papers-limit N] [--new-tokens N] [--model ID]
       [--sizes 1 4 8] [--machine TEXT] [-o benchmarks/local.md]
"""

import argparse
import json
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from summarizer.backends.device import Placement
from summarizer.backends.generation import LoadedModel
from summarizer.backends.lean import LeanModel, load_lean
from summarizer.backends.local import LocalBackend
from summarizer.backends.weights import fetch_weights, find_model
from summarizer.completion import Decoding, Identity, Request
from summarizer.prompting import Prompt, Renderer, load_prompt
from summarizer.records import Paper, Source
from summarizer.settings import Settings

#: A text that no answer reaches the end of, so that every answer has as many tokens as there is room for.
ENDLESS = json.dumps({"type": "string", "minLength": 20_000})
SENTENCES = (
    "Gauges in small harbors often fail during storms, and flood warnings fail with them.",
    "We present QuayNet, a graph network that fills the gaps from neighboring gauges.",
    "It shares its weights between harbors and needs no map of the coast.",
    "On the TideMark data set it places 91.2% of readings within five centimeters.",
    "Linear interpolation places 84.0% of them, and a Kalman filter 86.5%.",
    "An ablation shows that most of the gain comes from the sharing of weights.",
    "We also find that the network is calibrated in all but two of the harbors.",
    "The code and the readings of three winters are free to use.",
)


class Row(NamedTuple):
    """One line of the table. `seconds` is for all papers, `first` for all of them with a single new token."""

    name: str
    dtype: str
    seconds: float
    first: float


def invented_papers(number: int) -> list[Paper]:
    """Abstracts of four to eight sentences, so that lengths differ as they do in life."""
    return [_paper(f"Paper {at}", " ".join(SENTENCES[: 4 + at % 5]), at) for at in range(number)]


def papers_of(path: Path, number: int) -> list[Paper]:
    """Papers of a JSON Lines file with title and abstract."""
    with path.open(encoding="utf-8") as lines:
        found = [json.loads(line) for _, line in zip(range(number), lines, strict=False)]
    return [_paper(one["title"], one["abstract"], at) for at, one in enumerate(found)]


def _paper(title: str, abstract: str, at: int) -> Paper:
    return Paper(id=str(at), title=title, abstract=abstract, source=Source(name="benchmark", line=at + 1))


def requests_for(papers: Sequence[Paper], prompt: Prompt, new_tokens: int) -> list[Request]:
    """Requests with the prompt that is shipped, and the endless schema."""
    identity = Identity(backend="local", model="any")
    renderer = Renderer(prompt, "English", Decoding(max_tokens=new_tokens), identity)
    return [renderer.request(paper).model_copy(update={"schema_text": ENDLESS}) for paper in papers]


def time_loop(folder: Path, dtype: str, requests: Sequence[Request], new_tokens: int) -> float:
    """Seconds that the plain loop takes, without loading."""
    transformers: Any = import_module("transformers")
    generator = transformers.pipeline("text-generation", model=str(folder), dtype=dtype, device="cpu")
    begun = 0.0
    for at, request in enumerate([requests[0], *requests]):
        begun = time.perf_counter() if at == 1 else begun  # the first one warms up
        messages = [message.model_dump() for message in request.messages]
        generator(messages, min_new_tokens=new_tokens, max_new_tokens=new_tokens, do_sample=False)
    return time.perf_counter() - begun


def time_backend(loaded: LoadedModel | LeanModel, model: str, size: int, requests: Sequence[Request]) -> float:
    """Seconds that the backend takes with batches of a size, without loading."""
    backend = LocalBackend(
        Settings(model=model, batch_size=size, device="cpu"), load=lambda _folder, _place, _adapter: loaded
    )
    list(backend.complete(requests[:1]))
    begun = time.perf_counter()
    outcomes = list(backend.complete(requests))
    seconds = time.perf_counter() - begun
    if len(outcomes) != len(requests):
        raise RuntimeError("an outcome is missing")
    return seconds


def measure(options: argparse.Namespace, cache: Path) -> tuple[list[Row], int, int]:
    """All rows of the table, and how many papers with how many tokens there were."""
    prompt = load_prompt(Settings(model=options.model, shipped_adapter=False).prompt_name)
    number, new = options.papers_limit, options.new_tokens
    papers = papers_of(options.papers, number) if options.papers else invented_papers(number)
    requests, ones = requests_for(papers, prompt, new), requests_for(papers, prompt, 1)
    rows, length = [], 0
    for dtype in options.dtypes:
        folder = fetch_weights(find_model(options.model), None, dtype, cache)
        rows.append(Row("pipeline loop", dtype, time_loop(folder, dtype, requests, new), 0.0))
        print(rows[-1], flush=True)
        loaded = load_lean(folder, Placement("cpu", dtype, detected=False))
        length = sum(len(loaded.encoder.encode(request)) for request in requests) // len(requests)
        for size in options.sizes:
            both = [time_backend(loaded, options.model, size, part) for part in (requests, ones)]
            rows.append(Row(f"batches of {size}", dtype, *both))
            print(rows[-1], flush=True)
    return rows, len(papers), length


def table(rows: Sequence[Row], number: int) -> str:
    """Markdown: abstracts per minute, the ratio to the loop in the same format, and where the time goes."""
    loops = {row.dtype: row.seconds for row in rows if row.name == "pipeline loop"}
    lines = [
        "| what | dtype | abstracts a minute | times the loop | reading the prompt, s each | writing, s each |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        parts = f"{row.first / number:.2f} | {(row.seconds - row.first) / number:.2f}" if row.first else "- | -"
        ratio, speed = loops[row.dtype] / row.seconds, number / row.seconds * 60
        lines.append(f"| {row.name} | {row.dtype} | {speed:.1f} | {ratio:.2f} | {parts} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--papers", type=Path)
    parser.add_argument("--papers-limit", type=int, default=32)
    parser.add_argument("--new-tokens", type=int, default=64)
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 4, 8, 16, 32])
    parser.add_argument("--dtypes", nargs="+", default=["bfloat16", "float32"])
    parser.add_argument("--machine", default=f"{os.cpu_count()} cores, CPU only")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    cache = Path(tempfile.mkdtemp())
    try:
        rows, number, length = measure(options, cache)
    finally:
        shutil.rmtree(cache)
    text = (
        "# Local backend against a plain pipeline loop\n\n"
        f"{options.machine}; model {options.model}; {number} abstracts, prompts of {length} tokens on average, "
        f"{options.new_tokens} new tokens each.\n\n"
        f"{table(rows, number)}\n"
    )
    print(text)
    if options.output:
        options.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
