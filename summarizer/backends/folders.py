"""What a folder or repository has to hold so that a model can be loaded from it without running foreign code."""

import json
import re
from pathlib import Path

from summarizer.backends.lora import CONFIGURATION
from summarizer.errors import ModelError

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack")
#: What is fetched from a hub repository: weights in its top folder, configuration, tokenizer, chat template.
WANTED = re.compile(
    rf"model(-\d+-of-\d+)?\.safetensors|(?!{re.escape(CONFIGURATION)})[^/]+\.(json|model|txt|jinja)|chat_templates/[^/]+\.jinja"
)


def check_folder(folder: Path, name: str) -> None:
    """Refuse a folder that cannot be loaded, with a `ModelError` that begins with `name`."""
    names = [file.name for file in folder.iterdir()]
    check_names(names, name)
    if CONFIGURATION in names:
        # transformers would load that adapter as well, from a pickle if need be, and tell nobody.
        raise ModelError(
            f"{name}: {CONFIGURATION} is beside its weights: take it out, and give adapters with --adapter"
        )
    if not is_whole(folder):
        raise ModelError(f"{name}: model.safetensors, or a part that its index names, is not in {folder}")


def check_names(names: list[str], model: str) -> None:
    """Refuse what cannot be loaded by the names of its files, before anything is fetched or read."""
    if any(WANTED.fullmatch(name) and name.endswith(".safetensors") for name in names):
        if "config.json" not in names:
            raise ModelError(f"{model}: there are weights but no config.json, so the kind of model is not known")
        return
    if pickles := [name for name in names if name.endswith(PICKLES)]:
        raise ModelError(
            f"{model}: has weights only as {pickles[0]}, and loading a pickle can run code: use a model that has "
            "safetensors, or convert this one (load it where you trust it, then save_pretrained)"
        )
    if ggufs := [name for name in names if name.endswith(".gguf")]:
        raise ModelError(f"{model}: has its weights as GGUF: give the path of one file ({ggufs[0]}) to --model")
    raise ModelError(f"{model}: no weights found (model.safetensors, or its parts with an index)")


def is_whole(folder: Path) -> bool:
    """Whether all weights are there (a download may have been broken off)."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return (folder / "model.safetensors").is_file()
    try:
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, AttributeError):
        return False
    return all((folder / shard).is_file() for shard in shards)
