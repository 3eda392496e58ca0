"""Pasted pages in: titles meet their own abstracts, whatever is lost between them."""

import textwrap
from pathlib import Path

import pytest

from summarizer.reading import read_papers
from summarizer.records import Paper, Unreadable

TITLES = (
    "Do River Stones Remember? Evidence from Acoustic Probes in Nine Mountain Streams",
    "Pebblefolds",
    "Learning to Sort Driftwood by Grain",
    "Why do lighthouse beams flicker at dawn, and does the flicker carry any usable signal for small boats?",
    "nanoTide: forecasting harbor levels with very small recurrent networks",
    (
        "Towards a Complete Theory of Knitted Surfaces: Curvature, Tension, Dropped Stitches, and What Cable "
        "Patterns Reveal About the Mechanics of Thin Loops Under Load"
    ),
    "Snow, Slowly!",
    "面向河流声学的自监督表示学习",
    "Attention Is Not Enough for Counting Geese",
)
ABSTRACTS = (
    (
        "River stones are struck by water all year. However, whether the sound of a stone depends on its past is "
        "unknown. We record 4,000 stones in nine streams and find that cracks explain 61% of the variance in "
        "pitch. Probes trained on one stream transfer to the other eight with little loss (2.1 points on average)."
    ),
    (
        "Folding a sheet of pebbles is harder than it seems. This note shows that every such sheet folds flat. The"
        " proof uses only the counting of edges, and it takes one page. Code is at https://example.org/pebbles"
    ),
    (
        "Driftwood is hard to sort. We train a small network on pictures of 312 logs and reach 88.4% accuracy; the"
        " grain alone is enough, i.e. neither shape nor color helps."
    ),
    (
        "Sailors report that beams flicker at dawn. Is it the lamp, the lens or the air? We film twelve "
        "lighthouses for a year and show that it is the air in 93% of the cases. The flicker predicts fog two "
        "hours ahead. We release all films, the code, and a forecast that runs on a telephone."
    ),
    (
        "Harbor levels are forecast with models of many layers. We ask how small a network may be. A network of "
        "212 weights has an error of 4.5 cm on HarborBench, against 4.3 cm for the model in service, which has 1.2"
        " million."
    ),
    (
        "Knitted surfaces carry load through loops. We give the first theory that predicts their curvature from "
        "the pattern alone. It explains why dropped stitches run, and it agrees with measurements on 48 samples "
        "within 3%. Cable patterns turn out to be stiff because their loops lock, not because they are thick."
    ),
    (
        "We slow snow down. A camera at 40,000 frames a second shows how flakes turn while they fall. Most of them"
        " turn twice for each centimeter, which no model of drag predicts."
    ),
    "河流中的声音记录了丰富的环境信息。本文提出一种自监督方法,从九条山间溪流的录音中学习表示。实验表明,该方法在石块分类任务上的准确率达到百分之八十八,并且能够迁移到新的河流。我们公开了全部数据和代码。",
    (
        "Counting geese from the air looks like a task for attention. It is not. On GooseCount, a plain "
        "convolution beats every transformer that we tried by 7.9 points, and it needs a tenth of the labels."
    ),
)
BANNER = "Get new papers in your email inbox every morning!\nGet new papers in your inbox!\n"


def read(tmp_path: Path, text: str) -> list[Paper | Unreadable]:
    """Read a text as a page."""
    path = tmp_path / "page.txt"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return list(read_papers(path))


def pairs(items: list[Paper | Unreadable]) -> list[tuple[str, str]]:
    """Title and abstract of the papers among the items."""
    return [(item.title, item.abstract) for item in items if isinstance(item, Paper)]


def page(lines: list[str]) -> str:
    """Put a banner with a glued button above the lines and blank lines below."""
    return f"{BANNER}Subscribe{chr(10).join(lines)}\n\n \n" + "\t\t\t \n" * 300


def interleaved(abstracts: tuple[str, ...] = ABSTRACTS) -> list[str]:
    """Titles and abstracts in turn."""
    return [line for pair in zip(TITLES, abstracts, strict=True) for line in pair]


def test_titles_meet_their_abstracts(tmp_path: Path) -> None:
    """Every paper of a page is read, in order, without the banner, the button and the blank lines."""
    items = read(tmp_path, page(interleaved()))
    assert pairs(items) == list(zip(TITLES, ABSTRACTS, strict=True))
    assert len(items) == len(TITLES)
    assert [item.source.line for item in items] == list(range(3, 3 + 2 * len(TITLES), 2))


@pytest.mark.parametrize(
    "gap", ["", "\n", "\n \t\n\n", "\u200b\n\u00a0\r\n\ufeff\n"], ids=["none", "one", "many", "invisible"]
)
@pytest.mark.parametrize("lost", range(2 * len(TITLES)))
def test_a_lost_line_costs_its_paper_only(tmp_path: Path, lost: int, gap: str) -> None:
    """Without any one title or abstract, that paper is one item that says so, and all others are untouched."""
    lines = interleaved()
    del lines[lost]
    items = read(tmp_path, BANNER + f"\n{gap}".join(lines) + "\n")
    number = lost // 2
    expected = [pair for place, pair in enumerate(zip(TITLES, ABSTRACTS, strict=True)) if place != number]
    assert pairs(items) == expected
    bad = items[number]
    assert isinstance(bad, Unreadable)
    if lost % 2:
        assert (bad.kind, bad.title) == ("no_abstract", TITLES[number])
    else:
        assert (bad.kind, bad.raw) == ("unreadable", ABSTRACTS[number])
        assert "no title above" in bad.message
    assert bad.id == f"{bad.source.name}:{bad.source.line}"


@pytest.mark.parametrize("between", ["\n", "\n\n", "\n\u200b\n"], ids=["tight", "apart", "invisible"])
@pytest.mark.parametrize("width", [72, 78, 80])
def test_wrapped_abstracts_are_joined(tmp_path: Path, width: int, between: str) -> None:
    """Abstracts wrapped over several lines are one paper each, and keep their line breaks."""
    wrapped = tuple("\n".join(textwrap.wrap(text, width, break_on_hyphens=False)) for text in ABSTRACTS)
    items = read(tmp_path, BANNER + between.join(interleaved(wrapped)) + "\n")
    assert pairs(items) == list(zip(TITLES, wrapped, strict=True))
    assert len(items) == len(TITLES)


@pytest.mark.parametrize("lost", range(2 * len(TITLES)))
def test_a_lost_paragraph_costs_its_paper_only(tmp_path: Path, lost: int) -> None:
    """The same holds for wrapped abstracts with blank lines between the paragraphs."""
    lines = interleaved(tuple("\n".join(textwrap.wrap(text, 78, break_on_hyphens=False)) for text in ABSTRACTS))
    kept = [pair for place, pair in enumerate(zip(lines[::2], lines[1::2], strict=True)) if place != lost // 2]
    del lines[lost]
    items = read(tmp_path, BANNER + "\n\n".join(lines) + "\n")
    assert pairs(items) == kept
    assert len(items) == len(TITLES)


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("SubscribeCounting Geese", "Counting Geese"),
        ("Subscribe3D Geese", "3D Geese"),
        ("Subscribe“Geese” Revisited", "“Geese” Revisited"),
        ("Subscribe面向河流", "面向河流"),
        ("UpvoteCounting Geese", "Counting Geese"),
        ("FollowCounting Geese", "Counting Geese"),
        ("Subscriber Churn in Bird Clubs", "Subscriber Churn in Bird Clubs"),
        ("Subscribe or Leave", "Subscribe or Leave"),
        ("Submitting Geese to Scales", "Submitting Geese to Scales"),
        ("Followers of Geese", "Followers of Geese"),
        ("Sharing is Counting", "Sharing is Counting"),
        ("ShareGOOSE: A Corpus", "ShareGOOSE: A Corpus"),
        ("FollowNet: Tracking Geese", "FollowNet: Tracking Geese"),
    ],
)
def test_a_glued_button_is_taken_off(tmp_path: Path, line: str, title: str) -> None:
    """A button's label is taken off the first title, and a word that only begins like one is not."""
    (item,) = read(tmp_path, f"{BANNER}{line}\n{ABSTRACTS[0]}\n")
    assert item.title == title


def test_a_label_further_down_is_part_of_the_title(tmp_path: Path) -> None:
    """Only the first title can have the banner's button before it."""
    _, second = read(tmp_path, f"{TITLES[0]}\n{ABSTRACTS[0]}\nSubscribeNet\n{ABSTRACTS[1]}\n")
    assert second.title == "SubscribeNet"


def test_pages_below_each_other_are_read(tmp_path: Path) -> None:
    """A second page in the same file has a banner and a button of its own."""
    pages = [f"{BANNER}Subscribe{TITLES[index]}\n{ABSTRACTS[index]}\n\n" for index in (0, 2)]
    items = read(tmp_path, "".join(pages))
    assert pairs(items) == [(TITLES[0], ABSTRACTS[0]), (TITLES[2], ABSTRACTS[2])]
    assert len(items) == 2


@pytest.mark.parametrize(
    "chrome",
    [
        *("+9", "17", "1.2k", "View arXiv page", "View PDF", "Upvote 17", "GitHub 120", "Submitted by\nbirdwatcher"),
        *("\u00b7", "5 authors", "Published on Jan 3, 2026", "Add to collection", "Read more"),
    ],
)
def test_chrome_is_dropped_wherever_it_stands(tmp_path: Path, chrome: str) -> None:
    """Buttons, counters and captions between the lines of a page change nothing."""
    lines = [TITLES[0], ABSTRACTS[0], TITLES[2], ABSTRACTS[2]]
    items = read(tmp_path, f"{chrome}\n" + f"\n{chrome}\n".join(lines) + f"\n{chrome}\n")
    assert pairs(items) == [(TITLES[0], ABSTRACTS[0]), (TITLES[2], ABSTRACTS[2])]
    assert len(items) == 2


def test_the_page_of_one_paper_gives_its_own_abstract(tmp_path: Path) -> None:
    """On a paper's page, the names are no titles, and the sentence that a model wrote is not the abstract."""
    text = (
        f"{TITLES[2]}\nPublished on Jan 3, 2026\n\u00b7 Submitted by\nbirdwatcher\nUpvote\n17\n+9\n"
        "Ada One, Bo Two, Cy Three\nAbstract\n"
        "A small network sorts driftwood by its grain alone. It reaches 88.4% accuracy on pictures of logs.\n"
        f"Generated by some-model\n{ABSTRACTS[2]}\nView arXiv page\nView PDF\nAdd to collection\n"
    )
    items = read(tmp_path, text)
    assert pairs(items) == [(TITLES[2], ABSTRACTS[2])]
    assert len(items) == 1


def test_a_short_abstract_counts_below_its_heading(tmp_path: Path) -> None:
    """What follows the heading "Abstract" is the abstract, however short it is."""
    assert pairs(read(tmp_path, f"{TITLES[2]}\nAbstract\nWe sort logs.\n")) == [(TITLES[2], "We sort logs.")]


def test_a_banner_without_a_button_is_dropped(tmp_path: Path) -> None:
    """Menu entries and invitations above the first title give no items."""
    items = read(tmp_path, f"Bird Papers\nToday\nJoin our club today!\n{TITLES[0]}\n{ABSTRACTS[0]}\n")
    assert pairs(items) == [(TITLES[0], ABSTRACTS[0])]
    assert len(items) == 1


def test_titles_alone_are_papers_without_abstracts(tmp_path: Path) -> None:
    """A list of titles gives one item for each, and none is taken for the abstract of another."""
    titles = [f"On the Number {number} and Its Many Uses in the Counting of Geese (2025)" for number in range(30)]
    items = read(tmp_path, "\n".join(titles))
    assert [(item.title, getattr(item, "kind", "")) for item in items] == [(title, "no_abstract") for title in titles]


def test_titles_that_look_wrapped_are_no_abstract(tmp_path: Path) -> None:
    """Titles that follow one another like the lines of a paragraph, but hold no sentence, stay titles."""
    titles = [f"{name}: counting the geese over very large lakes with nothing but small cameras" for name in "abcdefgh"]
    items = read(tmp_path, "\n".join(titles))
    assert [(item.title, getattr(item, "kind", "")) for item in items] == [(title, "no_abstract") for title in titles]


def test_a_title_wider_than_the_wrapped_lines_is_told_apart(tmp_path: Path) -> None:
    """A long title in plain case, right above a wrapped abstract, is not taken for its first line."""
    title = "Interpretable counting of geese by means of weighted linear transformations of very small pictures"
    wrapped = textwrap.fill(ABSTRACTS[3], 80)
    assert pairs(read(tmp_path, f"{title}\n{wrapped}\n{TITLES[2]}\n{ABSTRACTS[2]}\n")) == [
        (title, wrapped),
        (TITLES[2], ABSTRACTS[2]),
    ]


def test_an_address_on_a_line_of_its_own_is_part_of_the_abstract(tmp_path: Path) -> None:
    """A long address, which leaves the line above it short, still belongs to the wrapped abstract."""
    address = "https://example.org/a/very/long/address/of/a/repository/that/fits/on/no/line"
    text = f"{ABSTRACTS[2]} The code is at {address}"
    wrapped = textwrap.fill(text, 78, break_long_words=False, break_on_hyphens=False)
    assert wrapped.endswith(f"The code is at\n{address}")
    items = read(tmp_path, f"{TITLES[2]}\n{wrapped}\n{TITLES[8]}\n{ABSTRACTS[8]}\n")
    assert pairs(items) == [(TITLES[2], wrapped), (TITLES[8], ABSTRACTS[8])]


@pytest.mark.parametrize("place", [0, 1])
def test_bytes_that_do_not_decode_cost_their_paper_only(tmp_path: Path, place: int) -> None:
    """A title or an abstract with a wrong byte is one bad item that names the byte, and the next paper is read."""
    lines = [TITLES[0], ABSTRACTS[0]]
    lines[place] += " caf\udce9."
    bad, good = read(tmp_path, "\n".join([*lines, TITLES[2], ABSTRACTS[2]]))
    assert isinstance(bad, Unreadable)
    assert "0xE9" in bad.message
    assert "--encoding" in bad.message
    assert isinstance(good, Paper)
    bad.model_dump_json()


def test_a_line_that_is_too_long_costs_its_paper_only(tmp_path: Path) -> None:
    """An endless line is reported under the title above it, and the next paper is read."""
    bad, good = read(tmp_path, f"{TITLES[0]}\n{'x' * (16 * 2**20 + 1)}\n{TITLES[2]}\n{ABSTRACTS[2]}\n")
    assert isinstance(bad, Unreadable)
    assert "longer than" in bad.message
    assert bad.title == TITLES[0]
    assert pairs([good]) == [(TITLES[2], ABSTRACTS[2])]


def test_fifty_thousand_words_are_an_abstract(tmp_path: Path) -> None:
    """A very long abstract is read like any other, in one line and wrapped."""
    text = " ".join(["We count the geese once more."] * 9_000)
    wrapped = "\n".join(textwrap.wrap(text, 78))
    assert pairs(read(tmp_path, f"Geese\n{text}\nMore Geese\n{wrapped}\n")) == [
        ("Geese", text),
        ("More Geese", wrapped),
    ]
