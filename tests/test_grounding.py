"""Evidence is found as it is, or marked as absent."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer.grounding import find, find_links, ground, parse_number, unsupported_numbers
from summarizer.records import Answer, ClaimedResult, NamedMethod, Paper, Source

Make = Callable[..., Paper]


def _paper(abstract: str, title: str = "") -> Paper:
    return Paper(id="a", title=title, abstract=abstract, source=Source(name="f", line=1))


@pytest.mark.parametrize(
    ("abstract", "quote", "found"),
    [
        ("We use Adam and Adamax.", "Adamax", "Adamax"),
        ("We use Adamax.", "Adam", None),
        ("It reaches 79.12 points.", "79", None),
        ("It reaches 79.12 points.", "12 points", None),
        ("It reaches 1,234 points.", "234", None),
        ("It scores 79. Then it stops.", "79", "79"),
        ("It reaches 79.12 points.", "79.12", "79.12"),
        ("We use BERT.", "bert", None),
        ("It is not better.", "It is better", None),
        ("A hard-\nwrapped  line\nof words.", "wrapped line of words", "wrapped  line\nof words"),
        ("We use\u00a0BERT here.", "use BERT", "use\u00a0BERT"),
        ("我们提出SiltNet模型。", "SiltNet", "SiltNet"),
        ("The 🌊 wave.", "wave", "wave"),
        ("Not xAdam  W, but Adam  W.", "Adam W", "Adam  W"),
        ("Only xAdam  W.", "Adam W", None),
    ],
)
def test_quotes_are_found_whole_or_not_at_all(abstract: str, quote: str, found: str | None) -> None:
    """No edit is forgiven but white space; no word and no number is cut in two."""
    evidence = find(quote, _paper(abstract))
    assert (None if evidence.match == "absent" else abstract[evidence.start : evidence.end]) == found
    if found is not None:
        assert evidence.match == ("exact" if found == quote else "folded")


def test_title_is_searched_after_the_abstract() -> None:
    """A name that only the title has is found there, and says so."""
    evidence = find("PondNet", _paper("We present a network.", title="PondNet: A Network"))
    assert (evidence.where, evidence.start, evidence.end, evidence.match) == ("title", 0, 7, "exact")
    assert find("network", _paper("A network.", title="A network")).where == "abstract"


@pytest.mark.parametrize("quote", ["\x1c", "\x1d \x1f", "\u2028"])
def test_what_says_nothing_is_not_found(quote: str) -> None:
    """White space of any kind is no quote."""
    assert find(quote, _paper("We present a network.")).match == "absent"


@given(st.text(max_size=200), st.data())
def test_every_span_is_the_quote(text: str, data: st.DataObject) -> None:
    """Whatever is found, the span differs from the quote in white space alone."""
    start = data.draw(st.integers(0, len(text)))
    quote = text[start : data.draw(st.integers(start, len(text)))].strip()
    if not quote:
        return
    evidence = find(quote, _paper(text))
    if evidence.match != "absent":
        assert evidence.start is not None
        assert text[evidence.start : evidence.end].split() == quote.split()


@pytest.mark.parametrize(
    ("summary", "unsupported"),
    [
        ("It reaches 79.7 and 1000 points.", ()),
        ("It reaches 79.70% of 1,000.", ()),
        ("It reaches 79.8 points.", ("79.8",)),
        ("ResNet50 and F1 are names.", ()),
        ("It is 3 times 3 better.", ("3",)),
        ("No number at all.", ()),
        ("It gains .5 points.", (".5",)),
    ],
)
def test_numbers_of_the_summary_must_be_in_the_paper(summary: str, unsupported: tuple[str, ...]) -> None:
    """A number counts by its value; the digits of a name are not numbers."""
    assert unsupported_numbers(summary, _paper("It reaches 79.70 in 1,000 runs.")) == unsupported


@pytest.mark.parametrize(
    ("summary", "unsupported"),
    [
        ("It changes by -3.2 or \u22123.2.", ()),
        ("It changes by 3.2.", ("3.2",)),
        ("It changes by -7.5.", ("-7.5",)),
        ("It changes by 7.5 on GPT-7.5 or 7-7.5.", ()),
    ],
)
def test_the_sign_of_a_number_counts(summary: str, unsupported: tuple[str, ...]) -> None:
    """A loss is no gain; a hyphen and the dash of a range are no sign."""
    assert unsupported_numbers(summary, _paper("Of 7 runs, -3.2 points are lost and 7.5 won.")) == unsupported


def test_value_parses_to_one_number() -> None:
    """`number` is there only when the value is one number."""
    assert [parse_number(text) for text in ("79.70%", "1,234", "80-95", "high")] == [79.7, 1234.0, None, None]
    assert [parse_number(text) for text in ("-5", "\u22125.2 dB", "(-0.5)")] == [-5.0, -5.2, -0.5]


def test_links_end_where_the_sentence_begins() -> None:
    """Punctuation and brackets around a URL do not belong to it; hosts tell code from data."""
    links = find_links(
        "Code (https://github.com/a/b), data at https://zenodo.org/record/1. See https://example.org/x_(y). "
        "Again https://github.com/a/b!" + " https://example.org/" + ")" * 100_000
    )
    assert [(link.url, link.kind) for link in links] == [
        ("https://github.com/a/b", "code"),
        ("https://zenodo.org/record/1", "data"),
        ("https://example.org/x_(y)", "other"),
        ("https://example.org/", "other"),
    ]


def test_answer_is_grounded_field_by_field(make_paper: Make) -> None:
    """What is there has its span, what is invented is marked, what repeats is counted and dropped."""
    answer = Answer(
        tldr="BrookNet-1 reaches 99% accuracy.",
        contribution="method",
        field="robotics",
        modalities=(),
        tasks=("depth of streams",),
        methods=(NamedMethod(name="BrookNet-1", role="proposed"), NamedMethod(name="GhostNet", role="compared")),
        datasets=("PebbleBed", "PebbleBed"),
        metrics=("accuracy",),
        results=(
            ClaimedResult(
                evidence="it reaches 81.4% accuracy",
                value="81.4",
                unit="%",
                metric="accuracy",
                dataset="PebbleBed",
                method=None,
                baseline_value="70.1",
                kind="absolute",
            ),
            ClaimedResult(
                evidence="76.9% for a linear model",
                value="76.9",
                unit="%",
                metric=None,
                dataset=None,
                method=None,
                baseline_value=None,
                kind="finding",
            ),
        ),
    )
    grounded = ground(answer, make_paper())
    assert grounded.tldr.unsupported == ("99",)
    assert [method.evidence.match for method in grounded.methods] == ["exact", "absent"]
    assert (len(grounded.datasets), grounded.repeated) == (1, 1)
    assert grounded.results[0].number == 81.4
    assert grounded.unsupported_values == ("70.1",)
    assert not grounded.complete
    assert len(grounded.evidence) == 7
