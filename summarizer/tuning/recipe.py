"""How an adapter is trained, and how far that is."""

from summarizer.records import Frozen


class Recipe(Frozen):
    """How an adapter is trained; all of it stands in its card."""

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    learning_rate: float = 1e-3
    warm_up: float = 0.06
    """Share of the steps in which the rate rises; then it falls to nothing, in a straight line."""
    batch_size: int = 8
    epochs: int = 3
    seed: int = 0
    share: float = 1.0
    """How far what is saved goes, matrix by matrix, from what it began with to what it has learned: what went too far
    is taken back by it (https://arxiv.org/abs/2109.01903 does so with whole models)."""
    policy: bool = False
    """Whether it learns what sentences of its own are worth (`policy.py`), and not to write those of lessons."""


class Progress(Frozen):
    """Where a training is, as a checkpoint keeps it."""

    step: int = 0
    """Batches that were learned from."""
    seconds: float = 0.0
    train: tuple[float, ...] = ()
    """Mean loss of a token of each epoch that has ended, or of a paper's sentences where there is a policy."""
    dev: tuple[float, ...] = ()
    best: int | None = None
    """The epoch (from 0) with the least loss on dev."""
    losses: float = 0.0
    """Sum over the tokens, or papers, of the epoch that is under way."""
    tokens: int = 0


class Origin(Frozen):
    """What an adapter is trained on: a training that is gone on with has to have the same."""

    base: str
    revision: str
    adapter: str | None = None
    """That it went on from."""
    dtype: str
    prompt: str
    prompt_sha256: str
