"""Promises of `summarizer.writing.grouping`."""

from collections import Counter

from summarizer.records import Record
from summarizer.writing.grouping import ONLY, amount, count_labels, count_papers, group_papers, labels
from summarizer.writing.support import names
from tests.digest_papers import complete, marked, papers


def test_every_paper_stands_in_one_group() -> None:
    """Papers in = papers out: none is lost and none stands twice."""
    given = papers()
    grouped = [paper.id for group in group_papers(given) for paper in group.papers]
    assert sorted(grouped) == sorted(paper.id for paper in given)


def test_groups_go_from_large_to_small_and_end_with_what_failed() -> None:
    """The largest field comes first, then papers without a field, then failed and skipped ones."""
    headings = [group.heading for group in group_papers(papers())]
    assert headings[0] == "computer vision"
    assert headings[-3:] == ["No field tag", "Failed", "Skipped"]


def test_papers_are_grouped_by_the_best_facet_there_is() -> None:
    """Where no paper has a field the tasks are the headings, and without any tag there is one group."""
    without_field = [
        paper.model_copy(update={"tags": tuple(tag for tag in paper.tags if tag.facet != "field")})
        for paper in papers()[:2]
    ]
    assert [group.heading for group in group_papers(without_field)] == ["cloud removal", "hand pose estimation"]
    without_tags = [paper.model_copy(update={"tags": ()}) for paper in without_field]
    assert [group.heading for group in group_papers(without_tags)] == ["Papers"]


def test_the_ledger_adds_up() -> None:
    """The parts of each line sum to its total, and the totals agree with a count by hand."""
    given = [*papers(), *marked()]
    ledger = count_papers(given)
    assert ledger.papers == len(given) == 15
    assert ledger.readers == ("small-reader with annotate/v1",)
    lines = {line.name: (line.total, [part.number for part in line.parts]) for line in ledger.sums}
    assert all(total == sum(parts) for total, parts in lines.values())
    assert lines["Papers"] == (15, [10, 3, 1, 1])
    assert lines["Summaries"] == (13, [12, 1])
    assert lines["Names checked"] == (sum(len(names(paper)) for paper in given), [59, 6])
    assert lines["Numbers of results checked"] == (28, [26, 2])
    assert lines["Quotes checked"] == (20, [16, 2, 2])


def test_the_ledger_tells_what_adds_up_to_nothing() -> None:
    """What has no total of its own is told in words that fit the number."""
    assert count_papers(marked()).remarks == (
        "2 numbers or names in summaries not in the abstract",
        "1 paper with tasks that are not in the abstract and so make no tag",
        "1 result whose parts do not fit together",
        "2 fields asked for and not given",
        "3 lists left empty, which may be right",
        "1 number that the abstracts seem to claim, in no result",
    )


def test_the_ledger_of_nothing_is_zero() -> None:
    """Without papers all parts are there and are zero, and nothing is said of what there could be more of."""
    ledger = count_papers([])
    assert ledger.papers == 0
    assert {line.total for line in ledger.sums} == {part.number for line in ledger.sums for part in line.parts} == {0}
    assert ledger.remarks == (
        "0 numbers or names in summaries not in the abstract",
        "0 fields asked for and not given",
    )


def test_labels_are_counted_by_paper() -> None:
    """A label that a paper carries twice counts once, and every paper has one status."""
    given = papers()
    counted = {entry.facet: dict(entry.counts) for entry in count_labels(given)}
    assert counted["method"] == {"sparse autoencoders": 1}
    assert sum(counted["status"].values()) == len(given)
    assert counted["field"] == Counter(tag.label for paper in given for tag in paper.tags if tag.facet == "field")
    assert counted["checks"] == {
        "fully supported": 10,
        "summary not supported": 1,
        "name not in the abstract": 1,
        "field not given": 1,
    }
    assert counted[ONLY] == {"something unsupported": 1}


def test_a_paper_with_something_unsupported_is_never_fully_supported() -> None:
    """Every answered paper has exactly one of the two labels, and a paper without an answer has neither."""
    for paper in [*papers(), *marked()]:
        kinds = {("checks", "fully supported"), (ONLY, "something unsupported")} & set(labels(paper))
        assert len(kinds) == (paper.status in ("ok", "partial"))
    _, soil = marked()
    assert ("checks", "sentence of the abstract as summary") in labels(soil)


def test_amounts_read_as_papers_write_them() -> None:
    """Signs stand at the number, words apart from it, and a unit that the value already has is not repeated."""
    result = complete().results[0]
    cases = {("41", "%"): "41%", ("3.4", "x"): "3.4x", ("29", "ms"): "29 ms", ("7", ""): "7", ("5%", "%"): "5%"}
    for (value, unit), shown in cases.items():
        assert amount(result.model_copy(update={"value": value, "unit": unit})) == shown


def test_grouping_leaves_records_as_they_are() -> None:
    """A group holds the records themselves, so that no digest can differ from its records."""
    given: list[Record] = papers()
    assert all(any(paper is one for one in given) for group in group_papers(given) for paper in group.papers)
