"""The grammar of answers: what the schema forbids cannot be written."""

import json
from collections.abc import Iterator

import pytest
import torch
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from summarizer.backends.constraint import Form, SchemaGrammar
from summarizer.errors import ModelError
from summarizer.lines import lines_grammar
from summarizer.records import Limits
from tests.tiny_models import save_tokenizer

SCHEMA = {
    "type": "object",
    "properties": {
        "text": {"type": "string", "minLength": 1, "maxLength": 8},
        "kind": {"type": "string", "enum": ["new", "old"]},
        "names": {
            "type": "array",
            "items": {"anyOf": [{"type": "string", "maxLength": 4}, {"type": "null"}]},
            "maxItems": 2,
        },
    },
    "required": ["text", "kind", "names"],
    "additionalProperties": False,
}
LIMITS = Limits(tldr=40, text=20, evidence=20, modalities=1, tasks=2, methods=2, datasets=1, metrics=1, results=1)
GOOD = '{"text":"depth","kind":"new","names":["a",null]}'


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedTokenizerBase:
    """A small tokenizer whose end token is 0."""
    folder = tmp_path_factory.mktemp("tokenizer")
    save_tokenizer(folder)
    loaded: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder)
    return loaded


def _allowed(tokenizer: PreTrainedTokenizerBase, rows: list[list[int]]) -> Iterator[torch.Tensor]:
    """For each step, which tokens (rows x vocabulary) may come next, while the rows are forced upon the model."""
    width = len(tokenizer) + 7  # the logits of many models are wider than the vocabulary
    constraint = SchemaGrammar(tokenizer, width, [0]).constraint([Form(json.dumps(SCHEMA))] * len(rows))
    for step in range(len(rows[0])):
        scores = torch.zeros(len(rows), width)
        masked = constraint(torch.tensor([[5, *row[:step]] for row in rows]), scores)
        assert masked is scores
        yield masked == 0


def _accepts(tokenizer: PreTrainedTokenizerBase, text: str) -> bool:
    ids = [*tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True), 0]
    return all(bool(allowed[0, token]) for allowed, token in zip(_allowed(tokenizer, [ids]), ids, strict=True))


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        '{"text":"12345678","kind":"old","names":[]}',
        '{"text":"tiefe ä水","kind":"old","names":["abcd","abcd"]}',
        '{"text":"\\"</s>\\"","kind":"old","names":[]}',
    ],
)
def test_what_fits_the_schema_can_be_written(tokenizer: PreTrainedTokenizerBase, text: str) -> None:
    """Every compact JSON text within the bounds can be written and ended; lengths count characters, not bytes."""
    assert _accepts(tokenizer, text)


@pytest.mark.parametrize(
    "text",
    [
        '{"text":"123456789","kind":"old","names":[]}',
        '{"text":"","kind":"old","names":[]}',
        '{"text":"depth","kind":"odd","names":[]}',
        '{"text":"depth","kind":"old","names":["a","b","c"]}',
        '{"text":"depth","kind":"old","names":["abcde"]}',
        '{"text":"depth","kind":"old","names":[1]}',
        '{"text":"depth","kind":"old"}',
        '{"text":"depth","kind":"old","names":[],"more":1}',
        '{"text": "depth","kind":"old","names":[]}',
        '{"text":"depth",\n"kind":"old","names":[]}',
        GOOD + " ",
        GOOD[:-1],
        "depth",
    ],
)
def test_what_breaks_the_schema_cannot(tokenizer: PreTrainedTokenizerBase, text: str) -> None:
    """Too long, too many, another value, another field, a blank, an early end: each is masked."""
    assert not _accepts(tokenizer, text)


def test_rows_do_not_touch_one_another(tokenizer: PreTrainedTokenizerBase) -> None:
    """Each row has its own state: one may only end, one goes on, and one that has ended is not masked at all."""
    done = [*tokenizer.encode(GOOD, add_special_tokens=False), 0]
    padding = [tokenizer.convert_tokens_to_ids("<pad>")] * 3
    longer = tokenizer.encode('{"text":"longer","kind":"old","names":["abc","abcd"]}', add_special_tokens=False)
    rows = [[*done, *padding], [*longer, 0]]
    length = min(map(len, rows))
    steps = list(_allowed(tokenizer, [row[:length] for row in rows]))
    ends = len(done) - 1
    assert steps[ends][0].nonzero().flatten().tolist() == [0]
    assert bool(steps[ends + 1][0].all())
    assert 0 < int(steps[ends + 1][1].sum()) < 400


def test_schema_that_cannot_be_enforced_is_an_error(tokenizer: PreTrainedTokenizerBase) -> None:
    """A schema with something that the grammar does not know is refused, not half enforced."""
    with pytest.raises(ModelError, match="cannot be enforced"):
        SchemaGrammar(tokenizer, 400, [0]).constraint([Form('{"type":"array","uniqueItems":true}')])


@pytest.mark.parametrize("form", ["schema", "lines"])
def test_the_likeliest_token_is_that_of_the_whole_mask(tokenizer: PreTrainedTokenizerBase, form: str) -> None:
    """At every place of many answers, with ends and tokens that do not exist among the likeliest."""
    width, draw = len(tokenizer) + 7, torch.Generator().manual_seed(3)
    asked = Form(json.dumps(SCHEMA)) if form == "schema" else Form(lines_grammar(LIMITS), "The brook", "It is deep.")
    grammar = SchemaGrammar(tokenizer, width, [0])
    matchers = [grammar.matcher(asked) for _ in range(16)]
    unlike = ends = 0
    while matchers:
        scores = torch.randn(len(matchers), width, generator=draw)
        scores[:, :4] += 3 * torch.rand(len(matchers), 4, generator=draw)
        scores[:, -7:] += 1
        given = scores.clone()
        best = grammar.best(matchers, scores)
        assert torch.equal(scores, given)
        grammar.mask(matchers, scores)
        assert best == scores.argmax(dim=-1).tolist()
        unlike += sum(token != most for token, most in zip(best, given.argmax(dim=-1).tolist(), strict=True))
        ends += best.count(0)
        assert all(matcher.consume_token(token) for matcher, token in zip(matchers, best, strict=True))
        matchers = [one for one, token in zip(matchers, best, strict=True) if token and not one.is_stopped()]
    assert unlike > 10
    assert form == "schema" or ends > 5
