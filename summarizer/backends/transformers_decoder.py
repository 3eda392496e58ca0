"""Decoders of transformers with slots, as far as they compute with them what they compute without."""

import logging
from typing import Final

import torch
from transformers import PreTrainedModel
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

from summarizer.backends.slots import SlotCache, SlotModel

_LOG = logging.getLogger(__name__)

#: How far logits may be from those without slots, in standard deviations of the logits. The embedded model is 0.59 off
#: in bfloat16 and 0.0001 in float32; small models of eleven kinds with wrong positions were 1.3 or more off.
TOLERANCE: Final = 0.9
#: Kinds of rotary positions of transformers that are computed for a whole batch by its longest sequence.
LENGTH_DEPENDENT: Final = ("dynamic", "longrope")


class TransformersDecoder:
    """Any causal model that `takes_slots`."""

    def __init__(self, model: PreTrainedModel) -> None:
        """The model as it was loaded."""
        self._model = model

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._model.device

    def logits(
        self, ids: torch.Tensor, positions: torch.Tensor, visible: torch.Tensor, cache: SlotCache, wanted: list[int]
    ) -> torch.Tensor:
        """See `slots.Decoder`."""
        # Models leave out places, and not places of rows.
        kept = sorted(set(wanted))
        output = self._model(
            input_ids=ids,
            position_ids=positions,
            attention_mask=visible,
            past_key_values=_Slots(cache),
            use_cache=True,
            logits_to_keep=torch.tensor(kept, device=self.device),
        )
        found: torch.Tensor = output.logits[range(len(ids)), [kept.index(place) for place in wanted]]
        return found


class _Slots(Cache):
    """Slots as the layers of transformers ask for them."""

    def __init__(self, slots: SlotCache) -> None:
        super().__init__(layers=[])
        self._slots = slots

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, *_more: object, **_named: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return self._slots.update(layer_idx, key_states, value_states)

    def get_seq_length(self, layer_idx: int = 0) -> int:  # noqa: ARG002
        # How many places are read besides those that are written.
        return self._slots.length - self._slots.positions.shape[1]


def takes_slots(model: PreTrainedModel) -> bool:
    """Whether a model computes with slots what it computes without, found by trying.

    Models with sliding windows, states instead of keys, or positions of their own making do not; nor do those whose
    positions depend on the longest sequence of a batch, which short ones would not show.
    """
    if model.config.get_text_config() is not model.config or model.config._attn_implementation != "sdpa":  # noqa: SLF001
        return False
    layers = DynamicCache(config=model.config).layers
    if not layers or any(type(layer) is not DynamicLayer for layer in layers) or _turns_by_length(model):
        return False
    try:
        return _agrees(model)
    except (RuntimeError, TypeError, ValueError) as error:
        # Other shapes, masks and arguments than those of most models. What is no fault of slots, such as too little
        # memory, will meet the first batch as well, and is told there.
        _LOG.info("whole batches, since sequences cannot enter and leave with this model: %s", error)
        return False


def _turns_by_length(model: PreTrainedModel) -> bool:
    """Whether the angles of positions depend on how long the longest sequence of a batch is."""
    found = getattr(model.config, "rope_parameters", None) or {}
    kinds = [found, *(part for part in found.values() if isinstance(part, dict))]
    return any(kind.get("rope_type") in LENGTH_DEPENDENT for kind in kinds)


@torch.inference_mode()
def _agrees(model: PreTrainedModel) -> bool:
    # A long and a short one, a beginning that is shared, and a slot that had another sequence before.
    first, second = list(range(1, 14)), [*range(1, 6), 9, 8]
    slots = SlotModel(TransformersDecoder(model), 2)
    slots.read(1, [first[::-1]])
    slots.read(0, [first[:-1]])
    slots.read(0, [first[:-1], second[:-1]], slots.prefix(0, first[:-1]))
    logits = slots.advance([first[-1], second[-1]], [len(first) - 1, len(second) - 1])
    for row, tokens in enumerate((first, second)):
        ids = torch.tensor([tokens], device=model.device)
        expected = model(input_ids=ids).logits[0, -1].float()
        if not bool((logits[row].float() - expected).abs().max() <= TOLERANCE * expected.std()):
            return False
    return True
