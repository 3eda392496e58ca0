"""Llama as it is computed here is that of transformers, and what would be another model is left to that library."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from summarizer.backends.device import Placement
from summarizer.backends.generation import LoadedModel
from summarizer.backends.lean import LeanModel, load_lean
from summarizer.backends.llama import _MOST_SCORES, read_config
from summarizer.backends.lora import add_adapter
from summarizer.backends.slots import SlotModel
from summarizer.errors import ModelError
from tests.test_lora import save_adapter
from tests.tiny_models import save_decoder

FLOAT32 = Placement("cpu", "float32", detected=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of random weights, with two heads of queries for each of keys."""
    return save_decoder(tmp_path / "model", "Llama")


def change(folder: Path, name: str = "config.json", **settings: Any) -> None:
    """Change settings of a file; None takes one out."""
    path = folder / name
    kept = json.loads(path.read_text(encoding="utf-8")) | settings
    path.write_text(json.dumps({key: value for key, value in kept.items() if value is not None}), encoding="utf-8")


def lean(folder: Path, placement: Placement = FLOAT32, adapter: Path | None = None) -> LeanModel:
    """The model as it is computed here."""
    loaded = load_lean(folder, placement, adapter)
    assert isinstance(loaded, LeanModel)
    return loaded


def expected(model: Any, tokens: list[int]) -> torch.Tensor:
    """What transformers says comes next."""
    logits: torch.Tensor = model(input_ids=torch.tensor([tokens])).logits[0, -1].float()
    return logits


@torch.inference_mode()
def check(folder: Path, placement: Placement = FLOAT32, adapter: Path | None = None, most: float = 1e-4) -> None:
    """Compare prompts of several lengths, a beginning that is known, and tokens one after the other."""
    theirs: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, placement.weights))
    if adapter:
        add_adapter(theirs, adapter)
    ours = SlotModel(lean(folder, placement, adapter).model, 4)
    long, short = list(range(5, 45)), [*range(5, 12), 3, 2]
    ours.read(3, [long])
    found = ours.read(0, [long, short, long[:20]], ours.prefix(3, long))
    for row, tokens in enumerate((long, short, long[:20])):
        assert torch.allclose(found[row].float(), expected(theirs, tokens), atol=most), row
    for at in range(3):
        found = ours.advance([7 + at, 8 + at], [len(long) + at, len(short) + at])
        for row, tokens in enumerate((long, short)):
            more = [7 + row + step for step in range(at + 1)]
            assert torch.allclose(found[row].float(), expected(theirs, tokens + more), atol=most), (at, row)


def test_logits_are_those_of_transformers(folder: Path) -> None:
    """With padding, with what is copied from another slot, and token by token."""
    check(folder)


@torch.inference_mode()
def test_a_long_prompt_is_looked_at_in_parts(folder: Path) -> None:
    """More scores than may be there at once are never there at once, and change nothing."""
    tokens = [5 + at % 60 for at in range(3_000)]
    theirs = AutoModelForCausalLM.from_pretrained(folder)
    assert len(tokens) ** 2 * theirs.config.num_attention_heads > _MOST_SCORES
    ours = SlotModel(lean(folder).model, 1)
    with torch.profiler.profile(record_shapes=True) as profile:
        found = ours.read(0, [tokens])
    products = [event.input_shapes for event in profile.events() or () if event.name == "aten::bmm"]
    assert max(heads * rows * columns for (heads, rows, _), (_, _, columns) in products) <= _MOST_SCORES
    assert torch.allclose(found[0], expected(theirs, tokens), atol=1e-4)


@pytest.mark.parametrize(
    "settings",
    [
        {"rms_norm_eps": 0.1},
        {"rope_parameters": {"rope_type": "default", "rope_theta": 50.0}},
        {"rope_parameters": None, "rope_theta": 50.0},
        {"rope_parameters": {"rope_type": "default"}, "rope_theta": 50.0},
        {"num_key_value_heads": 2, "head_dim": 8},
        {"tie_word_embeddings": True},
    ],
)
def test_settings_are_those_of_the_model(folder: Path, settings: dict[str, Any]) -> None:
    """Each of them changes the logits, and is followed, also where older files have it elsewhere."""
    change(folder, **settings)
    if settings.get("tie_word_embeddings"):
        weights = load_file(folder / "model.safetensors")
        save_file(
            {name: part for name, part in weights.items() if name != "lm_head.weight"},
            folder / "model.safetensors",
            {"format": "pt"},
        )
    check(folder)


def test_in_bfloat16_it_is_as_near_as_that_is(folder: Path) -> None:
    """Eight bits of a logit; those of these weights are up to about 40."""
    check(folder, Placement("cpu", "bfloat16", detected=False), most=2.0)


#: peft asks transformers for what that has renamed.
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_an_adapter_is_added(folder: Path, tmp_path: Path) -> None:
    """As to a model of transformers; one of another model is refused."""
    adapter = save_adapter(folder, tmp_path / "adapter")
    check(folder, adapter=adapter)
    weights = load_file(adapter / "adapter_model.safetensors")
    other = {name.replace("layers.1.", "layers.7."): part for name, part in weights.items()}
    save_file(other, adapter / "adapter_model.safetensors")
    with pytest.raises(ModelError, match="is of another model"):
        lean(folder, adapter=adapter)


@pytest.mark.parametrize(
    "settings",
    [
        {"architectures": ["MistralForCausalLM"], "model_type": "mistral"},
        {"attention_bias": True},
        {"mlp_bias": True},
        {"hidden_act": "gelu"},
        {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 10_000.0}},
        {"rope_scaling": {"type": "linear", "factor": 2.0}},
        {"quantization_config": {"quant_method": "gptq"}},
        {"num_key_value_heads": 3},
        {"head_dim": 7},
    ],
)
def test_what_is_not_known_here_is_left_to_transformers(folder: Path, settings: dict[str, Any]) -> None:
    """A model that is a little different is not computed as if it were not."""
    change(folder, **settings)
    assert read_config(folder) is None


def test_other_architectures_and_devices_are_loaded_by_transformers(tmp_path: Path) -> None:
    """And not refused."""
    assert isinstance(load_lean(save_decoder(tmp_path, "Mistral"), FLOAT32), LoadedModel)


def test_parts_are_read_by_their_index(folder: Path) -> None:
    """From several files; one that is elsewhere is not opened, and a matrix that is missing is told."""
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = {name: f"model-0000{at % 2 + 1}-of-00002.safetensors" for at, name in enumerate(weights)}
    for file in set(names.values()):
        save_file({name: weights[name] for name in weights if names[name] == file}, folder / file, {"format": "pt"})
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": names}), encoding="utf-8")
    check(folder)
    index.write_text(json.dumps({"weight_map": names | {"lm_head.weight": "../other.safetensors"}}), encoding="utf-8")
    with pytest.raises(ModelError, match="a part is elsewhere"):
        lean(folder)
    (first, *_) = set(names.values())
    index.write_text(json.dumps({"weight_map": {"lm_head.weight": first}}), encoding="utf-8")
    with pytest.raises(ModelError, match="lack parts of the model"):
        lean(folder)


@pytest.mark.parametrize("settings", [{"vocab_size": 9}, {"intermediate_size": 65}, {"head_dim": 4}])
def test_weights_of_another_shape_are_refused(folder: Path, settings: dict[str, Any]) -> None:
    """When the model is loaded, and not with the first paper."""
    change(folder, **settings)
    with pytest.raises(ModelError, match="in the shape"):
        lean(folder)


def test_tokens_are_those_of_the_class_that_a_folder_names(folder: Path) -> None:
    """Whether it is found by its name or known without that."""
    text = "We hear 3.5 streams, “deep” ones.\n</s> ß"
    for name in ("PreTrainedTokenizerFast", "TokenizersBackend", None):
        change(folder, "tokenizer_config.json", tokenizer_class=name)
        theirs = AutoTokenizer.from_pretrained(folder)
        assert lean(folder).tokenizer(text)["input_ids"] == theirs(text)["input_ids"]


def test_an_end_token_is_named_by_the_settings_or_by_the_model(folder: Path) -> None:
    """One or several; that of the tokenizer ends an answer too."""
    change(folder, "generation_config.json", eos_token_id=[3, 4])
    assert lean(folder).ends == [3, 4, 0]
    (folder / "generation_config.json").unlink()
    change(folder, eos_token_id=5)
    assert lean(folder).ends == [5, 0]


def test_the_code_of_models_in_transformers_is_not_imported(folder: Path) -> None:
    """It takes longer than reading the model."""
    program = f"""
import sys
from pathlib import Path
from summarizer.backends.device import Placement
from summarizer.backends.lean import load_lean
load_lean(Path({str(folder)!r}), Placement("cpu", "float32", detected=False))
print("transformers.modeling_utils" in sys.modules)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False"]
