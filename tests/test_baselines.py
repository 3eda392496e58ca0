"""What is in every table: baselines that cost nothing, people, and what is beyond people."""

from evals import baselines
from evals.gazetteer import Gazetteer
from evals.metrics import score
from evals.metrics.summary import rouge
from tests.scored_papers import SENTENCES, example, names

_TARGETS = ("A network guesses the depth of streams from sound.", "BrookNet reaches 81.4% accuracy.")


def test_papers_with_targets_have_all_baselines() -> None:
    """The title, the first sentence, the central one, and the one nearest to a target."""
    found = baselines.summaries(example(summaries=_TARGETS))
    assert {name: said.summary for name, said in found.items()} == {
        "title": "BrookNet: Hearing Depth",
        "first sentence": SENTENCES[0],
        "LexRank": baselines.lexrank(SENTENCES),
        "oracle sentence": SENTENCES[1],
    }


def test_no_sentence_is_nearer_to_a_target_than_the_oracle() -> None:
    """Nearest to any one of them, by ROUGE-1."""
    for targets in (_TARGETS, _TARGETS[:1], _TARGETS[1:]):
        oracle = baselines.summaries(example(summaries=targets))["oracle sentence"].summary or ""
        best = max(rouge(sentence, targets)["rouge1"] for sentence in SENTENCES)
        assert rouge(oracle, targets)["rouge1"] == best


def test_each_aspect_has_an_oracle_of_its_own() -> None:
    """What bounds copying for one is not what bounds it for the other."""
    found = baselines.summaries(example(aspects={"approach": _TARGETS[0], "outcome": _TARGETS[1]}))
    assert found["oracle sentence, approach"].summary == SENTENCES[1]
    assert found["oracle sentence, outcome"].summary == SENTENCES[2]
    assert "oracle sentence" not in found


def test_papers_without_targets_have_no_summaries_by_baselines() -> None:
    """They would be compared with nothing."""
    assert baselines.predictions(example()) == {}


def test_lexrank_takes_the_sentence_that_shares_most_with_the_others() -> None:
    """The one in the middle of three, wherever it stands; with nothing shared the first one."""
    middle = "deep streams freeze in cold winters"
    others = ["deep streams flow", "cold winters pass", "tea is hot", "cups are blue"]
    assert baselines.lexrank([*others, middle]) == baselines.lexrank([middle, *others]) == middle
    assert baselines.lexrank(["one two", "three four"]) == "one two"
    assert baselines.lexrank(["...", "..."]) == "..."


def test_the_gazetteer_is_a_baseline_where_people_labelled_names() -> None:
    """It says what train calls so, and nothing of the summary."""
    gazetteer = Gazetteer([example(names=names(dataset=["PebbleBed"]))])
    found = baselines.predictions(example(names=names(dataset=["PebbleBed"])), gazetteer)
    assert found["gazetteer"].names == {"dataset": ("PebbleBed",)}
    assert found["gazetteer"].summary is None
    assert "gazetteer" not in baselines.predictions(example(summaries=_TARGETS), gazetteer)
    assert "gazetteer" not in baselines.predictions(example(names=names(dataset=["PebbleBed"])))


def test_people_are_compared_with_the_other_people() -> None:
    """Each target once, never with itself; a single one has nobody to be compared with."""
    paper = example(summaries=(*_TARGETS, "Streams."))
    pairs = list(baselines.people(paper))
    assert [said.summary for said, _ in pairs] == list(paper.gold.summaries)
    assert [other.gold.summaries for _, other in pairs] == [
        (_TARGETS[1], "Streams."), (_TARGETS[0], "Streams."), _TARGETS,
    ]  # fmt: skip
    assert all(score(said, other)["rouge1"][0] < 1.0 for said, other in pairs)
    assert not list(baselines.people(example(summaries=_TARGETS[:1])))
