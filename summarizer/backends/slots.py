"""A model whose key-value cache has a slot for each sequence, where its keys and values stay until it ends.

The caches of transformers hold one batch that begins and ends together, and copy all of it for every new token. Slots
are what continuous batching needs (Orca, OSDI 2022), and a slot can begin with a copy of what another one has read.
"""

import logging
from typing import NamedTuple

import torch
from transformers import PreTrainedModel
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

_LOG = logging.getLogger(__name__)

#: Slots grow by so many tokens at a time.
BLOCK = 64
#: How far logits may be from those without slots, in standard deviations of the logits. The embedded model is 0.14 off
#: in bfloat16 and 0.0001 in float32; small models of eleven kinds with wrong positions were 1.3 or more off.
TOLERANCE = 0.5
#: Kinds of rotary positions of transformers that are computed for a whole batch by its longest sequence.
LENGTH_DEPENDENT = ("dynamic", "longrope")


class Prefix(NamedTuple):
    """A prompt that was read: its tokens, and the keys and values of each layer (heads x tokens x width)."""

    tokens: list[int]
    layers: list[tuple[torch.Tensor, torch.Tensor]]

    def shared(self, prompt: list[int]) -> int:
        """How many tokens a prompt begins with that are the same here; its last one is always to be computed."""
        most = min(len(self.tokens), len(prompt) - 1)
        return next((at for at in range(most) if self.tokens[at] != prompt[at]), most)


class SlotCache(Cache):
    """Keys and values of each layer: slots x heads x capacity x width.

    Before each forward pass `first`, `positions` (rows x tokens) and `length` are set: its rows are the slots from
    `first` on, each token is written at its position, and the first `length` places of each slot are read.
    """

    def __init__(self, slots: int) -> None:
        """There are at most so many slots. Memory is taken for those that are used, in steps as they are."""
        super().__init__(layers=[])
        self.first, self.positions, self.length = 0, torch.zeros(1, 0, dtype=torch.long), 0
        self.stores: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._most = slots

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, *_more: object, **_named: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write rows x heads x tokens x width in one layer, and return all that these rows may look at."""
        rows = slice(self.first, self.first + len(key_states))
        slots = torch.arange(rows.start, rows.stop, device=key_states.device)[:, None]
        keys, values = self.reserve(layer_idx, key_states, value_states)
        keys[slots, :, self.positions] = key_states.transpose(1, 2)
        values[slots, :, self.positions] = value_states.transpose(1, 2)
        return keys[rows, :, : self.length], values[rows, :, : self.length]

    def reserve(self, layer: int, keys: torch.Tensor, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the stores of a layer, with room for `length` tokens like these in all slots that are in use."""
        if layer == len(self.stores):
            new = [like.new_zeros(0, like.shape[1], 0, like.shape[3]) for like in (keys, values)]
            self.stores.append((new[0], new[1]))
        slots, capacity = self.stores[layer][0].shape[0], self.stores[layer][0].shape[2]
        used = self.first + len(keys)
        if self.length > capacity:
            # What a long run has left behind need not grow with the last long answer.
            slots, capacity = used, -(-self.length // BLOCK) * BLOCK
        elif used > slots:
            slots = max(used, min(2 * slots, self._most))
        if (slots, capacity) != (self.stores[layer][0].shape[0], self.stores[layer][0].shape[2]):
            grown = [_resized(store, slots, capacity) for store in self.stores[layer]]
            self.stores[layer] = (grown[0], grown[1])
        return self.stores[layer]

    def get_seq_length(self, layer_idx: int = 0) -> int:  # noqa: ARG002
        """Return how many places are read besides those that are written."""
        return self.length - self.positions.shape[1]


class SlotModel:
    """A decoder of transformers with so many slots, to be used in `torch.inference_mode`.

    No memory is taken before the first prompt.
    """

    def __init__(self, model: PreTrainedModel, slots: int) -> None:
        """`model` is one that `takes_slots`."""
        self._model = model
        self._cache = SlotCache(slots)

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._model.device

    def read(self, first: int, prompts: list[list[int]], prefix: Prefix | None = None) -> torch.Tensor:
        """Read prompts into the slots from `first` on, except for what they all share with `prefix`.

        Returns the logits after each (prompts x vocabulary).
        """
        lengths = [len(prompt) for prompt in prompts]
        longest, known = max(lengths), min(map(prefix.shared, prompts)) if prefix else 0
        if prefix and known:
            for slot in range(first, first + len(prompts)):
                self._copy(slot, prefix, known)
        # What fills the shorter ones stands behind their ends, where nothing looks until it is written over.
        ids = [[*prompt[known:], *[0] * (longest - len(prompt))] for prompt in prompts]
        positions = torch.arange(known, longest, device=self.device).expand(len(prompts), -1)
        ends = sorted(set(lengths))
        logits = self._forward(ids, first, positions, longest, [end - known - 1 for end in ends])
        return logits[range(len(prompts)), [ends.index(length) for length in lengths]]

    def advance(self, tokens: list[int], lengths: list[int]) -> torch.Tensor:
        """Read one more token in each of the first slots, which hold so many: logits (slots x vocabulary)."""
        positions = torch.tensor(lengths, device=self.device)[:, None]
        return self._forward([[token] for token in tokens], 0, positions, max(lengths) + 1, [0])[:, 0]

    def prefix(self, slot: int, tokens: list[int]) -> Prefix:
        """Keep what was read into a slot."""
        end = len(tokens)
        stores = self._cache.stores
        return Prefix(tokens, [(keys[slot, :, :end].clone(), values[slot, :, :end].clone()) for keys, values in stores])

    def move(self, source: int, target: int, length: int) -> None:
        """Copy the first tokens of one slot into another."""
        for layer in self._cache.stores:
            for store in layer:
                store[target, :, :length] = store[source, :, :length]

    def _copy(self, slot: int, prefix: Prefix, length: int) -> None:
        self._cache.first, self._cache.length = slot, length
        for layer, known in enumerate(prefix.layers):
            for store, states in zip(self._cache.reserve(layer, known[0][None], known[1][None]), known, strict=True):
                store[slot, :, :length] = states[:, :length]

    def _forward(
        self, ids: list[list[int]], first: int, positions: torch.Tensor, length: int, wanted: list[int]
    ) -> torch.Tensor:
        """Logits of each row at the tokens that are wanted (rows x wanted x vocabulary)."""
        self._cache.first, self._cache.positions, self._cache.length = first, positions, length
        visible = torch.arange(length, device=self.device) <= positions[:, None, :, None]
        output = self._model(
            input_ids=torch.tensor(ids, device=self.device),
            position_ids=positions,
            attention_mask=visible,
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=torch.tensor(wanted, device=self.device),
        )
        logits: torch.Tensor = output.logits
        return logits


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
    slots = SlotModel(model, 2)
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


def _resized(store: torch.Tensor, slots: int, capacity: int) -> torch.Tensor:
    before, heads, length, width = store.shape
    # Zeros, because what a mask hides is multiplied by nothing, and nothing times a leftover NaN is NaN.
    other = store.new_zeros(slots, heads, capacity, width)
    kept = min(before, slots)
    other[:kept, :, :length] = store[:kept]
    return other
