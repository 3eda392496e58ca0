"""The canonical form of a mention."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer.labels import label_of, words_of

VARIANTS = tomllib.loads(Path(__file__).with_name("tag_variants.toml").read_text(encoding="utf-8"))


def _label(mention: str) -> str:
    return label_of(words_of(mention))


@pytest.mark.parametrize(
    ("mention", "label"),
    [
        ("Class  Incremental\nLearning", "class incremental learning"),
        ("GRAPH NEURAL NETWORKS", "graph neural network"),
        ("Sparse Autoencoders (SAEs)", "sparse autoencoder"),
        ("SAE (sparse autoencoder)", "sparse autoencoder"),
        ("pre-training", "pretraining"),
        ("Pre training", "pretraining"),
        ("multi-modal", "multimodal"),
        ("back-propagation", "backpropagation"),
        ("finetuning", "fine-tuning"),
        ("fine tuning", "fine-tuning"),
        ("crossmodal retrieval", "cross-modal retrieval"),
        ("low rank adaptation", "low-rank adaptation"),
        ("retrieval augmented generation", "retrieval-augmented generation"),
        ("text to image synthesis", "text-to-image synthesis"),
        ("physics-informed networks", "physics-informed network"),
        ("GPT-4", "gpt-4"),
        ("GPT4", "gpt-4"),
        ("GPT 4", "gpt-4"),
        ("DINOv2", "dino v2"),
        ("4-bit quantisation", "4-bit quantization"),
        ("word2vec", "word2vec"),
        ("language modelling", "language modeling"),
        ("hypotheses", "hypothesis"),
        ("Markov chains' mixing", "markov chain mixing"),
        ("Jensen's inequality", "jensen inequality"),
        ("GPUs", "gpu"),
        ("lenses", "lens"),
        ("statistics", "statistics"),
        ("dynamics", "dynamics"),
        ("classes", "class"),
        ("C++", "c++"),
        (r"$\beta$-VAE", "β vae"),
        ("ﬁne-grained recognition", "fine-grained recognition"),
        ("大语言模型", "大语言模型"),
        ("नेटवर्क", "नेटवर्क"),
        ("learning to", "learning to"),
        ("pre- and post-training", "pre and post-training"),
        ("3-D reconstruction", "3d reconstruction"),
        ("BERT_base", "bert base"),
        (r"$\ell_1$ norm", "l1 norm"),
        ("crosswalk detection", "crosswalk detection"),
        ("sub-LLMs", "sub-llm"),
        ("co-training", "cotraining"),
        ("CO emissions", "co emission"),
        ("multi-GPU training", "multi-gpu training"),
        ("multihead attention", "multi-head attention"),
        ("multi-task learning", "multitask learning"),
        ("reasoning over knowledge graphs", "reasoning over knowledge graph"),
        ("planning under uncertainty", "planning under uncertainty"),
        ("photo enhancement", "photo enhancement"),
        ("overfitting", "overfitting"),
        ("over-fitting", "overfitting"),
        ("A/B testing", "a b testing"),
        ("conv1d", "conv 1d"),
        ("CO2 capture", "co2 capture"),
        ("SMILES strings", "SMILES string"),
        ("LARGE LANGUAGE MODELS", "large language model"),
        ("Gibbs sampling", "gibbs sampling"),
        ("criteria", "criterion"),
        ("spectra", "spectrum"),
        ("optimisers", "optimizer"),
        ("noises", "noise"),
        ("praised", "praised"),
        ("models based on trees", "model based on tree"),
        ("extensions to images", "extension to image"),
        ("The interaction tensor", "interaction tensor"),
        ("A", "a"),
        ("--", ""),
    ],
)
def test_label_of_a_mention(mention: str, label: str) -> None:
    """Case, plural, hyphens, prefixes, spelling, acronym in parentheses and Unicode form make no other label."""
    assert _label(mention) == label


@pytest.mark.parametrize(("one", "other"), [("GPT-4", "GPT-3"), ("dynamic", "dynamics"), ("T5", "T4"), ("C", "C++")])
def test_what_says_something_else_keeps_its_own_label(one: str, other: str) -> None:
    """Numbers, signs, and words that only look like plurals are content."""
    assert _label(one) != _label(other)


def test_acronyms_are_asked_with_their_case_and_longest_first() -> None:
    """`R-CNN` is one name, also in front of a hyphen; a word that is none is looked up in the dictionary."""
    known = {"R-CNN": ("region", "network"), "CNN": ("network",)}
    words = words_of("R-CNN-based CNN cnn", lambda chunk: known.get(chunk, ()))
    assert words == ("region", "network", "based", "network", "cnn")


_MENTIONS = sorted({mention for variants in VARIANTS.values() for mention in variants})


@pytest.mark.parametrize(
    "change", [str.title, str.upper, lambda text: text.replace("-", " "), lambda text: f" {text}\n"]
)
def test_looks_of_real_names_change_no_label(change: Callable[[str], str]) -> None:
    """Hyphens, white space and capitals; but for acronyms, of which capitals are content."""
    for mention in _MENTIONS:
        if mention == mention.lower() and " " in mention and "re-" not in mention:
            assert _label(change(mention)) == _label(mention)


@given(st.text(alphabet="abcdeilmnorstxSAEGPT0123 -./'()+_éß", max_size=40))
def test_the_label_of_a_label_is_itself(mention: str) -> None:
    """Labels are stable: what was tagged once can be tagged again."""
    label = _label(mention)
    assert _label(label) == label


@given(st.lists(st.sampled_from(_MENTIONS), min_size=1, max_size=3).map(" ".join))
def test_the_label_of_a_label_of_names_is_itself(mention: str) -> None:
    """So it is for what papers really write."""
    label = _label(mention)
    assert _label(label) == label
