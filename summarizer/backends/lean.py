"""Models of the architecture that is computed here (`llama`), on CPUs; all others are left to transformers.

Weights are read matrix by matrix, so that a model in eight bits never takes the memory of one in float32, and the code
of models in transformers, which takes seconds to import, is not needed. Tokenizers are those of transformers.
"""

import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from summarizer.backends.constraint import SchemaGrammar
from summarizer.backends.device import Placement, check_placement, multiplies_bfloat16
from summarizer.backends.encoding import PromptEncoder
from summarizer.backends.generation import Generated, LoadedModel, end_tokens, load_model, written_text
from summarizer.backends.lora import Adapter
from summarizer.backends.pulse import PULSE, Pulse
from summarizer.backends.weights import translate_loading_errors
from summarizer.errors import ModelError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

    from summarizer.backends.continuous import ContinuousDecoder, Written
    from summarizer.backends.llama import Llama

_LOG = logging.getLogger(__name__)

#: Names of the class that is all in `tokenizer.json`.
_GENERAL = frozenset({"TokenizersBackend", "PreTrainedTokenizerFast"})


class LeanModel:
    """A model in memory with its tokenizer, as the local backend asks for it."""

    plain_summarizer = False
    continuous = True

    def __init__(
        self, model: "Llama", tokenizer: "PreTrainedTokenizerBase", context: int, width: int, ends: list[int]
    ) -> None:
        """`context` is how many tokens it takes, `width` how wide its logits are; `ends` are what ends an answer."""
        self.model, self.tokenizer, self.context, self.ends = model, tokenizer, context, ends
        self.encoder = PromptEncoder(tokenizer, None)
        self._grammar = SchemaGrammar(tokenizer, width, ends)

    def decoder(self, slots: int, every: float = PULSE) -> "ContinuousDecoder":
        """A batch that sequences enter and leave; a sign of life `every` seconds."""
        from summarizer.backends.continuous import ContinuousDecoder  # noqa: PLC0415 - it takes torch
        from summarizer.backends.slots import SlotModel  # noqa: PLC0415

        return ContinuousDecoder(SlotModel(self.model, slots), self._grammar, self.ends, Pulse(every))

    def text_of(self, written: "Written") -> Generated:
        """What was written, as text."""
        return written_text(self.tokenizer, written)


def load_lean(folder: Path, placement: Placement, adapter: Path | None = None) -> LeanModel | LoadedModel:
    """Load from a folder with safetensors, and add an adapter to the weights; `ModelError` for what does not load."""
    check_placement(placement)
    from summarizer.backends.llama import FloatProduct, Llama, read_config  # noqa: PLC0415 - it takes torch

    config = read_config(folder) if placement.device == "cpu" else None
    if config is None:
        return load_model(folder, placement, adapter)
    _LOG.info("loading %s on %s in %s", folder.name, placement.device, placement.dtype)
    # Tokenizers that have used threads deadlock in a forked child; nothing here gains from their threads.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import torch  # noqa: PLC0415

    product, sample = cast("Any", FloatProduct), ""
    if placement.dtype == "int8":
        from summarizer.backends.eight_bits import SAMPLE, EightBitProduct  # noqa: PLC0415

        product, sample = EightBitProduct, SAMPLE
    weights_in = getattr(torch, placement.weights)
    attention = torch.bfloat16 if placement.dtype == "int8" and multiplies_bfloat16() else weights_in
    with translate_loading_errors(f"the model in {folder} does not load"), torch.inference_mode():
        tokenizer = _tokenizer(folder)
        weights = _Weights(folder, weights_in, Adapter(adapter) if adapter else None)
        seen = tokenizer(sample)["input_ids"][: config.max_position_embeddings] if sample else []
        model = Llama(config, weights, product, attention, seen)
        ends = end_tokens(_named_ends(folder, config.eos_token_id), tokenizer)
    if weights.adapter:
        weights.adapter.check_used()
    return LeanModel(model, tokenizer, config.max_position_embeddings, config.vocab_size, ends)


class _Weights:
    """The matrices of a folder by their names, from one file or from the parts that its index names."""

    def __init__(self, folder: Path, dtype: "torch.dtype", adapter: Adapter | None) -> None:
        index = folder / "model.safetensors.index.json"
        names = {"model.safetensors"}
        if index.is_file():
            names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        self._folder, self._dtype, self.adapter = folder, dtype, adapter
        self._files: dict[str, Path] = {}
        for name in sorted(names):
            if Path(name).name != name:
                raise ModelError(f"{index}: a part is elsewhere: {name!r}")
            with _opened(folder / name) as file:
                self._files.update(dict.fromkeys(file.keys(), folder / name))

    def __call__(self, name: str, *shape: int) -> "torch.Tensor":
        if name not in self._files:
            # It would have to be drawn at random, and the answers with it.
            raise ModelError(f"the weights in {self._folder} lack parts of the model, for example {name}")
        # Opened for each matrix, and copied: what has been read of an open file stays in memory.
        with _opened(self._files[name]) as file:
            matrix: torch.Tensor = file.get_tensor(name).to(self._dtype, copy=True)
        if matrix.shape != shape:
            raise ModelError(
                f"the weights in {self._folder} have {name} in the shape {tuple(matrix.shape)}, not {shape}"
            )
        return self.adapter.added(name, matrix) if self.adapter else matrix


def _opened(path: Path) -> Any:
    from safetensors import safe_open  # noqa: PLC0415

    return cast("Any", safe_open)(path, framework="pt")


def _tokenizer(folder: Path) -> "PreTrainedTokenizerBase":
    """What `AutoTokenizer` gives, without the seconds that it takes to find the class where the folder names it."""
    settings = folder / "tokenizer_config.json"
    known = settings.is_file() and (folder / "tokenizer.json").is_file()
    if known and json.loads(settings.read_text(encoding="utf-8")).get("tokenizer_class") in _GENERAL:
        from transformers.tokenization_utils_tokenizers import TokenizersBackend  # noqa: PLC0415

        return cast("PreTrainedTokenizerBase", TokenizersBackend.from_pretrained(folder))
    from transformers import AutoTokenizer  # noqa: PLC0415

    return cast("PreTrainedTokenizerBase", AutoTokenizer.from_pretrained(folder, trust_remote_code=False))


def _named_ends(folder: Path, configured: int | list[int] | None) -> int | list[int] | None:
    """By the settings for generation, or else by those of the model."""
    settings = folder / "generation_config.json"
    if not settings.is_file():
        return configured
    named: int | list[int] | None = json.loads(settings.read_text(encoding="utf-8")).get("eos_token_id", configured)
    return named
