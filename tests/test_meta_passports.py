"""What is known of each metric's agreement with people, as it ships."""

from evals.meta.passports import UNMEASURED, passport, passports, told
from evals.metrics import METRICS


def test_passports_are_of_metrics_that_there_are() -> None:
    """No passport is of a metric without code, and no figure is there twice."""
    assert {one.metric for one in passports()} <= {metric.name for metric in METRICS}
    keys = [(one.metric, one.judgement, one.figure, one.by) for one in passports()]
    assert len(set(keys)) == len(keys)


def test_values_are_inside_of_their_intervals_and_scales() -> None:
    """A correlation is at most 1, an area at most 1, a share at most 100."""
    for one in passports():
        assert abs(one.value) <= (100 if one.figure == "pair_accuracy" else 1)
        assert one.interval is None or one.interval[0] <= one.value <= one.interval[1]


def test_what_was_measured_by_other_code_is_called_so() -> None:
    """A line for a table says value, interval, on how many texts, by what, and when."""
    line = told("words")
    assert "Spearman +0.312 [0.17, 0.43] with the nuggets of 234 summaries (same protocol, other code; 2026-11)" in line
    assert all(one.by == "protocol" for one in passport("words"))


def test_metric_without_a_passport_is_not_measured() -> None:
    """It is said, instead of nothing."""
    assert told("one_sentence") == UNMEASURED == "not measured"
