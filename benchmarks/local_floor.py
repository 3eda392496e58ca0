"""What the machine allows: how fast one abstract could be answered if nothing but the model's arithmetic took time.

Measured are matrix products of the model's own shapes, for as many rows as a step of decoding or a prompt has, and the
bandwidth of memory. Counted are the operations and the bytes of the weights that an abstract needs. The floor is the
larger of both times, for prompt and answer each; everything that a backend does besides is above it.

Usage: python benchmarks/local_floor.py [--model ID] [--dtypes float32 bfloat16] [--prompt N] [--answer N]
       [--rows 1 8 48]
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from transformers import PreTrainedModel

from summarizer.backends.device import Placement
from summarizer.backends.generation import load_model
from summarizer.backends.weights import fetch_weights, find_model

#: Seconds that each measurement takes at least.
LONG = 0.5


class Counted(NamedTuple):
    """What one token costs: operations of the layers, operations of the head, operations for each token looked at."""

    layers: float
    head: float
    each_seen: float


class Measured(NamedTuple):
    """Operations a second of the products of all layers for so many rows, and of the head."""

    rows: int
    layers: float
    head: float


def best_seconds(work: Callable[[], object]) -> float:
    """The shortest of many runs: what the machine can do when nothing disturbs it."""
    work()
    best, ends = float("inf"), time.perf_counter() + LONG
    while time.perf_counter() < ends:
        begun = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begun)
    return best


def linears(model: PreTrainedModel) -> tuple[list[torch.nn.Linear], torch.nn.Linear]:
    """The matrices of the layers, and that of the head, which comes last."""
    *layers, head = (part for part in model.modules() if isinstance(part, torch.nn.Linear))
    return layers, head


def measure_products(model: PreTrainedModel, rows: int) -> Measured:
    """Go through the matrices in turn, as a forward pass does, so that weights come from memory and no cache."""
    layers, head = linears(model)
    inputs = {width: torch.randn(rows, width, dtype=model.dtype) for width in {one.in_features for one in layers}}

    def products() -> None:
        for one in layers:
            torch.nn.functional.linear(inputs[one.in_features], one.weight)

    hidden = torch.randn(rows, head.in_features, dtype=model.dtype)
    operations = 2.0 * rows * sum(one.weight.numel() for one in layers)
    return Measured(
        rows,
        operations / best_seconds(products),
        2.0 * rows * head.weight.numel() / best_seconds(lambda: torch.nn.functional.linear(hidden, head.weight)),
    )


def measure_bandwidth() -> float:
    """Bytes a second that are read from memory, by a sum over more than any cache holds."""
    much = torch.ones(2**28, dtype=torch.float32)
    return much.numel() * much.element_size() / best_seconds(much.sum)


def count(model: PreTrainedModel) -> Counted:
    """Two operations for each weight; each token is multiplied with the keys and the values of those it looks at."""
    layers, head = linears(model)
    config = model.config.get_text_config()
    head_width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return Counted(
        2.0 * sum(one.weight.numel() for one in layers),
        2.0 * head.weight.numel(),
        4.0 * head_width * config.num_attention_heads * config.num_hidden_layers,
    )


def main() -> None:
    """Measure, count, and print both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--dtypes", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 8, 16, 32, 48, 64, 256, 1024])
    parser.add_argument("--prompt", type=int, default=230, help="tokens of a prompt that are its own")
    parser.add_argument("--answer", type=int, default=60, help="tokens of an answer")
    options = parser.parse_args()
    cache = Path(tempfile.mkdtemp())
    print(f"{os.cpu_count()} cores; memory is read at {measure_bandwidth() / 1e9:.1f} GB/s")
    try:
        for dtype in options.dtypes:
            folder = fetch_weights(find_model(options.model), None, dtype, cache)
            tell(load_model(folder, Placement("cpu", dtype, detected=False)).model, options)
    finally:
        shutil.rmtree(cache)


def tell(model: PreTrainedModel, options: argparse.Namespace) -> None:
    """Print what one number format comes to."""
    counted, bandwidth = count(model), measure_bandwidth()
    weights = sum(one.weight.numel() * one.weight.element_size() for one in linears(model)[0])
    print(
        f"\n{model.dtype}: {counted.layers / 1e6:.0f} MFLOP a token in the layers, {counted.head / 1e6:.0f} in the "
        f"head, {counted.each_seen / 1e3:.0f} kFLOP for each token looked at; {weights / 1e6:.0f} MB of weights"
    )
    measured = [measure_products(model, rows) for rows in options.rows]
    for one in measured:
        print(f"  {one.rows} rows: layers {one.layers / 1e9:.0f} GFLOP/s, head {one.head / 1e9:.0f} GFLOP/s")
    prompt = options.prompt * (counted.layers + options.prompt / 2 * counted.each_seen) / measured[-1].layers
    print(f"  reading {options.prompt} tokens: {prompt:.3f} s")
    for one in measured:
        seen = options.prompt + options.answer / 2
        products = (counted.layers + seen * counted.each_seen) / one.layers + counted.head / one.head
        streamed = weights / one.rows / bandwidth
        token = max(products, streamed)
        print(
            f"  writing {options.answer} tokens in batches of {one.rows}: {options.answer * token:.3f} s;"
            f" with reading {60 / (prompt + options.answer * token):.0f} abstracts a minute"
        )


if __name__ == "__main__":
    main()
