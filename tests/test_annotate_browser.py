"""Promises of the page of `summarizer annotate` that only a browser can keep, checked in a headless Chromium."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from evals.annotating.label_file import read_labels
from evals.annotating.labels import unblind
from tests.annotating import NO, YES, Page, annotating, answer, good, make_runs, paper, ponds, poor
from tests.browsers import CONTRAST, chromium, complaints

pytestmark = pytest.mark.browser

HOSTILE = (
    "</script><script>window.hacked=1</script>",
    '<img src=x onerror="window.hacked=1">',
    "\u2028window.hacked=1\u2029{{ 7 * 7 }}",
    "</textarea><svg onload=window.hacked=1>\u202e",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A browser with an empty profile."""
    with chromium(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A good and a poor run of four papers."""
    return ponds(tmp_path_factory.mktemp("ponds"), 4)


@pytest.fixture
def page(runs: list[Path], tmp_path: Path) -> Iterator[Page]:
    """A program that serves."""
    with annotating(runs, tmp_path / "labels.jsonl", "Ada") as serving:
        yield serving


def show(browser: webdriver.Chrome, page: Page, width: int = 1200) -> None:
    """Open the page in a window of that many pixels, and wait for the first pair."""
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )
    browser.get(page.address)
    until_told(browser, "Pair")


def press(browser: webdriver.Chrome, *keys: str) -> None:
    """Press keys wherever the focus is; nothing is clicked."""
    for key in keys:
        ActionChains(browser).send_keys(key).perform()


def chord(browser: webdriver.Chrome, held: str, key: str, times: int = 1) -> None:
    """Press a key while another is held."""
    ActionChains(browser).key_down(held).send_keys(key * times).key_up(held).perform()


def text(browser: webdriver.Chrome, selector: str) -> str:
    """What is to be read there."""
    return browser.find_element(By.CSS_SELECTOR, selector).text


def until_told(browser: webdriver.Chrome, start: str) -> None:
    """Wait until the page says something that begins so."""
    WebDriverWait(browser, 60).until(lambda _: text(browser, "#told").startswith(start))


def test_all_is_done_with_keys(browser: webdriver.Chrome, page: Page, tmp_path: Path) -> None:
    """Four pairs are labelled, one is taken back and corrected, by keys only; what is stored is what was meant."""
    show(browser, page)
    for number in range(4):
        good_left = text(browser, "#left-summary").startswith("WaderNet")
        left, right = ("qwer", "UIOP") if good_left else ("QWER", "uiop")
        press(browser, *left, *right, "1" if good_left else "2", Keys.ENTER)
        until_told(browser, f"Stored. Pair {number + 2}." if number < 3 else "All pairs have a label.")
    assert text(browser, "#count") == "4 of 4"
    press(browser, "z")
    until_told(browser, "Taken back")
    press(browser, "3", Keys.ENTER)
    until_told(browser, "All pairs")
    assert complaints(browser) == []
    stored = read_labels(tmp_path / "labels.jsonl").labels
    judgements = [unblind(one.seen, one.left_run) for one in stored]
    assert [one.winner for one in judgements] == ["a", "a", "a", "tie"]
    assert all((one.a.model_dump(), one.b.model_dump()) == (YES, NO) for one in judgements)


def test_what_is_open_gets_the_focus(browser: webdriver.Chrome, page: Page) -> None:
    """Enter stores nothing before all is answered, says how much is open, and leads to it."""
    show(browser, page)
    press(browser, "q", "1", Keys.ENTER)
    until_told(browser, "Not answered yet: 7.")
    assert browser.switch_to.active_element.get_attribute("name") == "left-result"
    assert page.get("progress")["labelled"] == 0


def test_keys_can_be_switched_off(browser: webdriver.Chrome, page: Page) -> None:
    """Who speaks to the machine, or whose hand trembles, can have single keys do nothing."""
    show(browser, page)
    press(browser, "?")
    browser.find_element(By.ID, "single-keys").send_keys(" ")
    press(browser, Keys.ESCAPE, "q", "1", "n")
    assert browser.execute_script("return document.querySelectorAll('#label :checked').length") == 0
    assert text(browser, "#told") == "Pair 1."


def test_one_can_look_around(browser: webdriver.Chrome, page: Page) -> None:
    """Next, back and how it stands lead there and store nothing; the title of the pair has the focus."""
    show(browser, page)
    press(browser, "n")
    until_told(browser, "Pair 2.")
    assert browser.switch_to.active_element.get_attribute("id") == "title"
    press(browser, "b")
    until_told(browser, "Pair 1.")
    press(browser, "b")
    until_told(browser, "This is the first pair.")
    press(browser, "s")
    WebDriverWait(browser, 60).until(lambda _: text(browser, "#lines").startswith("counted labels: none yet"))
    press(browser, Keys.ESCAPE)
    assert page.get("progress")["labelled"] == 0


def test_gold_is_written_with_keys(browser: webdriver.Chrome, page: Page, tmp_path: Path) -> None:
    """Words are selected with shift and the arrows, become names and results, and are stored; the text stays."""
    show(browser, page)
    shown = page.get("pairs/0")
    press(browser, "g")
    words = f"{shown['title']}\n\n{shown['abstract']}"

    def select(part: str) -> None:
        chord(browser, Keys.CONTROL, Keys.HOME)
        press(browser, Keys.ARROW_RIGHT * words.index(part))
        chord(browser, Keys.SHIFT, Keys.ARROW_RIGHT, len(part))

    name = shown["title"].partition(":")[0]
    evidence = shown["offers"]["results"][0]["evidence"]
    for part, key in ((name, "p"), ("HoughGull", "c"), ("counts birds", "t"), ("PondCount", "d"), ("accuracy", "m")):
        select(part)
        press(browser, key)
        until_told(browser, f"Taken: {part}")
    select(evidence)
    press(browser, "r")
    select("%")
    press(browser, "i", "x", Keys.DELETE)
    assert browser.execute_script("return document.getElementById('words').value") == words
    chord(browser, Keys.CONTROL, Keys.ENTER)
    until_told(browser, "Gold is stored.")
    (stored,) = read_labels(tmp_path / "labels.jsonl").gold
    gold = stored.gold.model_dump(mode="json")
    result = shown["offers"]["results"][0] | {"metric": None}
    assert gold["methods"] == [{"name": name, "role": "proposed"}, {"name": "HoughGull", "role": "compared"}]
    assert (gold["tasks"], gold["datasets"], gold["metrics"]) == (["counts birds"], ["PondCount"], ["accuracy"])
    assert gold["results"] == [result]
    assert gold["contribution"] is None


def test_gold_is_picked_and_problems_are_told(browser: webdriver.Chrome, page: Page, tmp_path: Path) -> None:
    """Offers are picked, 'none' is an answer, and what the paper does not have is named and not stored."""
    show(browser, page)
    press(browser, "g")
    for part in ("tasks", "results"):
        browser.find_element(By.CSS_SELECTOR, f"[data-part={part}] .offers button").send_keys(Keys.ENTER)
    browser.find_element(By.CSS_SELECTOR, "[data-part=datasets] .none").send_keys(" ")
    dataset = browser.find_elements(By.CSS_SELECTOR, ".result input")[3]
    dataset.send_keys("LakeCount")
    chord(browser, Keys.CONTROL, Keys.ENTER)
    WebDriverWait(browser, 60).until(lambda _: "LakeCount" in text(browser, "#problems"))
    assert not (tmp_path / "labels.jsonl").read_bytes()
    dataset.send_keys(Keys.BACKSPACE * len("LakeCount"))
    chord(browser, Keys.CONTROL, Keys.ENTER)
    until_told(browser, "Gold is stored.")
    (stored,) = read_labels(tmp_path / "labels.jsonl").gold
    assert (stored.gold.tasks, stored.gold.datasets, stored.gold.metrics) == (("counts birds",), (), None)


def test_a_program_that_is_gone_is_told(browser: webdriver.Chrome, page: Page) -> None:
    """A label that could not be stored is not called stored, and stays on the page."""
    show(browser, page)
    press(browser, *"qweruiop", "1")
    page.process.kill()
    page.process.wait()
    press(browser, Keys.ENTER)
    WebDriverWait(browser, 60).until(lambda _: "does not answer" in text(browser, "#alarm"))
    assert browser.execute_script("return document.querySelectorAll('#label :checked').length") == 9
    assert "ERR_CONNECTION_REFUSED" in str(complaints(browser))


def test_hostile_papers_do_nothing(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """Scripts, line separators and an abstract of 200,000 characters are shown as text, in a page that stays whole."""
    papers = [
        paper(number, title=f"{payload} {number}", source=[f"{payload} counts birds. {number}"], target=[payload])
        for number, payload in enumerate(HOSTILE, start=1)
    ]
    long = "x" * 75
    papers.append(paper(5, title=long, source=[f"{long} " + "birds and ponds " * 12_500]))
    payloads = [*HOSTILE, long]
    given = [
        [
            answer(number, f"{payload} {said(number)}", datasets=[payload], metrics=[], results=[])
            for number, payload in enumerate(payloads, start=1)
        ]
        for said in (good, poor)
    ]
    with annotating(make_runs(tmp_path, papers, given), tmp_path / "labels.jsonl", "<b>Ada</b>") as serving:
        for width in (1200, 360):
            show(browser, serving, width)
            for place in range(serving.get("progress")["pairs"]):
                until_told(browser, f"Pair {place + 1}.")
                shown = serving.get(f"pairs/{place}")
                assert browser.execute_script("return document.getElementById('title').textContent") == shown["title"]
                assert browser.execute_script("return document.documentElement.scrollWidth") == width
                press(browser, "g")
                assert browser.execute_script("return document.documentElement.scrollWidth") == width
                press(browser, Keys.ESCAPE, "n")
            assert browser.execute_script("return typeof window.hacked") == "undefined"
            assert not browser.find_elements(By.CSS_SELECTOR, "main img, main svg, main script, header b")
        assert complaints(browser) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 360])
def test_it_can_be_read(browser: webdriver.Chrome, page: Page, scheme: str, width: int) -> None:
    """In both schemes and at both widths letters stand out by 4.5 to 1, nothing is wider than the screen."""
    preferred = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "screen", "features": preferred})
    try:
        show(browser, page, width)
        press(browser, "q", "W", "1")
        for view in ("compare", "gold"):
            assert browser.execute_script("return document.documentElement.scrollWidth") == width
            for element in browser.find_elements(By.CSS_SELECTOR, f"#{view} :is(p, h2, h3, span, button, label, kbd)"):
                if element.is_displayed():
                    assert browser.execute_script(CONTRAST, element) >= 4.5
            press(browser, "g")
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


def test_everything_has_a_name(browser: webdriver.Chrome, page: Page) -> None:
    """All that can be reached has a role and a name in the tree that screen readers are given."""
    show(browser, page)
    for key in ("", "g"):
        press(browser, *key)
        nodes = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        reached = [
            node
            for node in nodes
            if not node["ignored"]
            and any(one["name"] == "focusable" and one["value"]["value"] for one in node.get("properties", []))
        ]
        assert len(reached) > 20
        for node in reached:
            assert node["name"]["value"], json.dumps(node)
