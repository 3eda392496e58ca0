"""A model whose key-value cache has a slot for each sequence, where its keys and values stay until it ends.

The caches of transformers hold one batch that begins and ends together, and copy all of it for every new token. Slots
are what continuous batching needs (Orca, OSDI 2022), and a slot can begin with a copy of what another one has read.
"""

from math import prod
from mmap import ACCESS_COPY, mmap
from typing import NamedTuple, Protocol

import torch

#: Slots grow by so many tokens at a time.
BLOCK = 64

#: A step looks at a multiple of so many places, the last of them hidden. It divides `BLOCK`.
STEP = 32


class Prefix(NamedTuple):
    """A prompt that was read: its tokens, and the keys and values of each layer (heads x tokens x width)."""

    tokens: list[int]
    layers: list[tuple[torch.Tensor, torch.Tensor]]

    def shared(self, prompt: list[int]) -> int:
        """How many tokens a prompt begins with that are the same here; its last one is always to be computed."""
        most = min(len(self.tokens), len(prompt) - 1)
        return next((at for at in range(most) if self.tokens[at] != prompt[at]), most)


class SlotCache:
    """Keys and values of each layer: slots x heads x capacity x width.

    Before each forward pass `begin` says what it is for: its rows are the slots from `first` on, each token is written
    at its position (rows x tokens), and the first `length` places of each slot are read.
    """

    def __init__(self, slots: int) -> None:
        """There are at most so many slots. Memory is taken for those that are used, or soon will be, in steps."""
        self.begin(0, torch.zeros(1, 0, dtype=torch.long), 0)
        self.stores: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._most, self._expected = slots, 0

    def expect(self, slots: int) -> None:
        """Say how many slots the next passes will have used, so that they grow once, or 0 when there are no more."""
        self._expected = slots

    def begin(self, first: int, positions: torch.Tensor, length: int) -> None:
        """Say which slots and places the next pass, or copy, is for."""
        self.first, self.positions, self.length = first, positions, length
        self._slots = torch.arange(first, first + len(positions), device=positions.device)[:, None]

    def update(self, layer: int, keys: torch.Tensor, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Write rows x heads x tokens x width in one layer, and return all that these rows may look at."""
        rows = slice(self.first, self.first + len(keys))
        all_keys, all_values = self.reserve(layer, keys, values)
        all_keys[self._slots, :, self.positions] = keys.transpose(1, 2)
        all_values[self._slots, :, self.positions] = values.transpose(1, 2)
        return all_keys[rows, :, : self.length], all_values[rows, :, : self.length]

    def reserve(self, layer: int, keys: torch.Tensor, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the stores of a layer, with room for `length` tokens like these in all slots that are in use."""
        if layer == len(self.stores):
            new = [like.new_zeros(0, like.shape[1], 0, like.shape[3]) for like in (keys, values)]
            self.stores.append((new[0], new[1]))
        slots, capacity = self.stores[layer][0].shape[0], self.stores[layer][0].shape[2]
        used = self.first + len(keys)
        if self.length > capacity:
            # What a long run has left behind need not grow with the last long answer.
            slots, capacity = max(used, min(self._expected, self._most)), -(-self.length // BLOCK) * BLOCK
        elif used > slots:
            slots = max(used, min(max(2 * slots, self._expected), self._most))
        if (slots, capacity) != (self.stores[layer][0].shape[0], self.stores[layer][0].shape[2]):
            grown = [_resized(store, slots, capacity) for store in self.stores[layer]]
            self.stores[layer] = (grown[0], grown[1])
        return self.stores[layer]


class Decoder(Protocol):
    """A model that reads tokens into slots."""

    @property
    def device(self) -> torch.device:
        """Where it computes."""

    def logits(
        self, ids: torch.Tensor, positions: torch.Tensor, visible: torch.Tensor, cache: SlotCache, wanted: list[int]
    ) -> torch.Tensor:
        """Of ids (rows x tokens) at their positions, what follows the one that is wanted of each: rows x vocabulary.

        `visible` (rows x 1 x tokens x places) says what each token may look at.
        """


class SlotModel:
    """A decoder with so many slots, to be used in `torch.inference_mode`.

    No memory is taken before the first prompt.
    """

    def __init__(self, decoder: Decoder, slots: int) -> None:
        """Begin with empty slots."""
        self._decoder = decoder
        self._cache = SlotCache(slots)

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._decoder.device

    def expect(self, slots: int) -> None:
        """Say how many slots the prompts that are read next will have taken; 0 when they have been read."""
        self._cache.expect(slots)

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
        return self._forward(ids, first, positions, longest, [length - known - 1 for length in lengths])

    def advance(self, tokens: list[int], lengths: list[int]) -> torch.Tensor:
        """Read one more token in each of the first slots, which hold so many: logits (slots x vocabulary)."""
        positions = torch.tensor(lengths, device=self.device)[:, None]
        # Products in bfloat16 are compiled for each shape, and kept: so there are to be few shapes.
        length = -(-(max(lengths) + 1) // STEP) * STEP
        return self._forward([[token] for token in tokens], 0, positions, length, [0] * len(tokens))

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

    def repeat(self, source: int, target: int, length: int) -> None:
        """Copy the first tokens of one slot into another that may not have been used yet."""
        self._cache.begin(target, torch.zeros(1, 0, dtype=torch.long, device=self.device), length)
        for layer, (keys, values) in enumerate(self._cache.stores):
            self._cache.reserve(layer, keys[:1], values[:1])
        self.move(source, target, length)

    def _copy(self, slot: int, prefix: Prefix, length: int) -> None:
        self._cache.begin(slot, self._cache.positions, length)
        for layer, known in enumerate(prefix.layers):
            for store, states in zip(self._cache.reserve(layer, known[0][None], known[1][None]), known, strict=True):
                store[slot, :, :length] = states[:, :length]

    def _forward(
        self, ids: list[list[int]], first: int, positions: torch.Tensor, length: int, wanted: list[int]
    ) -> torch.Tensor:
        """Logits of each row at the token of it that is wanted (rows x vocabulary)."""
        self._cache.begin(first, positions, length)
        visible = torch.arange(length, device=self.device) <= positions[:, None, :, None]
        return self._decoder.logits(torch.tensor(ids, device=self.device), positions, visible, self._cache, wanted)


def _resized(store: torch.Tensor, slots: int, capacity: int) -> torch.Tensor:
    before, heads, length, width = store.shape
    other = _zeros(store, slots, heads, capacity, width)
    kept = min(before, slots)
    other[:kept, :, :length] = store[:kept]
    return other


def _zeros(like: torch.Tensor, *shape: int) -> torch.Tensor:
    """Memory for numbers like these, which the system gets back as soon as it is not used any more.

    What is grown out of would otherwise stay with the process: it leaves holes that the next, larger ones do not fit.
    Zeros, because what a mask hides is multiplied by nothing, and nothing times a leftover NaN is NaN.
    `torch.OutOfMemoryError` when there is too little.
    """
    if like.device.type != "cpu":
        return like.new_zeros(shape)
    try:
        memory = mmap(-1, prod(shape) * like.itemsize, access=ACCESS_COPY)
    except OSError as error:
        raise torch.OutOfMemoryError(f"no memory for more slots: {error}") from error
    return torch.frombuffer(memory, dtype=like.dtype).view(shape)
