"""Matrix products in eight bits, for CPUs: a quarter of the memory, and about twice as fast as in float32.

Weights get a scale for each row of outputs, and what they are multiplied with one for each token, so that the answer
for one paper does not depend on the papers that share its batch. The kernel takes one scale for the whole product, from
the least and the greatest number in it: rows are brought to [-1, 1] before, and one more row holds both ends.

Weights have seven bits: without instructions for it, a CPU adds two products in sixteen, and eight times eight bits
would overflow there (https://pytorch.org/docs/stable/quantization.html, `reduce_range`).
"""

import warnings
from typing import Final, cast

import torch

#: Greatest weight: seven bits and the sign.
_MOST: Final = 63
#: Less than any number that matters, so that a row of zeros can be divided.
_LEAST: Final = 1e-30


class EightBitLinear(torch.nn.Module):
    """A linear layer in eight bits, with float32 on both sides."""

    def __init__(self, linear: torch.nn.Linear) -> None:
        """Take over the weights of a layer, which is not needed any more."""
        super().__init__()
        weight = linear.weight.detach().float()
        scales = weight.abs().amax(dim=1).clamp_min(_LEAST) / _MOST
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # that this may go, in a later torch
            quantized = torch.quantize_per_channel(
                weight, scales.double(), torch.zeros(len(weight), dtype=torch.long), 0, torch.qint8
            )
            self._packed = torch.ops.quantized.linear_prepack(quantized, None)
        bias: torch.Tensor | None = linear.bias
        self._bias = None if bias is None else bias.detach().float()

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Multiply (... x inputs) to (... x outputs)."""
        rows = states.reshape(-1, states.shape[-1])
        scales = torch.linalg.vector_norm(rows, float("inf"), dim=1, keepdim=True).clamp_min_(_LEAST)
        scaled = rows.new_empty(len(rows) + 1, rows.shape[1])
        torch.div(rows, scales, out=scaled[:-1])
        scaled[-1] = 0.0
        scaled[-1, 0], scaled[-1, -1] = 1.0, -1.0
        product = cast("torch.Tensor", torch.ops.quantized.linear_dynamic(scaled, self._packed, False))[:-1]
        product.mul_(scales)
        if self._bias is not None:
            product.add_(self._bias)
        return product.view(*states.shape[:-1], -1)


def use_eight_bits(model: torch.nn.Module) -> None:
    """Replace all linear layers of a model in float32."""
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child) is torch.nn.Linear:
                setattr(module, name, EightBitLinear(child))
