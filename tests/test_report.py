"""Promises of the report of evaluations that need no browser."""

import json
import re
import shutil
from dataclasses import replace
from html import escape
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from evals.baselines import TITLE
from evals.meta.passports import told
from evals.metrics import METRICS
from evals.reporting.facts import facts
from evals.reporting.html import render_html
from evals.reporting.markdown import render_markdown
from evals.reporting.numbers import amount, interval
from evals.reporting.page_data import Answer, PageMetric, PagePaper, PageSuite, PageSystem, as_json
from evals.reporting.papers import choose, measure, share
from evals.reporting.plots import against_length, plots
from evals.reporting.prices import pareto, spread
from evals.reporting.side_by_side import Results, read
from evals.tables import Cell
from summarizer import SummarizerError
from summarizer.cli import main
from summarizer.extension import visible
from tests.eval_papers import two_runs

TEXTS = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("<>&|`[]\\\u2028\u202e\0\"'/-")))
#: What HTML, Markdown and tables take for markup.
MARKUP = st.sampled_from(
    [
        "<img src=x onerror=alert(1)>",
        "<!-- gone",
        "[click](javascript:alert(1))",
        "![x](http://evil.example/x.png)",
        "a | b",
        "`code`",
        "**bold**",
        "~~gone~~",
        "<https://evil.example>",
        "# heading",
        "- list",
        "&lt;b&gt;",
    ]
)
NAMED = {metric.name: metric for metric in METRICS}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two evaluations of the same invented papers, made by the real command."""
    return two_runs(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def results(folders: tuple[Path, Path]) -> Results:
    """Both side by side."""
    (found,) = read(folders)
    return found


def with_figures(results: Results, name: str, **figures: tuple[float, float]) -> Results:
    """The results with other values of a metric: (value, half of the interval) by the name of the line."""
    lines = []
    for line in results.lines:
        cells = dict(line.cells)
        if line.name in figures:
            value, half = figures[line.name]
            cells[name] = Cell(value=value, low=value - half, high=value + half, papers=results.papers)
        lines.append(replace(line, cells=cells))
    metrics = tuple(metric for metric in METRICS if any(metric.name in line.cells for line in lines))
    return replace(results, lines=tuple(lines), metrics=metrics)


def test_an_evaluation_leaves_its_reports(folders: tuple[Path, Path]) -> None:
    """`summarizer eval` writes both at its end, and they are what `summarizer report` writes of the folder."""
    plain, _ = folders
    suites = read([plain])
    assert (plain / "report.html").read_text("utf-8") == render_html(suites)
    assert (plain / "report.md").read_text("utf-8") == render_markdown(suites)


def test_the_same_run_gives_the_same_bytes_anywhere(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """A folder that was copied under another name has the same reports, plots and all."""
    plain, _ = folders
    copy = Path(shutil.copytree(plain, tmp_path / "of another name"))
    for name in ("page.html", "page.md"):
        for folder, output in ((plain, tmp_path / f"one-{name}"), (copy, tmp_path / f"other-{name}")):
            assert main(["report", str(folder), "-o", str(output)]) == 0
        assert (tmp_path / f"one-{name}").read_bytes() == (tmp_path / f"other-{name}").read_bytes()


def test_runs_are_named_by_letter_folder_model_and_prompt(folders: tuple[Path, Path]) -> None:
    """Several runs are A, B and so on; baselines follow once, and what differs comes first of what made them."""
    suites = read(folders)
    assert [(line.name, line.kind) for line in suites[0].lines] == [
        ("A", "run"),
        ("B", "run"),
        ("title", "baseline"),
        ("first sentence", "baseline"),
        ("LexRank", "baseline"),
        ("oracle sentence", "oracle"),
        ("people", "people"),
    ]
    text = render_markdown(suites)
    assert "- A: plain · scripted · annotate/v1" in text
    assert "- B: wordy · scripted · annotate/v1" in text
    assert text.index("**revision**") < text.index("| backend |")


def test_figures_stand_with_interval_and_papers(folders: tuple[Path, Path]) -> None:
    """Each cell of the table file is in both reports, with its interval, and with its n where that is not all."""
    plain, _ = folders
    (alone,) = read([plain])
    page, text = render_html([alone]), render_markdown([alone])
    for metric in alone.metrics:
        for line in alone.lines:
            if (cell := line.cells.get(metric.name)) and cell.value is not None:
                assert f'<span class="value">{amount(cell.value, metric)}</span>' in page
                assert interval(cell, metric) in page
                assert f"{amount(cell.value, metric)}" in text
                assert interval(cell, metric) in text
    assert alone.lines[0].cells["words"].papers == 22
    assert "n 22" in page
    assert "(n 22)" in text


def test_every_table_says_how_it_lies(folders: tuple[Path, Path]) -> None:
    """ROUGE with what the bare title scores on these papers; a figure that is counted by rule says that it is."""
    (found,) = read(folders)
    title = next(line for line in found.lines if line.system == TITLE)
    said = f"The bare title has {title.cells['rouge1'].value:.1f} ROUGE-1,"
    _, first, *others = render_html([found]).split('<table class="figures">')
    assert "ROUGE-1" in first
    assert said in first
    assert len(others) == 2
    assert all("they are counted by rule" in table and said not in table for table in others)
    assert said in render_markdown([found])


def test_a_table_holds_one_part_and_who_has_it(folders: tuple[Path, Path]) -> None:
    """Baselines, which have no evidence and no answer that can fail, are no rows of dashes."""
    (found,) = read(folders)
    tables = [part.partition("</table>")[0] for part in render_html([found]).split('<table class="figures">')[1:]]
    first, form, held = tables
    assert "coverage" in first
    assert "ROUGE-L" in first
    assert "compression" in form
    assert "stand-ins" in held
    assert [f'scope="row">{TITLE}' in table for table in tables] == [True, True, False]


def test_the_passport_stands_beside_the_metric(folders: tuple[Path, Path]) -> None:
    """How far people agree with it, as the file of passports has it, or that nobody has measured it."""
    (found,) = read(folders)
    page, text = render_html([found]), render_markdown([found])
    for metric in found.metrics:
        (about,) = re.findall(rf"<dt>{re.escape(metric.title)}</dt><dd>(.*?)</dd>", page)
        assert about.endswith(f"Agreement with people: {escape(told(metric.name))}.")
    assert "Spearman +0.135 [-0.02, 0.30]" in page
    assert "Agreement with people: not measured." in page
    said = text.replace("\\", "")
    assert f"ROUGE-1: {told('rouge1')}" in said


def test_beyond_people_is_marked_saturated(results: Results) -> None:
    """Beside the figure of the metric that is, and of no other."""
    lines = (replace(line, saturated=("rouge1",) if line.name in ("A", "title") else ()) for line in results.lines)
    given = with_figures(replace(results, lines=tuple(lines)), "rouge1", A=(40.1, 1.0), B=(39.9, 1.0))
    row, other = (
        next(line for line in render_markdown([given]).splitlines() if line.startswith(f"| {title}"))
        for title in ("ROUGE-1", "ROUGE-2")
    )
    assert "**40.1** [39.1, 41.1] saturated" in row
    assert "**39.9** [38.9, 40.9] |" in row
    assert "saturated" not in other
    assert render_html([given]).count("saturated</span>") == 2


def test_runs_of_other_data_do_not_share_a_table(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """Another checksum, or baselines that were scored otherwise, are refused with both folders named."""
    plain, _ = folders
    other = Path(shutil.copytree(plain, tmp_path / "other"))
    path = other / "scitldr" / "run.json"
    path.write_text(re.sub(r'"sha256": "\w+"', f'"sha256": "{"0" * 64}"', path.read_text("utf-8")), "utf-8")
    with pytest.raises(SummarizerError, match="other.*plain.*cannot stand in one table"):
        read([plain, other])
    again = Path(shutil.copytree(plain, tmp_path / "again"))
    table = json.loads((again / "scitldr" / "table.json").read_text("utf-8"))
    table["rows"][1]["cells"]["rouge1"]["value"] += 0.5
    (again / "scitldr" / "table.json").write_text(json.dumps(table), "utf-8")
    with pytest.raises(SummarizerError, match="title has other figures than in .*plain.*not asked anew"):
        read([plain, again])


def test_files_that_do_not_fit_are_refused(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """Samples without a record, or of another paper, are named with their line; nothing is shown of half a run."""
    plain, _ = folders
    broken = Path(shutil.copytree(plain, tmp_path / "broken"))
    records = broken / "scitldr" / "records.jsonl"
    kept = records.read_text("utf-8").splitlines(keepends=True)
    records.write_text("".join(kept[:10]), "utf-8")
    with pytest.raises(SummarizerError, match=r"records.jsonl.*line 11.*paper-0010"):
        render_html(read([broken]))
    samples = broken / "scitldr" / "samples.jsonl"
    samples.write_text(samples.read_text("utf-8").replace('"id":"paper-0003"', '"id":"paper-9999"'), "utf-8")
    with pytest.raises(SummarizerError, match=r"samples.jsonl.*not of the same papers"):
        render_html(read([plain, broken]))


def test_a_name_says_what_is_written(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Another ending than .html and .md is refused, and so is a folder that is no evaluation."""
    plain, _ = folders
    assert main(["report", str(plain), "-o", "report.pdf"]) == 2
    assert "give a name in .html or .md" in capsys.readouterr().err
    assert main(["report", str(plain / "scitldr"), "-o", "report.md"]) == 2
    assert "holds no finished evaluation" in capsys.readouterr().err


def test_numbers_are_as_people_write_them() -> None:
    """Points have one decimal, prices three digits that count, and nothing is in powers of ten."""
    points, price = NAMED["rouge1"], NAMED["cost"]
    assert [amount(value, points) for value in (0.0, 39.96, 100.0)] == ["0.0", "40.0", "100.0"]
    assert [amount(value, price) for value in (0.0, 0.00004, 0.0123456, 12.0)] == ["0", "0.00004", "0.0123", "12"]


def test_a_page_holds_a_choice_of_many_papers(results: Results) -> None:
    """With more papers than fit, failures, lowest, highest and a seeded rest are there, and the page says so."""
    measured = measure(results)
    assert choose(results, measured, 24).said == ""
    chosen = choose(results, measured, 12)
    assert len(chosen.places) == len(set(chosen.places)) == 12
    assert {3, 7} <= set(chosen.places)
    apart = measured.main["A"] - measured.main["B"]
    shown = apart[list(chosen.places)]
    assert sorted(apart)[:3] == sorted(shown)[:3]
    assert sorted(apart)[-3:] == sorted(shown)[-3:]
    assert choose(results, measured, 12) == chosen
    assert choose(results, measured, 12, seed=1).places != chosen.places
    assert chosen.said.startswith("12 of 24 papers are on this page: 2 of the 2 without an answer, the 3 lowest")
    assert "ROUGE-1 of A minus B" in chosen.said


@given(st.lists(st.integers(0, 9_000), min_size=1, max_size=8), st.integers(0, 9_000))
def test_suites_share_the_room_fairly(sizes: list[int], room: int) -> None:
    """No suite gets more than it has, no room is left while one lacks it, and who lacks it has no less than others."""
    given_to = share(sizes, room)
    assert all(got <= size for got, size in zip(given_to, sizes, strict=True))
    assert sum(given_to) == min(room, sum(sizes))
    lacking = [got for got, size in zip(given_to, sizes, strict=True) if got < size]
    assert not lacking or min(lacking) >= max(given_to) - 1


def test_price_and_time_have_both_error_bars_and_the_front(results: Results) -> None:
    """One point a run with bars on both axes, baselines for nothing, and the reason where a price is not known."""
    measured = measure(results)
    cost, *_ = plots(results, measured)
    assert (cost.svg, cost.said) == (None, "no plot, because no run has a known price.")
    priced = with_figures(results, "cost", A=(0.0002, 0.0001), B=(0.009, 0.001))
    drawn = plots(priced, measure(priced))
    assert [plot.title for plot in drawn] == [
        "ROUGE-1 against cost",
        "ROUGE-1 against time",
        "ROUGE-1 of each paper",
        "ROUGE-1 against length",
    ]
    assert "for 0.0002 [0.0001, 0.0003] USD a paper" in drawn[0].said
    assert drawn[0].svg is not None
    for name in (">A<", ">B<", ">title<", ">first sentence<", ">LexRank<", ">oracle sentence<"):
        assert name in drawn[0].svg
    # Prices that are far apart are on a logarithmic axis, whose numbers are written as others are.
    assert ">0.001<" in drawn[0].svg
    assert "$" not in drawn[0].svg
    alone = with_figures(results, "cost", A=(0.0002, 0.0001))
    assert "Not shown, because USD a paper is nothing or unknown: B." in plots(alone, measured)[0].said


def test_plots_take_their_colours_from_the_page(results: Results) -> None:
    """No style attribute that the policy would refuse, no colour but the page's, letters as text, ids of their own."""
    drawn = [plot.svg for plot in plots(results, measure(results)) if plot.svg]
    assert len(drawn) == 3
    for svg in drawn:
        assert "style" not in svg
        assert "aria-label" in svg
        colours = set(re.findall(r'(?:fill|stroke)="([^"]+)"', svg))
        assert {colour for colour in colours if not colour.startswith("var(--")} <= {"none", "#ffffff"}
        assert "<text" in svg
    ids = [name for svg in drawn for name in re.findall(r'id="([^"]+)"', svg)]
    assert len(ids) == len(set(ids))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_the_front_holds_what_nothing_dominates(points: list[tuple[int, int]]) -> None:
    """A point is on it exactly if none is as cheap and better, or cheaper and as good."""
    front = pareto(points)
    for cost, value in points:
        beaten = any((c <= cost and v > value) or (c < cost and v >= value) for c, v in points)
        assert ((cost, value) in front) != beaten
    assert front == sorted(set(front))


@given(st.lists(st.floats(0, 100), max_size=9).map(sorted), st.floats(0.1, 20))
def test_names_do_not_cover_one_another(heights: list[float], gap: float) -> None:
    """Heights keep their order and are the gap apart; where there is room nothing moves."""
    placed = spread(heights, gap)
    assert all(after - before >= gap * (1 - 1e-9) - 1e-9 for before, after in pairwise(placed))
    if all(after - before >= gap for before, after in pairwise(heights)):
        assert placed == heights


def test_length_is_held_against_the_score(results: Results) -> None:
    """The caption has the rank correlation of each run, and says why there is no calibration."""
    *_, length = plots(results, measure(results))
    assert re.search(
        r"A: rank correlation [+-]\d\.\d\d over 22 papers; B: rank correlation [+-]\d\.\d\d over 24", length.said
    )
    assert "there is no calibration to show" in length.said


def test_what_says_nothing_has_no_plot(results: Results) -> None:
    """Where no run has a length there is a reason instead of empty axes."""
    measured = measure(results)
    silent = replace(measured, lengths={name: 0.0 * found for name, found in measured.lengths.items()})
    plot = against_length(results, silent)
    assert plot.svg is None
    assert "no plot, because" in plot.said


def test_one_paper_is_enough(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """A run of a single paper has its reports, with all plots that one paper allows."""
    data = folders[0].parent / "invented.jsonl"
    command = ["eval", "scitldr", "--quiet", "--backend", "scripted", "--limit", "1", "--data", str(data)]
    assert main([*command, "--cache-dir", str(tmp_path / "cache"), "-o", str(tmp_path / "one")]) == 0
    assert "1 paper, dev" in (tmp_path / "one" / "report.html").read_text("utf-8")
    assert "## scitldr, dev, 1 paper\n" in (tmp_path / "one" / "report.md").read_text("utf-8")


def test_an_interval_does_not_pretend(results: Results) -> None:
    """What was never measured is a dash and not a nought, and what happened in all of 24 papers may fail in others."""
    (row,) = (line for line in render_markdown([results]).splitlines() if line.startswith("| coverage"))
    assert row == "| coverage ↑ | **100.0** [87.5, 100.0] | **100.0** [87.5, 100.0] | — | — | — | — | — |"


@given(TEXTS)
def test_data_cannot_leave_their_element(text: str) -> None:
    """Whatever a paper says, its JSON has no character that HTML or a script could take for an end, and reads back."""
    paper = PagePaper(
        id="p", title=text, abstract=text, gold={"summary": [text]}, answers=(Answer(outcome="answered"),), said=()
    )
    suite = PageSuite(
        suite="invented",
        chosen="",
        main=0,
        best=None,
        metrics=(PageMetric(title="t", unit="points", better="higher"),),
        systems=(PageSystem(name="model", kind="run"),),
        values=(((None,),),),
        papers=(paper,),
    )
    written = as_json([suite])
    assert not set(written) & set("<>&\u2028\u2029")
    assert json.loads(written)[0]["papers"][0]["title"] == text


@given(MARKUP | TEXTS.filter(lambda text: bool(text.strip())), MARKUP | TEXTS)
def test_nothing_in_the_markdown_is_markup(results: Results, folder: str, model: str) -> None:
    """Whatever folders and models are called, the tables keep their cells, and no HTML, link or code comes of it."""
    made = results.runs[0].run.made.model_copy(update={"model": model})
    run = replace(results.runs[0], folder=folder, run=results.runs[0].run.model_copy(update={"made": made}))
    text = render_markdown([replace(results, runs=(run, results.runs[1]))])
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    kinds = {token.type for token in tokens} | {part.type for token in tokens for part in token.children or ()}
    assert not kinds & {
        "html_block",
        "html_inline",
        "link_open",
        "image",
        "code_inline",
        "code_block",
        "fence",
        "s_open",
    }
    cells = [token.type for token in tokens].count("td_open")
    assert cells == len(results.metrics) * (1 + len(results.lines)) + len(facts(results)) * 3
    assert " ".join(visible(folder).split()) in _shown(tokens)


def _shown(tokens: list[Token]) -> str:
    return "".join(child.content for token in tokens for child in token.children or ())
