"""`summarizer eval meta`: labels of people become the agreement of each metric."""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import evals.meta
from evals.meta.belief import Belief
from evals.meta.judged import NUGGET_FILES, NUGGETS, judged_nuggets, read_edits, read_labels
from evals.meta.values import Values
from evals.suites import scitldr
from summarizer.cli import main
from summarizer.errors import InputError

Write = Callable[[str, str], Path]
_INVENTED = Path(evals.meta.__file__).parent / "invented"
_ASK_AGAIN = (
    "the code changed what a metric says. If that was meant: measure its passport anew or delete it "
    "(evals/meta/passports.toml), and write the values with `summarizer eval meta --nuggets evals/meta/invented --data "
    "evals/meta/invented/papers.jsonl --summedits evals/meta/invented/edits.jsonl --similarity -o evals/meta/invented`"
)


def _row(system: str, text: str, count: int, paper: str = "inv-01") -> list[object]:
    return [paper, "a title", system, text, *([1] * count + [0] * (6 - count))]


def _labels(folder: Path, rows: Sequence[Sequence[object]], name: str = NUGGET_FILES[1]) -> Path:
    folder.mkdir(exist_ok=True)
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["paper_id", "title", "auth_pr", "tldr", *NUGGETS], *rows])
    return folder


def _meta(output: Path, *more: str | Path) -> int:
    return main(["eval", "meta", "-o", str(output), "--quiet", *map(str, more)])


def _on_invented(output: Path) -> int:
    return _meta(
        output,
        "--nuggets", _INVENTED, "--data", _INVENTED / "papers.jsonl", "--summedits", _INVENTED / "edits.jsonl",
        "--similarity",
    )  # fmt: skip


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The invented labels, measured by this code, with the encoder."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    output = tmp_path_factory.mktemp("meta")
    assert _on_invented(output) == 0
    return output


def _values(folder: Path) -> dict[str, Values]:
    lines = (folder / "values.jsonl").read_text(encoding="utf-8").splitlines()
    return {one.id: one for one in map(Values.model_validate_json, lines)}


def test_no_metric_says_something_else_than_before(measured: Path) -> None:
    """Every metric of 24 summaries and 32 changed ones is what it was, to three decimals."""
    now, before = _values(measured), _values(_INVENTED)
    assert len(before) == 56
    assert now.keys() == before.keys(), _ASK_AGAIN
    for known, one in now.items():
        assert one.metrics == pytest.approx(before[known].metrics, abs=5e-4), _ASK_AGAIN


def test_agreement_is_what_it_was(measured: Path) -> None:
    """So are correlations, pairs and areas, with their intervals."""
    now, before = (json.loads((folder / "meta.json").read_text()) for folder in (measured, _INVENTED))
    assert dict(_numbers(now)) == pytest.approx(dict(_numbers(before)), abs=5e-4), _ASK_AGAIN
    belief = Belief.model_validate(before)
    assert belief.nuggets is not None
    assert (belief.nuggets.texts, belief.nuggets.papers) == (24, 8)


def _numbers(value: object, place: str = "") -> list[tuple[str, float]]:
    if isinstance(value, dict):
        return [number for name, one in value.items() for number in _numbers(one, f"{place}.{name}")]
    if isinstance(value, list):
        return [number for name, one in enumerate(value) for number in _numbers(one, f"{place}.{name}")]
    return [(place, float(value))] if isinstance(value, int | float) else []


def test_table_is_printed_with_the_length_beside_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """People read what is in meta.md: a row for each metric, with the correlation of the length alone."""
    arguments = ["eval", "meta", "--nuggets", str(_INVENTED), "--data", str(_INVENTED / "papers.jsonl")]
    assert main([*arguments, "-o", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert printed.strip() == (tmp_path / "meta.md").read_text(encoding="utf-8").strip()
    (row,) = [line for line in printed.splitlines() if line.startswith("| ROUGE-1 |")]
    (length,) = [line for line in printed.splitlines() if line.startswith("| words |")]
    assert row.split("|")[4] == length.split("|")[3]


def test_copies_count_once_and_conflicts_have_their_mean(tmp_path: Path) -> None:
    """The same text with the same count is one; with two counts it has the mean; texts by people are left out."""
    rows = [
        _row("one", "A net.", 2), _row("one", "A net.", 2), _row("two", "A dam.", 1), _row("two", "A dam.", 4),
        _row("auth_gold", "Ours.", 6), _row("pr_gold", "Theirs.", 5),
    ]  # fmt: skip
    _labels(tmp_path / "analysis", rows)
    found = read_labels(_labels(tmp_path / "analysis", [_row("one", "A net. ", 2)], NUGGET_FILES[0]))
    assert dict(found.nuggets) == {("inv-01", "one", "A net."): 2.0, ("inv-01", "two", "A dam."): 2.5}
    assert (found.rows, found.conflicting, found.people) == (7, 1, 2)


def test_a_column_without_a_name_is_passed_over(tmp_path: Path) -> None:
    """One of the published files begins with numbers of rows."""
    path = _labels(tmp_path / "analysis", [_row("one", "A net, with a comma.", 3)]) / NUGGET_FILES[1]
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("".join(f"{number or ''},{line}\n" for number, line in enumerate(lines)), encoding="utf-8")
    assert list(read_labels(path.parent).nuggets.values()) == [3.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("paper_id,auth_pr,tldr\np,one,A net.\n", "line 2: not labels of nuggets: area_field_topic"),
        (f"paper_id,auth_pr,tldr,{','.join(NUGGETS)}\np,one,A net.,1,0,1,0,yes,0\n", "results_findings"),
        (f"paper_id,auth_pr,tldr,{','.join(NUGGETS)}\np,one,\0A,1,0,1,0,1\n", "not"),
    ],
)
def test_files_that_are_no_labels_are_refused(tmp_path: Path, text: str, message: str) -> None:
    """The message has the place and the column."""
    (tmp_path / NUGGET_FILES[2]).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_labels(tmp_path)


def test_folder_without_labels_says_what_it_looked_for(tmp_path: Path) -> None:
    """All three names are in the message."""
    with pytest.raises(InputError, match=", ".join(NUGGET_FILES)):
        read_labels(tmp_path)


def test_papers_that_the_data_lack_are_an_error(tmp_path: Path) -> None:
    """A correlation over some of the papers is another number."""
    labels = read_labels(_labels(tmp_path, [_row("one", "A net.", 2), _row("one", "A dam.", 2, "elsewhere")]))
    data = _INVENTED / "papers.jsonl"
    with pytest.raises(InputError, match="1 of 2 are missing, such as 'elsewhere'"):
        judged_nuggets(labels, scitldr.read(data), data)


def test_kinds_of_edits_are_no_markup(write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of labels commands neither the terminal nor the page that shows the table."""
    rows = [json.loads(line) for line in (_INVENTED / "edits.jsonl").read_text(encoding="utf-8").splitlines()]
    hostile = "\x1b[2J\n\n<img src=x onerror=alert(1)>|\n# heading"
    kinds = [{**row, "edit_types": [hostile]} for row in rows]
    path = write("edits.jsonl", "".join(json.dumps(row) + "\n" for row in kinds))
    assert main(["eval", "meta", "--summedits", str(path), "-o", str(tmp_path / "out")]) == 0
    for text in (capsys.readouterr().out, (tmp_path / "out" / "meta.md").read_text("utf-8")):
        assert "\x1b" not in text
        assert "<img" not in text
        assert "\n# heading" not in text
        assert "heading" in text


def test_edits_are_read_from_a_list_and_from_lines(write: Write) -> None:
    """Label 0 is wrong, and texts of one document belong together."""
    lines = (_INVENTED / "edits.jsonl").read_text(encoding="utf-8").splitlines()
    as_list = write("edits.json", "[" + ",".join(lines) + "]")
    found = read_edits(as_list)
    assert [(one.id, one.text, one.judgement, one.kinds) for one in found] == [
        (one.id, one.text, one.judgement, one.kinds) for one in read_edits(_INVENTED / "edits.jsonl")
    ]
    assert [one.judgement for one in found[:4]] == [0.0, 1.0, 1.0, 0.0]
    assert len({one.example.document for one in found}) == 8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no labels"),
        ("[1]", "not labels of edits: 0"),
        ('{"id": "a"}', "0.doc"),
        ("{", "not labels of edits"),
    ],
)
def test_files_that_are_no_edits_are_refused(write: Write, text: str, message: str) -> None:
    """Nothing is measured on what cannot be read."""
    with pytest.raises(InputError, match=message):
        read_edits(write("edits.json", text))


def test_something_has_to_be_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without labels the command says which there are."""
    assert _meta(tmp_path) == 2
    assert "--nuggets FOLDER, --summedits FILE" in capsys.readouterr().err


def test_evaluation_of_suites_is_still_what_eval_means(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A first argument that is no command is a suite, and help of `eval` tells of the commands."""
    assert main(["eval", "no-such-suite", "-o", str(tmp_path)]) == 2
    assert "there is no suite 'no-such-suite'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["eval", "--help"])
    assert "summarizer eval meta" in capsys.readouterr().out
