"""Keys and values of sequences keep their places, and memory that slots have grown out of is not kept."""

import subprocess
import sys

import pytest
import torch

from summarizer.backends.slots import BLOCK, STEP, SlotCache, SlotModel

HEADS, WIDTH, LAYERS = 2, 64, 24


#: Grows slots and tells their bytes at the end, and how many more the process has than at its beginning.
_GROWING = f"""
import psutil, torch
from summarizer.backends.slots import SlotCache

def held():
    return psutil.Process().memory_info().rss

cache, before = SlotCache(16), held()
for slots, places in ((1, 64), *((used, 64 * (at + 2)) for at in range(8) for used in (15 - at, 16))):
    cache.begin(0, torch.zeros(slots, 0, dtype=torch.long), places)
    for layer in range({LAYERS}):
        for store in cache.reserve(layer, *torch.zeros(2, slots, {HEADS}, 1, {WIDTH}, dtype=torch.bfloat16)):
            store.fill_(1.0)
print(sum(store.numel() * store.itemsize for layer in cache.stores for store in layer), held() - before)
"""


def write(cache: SlotCache, slots: int, place: int) -> None:
    """Write the number of each slot and layer at a place."""
    cache.begin(0, torch.full((slots, 1), place), place + 1)
    states = torch.arange(slots).float()[:, None, None, None].expand(slots, HEADS, 1, WIDTH)
    for layer in range(LAYERS):
        keys, values = cache.update(layer, states + layer, -states - layer)
        assert keys.shape == values.shape == (slots, HEADS, place + 1, WIDTH)


def test_what_slots_hold_stays_as_they_grow() -> None:
    """More slots and more places change nothing of what was written, and what was not written is nothing."""
    cache = SlotCache(8)
    write(cache, 2, 0)
    write(cache, 7, BLOCK + 3)
    keys, values = cache.stores[5]
    assert keys[:2, 0, 0, 0].tolist() == [5, 6]
    assert values[:7, -1, BLOCK + 3, -1].tolist() == [-5, -6, -7, -8, -9, -10, -11]
    assert not keys[:, :, 1 : BLOCK + 3].any()


def test_memory_that_slots_have_grown_out_of_goes_back() -> None:
    """However often they grow and shrink, a process has no more at the end than what the slots have then."""
    told = subprocess.run([sys.executable, "-c", _GROWING], capture_output=True, check=True).stdout
    stores, held = map(int, told.split())
    assert stores == 2 * LAYERS * 16 * HEADS * 576 * WIDTH * 2
    assert held < stores + stores / 16


def test_too_little_memory_for_slots_is_told_as_torch_tells_it() -> None:
    """More places than there are addresses are out of memory, so that fewer papers are tried at once."""
    cache, states = SlotCache(1), torch.zeros(1, HEADS, 1, WIDTH)
    cache.begin(0, torch.zeros(1, 1, dtype=torch.long), 2**42)
    with pytest.raises(torch.OutOfMemoryError, match="no memory for more slots"):
        cache.reserve(0, states, states)


class Echo:
    """A decoder of one layer: what follows a token is that token; it keeps what it was asked to look at."""

    device = torch.device("cpu")

    def __init__(self) -> None:
        self.looked: list[tuple[int, int]] = []
        self.slots: list[int] = []

    def logits(
        self, ids: torch.Tensor, positions: torch.Tensor, visible: torch.Tensor, cache: SlotCache, wanted: list[int]
    ) -> torch.Tensor:
        """See `slots.Decoder`."""
        assert positions.shape == ids.shape
        self.looked.append((visible.shape[-2], visible.shape[-1]))
        states = ids.float()[:, None, :, None]
        keys, _ = cache.update(0, states, states)
        assert keys.shape[2] == visible.shape[-1]
        self.slots.append(len(cache.stores[0][0]))
        return torch.eye(100)[ids[range(len(ids)), wanted]]


def test_steps_look_at_few_numbers_of_places() -> None:
    """Products are compiled for each: from 40 to 140 places these are all multiples of a step."""
    decoder = Echo()
    model = SlotModel(decoder, 1)
    model.read(0, [[1] * 40])
    for length in range(40, 140):
        model.advance([2], [length])
    assert {places for _, places in decoder.looked[1:]} == set(range(2 * STEP, 160 + STEP, STEP))


def test_prompts_of_several_lengths_are_followed_by_their_own_ends() -> None:
    """Each row has the logits behind its last token, also where a beginning is known."""
    model = SlotModel(Echo(), 3)
    prompts = [[1, 2, 3, 4], [1, 2, 5], [1, 2, 6, 7, 8]]
    assert model.read(0, prompts).argmax(1).tolist() == [4, 5, 8]
    assert model.read(0, prompts, model.prefix(0, prompts[0])).argmax(1).tolist() == [4, 5, 8]


def test_slots_that_are_expected_are_there_at_once() -> None:
    """They grow with the first of several prompts; later, with a long answer, only those in use do."""
    decoder = Echo()
    model = SlotModel(decoder, 8)
    model.expect(6)
    model.read(0, [[1] * 10] * 2)
    model.read(2, [[1] * 10] * 4)
    model.expect(0)
    model.advance([2, 2], [BLOCK, 9])
    assert decoder.slots == [6, 6, 2]
