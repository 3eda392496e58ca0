"""What the code for Llama here (`summarizer/backends/llama.py`) gains over the modules of transformers, side by side.

In one run and in turn: a step of one more token in so many slots, and the reading of prompts; each figure is the median
of several. And in processes of their own, how long it takes until a model is there, imports included, and the most
memory until then and at the end.

Usage: python benchmarks/local_layers.py [--dtypes NAME...] [--rows N...] [--times N]
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from summarizer.backends.device import Placement
from summarizer.backends.generation import LoadedModel, load_model
from summarizer.backends.lean import LeanModel, load_lean
from summarizer.backends.slots import SlotModel
from summarizer.backends.transformers_decoder import TransformersDecoder
from summarizer.backends.weights import fetch_weights, find_model
from summarizer.settings import Settings

#: Tokens of a prompt, and prompts that are read together.
PROMPT, TOGETHER = 300, 5
#: What loads, in a process that imports nothing else; it prints the most memory and that which is left, in kB.
PROGRAM = """
import sys
from pathlib import Path
from summarizer.backends.device import Placement
from summarizer.backends.{module} import {name} as load
loaded = load(Path(sys.argv[1]), Placement("cpu", sys.argv[2], detected=False))
lines = Path("/proc/self/status").read_text().splitlines()
print(*(line.split()[1] for key in ("VmHWM", "VmRSS") for line in lines if line.startswith(key)))
"""
LOADERS = (("generation", "load_model"), ("lean", "load_lean"))


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--dtypes", nargs="+", default=["float32", "int8"])
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--times", type=int, default=9)
    options = parser.parse_args()
    folder = fetch_weights(find_model("embedded"), None, "float32", Settings().cache_dir)
    print("| what | format | transformers | here | ratio |\n| --- | --- | ---: | ---: | ---: |")
    for dtype in options.dtypes:
        measure(folder, dtype, options.rows, options.times)
        tell_loading(folder, dtype)


@torch.inference_mode()
def measure(folder: Path, dtype: str, rows: list[int], times: int) -> None:
    """Steps and prompts, by both."""
    placement = Placement("cpu", dtype, detected=False)  # type: ignore[arg-type]
    theirs, ours = load_model(folder, placement), load_lean(folder, placement)
    if not isinstance(ours, LeanModel):
        raise SystemExit("the embedded model is not computed here")
    prompt = theirs.tokenizer.encode("The water of the stream is loud and deep. " * 40)[:PROMPT]
    for count in rows:
        both = [_stepper(theirs, prompt, count), _stepper(ours, prompt, count)]
        _tell(f"a step, {count} of {PROMPT} tokens and more, ms", dtype, _in_turn(both, times), 1000)
    both = [_reader(theirs, prompt), _reader(ours, prompt)]
    _tell(f"{TOGETHER} prompts of {PROMPT} tokens, s", dtype, _in_turn(both, max(times // 3, 1)), 1)


def tell_loading(folder: Path, dtype: str) -> None:
    """Seconds and memory of a process that only loads; the better of two runs of each, in turn."""
    found: list[list[tuple[float, float, float]]] = [[], []]
    for _ in range(2):
        for runs, (module, name) in zip(found, LOADERS, strict=True):
            command = [sys.executable, "-c", PROGRAM.format(module=module, name=name), str(folder), dtype]
            begun = time.perf_counter()
            printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            seconds = time.perf_counter() - begun
            most, left = (int(number) / 1e6 for number in printed.split()[-2:])
            runs.append((seconds, most, left))
    for at, what in enumerate(("a process that loads, s", "most memory of it, GB", "memory at its end, GB")):
        _tell(what, dtype, [min(run[at] for run in runs) for runs in found], 1)


def _slots(loaded: LoadedModel | LeanModel) -> SlotModel:
    return SlotModel(TransformersDecoder(loaded.model) if isinstance(loaded, LoadedModel) else loaded.model, 64)


def _stepper(loaded: LoadedModel | LeanModel, prompt: list[int], rows: int) -> Callable[[], object]:
    slots, lengths = _slots(loaded), [len(prompt)] * rows
    for first in range(0, rows, TOGETHER):
        slots.read(first, [prompt] * min(TOGETHER, rows - first))

    def step() -> None:
        slots.advance([5] * rows, lengths)
        lengths[:] = [length + 1 for length in lengths]

    return step


def _reader(loaded: LoadedModel | LeanModel, prompt: list[int]) -> Callable[[], object]:
    slots = _slots(loaded)
    return lambda: slots.read(0, [prompt] * TOGETHER)


def _in_turn(both: list[Callable[[], object]], times: int) -> list[float]:
    """Median seconds of each; the first time is not counted."""
    taken: list[list[float]] = [[] for _ in both]
    for _ in range(times + 1):
        for seconds, call in zip(taken, both, strict=True):
            begun = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - begun)
    return [statistics.median(seconds[1:]) for seconds in taken]


def _tell(what: str, dtype: str, found: list[float], factor: float) -> None:
    theirs, ours = (value * factor for value in found)
    print(f"| {what} | {dtype} | {theirs:.3g} | {ours:.3g} | {theirs / ours:.2f} |", flush=True)


if __name__ == "__main__":
    main()
