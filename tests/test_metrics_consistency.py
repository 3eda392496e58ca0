"""The same thing has the same tag in a batch."""

import pytest

from evals.metrics.consistency import Labels, fold
from summarizer.records import Tag
from tests.scored_papers import example, record, tag, value


def _papers(*tags: list[Tag]) -> list[dict[str, tuple[float, ...]]]:
    labels = Labels()
    return [dict(labels.score(record(example(number), tags=found))) for number, found in enumerate(tags)]


def test_later_tags_are_compared_with_the_first() -> None:
    """Of three later ones two have its label; the first one itself is compared with nothing."""
    papers = _papers(
        [tag("depth guessing", "depth guessing")],
        [tag("Depth-Guessing", "depth guessing")],
        [tag("depth guessing", "depth-guessing")],
        [tag("depth guessings", "depth guessing"), tag("river naming", "river naming")],
    )
    assert papers[0] == {}
    assert value("consistency", papers) == pytest.approx(200 / 3)


def test_facets_are_labelled_apart() -> None:
    """What is a method in one paper may be a task in another, and have another label."""
    assert _papers([tag("parsing", "parsing")], [tag("parsing", "parser", "method")])[1] == {}


def test_proposed_tags_are_tags() -> None:
    """That the vocabulary does not have a label makes it no less inconsistent."""
    labels = Labels()
    list(labels.score(record(example(1), tags=[tag("parsing", "parsing")])))
    assert dict(labels.score(record(example(2), proposed_tags=[tag("parsing", "parser")]))) == {
        "consistency": (0.0, 1.0)
    }


def test_tags_that_no_words_stand_behind_are_left_out() -> None:
    """A field is chosen from a list, and not from a mention that could have been labelled otherwise."""
    chosen = Tag(facet="field", label="parsing")
    assert _papers([chosen], [chosen]) == [{}, {}]


def test_two_tags_of_one_paper_are_not_two_papers() -> None:
    """The batch is what is looked at: within a paper nothing was met before."""
    assert _papers([tag("parsing", "parsing"), tag("Parsing", "parser")]) == [{}]


def test_memory_is_bounded() -> None:
    """What was met when as many mentions as allowed were in mind is not looked at again; what was in mind is."""
    labels = Labels(most=1)
    list(labels.score(record(example(1), tags=[tag("parsing", "parsing"), tag("tagging", "tagging")])))
    again = record(example(2), tags=[tag("parsing", "parser"), tag("tagging", "tagger")])
    assert dict(labels.score(again)) == {"consistency": (0.0, 1.0)}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Pre-Training", "pretraining", True),
        ("sparse auto-encoders", "Sparse Autoencoder", True),
        ("analysis", "analysi", False),
        ("class", "clas", False),
        ("parsing", "parser", False),
    ],
)
def test_case_plural_hyphens_and_spaces_make_no_other_mention(one: str, other: str, *, same: bool) -> None:
    """Everything else does."""
    assert (fold(one) == fold(other)) == same
