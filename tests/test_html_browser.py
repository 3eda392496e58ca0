"""Promises of the HTML digest that only a browser can keep, checked in a headless Chromium."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from summarizer.records import Evidence, Record
from summarizer.writing.html import render_html
from tests.browsers import CONTRAST, chromium, complaints, find
from tests.digest_papers import Draft, astral, marked, papers, poisoned

pytestmark = pytest.mark.browser

LIT = "return [...document.querySelectorAll('.lit')].map((piece) => piece.textContent).join('')"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """One browser for all of these tests."""
    with chromium(tmp_path_factory.mktemp("profile")) as found:
        yield found


def show(browser: webdriver.Chrome, folder: Path, records: list[Record], width: int = 1280) -> None:
    """Write the digest to a file and open it, in a window of that many pixels."""
    page = folder / "digest.html"
    page.write_text(render_html(records, "Digest"), encoding="utf-8")
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )
    browser.get(page.as_uri())


def shown_titles(browser: webdriver.Chrome) -> list[str]:
    """The titles of the cards that can be seen."""
    return [title.text for title in find(browser, ".card h3") if title.is_displayed()]


def chip(browser: webdriver.Chrome, label: str) -> WebElement:
    """The chip with that label."""
    found = [element for element in find(browser, ".chip") if element.text.rpartition(" ")[0] == label]
    assert len(found) == 1, f"{len(found)} chips are labeled {label!r}"
    return found[0]


def evidence_of(record: Record) -> list[tuple[str, Evidence]]:
    """What each button of a card shows, in the order of the buttons."""
    tags = [(tag.label, tag.evidence) for tag in record.tags if tag.evidence]
    methods = [(method.name, method.evidence) for method in record.methods]
    named = [(item.name, item.evidence) for item in (*record.datasets, *record.metrics)]
    results = [(result.value, result.evidence) for result in record.results]
    return [*tags, *methods, *named, *results]


def test_the_page_loads_without_a_complaint(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """From a file the page opens, runs its script, and the console stays empty."""
    show(browser, tmp_path, papers())
    assert browser.title == "Digest"
    assert find(browser, ".found span")[0].text == "13 papers"
    assert complaints(browser) == []


@pytest.mark.parametrize(
    "payload",
    [
        "</script><script>window.hacked=1</script>",
        '<img src=x onerror="window.hacked=1">',
        '" onfocus="window.hacked=1" autofocus tabindex=0 x=\'',
        "javascript:window.hacked=1",
        "https://a.example/\"onmouseover='window.hacked=1'",
        "</title></style><svg onload=window.hacked=1>",
    ],
)
def test_a_hostile_record_does_nothing(browser: webdriver.Chrome, tmp_path: Path, payload: str) -> None:
    """With the payload in every field nothing of it runs or is tried, whatever is pointed at, opened or searched."""
    record, _ = poisoned(payload)
    show(browser, tmp_path, [record])
    for item in find(browser, "button.item, .raw summary, .abstract summary"):
        item.click()
    find(browser, ".search")[0].send_keys(payload)
    assert browser.execute_script("return typeof window.hacked") == "undefined"
    assert complaints(browser) == []
    assert len(shown_titles(browser)) == 1


def test_the_search_finds_words_anywhere_in_a_card(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """All words must be there, in any order and case, with or without accents; clearing shows everything again."""
    show(browser, tmp_path, papers())
    search = find(browser, ".search")[0]
    search.send_keys("PEOPLE sphéres")
    assert shown_titles(browser) == ["Do vision transformers know where the light comes from?"]
    assert find(browser, ".found span")[0].text == "1 of 13 papers"
    search.clear()
    search.send_keys("no paper says this")
    assert shown_titles(browser) == []
    assert find(browser, ".empty")[0].is_displayed()
    find(browser, ".found button")[0].click()
    assert len(shown_titles(browser)) == 13
    assert not find(browser, ".empty")[0].is_displayed()


def test_chips_filter_and_count(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """Labels of one facet widen, facets narrow, groups without a card vanish, and the counts follow."""
    show(browser, tmp_path, papers())
    chip(browser, "computer vision").click()
    assert len(shown_titles(browser)) == 3
    assert [group.text for group in find(browser, "h2") if group.is_displayed()] == ["computer vision 3"]
    chip(browser, "systems").click()
    assert len(shown_titles(browser)) == 4
    chip(browser, "image").click()
    assert len(shown_titles(browser)) == 2
    assert chip(browser, "video").text == "video 1"
    assert chip(browser, "machine translation").text == "machine translation 0"
    assert chip(browser, "partial").text == "partial 0"
    chip(browser, "partial").click()
    assert shown_titles(browser) == []
    chip(browser, "image").click()
    assert shown_titles(browser) == ["Contact first: egocentric hand pose with tools"]


def test_the_status_filter_shows_what_failed(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """The chip of a status leaves only the papers that have it, with their reason."""
    show(browser, tmp_path, papers())
    chip(browser, "failed").click()
    assert shown_titles(browser) == ["Towards a theory of everything we measured"]
    assert "cut off at 640 tokens" in find(browser, ".card:not([hidden])")[0].text


@pytest.mark.parametrize("way", ["focus", "hover", "click"])
def test_an_item_lights_up_exactly_its_evidence(browser: webdriver.Chrome, tmp_path: Path, way: str) -> None:
    """Each item, when focused, pointed at or clicked, lights its quote, past astral characters and crossing spans."""
    record = astral()
    show(browser, tmp_path, [record])
    buttons = find(browser, "button.item")
    expected = evidence_of(record)
    assert len(buttons) == len(expected) == 11
    for button, (name, quote) in zip(buttons, expected, strict=True):
        if way == "focus":
            browser.execute_script("arguments[0].focus()", button)
        elif way == "hover":
            ActionChains(browser).move_to_element(button).perform()
        else:
            button.click()
        assert name in button.text
        assert browser.execute_script(LIT) == quote.quote
        assert (record.abstract if quote.where == "abstract" else record.title)[quote.start : quote.end] == quote.quote
    if way != "click":
        ActionChains(browser).move_to_element(find(browser, ".search")[0]).perform()
        browser.execute_script("document.querySelector('.search').focus()")
        assert browser.execute_script(LIT) == ""


def test_a_click_keeps_the_light_until_the_next(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """A clicked item stays lit when the pointer leaves; a second click or Escape puts it out."""
    show(browser, tmp_path, [astral()])
    first, second = find(browser, "button.item")[:2]
    search = find(browser, ".search")[0]
    first.click()
    ActionChains(browser).move_to_element(second).move_to_element(search).perform()
    assert browser.execute_script(LIT) == "steer 🜁-networks"
    assert first.get_attribute("aria-pressed") == "true"
    first.click()
    assert browser.execute_script(LIT) == ""
    second.click()
    assert (first.get_attribute("aria-pressed"), second.get_attribute("aria-pressed")) == ("false", "true")
    second.send_keys(Keys.ESCAPE)
    assert browser.execute_script(LIT) == ""


def test_folded_evidence_and_several_mentions_light_up(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """A quote across a line break lights the words as they stand, and a label lights all mentions it was made of."""
    record = next(paper for paper in papers() if paper.id == "paper-0005")
    show(browser, tmp_path, [record])
    tag, *_, result = find(browser, "button.item")
    tag.click()
    assert browser.execute_script(LIT) == "Sparse autoencodersSAEs"
    result.click()
    assert browser.execute_script(LIT) == "Only 31% of the features recur in all seeds, and\nthose that recur"


def test_absent_evidence_lights_nothing(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """An item that the abstract does not name lights no words, and says that it was not found."""
    show(browser, tmp_path, papers())
    find(browser, "button.item.unsupported")[0].click()
    assert browser.execute_script(LIT) == ""
    assert "HandWild ⚠ not in the abstract" in find(browser, "#paper-2")[0].text


def test_one_button_leaves_what_is_not_supported(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """It leaves the papers with something unsupported, works with the other filters, and a phone shows it unfolded."""
    show(browser, tmp_path, [*papers(), *marked()], width=390)
    (only,) = find(browser, ".only")
    assert only.is_displayed()
    assert not find(browser, ".filters fieldset")[0].is_displayed()
    only.click()
    assert sorted(shown_titles(browser)) == [
        "Contact first: egocentric hand pose with tools",
        "FloeCast: where single floes of sea ice will be in three days",
        "Reading soils",
    ]
    assert find(browser, ".found span")[0].text == "3 of 15 papers"
    find(browser, ".filters > summary")[0].click()
    chip(browser, "study").click()
    assert shown_titles(browser) == []
    find(browser, ".found button")[0].click()
    assert only.get_attribute("aria-pressed") == "false"
    assert len(shown_titles(browser)) == 15


def tips(browser: webdriver.Chrome) -> list[str]:
    """What is shown below items."""
    return [tip.text for tip in find(browser, ".tip") if tip.is_displayed()]


def item(browser: webdriver.Chrome, text: str) -> WebElement:
    """The first item of that text."""
    return next(button for button in find(browser, "button.item") if button.text == text)


@pytest.mark.parametrize("width", [1300, 390])
@pytest.mark.parametrize("way", ["focus", "hover", "click"])
def test_evidence_is_shown_on_demand(browser: webdriver.Chrome, tmp_path: Path, way: str, width: int) -> None:
    """Focus, pointer and tap each show what an item rests on, inside of its column, and Escape takes it away."""
    show(browser, tmp_path, marked(), width=width)
    for text, shown in (
        ("SeaIceGAN", "⚠ Not in the abstract: “SeaIceGAN”"),
        ("graph network", "≈ In the abstract: “graph network”"),
        ("navigation", "⚠ Not in the abstract: “ship routing”"),
        ("7.1 km", "⚠ Not in the abstract: “FloeCast lowers the error on DriftBuoys-2020 to 7.1 km”"),
        ("12 times", "12 times: claimed, and in no result"),
    ):
        button = item(browser, text)
        if way == "focus":
            browser.execute_script("arguments[0].focus()", button)
        elif way == "hover":
            ActionChains(browser).move_to_element(button).perform()
        else:
            button.click()
        assert tips(browser) == [shown]
        described = browser.execute_script(
            "return document.getElementById(arguments[0].getAttribute('aria-describedby')).textContent", button
        )
        assert " ".join(described.split()) == shown
        (tip,) = [one for one in find(browser, ".tip") if one.is_displayed()]
        column = button.find_element(By.XPATH, "ancestor::div[@class='said']").rect
        assert column["x"] <= tip.rect["x"]
        assert tip.rect["x"] + tip.rect["width"] <= column["x"] + column["width"]
        assert button.rect["y"] + button.rect["height"] <= tip.rect["y"]
        ActionChains(browser).send_keys(Keys.ESCAPE).perform()
        assert tips(browser) == []
    assert browser.execute_script("return document.documentElement.scrollWidth") == width


def test_evidence_is_shown_without_the_script(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """The words below an item need no script."""
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        show(browser, tmp_path, marked())
        assert tips(browser) == []
        ActionChains(browser).move_to_element(item(browser, "SeaIceGAN")).perform()
        assert tips(browser) == ["⚠ Not in the abstract: “SeaIceGAN”"]
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_a_sentence_of_the_abstract_lights_up_where_it_stands(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """An extractive summary leads to its place."""
    _, soil = marked()
    show(browser, tmp_path, [soil])
    item(browser, "a sentence of the abstract").click()
    assert soil.tldr is not None
    assert browser.execute_script(LIT) == soil.tldr.text


@pytest.mark.parametrize("width", [1300, 1024, 768, 390])
def test_no_result_is_cut(browser: webdriver.Chrome, tmp_path: Path, width: int) -> None:
    """Whatever the names and marks in its cells, the table of results is as wide as its column at most."""
    show(browser, tmp_path, [*marked(), *papers(), poisoned("a" * 90)[0]], width=width)
    cut = "return [...document.querySelectorAll('.scroll')].filter((one) => one.scrollWidth > one.clientWidth).length"
    assert browser.execute_script(cut) == 0
    outside = (
        "return [...document.querySelectorAll('.results th, .results td')].filter((cell) => {"
        "const card = cell.closest('.said').getBoundingClientRect(), own = cell.getBoundingClientRect();"
        "return own.width && (own.right > card.right + 1 || own.left < card.left - 1)}).length"
    )
    assert browser.execute_script(outside) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_marks_can_be_read_in_both_schemes(browser: webdriver.Chrome, tmp_path: Path, scheme: str) -> None:
    """Each mark has a sign in its text, and its letters stand out from what is behind them by 4.5 to 1 at least."""
    preferred = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "screen", "features": preferred})
    try:
        show(browser, tmp_path, marked())
        for selector, signs in ((".note", "⚠?≈"), (".tldr .sign", "⚠"), (".told", "❝N"), (".alarm", "∅⚠")):
            for mark in find(browser, selector):
                assert browser.execute_script(CONTRAST, mark) >= 4.5
            assert {mark.text[0] for mark in find(browser, selector)} & set(signs)
        for mark in find(browser, "mark.unsupported, .item.unsupported, .item.doubtful, .item.folded, .ledger .bad"):
            assert browser.execute_script(CONTRAST, mark) >= 4.5
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


def test_keys_reach_everything(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """A slash goes to the search, Escape empties it, and the first step of the tabulator skips to the papers."""
    show(browser, tmp_path, papers())
    body = find(browser, "body")[0]
    body.send_keys(Keys.TAB)
    assert browser.switch_to.active_element.text == "Skip to the papers"
    body.send_keys("/")
    search = browser.switch_to.active_element
    assert search.get_attribute("type") == "search"
    search.send_keys("tiles/", Keys.ESCAPE)
    assert search.get_attribute("value") == ""
    assert len(shown_titles(browser)) == 13


def test_a_phone_has_room(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """At 360 pixels nothing is wider than the screen, be words ever so long, with all that folds open."""
    word = "🜁" + "o" * 400
    wide = Draft(1, word, f"{word} 1{word}", url=f"https://example.org/{word[1:]}", authors=(word,))
    wide.tagged("field", word).tagged("task", word, word).method(word, "used").named(word, word)
    wide.result(word, word, "absolute", word, metric=word, dataset=word, method=word, baseline_value=word)
    for records in (papers(), [wide.record(word, "method", word), poisoned(word)[0]]):
        show(browser, tmp_path, records, width=360)
        assert not find(browser, ".abstract p")[0].is_displayed()
        browser.execute_script("for (const part of document.querySelectorAll('details')) part.open = true")
        assert browser.execute_script("return document.documentElement.scrollWidth") == 360


def test_a_tap_on_a_phone_opens_the_abstract(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """The folded abstract opens, and the lit words are on the screen."""
    show(browser, tmp_path, [astral()], width=360)
    assert not find(browser, ".abstract p")[0].is_displayed()
    find(browser, "button.item")[-1].click()
    assert browser.execute_script(LIT) == "route replay alone reaches 7.7%"
    inside = (
        "const box = document.querySelector('.lit').getBoundingClientRect(); return box.top >= 0 && box.bottom <= 900"
    )
    assert browser.execute_script(inside)


def test_without_its_script_the_page_is_whole(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """With scripts switched off all papers and abstracts are readable, and no control pretends to work."""
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        show(browser, tmp_path, papers(), width=360)
        assert len(shown_titles(browser)) == 13
        assert all(abstract.is_displayed() for abstract in find(browser, ".abstract p"))
        assert not find(browser, ".search")[0].is_displayed()
        assert find(browser, ".contents a")[0].is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_dark_and_light_follow_the_reader(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """The page is dark where the reader's system is, and light where it is not; print is always light."""
    colors = []
    for media, scheme in (("screen", "light"), ("screen", "dark"), ("print", "dark")):
        preferred = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": preferred})
        show(browser, tmp_path, papers())
        colors.append(browser.execute_script("return getComputedStyle(document.body).color"))
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    assert colors[0] == colors[2] != colors[1]


def test_a_thousand_papers_are_searched_at_once(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """A search through a thousand papers is answered while one types."""
    given = [paper.model_copy(update={"id": f"{paper.id}-{copy}"}) for copy in range(77) for paper in papers()]
    show(browser, tmp_path, given)
    took = browser.execute_script(
        "const box = document.querySelector('.search'); box.value = 'gripnet'; const start = performance.now();"
        "box.dispatchEvent(new Event('input')); document.body.offsetHeight; return performance.now() - start"
    )
    assert find(browser, ".found span")[0].text == "77 of 1001 papers"
    assert took < 1000, f"{took:.0f} ms"
