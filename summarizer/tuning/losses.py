"""What a model that learns an adapter goes down by: the losses of lessons' tokens, and of what was drawn.

The head is computed for what is wanted alone, and only as many tokens at once as memory has room for.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Final

import torch
from peft import PeftModel

from summarizer.tuning import policy
from summarizer.tuning.lessons import IGNORED, Tokens, Weighed

#: Tokens of a batch that are computed at once: each keeps more than a megabyte until the way back.
MOST_TOKENS: Final = 1_536


class Losses:
    """Those of one model, whose adapter begins as it is now."""

    def __init__(self, model: PeftModel, learned: Sequence[torch.nn.Parameter]) -> None:
        """Remember what is `learned` as it is: the likelihoods of what was drawn are compared with those it gives."""
        self._model, self._learned = model, learned
        self._begun = [part.detach().clone() for part in learned]

    @contextlib.contextmanager
    def at(self, share: float) -> Iterator[None]:
        """Compute with matrices at this share of the way, from what they were at the begin (0) to what they are (1)."""
        now = [part.data for part in self._learned]
        try:
            for part, begun in zip(self._learned, self._begun, strict=True):
                part.data = begun.lerp(part.data, share) if share else begun
            yield
        finally:
            for part, data in zip(self._learned, now, strict=True):
                part.data = data

    def mean(self, lessons: Sequence[Tokens]) -> float:
        """Mean loss of a wanted token."""
        total = count = 0.0
        self._model.eval()
        with torch.inference_mode():
            ordered = sorted(lessons, key=length_of)
            for part in _parts(ordered):
                loss, tokens = self._of_tokens(part)
                total, count = total + float(loss), count + tokens
        return total / count

    def of_batch(self, batch: Sequence[Tokens | Weighed]) -> Iterator[tuple[torch.Tensor, int]]:
        """Parts of the mean loss of a batch, each with how many tokens, or papers, it is of."""
        lessons = [one for one in batch if isinstance(one, Tokens)]
        tokens = sum(token != IGNORED for one in lessons for token in one.wanted)
        for part in _parts(lessons):
            loss, wanted = self._of_tokens(part)
            yield loss / tokens, wanted
        for one in batch:
            if isinstance(one, Weighed):
                with torch.no_grad(), self.at(0.0):
                    then = policy.likelihoods(self.read, one)
                yield policy.loss(policy.likelihoods(self.read, one), then, one) / len(batch), 1

    def read(
        self, ids: torch.Tensor, positions: torch.Tensor, visible: torch.Tensor, wanted: torch.Tensor
    ) -> torch.Tensor:
        """See `policy.Forward`."""
        device = self._model.device
        hidden = torch.zeros(visible.shape, dtype=self._model.dtype).masked_fill_(~visible, -torch.inf)
        with _head_of(self._model, (0, wanted.to(device))):
            output = self._model(
                input_ids=ids.to(device),
                position_ids=positions.to(device),
                attention_mask=hidden.to(device),
                use_cache=False,
            )
        logits: torch.Tensor = output.logits
        return logits

    def _of_tokens(self, batch: Sequence[Tokens]) -> tuple[torch.Tensor, int]:
        """Sum of the losses of the wanted tokens, and their number."""
        longest = max(map(length_of, batch))
        ids = torch.zeros(len(batch), longest, dtype=torch.long)
        wanted = torch.full((len(batch), longest), IGNORED)
        for row, one in enumerate(batch):
            ids[row, : length_of(one)] = torch.tensor([*one.prompt, *one.answer])
            # The token before tells the next.
            wanted[row, len(one.prompt) - 1 : length_of(one) - 1] = torch.tensor(one.wanted)
        ids, wanted = ids.to(self._model.device), wanted.to(self._model.device)
        there = wanted != IGNORED
        with _head_of(self._model, there):
            # A causal model does not look at what comes behind, so padding needs no mask.
            logits = self._model(input_ids=ids, use_cache=False).logits
        loss = torch.nn.functional.cross_entropy(logits.float(), wanted[there], reduction="sum")
        return loss, int(there.sum())


def length_of(one: Tokens | Weighed) -> int:
    """Tokens of a lesson, or of a prompt with all its answers."""
    return len(one.prompt) + (len(one.answer) if isinstance(one, Tokens) else sum(map(len, one.answers)))


@contextlib.contextmanager
def _head_of(model: PeftModel, there: torch.Tensor | tuple[int, torch.Tensor]) -> Iterator[None]:
    """Have the head compute logits of these places (rows x tokens) alone: it is a quarter of a small model."""
    head = model.get_output_embeddings()
    hook = head.register_forward_pre_hook(lambda _, given: (given[0][there],))
    try:
        yield
    finally:
        hook.remove()


def _parts(batch: Sequence[Tokens]) -> Iterator[list[Tokens]]:
    """A batch in parts of at most `MOST_TOKENS`, padding included, or of one lesson; it is in the order of lengths."""
    part: list[Tokens] = []
    for one in batch:
        if part and length_of(one) * (len(part) + 1) > MOST_TOKENS:
            yield part
            part = []
        part.append(one)
    if part:
        yield part
