"""What the machine allows: how fast one abstract could be answered if nothing but the model's arithmetic took time.

Measured are matrix products of the model's own shapes, for as many rows as a step of decoding or a prompt has, and the
bandwidth of memory. Counted are the operations and the bytes of the weights that an abstract needs. The floor is the
larger of both times, for prompt and answer each; everything that a backend does besides is above it.

Usage: python benchmarks/local_floor.py [--model ID] [--dtypes float32 bfloat16 int8] [--prompt N] [--answer N]
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
from summarizer.backends.eight_bits import EightBitProduct
from summarizer.backends.generation import load_model
from summarizer.backends.llama import FloatProduct, Product
from summarizer.backends.weights import fetch_weights, find_model

#: Matrices that are one product.
TOGETHER = dict.fromkeys(("q_proj", "k_proj", "v_proj"), "attend") | dict.fromkeys(("gate_proj", "up_proj"), "inner")
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


class Matrix(NamedTuple):
    """A matrix of the model, and whether a norm comes before it."""

    weight: torch.Tensor
    behind: bool


def linears(model: PreTrainedModel) -> tuple[list[Matrix], torch.Tensor]:
    """The matrices of the layers, those of the same inputs as one, and that of the head, which comes last."""
    found: dict[str, list[torch.Tensor]] = {}
    for name, part in model.named_modules():
        if isinstance(part, torch.nn.Linear):
            parent, _, kind = name.rpartition(".")
            found.setdefault(f"{parent}.{TOGETHER.get(kind, kind)}", []).append(part.weight.detach())
    *layers, head = (
        Matrix(torch.cat(matrices) if len(matrices) > 1 else matrices[0], name.endswith(tuple(TOGETHER.values())))
        for name, matrices in found.items()
    )
    return layers, head.weight


def product_of(matrix: Matrix, dtype: str) -> Product:
    """What the backend multiplies with; behind a norm, in eight bits, it divides nothing."""
    product: Product = EightBitProduct(matrix.weight) if dtype == "int8" else FloatProduct(matrix.weight)
    if matrix.behind:
        product.settle_behind(torch.ones(matrix.weight.shape[1]))
    else:
        product.settle()
    return product


def measure_products(matrices: tuple[list[Matrix], torch.Tensor], dtype: str, rows: int) -> Measured:
    """Go through the matrices in turn, as a forward pass does, so that weights come from memory and no cache."""
    layers, head = matrices
    inputs = {width: torch.randn(rows, width, dtype=head.dtype) for width in {one.weight.shape[1] for one in layers}}
    in_turn = [(product_of(one, dtype), inputs[one.weight.shape[1]]) for one in layers]

    def products() -> None:
        for product, given in in_turn:
            product(given)

    last, hidden = product_of(Matrix(head, behind=True), dtype), torch.randn(rows, head.shape[1], dtype=head.dtype)
    operations = 2.0 * rows * sum(one.weight.numel() for one in layers)
    return Measured(
        rows,
        operations / best_seconds(products),
        2.0 * rows * head.numel() / best_seconds(lambda: last(hidden)),
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
        2.0 * head.numel(),
        4.0 * head_width * config.num_attention_heads * config.num_hidden_layers,
    )


def main() -> None:
    """Measure, count, and print both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--dtypes", nargs="+", default=["bfloat16", "int8"])
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 8, 16, 32, 48, 64, 256, 1024])
    parser.add_argument("--prompt", type=int, default=230, help="tokens of a prompt that are its own")
    parser.add_argument("--answer", type=int, default=60, help="tokens of an answer")
    options = parser.parse_args()
    cache = Path(tempfile.mkdtemp())
    print(f"{os.cpu_count()} cores; memory is read at {measure_bandwidth() / 1e9:.1f} GB/s")
    try:
        for dtype in options.dtypes:
            weights = Placement("cpu", dtype, detected=False).weights
            folder = fetch_weights(find_model(options.model), None, weights, cache)
            with torch.inference_mode():
                tell(load_model(folder, Placement("cpu", weights, detected=False)).model, dtype, options)
    finally:
        shutil.rmtree(cache)


def tell(model: PreTrainedModel, dtype: str, options: argparse.Namespace) -> None:
    """Print what one number format comes to."""
    counted, bandwidth = count(model), measure_bandwidth()
    matrices = linears(model)
    size = 1 if dtype == "int8" else model.dtype.itemsize
    weights = size * (sum(one.weight.numel() for one in matrices[0]) + matrices[1].numel())
    print(
        f"\n{dtype}: {counted.layers / 1e6:.0f} MFLOP a token in the layers, {counted.head / 1e6:.0f} in the "
        f"head, {counted.each_seen / 1e3:.0f} kFLOP for each token looked at; {weights / 1e6:.0f} MB of weights"
    )
    measured = [measure_products(matrices, dtype, rows) for rows in options.rows]
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
