"""Promises of what stands behind the page: blinding, the file of labels, agreement, gold."""

import random
import resource
import signal
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.annotating.agreement import WINNERS, is_clear, standing
from evals.annotating.gold import GoldFields, GoldMethod, GoldResult, Source, check
from evals.annotating.label_file import LabelFile, read_labels
from evals.annotating.labels import (
    QUESTION,
    Answers,
    Gold,
    Judgement,
    Label,
    Undo,
    Winner,
    blind,
    run_on_the_left,
    unblind,
)
from evals.annotating.pairs import difference
from summarizer.extension import InputError, OutputError

ANSWERS = st.builds(Answers)
JUDGEMENTS = st.builds(Judgement)
TITLE = "WaderNet: Counting Birds"
ABSTRACT = "WaderNet counts birds on\nponds. On PondCount it reaches 81.5% accuracy, compared with 72.0% for HoughGull."


def label(annotator: str, pair: str, winner: Winner, seed: int = 0, *, a: bool = True, b: bool = True) -> Label:
    """What a person stores who finds that, whichever side it stands on."""
    left = run_on_the_left(seed, annotator, pair)
    answers = [Answers(contribution=yes, result=yes, supported=yes, readable=yes) for yes in (a, b)]
    return Label(
        annotator=annotator,
        time="2026-01-01T00:00:00+00:00",
        suite="scitldr",
        id=pair,
        pair=pair,
        question=QUESTION,
        seed=seed,
        left_run=left,
        seen=blind(Judgement(winner=winner, a=answers[0], b=answers[1]), left),
    )


def counted(*labels: Label) -> dict[str, str]:
    """Each pair as a document of its own."""
    return {one.pair: one.pair for one in labels}


@given(JUDGEMENTS, st.integers(), st.text(), st.text())
def test_what_is_blinded_comes_back(judgement: Judgement, seed: int, annotator: str, pair: str) -> None:
    """Whoever stands left: what was judged of each run is what is counted for it, and left is never the other one."""
    left = run_on_the_left(seed, annotator, pair)
    seen = blind(judgement, left)
    assert unblind(seen, left) == judgement
    assert seen.left == (judgement.a if left == "a" else judgement.b)
    assert seen.right == (judgement.b if left == "a" else judgement.a)
    assert (seen.verdict == "left") == (judgement.winner == left)
    assert (seen.verdict == "right") == (judgement.winner in {"a", "b"} and judgement.winner != left)


def test_sides_are_drawn_and_stay() -> None:
    """Each run stands left in half of the pairs, alike for nobody, and the draw is the same at every start."""
    pairs = [f"pair-{number}" for number in range(2000)]
    ada, bea = ([run_on_the_left(7, name, pair) for pair in pairs] for name in ("Ada", "Bea"))
    assert 900 < Counter(ada)["a"] < 1100
    assert 900 < sum(one == other for one, other in zip(ada, bea, strict=True)) < 1100
    assert ada == [run_on_the_left(7, "Ada", pair) for pair in pairs]
    assert ada != [run_on_the_left(8, "Ada", pair) for pair in pairs]
    # Written down once: with another draw a study could not go on where it was.
    assert [run_on_the_left(0, "Ada", pair) for pair in pairs[:8]] == ["a", "a", "a", "a", "a", "a", "a", "b"]


@pytest.mark.parametrize("wanted", [0.0, 0.35, 0.6, 0.85, 1.0])
def test_simulated_people_have_the_kappa_that_they_were_made_with(tmp_path: Path, wanted: float) -> None:
    """One says what the other says with a chance of `wanted`, else something by the same shares: kappa is `wanted`."""
    drawn = random.Random(20261127)  # noqa: S311 - a repeatable simulation
    shares = (0.4, 0.3, 0.2, 0.1)
    lines = []
    for number in range(2000):
        first, other = drawn.choices(WINNERS, shares, k=2)
        second = first if drawn.random() < wanted else other
        lines += [label("Ada", f"pair-{number}", first), label("Bea", f"pair-{number}", second, seed=3)]
    path = tmp_path / "labels.jsonl"
    path.write_text("".join(line.model_dump_json() + "\n" for line in lines), encoding="utf-8")
    (agreement,) = standing(read_labels(path).labels, counted(*lines)).agreements
    assert agreement.pairs == 2000
    assert agreement.kappa.value == pytest.approx(wanted, abs=0.05)
    if wanted == 1.0:
        # Nobody differed, which says nothing of how often they may.
        assert (agreement.kappa.low, agreement.kappa.high) == (None, None)
        assert agreement.same.low == pytest.approx(99.85)
    else:
        assert agreement.kappa.low is not None
        assert agreement.kappa.high is not None
        assert agreement.kappa.low - 0.02 <= wanted <= agreement.kappa.high + 0.02


def test_kappa_is_cohens() -> None:
    """A table that is worked out by hand, also for the questions: one says yes where the other says no."""
    table: dict[tuple[Winner, Winner], int] = {("a", "a"): 20, ("a", "b"): 5, ("b", "a"): 10, ("b", "b"): 15}
    said = [winners for winners, count in table.items() for _ in range(count)]
    labels = [
        one
        for number, (first, second) in enumerate(said)
        for one in (label("Ada", f"p{number}", first), label("Bea", f"p{number}", second, b=False))
    ]
    (agreement,) = standing(labels, counted(*labels)).agreements
    assert agreement.same.value == pytest.approx(70.0)
    assert agreement.kappa.value == pytest.approx(0.4)  # (0.7 - 0.5) / (1 - 0.5)
    assert agreement.answers.value == pytest.approx(0.0)  # half is the same, and as much by chance


def test_alpha_is_krippendorffs() -> None:
    """Three people and a gap: the value of the published coincidence matrix of such a table."""
    table: list[tuple[Winner | None, ...]] = [
        ("a", "a", None),
        ("b", "b", "b"),
        ("a", "b", "b"),
        ("tie", "tie", "tie"),
        ("a", "a", "a"),
        (None, "tie", None),
    ]
    labels = [
        label(name, f"p{number}", winner)
        for number, row in enumerate(table)
        for name, winner in zip(("Ada", "Bea", "Cem"), row, strict=True)
        if winner
    ]
    found = standing(labels, counted(*labels)).alpha
    assert found is not None
    # By hand: coincidences a-a 5, b-b 4, tie-tie 3, a-b 1 and b-a 1; 14 values, 6 a, 5 b, 3 ties; 1 - 13 * 2 / 126.
    assert found.value == pytest.approx(1 - 13 * 2 / 126)


def test_nothing_is_made_of_nothing() -> None:
    """Without labels there is no rate, and where both always say the same there is no kappa."""
    empty = standing([], {})
    assert (empty.wins.rate.value, empty.agreements, empty.alpha) == (None, (), None)
    labels = [label(name, f"p{number}", "tie") for number in range(5) for name in ("Ada", "Bea")]
    (agreement,) = standing(labels, counted(*labels)).agreements
    assert agreement.same.value == pytest.approx(100.0)
    assert agreement.kappa.value is None


def test_papers_of_one_document_are_no_independent_wins() -> None:
    """Forty papers of four documents make a wider interval than forty of their own, and nothing clear."""
    winners: tuple[Winner, ...] = ("b",) * 30 + ("a",) * 10
    lines = [label("Ada", f"pair-{number:02}", winner) for number, winner in enumerate(winners)]
    alone = standing(lines, counted(*lines)).wins
    together = standing(lines, {line.pair: str(number // 10) for number, line in enumerate(lines)}).wins
    assert (alone.clear, together.clear) == ("b", None)
    assert alone.rate.value == together.rate.value == 75.0
    assert (together.rate.low, together.rate.high) == (25.0, 100.0)
    assert (alone.rate.low or 0.0) > 50.0


def test_the_rate_of_b_is_wilsons() -> None:
    """Papers count, not labels; ties are told apart; 8 of 10 has the interval that Wilson gives."""
    winners: tuple[Winner, ...] = ("b", "b", "b", "b", "b", "b", "b", "b", "a", "a", "tie", "both_bad")
    labels = [label(name, f"p{number}", winner) for number, winner in enumerate(winners) for name in ("Ada", "Bea")]
    labels.append(label("Cem", "p0", "a"))
    wins = standing(labels, counted(*labels)).wins
    assert (wins.a, wins.b, wins.tie, wins.both_bad) == (2, 8, 1, 1)
    assert wins.rate.value == pytest.approx(80.0)
    assert wins.rate.low == pytest.approx(49.02, abs=0.01)
    assert wins.rate.high == pytest.approx(94.33, abs=0.01)
    assert wins.clear is None


def test_looking_often_seldom_finds_what_is_not_there() -> None:
    """Of 400 studies of equal runs, looked at after each of 300 labels, at most 5 % ever call one better."""
    drawn = random.Random(20261127)  # noqa: S311 - a repeatable simulation
    wrong = 0
    for _ in range(400):
        wins = 0
        for count in range(1, 301):
            wins += drawn.random() < 0.5
            if is_clear(wins, count - wins):
                wrong += 1
                break
    assert wrong <= 20
    assert is_clear(30, 5)
    assert is_clear(5, 30)
    assert not is_clear(12, 8)


def test_labels_of_other_answers_or_questions_do_not_count() -> None:
    """A label is of these two summaries and this question."""
    mine, other = label("Ada", "p1", "a"), label("Ada", "p2", "b")
    old = label("Ada", "p3", "b").model_copy(update={"question": "0"})
    found = standing([mine, other, old], counted(mine, old))
    assert (found.people, found.wins.a, found.wins.b) == ({"Ada": 1}, 1, 0)


def test_the_last_line_counts(tmp_path: Path) -> None:
    """A change is a line, taking back is a line, and both are found again by who opens the file later."""
    path = tmp_path / "labels.jsonl"
    with LabelFile(path) as file, LabelFile(path) as other:
        file.append(label("Ada", "p1", "a"))
        file.append(label("Bea", "p1", "b"))
        file.append(label("Ada", "p1", "tie"))
        assert [one.seen.verdict for one in other.read().labels if one.annotator == "Ada"] == ["tie"]
        last = label("Bea", "p1", "b")
        other.append(Undo(annotator="Bea", time=last.time, suite=last.suite, id=last.id, pair=last.pair))
        assert [one.annotator for one in file.read().labels] == ["Ada"]
    assert [(one.annotator, one.seen.verdict) for one in read_labels(path).labels] == [("Ada", "tie")]
    assert len(path.read_bytes().splitlines()) == 4


@pytest.mark.parametrize("torn", [b"{", b'{"annotator":"Ada","time":"2026', b"\0\0\0"])
def test_a_torn_line_is_taken_away(tmp_path: Path, torn: bytes) -> None:
    """What a kill left at the end is no label and spoils none."""
    path = tmp_path / "labels.jsonl"
    whole = label("Ada", "p1", "a").model_dump_json().encode() + b"\n"
    path.write_bytes(whole + torn)
    assert len(read_labels(path).labels) == 1
    with LabelFile(path) as file:
        assert len(file.read().labels) == 1
        file.append(label("Ada", "p2", "b"))
    assert path.read_bytes().startswith(whole)
    assert [one.pair for one in read_labels(path).labels] == ["p1", "p2"]


def test_a_line_without_its_end_is_kept(tmp_path: Path) -> None:
    """An editor may leave out the last line feed; that label is somebody's, before and after the next one."""
    path = tmp_path / "labels.jsonl"
    path.write_text(label("Ada", "p1", "a").model_dump_json(), encoding="utf-8")
    assert [one.pair for one in read_labels(path).labels] == ["p1"]
    with LabelFile(path) as file:
        assert [one.pair for one in file.read().labels] == ["p1"]
        file.append(label("Ada", "p2", "b"))
        assert [one.pair for one in file.read().labels] == ["p1", "p2"]
    assert [one.pair for one in read_labels(path).labels] == ["p1", "p2"]


def test_a_full_disk_costs_no_label_of_before(tmp_path: Path) -> None:
    """What cannot be stored is told and leaves the file as it was, also behind a line without its end."""
    path = tmp_path / "labels.jsonl"
    path.write_text(label("Ada", "p1", "a").model_dump_json(), encoding="utf-8")
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with LabelFile(path) as file:
            resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, limits[1]))
            with pytest.raises(OutputError, match="not stored"):
                file.append(label("Ada", "p2", "b"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.read_bytes() == before


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    """It is named with its line, and not a byte of it changes."""
    path = tmp_path / "notes.jsonl"
    content = label("Ada", "p1", "a").model_dump_json() + '\n{"note": "buy bread"}\n'
    path.write_text(content, encoding="utf-8")
    for opened in (LabelFile, read_labels):
        with pytest.raises(InputError, match="notes.jsonl, line 2: not a line of labels"):
            opened(path)
    assert path.read_text(encoding="utf-8") == content


def test_a_file_that_is_deleted_takes_no_more_labels(tmp_path: Path) -> None:
    """What nobody would find again is not called stored."""
    path = tmp_path / "labels.jsonl"
    with LabelFile(path) as file:
        file.append(label("Ada", "p1", "a"))
        path.unlink()
        with pytest.raises(OutputError, match="was deleted"):
            file.append(label("Ada", "p2", "a"))


def test_the_difference_needs_no_gold() -> None:
    """Other words are a difference, and so are other scores; unknown sums are not looked at."""
    same = difference("Birds are counted.", "Birds are counted.", {}, {})
    other = difference("Birds are counted.", "Ponds are deep.", {}, {})
    assert same == pytest.approx(0.0)
    assert other == pytest.approx(2 / 3)
    scored = difference("Birds are counted.", "Birds are counted.", {"rouge1": (0.9, 1.0)}, {"rouge1": (0.2, 1.0)})
    assert scored == pytest.approx(0.7)
    assert difference("Birds.", "Birds.", {"words": (9.0, 1.0)}, {"words": (2.0, 1.0)}) == 0.0
    assert difference("Birds.", "Birds.", {"rouge1": (0.9, 1.0)}, {"unheard": (0.2, 1.0)}) == 0.0


def result(**fields: str | None) -> GoldResult:
    """A result of the abstract; any field can be set."""
    made = {"value": "81.5", "unit": "%", "metric": "accuracy", "dataset": "PondCount", "method": None}
    made |= {"baseline_value": "72.0", "kind": "absolute", "evidence": "On PondCount it reaches 81.5% accuracy"}
    return GoldResult.model_validate(made | fields)


def test_gold_is_kept_in_the_spelling_of_the_paper() -> None:
    """White space may differ, as browsers change line ends; names that are the same are one."""
    gold = GoldFields(
        tldr="WaderNet counts birds with 81.5% accuracy.",
        contribution="method",
        tasks=("birds on ponds", "birds  on\nponds"),
        methods=(GoldMethod(name="WaderNet", role="proposed"), GoldMethod(name="HoughGull", role="compared")),
        datasets=("PondCount",),
        metrics=(),
        results=(result(),),
    )
    found, problems = check(gold, Source(TITLE, ABSTRACT))
    assert problems == []
    assert found == gold.model_copy(update={"tasks": ("birds on\nponds",)})


@pytest.mark.parametrize(
    ("gold", "field"),
    [
        (GoldFields(tldr="WaderNet reaches 99.9% accuracy."), "tldr"),
        (GoldFields(tldr="WaderNet counts birds. It is good."), "tldr"),
        (GoldFields(tldr="bird " * 31), "tldr"),
        (GoldFields(tasks=("bird counting",)), "tasks"),
        (GoldFields(datasets=("pondcount",)), "datasets"),
        (GoldFields(metrics=("F1",)), "metrics"),
        (GoldFields(tasks=("Counting", "birds", "Birds")), "tasks"),
        (GoldFields(results=(result(value="81"),)), "result 1, value"),
        (GoldFields(methods=(GoldMethod(name="GullNet", role="used"),)), "methods"),
        (GoldFields(results=(result(value="81.6", evidence="81.6% accuracy"),)), "result 1, value"),
        (GoldFields(results=(result(value="72.0"),)), "result 1"),
        (GoldFields(results=(result(unit="points"),)), "result 1, unit"),
        (GoldFields(results=(result(), result(dataset="PondCount-2"))), "result 2, dataset"),
        (GoldFields(results=(result(evidence="81.5% of the time"),)), "result 1, evidence"),
        (GoldFields(results=(result(evidence=f"{TITLE} {ABSTRACT}"),)), "result 1, evidence"),
    ],
)
def test_gold_that_the_paper_does_not_have_is_refused(gold: GoldFields, field: str) -> None:
    """Names, values and evidence are words of the title or of the abstract, and a summary has no other number."""
    _, problems = check(gold, Source(TITLE, ABSTRACT))
    assert problems[0].field == field
    assert {problem.field.partition(",")[0] for problem in problems} == {field.partition(",")[0]}


@given(st.text(min_size=1), st.text(min_size=1))
def test_what_is_found_is_verbatim(words: str, abstract: str) -> None:
    """Whatever is looked for: what comes is a part of the paper, and any part of the paper is found."""
    found = Source("", abstract).find(words)
    assert found is None or found in abstract
    if abstract.strip():
        assert Source("", abstract).find(abstract) == abstract.strip()


def test_gold_of_a_paper_is_replaced_by_later_gold(tmp_path: Path) -> None:
    """For each person and paper the last one stands."""
    first = Gold(
        annotator="Ada", time="now", suite="gold", id="p1", title=TITLE, abstract=ABSTRACT, gold=GoldFields(tasks=())
    )
    last = first.model_copy(update={"gold": GoldFields(datasets=("PondCount",))})
    with LabelFile(tmp_path / "labels.jsonl") as file:
        for line in (first, first.model_copy(update={"annotator": "Bea"}), last):
            file.append(line)
        assert file.read().gold_of("Ada", "gold", "p1") == last
        assert len(file.read().gold) == 2
