"""A real browser for the tests that need one."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
)

#: Contrast of the letters of an element to the nearest background, as the Web Content Accessibility Guidelines count.
CONTRAST = """
    const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
    const light = (color) => numbers(color).slice(0, 3)
        .map((part) => part / 255).map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
        .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
    let behind = arguments[0];
    while (numbers(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
    const [high, low] = [getComputedStyle(arguments[0]).color, getComputedStyle(behind).backgroundColor]
        .map(light).sort((one, other) => other - one);
    return (high + 0.05) / (low + 0.05);
"""


@contextmanager
def chromium(profile: Path) -> Iterator[webdriver.Chrome]:
    """A browser with an empty profile; both programs are named, so that nothing is looked up or downloaded."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not program or not driver:
        pytest.fail("these tests need a browser: install it with `apt-get install chromium chromium-driver`")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    found = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield found
    finally:
        found.quit()


def find(browser: webdriver.Chrome, selector: str) -> list[WebElement]:
    """All elements that the selector names."""
    return browser.find_elements(By.CSS_SELECTOR, selector)


def complaints(browser: webdriver.Chrome) -> list[dict[str, object]]:
    """What the console has to say, a broken policy included."""
    return list(browser.get_log("browser"))  # type: ignore[no-untyped-call]
