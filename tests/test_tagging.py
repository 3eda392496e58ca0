"""Mentions become labels."""

import pytest

from summarizer.glossary import Glossary
from summarizer.records import Answer, Evidence, Mention, Method, Paper, Source
from summarizer.tagging import Tagger, Tags
from summarizer.vocabulary import TagVocabulary

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


def _paper(abstract: str = "Nothing is defined here.") -> Paper:
    return Paper(id="p", title="A title", abstract=abstract, source=Source(name="p.jsonl", line=1))


def _tags(
    tagger: Tagger, *, tasks: tuple[str, ...] = (), methods: tuple[str, ...] = (), paper: Paper | None = None
) -> Tags:
    answer = _ANSWER.model_copy(update={"field": None, "modalities": ()})
    return tagger.tag(
        answer,
        paper or _paper(),
        [Mention(name=name, evidence=_FOUND) for name in tasks],
        [Method(name=name, role="used", evidence=_FOUND) for name in methods],
    )


def _labels(tags: Tags) -> list[tuple[str, str]]:
    return [(tag.facet, tag.label) for tag in tags.known]


def test_each_label_stands_once_with_its_first_mention() -> None:
    """Two mentions of one label make one tag, which keeps the first; the closed lists have no mention."""
    tasks = [Mention(name="Stream-Counting", evidence=_FOUND), Mention(name="stream counting", evidence=_FOUND)]
    tags = Tagger().tag(_ANSWER, _paper(), tasks, ())
    assert [(found.facet, found.label, found.mention) for found in tags.known] == [
        ("field", "robotics", None),
        ("modality", "image", None),
        ("task", "stream counting", "Stream-Counting"),
    ]
    assert tags.proposed == ()


def test_a_name_that_is_not_in_the_text_makes_no_tag() -> None:
    """Tags never spread what the model invented."""
    method = Method(name="GhostNet", role="used", evidence=_ABSENT)
    assert Tagger().tag(_ANSWER.model_copy(update={"modalities": ()}), _paper(), (), (method,)).known[1:] == ()


def test_a_plain_summary_has_no_field() -> None:
    """When the field was not asked there is no tag for it."""
    answer = _ANSWER.model_copy(update={"field": None, "modalities": ()})
    assert Tagger().tag(answer, _paper(), (), ()) == ((), ())


def test_a_mention_without_a_word_makes_no_tag() -> None:
    """A dash is no label."""
    assert _tags(Tagger(), methods=("--", "()")) == ((), ())


def test_the_papers_own_definition_goes_first() -> None:
    """What LLM means here is said here, whatever the batch and the shipped table say."""
    paper = _paper("We grow loam layer models (LLMs) in pots.")
    glossary = Glossary()
    glossary.add(_paper("Large lake maps (LLMs) are drawn."))
    assert _labels(_tags(Tagger(None, glossary), methods=("LLMs", "LLM pruning"), paper=paper)) == [
        ("method", "loam layer model"),
        ("method", "loam layer model pruning"),
    ]


def test_no_paper_of_a_batch_renames_what_all_others_call_so() -> None:
    """What an acronym means in the whole field goes before the definition of one paper, which may be hostile."""
    glossary = Glossary([_paper("Lousy lying machines (LLMs) meet Quick Query Zones (QQZ).")])
    assert _labels(_tags(Tagger(None, glossary), methods=("LLM", "QQZs"))) == [
        ("method", "large language model"),
        ("method", "quick query zone"),
    ]
    assert _labels(_tags(Tagger(), methods=("QQZs",))) == [("method", "qqz")]


def test_own_definitions_may_use_acronyms() -> None:
    """The words of a long form are spelled out in turn."""
    paper = _paper("We propose noise prior GAN (NPGAN).")
    assert _labels(_tags(Tagger(), methods=("NPGANs",), paper=paper)) == [
        ("method", "noise prior generative adversarial network")
    ]


_VOCABULARY = TagVocabulary("""
ignored = ["deep learning"]
[tasks]
"Flood watch" = ["river level forecasting", "RLF"]
[methods]
"sparse autoencoder" = ["SAE"]
"RAG" = []
"TBN" = []
""")


@pytest.mark.parametrize(
    ("mention", "label"),
    [
        ("River-Level Forecasting", "Flood watch"),
        ("flood watches", "Flood watch"),
        ("RLF", "Flood watch"),
        ("SAEs", "sparse autoencoder"),
        ("retrieval augmented generation", "RAG"),
        ("tidal basin networks", "TBN"),
    ],
)
def test_the_users_vocabulary_names_the_label(mention: str, label: str) -> None:
    """Aliases, other forms, and the acronyms that the paper or the shipped table explains lead to the user's label."""
    paper = _paper("We read tidal basin networks (TBNs).")
    facet = "task" if label == "Flood watch" else "method"
    tags = _tags(Tagger(_VOCABULARY), tasks=(mention,), paper=paper)
    assert _labels(tags) == [(facet, label)]
    assert tags.proposed == ()


def test_what_the_vocabulary_does_not_have_is_proposed() -> None:
    """A tag never has a label that the user did not allow; what is ignored is not even proposed."""
    tags = _tags(Tagger(_VOCABULARY), tasks=("flood watch", "Deep Learning"), methods=("loam nets", "Loam Net"))
    assert _labels(tags) == [("task", "Flood watch")]
    assert [(tag.facet, tag.label, tag.mention) for tag in tags.proposed] == [("method", "loam net", "loam nets")]


def test_another_meaning_in_the_paper_is_not_the_users_label() -> None:
    """When the paper says that its SAE is something else, it is something else."""
    paper = _paper("We use a shallow aquifer estimate (SAE).")
    tags = _tags(Tagger(_VOCABULARY), methods=("SAE",), paper=paper)
    assert [tag.label for tag in tags.known] == []
    assert [tag.label for tag in tags.proposed] == ["shallow aquifer estimate"]
