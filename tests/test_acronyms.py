"""Acronyms that a text defines itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer.acronyms import definitions, is_acronym, singular


@pytest.mark.parametrize(
    ("text", "short", "long"),
    [
        ("We train sparse autoencoders (SAEs) on it.", "SAE", "sparse autoencoders"),
        ("We use an SAE (sparse autoencoder) here.", "SAE", "sparse autoencoder"),
        ("Sparse Autoencoders(SAE)", "SAE", "sparse autoencoders"),
        ("for semi-supervised learning (SSL)", "SSL", "semi-supervised learning"),
        ("by proximal policy optimization (PPO)", "PPO", "proximal policy optimization"),
        ("a mixture of experts (MoE)", "MoE", "mixture of experts"),
        ("feed-forward neural networks (FNNs)", "FNN", "feed-forward neural networks"),
        ("out-of-distribution (OOD) inputs", "OOD", "out-of-distribution"),
        ("multi-scale structural similarity (MS-SSIM)", "MS-SSIM", "multi-scale structural similarity"),
        ("nearest neighbors with k-nearest neighbors (k-NN)", "k-NN", "k-nearest neighbors"),
        ("explainable AI (XAI) is hard", "XAI", "explainable AI"),
        ("text-to-image (T2I) models", "T2I", "text-to-image"),
        ("a framework, called Loop Agnostic Routing (LAR)", "LAR", "loop agnostic routing"),
        ("Generative Adversarial Networks [GANs]", "GAN", "generative adversarial networks"),
        (r"\textit{tidal basin network} (\textbf{TBN})", "TBN", "tidal basin network"),
        ("a variational auto-encoder model (VAE)", "VAE", "variational auto-encoder"),
        ("graph attention networks (GATs)", "GAT", "graph attention networks"),
        ("out-of-distribution~(OOD)", "OOD", "out-of-distribution"),
        ("batch renorming (BR, for short)", "BR", "batch renorming"),
        ("the cooling and heating engine (CHE)", "CHE", "cooling and heating engine"),
        ("prediction, consistency, and curvature (PCC)", "PCC", "prediction, consistency, and curvature"),
    ],
)
def test_definition_is_found_with_its_long_form(text: str, short: str, long: str) -> None:
    """A short form in parentheses stands for the words before it that give its letters, and so the other way round."""
    assert [found[:2] for found in definitions(text)] == [(short, long)]


@pytest.mark.parametrize(
    "text",
    [
        "We test it on a large collection (ImageNet).",
        "We test on images (CIFAR-10) and on text (WikiText).",
        "It is fast (see Table 2) and (ii) small.",
        "We evaluate the loss. Nearby units (LNU) follow.",  # not over the end of a sentence
        "This was done (in part) by hand.",
        "The model (7B) is small.",
        "",
        "()[]((((",
    ],
)
def test_what_only_stands_in_parentheses_defines_nothing(text: str) -> None:
    """Each word has to give its first letter."""
    assert list(definitions(text)) == []


def test_the_way_with_most_initials_is_taken() -> None:
    """The s inside of `supervised` could be the second letter of SSL, but `semi` begins with it."""
    assert [found.long for found in definitions("a semi-supervised learning (SSL) loss")] == [
        "semi-supervised learning"
    ]


def test_first_letters_decide_what_an_acronym_is() -> None:
    """Two capitals, or one and a digit; the s of a plural is none of it."""
    assert [word for word in ("SAE", "LoRA", "F1", "Adam", "k-means", "3D", "of") if is_acronym(word)] == [
        "SAE",
        "LoRA",
        "F1",
        "3D",
    ]
    assert [singular(word) for word in ("SAEs", "CSS", "GANs", "bias", "s")] == ["SAE", "CSS", "GAN", "bias", "s"]


@given(st.text(alphabet="ABab xX2(),.[]-s\u00df\u0130\u2019\\", max_size=80))
def test_any_text_can_be_searched(text: str) -> None:
    """Whatever stands there, a definition has an acronym and words that begin with its first letter."""
    for short, long, _ in definitions(text):
        assert is_acronym(short)
        assert long.strip()


def test_every_parenthesis_of_a_long_text_counts() -> None:
    """Thousands of definitions in a row are each found, from the words right before them."""
    text = "alpha alpha alpha alpha alpha (AAAA) " * 3000
    assert len(list(definitions(text))) == 3000
