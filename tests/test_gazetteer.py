"""Names of train, found in other papers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.examples import Example, Gold
from evals.gazetteer import Gazetteer
from summarizer import Paper
from summarizer.records import Source
from tests.scored_papers import example, names
from tests.work import calls


def _train(**kinds: list[str]) -> Gazetteer:
    return Gazetteer([example(names=names(**kinds))])


def _paper(abstract: str, title: str = "") -> Example:
    return Example(
        paper=Paper(id="a", title=title, abstract=abstract, source=Source(name="f", line=1)),
        gold=Gold(),
        sentences=("Not looked at.",),
        document="a",
    )


def test_names_of_train_are_found_as_the_paper_writes_them() -> None:
    """In title and abstract, in any case, with any form that people accept, stated or not, and each once."""
    gazetteer = _train(task=["depth guessing"], dataset=["PebbleBed|PB set", "?River Bank"])
    paper = _paper("Depth  Guessing on the PB Set; river bank, River bank and PebbleBed.", "On depth guessing")
    assert gazetteer.names(paper) == {
        "task": ("depth guessing", "Depth  Guessing"),
        "dataset": ("PB Set", "river bank", "River bank", "PebbleBed"),
    }


@pytest.mark.parametrize(
    ("abstract", "found"),
    [
        ("We use IR here", ("IR",)),
        ("We go ir and far", ()),
        ("parse Parsing PARSING", ("Parsing",)),
        ("subparsing parsings", ()),
        ("re-parsing, x2-nets", ("parsing", "x2-nets")),
        ("GAN and GANs", ("GAN",)),
    ],
)
def test_words_are_whole_and_acronyms_keep_their_case(abstract: str, found: tuple[str, ...]) -> None:
    """`IR` is not in `fir`, nor is it `ir`."""
    assert _train(method=["IR", "parsing", "X2-nets|x2-nets", "GAN"]).names(_paper(abstract))["method"] == found


def test_the_longest_name_wins_and_names_do_not_overlap() -> None:
    """Inside of a longer name a shorter one is not named; where the longer one breaks off, the shorter one is."""
    gazetteer = _train(method=["deep river", "deep river network", "network search"])
    found = gazetteer.names(_paper("A deep river network search. A deep river net. Network search."))
    assert found["method"] == ("deep river network", "deep river", "Network search")


def test_a_name_of_several_kinds_is_of_the_most_frequent_one() -> None:
    """As often as people took it for that."""
    train = [example(names=names(task=["parsing"], method=[])), *[example(names=names(method=["parsing"]))] * 2]
    assert Gazetteer(train).names(_paper("parsing")) == {"task": (), "method": ("parsing",)}


def test_a_paper_of_train_is_read_with_the_names_of_the_others() -> None:
    """What only the paper itself calls so is not found; what others call otherwise is of their kind."""
    text = ["We guess depth and hear parsing with a net."]
    own = example(1, "", text, names=names(task=["parsing", "guess depth"], method=["net"]))
    others = [
        example(2, "", ["Parsing."], names=names(method=["parsing", "net"])),
        example(3, "", ["Depth."], names=names(dataset=["depth"])),
    ]
    assert Gazetteer([own, *others]).names(own) == {
        "task": ("guess depth", "parsing"),
        "method": ("net",),
        "dataset": (),
    }
    assert Gazetteer([own, *others], others=True).names(own) == {
        "task": (),
        "method": ("parsing", "net"),
        "dataset": ("depth",),
    }


def test_without_names_nothing_is_found() -> None:
    """Neither where train has none, nor where its names are nothing but white space to us."""
    assert Gazetteer([]).names(_paper("parsing")) == {}
    assert _train(method=["\u200b"]).names(_paper("a \u200b b"))["method"] in ((), ("\u200b",))


@given(st.lists(st.text("ab -.", min_size=1, max_size=6).filter(str.strip), max_size=6), st.text("ab -.", max_size=30))
def test_what_is_found_stands_there_and_is_of_train(known: list[str], text: str) -> None:
    """For any names and texts: verbatim in the text, and one of the names but for white space."""
    found = _train(method=known).names(_paper(text))
    assert all(name in text for name in found["method"])
    assert {name.replace(" ", "") for name in found["method"]} <= {name.replace(" ", "") for name in known}


def test_time_does_not_depend_on_how_many_names_there_are() -> None:
    """A thousand times as many names take no more steps."""
    paper = _paper("We guess the depth of streams with networks. " * 20)
    few, many = (
        _train(method=["depth of streams"]),
        _train(method=["depth of streams", *map("depth of {}".format, range(1000))]),
    )
    assert calls(lambda: many.names(paper)) <= calls(lambda: few.names(paper))


def test_time_is_linear_in_the_text() -> None:
    """Ten times the text takes about ten times the steps, also where a long name nearly fits everywhere."""
    gazetteer = _train(method=["a " * 30 + "b"])
    short, long = _paper("a " * 300), _paper("a " * 3000)
    assert calls(lambda: gazetteer.names(long)) < 12 * calls(lambda: gazetteer.names(short))
