"""Which words of a summary name something, and which names a paper has in another form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer.names import names, spelled_out
from summarizer.passages import Passages
from summarizer.records import Paper, Source

_TITLE = "SiltNet: Reading Rivers with Graph Networks"
_ABSTRACT = (
    "We present SiltNet, a graph neural network. Bayesian regularization helps on RiverBed-2 and with BERT-like parts. "
    "Sparse autoencoders (SAEs) are trained by Stochastic Gradient Descent, in a long short term memory fashion."
)


def _unsupported(text: str, *, english: bool = True) -> tuple[str, ...]:
    paper = Paper(id="a", title=_TITLE, abstract=_ABSTRACT, source=Source(name="f", line=1))
    return Passages(paper).unsupported(text, english=english)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("We use BERT and ImageNet.", ["BERT", "ImageNet"]),
        ("It beats GPT-4's score.", ["GPT-4"]),
        ("On F1 and in 3D.", ["F1", "3D"]),
        ("Falcon beats Eagle.", ["Falcon", "Eagle"]),
        ("Proposes a model. It works; \u201cThis is new\u201d.", []),
        ("A C++ tool.", ["C++"]),
        ("We use \u00dcbersicht.", ["\u00dcbersicht"]),
        ("No names at all.", []),
    ],
)
def test_names_are_told_from_words(text: str, found: list[str]) -> None:
    """Capitals, digits and the place in the sentence tell what is a name."""
    assert [name.word for name in names(text)] == found


@pytest.mark.parametrize(
    "text",
    [
        "SiltNet reads rivers.",
        "A Graph Neural Network with Bayesian parts.",
        "SAE and SAEs, and one Autoencoder.",
        "BERT helps, and so do BERTs and BERT-based encoders.",
        "It is trained by SGD.",
        "An LSTM reads it.",
        "Regularizing helps on RiverBed-2.",
        "SiltNet's network, SiltNet\u2019s graph, and SiltNet/BERT.",
        "It gains 3 GB and 5M.",
    ],
)
def test_names_of_the_paper_are_supported(text: str) -> None:
    """In the plural, in a compound, at the beginning of a sentence, or as the acronym of what is spelled out."""
    assert set(_unsupported(text)) <= {"3 GB", "5M"}  # units are part of numbers, and no names


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("GhostNet reads rivers.", ("GhostNet",)),
        ("It beats Falcon and GPT-4.", ("Falcon", "GPT-4")),
        ("Falcon is beaten.", ("Falcon",)),
        ("SILTNET and Siltnet.", ("SILTNET", "Siltnet")),
        ("It is a CNN on RiverBed-3, a BERT-GAN.", ("CNN", "RiverBed-3", "BERT-GAN")),
        ("GhostNet, or GhostNet.", ("GhostNet",)),
    ],
)
def test_other_names_are_not(text: str, found: tuple[str, ...]) -> None:
    """Another spelling of a name is another name."""
    assert _unsupported(text) == found


def test_other_languages_capitalize_other_words() -> None:
    """There, only what has a capital or a digit inside is a name."""
    text = "Ein Netzwerk liest Fl\u00fcsse mit GhostNet."
    assert _unsupported(text, english=False) == ("GhostNet",)


def test_short_acronyms_need_capitals() -> None:
    """Two or three letters in a row are soon found by accident."""
    assert spelled_out("SGD", "by Stochastic Gradient Descent")
    assert not spelled_out("SGD", "some good data")
    assert spelled_out("LSTM", "a long short term memory")
    assert spelled_out("SOTA", "State of the Art Training and Such") is False


@given(st.text(max_size=80))
def test_any_text_has_names_in_order(text: str) -> None:
    """No text is too odd, and every name stands where it says."""
    found = list(names(text))
    assert all(text[name.start : name.end] == name.word for name in found)
    assert [name.start for name in found] == sorted(name.start for name in found)
