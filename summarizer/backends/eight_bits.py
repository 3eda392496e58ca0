"""Matrix products in eight bits, for CPUs: a quarter of the memory, and about twice as fast as in float32.

Weights get a scale for each row of outputs, and what they are multiplied with one for each token, so that the answer
for one paper does not depend on the papers that share its batch. The kernel takes one scale for the whole product: rows
are brought to [-1, 1] before, and that scale is always the same.

A few inputs of a model are many times as great as the others, of every token, and would leave these a few steps of the
scale. So a text is read in float32 first, and what is great there is divided, and its weights multiplied, by the square
root of the ratio of both (SmoothQuant, https://arxiv.org/abs/2211.10438, with its alpha of 0.5).
"""

import warnings
from collections.abc import Callable
from typing import Final, cast

import torch
from torch import nn

from summarizer.backends.device import adds_eight_bits

#: Eight bits for [-1, 1]: the size of a step, and which of them is zero.
_STEP, _ZERO = 1 / 127, 128
#: Less than any number that matters, so that a row of zeros can be divided.
_LEAST: Final = 1e-30
#: An input that was small in the sample may be great elsewhere: none counts as smaller than this share of the mean.
_UNSEEN: Final = 0.25
#: A text of what papers speak of, that shows which inputs are great.
SAMPLE: Final = (
    "Reading rain from a gauge is slow, and gauges are few. We present MoorNet, a network of small sensors that hears "
    "rain as it falls on a thin plate of steel, and a data set of 1,200 hours of sound from 14 stations. We train a "
    "transformer over mel spectrograms with a contrastive loss, so that it needs no labels from the sites where it is "
    "used. On RainBench it lowers the mean absolute error from 1.9 to 1.2 mm per hour compared with a convolutional "
    "baseline, and it is 3.4 times as fast on a microcontroller. We also show that the F1 score of hail detection "
    "rises by 7%, and release code, weights and data.\ntasks hail detection\nmethods MoorNet; transformer; contrastive"
    " loss\ndata RainBench\nmetrics mean absolute error; F1 score"
)


class EightBitProduct:
    """Multiplies with a matrix, with float32 on both sides: in eight bits once it has seen a sample and settled."""

    def __init__(self, weight: torch.Tensor) -> None:
        """`weight` is outputs x inputs."""
        self._weight: torch.Tensor | None = weight.detach().float()
        self._greatest = torch.zeros(weight.shape[1])

    def settle(self) -> None:
        """Bring the weights to eight bits, evened by what has been multiplied with them so far."""
        self._divide: torch.Tensor | None = self._pack()

    def settle_behind(self, norm: torch.Tensor) -> torch.Tensor:
        """The same behind a norm: its weights with the division in them, which then costs nothing."""
        self._divide = None
        return norm / self._pack()

    def _pack(self) -> torch.Tensor:
        """What inputs are to be divided by from now on."""
        divide, weight = _evened(self._greatest, cast("torch.Tensor", self._weight))
        # Without instructions for it, a CPU adds two products in sixteen bits, and eight times eight would overflow
        # there (https://pytorch.org/docs/stable/quantization.html, `reduce_range`).
        most = 127 if adds_eight_bits() else 63
        scales = weight.abs().amax(dim=1).clamp_min(_LEAST) / most
        # By hand, which is six times as fast as `quantize_per_channel`.
        steps = (weight / scales[:, None]).round_().to(torch.int8)
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # that this may go, in a later torch
            quantized = torch._make_per_channel_quantized_tensor(  # noqa: SLF001 - there is no public one
                steps, scales.double(), torch.zeros(len(weight), dtype=torch.long), 0
            )
            self._packed = torch.ops.quantized.linear_prepack(quantized, None)
        self._weight = None
        return divide

    def __call__(self, states: torch.Tensor, factor: torch.Tensor | None = None) -> torch.Tensor:
        """Of `states` (... x inputs), each multiplied by its factor (... x 1): ... x outputs."""
        rows = states.reshape(-1, states.shape[-1])
        if self._weight is not None:
            if factor is not None:
                rows = rows * factor.view(-1, 1)
            self._greatest = torch.maximum(self._greatest, rows.abs().amax(dim=0))
            return nn.functional.linear(rows, self._weight).view(*states.shape[:-1], -1)
        if self._divide is not None:
            rows = rows / self._divide
        # `linalg.vector_norm` takes eight times as long.
        scales = rows.abs().amax(dim=1, keepdim=True).clamp_min_(_LEAST)
        multiply = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32
        product = cast("torch.Tensor", multiply(rows / scales, _STEP, _ZERO, self._packed))
        product.mul_(scales if factor is None else scales.mul_(factor.view(-1, 1)))
        return product.view(*states.shape[:-1], -1)


def _evened(greatest: torch.Tensor, weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What inputs are to be divided by, and the weights multiplied by it. Of what saw nothing, nothing changes."""
    if not greatest.any():
        return torch.ones_like(greatest), weight
    weights = weight.abs().amax(dim=0).clamp_min(_LEAST)
    divide = greatest.maximum(greatest.mean() * _UNSEEN).div_(weights).sqrt_()
    return divide, weight * divide


class EightBitLinear(nn.Module):
    """A linear layer in eight bits."""

    def __init__(self, linear: nn.Linear) -> None:
        """Take over the weights of a layer, which is not needed any more."""
        super().__init__()
        self._product = EightBitProduct(linear.weight)
        self.weight = torch.empty(0)  # T5 asks what format it has
        bias: torch.Tensor | None = linear.bias
        self._bias = None if bias is None else bias.detach().float()

        self.settle = self._product.settle

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Multiply (... x inputs) to (... x outputs)."""
        product = self._product(states)
        return product if self._bias is None else product.add_(self._bias)


def use_eight_bits(model: nn.Module, read: Callable[[], object]) -> None:
    """Replace all linear layers of a model in float32; `read` lets it read a sample."""
    layers = []
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.Linear:
                layers.append(EightBitLinear(child))
                setattr(module, name, layers[-1])
    with torch.inference_mode():
        read()
        for layer in layers:
            layer.settle()
