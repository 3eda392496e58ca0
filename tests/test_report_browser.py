"""Promises of the page of evaluations that only a browser can keep, checked in a headless Chromium."""

import json
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.ui import WebDriverWait

from evals.reporting.html import MOST_PAPERS, render_html
from evals.reporting.side_by_side import read
from summarizer import Record, read_records
from summarizer.extension import visible
from tests.browsers import CONTRAST, chromium, complaints, find
from tests.eval_papers import answer, evaluate, lines, two_runs, write_lines

pytestmark = pytest.mark.browser

LIT = "return [...document.querySelectorAll('.lit')].map((piece) => piece.textContent).join('|')"
HOSTILE = (
    "</script><script>window.hacked=1</script>",
    '<img src=x onerror="window.hacked=1">',
    "\" onfocus='window.hacked=1' autofocus x=\"",
    "<!--<script>",
    '\\"}]; window.hacked=1; [{"',
    "</title></style><svg onload=window.hacked=1>",
    "line\u2028next\u2029line \u202egnisrever\u2066 \x1b[31m ${window.hacked=1} {{ 7 * 7 }} javascript:window.hacked=1",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """One browser for all of these tests."""
    with chromium(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two evaluations of the same invented papers, made by the real command."""
    return two_runs(tmp_path_factory.mktemp("runs"), 60)


@pytest.fixture(scope="module")
def one(folders: tuple[Path, Path]) -> Path:
    """The page of one run."""
    return folders[0] / "report.html"


@pytest.fixture(scope="module")
def both(folders: tuple[Path, Path]) -> Path:
    """The page of both runs."""
    page = folders[0].parent / "both.html"
    page.write_text(render_html(read(folders)), encoding="utf-8")
    return page


def show(browser: webdriver.Chrome, page: Path, width: int = 1280) -> None:
    """Open a page in a window of that many pixels."""
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )
    browser.get(page.as_uri())


def titles(browser: webdriver.Chrome) -> list[str]:
    """Titles of the rows that have been made."""
    return [title.text for title in find(browser, ".paper .title")]


def found(browser: webdriver.Chrome) -> str:
    """How many papers fit the filters, in words."""
    return find(browser, "#found")[0].text


def choose(browser: webdriver.Chrome, field: str, text: str) -> None:
    """Choose from one of the lists."""
    Select(find(browser, f"#{field}")[0]).select_by_visible_text(text)


def open_row(browser: webdriver.Chrome, place: int) -> WebElement:
    """Open the row of that place, and return what is in it."""
    row = find(browser, ".paper")[place]
    row.find_element(By.CSS_SELECTOR, "summary").click()
    # The browser tells the page a moment later that the row is open.
    return WebDriverWait(row, 30).until(lambda row: row.find_element(By.CSS_SELECTOR, ".detail"))


@pytest.mark.parametrize("page", ["one", "both"])
def test_the_page_loads_without_a_complaint(
    browser: webdriver.Chrome, page: str, request: pytest.FixtureRequest
) -> None:
    """From a file it opens, draws, makes its rows, and the console stays empty: the policy refuses nothing."""
    show(browser, request.getfixturevalue(page))
    assert browser.title == "Evaluation: scitldr"
    assert found(browser) == "60 papers"
    assert len(find(browser, "figure svg")) == 3
    assert complaints(browser) == []


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_no_page_is_wider_than_the_screen(browser: webdriver.Chrome, both: Path, width: int) -> None:
    """Wide tables scroll inside of their own box, plots fit, and open papers do too; letters of plots can be read."""
    show(browser, both, width)
    open_row(browser, 0)
    open_row(browser, 3)
    browser.execute_script("for (const part of document.querySelectorAll('details.legend')) part.open = true")
    assert browser.execute_script("return document.documentElement.scrollWidth") == width
    for svg in find(browser, "figure svg"):
        assert svg.size["width"] >= 270
        letters = browser.execute_script(
            "return [...arguments[0].querySelectorAll('text')].map((one) => one.getBoundingClientRect().height)", svg
        )
        assert min(letters) >= 9


def test_dark_and_light_follow_the_reader(browser: webdriver.Chrome, both: Path) -> None:
    """Page and plots change their colours together, marks stand out in both, and print is always light."""
    looks = []
    for media, scheme in (("screen", "light"), ("screen", "dark"), ("print", "dark")):
        preferred = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": preferred})
        show(browser, both)
        line = browser.execute_script(
            "return getComputedStyle(document.querySelector('figure svg [stroke=\"var(--run-1)\"]')).stroke"
        )
        letters = browser.execute_script("return getComputedStyle(document.querySelector('figure svg text')).fill")
        looks.append((browser.execute_script("return getComputedStyle(document.body).color"), line, letters))
        for mark in find(browser, ".mark, .cautions li, .interval, figcaption, .soft")[:30]:
            assert browser.execute_script(CONTRAST, mark) >= 4.5
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    assert looks[0] == looks[2]
    assert all(light != dark for light, dark in zip(looks[0], looks[1], strict=True))


def test_rows_are_made_as_they_come_into_view(browser: webdriver.Chrome, one: Path) -> None:
    """At first there are as many as a window shows; whoever goes on meets all of them, each once."""
    show(browser, one)
    assert len(titles(browser)) == 40
    find(browser, "#more")[0].location_once_scrolled_into_view  # noqa: B018 - selenium scrolls when it is read
    WebDriverWait(browser, 30).until(lambda browser: len(titles(browser)) > 40)
    assert len(titles(browser)) == len(set(titles(browser))) == 60
    assert not find(browser, "#more")[0].is_displayed()


def test_the_search_finds_words_anywhere_in_a_paper(browser: webdriver.Chrome, one: Path) -> None:
    """In abstracts and in what systems say, all words, in any case; clearing brings everything back."""
    show(browser, one)
    search = find(browser, "#search")[0]
    search.send_keys("65.5% LAGOONSET moraine")
    assert found(browser) == "0 of 60 papers"
    search.clear()
    search.send_keys("RIGHT 74.5% LagoonNet-1")
    assert found(browser) == "0 of 60 papers"
    search.clear()
    search.send_keys("often glacierNET-14:")
    assert titles(browser) == ["GlacierNet-14: a machine that weighs the snow"]
    find(browser, "#clear")[0].click()
    assert found(browser) == "60 papers"


def test_failures_can_be_told_apart(browser: webdriver.Chrome, both: Path) -> None:
    """By outcome and by kind of failure, counted; the paper shows whose it is, why, and what the model said."""
    show(browser, both)
    choose(browser, "outcome", "no answer in it (2)")
    assert found(browser) == "2 of 60 papers"
    choose(browser, "outcome", "failure: invalid_json (2)")
    assert [mark.text for mark in find(browser, ".paper .mark")] == ["A: invalid_json"] * 2
    said = open_row(browser, 0).text
    assert "A: no answer in it" in said
    assert "there is no JSON object in the answer" in said
    assert "I would rather not." in said


def test_papers_are_filtered_and_sorted_by_any_figure(browser: webdriver.Chrome, both: Path) -> None:
    """Of a run, or of the difference of two; what has no figure comes last, and is in no range."""
    show(browser, both)

    def numbers() -> list[float]:
        shown = [one.text.rpartition(" ")[2] for one in find(browser, ".paper .numbers")]
        return [float(text.replace("\N{MINUS SIGN}", "-")) for text in shown if text != "—"]

    choose(browser, "order", "lowest first")
    lowest = numbers()
    assert lowest == sorted(lowest)
    assert lowest[0] < -60
    choose(browser, "order", "furthest from 0 first")
    assert numbers() == sorted(numbers(), key=abs, reverse=True)
    choose(browser, "metric", "words")
    choose(browser, "whose", "A")
    choose(browser, "order", "highest first")
    find(browser, "#low")[0].send_keys("14")
    assert 0 < int(found(browser).partition(" ")[0]) < 58
    assert all("A 14.0" in one.text for one in find(browser, ".paper .numbers"))
    find(browser, "#low")[0].clear()
    find(browser, "#high")[0].send_keys("1000")
    assert found(browser) == "58 of 60 papers"


def test_an_item_lights_up_exactly_its_evidence(
    browser: webdriver.Chrome, folders: tuple[Path, Path], one: Path
) -> None:
    """Each item, focused, pointed at or clicked, lights the words of the abstract that the record has for it."""
    show(browser, one)
    record: Record = next(iter(read_records(folders[0] / "scitldr" / "records.jsonl")))
    box = open_row(browser, 0)
    for quotes, name in (
        ([record.methods[0].evidence], "method: BrookNet-0"),
        ([record.datasets[0].evidence], "dataset: BrookSet"),
        ([record.results[0].evidence], "result: 60.5 %"),
    ):
        (button,) = [item for item in box.find_elements(By.CSS_SELECTOR, ".items button") if item.text == name]
        wanted = [record.abstract[quote.start : quote.end] for quote in quotes]
        button.click()
        assert browser.execute_script(LIT).replace("|", "") == wanted[0]
        assert button.get_attribute("aria-pressed") == "true"
        button.click()
    ActionChains(browser).move_to_element(find(browser, "h1")[0]).perform()
    (absent,) = [item for item in box.find_elements(By.CSS_SELECTOR, ".items button") if "Hearsay-9" in item.text]
    assert absent.text == "method: Hearsay-9 ⚠ not in the abstract"
    absent.click()
    assert browser.execute_script(LIT) == ""


def test_a_paper_shows_people_runs_and_baselines_side_by_side(browser: webdriver.Chrome, both: Path) -> None:
    """What people and all systems say is there with each figure, and words that only one of two runs has are marked."""
    show(browser, both)
    box = open_row(browser, 0)
    names = [name.text for name in box.find_elements(By.CSS_SELECTOR, ".answers dt")][:7]
    assert names == ["people", "A", "B", "title", "first sentence", "LexRank", "oracle sentence"]
    own = [word.text for word in box.find_elements(By.CSS_SELECTOR, ".own")]
    assert own == ["Nobody", "has", "heard", "a", "machine", "like", "it", "before."]
    rows = box.find_elements(By.CSS_SELECTOR, ".figures tbody tr")
    assert [row.text.split()[0] for row in rows] == ["A", "B", "title", "first", "LexRank", "oracle", "people"]
    assert rows[0].text.startswith("A 100.0 0.0")


def test_keys_reach_everything(browser: webdriver.Chrome, one: Path) -> None:
    """The first step of the tabulator skips to the papers, / searches, Escape empties, J and K walk, Enter opens."""
    show(browser, one)
    body = find(browser, "body")[0]
    body.send_keys(Keys.TAB)
    assert browser.switch_to.active_element.text == "Skip to the papers"
    body.send_keys("/")
    search = browser.switch_to.active_element
    search.send_keys("j/", Keys.ESCAPE)
    assert search.get_attribute("value") == ""
    assert found(browser) == "60 papers"
    browser.execute_script("document.activeElement.blur()")
    ActionChains(browser).send_keys("jjk").perform()
    assert "BrookNet-0" in browser.switch_to.active_element.text
    ActionChains(browser).send_keys("j", Keys.ENTER).perform()
    (box,) = WebDriverWait(browser, 30).until(lambda browser: find(browser, ".detail"))
    assert "abstract of paper-0001" in box.text.lower()


def test_without_its_script_tables_and_plots_stand(browser: webdriver.Chrome, both: Path) -> None:
    """With scripts switched off the figures and plots are there, and no control pretends to work."""
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        show(browser, both, 360)
        assert find(browser, ".figures .value")[0].is_displayed()
        assert find(browser, "figure svg")[0].is_displayed()
        assert not find(browser, "#search")[0].is_displayed()
        assert "needs its script" in find(browser, "noscript")[0].text
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def _poisoned(folder: Path, payload: str) -> Path:
    """A run whose papers and answers have the payload everywhere, the folder and the name of the data file included."""
    papers = lines(3)
    for paper in papers:
        source, target = paper["source"], paper["target"]
        assert isinstance(source, list)
        assert isinstance(target, list)
        paper["paper_id"] = f"{paper['paper_id']} {payload}"
        paper["title"] = f"{paper['title']} {payload}"
        paper["source"], paper["target"] = (
            [f"{text} {payload}" for text in source],
            [f"{text} {payload}" for text in target],
        )
    data = write_lines(folder / f"data {payload.replace('/', '')}.jsonl", papers)
    answers = {str(paper["paper_id"]): answer(paper, f"We present it. {payload}") for paper in papers}
    answers[str(papers[1]["paper_id"])] = f"No JSON {payload}"
    run = folder / f"run {payload.replace('/', '')}"
    evaluate(data, run, answers)
    return run


@pytest.mark.parametrize("payload", HOSTILE)
def test_a_hostile_paper_does_nothing(browser: webdriver.Chrome, tmp_path: Path, payload: str) -> None:
    """With the payload in papers, gold, answers and names of files nothing runs, and all of it is shown as text."""
    run = _poisoned(tmp_path, payload)
    page = tmp_path / "page.html"
    page.write_text(render_html(read([run, run])), encoding="utf-8")
    show(browser, page)
    shown = " ".join(visible(payload).split())
    for place in range(3):
        box = open_row(browser, place)
        assert " ".join(box.text.split()).count(shown) >= 4
    for item in find(browser, ".items button, details > summary"):
        browser.execute_script("arguments[0].click()", item)
    find(browser, "#search")[0].send_keys(payload.replace("\u2028", " ").replace("\u2029", " ").replace("\x1b", ""))
    assert browser.execute_script("return typeof window.hacked") == "undefined"
    assert complaints(browser) == []
    assert "\u202e" not in browser.page_source
    assert len(find(browser, "script")) == 2
    assert find(browser, "main img, main svg") == []


def _multiplied(folder: Path, copies: Sequence[str], number: int) -> None:
    """Write the lines of these files again and again, each with an id of its own, until there are so many."""
    for name in copies:
        path = folder / "scitldr" / name
        there = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        many = ({**line, "id": f"paper-{place:05}"} for place, line in enumerate(islice(cycle(there), number)))
        path.write_text("".join(json.dumps(line) + "\n" for line in many), "utf-8")


def test_of_more_papers_than_fit_the_page_says_which(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """A page of a choice opens, holds as many papers as it says, and is searched at once."""
    plain, _ = two_runs(tmp_path, 12)
    _multiplied(plain, ("samples.jsonl", "records.jsonl"), MOST_PAPERS + 1)
    run, table = (plain / "scitldr" / name for name in ("run.json", "table.json"))
    for path, change in ((run, '"papers": 12'), (table, '"papers": 12')):
        path.write_text(path.read_text("utf-8").replace(change, f'"papers": {MOST_PAPERS + 1}'), "utf-8")
    page = tmp_path / "many.html"
    page.write_text(render_html(read([plain])), encoding="utf-8")
    show(browser, page)
    assert found(browser) == "5,000 papers"
    assert find(browser, "#chosen")[0].text.startswith("5,000 of 5,001 papers are on this page")
    find(browser, "#search")[0].send_keys("paper-00004")
    assert found(browser) == "1 of 5,000 papers"
