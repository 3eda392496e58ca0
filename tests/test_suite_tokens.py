"""Tokens become natural text, in which each of them is found again; names become sets."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.examples import GoldName, Kind
from evals.suites.names import gold_names
from evals.suites.tokens import joined, placed

_ESCAPES = {"-LRB-": "(", "-RRB-": ")", "``": '"', "''": '"', "`": "'", "-LSB-": "[", "\\/": "/"}
_TOKENS = st.one_of(
    st.sampled_from(
        [*_ESCAPES, ".", ",", "-", "--", "/", "//", '"', "'", "'s", "n't", "%", "(", ")", "),", "][", "\u201c"]
    ),
    st.text(st.characters(exclude_categories=("Z", "C")), min_size=1, max_size=6),
)


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ("We count pebbles -LRB- small stones -RRB- .", "We count pebbles (small stones)."),
        ("It hears `` stones '' , not sand .", 'It hears "stones", not sand.'),
        ('It hears " stones " and " sand " .', 'It hears "stones" and "sand".'),
        ("The river 's bed does n't move ; it 's 90 % stone .", "The river's bed doesn't move; it's 90% stone."),
        ("the readers ' stones and ' small ' ones", "the readers' stones and 'small' ones"),
        ("( Brook et al . , 2018 ) -LSB- 3 -RSB- : yes", "(Brook et al., 2018) [3]: yes"),
        ("a state-of-the-art net -- or two - or three", "a state-of-the-art net -- or two - or three"),
        ("see [ 1 ][ 2 ] , please", "see [1][2], please"),
        ("the f-LRB-x-RRB- of it", "the f(x) of it"),
    ],
)
def test_text_is_written_as_people_write_it(tokens: str, text: str) -> None:
    """Brackets, quotes, apostrophes and stops stand where they do in print; the Treebank's escapes are undone."""
    assert joined(tokens.split()).text == text


def test_hyphens_join_only_where_a_tokenizer_divides_at_them() -> None:
    """`state - of - the - art` and addresses are put together again with `joints`, and left alone without."""
    text = "a state - of - the - art net , see github.com / stones -"
    tokens = text.split()
    assert joined(tokens, joints=True).text == "a state-of-the-art net, see github.com/stones -"
    assert joined(tokens).text == "a state - of - the - art net, see github.com / stones -"


@given(st.lists(_TOKENS, min_size=1, max_size=12), st.booleans())
def test_each_token_is_found_where_its_span_says(tokens: list[str], joints: bool) -> None:
    """No letter is lost or changed: the spans hold the tokens, in order, with a space or nothing between two."""
    text = joined(tokens, joints=joints)
    assert [text.text[start:end] for start, end in text.spans] == [_ESCAPES.get(token, token) for token in tokens]
    assert all(text.text[end:start] in {"", " "} for (_, end), (start, _) in pairwise(text.spans))
    assert text.spans[0][0] == 0
    assert text.spans[-1][1] == len(text.text)
    assert text.part(0, len(tokens)) == text.text


def test_places_of_a_data_set_decide() -> None:
    """A space stands where anything stood between two tokens, also where the places go wrong."""
    text = placed(["Pebble", "-", "Bed", "v2", ".", "0", "odd"], [5, 11, 12, 17, 19, 20, 3])
    assert text.text == "Pebble-Bed v2.0 odd"
    assert text.part(0, 3) == "Pebble-Bed"


def test_names_are_a_set_in_the_order_of_their_mentions() -> None:
    """Each name is there once for its kind; what differs in case, or shares a form with another, is a form of it."""
    marked: list[tuple[Kind, list[str]]] = [
        ("method", ["PebbleNet"]),
        ("task", ["counting"]),
        ("method", ["the ear"]),
        ("method", ["pebblenet"]),
        ("method", ["PebbleNet", "PN"]),
        ("method", ["Ear Net"]),
        ("method", ["EAR NET", "The Ear"]),
    ]
    assert gold_names(("task", "method", "metric"), marked) == {
        "task": (GoldName(name="counting"),),
        "method": (
            GoldName(name="PebbleNet", aliases=("pebblenet", "PN")),
            GoldName(name="the ear", aliases=("Ear Net", "EAR NET", "The Ear")),
        ),
        "metric": (),
    }
