"""The names of metrics, by which gates and files call them."""

from pathlib import Path

from evals.metrics import METRICS, NAMED


def test_every_metric_is_documented_as_it_is() -> None:
    """`docs/metrics.md` has one row for each, with its name, unit, direction and what it counts, and no other row."""
    text = (Path(__file__).parent.parent / "docs" / "metrics.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert rows == [f"| `{one.name}` | {one.unit} | {one.better} | {one.family} | {one.about} |" for one in METRICS]


def test_no_two_metrics_have_one_name() -> None:
    """What a gate names is one figure."""
    assert len(NAMED) == len(METRICS)
