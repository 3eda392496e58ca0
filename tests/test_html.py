"""Promises of `summarizer.writing.html` that hold without a browser."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer.records import Evidence, Failure, Mention, Record, Tldr
from summarizer.writing.harmless import visible
from summarizer.writing.html import cut, render_html
from tests.digest_papers import Draft, complete, marked, papers, poisoned

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
UNSEEN = re.compile(
    r"schema_version|url|(?:proposed_)?tags\.\d\.mention|.*\.value_evidence\.quote|provenance\.(?!model|prompt$).*"
)


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, source: str) -> None:
        """Parse the whole page."""
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.raw: dict[str, list[str]] = {"style": [], "script": []}
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element."""
        self.elements.append((tag, dict(attrs)))

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
    """What is said to be the sum is the sum, what failed stands out, and there is a card for each paper."""
    source = render_html(papers(), "Digest")
    sums = re.findall(r"<dd><b>(\d+)</b> = (.*)</dd>", source)
    assert [int(total) for total, _ in sums] == [13, 11, 49, 20, 15]
    for total, parts in sums:
        assert int(total) == sum(int(part) for part in re.findall(r"\d+", parts))
    bad = re.findall(r'<span class="bad">(.*?)</span>', source)
    assert bad == ["1 with something unsupported", "1 failed", "1 not in the abstract"]
    assert "1 number or name in summaries not in the abstract · 1 field asked for and not given" in source
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


def plain(source: str) -> str:
    """The text of a piece of the page in one line, with a space wherever an element begins or ends."""
    return " ".join(" ".join(Page(source).texts).split())


def rows(record: Record) -> list[str]:
    """The text of each row of results."""
    return [plain(row) for row in re.findall(r"<tr data-item.*?</tr>", render_html([record], "Digest"), re.DOTALL)]


def test_an_absent_name_says_so() -> None:
    """A name that the abstract does not have has a class, a sign, words, and what was looked for as its description."""
    source = render_html(papers(), "Digest")
    found = re.search(
        r'<button [^>]*class="item unsupported"[^>]*aria-describedby="(.*?)">HandWild</button>(.*)', source
    )
    assert found is not None
    assert found[2].startswith(' <span class="note">⚠ not in the abstract</span>')
    assert f'<span class="tip" role="tooltip" id="{found[1]}"><span>⚠ Not in the abstract: “HandWild”</span>' in source


def test_a_folded_quote_shows_the_words_that_stand_there() -> None:
    """What is found in another form has a sign that is read aloud, and the raw words of the abstract on demand."""
    record = Draft(1, "Ice", r"It has $\\approx$ 4 floes.").record("It works.", "method")
    abstract = record.abstract
    found = Evidence(quote="≈ 4 floes", start=7, end=len(abstract) - 1, match="folded")
    source = render_html([record.model_copy(update={"datasets": (Mention(name="≈ 4 floes", evidence=found),)})], "D")
    assert re.search(
        r'class="item folded"[^>]*>≈ 4 floes</button> <span class="note folded" role="img" '
        r'aria-label="in another form in the abstract">≈</span>',
        source,
    )
    assert f"<span>≈ In the abstract: “{abstract[7:-1]}”</span>" in source


def test_an_absent_quote_is_no_absent_value() -> None:
    """Where only the quote of a result or of a task is absent, the quote is marked and not what it stands for."""
    ice, soil = marked()
    assert rows(ice)[0].startswith("7.1 km ⚠ quote not in the abstract ⚠ Not in the abstract: “FloeCast lowers")
    assert "mean position error after three days DriftBuoys-2020 FloeCast graph network 9.6" in rows(ice)[0]
    assert rows(soil)[0].startswith("91%")
    assert "“91% of all horizons” ⚠ not in the abstract" in rows(soil)[0]
    source = render_html([ice, soil], "Digest")
    for text in ("7.1 km", "91%", "navigation"):
        assert not re.search(rf'class="item unsupported"[^>]*>{text}</button>', source)
    assert re.search(r">navigation</button> <span class=\"note\">⚠ quote not in the abstract</span>", source)


def test_each_part_of_a_result_has_its_own_marks() -> None:
    """Value, metric, data set and baseline are marked where they stand, and only what its flag is about."""
    ice, _ = marked()
    _, cells, value, doubtful = rows(ice)
    assert cells.startswith("5.9 km “on FloeTracks")
    assert "root-mean-square-displacement-error ⚠ not in the abstract FloeTracks FloeCast 6.8 ⚠" in cells
    assert value.startswith("83% ⚠ not in the abstract change")
    assert doubtful.startswith("7.1 km ? not in its quote ? already the number of another result")
    assert "FloeTracks-2 ⚠ not in the abstract" in doubtful


def test_a_number_in_another_form_shows_how_it_is_written() -> None:
    """A value that the abstract writes in another way shows that way."""
    record = Draft(1, "Ice", "It is two-fold.").result("2", "x", "change", "It is two-fold").record("It works.")
    there = Evidence(quote="2", start=6, end=14, match="folded")
    (result,) = record.results
    record = record.model_copy(update={"results": (result.model_copy(update={"value_evidence": there}),)})
    assert rows(record)[0].startswith("2x ≈ change “It is two-fold” ≈ The number as it stands there: “two-fold”")


def test_a_sentence_of_the_abstract_is_not_called_a_summary() -> None:
    """An extractive summary says what it is and lights up its place; that of a model says nothing of the kind."""
    ice, soil = marked()
    source = render_html([soil], "Digest")
    assert "❝ Not a summary but a sentence of the abstract , word for word" in plain(source)
    assert re.search(r'<button [^>]*data-item="0"[^>]*>a sentence of the abstract</button>', source)
    assert "❝" not in Page(render_html([ice], "Digest")).text
    unplaced = soil.model_copy(update={"tldr": Tldr(text="Soils are many.", origin="abstract")})
    assert "❝ Not a summary but a sentence of the abstract, word for word" in plain(render_html([unplaced], "Digest"))


def test_what_was_asked_and_not_given_is_told() -> None:
    """Fields that every paper has are told apart from lists that may well be empty, and from claims in no result."""
    ice, soil = marked()
    text = plain(render_html([soil], "Digest"))
    assert "∅ Asked for and not given: contribution, field" in text
    assert "Nothing named: tasks, data sets, metrics" in text
    source = render_html([ice], "Digest")
    assert "∅" not in Page(source).text
    assert "Nothing named" not in Page(source).text
    assert "Claimed in the abstract, and in no result : 12 times" in plain(source)
    assert "absent_task : tasks that are not in the text make no tag" in plain(source)


def test_there_is_a_filter_for_what_is_not_supported() -> None:
    """It stands outside of the folded filters, is found on the cards that it is for, and is not there for none."""
    source = render_html([*papers(), *marked()], "Digest")
    chip = re.search(r'data-facet="only" data-label="(\d+)" aria-pressed="false">⚠ Only papers with something', source)
    assert chip is not None
    assert chip.start() < source.index('<details class="filters"')
    assert sum(chip[1] in str(card["data-labels"]).split() for card in Page(source).all("article")) == 3
    assert 'data-facet="only"' not in render_html(papers()[:1], "Digest")


@pytest.mark.parametrize(
    ("text", "unsupported", "highlighted"),
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
    text: str, unsupported: tuple[str, ...], highlighted: list[str]
) -> None:
    """The mark covers the number itself, not the same digits in another number, and no text is lost."""
    record = complete().model_copy(update={"tldr": Tldr(text=text, unsupported=unsupported)})
    found = re.search(r'<p class="tldr" data-find>(.*)</p>', render_html([record], "Digest"))
    assert found is not None
    assert re.findall(r'<mark class="unsupported">(.*?)</mark>', found[1]) == highlighted
    sign = '<span class="sign" role="img" aria-label="not in the abstract">⚠</span>'
    assert found[1].count(sign) == len(highlighted)
    assert re.sub(r"<.*?>", "", found[1].replace(sign, "")) == text
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
    assert (
        "0 = 0 fully supported + 0 with something unsupported + 0 failed + 0 skipped"
        in Page(render_html([], "Digest")).text
    )
