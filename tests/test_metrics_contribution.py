"""The kind of contribution: accuracy, and the mean over kinds."""

from typing import get_args

import pytest

from evals.examples import Prediction
from evals.metrics import score
from evals.metrics.contribution import CLASSES
from summarizer.records import Contribution
from tests.scored_papers import example, value


def _papers(*pairs: tuple[Contribution | None, Contribution]) -> list[dict[str, tuple[float, ...]]]:
    return [dict(score(Prediction(contribution=said or ""), example(contribution=gold))) for said, gold in pairs]


def test_figures_are_those_computed_by_hand() -> None:
    """Three of four right; F1 of method 4/5, of resource 2/3, nothing else is there: 73.3."""
    papers = _papers(("method", "method"), ("method", "method"), ("resource", "resource"), ("method", "resource"))
    assert value("contribution.accuracy", papers) == 75.0
    assert value("contribution.macro_f1", papers) == pytest.approx(100 * (4 / 5 + 2 / 3) / 2)


def test_whoever_says_the_most_frequent_kind_is_found_out() -> None:
    """Nine methods and a survey, all called methods: 90 of 100 are right, and the mean of kinds is below half."""
    papers = [*_papers(("method", "method")) * 9, *_papers(("method", "survey"))]
    assert value("contribution.accuracy", papers) == 90.0
    assert value("contribution.macro_f1", papers) == pytest.approx(50 * 18 / 19)


def test_no_answer_is_a_wrong_one() -> None:
    """It is missed and nothing else is said; who was not asked, and what nobody labelled, is not counted."""
    papers = _papers((None, "theory"), ("theory", "theory"))
    assert value("contribution.accuracy", papers) == 50.0
    assert value("contribution.macro_f1", papers) == pytest.approx(100 * 2 / 3)
    assert not score(Prediction(), example(contribution="theory"))
    assert not score(Prediction(contribution="theory"), example())


@pytest.mark.parametrize("kind", CLASSES)
def test_all_seven_kinds_are_counted(kind: Contribution) -> None:
    """Each one alone has all of the figure."""
    assert value("contribution.macro_f1", _papers((kind, kind))) == 100.0
    assert get_args(Contribution) == CLASSES
