"""The papers that come with the program are labelled by the annotation guide; what can be checked of that is."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from evals.data import find
from evals.examples import KINDS
from evals.statistics import FEWEST
from evals.suites import load_suite
from evals.suites.gold import GoldPaper, Name
from summarizer import Paper, read_records
from summarizer.cli import main
from summarizer.errors import SettingsError
from summarizer.grounding import Grounded, ground
from summarizer.passages import Passages
from summarizer.records import Answer, ClaimedResult, Contribution, NamedMethod, Source
from summarizer.sentences import sentences

_SUITE = load_suite("smoke")
_FILE = find(_SUITE, None, "dev", Path())

#: Numbers that look like claims and are none: settings, plans, what others said, what an injected sentence says.
_NO_RESULTS = {
    "smoke-04": ["25\\%"],
    "smoke-05": ["100%"],
    "smoke-09": ["70%", "40%"],
    "smoke-17": ["0.03"],
    "smoke-22": ["45%", "55%"],
    "smoke-24": ["80%", "4 points", "5%", "15%"],
    "smoke-27": ["0.5"],
    "smoke-39": ["30x"],
    "smoke-40": ["3%"],
    "smoke-42": ["five times"],
}
#: What the checker of records cannot follow: a baseline that has its unit from the value, a metric that was named a
#: sentence before.
_BEYOND_GROUNDING = {
    "smoke-06": ["baseline absent: 10.4"],
    "smoke-09": ["baseline absent: 2.1"],
    "smoke-32": ["metric elsewhere: rate ratio"],
}


@cache
def _papers() -> tuple[GoldPaper, ...]:
    return tuple(map(GoldPaper.model_validate_json, _FILE.read_text(encoding="utf-8").splitlines()))


def _names(paper: GoldPaper) -> dict[str, tuple[Name, ...]]:
    return {
        "task": paper.tasks or (),
        "method": paper.methods or (),
        "dataset": paper.datasets or (),
        "metric": paper.metrics or (),
    }


def _forms(names: tuple[Name, ...]) -> set[str]:
    return {form for name in names for form in (name.name, *name.aliases)}


def _summaries() -> Iterator[tuple[GoldPaper, str]]:
    return ((paper, text) for paper in _papers() for text in paper.tldr or ())


def _answer(paper: GoldPaper) -> Answer:
    """What a reader says who says what people said."""
    names = {kind: tuple(name.name for name in found) for kind, found in _names(paper).items()}
    return Answer(
        tldr=(paper.tldr or ("",))[0],
        contribution=paper.contribution,
        field="other",
        modalities=(),
        tasks=names["task"],
        methods=tuple(NamedMethod(name=name.name, role=name.role or "used") for name in paper.methods or ()),
        datasets=names["dataset"],
        metrics=names["metric"],
        results=tuple(
            ClaimedResult(**result.model_dump(exclude={"evidence"}), evidence=result.evidence or "")
            for result in paper.results or ()
        ),
    )


@cache
def _grounded() -> dict[str, Grounded]:
    source = Source(name="smoke.jsonl", line=1)
    return {
        paper.id: ground(_answer(paper), Paper(id=paper.id, title=paper.title, abstract=paper.abstract, source=source))
        for paper in _papers()
    }


def test_there_are_papers_of_every_kind() -> None:
    """Enough to decide something, at least four of each type of contribution, with results and without, with a note."""
    papers = _papers()
    assert [paper.id for paper in papers] == [f"smoke-{number:02}" for number in range(1, len(papers) + 1)]
    counts = Counter(paper.contribution for paper in papers)
    assert len(papers) >= FEWEST
    assert set(counts) == set(get_args(Contribution))
    assert min(counts.values()) >= 4
    assert 10 <= sum(not paper.results for paper in papers) <= len(papers) - 20
    assert max(len(paper.results or ()) for paper in papers) >= 6
    assert all(paper.note for paper in papers)
    assert len({paper.title for paper in papers}) == len(papers)


def test_everything_is_labelled() -> None:
    """No field of any paper was left out, no method is without a role, no result without evidence."""
    for paper in _papers():
        assert None not in (paper.tldr, paper.contribution, paper.tasks, paper.methods, paper.datasets, paper.metrics)
        assert paper.results is not None
        assert all(result.evidence for result in paper.results)
        assert all(method.role for method in paper.methods or ())


def test_abstracts_have_the_length_of_abstracts() -> None:
    """Between 60 and 220 words, the shortest in two sentences, and they do not all begin alike."""
    lengths = {paper.id: len(paper.abstract.split()) for paper in _papers()}
    assert {known: length for known, length in lengths.items() if not 60 <= length <= 220} == {}
    shortest = min(_papers(), key=lambda paper: lengths[paper.id])
    assert len(sentences(shortest.abstract)) == 2
    openings = Counter(" ".join(paper.abstract.split()[:2]) for paper in _papers())
    assert max(openings.values()) <= 2


def test_summaries_are_short_and_say_no_more() -> None:
    """One sentence of at most 30 words, not about "this paper", without a number or a name that the abstract lacks."""
    source = Source(name="smoke.jsonl", line=1)
    wrong = []
    for paper, text in _summaries():
        unsupported = Passages(Paper(id="x", title="", abstract=paper.abstract, source=source)).unsupported(text)
        about = [words for words in ("this paper", "this work", "the authors", "we ") if words in text.lower()]
        fine = len(text.split()) <= 30 and len(sentences(text)) == 1 and text.endswith(".")
        if unsupported or about or not fine:
            wrong.append((paper.id, text, unsupported, about))
    assert wrong == []


def test_people_can_be_measured_against_people() -> None:
    """At least 15 papers have two summaries, which are not the same."""
    several = [set(paper.tldr or ()) for paper in _papers() if len(paper.tldr or ()) > 1]
    assert len(several) >= 15
    assert all(len(texts) > 1 for texts in several)


def test_names_are_verbatim() -> None:
    """Every form of every name is in the title or the abstract letter by letter."""
    absent = [
        (paper.id, form)
        for paper in _papers()
        for names in _names(paper).values()
        for form in _forms(names)
        if form not in paper.abstract and form not in paper.title
    ]
    assert absent == []


def test_results_use_the_names_that_are_listed() -> None:
    """The metric, the data set and the method of a result are among those of the paper."""
    unlisted = [
        (paper.id, part, named)
        for paper in _papers()
        for result in paper.results or ()
        for part, named in (("metric", result.metric), ("dataset", result.dataset), ("method", result.method))
        if named is not None and named not in _forms(_names(paper)[part])
    ]
    assert unlisted == []


def test_every_number_that_is_claimed_is_a_result() -> None:
    """What the checker of records takes for a claim is in a result, or is one of the traps that are known."""
    missed = {known: [found.evidence for found in grounded.missed] for known, grounded in _grounded().items()}
    quotes = {known: [found.quote for found in all_of if found] for known, all_of in missed.items() if all_of}
    assert quotes == _NO_RESULTS


def test_labels_stand_in_the_paper() -> None:
    """As an answer the labels are grounded: no name is absent, no value is elsewhere, nothing is said twice."""
    flagged = {known: list(grounded.unsupported) for known, grounded in _grounded().items() if grounded.unsupported}
    assert flagged == _BEYOND_GROUNDING
    assert {grounded.repeated for grounded in _grounded().values()} == {0}


def test_traps_are_set() -> None:
    """Each kind of trap that text can set is there: LaTeX, HTML, Unicode, ranges, injections, questions."""
    texts = [paper.abstract for paper in _papers()]
    marks = (
        "\\times", "\\%", "\\textsc{", "&amp;", "<sup>", "&thinsp;", "\ufb01", "-\n", "\u2009", "\u22120", "\xd7",
        "\u2013", "\u207b", "\xb2", "\xb1", "1,204", "respectively", "gnore all previous instructions", "</abstract>",
        "twice", "three times", "-fold", " from 41.6 to ", "LLMs", "SARGs", "colour", "https://",
    )  # fmt: skip
    assert [mark for mark in marks if not any(mark in text for text in texts)] == []
    assert sum(paper.title.endswith("?") for paper in _papers()) >= 3


def test_it_comes_with_the_program() -> None:
    """It needs no data; it has one split, and says so when asked for another."""
    assert len(list(_SUITE.read(_FILE))) == len(_papers())
    assert all(name.stated for one in _SUITE.read(_FILE) for kind in KINDS for name in one.gold.names[kind])
    with pytest.raises(SettingsError, match="comes with the program and has no split 'test'; it has dev"):
        find(_SUITE, None, "test", Path())


def test_papers_of_ones_own_are_not_passed_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who gives data with it is told, and not shown figures of other papers."""
    command = ["eval", "smoke", "--data", str(tmp_path), "-o", str(tmp_path / "run"), "--backend", "scripted"]
    assert main(command) == 2
    assert "reads no --data; papers of your own: eval gold" in capsys.readouterr().err


def test_it_is_evaluated_without_data(tmp_path: Path, write: Callable[[str, str], Path]) -> None:
    """`summarizer eval smoke` measures every paper, and a reader who says what people said fills every field."""
    script = "".join(
        json.dumps({"id": paper.id, "text": _answer(paper).model_dump_json()}) + "\n" for paper in _papers()
    )
    options = ["--script", str(write("script.jsonl", script)), "--cache-dir", str(tmp_path / "cache"), "--quiet"]
    assert main(["eval", "smoke", "-o", str(tmp_path / "run"), "--backend", "scripted", *options]) == 0
    records = list(read_records(tmp_path / "run" / "smoke" / "records.jsonl"))
    for paper, record in zip(_papers(), records, strict=True):
        assert record.contribution == paper.contribution
        assert len(record.results) == len(paper.results or ())
        assert [method.name for method in record.methods] == [method.name for method in paper.methods or ()]
        assert record.tldr is not None
        assert record.tldr.origin == "model"
