"""Learning from what sentences of one's own are worth: a policy gradient on those that were drawn once.

The loss of a token teaches the next word of one reference, and never what a whole sentence of the model's own is worth.
Here each of several becomes likelier or less likely, by how much more or less it is worth than their mean (REINFORCE
with that for a baseline). They were drawn by what the training began with, so that each token counts by the ratio of
its likelihoods now and then, and no further than `CLIP` (PPO, https://arxiv.org/abs/1707.06347).
"""

from collections.abc import Callable
from typing import Final

import torch

from summarizer.tuning.lessons import Weighed

#: How far a ratio of likelihoods may move from 1 before it teaches no more.
CLIP: Final = 0.2

#: A forward pass over one row: ids, positions, what each token may look at (1 x 1 x tokens x tokens) and the places
#: whose logits are wanted; it gives these (places x vocabulary).
Forward = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


def likelihoods(forward: Forward, one: Weighed) -> torch.Tensor:
    """Log-likelihoods of the tokens of all answers, one answer after the other.

    The prompt is read once: each answer stands behind it at the same positions, and looks at no other answer. So it is
    for models that `takes_slots` knows to look where they are told to.
    """
    length, ids, positions = len(one.prompt), list(one.prompt), list(range(len(one.prompt)))
    before: list[int] = []
    starts: list[int] = []
    for answer in one.answers:
        starts.append(len(ids))
        # The token before tells the next, so that the last one is not read.
        before += [length - 1, *range(len(ids), len(ids) + len(answer) - 1)]
        ids += answer[:-1]
        positions += range(length, length + len(answer) - 1)
    visible = torch.ones(len(ids), len(ids), dtype=torch.bool).tril_()
    for start, answer in zip(starts, one.answers, strict=True):
        visible[start : start + len(answer) - 1, length:start] = False
    told = forward(torch.tensor([ids]), torch.tensor([positions]), visible[None, None], torch.tensor(before))
    targets = torch.tensor([token for answer in one.answers for token in answer], device=told.device)
    return -torch.nn.functional.cross_entropy(told.float(), targets, reduction="none")


def loss(now: torch.Tensor, then: torch.Tensor, one: Weighed) -> torch.Tensor:
    """What to descend for one paper, by the log-likelihoods of its tokens `now` and `then`, when they were drawn."""
    each = [weight for weight, answer in zip(one.weights, one.answers, strict=True) for _ in answer]
    weights = torch.tensor(each, device=now.device)
    ratio = (now - then).exp()
    return -torch.minimum(ratio * weights, ratio.clamp(1 - CLIP, 1 + CLIP) * weights).sum()
