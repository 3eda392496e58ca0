"""Adapters: what `summarizer tune` has made of a model, added to its weights when it is loaded.

Only plain LoRA is read, and only from safetensors: for each matrix two thin ones, whose product is added to it. That is
one line of arithmetic here. The library that trains them would be seconds of imports at each start, and reads pickled
weights where there are no others.
"""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, PositiveFloat, PositiveInt, ValidationError

from summarizer.errors import ModelError
from summarizer.records import first_problem

if TYPE_CHECKING:
    import torch

CONFIGURATION: Final = "adapter_config.json"
WEIGHTS: Final = "adapter_model.safetensors"
#: How peft names the matrices: a prefix, the name in the model, and which of the two it is.
_PREFIX: Final = "base_model.model."
_FIRST, _SECOND = ".lora_A.weight", ".lora_B.weight"
#: Settings of peft with which an adapter is more than two matrices for each, or has changed the base as well, and their
#: harmless values.
_PLAIN: Final[dict[str, tuple[object, ...]]] = {
    "bias": ("none",),
    "fan_in_fan_out": (False,),
    "modules_to_save": (None, []),
    "rank_pattern": (None, {}),
    "alpha_pattern": (None, {}),
    "layer_replication": (None,),
    "use_dora": (False,),
    "use_qalora": (False,),
    "use_bdlora": (None,),
    "lora_bias": (False,),
    "target_parameters": (None, []),
    "trainable_token_indices": (None, []),
    "alora_invocation_tokens": (None,),
    "arrow_config": (None,),
    "velora_config": (None,),
    "monteclora_config": (None,),
    "kasa_config": (None,),
    "init_lora_weights": (True, False, "gaussian", "eva", "orthogonal"),
}


class _Configuration(BaseModel):
    """What of the file is used; the rest is how it was trained."""

    model_config = ConfigDict(frozen=True, extra="allow")

    peft_type: str
    r: PositiveInt
    lora_alpha: PositiveFloat
    use_rslora: bool = False

    @property
    def scale(self) -> float:
        """What the product of the two matrices is multiplied with."""
        return self.lora_alpha / (self.r**0.5 if self.use_rslora else self.r)


def adapter_name(folder: Path) -> str:
    """The name of the folder and a hash of what can change an answer; `ModelError` for a folder without an adapter."""
    digest = hashlib.sha256(f"{_read(folder).scale}\n".encode())
    try:
        digest.update((folder / WEIGHTS).read_bytes())
    except OSError as error:
        raise ModelError(f"adapter {folder}: {WEIGHTS} cannot be read: {error.strerror}") from error
    return f"{folder.resolve().name}@sha256:{digest.hexdigest()[:16]}"


def shape_of(folder: Path) -> tuple[int, float]:
    """Rank and scale of an adapter; `ModelError` for a folder that has none."""
    found = _read(folder)
    return found.r, found.scale


class Adapter:
    """What is added to the matrices of a model, by their names."""

    def __init__(self, folder: Path) -> None:
        """Read it; `ModelError` if it cannot be read, or is no plain LoRA."""
        from safetensors import SafetensorError  # noqa: PLC0415
        from safetensors.torch import load_file  # noqa: PLC0415

        self._folder, self._found = folder, _read(folder)
        try:
            tensors = load_file(folder / WEIGHTS)
        except (OSError, SafetensorError) as error:
            raise ModelError(f"adapter {folder}: {WEIGHTS} cannot be read: {error}") from error
        for key, tensor in tensors.items():
            if not tensor.isfinite().all():
                raise ModelError(f"adapter {folder}: {WEIGHTS} holds what is no number, in {key!r}; train it again")
        self._tensors = {key.removeprefix(_PREFIX): tensor for key, tensor in tensors.items()}

    @property
    def names(self) -> list[str]:
        """Of the matrices that it has something for, and that it has not been added to yet."""
        return sorted({f"{key.removesuffix(_FIRST).removesuffix(_SECOND)}.weight" for key in self._tensors})

    def added(self, name: str, matrix: "torch.Tensor") -> "torch.Tensor":
        """A matrix of the model with what belongs to it; `ModelError` where that has another shape."""
        layer = name.removesuffix(".weight")
        first, second = self._tensors.pop(layer + _FIRST, None), self._tensors.pop(layer + _SECOND, None)
        if first is None and second is None:
            return matrix
        if (
            first is None
            or second is None
            or matrix.ndim != 2
            or (first.shape, second.shape) != ((self._found.r, matrix.shape[1]), (matrix.shape[0], self._found.r))
        ):
            raise self._of_another(layer)
        # In float32: in bfloat16 what is added would vanish in the rounding twice.
        both = (second.float().to(matrix.device), first.float().to(matrix.device))
        return matrix.float().addmm(*both, alpha=self._found.scale).to(matrix.dtype)

    def check_used(self) -> None:
        """`ModelError` if something was for no matrix of the model."""
        for key in self._tensors:
            raise self._of_another(key.removesuffix(_FIRST).removesuffix(_SECOND))

    def _of_another(self, layer: str) -> ModelError:
        return ModelError(f"adapter {self._folder}: is of another model or rank, by {layer!r}")


def add_adapter(model: "torch.nn.Module", folder: Path) -> None:
    """Add an adapter to the weights of a model, in place; `ModelError` if it is of another model, or no plain LoRA."""
    import torch  # noqa: PLC0415

    adapter, matrices = Adapter(folder), dict(model.named_parameters())
    with torch.inference_mode():
        for name in adapter.names:
            if name in matrices:
                matrices[name].copy_(adapter.added(name, matrices[name]))
    adapter.check_used()


def _read(folder: Path) -> _Configuration:
    where = f"adapter {folder}: {CONFIGURATION}"
    try:
        read: dict[str, Any] = json.loads((folder / CONFIGURATION).read_bytes())
        found = _Configuration.model_validate(read)
    except OSError as error:
        raise ModelError(f"{where} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise ModelError(f"{where}: {first_problem(error, 'file')}") from error
    except ValueError as error:
        raise ModelError(f"{where}: is no JSON: {error}") from error
    if found.peft_type != "LORA":
        raise ModelError(f"{where}: only LoRA can be used, and this is {found.peft_type}")
    for name, plain in _PLAIN.items():
        if read.get(name, plain[0]) not in plain:
            raise ModelError(f"{where}: only plain LoRA can be used, and this one has {name!r}")
    return found
