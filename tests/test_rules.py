"""What answers in lines leave open is read from the paper by rule."""

import pytest

from summarizer.claims import claimed_results
from summarizer.contributions import kind_of_contribution
from summarizer.grounding import ground
from summarizer.passages import Passages
from summarizer.prompting import load_prompt
from summarizer.records import Answer, ClaimedResult, NamedMethod, Paper, Source
from summarizer.rules import read_by_rule

LIMITS = load_prompt("lines").file.limits


def paper(abstract: str, title: str = "") -> Paper:
    """A paper with these words."""
    return Paper(id="1", title=title, abstract=abstract, source=Source(name="test", line=1))


def answer(*, methods: tuple[str, ...] = (), datasets: tuple[str, ...] = (), metrics: tuple[str, ...] = ()) -> Answer:
    """An answer in lines, before rules."""
    return Answer(
        tldr="A sentence.",
        contribution=None,
        field=None,
        modalities=(),
        tasks=(),
        methods=tuple(NamedMethod(name=name, role="used") for name in methods),
        datasets=datasets,
        metrics=metrics,
        results=(),
    )


def read(abstract: str, title: str = "", **named: tuple[str, ...]) -> Answer:
    """What rules make of it."""
    return read_by_rule(answer(**named), paper(abstract, title), LIMITS)


def claims(abstract: str, **named: tuple[str, ...]) -> tuple[ClaimedResult, ...]:
    """The results alone."""
    return read(abstract, "", **named).results


@pytest.mark.parametrize(
    ("title", "abstract", "kind"),
    [
        ("QuayNet: gauges that help each other", "We propose a graph network that fills gaps.", "method"),
        ("Tides", "Water rises and falls.", "method"),
        ("A survey of flood models", "This survey covers forty models.", "survey"),
        ("TideMark: a benchmark for gauges", "We introduce a benchmark of nine harbors.", "resource"),
        ("What do gauges know?", "We investigate eleven networks and find that they know little.", "study"),
        ("On the convergence of tidal descent", "We prove that it converges in every harbor.", "theory"),
        ("HarborKit", "We present an open-source toolkit, with a library for gauges.", "system"),
        ("Position: gauges need owners", "This position paper asks who pays.", "position"),
    ],
)
def test_the_kind_of_contribution_follows_the_words_of_title_and_abstract(title: str, abstract: str, kind: str) -> None:
    """Each kind has its cues, and a paper without any is about a method."""
    assert kind_of_contribution(title, abstract) == kind


@pytest.mark.parametrize(
    ("abstract", "title", "name", "role"),
    [
        ("Gaps are filled.", "QuayNet: gauges that help", "QuayNet", "proposed"),
        ("We introduce QuayNet for gauges.", "", "QuayNet", "proposed"),
        ("QuayNet outperforms the filter.", "", "QuayNet", "proposed"),
        ("We introduce a model that builds on QuayNet.", "", "QuayNet", "used"),
        ("It is trained with Adam.", "Harbors with Adam", "Adam", "used"),
        ("It is better than linear interpolation.", "", "linear interpolation", "compared"),
        ("A Kalman filter baseline is slower.", "", "Kalman filter", "compared"),
    ],
)
def test_the_role_of_a_method_follows_the_words_around_its_name(
    abstract: str, title: str, name: str, role: str
) -> None:
    """What opens the title or is introduced is proposed; what is outperformed is compared."""
    (method,) = read(abstract, title, methods=(name,)).methods

    assert method.role == role


def test_a_number_that_is_claimed_becomes_a_result_with_the_names_of_its_sentence() -> None:
    """Value, unit, metric, data set and what is proposed."""
    (result,) = claims(
        "We propose QuayNet. On TideMark it reaches an accuracy of 91.2%. There are 4,000 readings.",
        methods=("QuayNet",),
        datasets=("TideMark",),
        metrics=("accuracy",),
    )

    assert result == ClaimedResult(
        evidence="On TideMark it reaches an accuracy of 91.2%.",
        value="91.2",
        unit="%",
        metric="accuracy",
        dataset="TideMark",
        method="QuayNet",
        baseline_value=None,
        kind="absolute",
    )


@pytest.mark.parametrize(
    ("abstract", "expected"),
    [
        ("The error falls from 12.5% to 9.1%.", [("9.1", "%", "12.5", "absolute")]),
        ("It reaches 34.4% AP compared to 33.0% for the filter.", [("34.4", "%", "33.0", "absolute")]),
        ("Between 80-95% of storms are seen.", [("80-95", "%", None, "absolute")]),
        ("It is 3.5 times faster.", [("3.5", "times", None, "change")]),
        ("Errors are reduced by 5.6%, 4.5% and 3.0%.", [("5.6", "%", None, "change"), ("4.5", "%", None, "change"),
                                                        ("3.0", "%", None, "change")]),
        ("We see a 2.5% and 1.5% improvement.", [("2.5", "%", None, "change"), ("1.5", "%", None, "change")]),
        ("Storms account for 40% of gaps.", [("40", "%", None, "finding")]),
        ("It is twice as fast.", [("twice", "", None, "change")]),
        ("It gains +4.9 points.", [("+4.9", "points", None, "change")]),
        (r"It needs 60\% of the memory.", [("60", "%", None, "absolute")]),
        ("It has an MSE of 1.2 \u00d7 10\u207b\u00b3.", [("1.2 \u00d7 10\u207b\u00b3", "", None, "absolute")]),
        ("It has an MSE of 1.2 x 10^-3.", [("1.2 x 10^-3", "", None, "absolute")]),
        (r"It has an MSE of 1.2 \times 10^{-3}.", [(r"1.2 \times 10^{-3}", "", None, "absolute")]),
        ("Recall rises by 5% in summer and by 5% in winter.", [("5", "%", None, "change")]),
    ],
)  # fmt: skip
def test_values_are_as_written_with_unit_baseline_and_kind(
    abstract: str, expected: list[tuple[str, str, str | None, str]]
) -> None:
    """A change is told from a score, one value for a range, and what is compared with is no claim of its own."""
    assert [(one.value, one.unit, one.baseline_value, one.kind) for one in claims(abstract)] == expected


@pytest.mark.parametrize(
    "abstract",
    [
        "In 2012 there were storms in all 14 harbors, and PASCAL VOC 2012 has none.",
        "Our contributions are twofold.",
        "It is two orders of magnitude larger, and this is 1 of them.",
        "We use a learning rate of 0.001 and 5-fold cross-validation.",
    ],
)
def test_numbers_that_claim_nothing_are_no_results(abstract: str) -> None:
    """Years, counts and settings."""
    assert claims(abstract) == ()


def test_each_of_several_values_has_the_data_set_that_follows_it() -> None:
    """`A on X and B on Y` are two results with a data set each."""
    found = claims("It gives 86.2% mIoU on Quay and 80.3% mIoU on Mole.", datasets=("Quay", "Mole"), metrics=("mIoU",))

    assert [(one.value, one.dataset) for one in found] == [("86.2", "Quay"), ("80.3", "Mole")]


def test_a_long_sentence_is_cut_to_the_clause_that_holds_the_value() -> None:
    """The evidence is short enough, stands in the abstract, and holds the value."""
    abstract = f"{'Here come many words, ' * 20}and the accuracy is 91.2% {'and more words follow ' * 20}to the end."
    (result,) = claims(abstract)

    assert len(result.evidence) <= LIMITS.evidence
    assert result.evidence in abstract
    assert "91.2" in result.evidence


def test_a_long_sentence_without_marks_is_cut_at_a_word() -> None:
    """Whole words before the value are kept, as many as fit."""
    abstract = f"{'word ' * 100}reaches an accuracy of 91.2%."
    (result,) = claims(abstract)

    assert len(result.evidence) <= LIMITS.evidence
    assert result.evidence.startswith("word ")
    assert result.evidence.endswith("91.2%.")


@pytest.mark.parametrize("digits", [90, 300])
def test_a_number_that_is_longer_than_an_answer_may_hold_is_told_as_missed(digits: int) -> None:
    """It is no result, and not lost either."""
    abstract = f"It reaches an accuracy of 0.{'1' * digits}% in all harbors."
    found = read(abstract)

    assert found.results == ()
    assert [caution.code for caution in ground(found, paper(abstract)).missed] == ["missed_result"]


def test_more_claims_than_an_answer_may_hold_are_left_to_the_warning() -> None:
    """The limit of the prompt holds, and what is left out is told as missed."""
    abstract = " ".join(f"Harbor {name} reaches {at}.5%." for at, name in enumerate("ABCDEFGHIJKLMNOP", 10))
    found = read(abstract)
    grounded = ground(found, paper(abstract))

    assert len(found.results) == LIMITS.results
    assert len(grounded.missed) == 16 - LIMITS.results


def test_what_is_read_by_rule_is_never_flagged_as_absent() -> None:
    """Every value and quote comes from the text."""
    abstract = "We propose QuayNet, which lowers the error from 12.5% to 9.1% on TideMark, 2x faster than a filter."
    found = read(abstract, methods=("QuayNet", "filter"), datasets=("TideMark",), metrics=("error",))
    grounded = ground(found, paper(abstract))

    assert [result.flags for result in grounded.results] == [(), ()]
    assert claimed_results(answer(), Passages(paper("No number.")), LIMITS) == ()


def test_measures_are_known_by_their_names() -> None:
    """Those by which a number is known for a score name it too, where the answer names none."""
    found = claims("It reaches an LPIPS of 0.12, a BERTScore of 0.91, and 41.2 chrF.")

    assert [one.metric for one in found] == ["LPIPS", "BERTScore", "chrF"]


def test_line_breaks_of_an_abstract_hide_nothing() -> None:
    """Names, cues and measures may be broken between two words."""
    broken = "In this\npaper we introduce Quay\nNet and a data\nset. Its word\nerror rate is 9.1% on Mole\nRows."
    found, plain = (
        read(text, methods=("Quay Net",), datasets=("Mole Rows",)) for text in (broken, broken.replace("\n", " "))
    )
    (result,) = found.results

    assert found.contribution == plain.contribution == "resource"
    assert [method.role for method in found.methods] == ["proposed"]
    assert (result.metric, result.dataset, result.method) == ("word error rate", "Mole Rows", "Quay Net")
    assert result.evidence in broken
    assert [result.flags for result in ground(found, paper(broken)).results] == [()]


def test_the_evidence_holds_what_a_value_is_compared_with() -> None:
    """However long the sentence is around both."""
    (result,) = claims(
        f"{'Here come many words, ' * 20}and it is 91.2% compared to 84.0% {'with more ' * 20}to the end."
    )

    assert result.baseline_value == "84.0"
    assert "91.2% compared to 84.0%" in result.evidence
    assert len(result.evidence) <= LIMITS.evidence


def test_of_a_list_without_end_as_many_values_are_read_as_an_answer_may_hold() -> None:
    """Each is a change, as what stands before the list says of all."""
    found = claims(f"Errors are reduced by {', '.join(f'{at}.5%' for at in range(5_000))} and more.")

    assert [one.kind for one in found] == ["change"] * LIMITS.results


def test_parts_of_names_and_numbers_are_left_out() -> None:
    """Words of the paper that it does not say by themselves are no names, in any list; whole ones stay."""
    found = read(
        "QuayNet hears 87.1% of storms by ROUGE-1 on GPT-4.",
        methods=("87.1", "GPT", "QuayNet"),
        datasets=("GPT-4", "ROUGE"),
        metrics=("ROUGE", "ROUGE-1"),
    )
    assert [method.name for method in found.methods] == ["QuayNet"]
    assert (found.datasets, found.metrics) == (("GPT-4",), ("ROUGE-1",))
