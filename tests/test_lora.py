"""Adapters: what is trained apart is added to the weights as its maker would, and nothing else of it is used."""

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from summarizer import Settings, Summarizer
from summarizer.backends.local import LocalBackend
from summarizer.backends.lora import CONFIGURATION, WEIGHTS, adapter_name, add_adapter
from summarizer.errors import ModelError
from summarizer.records import Paper
from tests.tiny_models import save_causal, save_decoder

#: peft asks transformers for what that has renamed.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


def _model(folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder)


def save_adapter(base: Path, folder: Path, **changes: object) -> Path:
    """An adapter of peft with random matrices; `changes` are of its settings."""
    settings: dict[str, Any] = {"r": 4, "lora_alpha": 8, "target_modules": "all-linear", "task_type": "CAUSAL_LM"}
    model = get_peft_model(_model(base), LoraConfig(**(settings | changes)))
    torch.manual_seed(1)
    for name, part in model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(part, std=0.3)
    model.save_pretrained(str(folder))
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of random weights."""
    return save_decoder(tmp_path_factory.mktemp("base"), "Llama")


@pytest.mark.parametrize("scaled", [False, True])
def test_weights_are_those_of_peft(base: Path, tmp_path: Path, scaled: bool) -> None:
    """Adding an adapter gives what the library that made it gives, whichever way it is scaled."""
    folder = save_adapter(base, tmp_path / "adapter", use_rslora=scaled)
    ours = _model(base)
    add_adapter(ours, folder)
    theirs: Any = PeftModel.from_pretrained(_model(base), folder)
    theirs = theirs.merge_and_unload()
    for (name, mine), (_, other) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert torch.allclose(mine, other, atol=1e-6), name
    changed = [not torch.equal(a, b) for a, b in zip(ours.parameters(), _model(base).parameters(), strict=True)]
    assert sum(changed) == 14  # seven matrices of two layers


def _without_weights(folder: Path) -> None:
    (folder / WEIGHTS).unlink()


def _torn(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:100])


def _half(folder: Path) -> None:
    tensors = load_file(folder / WEIGHTS)
    save_file({name: tensor for name, tensor in tensors.items() if "lora_A" in name}, folder / WEIGHTS)


def _flat(folder: Path) -> None:
    tensors = load_file(folder / WEIGHTS)
    save_file({name: tensor.flatten() for name, tensor in tensors.items()}, folder / WEIGHTS)


def _unknown(folder: Path) -> None:
    tensors = load_file(folder / WEIGHTS)
    next(iter(tensors.values()))[0, 0] = torch.nan
    save_file(tensors, folder / WEIGHTS)


def _set(**settings: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / CONFIGURATION
        path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | settings), encoding="utf-8")

    return change


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (_without_weights, f"{WEIGHTS} cannot be read"),
        (_torn, f"{WEIGHTS} cannot be read"),
        (_half, "is of another model"),
        (_set(peft_type="IA3"), "only LoRA can be used, and this is IA3"),
        (_set(use_dora=True), "this one has 'use_dora'"),
        (_set(bias="all"), "this one has 'bias'"),
        (_set(rank_pattern={"q_proj": 8}), "this one has 'rank_pattern'"),
        (_set(alora_invocation_tokens=[1]), "this one has 'alora_invocation_tokens'"),
        (_set(init_lora_weights="pissa"), "this one has 'init_lora_weights'"),
        (_set(r=8), "is of another model or rank"),
        (_flat, "is of another model or rank"),
        (_unknown, "holds what is no number"),
        (_set(r=0), "r: Input should be greater than 0"),
        (lambda folder: (folder / CONFIGURATION).write_text("{", encoding="utf-8"), "is no JSON"),
    ],
)
def test_what_is_no_plain_adapter_is_refused(
    base: Path, tmp_path: Path, change: Callable[[Path], object], problem: str
) -> None:
    """Each is a `ModelError` with the folder and what is wrong."""
    folder = save_adapter(base, tmp_path / "adapter")
    change(folder)
    with pytest.raises(ModelError, match="adapter") as raised:
        add_adapter(_model(base), folder)
    assert problem in str(raised.value)


def test_modules_that_a_configuration_names_are_not_imported(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever `megatron_core` says, which is the name of a module."""
    (tmp_path / "of_a_stranger.py").write_text("from pathlib import Path\nPath(__file__ + '.ran').touch()\n")
    monkeypatch.syspath_prepend(tmp_path)
    folder = save_adapter(base, tmp_path / "adapter")
    _set(megatron_config={"a": 1}, megatron_core="of_a_stranger")(folder)
    add_adapter(_model(base), folder)
    assert not (tmp_path / "of_a_stranger.py.ran").exists()
    importlib.import_module("of_a_stranger")
    assert (tmp_path / "of_a_stranger.py.ran").exists()


def test_pickled_weights_are_not_read(base: Path, tmp_path: Path) -> None:
    """Where there are no others there is no adapter."""
    folder = save_adapter(base, tmp_path / "adapter")
    torch.save(load_file(folder / WEIGHTS), folder / "adapter_model.bin")
    (folder / WEIGHTS).unlink()
    with pytest.raises(ModelError, match=f"{WEIGHTS} cannot be read"):
        add_adapter(_model(base), folder)


def test_the_name_of_an_adapter_follows_what_changes_answers(base: Path, tmp_path: Path) -> None:
    """Weights and scale, and not where it was made or with which version."""
    folder = save_adapter(base, tmp_path / "adapter")
    name = adapter_name(folder)
    _set(base_model_name_or_path="elsewhere", peft_version="9", target_modules=["v_proj"])(folder)
    assert adapter_name(folder) == name
    _set(lora_alpha=9)(folder)
    assert adapter_name(folder) != name


def test_an_adapter_of_another_model_is_refused(base: Path, tmp_path: Path) -> None:
    """Matrices of another shape are not added to whatever has their name."""
    folder = save_adapter(base, tmp_path / "adapter")
    (tmp_path / "other").mkdir()
    with pytest.raises(ModelError, match="is of another model"):
        add_adapter(_model(save_causal(tmp_path / "other")), folder)


def test_answers_are_those_of_the_adapter(base: Path, tmp_path: Path, make_paper: Callable[..., Paper]) -> None:
    """A run with it has its name and hash, another key and another answer, and asks in lines unless told otherwise."""
    folder = save_adapter(base, tmp_path / "rivers")
    plain = Settings(model=str(base), device="cpu", dtype="float32", prompt="lines", max_tokens=100, cache=False)
    tuned = plain.model_copy(update={"adapter": folder})
    first, second = (next(iter(Summarizer(one).run([make_paper()]))) for one in (plain, tuned))
    assert first.provenance is not None
    assert second.provenance is not None
    assert first.provenance.adapter is None
    assert second.provenance.adapter == adapter_name(folder)
    assert str(second.provenance.adapter).startswith("rivers@sha256:")
    assert first.provenance.key != second.provenance.key
    assert (first.tldr, first.failure) != (second.tldr, second.failure)
    assert Settings(adapter=folder).prompt_name == "lines"
    assert Settings(adapter=folder, backend="hosted", model="m").prompt_name == "annotate"
    assert LocalBackend(tuned).identity.adapter == second.provenance.adapter
