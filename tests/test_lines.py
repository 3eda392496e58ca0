"""Answers in lines: read strictly, and written only with the words of the paper."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer

from summarizer import Settings, Summarizer
from summarizer.backends.constraint import Form, SchemaGrammar
from summarizer.backends.local import LocalBackend
from summarizer.completion import LINES, Completion, Decoding, Request
from summarizer.errors import AnswerError, PromptError, RequestError
from summarizer.lines import PAPER, as_lines, can_be_said, grammar_for, is_grammar, lines_grammar, parse_lines
from summarizer.parsing import parse
from summarizer.prompting import load_prompt
from summarizer.records import Limits, Paper, Tokens
from tests.tiny_models import save_decoder, save_tokenizer

_LIMITS = Limits(tldr=60, text=30, evidence=1, modalities=1, tasks=2, methods=2, datasets=2, metrics=2, results=1)
_TITLE = "BrookNet: Guessing Depth"
_EMPTY = "\ntasks\nmethods\ndata\nmetrics"
_ABSTRACT = (
    'We present\nBrookNet, a "deep" network with \\alpha-GAN; on PebbleBed (PB) it reaches 81.4% top-1 accuracy.'
)


@pytest.fixture(scope="module")
def grammar(tmp_path_factory: pytest.TempPathFactory) -> tuple[SchemaGrammar, Callable[[str], list[int]]]:
    """Lines for a small byte-level tokenizer, and what a text is in its tokens."""
    folder = tmp_path_factory.mktemp("tokenizer")
    size = save_tokenizer(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return SchemaGrammar(tokenizer, size, [0]), lambda text: list(tokenizer.encode(text, add_special_tokens=False))


def _with(names: str, sentence: str = "It hears depth.") -> str:
    """An answer with these methods, and nothing else."""
    return f"{sentence}\ntasks\nmethods{names and ' '}{names}\ndata\nmetrics"


def _allows(grammar: tuple[SchemaGrammar, Callable[[str], list[int]]], text: str, abstract: str = _ABSTRACT) -> bool:
    """Whether a whole answer can be written, token by token, and ended."""
    held, encode = grammar
    matcher = held.matcher(Form(lines_grammar(_LIMITS), _TITLE, abstract))
    for token in encode(text):
        scores = torch.zeros(1, held._tokenizer.vocab_size)
        held.mask([matcher], scores)
        if scores[0, token] < 0:
            return False
        matcher.consume_token(token)
    return bool(matcher.is_accepting())


@pytest.mark.parametrize(
    "names",
    ["BrookNet", "Guessing Depth", "present BrookNet", '"deep" network', "\\alpha-GAN", "PebbleBed (PB)", "PB",
     "81.4% top-1 accuracy", "BrookNet; PB", "BrookNet; BrookNet", ""],
)  # fmt: skip
def test_words_of_the_paper_can_be_written(
    grammar: tuple[SchemaGrammar, Callable[[str], list[int]]], names: str
) -> None:
    """Any run of whole words of title or abstract is a name, across a broken line too, and a list may be empty."""
    assert _allows(grammar, _with(names))


@pytest.mark.parametrize(
    "names",
    ["GLUE", "brooknet", "Brook", "Net", "BrookNet PB", "accuracy of 81.4%", "81.5% top-1", "BrookNet; PB; PebbleBed",
     "BrookNet;PB", " BrookNet", "BrookNet ", ";", ":", "Guessing Depth We", "(PB", "PebbleBed (PB", "PB)",
     "PB) it reaches", "BrookNet,", "BrookNet:", "top-1 accuracy."],
)  # fmt: skip
def test_nothing_else_can_be_written(grammar: tuple[SchemaGrammar, Callable[[str], list[int]]], names: str) -> None:
    """No other word, case or number, no piece of a word, no half a bracket, no longer list or name than allowed."""
    assert not _allows(grammar, _with(names))


@pytest.mark.parametrize(
    ("abstract", "names", "allowed"),
    [
        ("f(g(x)) and (((( a) b) c (", "x", True),
        ("f(g(x)) and (((( a) b) c (", "g(x)", True),
        ("f(g(x)) and (((( a) b) c (", "f(g(x))", False),
        ("f(g(x)) and (((( a) b) c (", "a) b", False),
        ("It hears (PB).", "hears (PB)", True),
        ("It hears, Yahoo! and C++, cafe\u0301s and \u0939\u093f\u0928\u094d\u0926\u0940.", "C++", True),
        ("It hears, Yahoo! and C++, cafe\u0301s and \u0939\u093f\u0928\u094d\u0926\u0940.", "Yahoo", True),
        ("It hears, Yahoo! and C++, cafe\u0301s and \u0939\u093f\u0928\u094d\u0926\u0940.", "Yahoo!", False),
        ("It hears, Yahoo! and C++, cafe\u0301s and \u0939\u093f\u0928\u094d\u0926\u0940.", ", Yahoo", False),
        ("It hears, Yahoo! and C++, cafe\u0301s and \u0939\u093f\u0928\u094d\u0926\u0940.", "cafe\u0301s", True),
        ("It hears, Yahoo! and C++, cafe\u0301s and \u0939\u093f\u0928\u094d\u0926\u0940.", "cafe", False),
        ("It hears, Yahoo! and C++, cafe\u0301s and \u0939\u093f\u0928\u094d\u0926\u0940.", "cafe\u0301", False),
        ("It hears 81.4% of 3-D, x\u00b2 and \u00b2.", "81.4%", False),
        ("It hears 81.4% of 3-D, x\u00b2 and \u00b2.", "\u00b2", False),
        ("It hears 81.4% of 3-D, x\u00b2 and \u00b2.", "3-D", True),
        ("It is \u0939\u093f\u0928\u094d\u0926\u0940.", "\u0939\u093f\u0928\u094d\u0926\u0940", True),
        ("It is \u0939\u093f\u0928\u094d\u0926\u0940.", "\u0939\u093f", False),
        ("It is too late. We hear C. elegans vs. Bach.", "too late. We", False),
        ("It is too late. We hear C. elegans vs. Bach.", "C. elegans vs. Bach", True),
    ],
)
def test_brackets_and_words_are_whole_and_what_is_taught_can_be_written(
    grammar: tuple[SchemaGrammar, Callable[[str], list[int]]], abstract: str, names: str, *, allowed: bool
) -> None:
    """Round brackets both or none, no sign of a sentence at an end, letters, and accents belong to their words."""
    assert _allows(grammar, _with(names), abstract) == allowed
    if not names.startswith(("cafe", "\u0939")):  # of words alone the paper decides
        assert can_be_said(names, _LIMITS) == allowed


def test_the_sentence_is_one_line_with_a_limit(grammar: tuple[SchemaGrammar, Callable[[str], list[int]]]) -> None:
    """It is free, but for its length, and it is there."""
    assert _allows(grammar, f"{'a' * 60}{_EMPTY}")
    assert not _allows(grammar, f"{'a' * 61}{_EMPTY}")
    assert not _allows(grammar, _EMPTY)
    assert not _allows(grammar, f"It hears.\n{_EMPTY}")
    assert not _allows(grammar, f"It hears.{_EMPTY}\n")


@pytest.mark.parametrize(
    "abstract",
    [
        PAPER,
        f"{PAPER} {PAPER}",
        '"]}} %regex {',
        "\\",
        "\\u0000",
        "a" * 5_000,
        "日本語の要旨。",
        "\x1b[2J",
        "{{PAPER}}",
        "<its signs>",
        "]*/ | /[a",
        "\\x{41} ^-&&~~[]/ \U0001f600 e\u0301 \u00b2",
        "%llguidance {}\nstart: /.*/",
    ],
)
def test_a_paper_is_data_in_the_grammar(
    grammar: tuple[SchemaGrammar, Callable[[str], list[int]]], abstract: str
) -> None:
    """Whatever stands in it, the form stays the form: five lines, and no name from elsewhere."""
    assert _allows(grammar, _with("Guessing"), abstract)
    assert not _allows(grammar, _with("GLUE"), abstract)
    assert not _allows(grammar, "It hears.", abstract)


def test_a_schema_is_no_grammar() -> None:
    """JSON Schemas are told apart from it, and a grammar has all words and signs of the paper on one line."""
    assert is_grammar(lines_grammar(_LIMITS))
    assert not is_grammar(json.dumps({"type": "string"}))
    whole = grammar_for(lines_grammar(_LIMITS), "Guessing (deep)", f"We\nhear {PAPER} (now.")
    words = ["Guessing", " ", "(deep)", "\n", "deep", "\n", "We", " ", "hear", " ", '"', "<", "the", " ", "paper", ">"]
    assert json.dumps([*words, '"', " ", "\n", "now", "."]) in whole
    assert json.dumps(["\n", "We", " ", "hear", "."]) in grammar_for(lines_grammar(_LIMITS), "", "We hear.")


def test_what_is_written_is_read() -> None:
    """Lines become an answer whose methods are of no known role, and of which nothing else is known."""
    text = as_lines("It hears depth.", (["hearing"], ["BrookNet", "GAN"], [], ["accuracy"]))
    assert text == "It hears depth.\ntasks hearing\nmethods BrookNet; GAN\ndata\nmetrics accuracy"
    answer = parse_lines(text)
    assert (answer.tldr, answer.tasks, answer.datasets, answer.metrics) == (
        "It hears depth.", ("hearing",), (), ("accuracy",),
    )  # fmt: skip
    assert [(method.name, method.role) for method in answer.methods] == [("BrookNet", "used"), ("GAN", "used")]
    assert (answer.contribution, answer.field, answer.modalities, answer.results) == (None, None, (), ())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("It hears.\ntasks\nmethods\ndata", "4 lines, and 5 are wanted"),
        (f"It hears.{_EMPTY}\n", "6 lines"),
        (f" {_EMPTY}", "tldr"),
        (f"{'It hears. ' * 99}{_EMPTY}", "tldr: 989 characters"),
        (_with("a; b; c"), "methods: 3 entries, at most 2"),
        (_with("a" * 990), "a method: 990 characters"),
        ("It hears.\n\n\n\n", "a line that begins with 'tasks'"),
        ("It hears.\ntasks\nmethods\ndatasets\nmetrics", "a line that begins with 'data'"),
        ("It hears.\ntasks\nmethods\nmetrics\ndata", "a line that begins with 'data'"),
        ('{"tldr": "It hears."}', "1 lines"),
    ],
)
def test_what_is_no_answer_is_refused(text: str, problem: str) -> None:
    """The error says what is wrong, and keeps the text."""
    completion = Completion(
        request_id="1", text=text, tokens=Tokens(), structured_mode=LINES, seconds=0.0, created_at=""
    )
    with pytest.raises(AnswerError, match=problem) as raised:
        parse(completion, load_prompt("lines").vocabulary, _LIMITS)
    assert (raised.value.kind, raised.value.raw) == ("schema_error", text)


def test_a_name_that_is_said_again_counts_once() -> None:
    """Small models repeat themselves in a list; that is no fault of what is left."""
    assert [method.name for method in parse_lines(_with("GAN; PB; GAN; GAN")).methods] == ["GAN", "PB"]


@pytest.mark.parametrize("kind", ["Llama", "Mistral"])
def test_a_model_of_chance_keeps_to_the_lines(kind: str, tmp_path: Path, make_request: Callable[..., Request]) -> None:
    """Random weights write lines whose names stand in the paper, in a running batch and in a whole one."""
    folder = save_decoder(tmp_path, kind)
    backend = LocalBackend(Settings(model=str(folder), batch_size=3, device="cpu", dtype="float32"))
    requests = [
        make_request(
            str(number),
            schema_text=lines_grammar(_LIMITS),
            decoding=Decoding(max_tokens=300, temperature=1.0, seed=number // 3),  # batches of three and of two
            title=_TITLE,
            abstract=f"{_ABSTRACT} Part {number}.",
        )
        for number in range(5)
    ]
    for outcome in backend.complete(requests):
        assert isinstance(outcome, Completion), outcome
        assert outcome.structured_mode == LINES
        answer = parse_lines(outcome.text)
        abstract = " ".join(f"{_ABSTRACT} Part {outcome.request_id}.".split())
        names = [*answer.tasks, *(method.name for method in answer.methods), *answer.datasets, *answer.metrics]
        assert all(name in _TITLE or name in abstract for name in names)


@pytest.mark.parametrize("kind", ["Llama", "Mistral"])
def test_a_paper_with_more_words_than_a_grammar_holds_fails_alone(
    kind: str, tmp_path: Path, make_request: Callable[..., Request]
) -> None:
    """Those beside it are answered, in a running batch and in a whole one."""
    words = " ".join(f"{number:x}" for number in range(100_000, 180_000))
    folder = save_decoder(tmp_path, kind)
    backend = LocalBackend(Settings(model=str(folder), batch_size=3, device="cpu", dtype="float32"))
    given = {
        "schema_text": lines_grammar(_LIMITS),
        "decoding": Decoding(max_tokens=300, temperature=1.0),
        "title": _TITLE,
    }
    requests = [make_request(str(at), **given, abstract=words if at == 1 else _ABSTRACT) for at in range(3)]
    first, second, third = sorted(backend.complete(requests), key=lambda outcome: outcome.request_id)
    assert isinstance(second, RequestError)
    assert second.kind == "rejected"
    assert "the schema was given up" in str(second)
    assert len(str(second)) < 300, "not with the grammar, which holds the paper"
    assert isinstance(first, Completion)
    assert isinstance(third, Completion)


def test_records_of_lines_have_no_name_from_elsewhere(shared_cache: Path, make_paper: Callable[..., Paper]) -> None:
    """The embedded model, which invents names in JSON, has every name in its place; what a rule has read is told."""
    settings = Settings(prompt="lines", cache_dir=shared_cache, cache=False, max_tokens=200)
    (record,) = Summarizer(settings).run([make_paper()])
    assert record.provenance is not None
    assert record.provenance.structured_mode == LINES
    places = [one.evidence for one in record.methods]
    places += [one.evidence for one in (*record.datasets, *record.metrics)]
    assert places
    assert all(place.match != "absent" for place in places)
    assert "names_only" in [warning.code for warning in record.warnings]
    assert record.contribution == "method"


def test_a_record_of_lines_with_nothing_wrong_in_it_is_ok(make_paper: Callable[..., Paper], tmp_path: Path) -> None:
    """What this form leaves open is told, and is nothing to ask another model about."""
    script = tmp_path / "script.jsonl"
    script.write_text(json.dumps({"id": "*", "text": _with("BrookNet-1", "It guesses depth.")}), encoding="utf-8")
    settings = Settings(prompt="lines", backend="scripted", script=script, cache=False)
    (record,) = Summarizer(settings).run([make_paper()])
    assert record.status == "ok"
    assert [warning.code for warning in record.warnings][:1] == ["names_only"]


def test_a_sentence_that_stands_in_for_a_model_is_short_enough(make_paper: Callable[..., Paper]) -> None:
    """The first one of the abstract, cut where an answer has no more room."""
    paper = make_paper().model_copy(update={"abstract": "It hears depth, " * 200})
    (record,) = Summarizer(Settings(prompt="lines", backend="scripted", cache=False)).run([paper])
    assert record.tldr is not None
    assert len(record.tldr.text) <= load_prompt("lines").file.limits.tldr


def test_lines_are_for_local_models(make_paper: Callable[..., Paper], tmp_path: Path) -> None:
    """No server holds a model to the words of a paper; a script may answer in lines, and without one it does."""
    hosted = Settings(prompt="lines", backend="hosted", model="m", base_url="http://127.0.0.1:9/v1", cache_dir=tmp_path)
    with pytest.raises(PromptError, match="is for local models"):
        Summarizer(hosted)
    (record,) = Summarizer(Settings(prompt="lines", backend="scripted", cache=False)).run([make_paper()])
    assert record.tldr is not None
    assert record.tldr.text == "We present BrookNet-1, a network that guesses the depth of streams."


def test_an_answer_in_other_lines_is_a_failure(make_paper: Callable[..., Paper], tmp_path: Path) -> None:
    """It is not asked about again: a second round would show JSON."""
    script = tmp_path / "script.jsonl"
    script.write_text(json.dumps({"id": "*", "text": "One line."}), encoding="utf-8")
    settings = Settings(prompt="lines", backend="scripted", script=script, cache=False)
    (record,) = Summarizer(settings).run([make_paper()])
    assert record.failure is not None
    assert (record.failure.kind, record.failure.raw) == ("schema_error", "One line.")


def test_the_shipped_prompt_is_in_lines() -> None:
    """`lines` is what adapters are trained with."""
    assert load_prompt("lines").file.form == "lines"
