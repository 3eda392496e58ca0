"""Evidence is found as it is, or marked as absent."""

import html
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer.folding import fold
from summarizer.grounding import find_links, ground
from summarizer.passages import Passages
from summarizer.records import Answer, ClaimedResult, Evidence, NamedMethod, Paper, Source
from summarizer.results import parse_number

Make = Callable[..., Paper]


def _paper(abstract: str, title: str = "") -> Paper:
    return Paper(id="a", title=title, abstract=abstract, source=Source(name="f", line=1))


def _find(quote: str, paper: Paper) -> Evidence:
    return Passages(paper).find(quote)


def _unsupported(text: str, paper: Paper) -> tuple[str, ...]:
    return Passages(paper).unsupported_numbers(text)


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
        ("We use GPT-4.", "GPT", None),
        ("We use GPT-4.", "GPT-4", "GPT-4"),
        ("We use ImageNet-C.", "ImageNet", None),
        ("We use BERT-based models.", "BERT", "BERT"),
        ("It loses -3.2 points.", "3.2 points", None),
        ("It reaches 79.7% there.", "79.7", None),
        ("It reaches 79.7\\% there.", "reaches 79.7", None),
        ("It needs 10<sup>2</sup> steps.", "10", None),
        ("It needs 10^2 steps.", "10", None),
        ("Named cafe\u0301.", "cafe", None),
        ("A pre-training step.", "Training step", "training step"),
        ("It is {\\em new} here.", "is new here", "is {\\em new} here"),
    ],
)
def test_quotes_are_found_whole_or_not_at_all(abstract: str, quote: str, found: str | None) -> None:
    """No edit is forgiven but white space; no word and no number is cut in two."""
    evidence = _find(quote, _paper(abstract))
    assert (None if evidence.match == "absent" else abstract[evidence.start : evidence.end]) == found
    if found is not None:
        assert evidence.match == ("exact" if found == quote else "folded")


def test_title_is_searched_after_the_abstract() -> None:
    """A name that only the title has is found there, and says so."""
    evidence = _find("PondNet", _paper("We present a network.", title="PondNet: A Network"))
    assert (evidence.where, evidence.start, evidence.end, evidence.match) == ("title", 0, 7, "exact")
    assert _find("network", _paper("A network.", title="A network")).where == "abstract"


@pytest.mark.parametrize("quote", ["\x1c", "\x1d \x1f", "\u2028"])
def test_what_says_nothing_is_not_found(quote: str) -> None:
    """White space of any kind is no quote."""
    assert _find(quote, _paper("We present a network.")).match == "absent"


_SOURCE = """Gauges we present QuayNet, efficient fine-tuning of 79.70% (12.5 points) on TideMark-2, from 10-20 to
1,000, it's not \u201cworse\u201d than BERT-based models \u2014 almost \u22125 7\u00d7 caf\u00e9 10\u00b2 R&D x < y
naive."""
_WORDS = _SOURCE.split()
_LATEX = {"%": "\\%", "&": "\\&", "\u00d7": "$\\times$", "\u00b2": "$^{2}$", "\u00e9": "\\'{e}"}
_KINDS: dict[str, Callable[[str], str]] = {
    "breaks": lambda text: text.replace(" ", "\n"),
    "spaces": lambda text: text.replace(" ", "\u00a0 "),
    "ligatures": lambda text: text.replace("ffi", "\ufb03").replace("fi", "\ufb01"),
    "decomposed": lambda text: unicodedata.normalize("NFD", text),
    "dashes": lambda text: text.replace("-", "\u2013").replace("\u2014", "---"),
    "quotes": lambda text: text.replace("'", "\u2019").replace("\u201c", "``").replace("\u201d", "''"),
    "entities": lambda text: html.escape(text, quote=False),
    "latex": lambda text: "".join(_LATEX.get(character, character) for character in text),
    "hyphens": lambda text: text.replace("fine-", "fine-\n").replace("effic", "ef-\nfic"),
}


@given(st.lists(st.sampled_from(_WORDS), min_size=1, max_size=30), st.data(), st.sampled_from(list(_KINDS)))
def test_faithful_quotes_are_always_found(words: list[str], data: st.DataObject, kind: str) -> None:
    """However the source or the quote was reformatted, the quote is found, and its span reads the same."""
    start = data.draw(st.integers(0, len(words) - 1))
    text, quote = " ".join(words), " ".join(words[start : data.draw(st.integers(start + 1, len(words)))])
    for source, wanted in ((text, _KINDS[kind](quote)), (_KINDS[kind](text), quote)):
        evidence = _find(wanted, _paper(source))
        assert evidence.match != "absent"
        assert fold(source[evidence.start : evidence.end]).text.strip() == fold(wanted).text.strip()


@given(st.text(max_size=200), st.data())
def test_every_span_is_the_quote(text: str, data: st.DataObject) -> None:
    """Whatever is found, the span and the quote fold to the same."""
    start = data.draw(st.integers(0, len(text)))
    quote = text[start : data.draw(st.integers(start, len(text)))].strip()
    if not quote:
        return
    evidence = _find(quote, _paper(text))
    if evidence.match != "absent":
        assert evidence.start is not None
        assert fold(text[evidence.start : evidence.end]).text.strip() == fold(quote).text.strip()


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from(["", "%", " ms", "x", "-fold"]))
def test_another_number_is_never_found(one: int, other: int, unit: str) -> None:
    """A changed digit is another number, in a quote and in a summary."""
    paper = _paper(f"It reaches a score of {one}{unit} on all of the sets.")
    for number, there in ((one, True), (other, one == other)):
        assert (_find(f"a score of {number}{unit} on", paper).match != "absent") == there
        assert (_unsupported(f"It scores {number}{unit}.", paper) == ()) == there


@pytest.mark.parametrize(
    ("summary", "unsupported"),
    [
        ("It reaches 79.7 in 1000.", ()),
        ("It reaches 79.700 of 1,000.", ()),
        ("It reaches 79.8.", ("79.8",)),
        ("It reaches 79.7%.", ("79.7%",)),
        ("It reaches 79.7 points.", ("79.7 points",)),
        ("ResNet50 and F1 are names.", ()),
        ("It is 3 times 3 better.", ("3 times", "3")),
        ("No number at all.", ()),
        ("It gains .5.", (".5",)),
        ("It loses 4 percent, or four per cent, on 6 sets.", ()),
        ("It loses 4 on six sets.", ("4",)),
        ("It is two-fold, or 2\u00d7, or twice as fast.", ()),
        ("It is twofold with 1k.", ()),
        ("It takes 2 to 5 ms.", ()),
        ("It takes 2 ms, 5ms and 5 s.", ("5 s",)),
        ("It reads 10^6 or a million.", ("10^6",)),
    ],
)
def test_numbers_of_the_summary_must_be_in_the_paper(summary: str, unsupported: tuple[str, ...]) -> None:
    """A number counts by its value, its sign and its unit; the digits of a name are not numbers."""
    abstract = "It reaches 79.70 in 1,000 runs, is 2x faster (2-5 ms), and loses 4\\% on six sets."
    assert _unsupported(summary, _paper(abstract)) == unsupported


def test_a_number_is_found_behind_any_number_of_others() -> None:
    """The same digits in other numbers come first, and the number that is meant at the end."""
    paper = _paper("It has 512 of 5 ms and 15 and 5%, " * 2_000 + "and 5 points.")
    assert _unsupported("It gains 5 points and 7 points.", paper) == ("7 points",)
    assert _unsupported("It takes 5 ms.", _paper("1" * 100_000 + " 5 ms")) == ()


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
    assert _unsupported(summary, _paper("Of 7 runs, -3.2 are lost and 7.5 won.")) == unsupported


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
    assert grounded.tldr.unsupported == ("99%",)
    assert [method.evidence.match for method in grounded.methods] == ["exact", "absent"]
    assert (len(grounded.datasets), grounded.repeated) == (1, 1)
    assert grounded.results[0].number == 81.4
    assert [result.flags for result in grounded.results] == [("baseline_absent",), ()]
    assert grounded.unsupported == ("99%", "GhostNet", "baseline absent: 70.1")


_EMPTY = Answer(
    tldr="x",
    contribution="method",
    field=None,
    modalities=(),
    tasks=(),
    methods=(),
    datasets=(),
    metrics=(),
    results=(),
)


def test_names_go_to_places_of_their_own_the_longest_first(make_paper: Make) -> None:
    """A name inside of a longer one points to where it stands alone, and a repeated one to the next place."""
    abstract = "We use a river GAN. A GAN is trained on the river GAN corpus; each GAN counts."
    answer = _EMPTY.model_copy(
        update={
            "tasks": ("GAN",),
            "methods": (NamedMethod(name="GAN", role="used"), NamedMethod(name="river GAN", role="used")),
            "datasets": ("river GAN corpus", "river GAN"),
        }
    )
    grounded = ground(answer, make_paper(abstract=abstract))
    found = [*(task.evidence for task in grounded.tasks), *(method.evidence for method in grounded.methods)]
    starts = [evidence.start for evidence in (*found, *(dataset.evidence for dataset in grounded.datasets))]
    alone = abstract.index("A GAN") + 2
    assert starts[0] == alone
    assert starts[1] == abstract.index("each GAN") + 5
    assert starts[2:] == [abstract.index("river GAN"), abstract.index("river GAN corpus"), abstract.index("river GAN")]


@pytest.mark.parametrize(
    ("abstract", "quote"),
    [
        ("We use the Poincar\u00e9 ball here.", "the Poincare\u0301 ball"),
        ("We use the Poincare\u0301 ball here.", "the Poincar\u00e9 ball"),
        ("We use the Poincar&eacute; ball here.", "the Poincar\u00e9 ball"),
        ("We use the Poincar{\\'e} ball here.", "the Poincar\u00e9 ball"),
        ("In the multi-\u00e1gent case.", "the multi-a\u0301gent case"),
        ("On the Ima-\ngeNet set.", "the ImageNet set"),
        ("On the Ima\u200bgeNet set.", "the ImageNet set"),
        ("On a data set of $135$ cats.", "a data set of 135"),
        ("It needs $135$ cats.", "135 cats"),
        ("Both short-\nand long-term gains.", "short- and long-term gains"),
        ("A \\foo\u00a0bar baz.", "\\foo bar baz"),
    ],
)
def test_accents_names_formulas_and_hyphens_are_seen_through(make_paper: Make, abstract: str, quote: str) -> None:
    """A form inside of another one hides neither."""
    evidence = Passages(make_paper(abstract=abstract)).find(quote)
    assert evidence.match == "folded"


@pytest.mark.parametrize(
    ("abstract", "quote"),
    [
        ("It reaches 98.9 % accuracy.", "It reaches 98.9"),
        ("It reaches 98.9\\,\\% accuracy.", "It reaches 98.9"),
        ("It reaches 98.9~\\% accuracy.", "It reaches 98.9"),
    ],
)
def test_a_percent_sign_behind_a_blank_belongs_to_the_number(make_paper: Make, abstract: str, quote: str) -> None:
    """A quote that leaves it off says something else."""
    assert Passages(make_paper(abstract=abstract)).find(quote).match == "absent"


def test_a_quote_does_not_end_inside_of_an_entity(make_paper: Make) -> None:
    """`Brook &` is all of `Brook &amp;`."""
    abstract = "By Brook &amp; Stream."
    evidence = Passages(make_paper(abstract=abstract)).find("Brook &")
    assert (evidence.match, abstract[evidence.start : evidence.end]) == ("folded", "Brook &amp;")


def test_half_of_a_formula_is_no_place(make_paper: Make) -> None:
    """Words that mean something else when they are cut out of their formula are not given as a place."""
    assert Passages(make_paper(abstract="It takes ~$5~$ hours.")).find("~5").match == "absent"
