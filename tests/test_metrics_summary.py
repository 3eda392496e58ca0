"""Summaries: ROUGE as SciTLDR counts it, and the form of a summary."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from evals.examples import Prediction
from evals.metrics import score
from evals.metrics.summary import rouge, rouge1, rouge_of_fewer
from tests.scored_papers import example, value

_NAMES = ("rouge1", "rouge2", "rougeL")
_PLAIN = RougeScorer(list(_NAMES), use_stemmer=True)
#: Many words that share a stem, and what is left out or cut into pieces by the tokenizer.
_TEXT = st.lists(
    st.sampled_from(
        [
            "deep",
            "deeply",
            "stream",
            "streams",
            "streaming",
            "a",
            "is",
            "x2",
            "naïve",
            "Ponies",
            "-",
            "GPT-4",
            "",
            "\u0130",
        ]
    )
    | st.text(max_size=8),
    max_size=12,
).map(" ".join)


def _plain(text: str, targets: list[str]) -> dict[str, float]:
    """The protocol, computed by the plain scorer of `rouge-score` alone."""
    each = [_PLAIN.score(target, text) for target in targets]
    best = max(each, key=lambda found: float(found["rouge1"].fmeasure))
    return {name: best[name].fmeasure for name in _NAMES}


@given(_TEXT, st.lists(_TEXT, min_size=1, max_size=4))
def test_stems_kept_in_mind_change_no_score(text: str, targets: list[str]) -> None:
    """For any texts the scores are those of the scorer of `rouge-score` with its own stemming."""
    assert rouge(text, targets) == pytest.approx(_plain(text, targets), abs=0)
    assert rouge1(text, targets[0]) == _PLAIN.score(targets[0], text)["rouge1"].fmeasure


@given(_TEXT, st.lists(_TEXT, min_size=2, max_size=4))
def test_with_fewer_targets_each_is_left_out_once(text: str, targets: list[str]) -> None:
    """The mean of the scores against all others, for each target that is left out."""
    without = [rouge(text, targets[:at] + targets[at + 1 :]) for at in range(len(targets))]
    expected = {name: sum(one[name] for one in without) / len(targets) for name in _NAMES}
    assert rouge_of_fewer(text, targets) == pytest.approx(expected)


def test_rouge_counts_as_by_hand() -> None:
    """Four of five words and of six, two of four pairs and of five, four in order: F1 is two shared of both."""
    found = rouge("we hear deep cold streams", ["we hear how deep streams flow"])
    assert found == pytest.approx({"rouge1": 8 / 11, "rouge2": 2 / 9, "rougeL": 8 / 11})


def test_words_are_stemmed() -> None:
    """`measuring streams` and `measured stream` are the same words; without stemming they share none."""
    assert rouge("measuring streams", ["measured stream"])["rouge2"] == 1.0
    assert RougeScorer(["rouge1"]).score("measured stream", "measuring streams")["rouge1"].fmeasure == 0.0


def test_all_scores_are_of_the_target_with_the_best_rouge_1() -> None:
    """A target with the same pairs and fewer of the words gives no ROUGE-2: maxima for each are other numbers."""
    text = "deep cold streams freeze late"
    words_alone, pairs = "late freeze streams cold deep", "deep cold streams or nothing of all that else"
    assert rouge(text, [pairs])["rouge2"] > 0.3
    assert rouge(text, [pairs, words_alone]) == rouge(text, [words_alone])
    assert rouge(text, [words_alone])["rouge2"] == 0.0


def test_an_empty_summary_counts_as_0() -> None:
    """It lowers the mean, and has no length, no novelty and no form."""
    paper = example(summaries=["A network hears depth."])
    empty, full = score(Prediction(summary=" \n"), paper), score(Prediction(summary="A network hears depth."), paper)
    assert value("rouge1", [empty, full]) == pytest.approx(50.0)
    assert value("no_summary", [empty, full]) == pytest.approx(50.0)
    assert set(empty) == {*_NAMES, "no_summary"}


def test_who_makes_no_summaries_has_no_score() -> None:
    """That is not a summary of 0."""
    assert not score(Prediction(), example(summaries=["A network hears depth."]))


def test_without_targets_there_is_the_form_alone() -> None:
    """A mean of nothing does not exist."""
    found = score(Prediction(summary="A network hears depth."), example())
    assert not {*_NAMES} & set(found)
    assert found["words"] == (4.0, 1.0)


def test_each_aspect_is_a_metric_of_its_own() -> None:
    """The one summary is compared with each of them, and only with those that people wrote."""
    paper = example(aspects={"approach": "A network hears depth.", "outcome": "It is right."})
    found = score(Prediction(summary="A network hears depth."), paper)
    assert value("approach.rouge1", [found]) == pytest.approx(100.0)
    assert value("outcome.rouge1", [found]) == 0.0
    assert not any(name.startswith("challenge") or name in _NAMES for name in found)


def test_novel_is_what_the_abstract_has_not_as_it_is_written() -> None:
    """Words end at white space and keep case and point: of `we hear Deep Streams in.` it has three.

    Pairs and triples are counted in the same way, and a summary that is too short for one has none.
    """
    paper = example(sentences=["We hear Deep Streams in winter"])
    found = score(Prediction(summary="we hear Deep Streams in."), paper)
    assert [value(f"novel{size}", [found]) for size in (1, 2, 3)] == pytest.approx([40.0, 50.0, 200 / 3])
    assert "novel3" not in score(Prediction(summary="Deep Streams"), paper)


def test_compression_is_words_of_the_abstract_for_each_of_the_summary() -> None:
    """Six words in three are a compression of two."""
    found = score(Prediction(summary="streams are deep"), example(sentences=["we hear deep streams in winter"]))
    assert value("compression", [found]) == 2.0
    assert value("words", [found]) == 3.0


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("A network hears depth.", True),
        ("It gains 3.5% over Brook et al. (2019).", True),
        ("Can networks hear depth?", True),
        ("A network hears depth", False),
        ("A network hears depth. It is right.", False),
    ],
)
def test_one_sentence_is_one_and_has_an_end(text: str, *, is_one: bool) -> None:
    """Points inside of numbers and abbreviations end nothing."""
    assert value("one_sentence", [score(Prediction(summary=text), example())]) == 100.0 * is_one
