"""Promises of `summarizer.writing.support`."""

from typing import get_args

import pytest

from summarizer.records import Caution, Evidence, Flag, Record
from summarizer.writing.support import (
    ABSENT,
    ABSENT_QUOTE,
    COLUMNS,
    FOLDED,
    Mark,
    doubts,
    empty,
    evidence_mark,
    flag_marks,
    is_extractive,
    missing,
    names,
    numbers,
    quote_words,
    raw_words,
    unsupported_parts,
)
from tests.digest_papers import Draft, complete, marked, papers


def test_every_flag_is_told_at_the_part_that_it_is_about() -> None:
    """No flag is lost: each makes one mark, at the value or at the cell that its name says."""
    result = complete().results[0]
    for flag in get_args(Flag):
        flagged = result.model_copy(update={"flags": (flag,)})
        marks = {part: flag_marks(flagged, part) for part in ("value", *COLUMNS)}
        places = [part for part, found in marks.items() if found]
        part = flag.partition("_")[0]
        assert places == [{"baseline": "baseline_value", "crossed": "baseline_value", "unit": "value"}.get(part, part)]
        assert (marks[places[0]] == [ABSENT]) == flag.endswith("_absent")


@pytest.mark.parametrize(
    ("text", "quote", "match", "mark"),
    [
        ("FloeCast", "FloeCast", "exact", None),
        ("FloeCast", "FloeCast", "folded", FOLDED),
        ("FloeCast", "FloeCast", "absent", ABSENT),
        ("graph  network", "graph\nnetwork", "absent", ABSENT),
        ("sparse autoencoders", "Sparse autoencoders", "absent", ABSENT),
        ("navigation", "ship routing", "absent", ABSENT_QUOTE),
    ],
)
def test_a_quote_that_is_absent_is_not_the_value(text: str, quote: str, match: str, mark: Mark | None) -> None:
    """What is absent is the text itself only when it is what was looked up; else it is its quote."""
    evidence = Evidence.model_validate({"quote": quote, "match": match})
    assert evidence_mark(text, evidence) == mark


def test_the_words_of_the_paper_are_those_that_stand_there() -> None:
    """A folded quote comes as the abstract or the title has it, an absent one as it was given."""
    record = Draft(1, "Of\nice", "A graph\nnetwork.").record("It works.")
    for quote, there in (("graph network", "graph\nnetwork"), ("Of ice", "Of\nice"), ("ship", "ship")):
        found = Draft(1, record.title, record.abstract).evidence(quote)
        assert quote_words(record, found) == there
        assert raw_words(record, found) == (there if found.match != "absent" else "")


def test_a_name_counts_once_however_often_it_serves() -> None:
    """Names of entries, of tags and of results are one list, without the labels of closed lists."""
    ice, _ = marked()
    found = names(ice)
    assert [name for name, there in found.items() if not there] == [
        "SeaIceGAN",
        "ArcticBuoyPositionsReanalysisArchive",
        "ship routing",
        "root-mean-square-displacement-error",
        "FloeTracks-2",
    ]
    assert found["FloeCast"]
    assert "earth science" not in found


def test_values_and_baselines_are_numbers() -> None:
    """Each value counts, and each baseline that there is; a number that is there and does not fit is not absent."""
    ice, _ = marked()
    assert numbers(ice) == [True, True, True, False, False, True]
    assert doubts(ice) == 1


def test_what_is_not_supported_is_named_by_kind() -> None:
    """Every kind of thing that is checked has a name of its own when it fails, and none when it does not."""
    ice, soil = marked()
    assert unsupported_parts(ice) == [
        "summary not supported",
        "name not in the abstract",
        "number not in the abstract",
        "quote not in the abstract",
        "result that does not fit",
    ]
    assert unsupported_parts(soil) == ["quote not in the abstract"]
    assert unsupported_parts(papers()[0]) == []
    task = Caution(code="absent_task", message="tasks that are not in the text make no tag: flying")
    assert unsupported_parts(papers()[0].model_copy(update={"warnings": (task,)})) == ["name not in the abstract"]


def test_a_field_is_missing_only_if_it_was_asked() -> None:
    """Summary, contribution and field are missing when they were asked for and there is an answer without them."""
    _, soil = marked()
    assert missing(soil) == ["contribution", "field"]
    assert empty(soil) == ["tasks", "data sets", "metrics"]
    for said in (None, soil.tldr and soil.tldr.model_copy(update={"text": " "})):
        assert missing(soil.model_copy(update={"tldr": said}))[0] == "summary"
    asked_less = (Caution(code="summary_only", message="nothing else was asked"),)
    assert missing(soil.model_copy(update={"warnings": asked_less})) == []
    assert empty(soil.model_copy(update={"warnings": asked_less})) == []
    failed = soil.model_copy(update={"status": "failed", "tldr": None})
    assert missing(failed) == empty(failed) == []


def test_an_extractive_summary_is_known_by_its_origin() -> None:
    """A sentence of the abstract is no summary of the model, and no record without a summary has one."""
    ice, soil = marked()
    found: list[Record] = [ice, soil, *papers()]
    assert [record.id for record in found if is_extractive(record)] == [soil.id]
