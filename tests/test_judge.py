"""`summarizer judge`, with judges whose faults are known: they have to show in the figures, and never in a headline."""

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from evals.annotating.label_file import LabelFile
from evals.annotating.labels import QUESTION, Answers, Seen, Undo
from evals.annotating.labels import Label as AnnotateLabel
from evals.annotating.labels import Run as LabelRun
from evals.annotating.labels import Verdict as LabelVerdict
from evals.judging.blinding import Better, Order
from evals.judging.findings import Findings
from evals.judging.labels import read_labels
from evals.judging.pairs import read_pairs
from evals.judging.questions import CHECKS, load_prompt
from evals.judging.report import Report
from evals.judging.verdicts import Verdict
from evals.runs import RunFolder
from summarizer.cli import main
from tests.chat_server import ChatServer, Reply, answer, fault
from tests.judging import ALL_YES, SUITE, command, scripted, write_labels, write_run, write_script

_ROOT = Path(__file__).parent.parent
_PAPERS = 120
_SHOWN = re.compile(r"<first_summary>(.*?)</first_summary>\s*<second_summary>(.*?)</second_summary>", re.DOTALL)


def _summaries(mark: str, papers: int = _PAPERS) -> list[str]:
    return [f"The depth of streams is guessed {mark} within {number} cm" for number in range(papers)]


def _write_runs(folder: Path, papers: int = _PAPERS) -> None:
    write_run(folder / "a", _summaries("badly", papers), "model-a")
    write_run(folder / "b", _summaries("well", papers), "model-b")


def _prefers(winner: Callable[[int], str]) -> Callable[[int, Order], Better]:
    """A judge that knows who is better, wherever it stands."""

    def better(number: int, order: Order) -> Better:
        side = winner(number)
        return "tie" if side == "tie" else "first" if order.startswith(side) else "second"

    return better


def _report(folder: Path) -> Report:
    return Report.model_validate_json((folder / "out" / "judge.json").read_bytes())


def _findings(folder: Path) -> Findings:
    (suite,) = _report(folder).suites
    return suite.findings


def _verdicts(folder: Path) -> list[Verdict]:
    lines = (folder / "out" / "verdicts.jsonl").read_text(encoding="utf-8").splitlines()
    return [Verdict.model_validate_json(line) for line in lines]


def _values(found: Findings) -> dict[str, float | None]:
    return {name: None if cell.value is None else round(cell.value, 2) for name, cell in found.diagnostics.items()}


def _winner(number: int) -> str:
    """72 for B, 24 for A and 24 ties, of 120."""
    return "BBABt"[number % 5].replace("t", "tie")


def test_a_fair_judge_that_people_agree_with_has_a_headline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The win rate is that of its preferences, with all that is needed to believe it and to make it again."""
    _write_runs(tmp_path)
    write_script(tmp_path / "script.jsonl", _PAPERS, _prefers(_winner))
    people = [_winner(number) if number % 10 else "tie" for number in range(_PAPERS)]
    labels = write_labels(tmp_path / "labels.jsonl", people)
    assert main(scripted(tmp_path, "--labels", str(labels))) == 0

    found = _findings(tmp_path)
    assert found.withheld == ()
    assert found.wins == {"A": 24, "B": 72, "tie": 24}
    assert found.win_rate is not None
    assert (found.win_rate.value, found.win_rate.papers) == (70.0, 120)
    assert found.win_rate.low is not None
    assert 60.0 < found.win_rate.low < 70.0
    values = _values(found)
    assert (values["swap_consistency"], values["ties"], values["first_wins"]) == (100.0, 20.0, 50.0)
    assert found.kappa is not None
    assert found.kappa.low is not None
    assert found.kappa.high is not None
    assert found.kappa.value == pytest.approx(5 / 6)
    assert found.kappa.low < 5 / 6 < found.kappa.high
    assert (found.labels, found.labelled) == (120, 120)

    report = _report(tmp_path)
    assert (report.judge.backend, report.judge.model) == ("scripted", "scripted")
    assert report.judge.revision
    assert (report.prompt, report.prompt_sha256) == ("judge/v1", load_prompt().sha256)
    assert report.decoding.temperature == 0.0
    assert (report.suites[0].a.model, report.suites[0].b.model) == ("model-a", "model-b")
    assert report.suites[0].spent.questions == 4 * _PAPERS
    assert report.suites[0].spent.prompt_tokens > 0
    printed = capsys.readouterr().out
    assert "B against A on 120 papers, judged by scripted" in printed
    assert re.search(r"win rate of B +70.0 \[\d\d.\d, \d\d.\d\]  \(B 72, tie 24, A 24; 50 is no difference\)", printed)
    assert re.search(r"kappa with people +0.83 \[0.\d\d, \d.\d\d\]  of 120 labels for 120 pairs", printed)


def test_labels_of_something_else_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever exchanges the runs, or takes another file, sees how many labels do not count."""
    _write_runs(tmp_path)
    write_script(tmp_path / "script.jsonl", _PAPERS, _prefers(_winner))
    labels = write_labels(tmp_path / "labels.jsonl", ["A"] * _PAPERS)
    lines = [json.loads(line) for line in labels.read_text("utf-8").splitlines()]
    strange = [{**line, "id": f"no-{line['id']}"} for line in lines[:7]]
    labels.write_text("".join(json.dumps(line) + "\n" for line in [*strange, *lines[7:]]), "utf-8")
    main(scripted(tmp_path, "--labels", str(labels)))
    told = f"7 of {_PAPERS} labels are of other summaries, papers or suites, and do not count here"
    assert told in capsys.readouterr().err


def test_without_labels_there_is_no_headline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody has looked whether the judge is right: neither the text nor the file has its win rate."""
    _write_runs(tmp_path, 10)
    write_script(tmp_path / "script.jsonl", 10, _prefers(lambda _: "B"))
    assert main(scripted(tmp_path)) == 0
    found = _findings(tmp_path)
    assert (found.win_rate, found.wins, found.kappa) == (None, None, None)
    assert len(found.withheld) == 1
    printed = capsys.readouterr().out
    assert re.search(r"win rate of B +withheld\n    not calibrated: no judged pair has a label by people", printed)


def test_a_judge_that_people_disagree_with_has_no_headline(tmp_path: Path) -> None:
    """Consistent and wrong is told as kappa."""
    _write_runs(tmp_path)
    write_script(tmp_path / "script.jsonl", _PAPERS, _prefers(_winner))
    labels = write_labels(tmp_path / "labels.jsonl", ["AB"[number % 2] for number in range(_PAPERS)])
    assert main(scripted(tmp_path, "--labels", str(labels))) == 0
    found = _findings(tmp_path)
    assert found.win_rate is None
    assert [reason.partition(" ")[0] for reason in found.withheld] == ["kappa"]


def test_a_judge_that_looks_at_the_place_decides_nothing(tmp_path: Path) -> None:
    """Always the first: no pair is consistent, all are ties, all wins are the first's, and there is no headline."""
    _write_runs(tmp_path)
    write_script(tmp_path / "script.jsonl", _PAPERS, lambda _number, _order: "first")
    labels = write_labels(tmp_path / "labels.jsonl", ["tie"] * _PAPERS)
    assert main(scripted(tmp_path, "--labels", str(labels))) == 0
    found, values = _findings(tmp_path), _values(_findings(tmp_path))
    assert (values["swap_consistency"], values["ties"], values["first_wins"]) == (0.0, 100.0, 100.0)
    assert values["longer_wins"] is None
    assert any("swap consistency 0.0 is below 80" in reason for reason in found.withheld)


def test_a_judge_that_looks_at_the_length_is_shown_by_the_matched_pairs(tmp_path: Path) -> None:
    """Even where people share its taste: B wins by being longer, and nothing where both are as long."""
    papers = list(range(_PAPERS))
    shorter = _summaries("badly")
    # In half of the papers B is twice as long; in the others it has as many words.
    longer = [
        text + " which is more than anybody ever did by this" if number % 2 else text.replace("badly", "well")
        for number, text in zip(papers, shorter, strict=True)
    ]
    write_run(tmp_path / "a", shorter)
    write_run(tmp_path / "b", longer)
    winners = ["B" if number % 2 else "tie" for number in papers]
    write_script(tmp_path / "script.jsonl", _PAPERS, _prefers(winners.__getitem__))
    labels = write_labels(tmp_path / "labels.jsonl", winners)
    assert main(scripted(tmp_path, "--labels", str(labels))) == 0
    found, values = _findings(tmp_path), _values(_findings(tmp_path))
    assert found.win_rate is not None
    assert found.win_rate.value == 75.0
    assert (values["win_rate_matched"], values["win_rate_level"], values["longer_wins"]) == (50.0, 50.0, 100.0)
    assert found.diagnostics["win_rate_matched"].papers == _PAPERS // 2


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"reason": "It is", "better": ', "invalid_json"),
        ("The first one, surely.", "invalid_json"),
        ('{"reason": "It is.", "better": "the first"}', "schema_error"),
        ('{"better": "first"}', "schema_error"),
        ("[]", "schema_error"),
    ],
)
def test_broken_answers_are_no_verdicts(tmp_path: Path, text: str, kind: str) -> None:
    """They are counted by themselves, decide no pair, and are not asked about again."""
    _write_runs(tmp_path, 6)
    (tmp_path / "script.jsonl").write_text(json.dumps({"id": "*", "text": text}) + "\n", encoding="utf-8")
    for _ in range(2):
        assert main(scripted(tmp_path)) == 1
        found = _findings(tmp_path)
        assert (found.pairs.faults, found.pairs.judged, found.check_faults) == (6, 0, 12)
        assert set(_values(found).values()) == {None}
        assert all(figures.a.value is None for figures in found.checks.values())
    verdicts = _verdicts(tmp_path)
    assert len(verdicts) == 24
    assert {(verdict.answer, verdict.failure, verdict.raw) for verdict in verdicts} == {(None, kind, text)}


def test_a_question_about_one_text_counts_once(tmp_path: Path) -> None:
    """A run against itself asks about each summary once, and as many answers can be broken."""
    for name in ("a", "b"):
        write_run(tmp_path / name, _summaries("well", 6), "model-b")
    (tmp_path / "script.jsonl").write_text(json.dumps({"id": "*", "text": "[]"}) + "\n", encoding="utf-8")
    assert main(scripted(tmp_path)) == 1
    found = _findings(tmp_path)
    assert (found.pairs.same, found.check_faults, len(_verdicts(tmp_path))) == (6, 6, 6)


def test_one_broken_order_leaves_the_pair_undecided(tmp_path: Path) -> None:
    """The other order alone would be a verdict with a position bias."""
    _write_runs(tmp_path, 4)
    script = write_script(tmp_path / "script.jsonl", 4, _prefers(lambda _: "B"))
    lines = script.read_text(encoding="utf-8").splitlines()
    lines[0] = json.dumps({"id": f"{SUITE}/p0/AB", "text": "no"})
    script.write_text("\n".join(lines), encoding="utf-8")
    assert main(scripted(tmp_path)) == 1
    found = _findings(tmp_path)
    assert (found.pairs.judged, found.pairs.faults, found.pairs.errors) == (3, 1, 0)
    assert found.diagnostics["swap_consistency"].papers == 3


def test_an_answer_in_a_fence_is_an_answer(tmp_path: Path) -> None:
    """As servers give it that hold nobody to a form."""
    _write_runs(tmp_path, 1)
    said = '```json\n{"reason": "It is.", "better": "tie"}\n```'
    rows = [{"id": "*", "text": said}, *({"id": f"{SUITE}/p0/{side}", "text": ALL_YES} for side in "AB")]
    (tmp_path / "script.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert main(scripted(tmp_path)) == 0
    assert _findings(tmp_path).pairs.judged == 1


def test_what_needs_no_judge_is_decided_without_one(tmp_path: Path) -> None:
    """Nothing loses to something, the same is a tie, and what a run has no answer for is in no figure."""
    write_run(
        tmp_path / "a",
        ["Deep", "", "", "Deep streams", "x"],
        outcomes=["answered", "answered", "answered", "answered", "error"],
    )
    write_run(tmp_path / "b", ["**deep.**", "Wide", "", "Wide streams", "y"])
    write_script(tmp_path / "script.jsonl", 5, _prefers(lambda _: "A"))
    assert main(scripted(tmp_path)) == 0
    found = _findings(tmp_path)
    counts = found.pairs.model_dump()
    assert counts == {"papers": 5, "missing": 1, "empty": 2, "same": 1, "judged": 1, "faults": 0, "errors": 0}
    asked = Counter(verdict.id.partition("/")[2] for verdict in _verdicts(tmp_path))
    # Both say the same of p0, which is checked once.
    assert asked == Counter(["p0/A", "p1/B", "p3/AB", "p3/BA", "p3/A", "p3/B"])
    # A: p0 and p3 are right, p1 and p2 say nothing; B: only p2 says nothing.
    shares = {(figures.a.value, figures.b.value, figures.difference.value) for figures in found.checks.values()}
    assert shares == {(50.0, 75.0, 25.0)}


def test_questions_have_shares_and_paired_differences(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each of the four is a share of yes for both runs, and B minus A with an interval and a corrected p."""
    _write_runs(tmp_path, 40)
    script = write_script(tmp_path / "script.jsonl", 40, _prefers(lambda _: "B"))
    lines = [json.loads(line) for line in script.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        if line["id"].endswith("/A"):
            line["text"] = {**ALL_YES, "result": "no", "sentence": "no" if line["id"].endswith("p1/A") else "yes"}
    script.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert main(scripted(tmp_path)) == 0
    checks = _findings(tmp_path).checks
    assert tuple(checks) == CHECKS
    values = {name: (one.a.value, one.b.value, one.difference.value) for name, one in checks.items()}
    assert values["contribution"] == (100.0, 100.0, 0.0)
    assert values["result"] == (0.0, 100.0, 100.0)
    assert values["sentence"] == (97.5, 100.0, 2.5)
    assert checks["result"].p is not None
    assert checks["result"].p < 0.001
    assert checks["sentence"].p == 1.0
    assert re.search(r"main result right +0.0 +100.0  100.0 \[100.0, 100.0\]  p 0.000", capsys.readouterr().out)


def _content_judge(is_better: Callable[[str, str], bool]) -> Callable[[str, int], Reply]:
    """A judge that reads what it is shown."""

    def reply(prompt: str, _attempt: int) -> Reply:
        shown = _SHOWN.search(prompt)
        if shown is None:
            return answer(json.dumps(ALL_YES))
        first, second = shown.groups()
        better = "first" if is_better(first, second) else "second" if is_better(second, first) else "tie"
        return answer(json.dumps({"reason": "I read it.", "better": better}))

    return reply


def _hosted(folder: Path, url: str, *flags: str) -> list[str]:
    hosted = ("--backend", "hosted", "--model", "judge-m", "--base-url", url, "--structured-mode", "strict")
    return command(folder, *hosted, *flags)


def test_a_judge_that_reads_decides_by_what_it_reads(tmp_path: Path) -> None:
    """Over the wire: names are nowhere, both orders are shown, and the verdict is that of the texts, not of places."""
    _write_runs(tmp_path, 20)
    labels = write_labels(tmp_path / "labels.jsonl", ["A"] * 20)
    with ChatServer(_content_judge(lambda one, other: " well " in one and " badly " in other)) as server:
        assert main(_hosted(tmp_path, server.url)) == 0
        assert len(server.bodies) == 80
        found = _findings(tmp_path)
        assert (_values(found)["swap_consistency"], _values(found)["win_rate_matched"]) == (100.0, 100.0)
        # With A and B exchanged on the command line the questions are the same, and what won as B wins as A.
        exchanged = _hosted(tmp_path, server.url, "--labels", str(labels))
        exchanged[1], exchanged[2] = exchanged[2], exchanged[1]
        assert main(exchanged) == 0
        assert len(server.bodies) == 80
    found = _findings(tmp_path)
    assert (_values(found)["swap_consistency"], _values(found)["win_rate_matched"]) == (100.0, 0.0)
    assert (found.labelled, _values(found)["ties"]) == (20, 0.0)
    said = [body["messages"] for body in server.bodies]
    assert not re.search(r"model-[ab]|/[ab]/|\bp\d+\b|\bB\b", json.dumps(said))
    assert not any(re.search(r"\bA\b", messages[-1]["content"]) for messages in said)
    assert {body["temperature"] for body in server.bodies} == {0.0}
    schemas = [body["response_format"]["json_schema"] for body in server.bodies]
    assert all(one["strict"] and not one["schema"]["additionalProperties"] for one in schemas)


def test_a_second_run_asks_nothing(tmp_path: Path) -> None:
    """Verdicts are found in the folder, or in the cache, and the report is the same, cost and all."""
    _write_runs(tmp_path, 5)
    with ChatServer(_content_judge(lambda one, other: one < other)) as server:
        (tmp_path / "summarizer.toml").write_text('[prices."judge-m"]\ninput = 1.0\noutput = 2.0\n', encoding="utf-8")
        flags = ("--config", str(tmp_path / "summarizer.toml"))
        assert main(_hosted(tmp_path, server.url, *flags)) == 0
        first, calls = _report(tmp_path), len(server.bodies)
        assert first.suites[0].spent.cost_usd == pytest.approx(20 * (11 * 1.0 + 7 * 2.0) / 1e6)
        assert main(_hosted(tmp_path, server.url, *flags, "--no-cache")) == 0
        assert _report(tmp_path) == first
        (tmp_path / "out" / "verdicts.jsonl").unlink()
        assert main(_hosted(tmp_path, server.url, *flags)) == 0
        assert _report(tmp_path) == first
        assert len(server.bodies) == calls == 20


def test_a_question_without_an_answer_is_asked_again(tmp_path: Path) -> None:
    """An error of the way there is told, is no verdict, and costs one question more the next time."""
    _write_runs(tmp_path, 5)
    judge = _content_judge(lambda one, other: one > other)

    def reply(prompt: str, attempt: int) -> Reply:
        refused = attempt == 1 and "BrookNet-3:" in prompt and "<summary>" in prompt and "badly" in prompt
        return fault(400, "not today") if refused else judge(prompt, attempt)

    with ChatServer(reply) as server:
        assert main(_hosted(tmp_path, server.url)) == 1
        found = _findings(tmp_path)
        assert (found.check_errors, found.check_faults, found.pairs.judged) == (1, 0, 5)
        assert found.checks["result"].a.papers == 4
        assert main(_hosted(tmp_path, server.url)) == 0
        assert len(server.bodies) == 21
    assert _findings(tmp_path).checks["result"].a.papers == 5
    assert [verdict.failure for verdict in _verdicts(tmp_path)].count("rejected") == 1


def test_the_budget_holds_for_a_judge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At its end the exit code is 3, what was answered is kept, and the same command goes on."""
    _write_runs(tmp_path, 10)
    judge = _content_judge(lambda one, other: one > other)

    def reply(prompt: str, attempt: int) -> Reply:
        said = judge(prompt, attempt).body
        assert isinstance(said, dict)
        return Reply(body={**said, "usage": {"prompt_tokens": 450, "completion_tokens": 50, "total_tokens": 500}})

    with ChatServer(reply) as server:
        flags = ("--max-total-tokens", "9000", "--concurrency", "1")
        assert main(_hosted(tmp_path, server.url, *flags)) == 3
        assert "the same command goes on" in capsys.readouterr().err
        kept = len(_verdicts(tmp_path))
        assert 0 < kept < 40
        assert not (tmp_path / "out" / "judge.json").exists()
        assert main(_hosted(tmp_path, server.url)) == 0
        assert len(server.bodies) == 40
    assert len(_verdicts(tmp_path)) == 40


def _start(folder: Path) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "summarizer", *scripted(folder, "--scripted-seconds", "0.05")]
    return subprocess.Popen(words, cwd=_ROOT, env=os.environ | {"PYTHONPATH": str(_ROOT)}, stdout=subprocess.PIPE)


def test_a_killed_run_goes_on(tmp_path: Path) -> None:
    """Killed twice: no verdict is lost or asked twice, and the report is that of a run that was left alone."""
    folders = [tmp_path / "disturbed", tmp_path / "undisturbed"]
    for folder in folders:
        folder.mkdir()
        _write_runs(folder, 25)
        write_script(folder / "script.jsonl", 25, _prefers(_winner))
    disturbed, undisturbed = folders
    kept = 0
    for goal in (10, 40):
        process = _start(disturbed)
        path = disturbed / "out" / "verdicts.jsonl"
        while process.poll() is None and not (path.exists() and path.read_bytes().count(b"\n") >= goal):
            time.sleep(0.01)
        process.kill()
        process.communicate()
        assert process.returncode == -9
        assert kept < path.read_bytes().count(b"\n") < 100
        kept = path.read_bytes().count(b"\n")
    # A kill in the middle of a line.
    with path.open("ab") as file:
        file.write(b'{"id":"streams/p2')
    assert main(scripted(disturbed)) == main(scripted(undisturbed)) == 0
    verdicts = _verdicts(disturbed)
    assert len(verdicts) == len({verdict.key for verdict in verdicts}) == 100
    assert _findings(disturbed) == _findings(undisturbed)


def test_the_embedded_model_judges_in_form(tmp_path: Path) -> None:
    """Whatever it thinks, each verdict of the real model is one by its schema or told as none, and is kept."""
    _write_runs(tmp_path, 2)
    flags = ("--device", "cpu", "--max-tokens", "400", "--batch-size", "8")
    code = main(command(tmp_path, *flags))
    verdicts = _verdicts(tmp_path)
    assert len(verdicts) == 8
    assert code == int(any(verdict.answer is None for verdict in verdicts))
    assert {verdict.failure for verdict in verdicts} <= {None, "truncated"}
    assert sum(verdict.answer is not None for verdict in verdicts) >= 4
    assert _report(tmp_path).judge.revision
    made = (tmp_path / "out" / "verdicts.jsonl").read_bytes()
    (tmp_path / "out" / "verdicts.jsonl").unlink()
    assert main(command(tmp_path, *flags)) == code
    answered = {verdict.key: verdict for verdict in _verdicts(tmp_path) if verdict.answer is not None}
    again = [Verdict.model_validate_json(line) for line in made.splitlines()]
    assert answered == {verdict.key: verdict for verdict in again if verdict.answer is not None}


def test_a_judge_of_its_own_words_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The judge's model is one of the judged, under another of its names: that is told, and stands in the file."""
    write_run(tmp_path / "a", ["Deep"], "hub/Scripted")
    write_run(tmp_path / "b", ["Wide"])
    write_script(tmp_path / "script.jsonl", 1, _prefers(lambda _: "A"))
    assert main(scripted(tmp_path)) == 0
    assert "warning: the judge scripted is one of the judged" in capsys.readouterr().err
    assert len(_report(tmp_path).warnings) == 1


def test_names_of_files_command_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a run's file says of itself is printed without control characters."""
    write_run(tmp_path / "a", ["Deep"], split="dev\x1b[2J")
    write_run(tmp_path / "b", ["Wide"])
    write_script(tmp_path / "script.jsonl", 1, _prefers(lambda _: "A"))
    assert main(scripted(tmp_path)) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_several_people_may_label_one_pair(tmp_path: Path) -> None:
    """Each label counts, the last one of a person only, and those of other suites or papers not at all."""
    _write_runs(tmp_path, 3)
    write_script(tmp_path / "script.jsonl", 3, _prefers(lambda _: "B"))
    lines = [
        {"id": "p0", "annotator": "ida", "preference": "A"},
        {"id": "p0", "annotator": "ida", "preference": "B"},
        {"id": "p0", "annotator": "ole", "preference": "A", "suite": SUITE},
        {"id": "p1", "annotator": "ole", "preference": "tie", "suite": "another"},
        {"id": "p9", "annotator": "ole", "preference": "tie"},
    ]
    labels = tmp_path / "labels.jsonl"
    labels.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert main(scripted(tmp_path, "--labels", str(labels))) == 0
    assert (_findings(tmp_path).labels, _findings(tmp_path).labelled) == (2, 1)


def test_labels_of_annotate_count_for_the_summaries_that_people_saw(tmp_path: Path) -> None:
    """What people pressed on the left or the right becomes A or B; what they took back or saw of other runs does not.

    Labels of the runs in the other order are of another pair.
    """
    _write_runs(tmp_path, 6)
    write_script(tmp_path / "script.jsonl", 6, _prefers(lambda _: "B"))
    a, b = RunFolder(tmp_path / "a", SUITE), RunFolder(tmp_path / "b", SUITE)
    keys = [pair.key for pair in read_pairs(a, b)]
    exchanged = [pair.key for pair in read_pairs(b, a)]
    answers = Answers(contribution=True, result=True, supported=True, readable=True)
    now = "2026-01-01T00:00:00Z"

    def label(number: int, verdict: LabelVerdict, left: LabelRun, pair: str) -> AnnotateLabel:
        return AnnotateLabel(
            annotator="ida",
            time=now,
            suite=SUITE,
            id=f"p{number}",
            pair=pair,
            question=QUESTION,
            seed=0,
            left_run=left,
            seen=Seen(verdict=verdict, left=answers, right=answers),
        )

    with LabelFile(tmp_path / "labels.jsonl") as file:
        file.append(label(0, "left", "a", keys[0]))  # A
        file.append(label(1, "left", "b", keys[1]))  # B
        file.append(label(2, "right", "a", keys[2]))  # B
        file.append(label(3, "both_bad", "b", keys[3]))
        file.append(label(4, "left", "b", exchanged[4]))
        file.append(label(5, "left", "b", keys[5]))
        file.append(Undo(annotator="ida", time=now, suite=SUITE, id="p5", pair=keys[5]))
    labels = read_labels(tmp_path / "labels.jsonl")
    assert [label.preference for label in labels] == ["A", "B", "B", "tie", "B"]
    assert main(scripted(tmp_path, "--labels", str(tmp_path / "labels.jsonl"))) == 0
    assert (_findings(tmp_path).labels, _findings(tmp_path).labelled) == (4, 4)


def _more_papers(folder: Path) -> None:
    write_run(folder / "b", _summaries("well", 4))


def _other_papers(folder: Path) -> None:
    text = (folder / "b" / SUITE / "samples.jsonl").read_text(encoding="utf-8")
    (folder / "b" / SUITE / "samples.jsonl").write_text(text.replace('"id":"p1"', '"id":"x1"'), encoding="utf-8")


def _other_suite(folder: Path) -> None:
    (folder / "b" / SUITE).rename(folder / "b" / "rivers")


def _broken_labels(folder: Path) -> None:
    (folder / "labels.jsonl").write_text('{"id": "p0", "annotator": "ida", "preference": "C"}\n', encoding="utf-8")


def _other_verdicts(folder: Path) -> None:
    (folder / "out").mkdir()
    (folder / "out" / "verdicts.jsonl").write_text("my notes\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "flags", "message"),
    [
        (_more_papers, (), "has 3 papers and the other run more; --limit 3"),
        (_other_papers, (), "line 2: is about 'x1', and the other run about 'p1'"),
        (_other_suite, (), "no suite in common"),
        (_other_suite, ("--suite", "rivers"), "--suite rivers: both runs have no suite in common"),
        (_broken_labels, ("--labels", "labels.jsonl"), "labels.jsonl, line 1: .*preference"),
        (_other_verdicts, (), "line 1 is not a verdict of this version.*choose another with -o"),
        (lambda _: None, ("--temperature", "0.5"), "set --temperature 0"),
        (lambda _: None, ("--limit", "0"), "at least 1"),
    ],
)
def test_what_cannot_be_judged_is_said_before_anything_is_asked(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Path], None],
    flags: Sequence[str],
    message: str,
) -> None:
    """Exit code 2, a message that says what to do, and no verdict."""
    monkeypatch.chdir(tmp_path)
    _write_runs(tmp_path, 3)
    write_script(tmp_path / "script.jsonl", 3, _prefers(lambda _: "A"))
    spoil(tmp_path)
    try:
        code = main(scripted(tmp_path, *flags))
    except SystemExit as error:
        code = int(error.code or 0)
    assert code == 2
    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "out" / "judge.json").exists()


def test_limit_takes_what_both_have(tmp_path: Path) -> None:
    """The first papers of both, where one run has more."""
    _write_runs(tmp_path, 3)
    write_run(tmp_path / "b", _summaries("well", 4))
    write_script(tmp_path / "script.jsonl", 3, _prefers(lambda _: "A"))
    assert main(scripted(tmp_path, "--limit", "3", "--suite", SUITE)) == 0
    assert _findings(tmp_path).pairs.papers == 3
