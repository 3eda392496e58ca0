"""Papers of train that are evaluated as well are found."""

from collections.abc import Callable

import pytest

from evals.duplicates import Duplicates, Pair, Scan
from evals.examples import Example, Gold
from summarizer import Paper

_WORDS = [f"pebble{number}" for number in range(100)]
Make = Callable[[str, str, str], Example]


@pytest.fixture
def make(make_paper: Callable[..., Paper]) -> Make:
    """Make an example by id, title and abstract."""

    def example(known: str, title: str, abstract: str) -> Example:
        paper = make_paper(id=known, title=title, abstract=abstract)
        return Example(paper=paper, gold=Gold(), sentences=(abstract,), document=known)

    return example


def _compare(evaluated: list[Example], train: list[Example]) -> Duplicates:
    return Scan(evaluated).compare(train, "train.jsonl", "0" * 64)


def test_titles_abstracts_and_versions_are_told_apart(make: Make) -> None:
    """The same title, the same abstract under another title, and a version of it; case and punctuation do not count."""
    text = " ".join(_WORDS)
    evaluated = [make("a", "Stones, Sung", "Stones sing."), make("b", "Ears", text), make("c", "Feet", "Feet get wet.")]
    train = [
        make("t1", "stones sung!", "Other words."),
        make("t2", "Noses", text.upper() + "!"),
        make("t3", "Eyes", " ".join([*_WORDS[:40], "new", *_WORDS[50:]])),
        make("t4", "Hands", "Hands stay dry."),
    ]
    found = _compare(evaluated, train)
    assert found.titles == (Pair(evaluated="a", train="t1"),)
    assert found.abstracts == (Pair(evaluated="b", train="t2"),)
    assert found.near == (Pair(evaluated="b", train="t3"),)
    assert found.evaluated == ("a", "b")
    assert (found.file, found.papers) == ("train.jsonl", 4)


def test_missing_titles_are_not_the_same(make: Make) -> None:
    """Papers of a data set without titles do not have the same one."""
    found = _compare([make("a", "", "Stones sing.")], [make("t", "", "Stones sink.")])
    assert not found.evaluated


@pytest.mark.parametrize(("shared", "near"), [(40, True), (20, False)])
def test_a_phrase_is_no_version(make: Make, shared: int, near: bool) -> None:
    """A few sentences in common are not enough, much of the abstract is."""
    other = [*_WORDS[:shared], *(f"sand{number}" for number in range(100 - shared))]
    found = _compare([make("a", "Ears", " ".join(_WORDS))], [make("t", "Eyes", " ".join(other))])
    assert bool(found.near) == near


def test_a_phrase_of_all_papers_costs_nothing(make: Make) -> None:
    """What very many papers say is no sign of a duplicate, and does not make pairs of all of them."""
    phrase = "we thank the pebbles of the river bed for all"
    evaluated = [make(f"a{number}", f"A {number}", f"{phrase} a{number}") for number in range(50)]
    train = [make(f"t{number}", f"T {number}", f"{phrase} t{number}") for number in range(50)]
    assert not _compare(evaluated, train).near
