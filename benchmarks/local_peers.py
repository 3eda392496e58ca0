"""How fast the embedded model answers here with its adapter, beside what people would run instead.

Same papers, same weights (adapter added), same prompts token by token, greedy, each answer until it ends; each
contender alone in a process, loading not counted:

- ours: the local backend, whose answers are held to lines with the words of each paper;
- loop: `pipeline("text-generation")`, one after the other, held to the same by a logits processor;
- generate: `generate` in batches of like length, held to the same by a logits processor;
- llama.cpp: its server with so many slots and continuous batching, held to the same lines and to runs of whole words of
  each paper, by a rule of its grammar for each word; lengths of texts are left out, since it takes long for them.

The GGUF of llama.cpp is made from the folder of `--save`, by its own `convert_hf_to_gguf.py`.

Usage: python benchmarks/local_peers.py PAPERS --save FOLDER
       python benchmarks/local_peers.py PAPERS --tuned FOLDER [--llama-server PROGRAM] CONTENDER...
       where a contender is ours/int8/32, loop/bfloat16, generate/bfloat16/32 or llama.cpp/FILE/32
"""

import argparse
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from summarizer import read_papers
from summarizer.backends.constraint import Form, SchemaConstraint, SchemaGrammar
from summarizer.backends.device import Placement
from summarizer.backends.encoding import PromptEncoder
from summarizer.backends.generation import load_model
from summarizer.backends.local import LocalBackend
from summarizer.backends.weights import fetch_weights, find_model
from summarizer.completion import Completion, Decoding, Identity, Request
from summarizer.lines import LABELS
from summarizer.prompting import Renderer, load_prompt
from summarizer.records import Paper
from summarizer.settings import Settings

ROOM = 640
#: Seconds until the server of llama.cpp has to answer.
PATIENCE = 120
LIMITS = load_prompt("lines").file.limits
#: The lines, in the dialect of llama.cpp, with `name` left open.
GRAMMAR = "\n".join(
    (
        r"root ::= [^\n]+ " + " ".join(rf'"\n{label}" {label}' for label in LABELS),
        *(
            f'{label} ::= (" " name ("; " name){{0,{most - 1}}})?'
            for label, most in zip(LABELS, (LIMITS.tasks, LIMITS.methods, LIMITS.datasets, LIMITS.metrics), strict=True)
        ),
    )
)
#: A word, with the signs behind it up to the next one.
WORD = re.compile(r"(\w+)(\W*)")
#: Texts and tokens of answers, and the seconds for all.
Answers = tuple[list[str], int, float]


def main() -> None:
    """Measure each contender in a process of its own, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("papers", type=Path)
    parser.add_argument("contenders", nargs="*", metavar="CONTENDER")
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="write the weights with the adapter, and end")
    parser.add_argument("--tuned", type=Path, metavar="FOLDER", help="weights with the adapter")
    parser.add_argument("--llama-server", type=Path, metavar="PROGRAM")
    parser.add_argument("--limit", type=int, help="papers")
    parser.add_argument("--only", action="store_true", help="measure one contender here, and print its answers")
    options = parser.parse_intermixed_args()
    if options.save:
        save_tuned(options.save)
        return
    if any(not name.startswith("ours/") for name in options.contenders) and not options.tuned:
        parser.error("--tuned is needed")
    if any(name.startswith("llama.cpp/") for name in options.contenders) and not options.llama_server:
        parser.error("--llama-server is needed")
    requests = requests_of(options.papers, options.limit)
    if options.only:
        (name,) = options.contenders
        texts, tokens, seconds = answer(name, requests, options)
        print(json.dumps({"texts": texts, "tokens": tokens, "seconds": seconds}))
        return
    print(f"{len(requests)} papers, {os.cpu_count()} cores\n", flush=True)
    print("| what | abstracts a minute | ours is so many times as fast | tokens of an answer | in five lines |")
    print("| --- | ---: | ---: | ---: | ---: |", flush=True)
    first = 0.0
    for name in options.contenders:
        found = json.loads(
            subprocess.run(_command(name, options), stdout=subprocess.PIPE, text=True, check=True).stdout
        )
        if len(found["texts"]) != len(requests):
            raise SystemExit(f"{name}: {len(found['texts'])} answers for {len(requests)} papers")
        speed = 60 * len(requests) / found["seconds"]
        first = first or speed
        lines = sum(text.count("\n") == len(LABELS) for text in found["texts"])
        tokens = found["tokens"] / len(requests)
        print(f"| {name} | {speed:.1f} | {first / speed:.2f} | {tokens:.0f} | {lines} |", flush=True)


def _command(name: str, options: argparse.Namespace) -> list[str]:
    """The call that measures one contender."""
    given = {"--tuned": options.tuned, "--llama-server": options.llama_server, "--limit": options.limit}
    flags = [word for flag, value in given.items() if value is not None for word in (flag, str(value))]
    return [sys.executable, __file__, str(options.papers), name, *flags, "--only"]


def save_tuned(folder: Path) -> None:
    """Write the embedded model with its adapter added, in float32, as every other program can load it."""
    settings = Settings()
    weights = fetch_weights(find_model("embedded"), None, "float32", settings.cache_dir)
    loaded = load_model(weights, Placement("cpu", "float32", detected=False), settings.used_adapter)
    loaded.model.generation_config.eos_token_id = loaded.ends
    loaded.model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)


def requests_of(path: Path, limit: int | None) -> list[Request]:
    """What a run would ask."""
    renderer = Renderer(
        load_prompt("lines"), "English", Decoding(max_tokens=ROOM), Identity(backend="local", model="any")
    )
    return [renderer.request(paper) for paper in read_papers(path, limit=limit) if isinstance(paper, Paper)]


def answer(name: str, requests: Sequence[Request], options: argparse.Namespace) -> Answers:
    """The answers of one contender."""
    kind, _, how = name.partition("/")
    if kind == "loop":
        return _loop(requests, how, options.tuned)
    what, _, size = how.rpartition("/")
    if kind == "ours":
        return _ours(requests, what, int(size))
    if kind == "generate":
        return _generate(requests, what, int(size), options.tuned)
    return _llama(requests, Path(what), int(size), options)


def _ours(requests: Sequence[Request], dtype: str, slots: int) -> Answers:
    backend = LocalBackend(Settings.model_validate({"dtype": dtype, "device": "cpu", "batch_size": slots}))
    list(backend.complete(requests[:1]))
    begun = time.perf_counter()
    outcomes = list(backend.complete(requests))
    seconds = time.perf_counter() - begun
    answers = [one for one in outcomes if isinstance(one, Completion)]
    return [one.text for one in answers], sum(one.tokens.completion for one in answers), seconds


def _loop(requests: Sequence[Request], dtype: str, folder: Path) -> Answers:
    transformers: Any = import_module("transformers")
    generator = transformers.pipeline("text-generation", model=str(folder), dtype=dtype, device="cpu")

    held = _held(generator.model, generator.tokenizer)

    def ask(request: Request) -> str:
        messages = [message.model_dump() for message in request.messages]
        found = generator(
            messages, max_new_tokens=ROOM, do_sample=False, return_full_text=False, logits_processor=held([request])
        )
        return str(found[0]["generated_text"])

    ask(requests[0])
    begun = time.perf_counter()
    texts = [ask(request) for request in requests]
    seconds = time.perf_counter() - begun
    return texts, sum(len(generator.tokenizer.encode(text)) + 1 for text in texts), seconds


def _generate(requests: Sequence[Request], dtype: str, size: int, folder: Path) -> Answers:
    torch: Any = import_module("torch")
    transformers: Any = import_module("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, padding_side="left")
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    encoder, held = PromptEncoder(tokenizer, None), _held(model, tokenizer)

    def ask(part: Sequence[Request]) -> list[list[int]]:
        batch = tokenizer.pad({"input_ids": [encoder.encode(request) for request in part]}, return_tensors="pt")
        with torch.inference_mode():
            output = model.generate(**batch, max_new_tokens=ROOM, do_sample=False, logits_processor=held(part))
        return [row.tolist() for row in output[:, batch["input_ids"].shape[1] :]]

    ask(requests[:size])
    begun = time.perf_counter()
    ordered = sorted(requests, key=lambda request: len(encoder.encode(request)))
    rows = [row for start in range(0, len(ordered), size) for row in ask(ordered[start : start + size])]
    seconds = time.perf_counter() - begun
    texts = [tokenizer.decode(row, skip_special_tokens=True) for row in rows]
    return texts, sum(len(tokenizer.encode(text)) + 1 for text in texts), seconds


def _held(model: Any, tokenizer: Any) -> Callable[[Sequence[Request]], list[SchemaConstraint]]:
    """What holds a batch of answers to the lines and words of their papers."""
    ends = model.generation_config.eos_token_id
    grammar = SchemaGrammar(tokenizer, model.config.vocab_size, ends if isinstance(ends, list) else [ends])

    def held(requests: Sequence[Request]) -> list[SchemaConstraint]:
        return [grammar.constraint([Form(one.schema_text, one.title, one.abstract) for one in requests])]

    return held


def _llama(requests: Sequence[Request], gguf: Path, slots: int, options: argparse.Namespace) -> Answers:
    tokenizer = import_module("transformers").AutoTokenizer.from_pretrained(options.tuned)
    encoder = PromptEncoder(tokenizer, None)
    prompts = [(encoder.encode(request), _with_words(request)) for request in requests]
    room = max(len(tokens) for tokens, _ in prompts) + ROOM
    with _server(options.llama_server, gguf, slots, room) as ask, ThreadPoolExecutor(slots) as threads:
        ask(prompts[0])
        begun = time.perf_counter()
        found = list(threads.map(ask, prompts))
        seconds = time.perf_counter() - begun
    return [one["content"] for one in found], sum(one["tokens_predicted"] for one in found), seconds


def _with_words(request: Request) -> str:
    """The grammar of one paper: a name begins with any of its words, and each word may be followed by the next."""
    rules, starts = [GRAMMAR], []
    for part, text in enumerate((request.title, request.abstract)):
        words = WORD.findall(" ".join(text.split()))
        for at, (word, gap) in enumerate(words):
            more = f" ({json.dumps(gap, ensure_ascii=False)} w{part}-{at + 1})?" if at + 1 < len(words) else ""
            rules.append(f"w{part}-{at} ::= {json.dumps(word, ensure_ascii=False)}{more}")
            starts.append(f"w{part}-{at}")
    return "\n".join((*rules, f"name ::= {' | '.join(starts)}"))


@contextmanager
def _server(program: Path, gguf: Path, slots: int, room: int) -> Iterator[Callable[[tuple[list[int], str]], Any]]:
    """Start it, and give what asks it for the answer to a prompt and its grammar."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    flags = ["--parallel", slots, "--ctx-size", slots * room, "--threads", os.cpu_count() or 1, "--port", port]
    command = [str(program), "--model", str(gguf), "--cont-batching", *map(str, flags)]

    def request(method: str, path: str, body: str | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request(method, path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()

    def ask(asked: tuple[list[int], str]) -> Any:
        tokens, grammar = asked
        wanted = {"prompt": tokens, "grammar": grammar, "temperature": 0, "n_predict": ROOM, "cache_prompt": True}
        status, body = request("POST", "/completion", json.dumps(wanted))
        if status != http.client.OK:
            raise SystemExit(f"llama.cpp: {status}: {body[:200]!r}")
        return json.loads(body)

    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(PATIENCE):
            try:
                if request("GET", "/health")[0] == http.client.OK:
                    break
            except OSError:
                pass
            time.sleep(1)
        else:
            raise SystemExit("llama.cpp: the server does not answer")
        yield ask
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
