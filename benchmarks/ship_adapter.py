"""Put what `summarizer tune` has made where it ships: in float16, half the size, without paths of where it was made.

Usage: python benchmarks/ship_adapter.py TRAINED
"""

import argparse
import json
import shutil
from pathlib import Path

from safetensors.torch import load_file, save

from summarizer.backends.lora import CONFIGURATION, WEIGHTS
from summarizer.shipped import embedded_adapter

#: Settings of peft that ship; the others have their defaults, or name a folder of the machine.
KEPT = ("peft_type", "task_type", "r", "lora_alpha", "target_modules")
#: Bytes that the weights may have.
MOST = 12_000_000


def main() -> None:
    """Write weights, configuration, card and what it was made of."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("trained", type=Path)
    trained, shipped = parser.parse_args().trained, embedded_adapter()
    halves = {name: matrix.half() for name, matrix in sorted(load_file(trained / WEIGHTS).items())}
    weights = save(halves)
    if len(weights) > MOST:
        raise SystemExit(f"{len(weights):,} bytes are more than {MOST:,}")
    shipped.mkdir(parents=True, exist_ok=True)
    (shipped / WEIGHTS).write_bytes(weights)
    found = json.loads((trained / CONFIGURATION).read_bytes())
    kept = {name: sorted(found[name]) if isinstance(found[name], list) else found[name] for name in KEPT}
    (shipped / CONFIGURATION).write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    for name in ("made.json", "README.md"):
        shutil.copyfile(trained / name, shipped / name)
    print(f"{shipped}: {len(weights):,} bytes")


if __name__ == "__main__":
    main()
