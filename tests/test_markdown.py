"""Promises of `summarizer.writing.markdown`, checked with a Markdown parser that allows raw HTML."""

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from summarizer.records import Evidence, Mention, Tldr
from summarizer.writing.harmless import visible
from summarizer.writing.markdown import escape, render_markdown
from tests.digest_papers import Draft, complete, marked, papers, poisoned

#: What HTML, Markdown, tables, math and Obsidian could take for markup.
PAYLOADS = [
    "</script><script>window.hacked=1</script>",
    '<img src=x onerror="window.hacked=1">',
    "[click](javascript:alert(1)) ![image](http://evil.example/x.png)",
    "a | b || c\n| d |\n\n---\n# heading",
    "`code` ``` ~~~ **bold** __bold__ ~~gone~~ $x$ [[note]] [^1] <!-- gone",
    "- list", "+ list", "12. list", "12) list", "> quote", "    code", "# heading", "===", "---", ": definition",
    "&lt;b&gt; &amp; &copy;",
    "<!-- gone", "<div onclick=alert(1) x", "<script src=x",
    "<https://evil.example> \\",
    "\0\x1b[31m\u202eright to left\u2066\r\nline\u2028line",
]  # fmt: skip
#: What a record says about its making and a digest does not.
UNSEEN = re.compile(r"schema_version|url|failure\.raw|abstract|.*evidence\.quote|provenance\.(?!model|prompt$).*")


def parse(text: str) -> list[Token]:
    """All tokens, those inside lines too."""
    return list(_flat(MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)))


def _flat(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _flat(token.children or [])


def shown(tokens: list[Token]) -> str:
    """The text that a reader sees."""
    return "\n".join("".join(part.content for part in token.children or []) for token in tokens if token.children)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_from_a_record_is_markup(payload: str) -> None:
    """A hostile text in every field changes no element, and every field that is shown is shown as it is."""
    record, planted = poisoned(payload)
    harmless, _ = poisoned("nothing")
    tokens, expected = (
        parse(render_markdown([one, one.model_copy(update={"status": "failed"})], title))
        for one, title in ((record, payload), (harmless, "nothing"))
    )
    kinds, expected_kinds = (
        [token.type for token in found if token.type not in ("text", "text_special")] for found in (tokens, expected)
    )
    assert kinds == expected_kinds
    seen = shown(tokens)
    missing = [name for name, text in planted.items() if " ".join(visible(text).split()) not in seen]
    assert [name for name in missing if not UNSEEN.fullmatch(name)] == []


@given(st.text(st.sampled_from("ab1 \n\t\\`*_[](){}<>#+-.!|~$^=%:&;\"'\u2028"), max_size=12))
def test_an_escaped_text_reads_as_it_was(text: str) -> None:
    """Any text, escaped at the start of a line, is one paragraph that says the same."""
    line = " ".join(visible(text).split())
    tokens = parse(escape(text))
    assert [token.type for token in tokens if token.nesting == 1] == (["paragraph_open"] if line else [])
    assert shown(tokens) == line


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://a.example/>(x)", "data:text/html,x"])
def test_only_web_addresses_become_links(url: str) -> None:
    """An address of another kind is plain text."""
    record = complete()
    link = record.links[0].model_copy(update={"url": url})
    text = render_markdown([record.model_copy(update={"url": url, "links": (link,)})], "Digest")
    assert "link_open" not in [token.type for token in parse(text)]
    assert url in shown(parse(text))


def test_links_lead_where_they_say() -> None:
    """The title leads to the paper, with the address unchanged."""
    url = "https://example.org/a_(b)*c*?d=1&copy=2&lt;=3"
    tokens = parse(render_markdown([complete().model_copy(update={"url": url, "links": ()})], "Digest"))
    assert [token.attrs["href"] for token in tokens if token.type == "link_open"] == [url]


def test_the_digest_opens_with_a_ledger_that_adds_up() -> None:
    """What is said to be the sum is the sum, for papers and for what was checked, before the first paper."""
    text = render_markdown(papers(), "Digest").partition("\n## ")[0]
    sums = re.findall(r"- (.*): \*\*(\d+)\*\* = (.*)", text)
    assert [(name.split()[0], int(total)) for name, total, _ in sums] == [
        ("Papers", 13),
        ("Summaries", 11),
        ("Names", 49),
        ("Numbers", 20),
        ("Quotes", 15),
    ]
    for _, total, parts in sums:
        assert int(total) == sum(int(part) for part in re.findall(r"\d+", parts))
    assert "= 10 fully supported + 1 with something unsupported + 1 failed + 1 skipped" in text
    assert "- 1 field asked for and not given\n" in text


def test_every_paper_has_one_heading() -> None:
    """Each paper stands in full once, numbered from 1."""
    tokens = parse(render_markdown(papers(), "Digest"))
    heads = [
        tokens[place + 1] for place, token in enumerate(tokens) if (token.type, token.tag) == ("heading_open", "h3")
    ]
    numbers = [int(shown([head]).split(".")[0]) for head in heads]
    assert numbers == list(range(1, 14))
    for paper in papers():
        assert sum(paper.title in shown([head]) for head in heads) == 1


def test_what_is_not_supported_is_marked() -> None:
    """An absent name, a folded quote and an unsupported number each carry their mark."""
    text = render_markdown(papers(), "Digest")
    assert "HandWild ⚠ *not in the abstract*" in text
    assert "| ≈ 2.9 dB above RadarFill |" in text.replace("dB\n", "dB ")
    assert "⚠ *not in the abstract*: 24\n" in text


def test_an_absent_quote_is_no_absent_value() -> None:
    """Where only the quote is absent, the quote is marked and not the value or the task that it stands for."""
    ice, soil = marked()
    text = render_markdown([ice, soil], "Digest")
    assert "| 7.1 km | mean position error after three days |" in text
    assert "| ⚠ *not in the abstract*: FloeCast lowers the error on DriftBuoys-2020 to 7.1 km |" in text
    assert "| 91% |  |  |  |  | absolute | ⚠ *not in the abstract*: 91% of all horizons |" in text
    assert "navigation ⚠ *quote not in the abstract*: “ship routing” (“ship routing”)" in text


def test_each_part_of_a_result_has_its_own_marks() -> None:
    """Value, metric, data set and baseline are marked where they stand."""
    text = render_markdown(marked(), "Digest")
    assert "| 5.9 km | root-mean-square-displacement-error ⚠ *not in the abstract* | FloeTracks | FloeCast |" in text
    assert "| 6.8 ⚠ *not in the abstract* | absolute | on FloeTracks from 6.4 km to 5.9 km |" in text
    assert "| 83% ⚠ *not in the abstract* | memory |" in text
    assert "| 7.1 km ? *not in its quote* ? *already the number of another result* |" in text


def test_what_stands_there_in_another_form_is_shown() -> None:
    """A folded name and a folded number are followed by the raw words of the abstract."""
    assert "graph network ≈ “graph network” (used)" in render_markdown(marked(), "Digest")
    record = Draft(1, "Ice", r"It has $\\approx$ two-fold.").result("2", "x", "change", "two-fold").record("It works.")
    there = Evidence(quote="2", start=18, end=26, match="folded")
    name = Evidence(quote="≈", start=7, end=17, match="folded")
    (result,) = record.results
    update = {
        "results": (result.model_copy(update={"value_evidence": there}),),
        "datasets": (Mention(name="≈", evidence=name),),
    }
    tokens = shown(parse(render_markdown([record.model_copy(update=update)], "Digest")))
    assert f"2x ≈ “{record.abstract[18:26]}”" in tokens
    assert f"Datasets: ≈ ≈ “{record.abstract[7:17]}”" in tokens


def test_a_sentence_of_the_abstract_is_not_called_a_summary() -> None:
    """An extractive summary says what it is, in a failed paper too; that of a model says nothing of the kind."""
    ice, soil = marked()
    said = "❝ *Not a summary but a sentence of the abstract, word for word.*"
    assert said in render_markdown([soil], "Digest")
    assert said in render_markdown([soil.model_copy(update={"status": "failed"})], "Digest")
    assert said not in render_markdown([ice], "Digest")


def test_what_was_asked_and_not_given_is_told() -> None:
    """Fields that every paper has are told apart from lists that may well be empty."""
    ice, soil = marked()
    text = render_markdown([soil], "Digest")
    assert "- ∅ Asked for and not given: contribution; field\n" in text
    assert "- Nothing named: tasks; data sets; metrics\n" in text
    assert "∅" not in render_markdown([ice], "Digest")
    assert "12 times: claimed, and in no result (missed\\_result)" in render_markdown([ice], "Digest")


def test_what_failed_is_told_with_its_reason() -> None:
    """Failed and skipped papers stand in sections of their own and say why and where."""
    text = render_markdown(papers(), "Digest")
    failed, skipped = text.index("## Failed (1)"), text.index("## Skipped (1)")
    assert "- truncated: the answer was cut off at 640 tokens" in text[failed:skipped]
    assert "papers.jsonl, line 12" in text[failed:skipped]
    assert "- no\\_abstract: the record has no abstract" in text[skipped:]


def test_shared_tags_point_to_their_papers() -> None:
    """A tag of two papers or more is listed with the numbers under which they stand."""
    text = render_markdown(papers(), "Digest")
    assert "- field: computer vision: 1, 2, 3\n" in text
    assert "cloud removal:" not in text


def test_results_keep_their_columns() -> None:
    """Every row has as many cells as the head, whatever the cells hold."""
    record, _ = poisoned("a | b \\| c\n| d")
    rows = [line for line in render_markdown([record], "Digest").splitlines() if line.startswith("|")]
    assert len(rows) == 3
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {8}


def test_the_same_records_give_the_same_text() -> None:
    """Two renderings are equal, and the records may come from an iterator."""
    assert render_markdown(papers(), "Digest") == render_markdown(iter(papers()), "Digest")


def test_nothing_and_empty_texts_are_fine() -> None:
    """No records make a digest of zeros, and a paper without a title or a summary's text still has its place."""
    assert "Papers: **0** = 0 fully supported + 0 with something unsupported + 0 failed + 0 skipped" in render_markdown(
        [], "Digest"
    )
    bare = complete().model_copy(update={"title": " ", "url": None, "tldr": Tldr(text="")})
    assert "### 1\\. Untitled\n" in render_markdown([bare], "Digest")


def test_a_bare_record_is_shown_bare() -> None:
    """A record without summary, lists or reason still has its heading and its place, and nothing invented."""
    (paper, *_) = papers()
    empty: dict[str, object] = dict.fromkeys(("tags", "methods", "datasets", "metrics", "results", "links"), ())
    bare = paper.model_copy(update=empty | {"tldr": None, "contribution": None, "warnings": (), "failure": None})
    failed = bare.model_copy(update={"status": "failed"})
    text = render_markdown([bare, failed], "Digest")
    assert text.count(escape(paper.title)) == 2
    assert "None" not in text
