"""Gates: what has to hold before a change ships breaks loudly, and a mistake in the file is no gate that holds."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from evals.comparing import Comparison, compare
from evals.gates import Gate, find_gates, judge
from summarizer.errors import SettingsError
from tests.eval_runs import rouge, sample, scores, write_run

Write = Callable[[str, str], Path]


def comparison(tmp_path: Path, shift: float, spread: float = 0.0, count: int = 400) -> Comparison:
    """A run against one whose ROUGE is higher by `shift` on average, and which takes twice as long."""
    rng = np.random.default_rng(1)
    values = scores(rng, count)
    noise = rng.normal(0.0, spread, count) if spread else np.zeros(count)
    moved = values + shift + noise - noise.mean()
    took = rng.gamma(4.0, 0.5, count)
    a, b = (
        write_run(
            tmp_path / name,
            (
                sample(number, rouge(score) | {"seconds": (seconds, 1.0), "words": (20.0, 1.0)})
                for number, (score, seconds) in enumerate(zip(of, times, strict=True))
            ),
        )
        for name, of, times in (("a", values, took), ("b", moved, 2.0 * took))
    )
    return compare(a, b, resamples=1_000)


def broken(found: Comparison, **asked: object) -> tuple[str, ...]:
    """The lines of one gate about ROUGE-1, unless another metric is asked for."""
    return judge([Gate.model_validate({"suite": "scitldr", "metric": "rouge1"} | asked)], found).broken


def test_a_margin_holds_where_the_interval_excludes_more(tmp_path: Path) -> None:
    """One point less with an interval of a point around it: 2.5 are excluded, and 1.5 are not."""
    found = comparison(tmp_path, -0.01, spread=0.10)
    assert broken(found, margin=2.5) == ()
    (line,) = broken(found, margin=1.5)
    assert line.startswith("gate 1, scitldr rouge1: B may be worse by ")
    assert "1.5 is allowed" in line


def test_a_margin_is_against_worse_only(tmp_path: Path) -> None:
    """What is much better breaks nothing; where less is better, more breaks it."""
    found = comparison(tmp_path, 0.10)
    assert broken(found, margin=1.0) == ()
    assert broken(found, metric="seconds", margin=5.0) == ()
    assert len(broken(found, metric="seconds", margin=0.5)) == 1


def test_a_margin_needs_papers(tmp_path: Path) -> None:
    """Without any difference, 100 papers cannot show less than 3 points, and 40 nothing: the gate does not hold."""
    found = comparison(tmp_path, 0.0, count=100)
    (line,) = broken(found, margin=2.0)
    assert "100 documents cannot show less than 3 points" in line
    assert broken(found, margin=3.0) == ()
    (line,) = broken(comparison(tmp_path / "few", 0.0, count=40), margin=10.0)
    assert "40 documents are too few" in line


def test_not_worse_breaks_when_the_word_is_worse(tmp_path: Path) -> None:
    """Found to be worse breaks it; equivalent, better, and not enough papers do not."""
    assert len(broken(comparison(tmp_path / "worse", -0.05), not_worse=True)) == 1
    for number, (shift, count) in enumerate([(0.0, 400), (0.05, 400), (-0.05, 40)]):
        assert broken(comparison(tmp_path / str(number), shift, count=count), not_worse=True) == ()


def test_bounds_are_of_the_value_of_b(tmp_path: Path) -> None:
    """`at_least` and `at_most` look at what B reached on these papers, and both bounds themselves hold."""
    found = comparison(tmp_path, 0.10)
    value = next(one.b for one in found.suites[0].metrics if one.metric == "rouge1")
    assert value is not None
    assert broken(found, at_least=value, at_most=value) == ()
    (line,) = broken(found, at_least=value + 0.1, at_most=value - 0.1)
    assert "at least" in line
    assert "at most" in line


@pytest.mark.parametrize("about", [{"metric": "contribution.accuracy"}, {"suite": "gold"}, {"metric": "coverage"}])
def test_a_gate_about_what_is_not_there_breaks(tmp_path: Path, about: dict[str, str]) -> None:
    """A suite that was not run, and a metric that nobody measured, never pass silently."""
    (line,) = broken(comparison(tmp_path, 0.1, count=60), not_worse=True, **about)
    assert "not compared" in line


def test_worse_has_to_mean_something(tmp_path: Path) -> None:
    """Of the length of a summary neither more nor less is better: bounds fit, and what never breaks is no gate."""
    found = comparison(tmp_path, 0.0)
    for asked in ({"margin": 1.0}, {"not_worse": True}):
        (line,) = broken(found, metric="words", **asked)
        assert "at_least or at_most" in line
    assert broken(found, metric="words", at_least=10.0, at_most=25.0) == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[gate]]\nsuite = "a"\nmetric = "words"\nmarign = 1.0\n', "gate 1: there is no key 'marign'"),
        ('[[gate]]\nsuite = "a"\nmetric = "words"\n', "gate 1: it asks for nothing"),
        ('[[gate]]\nsuite = "a"\nmetric = "words"\nnot_worse = false\n', "gate 1: it asks for nothing"),
        ('[[gate]]\nsuite = "a"\nmetric = "words"\nmargin = true\n', "gate 1: margin"),
        ('[[gate]]\nsuite = "a"\nmetric = "words"\nmargin = "1"\n', "gate 1: margin"),
        ('[[gate]]\nsuite = "a"\nmetric = "words"\nmargin = -1.0\n', "gate 1: margin"),
        ('[[gate]]\nsuite = "a"\nmetric = "words"\nat_least = nan\n', "gate 1: at_least"),
        ('[[gate]]\nsuite = "a"\nat_least = 1\n', "gate 1: metric"),
        ('[[gate]]\nsuite = "a"\nmetric = "words"\nat_least = 1\n[[gate]]\nsuite = 1\nmetric = "words"\nat_least = 1\n',
         "gate 2: suite"),
        ('[[gates]]\nsuite = "a"\n', "there is no key 'gates'"),
        ("gate = []\n", "has no gate"),
        ("", "has no gate"),
        ('[gate]\nsuite = "a"\nmetric = "words"\nat_least = 1\n', "gate: is one table; write [[gate]]"),
        ('[[gate]]\nsuite = "a"\nmetric = "rogue1"\nat_least = 1\n',
         "gate 1: metric: there is none of the name 'rogue1'; choose from coverage, "),
        ("[[gate\n", "cannot be read as TOML"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_file_is_told_with_its_place(write: Write, text: str, said: str) -> None:
    """A gate that is misspelled would never break, so nothing unknown, empty or of another type is accepted."""
    path = write("gates.toml", text)
    with pytest.raises(SettingsError, match="gates.toml") as raised:
        find_gates(path)
    assert said in str(raised.value)


def test_gates_are_found_in_the_current_folder(tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """`./gates.toml` is taken where it is there; without it there are no gates; a whole number is a number."""
    monkeypatch.chdir(tmp_path)
    assert find_gates(None) == ()
    write("gates.toml", '[[gate]]\nsuite = "scitldr"\nmetric = "rouge1"\nmargin = 2\n')
    assert find_gates(None) == (Gate(suite="scitldr", metric="rouge1", margin=2.0),)


def test_the_command_exits_with_1_when_a_gate_breaks(tmp_path: Path, write: Write) -> None:
    """One line for each that breaks, in the text and in the JSON; 0 when all hold."""
    comparison(tmp_path, -0.05)
    gate = '[[gate]]\nsuite = "scitldr"\nmetric = "{}"\n{}\n'
    write("gates.toml", gate.format("rouge1", "not_worse = true") + gate.format("rouge2", "margin = 20.0"))
    write("other.toml", gate.format("rouge1", "at_least = 1.0"))

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "summarizer", "compare", "a", "b", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    breaks = run()
    assert breaks.returncode == 1
    assert "Gates: 2, of which 1 break" in breaks.stdout
    assert breaks.stdout.count("gate 1, scitldr rouge1: B is worse") == 1
    as_json = run("--json")
    assert as_json.returncode == 1
    assert len(json.loads(as_json.stdout)["broken"]) == 1
    holds = run("--gates", "other.toml")
    assert (holds.returncode, holds.stderr) == (0, "")
