"""Learning which of several sentences is the better one, beside what people wrote.

The loss of a token teaches the next word of one reference, and never what a whole sentence of the model's own is worth.
Here it sees several that it has drawn itself, each with how like it is to those of people, and its likelihoods learn
to go with that. It is BRIO (Liu et al., ACL 2022) with a softmax over the list in place of margins between pairs.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import torch

from summarizer.errors import ModelError
from summarizer.tuning.lessons import IGNORED, Tokens

#: A sentence whose score is greater by so much, of 1, is wanted with e times the share of the list.
SPREAD: Final = 0.05
#: Shares of the list come from mean log-likelihoods of a token times this, so that e times the share is 1/8 a token.
SHARPNESS: Final = 8.0

#: A forward pass: rows of tokens, a cache or None, and the places whose logits are wanted (rows x tokens); it gives
#: the logits of these places, row after row, and the cache.
Forward = Callable[[torch.Tensor, Any, torch.Tensor], tuple[torch.Tensor, Any]]


def compare(forward: Forward, one: Tokens) -> tuple[torch.Tensor, torch.Tensor]:
    """The sum of the losses of the wanted tokens, and the divergence of likelihoods from scores, of a lesson.

    The prompt is read once for all. `ModelError` for a model that forgets what it has read.
    """
    ids = torch.tensor([one.prompt[:-1]])
    _, cache = forward(ids, None, torch.zeros_like(ids, dtype=torch.bool))
    written, cache = _likelihoods(forward, one.prompt[-1], [one.answer], [one.wanted], cache)
    if not cache or not all(layer.is_croppable and not layer.is_sliding for layer in cache.layers):
        raise ModelError("choices are for models that keep all keys and values, without windows or states")
    cache.crop(-len(one.answer))
    cache.batch_repeat_interleave(len(one.choices))
    choices = [choice.tokens for choice in one.choices]
    each, _ = _likelihoods(forward, one.prompt[-1], choices, choices, cache)
    means = torch.stack([part.mean() for part in torch.split(each, [len(choice) for choice in choices])])
    wanted = torch.tensor([choice.score for choice in one.choices], device=means.device).div(SPREAD)
    divergence = torch.nn.functional.kl_div(
        means.mul(SHARPNESS).log_softmax(0), wanted.log_softmax(0), reduction="sum", log_target=True
    )
    return -written.sum(), divergence


def _likelihoods(
    forward: Forward, last: int, answers: Sequence[list[int]], wanted: Sequence[list[int]], cache: Any
) -> tuple[torch.Tensor, Any]:
    """Log-likelihoods of the wanted tokens of all answers, in a row; `last` is the token before them."""
    longest = max(map(len, answers))
    ids = torch.zeros(len(answers), longest, dtype=torch.long)
    targets = torch.full_like(ids, IGNORED)
    for row, (answer, learned) in enumerate(zip(answers, wanted, strict=True)):
        ids[row, : len(answer)] = torch.tensor([last, *answer[:-1]])
        targets[row, : len(answer)] = torch.tensor(learned)
    there = targets != IGNORED
    logits, cache = forward(ids, cache, there)
    likelihoods = torch.nn.functional.cross_entropy(logits.float(), targets[there].to(logits.device), reduction="none")
    return likelihoods.neg(), cache
