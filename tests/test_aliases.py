"""Labels with other names for them."""

import tomllib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer.aliases import AliasTable
from summarizer.labels import words_of
from summarizer.vocabulary import shipped_aliases

VARIANTS = tomllib.loads(Path(__file__).with_name("tag_variants.toml").read_text(encoding="utf-8"))
SHIPPED = tomllib.loads(Path("prompts/aliases.toml").read_text(encoding="utf-8"))["labels"]

_MENTIONS = sorted({mention for mentions in VARIANTS.values() for mention in mentions} | set(SHIPPED))


def _label(mention: str, table: AliasTable | None = None) -> str:
    table = table or shipped_aliases()
    return table.label(table.words(mention))


def test_real_variants_have_one_label_each() -> None:
    """More than 600 real ways to write 261 names: each has the label that a person gave it."""
    assert sum(map(len, VARIANTS.values())) > 600
    wrong = {
        mention: _label(mention)
        for label, mentions in VARIANTS.items()
        for mention in mentions
        if _label(mention) != label
    }
    assert wrong == {}


def test_no_two_labels_of_real_names_differ_only_in_their_form() -> None:
    """Without case, hyphens, spaces and plural s all labels that the real names get are still different."""
    labels = {_label(mention) for mentions in VARIANTS.values() for mention in mentions}
    bare = Counter("".join(filter(str.isalnum, label.lower())).removesuffix("s") for label in labels)
    assert [form for form, count in bare.items() if count > 1] == []


@given(st.lists(st.sampled_from(_MENTIONS), min_size=1, max_size=3).map(" ".join))
def test_the_label_of_a_label_is_itself(mention: str) -> None:
    """Labels are stable, whatever names of the table are in them: what was tagged once can be tagged again."""
    label = _label(mention)
    assert _label(label) == label


@pytest.mark.parametrize("label", SHIPPED)
def test_every_shipped_name_has_its_label(label: str) -> None:
    """A label is its own label, whatever acronyms are in it, and that of all its other names and their plurals."""
    for name in (label, *SHIPPED[label]):
        assert _label(name) == label
        assert " " in name or _label(f"{name}s") == label


@pytest.mark.parametrize(
    ("mention", "label"),
    [
        ("LLM-based agents", "large language model-based agent"),
        ("multimodal LLMs", "multimodal large language model"),
        ("R-CNN-based detectors", "R-CNN-based detector"),
        ("BERT finetuning", "BERT fine-tuning"),
        ("VLA models", "vision-language-action model"),
        ("vision language pretraining", "vision-language pretraining"),
        ("MoE layers", "mixture-of-experts layer"),
        ("UNets", "U-Net"),
        ("resnet50", "ResNet-50"),
        ("LLM models", "large language model"),
        ("CNN architecture", "convolutional neural network architecture"),
        ("convolutional network architectures", "convolutional neural network architecture"),
        ("video clip retrieval", "video clip retrieval"),
        ("CLIP retrieval", "CLIP retrieval"),
        ("AIS", "AIS"),
        ("RLS", "RLS"),
        ("data gloves", "data glove"),
        ("Realtime time-series forecasting", "real-time time series forecasting"),
    ],
)
def test_names_are_known_inside_of_mentions(mention: str, label: str) -> None:
    """An acronym is spelled out wherever it stands, and a name is shown as it is usually written."""
    assert _label(mention) == label
    assert _label(label) == label


def test_tables_stand_on_each_other() -> None:
    """A name that a table does not have is looked up in the one beneath."""
    upper = AliasTable({"tidal basin network": ["TBN"]}, beneath=AliasTable({"Basinet": ["BNT"]}))
    assert _label("TBN with BNTs", upper) == "tidal basin network with Basinet"
    assert upper.find(upper.words("tidal-basin networks")) == "tidal basin network"
    assert upper.find(upper.words("Basinet")) is None
    assert upper.expand("BNT") == ()


def test_the_shipped_table_is_sorted_and_says_nothing_twice() -> None:
    """A person can find an entry, no name belongs to two labels, and none is there that the words alone would give."""
    assert list(SHIPPED) == sorted(SHIPPED, key=str.lower)
    owners: dict[tuple[str, ...], str] = {}
    for label, aliases in SHIPPED.items():
        for name in aliases:
            assert words_of(name) != words_of(label), name
            assert owners.setdefault(words_of(name), label) == label
