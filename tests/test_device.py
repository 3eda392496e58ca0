"""Devices and number formats: found without torch, and compared with it before anything is loaded."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from summarizer.backends.device import Device, Placement, check_placement, choose_placement
from summarizer.backends.local import LocalBackend
from summarizer.completion import Request
from summarizer.errors import ModelError
from summarizer.settings import Settings
from tests.tiny_models import save_gguf

#: A device that no machine of this system has.
MISSING: Device = "cuda" if sys.platform == "darwin" else "mps"


@pytest.mark.parametrize("device", ["cpu", "cuda", "mps"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_explicit_settings_win(device: str, dtype: str) -> None:
    """What the user set is not second-guessed."""
    assert choose_placement(device, dtype) == Placement(device, dtype, detected=False)  # type: ignore[arg-type]


def test_choice_needs_no_torch_and_agrees_with_it() -> None:
    """The device is chosen without importing torch, and torch can use it."""
    program = (
        "import sys; from summarizer.backends.device import choose_placement\n"
        "print(choose_placement('auto', 'auto').device, 'torch' in sys.modules)"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    usable = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert output.split() == [usable, "False"]
    check_placement(choose_placement("auto", "auto"))


def test_cpu_computes_in_bfloat16_only_where_it_is_fast() -> None:
    """On a CPU, bfloat16 is chosen exactly when the CPU has instructions for it; float16 is never chosen."""
    cpuinfo = Path("/proc/cpuinfo")
    words = cpuinfo.read_text(encoding="utf-8").split() if cpuinfo.exists() else []
    fast = "avx512_bf16" in words or "amx_bf16" in words
    assert choose_placement("cpu", "auto").dtype == ("bfloat16" if fast else "float32")


def test_int8_is_chosen_for_what_was_measured_in_it_where_it_is_fastest() -> None:
    """Where the CPU adds up products of eight bits by itself, and nowhere else; what is set explicitly stays."""
    cpuinfo = Path("/proc/cpuinfo")
    words = cpuinfo.read_text(encoding="utf-8").split() if cpuinfo.exists() else []
    fast = "avx2" in words and "avx512_vnni" in words
    assert (choose_placement("cpu", "auto", eight_bits=True).dtype == "int8") == fast
    assert choose_placement("cuda", "auto", eight_bits=True).dtype != "int8"
    assert choose_placement("cpu", "bfloat16", eight_bits=True).dtype == "bfloat16"
    expected = "int8" if fast else choose_placement("cpu", "auto").dtype
    assert LocalBackend(Settings(device="cpu")).identity.dtype == expected
    assert LocalBackend(Settings(device="cpu", shipped_adapter=False)).identity.dtype != "int8"


def test_device_that_torch_cannot_use_names_the_flag() -> None:
    """A device that was asked for and cannot be used is an error that says which flag helps."""
    with pytest.raises(ModelError, match=f"cannot use the device '{MISSING}': set --device cpu, or install"):
        check_placement(Placement(MISSING, "float32", detected=False))


def test_device_is_checked_before_a_file_is_unpacked(tmp_path: Path, make_request: Callable[..., Request]) -> None:
    """A device that is not there is an error before half a minute goes into making a GGUF file ready for it."""
    model = save_gguf(tmp_path / "tiny.gguf")
    backend = LocalBackend(Settings(model=str(model), device=MISSING, cache_dir=tmp_path / "cache"))
    with pytest.raises(ModelError, match=f"cannot use the device '{MISSING}'"):
        list(backend.complete([make_request()]))
    assert not (tmp_path / "cache" / "models").exists()
