"""Texts that only look different become one, and every piece of it leads back to where it stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer.folding import fold

_FORMS = (
    "\\%", "\\textit{", "\\alpha", "\\'e", "\\'{e}", "\\times", "``", "''", "--", "---", "$", "~", "-\n", "10^{2}",
    "10²", "&amp;", "&amp;lt;", "&#8211;", "<sup>", "</sup>", "<br/>", "<i>", "\u200b", "\u00ad", "\ufb01", "\u2212",
    "\u2014", "e\u0301", "\u1112\u1161\u11ab", "Word", "word", "GPT-4", "79.70%",
)  # fmt: skip
_TEXTS = st.lists(st.one_of(st.characters(), st.sampled_from(_FORMS)), max_size=25).map("".join)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("e\ufb03cient \ufb01ne-tuning", "efficient fine-tuning"),
        ("caf\u00e9", "cafe\u0301"),
        ("\uff21\uff22\uff23 \uff11\uff12", "ABC 12"),
        ("exam-\nple", "example"),
        ("pre-\ntraining", "pre-training"),
        ("BERT-\nbased", "BERT-based"),
        ("a hard\n  wrapped\u00a0line", "a hard wrapped line"),
        ("soft\u00adhyphen zero\u200bwidth", "softhyphen zerowidth"),
        ("from 10\u201320", "from 10-20"),
        ("from 10--20", "from 10-20"),
        ("a loss of \u22125", "a loss of -5"),
        ("well \u2014 almost", "well---almost"),
        ("\u201cquoted\u201d", "``quoted''"),
        ("the model\u2019s", "the model's"),
        ("95.2\\%", "95.2%"),
        ("95.2 %", "95.2%"),
        ("$95.2\\%$", "95.2%"),
        ("about $\\sim$5%", "about ~5%"),
        ("R\\&D", "R&amp;D"),
        ("x &lt; y", "x < y"),
        ("x &amp;lt; y", "x < y"),
        ("Table~3", "Table 3"),
        ("3$\\times$ faster", "3\u00d7 faster"),
        ("$\\mathcal{O}(n)$", "O(n)"),
        ("\\textit{in vivo}", "<i>in vivo</i>"),
        ("\\url{https://example.org/a}", "https://example.org/a"),
        ('Erd\\H{o}s and G\\"odel', "Erd\u0151s and G\u00f6del"),
        ("10\u00b2", "10^{2}"),
        ("10<sup>2</sup>", "$10^2$"),
        ("CO\u2082", "CO<sub>2</sub>"),
        ("Transformer", "transformer"),
        ("$\\alpha$-divergence", "\u03b1-divergence"),
    ],
)
def test_what_looks_alike_becomes_the_same(one: str, other: str) -> None:
    """Unicode forms, dashes, quotes, spaces, breaks, entities, tags and LaTeX say nothing by themselves."""
    assert fold(one).text == fold(other).text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("10\u00b2", "102"),
        ("10^{2}", "102"),
        ("x<sub>1</sub>", "x1"),
        ("79.7", "797"),
        ("79.7", "79,7"),
        ("-5", "5"),
        ("5%", "5"),
        ("not good", "good"),
        ("SAE", "sae"),
        ("US", "us"),
        ("ImageNet", "Imagenet"),
        ("GPT-4", "GPT4"),
        ("$5", "5"),
        ("\u00bd", "1/2"),
        ("a b", "ab"),
        ("x\u2014y", "x-y"),
        ("~5", "5"),
        ("\u2460", "1"),
    ],
)
def test_what_says_something_stays(one: str, other: str) -> None:
    """Digits, signs, points, percent, powers, negation and the case of acronyms are content."""
    assert fold(one).text != fold(other).text


def test_hyphens_can_stay() -> None:
    """A number word is only found in front of its hyphen."""
    assert fold("two-fold and pre-\ntraining", joined=False).text == "two-fold and pre-training"


@given(_TEXTS, st.booleans())
def test_folding_twice_changes_nothing(text: str, joined: bool) -> None:
    """What is folded is the form itself, whatever was in the text."""
    once = fold(text, joined=joined).text
    assert fold(once, joined=joined).text == once


@given(_TEXTS, st.data())
def test_every_piece_leads_back(text: str, data: st.DataObject) -> None:
    """Places are in the raw text and in order, and what is the same in both is found as it is."""
    folded = fold(text)
    if not folded.text:
        return
    start = data.draw(st.integers(0, len(folded.text) - 1))
    end = data.draw(st.integers(start + 1, len(folded.text)))
    begin, stop = folded.raw_span(start, end)
    assert 0 <= begin <= stop <= len(text)
    if folded.text == text:
        assert (begin, stop) == (start, end)
    if end < len(folded.text):
        assert folded.raw_span(end, end + 1)[0] >= begin


def test_a_piece_that_was_changed_is_taken_whole() -> None:
    """Half of a ligature or of a command has no place of its own."""
    text = "an e\ufb03cient \\textit{model}"
    folded = fold(text).text
    begin, stop = fold(text).raw_span(folded.index("efficient"), folded.index("efficient") + len("efficient"))
    assert text[begin:stop] == "e\ufb03cient"
    begin, stop = fold(text).raw_span(folded.index("model"), folded.index("model") + len("model"))
    assert text[begin:stop] == "model"


def test_forms_in_forms_are_undone_a_bounded_number_of_times() -> None:
    """Entities in entities end somewhere; what is left is compared as it stands."""
    assert fold("&#38;" + "#38;" * 3 + "lt;").text == "<"
    assert fold("&#38;" + "#38;" * 20 + "lt;").text.startswith("&#38;")


def test_a_hostile_text_takes_no_time() -> None:
    """Forms in forms are undone a bounded number of times, and no rule looks back over the whole text."""
    for text in (
        "&amp;" * 20_000,
        "$5" * 50_000,
        "\\textit{" * 20_000,
        "<i " * 50_000,
        "-\n" * 50_000,
        "\u0301" * 90_000,
    ):
        assert len(fold(text).text) <= len(text)
