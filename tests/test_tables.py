"""Tables: the values of all systems, from what each paper adds, with intervals and without surprises."""

import math

import numpy as np
import pytest

from evals.metrics.metric import Metric, f1, mean, precision, share
from evals.samples import MODEL, PEOPLE, Said, Sample
from evals.tables import Columns, make_table
from summarizer.errors import InputError
from tests.eval_runs import rouge, sample, scores

METRICS = (
    Metric("hits", "hits", "share of hits", "hits", 2, share, "part"),
    Metric("precision", "precision", "of names", "names", 3, precision, "part"),
    Metric("f1", "F1", "of names", "names", 3, f1, "part"),
    Metric("seconds", "seconds", "time", "time", 2, mean, "part", "seconds", "lower"),
)


def both(number: int, model: float, title: float | None) -> Sample:
    """A paper of which the model and, if it has a value, the title are measured."""
    one = sample(number, rouge(model))
    systems = dict(one.systems)
    if title is not None:
        systems["title"] = Said(prediction=one.systems[MODEL].prediction, sums=rouge(title))
    return one.model_copy(update={"systems": systems})


def test_metrics_with_the_same_sums_share_columns() -> None:
    """Precision and F1 follow from the same three numbers; each figure counts the papers that add to it."""
    columns = Columns(METRICS)
    assert columns.width == (2 + 1) + (3 + 1) + (2 + 1)
    rows = np.stack(
        [columns.of({"hits": (1.0, 1.0), "names": (1.0, 2.0, 4.0)}), columns.of({"names": (2.0, 2.0, 2.0)})]
    )
    hits, right, both_ways, seconds = columns.figures
    totals = rows.sum(axis=0)
    assert [float(figure.of(totals)) for figure in (hits, right, both_ways)] == pytest.approx([100.0, 75.0, 60.0])
    assert math.isnan(seconds.of(totals))
    assert [figure.papers(rows) for figure in columns.figures] == [1, 2, 2, 0]
    assert [figure.full for figure in columns.figures] == [100.0, 100.0, 100.0, None]


@pytest.mark.parametrize(
    ("sums", "named"),
    [
        ({"unheard_of": (1.0, 1.0)}, "unheard_of"),
        ({"hits": (1.0, 1.0, 1.0)}, "hits"),
        ({"hits": (1.0,)}, "hits"),
        ({"hits": (math.nan, 1.0)}, "finite"),
        ({"hits": (math.inf, 1.0)}, "finite"),
    ],
)
def test_sums_of_another_version_are_refused(sums: dict[str, tuple[float, ...]], named: str) -> None:
    """A file that holds other sums, more or fewer of them, or none that are numbers, is told and never added up."""
    with pytest.raises(InputError, match=named):
        Columns(METRICS).of(sums)


def test_a_table_has_each_system_with_its_papers() -> None:
    """The model comes first, each system has the mean of its own papers, and what was not measured is not there."""
    table = make_table("scitldr", [both(1, 0.2, None), both(2, 0.4, 0.9), both(3, 0.6, 0.7)], resamples=200)
    assert (table.suite, table.papers) == ("scitldr", 3)
    model, title = table.rows
    assert (model.system, title.system) == (MODEL, "title")
    assert set(model.cells) == {"rouge1", "rouge2", "rougeL"}
    assert model.cells["rouge1"].value == pytest.approx(40.0)
    assert title.cells["rouge1"].value == pytest.approx(80.0)
    assert [row.cells["rouge1"].papers for row in table.rows] == [3, 2]
    low, high = model.cells["rouge1"].low, model.cells["rouge1"].high
    assert low is not None
    assert high is not None
    assert 20.0 <= low < 40.0 < high <= 60.0


def test_the_same_samples_make_the_same_bytes() -> None:
    """Twice the same table, to the last digit."""
    values = scores(np.random.default_rng(1), 80)
    first, second = (
        make_table("scitldr", (both(number, value, 0.3) for number, value in enumerate(values)), resamples=500)
        for _ in range(2)
    )
    assert first.model_dump_json() == second.model_dump_json()


def test_no_samples_make_an_empty_row() -> None:
    """Of nothing nothing is measured, and the row of the model says so."""
    table = make_table("scitldr", [])
    assert (table.papers, [(row.system, row.cells) for row in table.rows]) == (0, [(MODEL, {})])


def test_papers_of_one_document_count_as_one() -> None:
    """A document that is there four times has four papers and the interval of one."""
    values = scores(np.random.default_rng(2), 60)
    alone = make_table("scitldr", (sample(number, rouge(value)) for number, value in enumerate(values)), resamples=500)
    copied = make_table(
        "scitldr",
        (sample(number, rouge(value)) for number, value in enumerate(values) for _ in range(4)),
        resamples=500,
    )
    one, four = alone.rows[0].cells["rouge1"], copied.rows[0].cells["rouge1"]
    assert (one.low, one.high) == (four.low, four.high)
    assert (one.papers, four.papers) == (60, 240)


def test_beyond_people_is_saturated() -> None:
    """As many targets and the same papers decide, and the interval of the difference: not the figures in the table."""
    rng = np.random.default_rng(0)

    def said(one: Sample, value: float, fewer: float) -> Said:
        sums = rouge(value) | {f"{name}.fewer": sums for name, sums in rouge(fewer).items()}
        return Said(prediction=one.systems[MODEL].prediction, sums=sums)

    samples = []
    for number in range(100):
        one, people = sample(number, {}), rng.uniform(0.2, 0.4)
        spread = rng.normal(0.0, 0.1)
        systems = {
            MODEL: said(one, people + 0.08, people + 0.05 + spread),
            "title": said(one, people + 0.08, people + spread),
            "LexRank": said(one, people + 0.08, people - 0.05 + spread),
            PEOPLE: said(one, people, people),
        }
        samples.append(one.model_copy(update={"systems": systems}))
    rows = {row.system: row for row in make_table("scitldr", samples, resamples=1_000).rows}
    assert {system: row.saturated for system, row in rows.items()} == {
        MODEL: ("rouge1", "rouge2", "rougeL"),
        "title": (),
        "LexRank": (),
        PEOPLE: (),
    }
    assert set(rows[MODEL].cells) == {"rouge1", "rouge2", "rougeL"}
    alone = [one.model_copy(update={"systems": {MODEL: one.systems[MODEL]}}) for one in samples]
    assert make_table("scitldr", alone, resamples=100).rows[0].saturated == ()
