"""Promises of `summarizer.writing.grouping`."""

from collections import Counter

from summarizer.records import Record
from summarizer.writing.grouping import amount, count_labels, count_papers, group_papers, quotes
from tests.digest_papers import complete, papers


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
    """The statuses sum to the papers, the matches sum to the quotes, and both agree with a count by hand."""
    given = papers()
    ledger = count_papers(given)
    assert ledger.papers == len(given) == sum(ledger.statuses.values())
    assert ledger.statuses == {"ok": 10, "partial": 1, "failed": 1, "skipped": 1}
    assert ledger.quotes == sum(ledger.matches.values()) == sum(len(quotes(paper)) for paper in given)
    assert ledger.matches["absent"] == 1
    assert ledger.unsupported == 1
    assert ledger.readers == ("small-reader with annotate/v1",)


def test_the_ledger_of_nothing_is_zero() -> None:
    """Without papers all parts are there and are zero."""
    ledger = count_papers([])
    assert (ledger.papers, ledger.quotes, ledger.unsupported) == (0, 0, 0)
    assert list(ledger.statuses) == ["ok", "partial", "failed", "skipped"]
    assert list(ledger.matches) == ["exact", "folded", "absent"]


def test_a_quote_that_serves_two_items_counts_once() -> None:
    """A name that is a data set and the mention of a tag was looked up once."""
    record = complete()
    assert len(quotes(record)) == len({(quote.quote, quote.start) for quote in quotes(record)})


def test_labels_are_counted_by_paper() -> None:
    """A label that a paper carries twice counts once, and every paper has one status."""
    given = papers()
    counted = {entry.facet: dict(entry.counts) for entry in count_labels(given)}
    assert counted["method"] == {"sparse autoencoders": 1}
    assert sum(counted["status"].values()) == len(given)
    assert counted["field"] == Counter(tag.label for paper in given for tag in paper.tags if tag.facet == "field")
    assert counted["checks"] == {"everything found": 10, "summary not supported": 1, "quote not found": 1}


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
