"""Labels with other names for them."""

import json
import tomllib
from pathlib import Path

import pytest

from summarizer.aliases import AliasTable
from summarizer.vocabulary import shipped_aliases

VARIANTS = tomllib.loads(Path(__file__).with_name("tag_variants.toml").read_text(encoding="utf-8"))
SHIPPED = tomllib.loads(Path("prompts/aliases.toml").read_text(encoding="utf-8"))["labels"]


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
    """Without case, hyphens, spaces and plural s all labels of the real names are still different."""
    bare = ["".join(filter(str.isalnum, label.lower())).removesuffix("s") for label in VARIANTS]
    assert len(set(bare)) == len(bare)


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
    """A person can find an entry, and no name belongs to two labels."""
    assert list(SHIPPED) == sorted(SHIPPED, key=str.lower)
    names = [name.lower() for label, aliases in SHIPPED.items() for name in (label, *aliases)]
    assert json.dumps(sorted(names)) == json.dumps(sorted(set(names)))
