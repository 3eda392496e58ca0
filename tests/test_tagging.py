"""Mentions become labels."""

from summarizer.records import Answer, Evidence, Mention, Method
from summarizer.tagging import canonical_label, tag

_FOUND = Evidence(quote="x", start=0, end=1, match="exact")
_ABSENT = Evidence(quote="x", match="absent")
_ANSWER = Answer(
    tldr="x",
    contribution="method",
    field="robotics",
    modalities=("image", "image"),
    tasks=(),
    methods=(),
    datasets=(),
    metrics=(),
    results=(),
)


def test_label_keeps_names_and_lowers_words() -> None:
    """Ordinary words are lowered, words with a capital or digit inside are names, white space is one space."""
    assert canonical_label("Sparse  Autoencoders") == "sparse autoencoders"
    assert canonical_label("Robust PCA with ResNet50") == "robust PCA with ResNet50"


def test_each_label_stands_once_with_its_first_mention() -> None:
    """Two mentions of one label make one tag, which keeps the first."""
    tasks = (Mention(name="Stream Counting", evidence=_FOUND), Mention(name="stream counting", evidence=_FOUND))
    tags = tag(_ANSWER, tasks, ())
    assert [(found.facet, found.label, found.mention) for found in tags] == [
        ("field", "robotics", None),
        ("modality", "image", None),
        ("task", "stream counting", "Stream Counting"),
    ]


def test_a_name_that_is_not_in_the_text_makes_no_tag() -> None:
    """Tags never spread what the model invented."""
    method = Method(name="GhostNet", role="used", evidence=_ABSENT)
    assert [found.facet for found in tag(_ANSWER, (), (method,))] == ["field", "modality"]


def test_a_plain_summary_has_no_field() -> None:
    """When the field was not asked there is no tag for it."""
    assert tag(_ANSWER.model_copy(update={"field": None, "modalities": ()}), (), ()) == ()
