"""Which device and number format a model runs in, found out without importing torch (which takes seconds).

The cache key holds the number format, and a run that is wholly cached must not pay for torch.
"""

import ctypes
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal, NamedTuple

from summarizer.errors import ModelError, SettingsError

Device = Literal["cpu", "cuda", "mps"]
Dtype = Literal["float32", "bfloat16", "float16", "int8"]

#: CPU flags that mean matrix products in bfloat16 are done by the hardware; without them they are slower than float32.
BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
#: CPU flag that means products in int8 are added up by the hardware, which is faster than bfloat16 where that is there
#: too. FBGEMM, which torch multiplies with, knows the instructions of AVX-512 alone, and not those of AVX (`avx_vnni`).
EIGHT_BIT_FLAG = "avx512_vnni"
#: CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR of the CUDA driver API.
CAPABILITY_MAJOR = 75


class Placement(NamedTuple):
    """Where a model runs and in which number format; `detected` is false when the device was set by the user."""

    device: Device
    dtype: Dtype
    detected: bool

    @property
    def weights(self) -> Dtype:
        """What weights are loaded in; those in int8 are made of float32 ones."""
        return "float32" if self.dtype == "int8" else self.dtype


def choose_placement(
    device: Literal["auto", "cpu", "cuda", "mps"],
    dtype: Literal["auto", "float32", "bfloat16", "float16", "int8"],
    *,
    eight_bits: bool = False,
) -> Placement:
    """Fill in what is set to `auto`: the fastest device that is there, and the fastest format that is safe on it.

    float16 is never chosen, since it overflows in models that were trained in bfloat16; int8 only with `eight_bits`,
    which says that it was measured what the model loses in it. The choice depends on the machine, so two machines may
    differ; what was chosen is in each record. `SettingsError` for int8 where there is no kernel for it.
    """
    chosen = _detect_device() if device == "auto" else device
    if dtype == "int8" and not (chosen == "cpu" and _has_eight_bits()):
        there = "this CPU is no such one, or does not tell" if chosen == "cpu" else f"this is to run on {chosen}"
        raise SettingsError(f"setting 'dtype': int8 is for x86-64 CPUs with AVX2, and {there}")
    if dtype == "auto":
        fast = eight_bits and chosen == "cpu" and _has_eight_bits() and adds_eight_bits()
        dtype = "int8" if fast else _detect_dtype(chosen)
    return Placement(chosen, dtype, detected=device == "auto")


def check_placement(placement: Placement) -> None:
    """Compare the choice with what torch can do; `ModelError` names the flag to set. Imports torch."""
    try:
        import torch  # noqa: PLC0415
    except ImportError as error:
        raise SettingsError(
            "local models need torch: pip install 'abstract-summarizer[local]', or use --backend hosted"
        ) from error
    usable = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not usable[placement.device]:
        raise ModelError(
            f"this torch ({torch.__version__}) cannot use the device {placement.device!r}: "
            f"set --device cpu, or install a build of torch for {placement.device}"
        )
    if placement.detected and placement.device == "cpu" and usable["cuda"]:
        raise ModelError("torch sees a GPU that was not detected: set --device cuda to use it, or --device cpu")


def _detect_device() -> Device:
    if _torch_may_use_cuda() and _cuda_capability() is not None:
        return "cuda"
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return "mps"
    return "cpu"


def _detect_dtype(device: Device) -> Dtype:
    if device == "cuda":
        # bfloat16 came with compute capability 8; on older GPUs it is emulated.
        return "bfloat16" if (_cuda_capability() or 0) >= 8 else "float32"
    if device == "cpu" and multiplies_bfloat16():
        return "bfloat16"
    return "float32"


def _has_eight_bits() -> bool:
    """Whether this is a CPU that the kernels of torch multiply in int8 on."""
    return platform.machine().lower() in {"x86_64", "amd64"} and "avx2" in _cpu_flags()


def multiplies_bfloat16() -> bool:
    """Whether this CPU has instructions for products in bfloat16."""
    return bool(BFLOAT16_FLAGS & _cpu_flags())


def adds_eight_bits() -> bool:
    """Whether this CPU has instructions that add up products in int8, and torch uses them."""
    return EIGHT_BIT_FLAG in _cpu_flags()


def eight_bit_formats() -> str:
    """What int8 is on this CPU; answers of another one differ."""
    weights = 8 if adds_eight_bits() else 7
    return f"weights in {weights} bits, attention in {'bfloat16' if multiplies_bfloat16() else 'float32'}"


def _torch_may_use_cuda() -> bool:
    try:
        return not version("torch").endswith("+cpu")
    except PackageNotFoundError:
        return False


def _cuda_capability() -> int | None:
    """Major compute capability of the first GPU that the driver shows, or None without one."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    count, major = ctypes.c_int(), ctypes.c_int()
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)) or count.value == 0:
        return None
    if driver.cuDeviceGetAttribute(ctypes.byref(major), CAPABILITY_MAJOR, 0):
        return None
    return major.value


@cache
def _cpu_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    try:
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(flags.partition(":")[2].split())
