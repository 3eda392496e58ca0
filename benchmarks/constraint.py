"""xgrammar against llguidance on our schema and the embedded model's tokenizer: cost, size, and what they enforce.

Usage: python benchmarks/constraint.py (needs both libraries, and the embedded model)
"""

import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any, NamedTuple

import llguidance
import torch
import xgrammar
from llguidance.hf import from_tokenizer
from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask
from packaging.requirements import Requirement
from transformers import AutoTokenizer

from summarizer.backends.weights import fetch_weights, find_model
from summarizer.prompting import answer_schema, load_prompt


class Contender(NamedTuple):
    """A library with a compiled schema: how long the parts took, and a fresh matcher as (mask, take, done)."""

    name: str
    vocabulary_seconds: float
    compile_seconds: float
    start: Callable[[], tuple[Callable[[], object], Callable[[int], bool], Callable[[], bool]]]


def prepare_llguidance(tokenizer: Any, schema: str) -> Contender:
    """Compile as the local backend does."""
    begun = time.perf_counter()
    vocabulary = from_tokenizer(tokenizer, n_vocab=len(tokenizer), eos_token=tokenizer.eos_token_id)
    read = time.perf_counter()
    grammar = llguidance.LLMatcher.grammar_from_json_schema(schema, overrides={"whitespace_flexible": False})
    matcher = llguidance.LLMatcher(vocabulary, grammar, log_level=0)
    compiled = time.perf_counter()
    bits = allocate_token_bitmask(1, len(tokenizer))

    def start() -> tuple[Callable[[], object], Callable[[int], bool], Callable[[], bool]]:
        one = matcher.deep_copy()
        return lambda: fill_next_token_bitmask(one, bits), one.consume_token, one.is_accepting

    return Contender("llguidance", read - begun, compiled - read, start)


def prepare_xgrammar(tokenizer: Any, schema: str) -> Contender:
    """Compile to compact JSON with its own settings for that."""
    begun = time.perf_counter()
    vocabulary = xgrammar.TokenizerInfo.from_huggingface(tokenizer, vocab_size=len(tokenizer))
    compiler = xgrammar.GrammarCompiler(vocabulary)
    read = time.perf_counter()
    grammar = compiler.compile_json_schema(schema, any_whitespace=False, separators=(",", ":"))
    compiled = time.perf_counter()
    bits = xgrammar.allocate_token_bitmask(1, len(tokenizer))

    def start() -> tuple[Callable[[], object], Callable[[int], bool], Callable[[], bool]]:
        one = xgrammar.GrammarMatcher(grammar)
        return lambda: one.fill_next_token_bitmask(bits), one.accept_token, one.is_completed

    return Contender("xgrammar", read - begun, compiled - read, start)


def accepts(contender: Contender, ids: list[int]) -> bool:
    """Whether the tokens can be written one by one and leave a complete answer."""
    _, take, done = contender.start()
    return all(take(token) for token in ids) and done()


def mask_milliseconds(contender: Contender, ids: list[int]) -> list[float]:
    """What each mask of an answer cost."""
    mask, take, _ = contender.start()
    costs = []
    for token in ids:
        begun = time.perf_counter()
        mask()
        costs.append((time.perf_counter() - begun) * 1e3)
        take(token)
    return costs


def installed_megabytes(name: str, skip: frozenset[str]) -> float:
    """Size on disk of a package with what it needs, without what the local backend has anyway."""
    found: dict[str, Distribution] = {}
    waiting = [name]
    while waiting:
        part = waiting.pop()
        if part.lower() in found or part.lower() in skip:
            continue
        found[part.lower()] = metadata.distribution(part)
        requirements = map(Requirement, metadata.requires(part) or [])
        waiting += [one.name for one in requirements if one.marker is None or one.marker.evaluate({"extra": ""})]
    sizes = [Path(str(file.locate())) for dist in found.values() for file in dist.files or []]
    return sum(path.stat().st_size for path in sizes if path.is_file()) / 1e6


def cases(answer: dict[str, Any]) -> dict[str, tuple[str, bool]]:
    """Texts, each with whether the schema allows it in compact form."""

    def compact(**changes: object) -> str:
        return json.dumps(answer | changes, separators=(",", ":"), ensure_ascii=False)

    return {
        "the answer itself": (compact(), True),
        "longest text (320), not ASCII": (compact(tldr="é" * 320), True),
        "maxLength broken by one": (compact(tldr="x" * 321), False),
        "minLength broken": (compact(tldr=""), False),
        "most items (5)": (compact(tasks=["a"] * 5), True),
        "maxItems broken by one": (compact(tasks=["a"] * 6), False),
        "enum broken": (compact(contribution="novel"), False),
        "space after colons": (json.dumps(answer, separators=(",", ": "), ensure_ascii=False), False),
        "line break between fields": (json.dumps(answer, separators=(",\n", ":"), ensure_ascii=False), False),
        "field added": (compact(more=1), False),
        "field left out": (json.dumps({"tldr": "x"}), False),
    }


def main() -> None:
    """Print one table for cost and one for what is enforced."""
    cache = Path(tempfile.mkdtemp())
    tokenizer: Any = AutoTokenizer.from_pretrained(fetch_weights(find_model("embedded"), None, "bfloat16", cache))
    shutil.rmtree(cache)
    prompt = load_prompt("annotate")
    schema = json.dumps(answer_schema(prompt.vocabulary, prompt.file.limits))
    answer = prompt.file.examples[0].answer.model_dump(mode="json")
    ids = tokenizer.encode(json.dumps(answer, separators=(",", ":")), add_special_tokens=False)
    contenders = [prepare_llguidance(tokenizer, schema), prepare_xgrammar(tokenizer, schema)]
    has_anyway = frozenset({"torch", "transformers", "numpy", "pydantic", "typing-extensions", "typing_extensions"})
    print(f"torch {torch.__version__}, vocabulary {len(tokenizer)}, answer of {len(ids)} tokens\n")
    print("| | version | vocabulary s | compile s | mask ms, median | 99 % | first run: total s | installed MB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for one in contenders:
        first = mask_milliseconds(one, ids)
        costs = sorted(cost for _ in range(5) for cost in mask_milliseconds(one, ids))
        size = installed_megabytes(one.name, has_anyway)
        print(
            f"| {one.name} | {metadata.version(one.name)} | {one.vocabulary_seconds:.2f} | {one.compile_seconds:.3f} "
            f"| {statistics.median(costs):.3f} | {costs[int(len(costs) * 0.99)]:.3f} | {sum(first) / 1e3:.3f} "
            f"| {size:.0f} |"
        )
    print("\n| text | allowed | " + " | ".join(one.name for one in contenders) + " |")
    print("| --- | --- | " + " | ".join("---" for _ in contenders) + " |")
    for name, (text, expected) in cases(answer).items():
        found = [accepts(one, tokenizer.encode(text, add_special_tokens=False)) for one in contenders]
        print(f"| {name} | {'yes' if expected else 'no'} | " + " | ".join("yes" if ok else "no" for ok in found) + " |")


if __name__ == "__main__":
    main()
