"""Promises of `summarizer.writing.html` that hold without a browser."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer.records import Failure, Tldr
from summarizer.writing.harmless import visible
from summarizer.writing.html import cut, render_html
from tests.digest_papers import Draft, complete, papers, poisoned

PAYLOADS = [
    "</script><script>window.hacked=1</script>",
    "</style><style>*{display:none}</style>",
    "<img src=x onerror=alert(1)>",
    "\" onmouseover=\"alert(1)\" ' autofocus onfocus='alert(1)'",
    "--><!--<b>bold</b>",
    "{{ 7 * 7 }}{% include 'x' %}${7}",
    "&lt;b&gt;&amp;&copy;",
    "</p></div></article></details>",
    "\0\x1b[31m\u202eright to left\u2066\r\nline\u2028line",
]
#: What a record says about its making, and what the page says in other words.
UNSEEN = re.compile(r"schema_version|url|tags\.\d\.mention|provenance\.(?!model|prompt$).*")


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text with that of tooltips."""

    def __init__(self, source: str) -> None:
        """Parse the whole page."""
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.raw: dict[str, list[str]] = {"style": [], "script": []}
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element; the text of its tooltip is read like any other."""
        self.elements.append((tag, dict(attrs)))
        if tag == "button":
            self.texts.append(f"\n{dict(attrs).get('title') or ''}\n")

    def handle_data(self, data: str) -> None:
        """Note the text, and that of style and script apart."""
        if self.lasttag in self.raw and self.cdata_elem:
            self.raw[self.lasttag].append(data)
        else:
            self.texts.append(data)

    @property
    def text(self) -> str:
        """All text of the page."""
        return "".join(self.texts)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of all elements of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]


def shape(page: Page) -> list[tuple[str, list[str]]]:
    """The elements with the names of their attributes."""
    return [(tag, list(attributes)) for tag, attributes in page.elements]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_from_a_record_is_markup(payload: str) -> None:
    """A hostile text in every field adds no element or attribute, and every field that is shown is shown as it is."""
    record, planted = poisoned(payload)
    harmless, _ = poisoned("n" * len(payload))
    page = Page(render_html([record], payload))
    assert shape(page) == shape(Page(render_html([harmless], "Digest")))
    missing = [name for name, text in planted.items() if visible(text) not in page.text]
    assert [name for name in missing if not UNSEEN.fullmatch(name)] == []


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://a.example/\"x='y'", "data:text/html,x", "//a.example"])
def test_only_web_addresses_become_links(url: str) -> None:
    """An address of another kind is plain text."""
    record = complete()
    link = record.links[0].model_copy(update={"url": url})
    page = Page(render_html([record.model_copy(update={"url": url, "links": (link,)})], "Digest"))
    assert [attributes["href"] for attributes in page.all("a")] == ["#papers"]
    assert url in page.text


def test_links_tell_the_other_side_nothing() -> None:
    """Links out of the page carry the address unchanged, and no referrer or opener."""
    out = [link for link in Page(render_html(papers(), "Digest")).all("a") if not str(link["href"]).startswith("#")]
    assert "https://papers.example.org/abs/2603.00104?list=cs&v=1" in [link["href"] for link in out]
    assert {link["rel"] for link in out} == {"noopener noreferrer"}


def test_the_page_needs_nothing_but_itself() -> None:
    """There is no element and no attribute that would load something."""
    source = render_html(papers(), "Digest")
    page = Page(source)
    assert not {tag for tag, _ in page.elements} & {"link", "img", "iframe", "object", "embed", "base", "form", "video"}
    assert not {name for _, attributes in page.elements for name in attributes} & {"src", "srcset", "style", "onclick"}
    assert "url(" not in source
    assert "@import" not in source


def test_the_policy_allows_the_one_style_and_the_one_script() -> None:
    """The policy forbids everything but what has the hash of the page's own style and script."""
    page = Page(render_html(papers(), "Digest"))
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for kind, texts in page.raw.items():
        digest = base64.b64encode(hashlib.sha256("".join(texts).encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in policy
        assert len(page.all(kind)) == 1


def test_the_same_records_give_the_same_bytes() -> None:
    """Two renderings are equal, and the records may come from an iterator."""
    assert render_html(papers(), "Digest") == render_html(iter(papers()), "Digest")


def test_the_page_opens_with_a_ledger_that_adds_up() -> None:
    """What is said to be the sum is the sum, for papers and for quotes, and there is a card for each paper."""
    source = render_html(papers(), "Digest")
    sums = re.findall(r"<dd><b>(\d+)</b> = (.*)</dd>", source)
    assert [int(total) for total, _ in sums] == [13, 62]
    for total, parts in sums:
        assert int(total) == sum(int(part) for part in re.findall(r"\d+", parts))
    assert len(Page(source).all("article")) == 13


def test_every_label_of_a_card_has_its_chip() -> None:
    """The labels by which a card is found are those of the chips, with the right counts."""
    source = render_html(papers(), "Digest")
    carried = [label for card in Page(source).all("article") for label in str(card["data-labels"]).split()]
    chips = re.findall(r'data-label="(\d+)" aria-pressed="false">.* <span>(\d+)</span>', source)
    assert {label: int(count) for label, count in chips} == {label: carried.count(label) for label in carried}


def test_what_failed_is_told_with_its_reason() -> None:
    """Failed and skipped papers are cards too, with the reason, the place, and what the model did say."""
    text = Page(render_html(papers(), "Digest")).text
    assert "truncated: the answer was cut off at 640 tokens; raise --max-tokens" in text
    assert "Read from papers.jsonl, line 12" in text
    assert '{"tldr": "Much was measured"' in text
    assert "no_abstract: the record has no abstract" in text
    assert text.count("What the model said") == 1


def test_what_stands_in_the_input_is_not_said_by_the_model() -> None:
    """A broken line is shown as what it is."""
    (record,) = (one for one in papers() if one.failure and one.failure.kind == "truncated")
    broken = Failure(kind="unreadable", message="this is not JSON", raw='{"title": "Half')
    text = Page(render_html([record.model_copy(update={"failure": broken})], "Digest")).text
    assert "What stands there" in text
    assert "What the model said" not in text


def test_support_is_visible() -> None:
    """Absent and folded evidence have a class and a word of their own."""
    source = render_html(papers(), "Digest")
    assert re.search(
        r'<button [^>]*class="item absent"[^>]*>HandWild</button> <span class="note">not found</span>', source
    )
    assert re.search(r'<button [^>]*class="item folded"[^>]*>2.9 dB</button> <span class="note">≈</span>', source)


@pytest.mark.parametrize(
    ("text", "unsupported", "marked"),
    [
        ("It gains 4 points, 46% or 4.6 in 14 of 4 runs.", ("4", "4.6"), ["4", "4.6", "4"]),
        ("It beats BERT-large.", ("BERT", "BERT-large"), ["BERT-large"]),
        ("From 1,000 to 1 and to 1.", ("1",), ["1", "1"]),
        ("On GLUE (x+1) it wins.", ("GLUE", "(x+1)"), ["GLUE", "(x+1)"]),
        ("A number that is not there.", ("7",), []),
        ("Nothing to mark in 3 words.", (), []),
    ],
)
def test_unsupported_numbers_are_marked_where_they_stand(
    text: str, unsupported: tuple[str, ...], marked: list[str]
) -> None:
    """The mark covers the number itself, not the same digits in another number, and no text is lost."""
    record = complete().model_copy(update={"tldr": Tldr(text=text, unsupported=unsupported)})
    found = re.search(r'<p class="tldr" data-find>(.*)</p>', render_html([record], "Digest"))
    assert found is not None
    assert re.findall(r'<mark class="unsupported">(.*?)</mark>', found[1]) == marked
    assert re.sub(r"<.*?>", "", found[1]) == text
    for word in unsupported:
        assert word in render_html([record], "Digest").partition("Not in the abstract: ")[2]


@given(st.text("a🧭 \n", max_size=30), st.lists(st.tuples(st.integers(-2, 32), st.integers(-2, 32)), max_size=8))
def test_cutting_loses_nothing_and_covers_each_span(text: str, places: list[tuple[int, int]]) -> None:
    """The pieces joined are the text, and the pieces of each span are its text, however the spans cross."""
    segments = cut(text, [(number, start, end) for number, (start, end) in enumerate(places)])
    assert "".join(segment.text for segment in segments) == text
    assert all(segment.text for segment in segments)
    for number, (start, end) in enumerate(places):
        covered = "".join(segment.text for segment in segments if str(number) in segment.items.split())
        assert covered == (text[start:end] if 0 <= start < end <= len(text) else "")


def test_one_item_may_have_spans_that_overlap() -> None:
    """A label made from two mentions that overlap covers both."""
    segments = cut("abcdef", [(0, 0, 4), (0, 2, 6), (1, 3, 5)])
    assert "".join(segment.text for segment in segments if "0" in segment.items.split()) == "abcdef"


def test_paragraphs_of_an_abstract_stay_apart() -> None:
    """A blank line in the abstract is one on the page, and the last paragraph ends with its text."""
    record = Draft(1, "Title", "One.\n\nTwo\nlines.\n\n").record("It works.")
    assert "<p>One.\n\n<br><br>Two\nlines.\n\n</p>" in render_html([record], "Digest")


def test_a_title_that_is_evidence_is_cut_too() -> None:
    """An item that only the title names has its evidence there."""
    record = Draft(1, "TitleNet at last", "It works.").method("TitleNet", "proposed").record("It works.")
    assert re.search(r'<h3><span data-e="0">TitleNet</span> at last</h3>', render_html([record], "Digest"))


def test_thousands_of_papers_and_none_have_a_page() -> None:
    """The page grows with the records, and without any it says zero."""
    given = [paper.model_copy(update={"id": f"{paper.id}-{copy}"}) for copy in range(100) for paper in papers()]
    page = Page(render_html(given, "Digest"))
    assert len(page.all("article")) == len(given)
    assert len({card["id"] for card in page.all("article")}) == len(given)
    assert "0 = 0 ok + 0 partial + 0 failed + 0 skipped" in Page(render_html([], "Digest")).text
