"""Matrix products in eight bits, for CPUs: a quarter of the memory, and about twice as fast as in float32.

Weights get a scale for each row of outputs, and what they are multiplied with one for each token, so that the answer
for one paper does not depend on the papers that share its batch. The kernel takes one scale for the whole product: rows
are brought to [-1, 1] before, and that scale is always the same.

Weights have seven bits: without instructions for it, a CPU adds two products in sixteen, and eight times eight bits
would overflow there (https://pytorch.org/docs/stable/quantization.html, `reduce_range`).
"""

import warnings
from typing import Final, cast

import torch

#: Greatest weight: seven bits and the sign.
_MOST: Final = 63
#: Eight bits for [-1, 1]: the size of a step, and which of them is zero.
_STEP, _ZERO = 1 / 127, 128
#: Less than any number that matters, so that a row of zeros can be divided.
_LEAST: Final = 1e-30


class EightBitProduct:
    """Multiplies with a matrix in eight bits, with float32 on both sides."""

    def __init__(self, weight: torch.Tensor) -> None:
        """`weight` is outputs x inputs."""
        weight = weight.detach().float()
        scales = weight.abs().amax(dim=1).clamp_min(_LEAST) / _MOST
        # By hand, which is six times as fast as `quantize_per_channel`.
        steps = (weight / scales[:, None]).round_().to(torch.int8)
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # that this may go, in a later torch
            quantized = torch._make_per_channel_quantized_tensor(  # noqa: SLF001 - there is no public one
                steps, scales.double(), torch.zeros(len(weight), dtype=torch.long), 0
            )
            self._packed = torch.ops.quantized.linear_prepack(quantized, None)

    def __call__(self, states: torch.Tensor, factor: torch.Tensor | None = None) -> torch.Tensor:
        """Of `states` (... x inputs), each multiplied by its factor (... x 1): ... x outputs."""
        rows = states.reshape(-1, states.shape[-1])
        # `linalg.vector_norm` takes eight times as long.
        scales = rows.abs().amax(dim=1, keepdim=True).clamp_min_(_LEAST)
        multiply = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32
        product = cast("torch.Tensor", multiply(rows / scales, _STEP, _ZERO, self._packed))
        product.mul_(scales if factor is None else scales.mul_(factor.view(-1, 1)))
        return product.view(*states.shape[:-1], -1)


class EightBitLinear(torch.nn.Module):
    """A linear layer in eight bits."""

    def __init__(self, linear: torch.nn.Linear) -> None:
        """Take over the weights of a layer, which is not needed any more."""
        super().__init__()
        self._product = EightBitProduct(linear.weight)
        bias: torch.Tensor | None = linear.bias
        self._bias = None if bias is None else bias.detach().float()

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Multiply (... x inputs) to (... x outputs)."""
        product = self._product(states)
        return product if self._bias is None else product.add_(self._bias)


def use_eight_bits(model: torch.nn.Module) -> None:
    """Replace all linear layers of a model in float32."""
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child) is torch.nn.Linear:
                setattr(module, name, EightBitLinear(child))
