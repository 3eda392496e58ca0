"""Comparing: the words of a comparison hold as often as they promise, on the papers that both runs have."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from evals.comparing import Compared, Comparison, SuiteComparison, compare, compare_sums
from evals.comparison_text import as_markdown, as_text
from evals.examples import Gold, GoldName, Prediction
from evals.gates import Gated
from evals.metrics import METRICS
from evals.metrics.metric import Array
from evals.runs import RunFolder
from evals.samples import MODEL, Said
from evals.statistics import MOST_GROUPS
from evals.tables import Columns
from summarizer.errors import InputError, SettingsError
from tests.eval_runs import ROUGE, rouge, sample, scores, write_run

#: Spread of the differences of two similar systems in ROUGE-1, in shares: 12 points.
SPREAD = 0.12


def sums(columns: Columns, values: Array) -> Array:
    """Sums of papers with these values of the three ROUGE, of shape (3, papers)."""
    return np.stack([columns.of({name: (value, 1.0) for name, value in zip(ROUGE, paper, strict=True)})
                     for paper in values.T])  # fmt: skip


def rerun(rng: np.random.Generator, values: Array, shift: float = 0.0) -> Array:
    """What a second run of the system scores: each paper differs, and the three ROUGE of a paper move together."""
    together = rng.normal(0.0, SPREAD, values.shape[1])
    alone = rng.normal(0.0, SPREAD, values.shape)
    moved: Array = values + shift + 0.8 * together + 0.6 * alone
    return moved


def words(count: int, shift: float, runs: int) -> list[str | None]:
    """The word about ROUGE-1 in so many comparisons of so many papers, each with a seed of its own."""
    columns = Columns()
    found: list[str | None] = []
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        first = np.stack([scores(rng, count)] * 3)
        a, b = sums(columns, first), sums(columns, rerun(rng, first, shift))
        found.append(next(one.word for one in compare_sums(columns, a, b, resamples=1_000) if one.metric == "rouge1"))
    return found


def test_a_against_a_is_equivalent() -> None:
    """Two runs of one system on 600 papers are equivalent in 95 of 100 cases at least, though each paper differs."""
    assert words(600, 0.0, 40).count("equivalent") >= 38


def test_a_planted_difference_is_found() -> None:
    """Three points less on 600 papers are found in 95 of 100 cases at least, and three points more as well."""
    assert words(600, -0.03, 20).count("worse") >= 19
    assert words(600, 0.03, 20).count("better") >= 19


@pytest.mark.parametrize("shift", [0.0, -0.03, 0.3])
def test_thirty_papers_say_nothing(shift: float) -> None:
    """With 30 papers the word is underpowered, whatever the difference is."""
    assert set(words(30, shift, 10)) == {"underpowered"}


def of(comparison: Comparison) -> tuple[SuiteComparison, dict[str, Compared]]:
    """The only suite, and its metrics by name."""
    (suite,) = comparison.suites
    return suite, {one.metric: one for one in suite.metrics}


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    """Two runs on 200 papers, of which the second is 10 points better in ROUGE."""
    values = scores(np.random.default_rng(1), 200)
    a = write_run(tmp_path / "old", (sample(number, rouge(value)) for number, value in enumerate(values)))
    b = write_run(
        tmp_path / "new",
        (sample(number, rouge(value + 0.1), "It reads all rivers.") for number, value in enumerate(values)),
        model="larger",
    )
    return a, b


def test_a_run_against_itself(runs: tuple[Path, Path]) -> None:
    """The same folder twice is equivalent, with no difference at all and no paper that moved."""
    suite, metrics = of(compare(runs[0], runs[0]))
    assert {name: one.word for name, one in metrics.items()} == dict.fromkeys(ROUGE, "equivalent")
    assert (metrics["rouge1"].difference, metrics["rouge1"].low, metrics["rouge1"].high) == (0.0, 0.0, 0.0)
    assert metrics["rouge1"].detectable is None
    assert (suite.papers, suite.only_a, suite.only_b, suite.changed, suite.moved) == (200, 0, 0, (), ())


def test_b_is_compared_with_a(runs: tuple[Path, Path]) -> None:
    """Differences are B minus A, and the word is about B; what made them and differs is told."""
    suite, metrics = of(compare(*runs))
    assert metrics["rouge1"].difference == pytest.approx(10.0)
    assert metrics["rouge1"].word == "better"
    assert [(one.name, one.a, one.b) for one in suite.changed] == [("model", "scripted", "larger")]
    assert of(compare(*reversed(runs)))[1]["rouge1"].word == "worse"


def test_p_is_corrected_within_the_family() -> None:
    """The three ROUGE are one family of three; a metric without a family keeps its p."""
    columns = Columns()
    rng = np.random.default_rng(2)
    first = np.stack([scores(rng, 300)] * 3)
    found = {
        one.metric: one
        for one in compare_sums(columns, sums(columns, first), sums(columns, rerun(rng, first, 0.012)), resamples=2_000)
    }
    smallest = min((found[name] for name in ROUGE), key=lambda one: one.p or 0.0)
    assert smallest.p is not None
    assert smallest.p_holm == pytest.approx(min(1.0, 3 * smallest.p))
    assert {one.family for one in found.values()} == {"rouge"}
    length = np.stack([columns.of({"words": (value, 1.0)}) for value in rng.poisson(20, 300)])
    (alone,) = compare_sums(columns, length, length + columns.of({}), resamples=200)
    assert (alone.family, alone.p_holm) == ("", alone.p)


def test_only_papers_that_both_have_are_compared(tmp_path: Path) -> None:
    """Papers of one run, and those with another abstract, are counted and left out, in any order."""
    a = write_run(tmp_path / "a", [sample(number, rouge(0.2)) for number in range(1, 8)])
    others = [sample(number, rouge(0.3)) for number in (9, 3, 2, 1)]
    b = write_run(tmp_path / "b", [*others, sample(4, rouge(0.9), abstract="Of another river.")])
    suite, metrics = of(compare(a, b, resamples=100))
    assert (suite.papers, suite.only_a, suite.only_b, suite.other_abstract) == (3, 3, 1, 1)
    assert metrics["rouge1"].papers == 3
    assert metrics["rouge1"].a == pytest.approx(20.0)
    assert metrics["rouge1"].b == pytest.approx(30.0)


def test_an_error_on_the_way_counts_in_coverage_only(tmp_path: Path) -> None:
    """What only one answered is told, lowers its coverage, and moves no other figure."""
    answered = {"coverage": (1.0, 1.0)} | rouge(0.4)
    a = write_run(tmp_path / "a", [sample(number, answered) for number in range(100)])
    failed = {"outcome": "error", "failure": "transport"}
    b = write_run(
        tmp_path / "b",
        [*(sample(number, answered) for number in range(80)),
         *(sample(number, {"coverage": (0.0, 1.0)}, **failed) for number in range(80, 100))],
    )  # fmt: skip
    suite, metrics = of(compare(a, b, resamples=500))
    assert (suite.answered_a, suite.answered_b) == (20, 0)
    assert metrics["coverage"].difference == pytest.approx(-20.0)
    assert metrics["coverage"].word == "worse"
    assert (metrics["rouge1"].difference, metrics["rouge1"].papers) == (0.0, 80)


def test_other_units_have_no_margin(tmp_path: Path) -> None:
    """Seconds are better, worse, or without a verdict; of words neither more nor less is better."""
    rng = np.random.default_rng(3)
    took, length = rng.gamma(4.0, 0.5, 100), rng.poisson(20, 100).astype(float)

    def run(name: str, factor: float, more: float) -> Path:
        return write_run(
            tmp_path / name,
            (
                sample(number, {"seconds": (seconds * factor, 1.0), "words": (words_of + more, 1.0)})
                for number, (seconds, words_of) in enumerate(zip(took, length, strict=True))
            ),
        )

    slow, fast, again = run("slow", 1.0, 0.0), run("fast", 0.5, 5.0), run("again", 1.0, 0.0)
    _, metrics = of(compare(slow, fast, resamples=500))
    assert (metrics["seconds"].word, metrics["words"].word) == ("better", None)
    assert of(compare(fast, slow, resamples=500))[1]["seconds"].word == "worse"
    assert of(compare(slow, again, resamples=500))[1]["seconds"].word is None


def test_papers_of_one_document_are_drawn_together(tmp_path: Path) -> None:
    """Four papers of each of 30 documents are 30 documents: too few to say anything."""
    runs = [
        write_run(
            tmp_path / name,
            (sample(number, rouge(0.3 + shift), document=f"document {number % 30}") for number in range(120)),
        )
        for name, shift in (("a", 0.0), ("b", 0.1))
    ]
    _, metrics = of(compare(runs[0], runs[1], resamples=100))
    one = metrics["rouge1"]
    assert (one.papers, one.documents, one.word) == (120, 30, "underpowered")


def test_groups_of_documents_are_not_told_as_documents(tmp_path: Path) -> None:
    """With more documents than are drawn one by one the table says so, and names no number of documents."""
    many = MOST_GROUPS + 1
    a = write_run(tmp_path / "a", (sample(number, rouge(0.3)) for number in range(many)))
    text = as_text(Gated(comparison=compare(a, a, resamples=20), gates=0, broken=()))
    assert f"more than {MOST_GROUPS:,} documents: random groups of them are drawn in their place" in text
    assert f"{many} in" not in text


def test_what_moved_most_comes_first(tmp_path: Path) -> None:
    """Papers are shown by the size of their move in a metric, with what both say; those that did not move are not."""
    moves = {1: 0.0, 2: -0.3, 3: 0.1, 4: 0.3, 5: 0.2}
    a = write_run(tmp_path / "a", [sample(number, rouge(0.4), "Old words.") for number in moves])
    b = write_run(tmp_path / "b", [sample(number, rouge(0.4 + by), "New words.") for number, by in moves.items()])
    suite, _ = of(compare(a, b, show=3, resamples=100))
    assert suite.moved_by == "rouge1"
    assert [(one.id, round(one.b - one.a)) for one in suite.moved] == [
        ("paper-2", -30), ("paper-4", 30), ("paper-5", 20)
    ]  # fmt: skip
    assert (suite.moved[0].said_a.summary, suite.moved[0].said_b.summary) == ("Old words.", "New words.")
    assert len(of(compare(a, b, show=10, resamples=100))[0].moved) == 4
    assert of(compare(a, b, show=0, resamples=100))[0].moved == ()
    assert of(compare(a, b, metric="words", resamples=100))[0].moved_by is None


def test_other_data_are_told(tmp_path: Path) -> None:
    """Checksum, split, limit and version are what makes figures comparable; a difference is said, not refused."""
    a = write_run(tmp_path / "a", [sample(1, rouge(0.1))])
    b = write_run(tmp_path / "b", [sample(1, rouge(0.1))], sha256="9" * 64, split="test", limit=10, version="0.2.0")
    suite, _ = of(compare(a, b, resamples=100))
    assert [warning.split(":")[0] for warning in suite.warnings] == [
        "the splits differ",
        "the data differ",
        "the limits differ",
        "measured by other versions of summarizer",
    ]


def test_runs_without_anything_in_common_are_refused(tmp_path: Path) -> None:
    """Other suites, other papers, and folders that are no evaluation: each says what to do."""
    a = write_run(tmp_path / "a", [sample(1, rouge(0.1))])
    b = write_run(tmp_path / "b", [sample(1, rouge(0.1))], suite="gold")
    with pytest.raises(InputError, match="same suite"):
        compare(a, b)
    with pytest.raises(InputError, match="no paper in common"):
        compare(a, write_run(tmp_path / "c", [sample(2, rouge(0.1))]))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="summarizer eval"):
        compare(a, tmp_path / "empty")
    with pytest.raises(SettingsError, match="rouge1"):
        compare(a, a, metric="rouge9")


def test_samples_that_were_cut_are_no_run(tmp_path: Path) -> None:
    """Half of the samples are not compared as if they were all, wherever the file was cut."""
    a = write_run(tmp_path / "a", [sample(number, rouge(0.1)) for number in range(60)])
    b = write_run(tmp_path / "b", [sample(number, rouge(0.1 * (number < 30))) for number in range(60)])
    path = RunFolder(b, "scitldr").samples
    path.write_text("".join(path.read_text("utf-8").splitlines(keepends=True)[:30]), "utf-8")
    for one, other in ((a, b), (b, a)):
        with pytest.raises(InputError, match="has 30 samples for 60 papers; the same `summarizer eval` mends it"):
            compare(one, other)


def test_a_suite_of_one_run_is_told(tmp_path: Path) -> None:
    """Suites that both have are compared, and the others are named."""
    a = write_run(tmp_path / "a", [sample(1, rouge(0.1))])
    b = write_run(tmp_path / "b", [sample(1, rouge(0.1))])
    write_run(b, [sample(1, rouge(0.1))], suite="gold")
    comparison = compare(a, b, resamples=100)
    assert [suite.suite for suite in comparison.suites] == ["scitldr"]
    assert comparison.warnings == ("only b has the suite gold",)


def test_the_same_runs_make_the_same_bytes(runs: tuple[Path, Path]) -> None:
    """A comparison depends on the two runs and on nothing else."""
    assert compare(*runs).model_dump_json() == compare(*runs).model_dump_json()


def test_text_is_aligned_and_commands_no_terminal(tmp_path: Path) -> None:
    """Columns stand below their heads, and what a model says cannot move the cursor or add a line."""
    hostile = "\x1b[2JIt is\nall | <b>fine</b>."
    a = write_run(tmp_path / "a", [sample(number, rouge(0.2)) for number in range(60)])
    b = write_run(tmp_path / "b", [sample(number, rouge(0.4), hostile) for number in range(60)])
    gated = Gated(comparison=compare(a, b, resamples=100), gates=0, broken=())
    text = as_text(gated)
    assert "\x1b" not in text
    assert "B: ␛[2JIt is all | <b>fine</b>." in text
    table = [line for line in text.splitlines() if re.match("metric|ROUGE-", line)]
    ends = {re.search(r"(B is|better)$", line).start() for line in table if line.endswith(("B is", "better"))}  # type: ignore[union-attr]
    assert len(table) == 4
    assert len(ends) == 1
    markdown = as_markdown(gated)
    assert "<b>" not in markdown
    assert r"all \| &lt;b&gt;fine" in markdown
    assert {line.count(" | ") for line in markdown.splitlines() if line.startswith("|")} == {8}


def test_text_shows_what_people_need_to_judge(tmp_path: Path) -> None:
    """Names that differ stand beside those of people; what both say alike is left out; ROUGE is warned of."""

    def said(*datasets: str) -> dict[str, object]:
        prediction = Prediction(summary="It reads rivers.", names={"dataset": datasets, "task": ("reading",)})
        gold = Gold(names={"dataset": (GoldName(name="RiverBed"),)})
        return {"gold": gold, "systems": {MODEL: Said(prediction=prediction, sums=rouge(len(datasets) / 10))}}

    a = write_run(tmp_path / "a", [sample(1, {}).model_copy(update=said("RiverBed"))])
    b = write_run(tmp_path / "b", [sample(1, {}).model_copy(update=said("RiverBed", "SiltNet"))])
    text = as_text(Gated(comparison=compare(a, b, resamples=100), gates=0, broken=()))
    assert "dataset, people: RiverBed\n" in text
    assert "dataset, B: RiverBed, SiltNet" in text
    assert "task" not in text
    assert "A: It reads" not in text
    assert "a title alone scores high" in text


def summarizer(*arguments: str | Path, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run the command line as a process."""
    command = [sys.executable, "-m", "summarizer", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def test_two_real_evaluations_are_compared(tmp_path: Path, write: Callable[[str, str], Path]) -> None:
    """`summarizer eval` twice and `summarizer compare`: a table on standard output, Markdown in a file, exit code 0."""
    rows = [
        {
            "paper_id": f"river-{number}",
            "title": f"Reading river {number}",
            "source": [f"We read river {number} with a network.", f"It finds {number + 3} stones of all kinds."],
            "target": [f"A network that finds the stones of river {number}."],
        }
        for number in range(8)
    ]
    data = write("dev.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    for name in ("a", "b"):
        done = summarizer(
            *("eval", "scitldr", "--data", data, "--backend", "scripted", "--no-cache", "-o", name, "--quiet"),
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stderr
    done = summarizer("compare", "a", "b", "-o", "report.md", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^ROUGE-1 .* underpowered$", done.stdout, re.MULTILINE)
    assert "| ROUGE-1 |" in (tmp_path / "report.md").read_text(encoding="utf-8")
    as_json = summarizer("compare", "a", "b", "--json", cwd=tmp_path)
    assert json.loads(as_json.stdout)["comparison"]["suites"][0]["papers"] == 8


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--margin", "0"], "more than 0"),
        (["--margin", "nan"], "more than 0"),
        (["--margin", "two"], "argument --margin: it has to be a number"),
        (["--show", "-1"], "at least 0"),
        (["--show", "all"], "argument --show: it has to be a whole number"),
        (["--metric", "rouge9"], "there is no metric 'rouge9'"),
        (["--gates", "none.toml"], "none.toml: cannot be read"),
    ],
)
def test_mistakes_on_the_command_line_are_told(tmp_path: Path, arguments: list[str], said: str) -> None:
    """Nothing is compared, the exit code is 2, and one line says what is wrong."""
    write_run(tmp_path / "a", [sample(1, rouge(0.1))])
    done = summarizer("compare", "a", "a", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_figure_that_neither_run_has_is_no_row(tmp_path: Path) -> None:
    """Nothing said and nothing wanted has no F1 in either run, and a row without figures would say nothing."""
    for name in ("a", "b"):
        nothing = {"results.value": (0.0, 0.0, 0.0)}
        write_run(tmp_path / name, (sample(number, rouge(0.2) | nothing) for number in range(9)))
    (suite,) = compare(tmp_path / "a", tmp_path / "b", resamples=100).suites
    assert [one.metric for one in suite.metrics] == list(ROUGE)


def test_all_families_are_of_metrics_with_a_direction() -> None:
    """A family is a question that is asked several times, so each of its metrics says which answer is better."""
    assert {metric.better for metric in METRICS if metric.family} <= {"higher", "lower"}
