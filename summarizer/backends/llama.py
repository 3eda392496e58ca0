"""Llama in fewer operations, for CPUs; most small open models are of this architecture.

Beside its seven products a layer of transformers has many small operations, which take as long as those where rows are
few and products are in eight bits; importing its code takes as long as importing torch. Here queries, keys and values
are one product, and so are gate and up; of a norm there is one factor for each token left, which goes into the product
behind it; and attention is two products for all heads that share their keys, since kernels for attention take twice as
long where each sequence has one new token, and gain nothing from bfloat16. The architecture is that of Touvron et al.
2023 (https://arxiv.org/abs/2302.13971), with queries in groups (https://arxiv.org/abs/2305.13245).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, Protocol

import torch
from pydantic import BaseModel, ConfigDict, PositiveFloat, PositiveInt, ValidationError
from torch import nn

from summarizer.backends.slots import SlotCache

#: Scores of attention that are there at once, at most.
_MOST_SCORES: Final = 2**24


class _Rotary(BaseModel):
    """How positions turn queries and keys."""

    model_config = ConfigDict(extra="forbid")

    rope_type: Literal["default"] = "default"
    rope_theta: PositiveFloat | None = None


class LlamaConfig(BaseModel):
    """What of `config.json` is used, with the defaults of transformers; what is refused here is not computed here."""

    architectures: tuple[Literal["LlamaForCausalLM"]]
    vocab_size: PositiveInt = 32_000
    hidden_size: PositiveInt = 4_096
    intermediate_size: PositiveInt = 11_008
    num_hidden_layers: PositiveInt = 32
    num_attention_heads: PositiveInt = 32
    num_key_value_heads: PositiveInt | None = None
    head_dim: PositiveInt | None = None
    max_position_embeddings: PositiveInt = 2_048
    rms_norm_eps: PositiveFloat = 1e-6
    tie_word_embeddings: bool = False
    rope_parameters: _Rotary | None = None
    rope_theta: PositiveFloat = 10_000.0
    # Whatever is more than that.
    hidden_act: Literal["silu"] = "silu"
    attention_bias: Literal[False] = False
    mlp_bias: Literal[False] = False
    rope_scaling: None = None
    quantization_config: None = None
    pretraining_tp: Literal[1] = 1
    eos_token_id: int | list[int] | None = None

    @property
    def width(self) -> int:
        """Of a head."""
        return self.head_dim or self.hidden_size // self.num_attention_heads

    @property
    def shared_heads(self) -> int:
        """Heads of keys and values, each of which serves as many of queries."""
        return self.num_key_value_heads or self.num_attention_heads

    @property
    def theta(self) -> float:
        """Base of the wavelengths of positions."""
        inner = self.rope_parameters.rope_theta if self.rope_parameters else None
        return inner or self.rope_theta


def read_config(folder: Path) -> LlamaConfig | None:
    """The configuration of a model that can be computed here; None for every other."""
    try:
        config = LlamaConfig.model_validate_json((folder / "config.json").read_bytes())
    except (OSError, ValidationError):
        return None
    fits = config.num_attention_heads % config.shared_heads == 0 and config.width % 2 == 0
    return config if fits else None


class Product(Protocol):
    """Multiplies with a matrix that it keeps."""

    def __call__(self, states: torch.Tensor, factor: torch.Tensor | None = None) -> torch.Tensor:
        """Of `states` (... x inputs), each multiplied by its factor (... x 1): ... x outputs."""

    def settle(self) -> None:
        """Take the format to compute in, by what has been multiplied so far."""

    def settle_behind(self, norm: torch.Tensor) -> torch.Tensor:
        """The same behind a norm: its weights as they are to be from now on."""


class FloatProduct:
    """With weights as they are."""

    def __init__(self, weight: torch.Tensor) -> None:
        """`weight` is outputs x inputs."""
        self._weight = weight

    def __call__(self, states: torch.Tensor, factor: torch.Tensor | None = None) -> torch.Tensor:
        """Of `states` (... x inputs), each multiplied by its factor (... x 1): ... x outputs."""
        if factor is not None:
            states = (states * factor).to(self._weight.dtype)
        return nn.functional.linear(states, self._weight)

    def settle(self) -> None:
        """Nothing: it is in that format."""

    def settle_behind(self, norm: torch.Tensor) -> torch.Tensor:
        """Nothing, either."""
        return norm


class Weights(Protocol):
    """Where the weights come from."""

    def __call__(self, name: str, *shape: int) -> torch.Tensor:
        """Those of a name, in the number format that is computed in; `ModelError` if they have another shape."""


class Llama:
    """The whole model, a `slots.Decoder`."""

    def __init__(
        self,
        config: LlamaConfig,
        weights: Weights,
        product: Callable[[torch.Tensor], Product],
        attention: torch.dtype,
        sample: list[int],
    ) -> None:
        """Take the weights one after the other, so that there is never more than one layer in two formats.

        Keys and values are kept and multiplied in the format `attention`. `sample` are the tokens that products see
        before they settle, which may be none.
        """
        self.device, self._attention = torch.device("cpu"), attention
        size = config.vocab_size, config.hidden_size
        self._embeddings = weights("model.embed_tokens.weight", *size)
        self._turns = config.theta ** -(torch.arange(0, config.width, 2).float() / config.width)
        self._norm, self._least = weights("model.norm.weight", config.hidden_size), config.rms_norm_eps
        self._layers: list[Layer] = []
        cache, positions = SlotCache(1), torch.arange(len(sample))[None]
        cache.begin(0, positions, len(sample))
        visible = torch.ones(1, 1, len(sample), len(sample), dtype=torch.bool).tril()
        states, turn, bias = self._entry(torch.tensor([sample], dtype=torch.long), positions, visible)
        for at in range(config.num_hidden_layers):
            layer = Layer(config, at, weights, product, attention)
            if sample:
                states = layer(states, turn, bias, cache)
            layer.settle()
            self._layers.append(layer)
        self._head = product(self._embeddings if config.tie_word_embeddings else weights("lm_head.weight", *size))
        if sample:
            self._head(states * self._norm, _factor(states, self._least))
        self._norm = self._head.settle_behind(self._norm)

    def logits(
        self, ids: torch.Tensor, positions: torch.Tensor, visible: torch.Tensor, cache: SlotCache, wanted: list[int]
    ) -> torch.Tensor:
        """See `slots.Decoder`."""
        states, turn, bias = self._entry(ids, positions, visible)
        for layer in self._layers:
            states = layer(states, turn, bias, cache)
        states = states[range(len(states)), wanted]
        return self._head(states * self._norm, _factor(states, self._least))

    def _entry(
        self, ids: torch.Tensor, positions: torch.Tensor, visible: torch.Tensor
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor], torch.Tensor]:
        """What the first layer takes."""
        states = nn.functional.embedding(ids, self._embeddings)
        angles = positions[..., None, None].float() * self._turns
        turn = angles.cos().to(self._attention), angles.sin().to(self._attention)
        return states, turn, torch.zeros(visible.shape, dtype=self._attention).masked_fill_(~visible, -torch.inf)


class Layer:
    """One layer. States are rows x tokens x width, in and out."""

    def __init__(
        self,
        config: LlamaConfig,
        index: int,
        weights: Weights,
        product: Callable[[torch.Tensor], Product],
        attention: torch.dtype,
    ) -> None:
        """Take the weights of the layer with this number."""
        self._attention = attention
        self._index, self._width, self._least = index, config.width, config.rms_norm_eps
        self._heads, self._shared = config.num_attention_heads, config.shared_heads

        size, inner, width = config.hidden_size, config.intermediate_size, config.width

        def part(name: str, *shape: int) -> torch.Tensor:
            return weights(f"model.layers.{index}.{name}.weight", *shape)

        self._before = part("input_layernorm", size)
        queries = part("self_attn.q_proj", self._heads * width, size)
        keys = part("self_attn.k_proj", self._shared * width, size)
        values = part("self_attn.v_proj", self._shared * width, size)
        self._attend_to = product(torch.cat((queries, keys, values)))
        self._attended = product(part("self_attn.o_proj", size, self._heads * width))
        self._between = part("post_attention_layernorm", size)
        gate, up = part("mlp.gate_proj", inner, size), part("mlp.up_proj", inner, size)
        self._gate_and_up = product(torch.cat((gate, up)))
        self._down = product(part("mlp.down_proj", size, inner))

    def __call__(
        self, states: torch.Tensor, turn: tuple[torch.Tensor, torch.Tensor], bias: torch.Tensor, cache: SlotCache
    ) -> torch.Tensor:
        """`turn` are cosines and sines of positions (rows x tokens x 1 x half), `bias` is added to scores."""
        rows, length = states.shape[:2]
        found = self._attend_to(states * self._before, _factor(states, self._least))
        found = found.view(rows, length, -1, self._width).to(self._attention)
        turned = _turned(found[:, :, : self._heads + self._shared], *turn)
        keys, values = cache.update(
            self._index,
            turned[:, :, self._heads :].transpose(1, 2),
            found[:, :, self._heads + self._shared :].transpose(1, 2),
        )
        attended = self._attend(turned[:, :, : self._heads], keys, values, bias)
        states = self._attended(attended.to(states.dtype)).add_(states)
        gate, up = self._gate_and_up(states * self._between, _factor(states, self._least)).chunk(2, dim=-1)
        return self._down(nn.functional.silu(gate).mul_(up)).add_(states)

    def settle(self) -> None:
        """See `Product`."""
        self._before = self._attend_to.settle_behind(self._before)
        self._between = self._gate_and_up.settle_behind(self._between)
        self._attended.settle()
        self._down.settle()

    def _attend(
        self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, bias: torch.Tensor
    ) -> torch.Tensor:
        """Queries are rows x tokens x heads x width, keys and values rows x shared heads x places x width.

        Heads that share their keys are rows of one product. The kernels for attention take as long in bfloat16 as in
        float32, and twice as long as this where there is one token.
        """
        rows, length = queries.shape[:2]
        grouped = (queries * self._width**-0.5).view(rows, length, self._shared, -1, self._width).transpose(1, 2)
        keys, values = keys.flatten(0, 1), values.flatten(0, 1)
        step = max(1, _MOST_SCORES // (rows * self._heads * keys.shape[1]))
        parts = [
            self._attend_part(grouped[:, :, at : at + step], keys, values, bias[:, :, at : at + step, None])
            for at in range(0, length, step)
        ]
        whole = parts[0] if len(parts) == 1 else torch.cat(parts, dim=2)
        return whole.transpose(1, 2).flatten(2)

    def _attend_part(
        self, grouped: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, bias: torch.Tensor
    ) -> torch.Tensor:
        """Of rows x shared heads x tokens x heads that share x width, mixed values in the same shape."""
        queries = grouped.reshape(len(keys), -1, self._width)
        if grouped.shape[2] == 1:
            # A few rows are multiplied from the other side, which takes a quarter of the time in bfloat16.
            scores = torch.bmm(keys, queries.transpose(1, 2)).transpose(1, 2).contiguous()
        else:
            scores = torch.bmm(queries, keys.transpose(1, 2))
        scores.view(*grouped.shape[:-1], -1).add_(bias)
        return torch.bmm(scores.softmax(dim=-1), values).view(grouped.shape)


def _factor(states: torch.Tensor, least: float) -> torch.Tensor:
    """What a norm multiplies each token with, besides its weights."""
    squares: torch.Tensor = torch.linalg.vector_norm(states, dim=-1, keepdim=True, dtype=torch.float32).square_()
    return squares.div_(states.shape[-1]).add_(least).rsqrt_()


def _turned(states: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor) -> torch.Tensor:
    """Rows x tokens x heads x width, turned by the angles of their positions."""
    half = states.shape[-1] // 2
    first, second = states[..., :half], states[..., half:]
    turned = torch.empty_like(states)
    torch.mul(first, cosines, out=turned[..., :half]).addcmul_(second, sines, value=-1)
    torch.mul(second, cosines, out=turned[..., half:]).addcmul_(first, sines)
    return turned
