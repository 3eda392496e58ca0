"""Promises of `summarizer annotate` as people and programs meet it: the real program, over real HTTP."""

import json
import random
import resource
import signal
import threading
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

import pytest

from evals.annotating.label_file import read_labels
from evals.annotating.labels import unblind
from evals.suites.gold import read
from tests.annotating import (
    NO,
    ROOT,
    RUNS,
    YES,
    Page,
    annotating,
    answer,
    good,
    make_runs,
    paper,
    ponds,
    poor,
    program,
    wait_until,
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A good and a poor run of 12 papers."""
    return ponds(tmp_path_factory.mktemp("ponds"), 12)


@pytest.fixture(scope="module")
def page(runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A program that is only asked what it has to refuse."""
    with annotating(runs, tmp_path_factory.mktemp("refusals") / "labels.jsonl", "Ada") as serving:
        yield serving


def test_labels_are_stored_and_unblinded(runs: list[Path], tmp_path: Path) -> None:
    """Somebody who always prefers the good summary prefers run A, on whichever side it stood; both sides occur."""
    labels = tmp_path / "labels.jsonl"
    with annotating(runs, labels, "Ada", "--seed", "3") as serving:
        sides = [serving.left_is_good(place) for place in range(12)]
        for place, left in enumerate(sides):
            progress = serving.label(place, "left" if left else "right")
            assert progress["labelled"] == place + 1
        assert progress["next"] is None
        code, told = serving.stop(signal.SIGINT)
    assert 0 < sum(sides) < 12
    stored = read_labels(labels).labels
    assert len({one.pair for one in stored}) == 12
    for one in stored:
        judgement = unblind(one.seen, one.left_run)
        assert judgement.winner == "a"
        assert (judgement.a.model_dump(), judgement.b.model_dump()) == (YES, NO)
        assert (one.annotator, one.seed, one.question, one.suite) == ("Ada", 3, "1", "scitldr")
        assert one.time.endswith("+00:00")
    assert code == 130
    assert "12 of 12 pairs are labelled by Ada" in told
    assert "A 12, B 0" in told
    assert "it is clear that A is better" in told
    assert f"to go on: summarizer annotate {runs[0]} {runs[1]} -o {labels} --annotator Ada --seed 3" in told


def test_nothing_tells_which_run_is_which(runs: list[Path], tmp_path: Path) -> None:
    """Neither the page nor any answer has a name, a folder, a model or a side; offers of both sides are in one list."""
    with annotating(runs, tmp_path / "labels.jsonl", "Ada") as serving:
        seen = [serving.send("GET", serving.path)[2].decode()]
        for place in range(12):
            shown = serving.get(f"pairs/{place}")
            assert set(shown) == {
                "place", "pair", "title", "abstract", "left", "right", "seen", "offers", "gold", "has_gold",
            }  # fmt: skip
            seen.append(json.dumps(shown))
            seen.append(json.dumps(serving.label(place, "left")))
            seen.append(json.dumps(serving.get("standing")))
        seen.append(json.dumps(serving.post("undo", {})))
    for text in seen:
        for secret in (*RUNS, *map(str, runs), "scripted", "left_run", "seed"):
            assert secret not in text


def test_a_label_does_not_tell_at_once_what_it_counted_for(runs: list[Path], tmp_path: Path) -> None:
    """One's own labels reach the page ten at a time; those of others, and all at the end, are counted at once."""
    labels = tmp_path / "labels.jsonl"
    with annotating(runs, labels, "Ada") as ada, annotating(runs, labels, "Bea") as bea:
        for place in range(9):
            ada.label(place, "tie")
            assert ada.get("standing")["lines"][0] == "counted labels: none yet"
        assert bea.get("standing")["lines"][0] == "counted labels: Ada 9"
        ada.label(9, "tie")
        assert ada.get("standing")["lines"][0] == "counted labels: Ada 10"
        ada.label(10, "tie")
        assert ada.get("standing")["lines"][0] == "counted labels: Ada 10"
        assert "counted labels: Ada 11" in ada.stop(signal.SIGINT)[1]


def test_another_label_for_the_same_pair_tells_no_more(runs: list[Path], tmp_path: Path) -> None:
    """Whoever changes one label after ten does not see which run that counted for, nor by taking it back."""
    with annotating(runs, tmp_path / "labels.jsonl", "Ada") as ada:
        for place in range(10):
            ada.label(place, "tie")
        told = ada.get("standing")["lines"]
        assert "better: A 0, B 0, tie 10, both bad 0 (papers)" in told
        for verdict in ("left", "right"):
            ada.label(3, verdict)
            assert ada.get("standing")["lines"] == told
        ada.post("undo", {})
        assert ada.get("standing")["lines"] == told


def test_who_comes_back_goes_on(runs: list[Path], tmp_path: Path) -> None:
    """The next start shows the first open pair and what was said before, even if the seed exchanges the sides."""
    labels = tmp_path / "labels.jsonl"
    with annotating(runs, labels, "Ada", "--seed", "1") as serving:
        for place in (0, 1, 3):
            serving.label(place, "left" if serving.left_is_good(place) else "right")
        assert serving.stop(signal.SIGTERM)[0] == 130
    with annotating(runs, labels, "Ada", "--seed", "2") as serving:
        assert serving.get("progress") == {"annotator": "Ada", "pairs": 12, "labelled": 3, "next": 2}
        for place in (0, 1, 3):
            left = serving.left_is_good(place)
            assert serving.get(f"pairs/{place}")["seen"] == {
                "verdict": "left" if left else "right",
                "left": YES if left else NO,
                "right": NO if left else YES,
            }
        assert serving.get("pairs/2")["seen"] is None
    with annotating(runs, labels, "Bea") as serving:
        assert serving.get("progress")["labelled"] == 0
        assert serving.get("pairs/0")["seen"] is None


def test_labels_change_and_are_taken_back(runs: list[Path], tmp_path: Path) -> None:
    """Each is a line more; taking back begins with the last one, and ends with an answer that says so."""
    labels = tmp_path / "labels.jsonl"
    with annotating(runs, labels, "Ada") as serving:
        serving.label(4, "tie")
        serving.label(5, "left")
        serving.label(4, "both_bad")
        status, undone = serving.post("undo", {})
        assert (status, undone["place"], undone["seen"]["verdict"]) == (200, 4, "both_bad")
        assert serving.post("undo", {})[1]["place"] == 5
        assert serving.get("progress")["labelled"] == 0
        assert serving.post("undo", {}) == (409, {"error": "there is nothing to take back"})
    assert len(labels.read_bytes().splitlines()) == 5


def test_no_acknowledged_label_is_lost_by_a_kill(runs: list[Path], tmp_path: Path) -> None:
    """Killed at five random moments while labels come as fast as they can: each one that was answered is there."""
    labels, drawn = tmp_path / "labels.jsonl", random.Random(20261127)  # noqa: S311 - repeatable moments
    acknowledged: list[tuple[str, str]] = []
    for _ in range(5):
        before, enough = len(acknowledged), drawn.randrange(5, 60)
        with annotating(runs, labels, "Ada") as serving:
            pairs = [serving.get(f"pairs/{place}")["pair"] for place in range(12)]

            def store(serving: Page = serving, pairs: list[str] = pairs) -> None:
                while True:
                    pair, verdict = drawn.choice(pairs), drawn.choice(["left", "right", "tie", "both_bad"])
                    try:
                        status, _ = serving.post("labels", {"pair": pair, "verdict": verdict, "left": YES, "right": NO})
                    except (OSError, HTTPException, ValueError):  # an answer that breaks off acknowledges nothing
                        return
                    assert status == 200
                    acknowledged.append((pair, verdict))

            person = threading.Thread(target=store)
            person.start()
            wait_until(lambda least=before + enough: len(acknowledged) >= least)
            serving.process.kill()
            assert serving.process.wait() == -9
            person.join()
        whole = labels.read_bytes().rpartition(b"\n")[0].split(b"\n")
        lines = [(line["pair"], line["seen"]["verdict"]) for line in map(json.loads, whole)]
        # What was written and not answered any more may be there as well, once for each kill.
        missing = iter(lines)
        assert all(one in missing for one in acknowledged)
        assert len(lines) - len(acknowledged) <= 5
    assert len(acknowledged) >= 25


def test_two_processes_share_a_file(runs: list[Path], tmp_path: Path) -> None:
    """Both label at the same time: every label of both is there, and each knows how far the other agrees."""
    labels = tmp_path / "labels.jsonl"
    with annotating(runs, labels, "Ada") as ada, annotating(runs, labels, "Bea") as bea:

        def work(serving: Page, verdicts: list[str]) -> None:
            for verdict in verdicts:
                for place in range(12):
                    serving.label(place, verdict)

        people = [
            threading.Thread(target=work, args=(ada, ["left", "right", "tie"])),
            threading.Thread(target=work, args=(bea, ["both_bad", "left", "tie"])),
        ]
        for person in people:
            person.start()
        for person in people:
            person.join()
        for serving in (ada, bea):
            assert serving.get("progress")["labelled"] == 12
        told = bea.stop(signal.SIGINT)[1]
    assert len(labels.read_bytes().splitlines()) == 72
    assert {(one.annotator, one.seen.verdict) for one in read_labels(labels).labels} == {("Ada", "tie"), ("Bea", "tie")}
    assert "Ada and Bea on 12 papers: the same in 100 [75, 100] %, kappa undefined" in told


def test_what_is_not_stored_is_said_to_be_not_stored(runs: list[Path], tmp_path: Path) -> None:
    """When the disk takes no more the answer says so, nothing half is left, and with room again it goes on."""
    labels = tmp_path / "labels.jsonl"
    with annotating(runs, labels, "Ada") as serving:
        serving.label(0, "tie")
        size = labels.stat().st_size
        unlimited = resource.prlimit(serving.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(serving.process.pid, resource.RLIMIT_FSIZE, (size + 40, unlimited[1]))
        label = {"pair": serving.get("pairs/1")["pair"], "verdict": "tie", "left": YES, "right": YES}
        status, answered = serving.post("labels", label)
        assert status == 507
        assert "labels.jsonl: not stored: File too large" in answered["error"]
        assert labels.stat().st_size == size
        assert serving.get("progress")["labelled"] == 1
        resource.prlimit(serving.process.pid, resource.RLIMIT_FSIZE, unlimited)
        assert serving.post("labels", label)[0] == 200
    assert len(read_labels(labels).labels) == 2


def test_only_what_differs_is_shown_and_most_first(tmp_path: Path) -> None:
    """Papers with the same summary are left out, those that share no word come before those that share some."""
    said = [
        (good(1), good(1)),
        (good(2), f"WaderNet-2 counts all birds on ponds and reaches {62}.5% accuracy."),
        (good(3), "Ducks."),
        (good(4), poor(4)),
    ]
    papers = [paper(number) for number in range(1, 5)]
    given = [[answer(number, texts[side]) for number, texts in enumerate(said, start=1)] for side in (0, 1)]
    runs = make_runs(tmp_path, papers, given)
    with annotating(runs, tmp_path / "labels.jsonl", "Ada") as serving:
        titles = [serving.get(f"pairs/{place}")["title"][:10] for place in range(3)]
        assert serving.get("progress")["pairs"] == 3
        assert any("1 papers have the same summary in both runs" in line for line in serving.told)
    assert titles == ["WaderNet-3", "WaderNet-4", "WaderNet-2"]
    with annotating(runs, tmp_path / "labels.jsonl", "Ada", "--limit", "2") as serving:
        assert serving.get("progress")["pairs"] == 2
    alike = program(["annotate", str(runs[0]), str(runs[0]), "-o", str(tmp_path / "l.jsonl"), "--annotator", "Ada"])
    assert alike.returncode == 2
    assert "there is nothing to compare: 4 papers have the same summary in both runs" in alike.stderr


def test_gold_is_checked_stored_and_exported(runs: list[Path], tmp_path: Path) -> None:
    """Only words of the paper get in; what is written out is in the form of gold, the last of each paper."""
    labels, out = tmp_path / "labels.jsonl", tmp_path / "gold.jsonl"
    with annotating(runs, labels, "Ada") as serving:
        shown = serving.get("pairs/0")
        gold = {
            "tldr": "A network counts birds.",
            "contribution": "method",
            "tasks": ["counts birds"],
            "methods": shown["offers"]["methods"],
            "datasets": ["PondCount"],
            "metrics": [],
            "results": shown["offers"]["results"],
        }
        status, answered = serving.post("gold", {"pair": shown["pair"], "gold": gold | {"datasets": ["LakeCount"]}})
        assert (status, answered["gold"]) == (200, None)
        message = "the paper does not have the words 'LakeCount'"
        assert answered["problems"] == [{"field": "datasets", "message": message}]
        for stored in (gold | {"tasks": []}, gold):
            assert serving.post("gold", {"pair": shown["pair"], "gold": stored})[1]["problems"] == []
        second = serving.get("pairs/1")
        serving.post("gold", {"pair": second["pair"], "gold": {"datasets": ["PondCount"]}})
    with annotating(runs, labels, "Ada") as serving:
        again = serving.get("pairs/0")
        assert (again["has_gold"], again["gold"]) == (True, gold)
    command = ["annotate", *map(str, runs), "-o", str(labels), "--export", str(out)]
    done = program(command)
    assert (done.returncode, done.stderr) == (0, f"summarizer: {out}: gold for 2 papers\n")
    first, other = read(out)
    assert first.paper.id.startswith("pond-")
    assert (first.paper.title, first.paper.abstract) == (shown["title"], shown["abstract"])
    assert (first.gold.summaries, first.gold.contribution) == ((gold["tldr"],), "method")
    named = {kind: [name.name for name in names] for kind, names in first.gold.names.items()}
    methods = [method["name"] for method in gold["methods"]]
    assert named == {"task": ["counts birds"], "method": methods, "dataset": ["PondCount"], "metric": []}
    assert [name.role for name in first.gold.names["method"]] == [method["role"] for method in gold["methods"]]
    assert first.gold.results is not None
    assert [claim.value for claim in first.gold.results] == [result["value"] for result in gold["results"]]
    assert (list(other.gold.names), other.gold.results, other.gold.contribution) == (["dataset"], None, None)
    assert "is there already" in program(command).stderr
    assert "holds no gold by Bea" in program([*command, "--annotator", "Bea"]).stderr


def test_gold_that_no_suite_would_read_is_not_exported(runs: list[Path], tmp_path: Path) -> None:
    """A label that was edited by hand is held to what a file of gold is held to, and nothing is written."""
    labels, out = tmp_path / "labels.jsonl", tmp_path / "gold.jsonl"
    with annotating(runs, labels, "Ada") as serving:
        pair = serving.get("pairs/0")["pair"]
        serving.post("gold", {"pair": pair, "gold": {"datasets": ["PondCount"]}})
    text = labels.read_text(encoding="utf-8")
    labels.write_text(text.replace('["PondCount"]', '["PondCount","pondcount"]'), encoding="utf-8")
    done = program(["annotate", *map(str, runs), "-o", str(labels), "--export", str(out)])
    assert done.returncode == 2
    assert "cannot be exported" in done.stderr
    assert "datasets: two entries have the form 'pondcount'" in done.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 404),
        ("", 404),
        ("/wrong/", 404),
        ("/wrong/pairs/0", 404),
        ("{token}x/pairs/0", 404),
        ("{token}", 404),
        ("{token}/nothing", 404),
        ("{token}/pairs/99", 404),
        ("{token}/pairs/-1", 404),
        ("{token}/pairs/%30", 404),
        ("{token}/../etc/passwd", 404),
    ],
)
def test_only_who_has_the_address_gets_something(page: Page, path: str, status: int) -> None:
    """Another token, or none, or something that is not there: no page, no data."""
    found, _, body = page.send("GET", path.replace("{token}", page.path.rstrip("/")) or "/")
    assert found == status
    assert b"WaderNet" not in body
    assert set(json.loads(body)) == {"error"}


@pytest.mark.parametrize(
    "host", ["ponds.example", "ponds.example:{port}", "127.0.0.1", "127.0.0.1:1", "[::1]:{port}", ""]
)
def test_names_that_lead_here_are_refused(page: Page, host: str) -> None:
    """A page elsewhere whose name was made to lead to this machine is still not this page."""
    headers = {"Host": host.format(port=page.port)}
    assert page.send("GET", f"{page.path}pairs/0", headers=headers)[0] == 403


@pytest.mark.parametrize(
    "origin", [None, "null", "https://ponds.example", "http://127.0.0.1:1", "http://localhost:{port}"]
)
def test_other_pages_store_nothing(page: Page, origin: str | None) -> None:
    """A request that another page has a browser send is refused, and so is one that does not say whence it comes."""
    pair = page.get("pairs/0")["pair"]
    body = json.dumps({"pair": pair, "verdict": "tie", "left": YES, "right": YES}).encode()
    headers = {"Content-Type": "application/json"}
    if origin is not None:
        headers["Origin"] = origin.format(port=page.port)
    assert page.send("POST", f"{page.path}labels", body, headers)[0] == 403
    assert page.get("progress")["labelled"] == 0


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "text/plain"}, b"{}", 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"{}", 415),
        ({"Content-Type": "application/json"}, b"", 422),
        ({"Content-Type": "application/json"}, b"{", 422),
        ({"Content-Type": "application/json"}, b'{"pair": "x", "verdict": "best"}', 422),
        ({"Content-Type": "application/json"}, b"\xff\xfe", 422),
        ({"Content-Type": "application/json", "Content-Length": "-1"}, b"", 411),
        ({"Content-Type": "application/json", "Content-Length": "99999999"}, b"", 413),
        ({"Content-Type": "application/json", "Content-Length": "9" * 5000}, b"", 413),
    ],
)
def test_bodies_that_do_not_belong_are_refused(page: Page, headers: dict[str, str], body: bytes, status: int) -> None:
    """JSON of the right form and at most so long; what comes back is a reason, not a trace."""
    found, _, answered = page.send("POST", f"{page.path}labels", body, {"Origin": page.origin, **headers})
    assert found == status
    assert set(json.loads(answered)) == {"error"}


def test_an_unknown_pair_and_an_unknown_field_are_refused(page: Page) -> None:
    """A page of another time stores nothing, and neither does one that says more than is asked."""
    label = {"pair": "0" * 32, "verdict": "tie", "left": YES, "right": YES}
    assert page.post("labels", label)[0] == 404
    status, answered = page.post("labels", {**label, "left_run": "a"})
    assert (status, answered["error"]) == (422, "left_run: Extra inputs are not permitted")


def test_answers_cannot_be_read_framed_or_kept_by_others(page: Page) -> None:
    """No answer opens itself to another origin, the policy lets nothing in, and only POST stores."""
    for path in ("", "pairs/0", "nothing"):
        _, headers, body = page.send("GET", page.path + path, headers={"Origin": "https://ponds.example"})
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "*" not in policy
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert not [name for name in headers if name.lower().startswith("access-control")]
        assert b"http://" not in body
        assert b"https://" not in body
    assert page.send("GET", f"{page.path}labels")[0] == 404
    assert page.send("OPTIONS", f"{page.path}labels")[0] == 501


def test_it_listens_on_the_loopback_only(page: Page) -> None:
    """The kernel knows of one socket at that port, and it is bound to 127.0.0.1."""
    lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    lines += Path("/proc/net/tcp6").read_text(encoding="ascii").splitlines()[1:]
    listening = [line.split()[1] for line in lines if line.split()[3] == "0A"]
    assert [one for one in listening if int(one.rpartition(":")[2], 16) == page.port] == [f"0100007F:{page.port:04X}"]


def test_mistakes_are_told(runs: list[Path], tmp_path: Path, page: Page) -> None:
    """What is missing or cannot be is one line that says what to do, and exit code 2."""
    command = ["annotate", *map(str, runs), "-o", str(tmp_path / "labels.jsonl")]
    other = tmp_path / "notes.jsonl"
    other.write_text('{"note": 1}\n', encoding="utf-8")
    for arguments, said in (
        (command, "say who labels, with --annotator NAME"),
        ([*command, "--annotator", "  "], "it has to be 1 to 64 characters"),
        ([*command, "--annotator", "Ada", "--suite", "scierc"], "not both runs have the suite 'scierc'"),
        ([*command, "--annotator", "Ada", "--port", str(page.port)], "choose another with --port"),
        ([*command[:-1], str(other), "--annotator", "Ada"], "notes.jsonl, line 1: not a line of labels"),
        ([*command[:-1], str(tmp_path / "no" / "l.jsonl"), "--annotator", "Ada"], "choose another with -o"),
        (["annotate", str(tmp_path), str(runs[1]), *command[3:], "--annotator", "Ada"], "holds no finished evaluation"),
        ([*command[:-1], str(tmp_path / "none.jsonl"), "--export", "gold.jsonl"], "none.jsonl: No such file"),
    ):
        done = program(arguments)
        assert done.returncode == 2
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_labels_of_other_answers_are_told(runs: list[Path], tmp_path: Path) -> None:
    """A run that says something else makes other pairs: its labels start anew, and the old ones are kept and told."""
    labels = tmp_path / "labels.jsonl"
    with annotating(runs, labels, "Ada") as serving:
        serving.label(0, "tie")
    with annotating(runs[::-1], labels, "Ada") as serving:
        assert serving.get("progress")["labelled"] == 0
        assert any("1 labels of" in line and "do not count here" in line for line in serving.told)


def test_the_page_is_in_the_package() -> None:
    """Its files lie beside the modules, where a wheel takes them from."""
    names = {path.name for path in (ROOT / "evals" / "annotating").iterdir()}
    assert {"page.html.jinja", "page.css", "page.js"} <= names
