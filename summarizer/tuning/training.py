"""LoRA on a causal model, with what costs most left out.

Only the adapter learns, in float32 whatever the weights are in: in bfloat16 small steps vanish, and autocast is many
times slower on CPUs. Lessons of like length make a batch.
A checkpoint is written now and then; the same call goes on after it.
"""

import hashlib
import logging
import random
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers.pytorch_utils import Conv1D

from summarizer.backends.lora import WEIGHTS, shape_of
from summarizer.completion import never
from summarizer.errors import ModelError, SettingsError
from summarizer.records import Frozen, first_problem
from summarizer.tuning.lessons import Tokens, Weighed
from summarizer.tuning.losses import Losses, length_of
from summarizer.tuning.recipe import Origin, Progress, Recipe
from summarizer.whole import put_in_place, write_whole

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_ELSEWHERE = "choose another folder with -o"
_LOG = logging.getLogger(__name__)

#: Epochs in a row with a greater loss on dev than the best one, after which there are no more.
WORSE: Final = 2
#: Seconds between two checkpoints, and between two lines of progress.
SAVED_EVERY: Final = 300.0
TOLD_EVERY: Final = 30.0
#: Batches among which lessons of like length are put together.
WINDOW: Final = 16


class Training:
    """One adapter in the making. `folder` gets the adapter, and `folder/checkpoint` what goes on from there."""

    def __init__(
        self, model: "PreTrainedModel", recipe: Recipe, folder: Path, origin: Origin, start: Path | None = None
    ) -> None:
        """Put an adapter on all matrices of the layers, or take up the checkpoint that is there.

        A new one begins with what `start` has learned, if there is one; `SettingsError` when that has another shape,
        or for a checkpoint of another recipe or origin. `ModelError` for a model whose adapter could not be used.
        """
        if any(isinstance(part, Conv1D) for part in model.modules()):
            raise ModelError(
                f"{origin.base}: keeps its matrices the other way round, and adapters here are not for that"
            )
        torch.manual_seed(recipe.seed)
        config = LoraConfig(
            r=recipe.rank,
            lora_alpha=recipe.alpha,
            lora_dropout=recipe.dropout,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        )
        # peft asks transformers for what that has renamed.
        with warnings.catch_warnings(action="ignore", category=FutureWarning):
            self.model: PeftModel = get_peft_model(model, config)
        self._recipe, self._origin = recipe, origin
        self._folder, self._checkpoint = folder, folder / "checkpoint"
        self._learned = [part for part in self.model.parameters() if part.requires_grad]
        self._optimizer = torch.optim.AdamW(self._learned, lr=recipe.learning_rate, weight_decay=0.0)
        self.progress, self._lessons = Progress(), ""
        if start is not None:
            self._begin_with(start)
        self.losses = Losses(self.model, self._learned)
        if (self._checkpoint / "progress.json").is_file():
            self._resume()

    def run(
        self, train: Sequence[Tokens | Weighed], dev: Sequence[Tokens], stopping: Callable[[], bool] = never
    ) -> bool:
        """Learn until the epochs end, or dev gets worse twice; False when it was stopped before. Saves the best.

        `train` are sentences that were drawn by what it began with where the recipe has a policy, and else lessons.
        `SettingsError` when the checkpoint is of other lessons.
        """
        recipe = self._recipe
        lessons = hashlib.sha256(repr((train, dev)).encode()).hexdigest()
        if self._lessons not in {"", lessons}:
            raise SettingsError(f"{self._checkpoint}: is of a training with other lessons; {_ELSEWHERE}")
        self._lessons = lessons
        batches = -(-len(train) // recipe.batch_size)
        steps = batches * recipe.epochs
        saved = told = time.monotonic()
        for epoch in range(len(self.progress.train), recipe.epochs):
            if self._gets_worse():
                break
            done = self.progress.step - epoch * batches
            for batch in _batches(train, recipe, epoch)[done:]:
                if stopping():
                    self._save()
                    return False
                self._learn(batch, steps)
                now = time.monotonic()
                if now - told >= TOLD_EVERY:
                    told = now
                    self._tell(steps)
                if now - saved >= SAVED_EVERY:
                    saved = now
                    self._save()
            if stopping():
                self._save()
                return False
            self._end_epoch(dev)
            self._save()
        return True

    def _gets_worse(self) -> bool:
        return self.progress.best is not None and len(self.progress.dev) - self.progress.best > WORSE

    def _learn(self, batch: Sequence[Tokens | Weighed], steps: int) -> None:
        begun, progress = time.perf_counter(), self.progress
        for group in self._optimizer.param_groups:
            group["lr"] = self._recipe.learning_rate * _rate(progress.step, steps, self._recipe.warm_up)
        self.model.train()
        # Dropout is drawn anew for each step, so that a run that goes on draws what one without a stop would.
        torch.manual_seed((self._recipe.seed * 1_000_003 + progress.step) % 2**63)
        count, total = 0, 0.0
        for loss, parts in self.losses.of_batch(batch):
            loss.backward()  # type: ignore[no-untyped-call]
            count, total = count + parts, total + float(loss.detach())
        torch.nn.utils.clip_grad_norm_(self._learned, 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad()
        self.progress = progress.model_copy(
            update={
                "step": progress.step + 1,
                "seconds": progress.seconds + time.perf_counter() - begun,
                "losses": progress.losses + total * count,
                "tokens": progress.tokens + count,
            }
        )

    def _end_epoch(self, dev: Sequence[Tokens]) -> None:
        progress = self.progress
        train = (*progress.train, progress.losses / max(progress.tokens, 1))
        with self.losses.at(self._recipe.share):
            found = (*progress.dev, self.losses.mean(dev)) if dev else ()
            best = min(range(len(found)), key=found.__getitem__) if found else None
            if best is None or best == len(found) - 1:
                self.model.save_pretrained(str(self._folder), safe_serialization=True)
        done = {"train": train, "dev": found, "best": best}
        self.progress = progress.model_copy(update={**done, "losses": 0.0, "tokens": 0})
        on_dev = f", dev {found[-1]:.4f}" if found else ""
        of = "paper" if self._recipe.policy else "token"
        _LOG.info("epoch %d: loss of a %s %.4f%s", len(train), of, train[-1], on_dev)

    def _tell(self, steps: int) -> None:
        progress = self.progress
        _LOG.info(
            "%d of %d batches, loss %.3f, %.0f minutes to go",
            progress.step,
            steps,
            progress.losses / max(progress.tokens, 1),
            progress.seconds / progress.step * (steps - progress.step) / 60,
        )

    def _save(self) -> None:
        """Write the checkpoint; its progress last, and each file as a whole."""
        self._checkpoint.mkdir(parents=True, exist_ok=True)
        moments = {
            f"{at}.{name}": state[name]
            for at, part in enumerate(self._learned)
            if (state := self._optimizer.state.get(part))
            for name in ("exp_avg", "exp_avg_sq")
        }
        tensors = {**get_peft_model_state_dict(self.model), **moments}
        name = f"state-{self.progress.step}.safetensors"
        beside = self._checkpoint / f".{name}"
        save_file({key: value.contiguous() for key, value in tensors.items()}, beside)
        put_in_place(beside, self._checkpoint / name)
        kept = _Kept(recipe=self._recipe, origin=self._origin, lessons=self._lessons, progress=self.progress)
        write_whole(self._checkpoint / "progress.json", kept.model_dump_json(indent=2) + "\n")
        for old in self._checkpoint.glob("state-*.safetensors"):
            if old.name != name:
                old.unlink()

    def _begin_with(self, start: Path) -> None:
        shape, ours = shape_of(start), (self._recipe.rank, self._recipe.alpha / self._recipe.rank)
        if shape != ours:
            told = "adapter {}: has rank {} and scale {}, and this recipe {} and {}"
            raise SettingsError(told.format(start, *shape, *ours))
        try:
            found: Any = set_peft_model_state_dict(self.model, load_file(start / WEIGHTS))
        except (OSError, SafetensorError, RuntimeError) as error:
            raise SettingsError(f"adapter {start}: cannot be begun with: {error}") from error
        # Those of the base are missing, as they should be.
        if found.unexpected_keys or any("lora_" in key for key in found.missing_keys):
            raise SettingsError(f"adapter {start}: is of another model, or of other matrices of it")

    def _resume(self) -> None:
        try:
            kept = _Kept.model_validate_json((self._checkpoint / "progress.json").read_bytes())
            tensors = load_file(self._checkpoint / f"state-{kept.progress.step}.safetensors")
        except ValidationError as error:
            found = first_problem(error, "progress.json")
            raise SettingsError(f"{self._checkpoint}: cannot be gone on with: {found}; {_ELSEWHERE}") from error
        except (OSError, SafetensorError) as error:
            raise SettingsError(f"{self._checkpoint}: cannot be gone on with: {error}; {_ELSEWHERE}") from error
        for kind, ours, theirs in (("recipe", self._recipe, kept.recipe), ("origin", self._origin, kept.origin)):
            if ours != theirs:
                raise SettingsError(f"{self._checkpoint}: is of a training with another {kind}; {_ELSEWHERE}")
        self._lessons, self.progress = kept.lessons, kept.progress
        set_peft_model_state_dict(self.model, {key: value for key, value in tensors.items() if not key[0].isdigit()})
        for at, part in enumerate(self._learned):
            if f"{at}.exp_avg" in tensors:
                self._optimizer.state[part] = {
                    "step": torch.tensor(float(self.progress.step)),
                    "exp_avg": tensors[f"{at}.exp_avg"].to(part.device),
                    "exp_avg_sq": tensors[f"{at}.exp_avg_sq"].to(part.device),
                }


class _Kept(Frozen):
    """What a checkpoint says of itself."""

    recipe: Recipe
    origin: Origin
    lessons: str
    progress: Progress


def _batches(train: Sequence[Tokens | Weighed], recipe: Recipe, epoch: int) -> list[list[Tokens | Weighed]]:
    """The batches of an epoch, in an order that its number and the seed decide."""
    draw = random.Random(f"{recipe.seed}/{epoch}")  # noqa: S311 - an order, not a secret
    order = list(train)
    draw.shuffle(order)
    batches: list[list[Tokens | Weighed]] = []
    for window in _windows(order, WINDOW * recipe.batch_size):
        ordered = sorted(window, key=length_of)
        batches += _windows(ordered, recipe.batch_size)
    draw.shuffle(batches)
    return batches


def _windows(items: Sequence[Tokens | Weighed], size: int) -> Iterator[list[Tokens | Weighed]]:
    yield from (list(items[start : start + size]) for start in range(0, len(items), size))


def _rate(step: int, steps: int, warm_up: float) -> float:
    """Share of the learning rate at a step."""
    rising = max(1.0, warm_up * steps)
    return min((step + 1) / rising, (steps - step) / max(1.0, steps - rising))
