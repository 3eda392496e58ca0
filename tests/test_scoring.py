"""Records and examples become samples."""

from collections.abc import Iterator

import pytest

from evals.examples import Example
from evals.gazetteer import Gazetteer
from evals.metrics import FEWER, METRICS
from evals.metrics.similarity import Similarity
from evals.samples import Sample
from evals.scoring import CHUNK, samples
from evals.tables import make_table
from summarizer import Record
from summarizer.records import Failure
from tests.scored_papers import example, names, record, tag

_TARGETS = ("A network guesses the depth of streams from sound.", "BrookNet reaches 81.4% accuracy.")


def _samples(*examples: Example, **options: object) -> list[Sample]:
    return list(samples(examples, map(record, examples), **options))  # type: ignore[arg-type]


def test_each_paper_has_all_systems() -> None:
    """The model first, then those that read, those that know the answer, and people."""
    (sample,) = _samples(example(summaries=_TARGETS))
    assert list(sample.systems) == ["model", "title", "first sentence", "LexRank", "oracle sentence", "people"]
    assert sample.systems["model"].prediction.summary == "A network hears how deep streams are."
    assert all("rouge1" in said.sums for said in sample.systems.values())


def test_people_count_on_average() -> None:
    """Two targets that differ have the mean of both directions, as one paper, and no text stands for both."""
    (sample,) = _samples(example(summaries=("deep cold streams", "deep streams freeze now")))
    people = sample.systems["people"]
    assert people.sums["rouge1"] == pytest.approx((4 / 7, 1.0))
    assert people.sums["words"] == (3.5, 1.0)
    assert people.prediction.summary is None


def test_systems_are_held_against_people_on_as_many_targets() -> None:
    """Who writes what one person wrote has all of one target and what people share of the other, as people have."""
    targets = ("deep cold streams", "deep streams freeze now")
    (sample,) = _samples(example(title=targets[0], summaries=targets))
    title, people = sample.systems["title"], sample.systems["people"]
    assert title.sums["rouge1"] == (1.0, 1.0)
    assert title.sums["rouge1.fewer"] == pytest.approx(((1 + 4 / 7) / 2, 1.0))
    assert people.sums["rouge1.fewer"] == people.sums["rouge1"] == pytest.approx((4 / 7, 1.0))
    (alone,) = _samples(example(summaries=targets[:1]))
    assert not any("fewer" in name for said in alone.systems.values() for name in said.sums)


def test_a_gazetteer_is_one_of_the_systems() -> None:
    """Where people labelled names, with the figures of names."""
    gold = names(dataset=["PebbleBed"])
    (sample,) = _samples(example(names=gold), gazetteer=Gazetteer([example(names=gold)]))
    assert sample.systems["gazetteer"].sums["names.exact"] == (1.0, 1.0, 1.0)
    assert "rouge1" not in sample.systems["gazetteer"].sums


def test_a_paper_without_an_answer_keeps_its_baselines() -> None:
    """The error has no figure but coverage, and says what it was."""
    paper = example(summaries=_TARGETS)
    failed = record(paper, status="failed", tldr=None, failure=Failure(kind="transport", message="m"))
    (sample,) = samples([paper], [failed])
    assert set(sample.systems["model"].sums) == {"coverage"}
    assert (sample.outcome, sample.failure) == ("error", "transport")
    assert "rouge1" in sample.systems["title"].sums


def test_a_record_of_another_paper_is_refused() -> None:
    """The data were changed since the records were made, or the order was; the message says which one."""
    papers = [example(1), example(2)]
    for changed in ({"id": "other"}, {"title": "other"}, {"abstract": "other"}):
        records = [record(papers[0]), record(papers[1], **changed)]
        with pytest.raises(Exception, match="papers.jsonl, line 2: is not what the records were made of"):
            list(samples(papers, records))


def test_tags_are_compared_over_the_whole_batch() -> None:
    """Papers of different chunks are of one batch."""
    papers = [example(number) for number in range(CHUNK + 1)]
    records = [record(paper, tags=(tag("depth guessing", f"label {paper.paper.id == 'paper-0'}"),)) for paper in papers]
    found = list(samples(papers, records))
    assert "consistency" not in found[0].systems["model"].sums
    assert found[-1].systems["model"].sums["consistency"] == (0.0, 1.0)


def test_papers_are_read_as_samples_are_taken() -> None:
    """Never more than a chunk is held: memory does not grow with the number of papers."""
    taken = 0

    def examples() -> Iterator[Example]:
        nonlocal taken
        for taken in range(10 * CHUNK):
            yield example(taken)

    def records() -> Iterator[Record]:
        yield from (record(example(number)) for number in range(10 * CHUNK))

    next(samples(examples(), records()))
    assert taken <= CHUNK


def test_similarity_is_added_where_a_summary_is_measured() -> None:
    """By the real encoder: the target itself is like the target; errors and the gazetteer have no figure."""
    pytest.importorskip("torch")
    papers = [example(1, summaries=_TARGETS, names=names(dataset=["PebbleBed"])), example(2, summaries=_TARGETS)]
    failed = record(papers[1], status="failed", tldr=None, failure=Failure(kind="transport", message="m"))
    answered = record(papers[0], tldr={"text": _TARGETS[0]})
    found = list(samples(papers, [answered, failed], Gazetteer([papers[0]]), Similarity()))
    systems = found[0].systems
    assert systems["model"].sums["similarity"] == pytest.approx((1.0, 1.0), abs=1e-5)
    assert {"similarity", "similarity.abstract"} <= set(systems["people"].sums) & set(systems["title"].sums)
    assert not any(name.startswith("similarity") for name in systems["gazetteer"].sums)
    assert set(found[1].systems["model"].sums) == {"coverage"}


def test_every_sum_has_its_metric_and_its_size() -> None:
    """A table can be made of all that is counted, and what it is made of is counted by some paper."""
    paper = example(
        summaries=_TARGETS,
        aspects=dict.fromkeys(("challenge", "approach", "outcome"), _TARGETS[0]),
        names=names(task=["a"], method=["b"], dataset=["?c"], metric=["d"]),
        contribution="method",
        results=[{"value": "81.4", "baseline_value": "3"}],
    )
    sizes = {metric.sums: metric.size for metric in METRICS} | dict.fromkeys(FEWER.values(), 2)
    (sample,) = _samples(paper)
    for said in sample.systems.values():
        assert {name: len(sums) for name, sums in said.sums.items()} == {name: sizes[name] for name in said.sums}
    table = make_table("gold", [sample])
    assert [row.system for row in table.rows] == list(sample.systems)


def test_names_of_metrics_are_unique_and_each_says_what_it_is() -> None:
    """In files and on the command line a name is one figure."""
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert len({metric.title for metric in METRICS}) == len(METRICS)
    assert all(metric.about for metric in METRICS)
