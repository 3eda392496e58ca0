"""Abstracts in which one thing is changed, and what records say of them."""

import re
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.counterfactuals.change import CHANGE_KINDS, Change, Edit, changed, reverse
from evals.counterfactuals.following import Outcome, Stability, follows, kind_rows, moved, rate, style_rows
from evals.counterfactuals.names import change_name, pools
from evals.counterfactuals.negations import change_negation
from evals.counterfactuals.numbers import change_number
from evals.counterfactuals.pairs import Pair, make_pairs, make_restyled
from evals.counterfactuals.reformatting import STYLES
from evals.examples import Example, Gold, GoldName
from summarizer import Paper, Record
from summarizer.extension import Source, fold
from summarizer.records import Evidence, Failure, Mention, Tldr

_METHODS = ("DriftNet", "LoamBERT", "MireGAN", "FENCE-2", "AlderFormer")
_DATASETS = ("PebbleBed", "QuayWall-3", "MossBank", "DuneSet", "CairnQA")


def _example(number: int, title: str, abstract: str, gold: Gold | None = None) -> Example:
    source = Source(name="papers.jsonl", line=number + 1)
    paper = Paper(id=f"paper-{number}", title=title, abstract=abstract, source=source)
    return Example(paper=paper, gold=gold or Gold(), sentences=(abstract,), document=paper.id)


@st.composite
def _papers(draw: st.DrawFn) -> list[Example]:
    """Papers with a result, a method and a data set that the text calls so, and a finding."""
    examples = []
    for number in range(draw(st.integers(2, 6))):
        method, dataset = draw(st.sampled_from(_METHODS)), draw(st.sampled_from(_DATASETS))
        score, base = draw(st.integers(310, 989)) / 10, draw(st.integers(11, 300)) / 10
        percent = draw(st.sampled_from(["%", " %", r"\%", " percent"]))
        verb = draw(st.sampled_from(["outperforms", "is better than", "does not need"]))
        abstract = (
            f"Streams are hard to measure. We propose {method}, a network for streams. On the {dataset} data set "
            f"{method} reaches an accuracy of {score}{percent}, where a linear model has {base}{percent}. "
            f"Experiments show that {method} {verb} a gauge."
        )
        examples.append(_example(number, f"{method}: Measuring Streams", abstract))
    return examples


def _texts(paper: Paper) -> dict[str, str]:
    return {"title": paper.title, "abstract": paper.abstract}


def _without(texts: dict[str, str], edits: Sequence[Edit]) -> list[str]:
    """What stands between the places of the edits."""
    pieces = []
    for where, text in texts.items():
        start = 0
        for edit in edits:
            if edit.where == where:
                assert text[edit.start : edit.start + len(edit.old)] == edit.old
                pieces.append(text[start : edit.start])
                start = edit.start + len(edit.old)
        pieces.append(text[start:])
    return pieces


@settings(deadline=None, max_examples=15)
@given(examples=_papers(), seed=st.integers(0, 99))
def test_exactly_what_is_said_differs(examples: list[Example], seed: int) -> None:
    """Outside of the edits both texts are the same; inside the old stands in the one and the new in the other."""
    for pair in make_pairs(examples, 10, seed):
        before, after, change = _texts(pair.original), _texts(pair.changed), pair.change
        assert _without(before, change.edits) == _without(after, reverse(change).edits)
        assert {(edit.old, edit.new) for edit in change.edits} == {(change.old, change.new)}
        assert pair.changed.id != pair.original.id


@settings(deadline=None, max_examples=15)
@given(examples=_papers(), seed=st.integers(0, 99))
def test_nothing_old_is_left_and_nothing_new_was_there(examples: list[Example], seed: int) -> None:
    """A reader of the changed paper cannot know the old, and one of the original not the new."""
    for pair in make_pairs(examples, 10, seed):
        before, after = ("\n".join(_texts(paper).values()) for paper in (pair.original, pair.changed))
        for text, there, not_there in (
            (before, pair.change.old, pair.change.new),
            (after, pair.change.new, pair.change.old),
        ):
            assert re.search(rf"(?<![\w.]){re.escape(there)}(?!\w|\.\d)", text)
            assert not re.search(rf"(?<![\w.]){re.escape(not_there)}(?!\w|\.\d)", text)


@settings(deadline=None, max_examples=15)
@given(examples=_papers(), seed=st.integers(0, 99))
def test_the_reverse_change_restores(examples: list[Example], seed: int) -> None:
    """Taking the change back gives the original, code point for code point."""
    for pair in make_pairs(examples, 10, seed):
        assert changed(pair.changed, reverse(pair.change), pair.original.id) == pair.original


@settings(deadline=None, max_examples=15)
@given(examples=_papers(), seed=st.integers(0, 99), order=st.randoms(use_true_random=False))
def test_pairs_follow_from_seed_and_papers_alone(examples: list[Example], seed: int, order: object) -> None:
    """The order of the file makes no difference, and one paper has at most one pair of a kind."""
    shuffled = list(examples)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    pairs = make_pairs(examples, 3, seed)
    assert pairs == make_pairs(shuffled, 3, seed)
    assert len({(pair.original.id, pair.change.kind) for pair in pairs}) == len(pairs)
    assert all(sum(pair.change.kind == kind for pair in pairs) <= 3 for kind in CHANGE_KINDS)


def test_another_seed_draws_other_pairs() -> None:
    """Values and names are drawn."""
    abstract = "On the PebbleBed data set it reaches an accuracy of 81.4%."
    examples = [_example(number, f"Paper {number}", abstract) for number in range(20)]
    assert make_pairs(examples, 20, 0) != make_pairs(examples, 20, 1)


def test_a_number_keeps_its_form_and_its_place_among_the_others() -> None:
    """Two digits and one behind the point; better than the baseline as before, and not another number of the text."""
    abstract = "We reach an accuracy of 81.4% on 12 streams, where the baseline has 76.9% and an oracle 90.0%."
    for seed in range(60):
        found = _number(abstract, seed)
        assert found is not None
        assert re.fullmatch(r"\d\d\.\d", found.new)
        low, high = {"81.4": (76.9, 90.0), "76.9": (9.9, 81.4), "90.0": (81.4, 100.0)}[found.old]
        assert low < float(found.new) < high


@pytest.mark.parametrize(
    "abstract",
    [
        "We reach an accuracy of 81.4% with 81.4 million weights.",  # the same digits mean another thing
        "The error falls from 7.9% to 6.2%, a gain of 1.7 points.",  # the difference would be wrong
        "Accuracy is high with 95% confidence, and 10% of the labels reduce the error.",  # settings
        "It improves on 3-5% of them, ResNet-50 and 4,200 streams.",  # ranges, names, counts
        "The network has 24 layers and 3% dropout.",  # no result
        "We reach an accuracy of 100%.",  # nothing else is written like that
    ],
)
def test_numbers_that_cannot_be_changed_alone_are_left(abstract: str) -> None:
    """A text that would contradict itself, or that would say something of another kind, is no pair."""
    assert [_number(abstract, seed) for seed in range(20)] == [None] * 20


def test_a_number_that_is_claimed_twice_is_changed_twice() -> None:
    """All places of the claim change together."""
    found = _number("We cut the error by 12%. This gain of 12% holds everywhere.", 0)
    assert found is not None
    assert [edit.start for edit in found.edits] == [20, 38]


def _number(abstract: str, seed: int) -> Change | None:
    return change_number(_example(0, "Streams", abstract).paper, np.random.default_rng(seed))


def _name(title: str, abstract: str, others: Sequence[str], gold: Gold | None = None) -> Change | None:
    example = _example(0, title, abstract, gold)
    rest = [_example(1 + number, f"{name}: A Method", "It works.") for number, name in enumerate(others)]
    return change_name(example, "method", pools([example, *rest]), np.random.default_rng(0))


def test_a_name_is_exchanged_in_title_and_abstract() -> None:
    """Everywhere, in compounds and before an apostrophe too."""
    found = _name("DriftNet: Streams", "DriftNet's error is small, and DriftNet-based gauges are cheap.", ["MossGAN"])
    assert found is not None
    assert (found.old, found.new, [edit.where for edit in found.edits]) == (
        "DriftNet", "MossGAN", ["abstract", "abstract", "title"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("title", "abstract", "other"),
    [
        ("SBN: Streams", "A stream bed network (SBN) reads streams.", "MOG"),  # its letters are explained
        ("SBN: Streams", "We propose SBN (like a beaver) here.", "MOG"),
        ("DriftNet: Streams", "DriftNet is fast, and driftnets are not.", "MossGAN"),  # part of another word
        ("DriftNet: Streams", "We compare DriftNet with DriftNet-2.", "MossGAN"),
        ("DriftNet: Streams", "DriftNet beats MossGAN.", "MossGAN"),  # would name two things alike
        ("DriftNet: Streams", "It is a DriftNet.", "LSTM"),  # a LSTM
        ("DriftNet: Streams", "DriftNet is fast.", "DriftNetX"),  # would still have the old name in it
    ],
)
def test_names_that_would_leave_no_sensible_text_are_left(title: str, abstract: str, other: str) -> None:
    """An acronym that is spelled out, a part of another word, an article that no longer fits."""
    assert _name(title, abstract, [other]) is None


@pytest.mark.parametrize("run", ["ACGT" * 5_000, "A-" * 10_000 + "a", "X1" * 10_000 + "-"])
def test_a_long_run_of_capitals_is_read_through(run: str) -> None:
    """A primer or a hash is no name that takes years to find."""
    examples = [_example(0, f"{run} 1", f"We propose {run}\u00b0 on the {run} \u00b0 of streams.")]
    assert pools(examples) == {"dataset": (), "method": ()}


def test_labelled_names_count_before_what_the_text_says() -> None:
    """What people labelled as a method is one; a name that stands under an alias as well is left alone."""
    abstract = "TarnRank sorts streams. TarnRank, or Tarn Ranking, is fast."
    gold = Gold(names={"method": (GoldName(name="TarnRank"),)})
    found = _name("Sorting", abstract, ["MossGAN"], gold)
    assert found is not None
    assert found.old == "TarnRank"
    with_alias = Gold(names={"method": (GoldName(name="TarnRank", aliases=("Tarn Ranking",)),)})
    assert _name("Sorting", abstract, ["MossGAN"], with_alias) is None


@pytest.mark.parametrize(
    ("sentence", "old", "new"),
    [
        ("We show that the gauge outperforms a pole.", "outperforms", "underperforms"),
        ("We show that a gauge is robust to fog.", "is robust", "is not robust"),
        ("We find that streams can be read at night.", "can be read", "cannot be read"),
        ("Results show that it does not need a pole.", "does not need a", "does need a"),
        ("Experiments show that one pole is sufficient here.", "is sufficient", "is not sufficient"),
    ],
)
def test_a_finding_becomes_its_contrary(sentence: str, old: str, new: str) -> None:
    """By one word, or by a `not` more or less; the phrase is what a record would repeat."""
    found = [change_negation(_example(0, "Streams", sentence).paper, np.random.default_rng(seed)) for seed in range(9)]
    assert (old, new) in {(one.old, one.new) for one in found if one}


@pytest.mark.parametrize(
    "abstract",
    [
        "Streams are deep. A gauge is robust.",  # no finding
        "We show a necessary condition.",  # an article before it
        "We show that it is not only fast.",  # no denial
        "We find it better. Others are better.",  # twice: which of them does a record repeat?
        "We show results as fast as possible.",
    ],
)
def test_sentences_without_a_contrary_are_left(abstract: str) -> None:
    """What would be no English, or what is no finding, is no pair."""
    assert change_negation(_example(0, "Streams", abstract).paper, np.random.default_rng(0)) is None


_WORDS = (
    "We find efficient fluffy offices, that (GPT-4) pre-training",
    'reaches 81.4% "at once" 10-20 don\'t - and B.',
)
_LIKE_TEXT = st.lists(st.sampled_from(" ".join(_WORDS).split()), min_size=1, max_size=40).map(" ".join)


@pytest.mark.parametrize("style", STYLES)
@settings(deadline=None)
@given(text=_LIKE_TEXT)
def test_another_form_reads_the_same(style: str, text: str) -> None:
    """Folded, both are one text; and every style changes some text."""
    assert fold(STYLES[style](text)).text == fold(text).text
    whole = (
        'We find: "efficient" pre-training, offices - and 81.4% - on a line that is a little longer than sixty letters'
    )
    assert STYLES[style](whole) != whole


def test_each_paper_has_one_form() -> None:
    """As many papers as asked for, each with the style behind its id, and all the rest as it was."""
    papers = [_example(number, "Streams", "Efficient pre-training reaches 81.4%.").paper for number in range(40)]
    found = make_restyled(papers, 30)
    assert len(found) == 30
    assert len({one.style for one in found}) > 3
    for one in found:
        assert one.changed.id == f"{one.original.id}~{one.style}"
        assert one.changed.model_copy(update={"id": one.original.id, "abstract": one.original.abstract}) == one.original


def _record(summary: str, *datasets: str, failure: str | None = None) -> Record:
    evidence = Evidence(quote="", match="absent")
    return Record(
        id="a",
        title="t",
        abstract="b",
        source=Source(name="papers.jsonl", line=1),
        status="failed" if failure else "ok",
        tldr=Tldr(text=summary),
        datasets=tuple(Mention(name=dataset, evidence=evidence) for dataset in datasets),
        failure=Failure(kind=failure, message="") if failure else None,
    )


@pytest.mark.parametrize(
    ("old", "new", "before", "after", "outcome"),
    [
        ("81.4", "63.2", "It reaches 81.4%.", "It reaches 63.2%.", "followed"),
        ("81.4", "63.2", "It reaches 81.4%.", "It reaches 81.4%, not 63.2%.", "kept"),
        ("81.4", "63.2", "It reaches 81.4%.", "It is good.", "lost"),
        ("81.4", "63.2", "It is good.", "It reaches 63.2%.", "not mentioned"),
        ("1.4", "3.2", "It reaches 81.4% and 1.45.", "It reaches 3.2%.", "not mentioned"),
        ("is robust", "is not robust", "It is\nrobust.", "It is not robust.", "followed"),
        ("DriftNet", "MossGAN", "DriftNet-based gauges.", "MossGAN-based gauges.", "followed"),
        ("DriftNet", "MossGAN", "DriftNets work.", "MossGAN works.", "not mentioned"),
    ],
)
def test_following_is_the_new_without_the_old(old: str, new: str, before: str, after: str, outcome: str) -> None:
    """A record that never had the old says nothing of the change, whatever it says later."""
    change = Change(kind="number", old=old, new=new, edits=())
    assert follows(change, _record(before), _record(after)) == outcome


def test_names_of_a_record_count_as_said() -> None:
    """A data set in the list is a mention, and one that stays there is kept."""
    change = Change(kind="dataset", old="PebbleBed", new="DuneSet", edits=())
    assert follows(change, _record("Good.", "PebbleBed"), _record("Good.", "DuneSet")) == "followed"
    assert follows(change, _record("On PebbleBed.", "PebbleBed"), _record("On DuneSet.", "PebbleBed")) == "kept"


def test_papers_without_an_answer_are_failed() -> None:
    """They are neither unstable nor unfaithful."""
    change = Change(kind="number", old="81.4", new="63.2", edits=())
    failed = _record("", failure="truncated")
    assert follows(change, _record("81.4"), failed) == "failed"
    assert moved(failed, _record("81.4")) is None


def test_only_what_reads_differently_has_moved() -> None:
    """Line breaks, ligatures and the order of names are nothing else; another word and another data set are."""
    assert moved(_record("A.", "PebbleBed", "DuneSet"), _record("A.", "DuneSet", "PebbleBed")) == ()
    assert moved(_record("We \ufb01nd\nit."), _record("We find it.")) == ()
    assert moved(_record("A.", "PebbleBed"), _record("B.", "DuneSet")) == ("summary", "names")


def test_rates_are_of_what_was_mentioned() -> None:
    """Not mentioned and failed are columns of their own, and no part of the rate."""
    outcomes = ["followed", "followed", "kept", "not mentioned", "failed"]
    (row,) = kind_rows(
        [
            Outcome.model_validate({"id": "a", "kind": "number", "old": "1", "new": "2", "outcome": one})
            for one in outcomes
        ]
    )
    assert (row.pairs, row.following.count, row.following.of) == (5, 2, 3)
    assert row.outcomes["lost"] == 0
    nothing = kind_rows([Outcome(id="a", kind="number", old="1", new="2", outcome="not mentioned")])
    assert nothing[0].following.value is None


def test_a_rate_of_all_is_not_certain() -> None:
    """Ten of ten leave a fifth and more to chance; none of nothing is no rate."""
    all_of_ten = rate(10, 10)
    assert all_of_ten.value == 100.0
    assert all_of_ten.low == pytest.approx(72.25, abs=0.01)
    assert rate(0, 0).value is None


def test_stability_has_a_row_for_each_style_and_for_all() -> None:
    """A failed paper is told, and not counted as stable."""
    found = [
        Stability(id="a", style="ligatures", moved=()),
        Stability(id="b", style="ligatures", moved=("summary",)),
        Stability(id="c", style="double spaces", moved=None),
    ]
    rows = {row.style: row for row in style_rows(found)}
    assert list(rows) == ["double spaces", "ligatures", "all"]
    assert (rows["all"].papers, rows["all"].failed, rows["all"].same.value) == (3, 1, 50.0)
    assert rows["all"].parts["names"].value == 100.0


def test_an_edit_that_does_not_belong_is_refused() -> None:
    """A change of one paper is none of another."""
    pair = Pair(
        original=_example(0, "A", "Streams.").paper,
        changed=_example(0, "A", "Streams.").paper,
        change=Change(kind="number", old="3", new="4", edits=(Edit(where="abstract", start=0, old="3", new="4"),)),
    )
    with pytest.raises(ValueError, match="'3' does not stand at 0"):
        changed(pair.original, pair.change, "b")
