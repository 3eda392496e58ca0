"""Products in eight bits: near those in float32, and of each row for itself."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from summarizer.backends import device
from summarizer.backends.device import Dtype, Placement, choose_placement
from summarizer.backends.eight_bits import EightBitLinear
from summarizer.backends.lean import load_lean
from summarizer.backends.local import LocalBackend
from summarizer.completion import Completion, Request
from summarizer.errors import SettingsError
from summarizer.settings import Settings
from tests.tiny_models import save_decoder, save_summarizer

#: Elsewhere int8 is refused, which the last test shows on every machine.
needs_kernel = pytest.mark.skipif(
    not device._has_eight_bits(), reason="torch has its kernels for int8 on x86-64 CPUs with AVX2"
)


def eight(linear: torch.nn.Linear, sample: torch.Tensor | None = None) -> torch.nn.Module:
    """The same layer in eight bits, which has seen a sample before."""
    layer = EightBitLinear(linear)
    if sample is not None:
        assert torch.allclose(layer(sample), linear(sample), atol=1e-5)
    layer.settle()
    return layer


@needs_kernel
@pytest.mark.parametrize("bias", [False, True])
@torch.inference_mode()
def test_products_are_near_those_in_float32(bias: bool) -> None:
    """Rows of very different sizes are each off by about a hundredth of themselves, also next to one another."""
    torch.manual_seed(0)
    layer = torch.nn.Linear(64, 40, bias=bias)
    rows = torch.randn(3, 5, 64) * torch.logspace(-3, 3, 5)[None, :, None]
    found, expected = eight(layer)(rows), layer(rows)
    assert found.shape == expected.shape
    assert float(((found - expected).norm(dim=-1) / expected.norm(dim=-1)).max()) < 0.03


@needs_kernel
@torch.inference_mode()
def test_what_is_great_in_a_sample_leaves_room_for_the_rest() -> None:
    """An input that is always a hundred times as great as others costs them little, if one like it was seen."""
    torch.manual_seed(0)
    layer = torch.nn.Linear(64, 40, bias=False)
    great = torch.ones(64)
    great[7] = 100.0
    layer.weight.div_(great)  # it says no more than others do
    rows = torch.randn(200, 64) * great
    expected = layer(rows[100:])
    blind, sighted = (eight(layer, sample)(rows[100:]) for sample in (None, rows[:100]))
    assert float((sighted - expected).norm()) < float((blind - expected).norm()) / 4


@needs_kernel
@torch.inference_mode()
def test_what_a_sample_lacked_stays_near() -> None:
    """Inputs that were zero in it are off by no more than others."""
    torch.manual_seed(0)
    layer = torch.nn.Linear(64, 40, bias=False)
    sample, rows = torch.randn(50, 64), torch.randn(50, 64)
    sample[:, :8] = 0.0
    expected = layer(rows)
    found = eight(layer, sample)(rows)
    assert float(((found - expected).norm(dim=-1) / expected.norm(dim=-1)).max()) < 0.03


@needs_kernel
@torch.inference_mode()
def test_a_row_does_not_depend_on_the_others() -> None:
    """What is beside it changes no bit, however great that is; a row of zeros gives zeros."""
    torch.manual_seed(0)
    layer = eight(torch.nn.Linear(64, 40, bias=False))
    rows = torch.randn(6, 64)
    together = layer(torch.cat([rows, torch.full((1, 64), 1e6), torch.zeros(1, 64)]))
    assert torch.equal(together[:6], layer(rows))
    assert torch.equal(together[2], layer(rows[2]))
    assert torch.equal(together[-1], torch.zeros(40))


@needs_kernel
@torch.inference_mode()
def test_the_greatest_weights_and_states_do_not_overflow() -> None:
    """Sums in sixteen bits, as CPUs without instructions for it make them, have room for two products."""
    layer = torch.nn.Linear(512, 16, bias=False)
    layer.weight.fill_(1.0)
    rows = torch.ones(4, 512)
    assert torch.allclose(eight(layer)(rows), torch.full((4, 16), 512.0), rtol=0.01)


@needs_kernel
@pytest.mark.parametrize("kind", ["Llama", "Qwen3"])
def test_a_model_in_eight_bits_keeps_to_the_schema_in_any_batch(
    kind: str, tmp_path: Path, make_request: Callable[..., Request]
) -> None:
    """An answer is the same alone and beside others, computed here or by transformers."""
    model = save_decoder(tmp_path, kind)
    schema = json.dumps({"type": "object", "properties": {"kind": {"type": "string", "maxLength": 20}},
                         "required": ["kind"], "additionalProperties": False})  # fmt: skip
    requests = [make_request(str(at), schema_text=schema, abstract="Deep. " * at) for at in range(1, 9)]
    answers = []
    for size in (1, 4, 8):
        backend = LocalBackend(Settings(model=str(model), device="cpu", dtype="int8", batch_size=size))
        assert backend.identity.dtype == "int8"
        outcomes = list(backend.complete(requests))
        answers.append({one.request_id: one.text for one in outcomes if isinstance(one, Completion)})
    assert len(answers[0]) == len(requests)
    assert all(list(json.loads(answer)) == ["kind"] for answer in answers[0].values())
    assert len(set(answers[0].values())) > 1  # else a row could have that of another
    assert answers[0] == answers[1] == answers[2]


@needs_kernel
@pytest.mark.parametrize("kind", ["Llama", "Qwen3"])
def test_a_model_reads_a_sample_before_it_is_in_eight_bits(kind: str, tmp_path: Path) -> None:
    """A great input of every layer, whose weights are as small, leaves the logits near those in float32."""
    folder = save_decoder(tmp_path, kind)
    weights = load_file(folder / "model.safetensors")
    for name, matrix in weights.items():
        if "layernorm" in name:
            matrix[3] *= 30
        elif name.split(".")[-2] in ("q_proj", "k_proj", "v_proj", "gate_proj", "up_proj"):
            matrix[:, 3] /= 30
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    found = []
    formats: tuple[Dtype, ...] = ("float32", "int8")
    for dtype in formats:
        model = load_lean(folder, Placement("cpu", dtype, detected=False)).decoder(1)._model
        with torch.inference_mode():
            found.append(model.read(0, [list(range(5, 45))])[0].float())
    assert float((found[1] - found[0]).norm() / found[0].norm()) < 0.14


@needs_kernel
@pytest.mark.parametrize("kind", ["bart", "t5"])
def test_a_model_that_only_summarizes_runs_in_eight_bits(
    kind: str, tmp_path: Path, make_request: Callable[..., Request]
) -> None:
    """Encoder and decoder both read the sample."""
    model = save_summarizer(tmp_path, kind)
    backend = LocalBackend(Settings(model=str(model), device="cpu", dtype="int8"))
    (answer,) = backend.complete([make_request("one")])
    assert isinstance(answer, Completion)


def test_eight_bits_are_for_cpus() -> None:
    """On other devices they are refused, with where they can be used."""
    with pytest.raises(SettingsError, match="int8 is for x86-64 CPUs with AVX2, and this is to run on cuda"):
        choose_placement("cuda", "int8")
