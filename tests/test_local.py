"""The local backend: every request gets its outcome, whatever the model and however little memory there is."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import torch

from summarizer.backends.constraint import Form, SchemaGrammar
from summarizer.backends.continuous import Asked, ContinuousDecoder, shaken
from summarizer.backends.device import Placement
from summarizer.backends.generation import LoadedModel, PulseCriterion, load_model
from summarizer.backends.lean import LeanModel
from summarizer.backends.local import ALONE, WINDOW_BATCHES, LocalBackend
from summarizer.backends.pulse import Pulse
from summarizer.backends.slots import Prefix, SlotModel
from summarizer.backends.transformers_decoder import TransformersDecoder
from summarizer.backends.weights import fetch_weights, find_model
from summarizer.completion import Completion, Decoding, Message, Outcome, Request
from summarizer.errors import ModelError, RequestError, SettingsError
from summarizer.records import Answer
from summarizer.settings import Settings
from tests.tiny_models import CONTEXT, KINDS, save_causal, save_decoder, save_summarizer

SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 9}, "kind": {"enum": ["new", "old"]}},
        "required": ["name", "kind"],
        "additionalProperties": False,
    }
)

#: A text that no answer reaches the end of.
ENDLESS = json.dumps({"type": "string", "minLength": 20_000})
#: Of the small decoders those whose sequences cannot enter and leave a running batch.
WHOLE_BATCHES = ("Bloom", "Llama dynamic", "Mamba", "Mistral")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base model: random weights, no chat template."""
    return save_causal(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def ask(make_request: Callable[..., Request]) -> Callable[..., Request]:
    """Make a request that fits the tiny models."""

    def make(
        number: int,
        text: str = "Streams are deep.",
        *,
        system: str = "Say what it is.",
        schema: str = SCHEMA,
        **decoding: float,
    ) -> Request:
        messages = (Message(role="system", content=system), Message(role="user", content=text))
        drawing = Decoding.model_validate({"max_tokens": 64} | decoding)
        return make_request(str(number), messages=messages, schema_text=schema, decoding=drawing, abstract=text)

    return make


def _backend(
    model: Path, batch_size: int = 4, **options: Callable[[Path, Placement, Path | None], LoadedModel]
) -> LocalBackend:
    settings = Settings(model=str(model), batch_size=batch_size, device="cpu", dtype="float32")
    return LocalBackend(settings, **options)


def _by_id(outcomes: Iterator[Outcome]) -> dict[str, Outcome]:
    return {outcome.request_id: outcome for outcome in outcomes}


def _texts(backend: LocalBackend, requests: list[Request]) -> dict[str, tuple[str, int]]:
    """The text of each answer and its length in tokens, by the id of the request."""
    outcomes = list(backend.complete(requests))
    assert all(isinstance(outcome, Completion) for outcome in outcomes), outcomes
    return {one.request_id: (one.text, one.tokens.completion) for one in outcomes if isinstance(one, Completion)}


def _bounded(schema: Any) -> Any:
    """The JSON Schema of `Answer` with every list and text bounded, so that any answer fits into a few tokens."""
    if isinstance(schema, list):
        return [_bounded(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: _bounded(value) for key, value in schema.items() if key not in ("default", "title", "description")}
    if "properties" in kept:
        kept["required"] = list(kept["properties"])
    return kept | {"string": {"maxLength": 60}, "array": {"maxItems": 1}}.get(str(kept.get("type")), {})


def test_embedded_model_answers_under_the_schema(shared_cache: Path, make_request: Callable[..., Request]) -> None:
    """The model that comes as a package answers a batch of abstracts, each with JSON that is an `Answer`."""
    backend = LocalBackend(Settings(cache_dir=shared_cache))
    abstracts = (
        "We present BrookNet, a network that guesses the depth of streams with 81.4% accuracy on PebbleBed.",
        "We ask 40 beekeepers for the names of the sounds of their hives. They know 12 — “piping” is one.",
    )
    schema = json.dumps(_bounded(Answer.model_json_schema()))
    requests = [
        make_request(
            f"paper-{number}",
            messages=(Message(role="user", content=f"Describe this paper as JSON: {abstract}"),),
            schema_text=schema,
            decoding=Decoding(max_tokens=400),
        )
        for number, abstract in enumerate(abstracts)
    ]
    outcomes = _by_id(backend.complete(requests))
    assert outcomes.keys() == {"paper-0", "paper-1"}
    for outcome in outcomes.values():
        assert isinstance(outcome, Completion), outcome
        answer = Answer.model_validate_json(outcome.text)
        assert 0 < len(answer.tldr) <= 60
        assert len(answer.results or ()) <= 1
        assert outcome.text == json.dumps(json.loads(outcome.text), separators=(",", ":"), ensure_ascii=False)
        assert (outcome.structured_mode, outcome.created_at[-6:]) == ("json_schema", "+00:00")
        assert outcome.tokens.prompt > 30
        assert 10 < outcome.tokens.completion <= 400


def test_identity_needs_no_torch(tiny: Path) -> None:
    """What answers is known without importing torch, transformers or numpy."""
    program = (
        "import sys; from summarizer.settings import Settings; from summarizer.backends.local import LocalBackend\n"
        "for model in ('embedded', sys.argv[1]): print(LocalBackend(Settings(model=model)).identity.revision)\n"
        "print({'torch', 'transformers', 'numpy'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", program, str(tiny)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert lines[2] == "set()"
    assert lines[0] != lines[1]
    assert all(line.startswith("sha256:") for line in lines[:2])


@pytest.mark.parametrize("template", [None, "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"])
def test_any_causal_model_keeps_to_the_schema(
    tmp_path: Path, template: str | None, ask: Callable[..., Request]
) -> None:
    """A model of random weights, base or chat, writes only what the schema allows, and the same each time."""
    model = save_causal(tmp_path, template=template)
    requests = [ask(number, "Streams are deep. " * number) for number in range(6)]
    first, second = (_by_id(_backend(model).complete(requests)) for _ in range(2))
    for number, outcome in first.items():
        assert isinstance(outcome, Completion), outcome
        again = second[number]
        assert isinstance(again, Completion)
        assert (outcome.text, outcome.tokens) == (again.text, again.tokens)
        answer = json.loads(outcome.text)
        assert 1 <= len(answer["name"]) <= 9
        assert answer["kind"] in ("new", "old")


@pytest.mark.parametrize(
    ("kind", "temperature"),
    # Whole batches are drawn at once by transformers, so with a temperature a paper's neighbours matter there.
    [*((kind, 0.0) for kind in KINDS), *((kind, 1.0) for kind in KINDS if kind not in WHOLE_BATCHES)],
)
def test_batch_does_not_change_an_answer(
    tmp_path: Path, kind: str, temperature: float, ask: Callable[..., Request]
) -> None:
    """In float32 a paper gets the answer that it gets alone, whatever is beside it, before it and after it."""
    model = save_decoder(tmp_path, kind)
    order = [3, 0, 9, 1, 7, 2, 8, 5, 4, 6]
    requests = [ask(at, f"The water {at} is loud. " * (at * 2 + 1), temperature=temperature) for at in order]
    alone = _texts(_backend(model, batch_size=1), requests)
    assert len(set(alone.values())) > 3
    for size in (3, 8, 32):
        assert _texts(_backend(model, batch_size=size), requests) == alone


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_running_batch_writes_what_generate_writes(tmp_path: Path, kind: str, ask: Callable[..., Request]) -> None:
    """Sequences enter and leave wherever a model can do that, and get what `generate` of transformers gives them."""
    folder = save_decoder(tmp_path, kind)
    requests = [ask(at, f"The water {at} is loud. " * (at * 2 + 1)) for at in range(6)]
    model = load_model(folder, Placement("cpu", "float32", detected=False))
    assert model.continuous == (kind not in WHOLE_BATCHES)
    answers = [model.generate([model.encoder.encode(one)], one.decoding, [Form(SCHEMA)])[0] for one in requests]
    expected = {str(at): (one.text, one.tokens) for at, one in enumerate(answers)}
    assert _texts(_backend(folder, load=load_model), requests) == expected
    # On a CPU, where some are computed by the code here.
    backend = _backend(folder)
    assert isinstance(backend._model, LeanModel) == (kind == "Llama")
    assert _texts(backend, requests) == expected


def test_rounding_keeps_no_model_from_slots(shared_cache: Path) -> None:
    """In bfloat16 logits with slots are far from those without, and no further than rounding takes them."""
    folder = fetch_weights(find_model("embedded"), None, "float32", shared_cache)
    assert load_model(folder, Placement("cpu", "bfloat16", detected=False)).continuous


def test_positions_of_its_own_making_keep_a_model_from_slots(tmp_path: Path, ask: Callable[..., Request]) -> None:
    """A model that computes something else with slots is found out before it answers, and is read in whole batches."""
    model = save_decoder(tmp_path, "Llama")

    def load(folder: Path, placement: Placement, _adapter: Path | None) -> LoadedModel:
        loaded = load_model(folder, placement)
        loaded.model.register_forward_pre_hook(_count_from_zero, with_kwargs=True)
        return loaded

    backend = _backend(model, load=load)
    assert not backend._model.continuous
    assert all(isinstance(outcome, Completion) for outcome in backend.complete([ask(1), ask(2)]))


def _count_from_zero(_: torch.nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    if "past_key_values" in named:
        named["position_ids"] = torch.zeros_like(named["input_ids"])
    return arguments, named


def test_answer_does_not_wait_for_a_longer_one(tiny: Path, ask: Callable[..., Request]) -> None:
    """A paper that is done leaves the batch, and the next one takes its place, while a long one is still written."""
    requests = [ask(0, max_tokens=300, schema=ENDLESS), *(ask(number, max_tokens=9) for number in range(1, 8))]
    outcomes = [outcome.request_id for outcome in _backend(tiny, batch_size=2).complete(requests)]
    assert outcomes == ["1", "2", "3", "4", "5", "6", "7", "0"]


def test_prompt_that_shares_nothing_is_read_in_full(tiny: Path, ask: Callable[..., Request]) -> None:
    """What a prompt shares with the first one is copied; one that shares all of it, or nothing, is answered alike."""
    requests = [ask(0), ask(1), ask(2, system="Once more."), ask(3, "Water."), ask(4)]
    together = _texts(_backend(tiny, batch_size=2), requests)
    assert together == {name: text for one in requests for name, text in _texts(_backend(tiny), [one]).items()}
    assert together["0"] == together["1"] == together["4"] != together["2"]


def test_what_prompts_share_is_read_once(tiny: Path, ask: Callable[..., Request]) -> None:
    """Of the second prompt only the end goes through the model, and of the same one its last token."""
    read: list[int] = []

    def load(folder: Path, placement: Placement, _adapter: Path | None) -> LoadedModel:
        loaded = load_model(folder, placement)
        assert loaded.continuous
        embeddings = loaded.model.get_input_embeddings()
        embeddings.register_forward_pre_hook(lambda _, arguments: read.append(arguments[0].shape[1]))
        return loaded

    texts = ("Streams are deep.", "Streams are loud.", "Streams are deep.")
    requests = [ask(number, text, max_tokens=1) for number, text in enumerate(texts)]
    backend = _backend(tiny, batch_size=1, load=load)
    list(backend.complete(requests))
    first, second, _ = (backend._model.encoder.encode(request) for request in requests)
    shared = next(at for at, (one, other) in enumerate(zip(first, second, strict=False)) if one != other)
    assert shared > 10
    assert read == [len(first), len(second) - shared, 1]


@pytest.mark.parametrize("kind", ["t5", "bart"])
def test_encoder_decoder_writes_a_sentence(tmp_path: Path, kind: str, ask: Callable[..., Request]) -> None:
    """A plain summarizer reads the abstract, with the prefix that it wants, and its answer is marked as a sentence."""
    backend = _backend(save_summarizer(tmp_path, kind))
    outcomes = _by_id(backend.complete([ask(1), ask(2, "Water is wet, says the stream.")]))
    for outcome in outcomes.values():
        assert isinstance(outcome, Completion), outcome
        assert (outcome.text, outcome.structured_mode, outcome.tokens.completion) == ("!!!!", "summary", 4)
    prefix = "summarize: " if kind == "t5" else ""
    model = backend._model
    assert model.tokenizer.decode(model.encoder.encode(ask(1))) == f"{prefix}Streams are deep.</s>"


def test_answer_that_is_cut_off_is_reported(tiny: Path, tmp_path: Path, ask: Callable[..., Request]) -> None:
    """When the room for the answer ends first, the outcome is `truncated` and keeps what was written."""
    (outcome,) = _backend(tiny).complete([ask(1, max_tokens=5)])
    assert isinstance(outcome, RequestError)
    assert (outcome.kind, outcome.raw[:5]) == ("truncated", '{"nam')
    assert outcome.tokens.prompt > 5 == outcome.tokens.completion
    assert "after 5 tokens" in str(outcome)
    (outcome,) = _backend(save_summarizer(tmp_path, "bart")).complete([ask(2, max_tokens=3)])
    assert isinstance(outcome, RequestError)
    assert (outcome.kind, outcome.raw) == ("truncated", "!!!")


def test_prompt_that_is_too_long_fails_alone(tiny: Path, ask: Callable[..., Request]) -> None:
    """An abstract of 50,000 words is reported with the numbers that matter; the others are answered."""
    outcomes = _by_id(_backend(tiny).complete([ask(1), ask(2, "stream " * 50_000), ask(3)]))
    long = outcomes["2"]
    assert isinstance(long, RequestError)
    assert long.kind == "prompt_too_long"
    assert f"the answer may have 64, but the model's context is {CONTEXT}" in str(long)
    assert isinstance(outcomes["1"], Completion)
    assert isinstance(outcomes["3"], Completion)


def test_answers_longer_than_the_context_are_an_error_of_the_setting(tiny: Path, ask: Callable[..., Request]) -> None:
    """Where no prompt at all could fit, the run stops instead of blaming every abstract."""
    with pytest.raises(SettingsError, match=f"'max_tokens': {CONTEXT} leaves no room for a prompt"):
        list(_backend(tiny).complete([ask(1, max_tokens=CONTEXT)]))


class _LittleMemory:
    """Loads a model that runs out of memory above a number of rows; keeps how many rows failed and fitted."""

    def __init__(self, rows: int, error: RuntimeError) -> None:
        self.rows, self.error = rows, error
        self.failed: list[int] = []
        self.fitted: list[int] = []

    def __call__(self, folder: Path, placement: Placement, _adapter: Path | None) -> LoadedModel:
        loaded = load_model(folder, placement)
        assert loaded.continuous in (True, False)  # which is found out with two rows
        loaded.model.get_input_embeddings().register_forward_pre_hook(self._check)
        return loaded

    def _check(self, _: torch.nn.Module, arguments: tuple[torch.Tensor, ...]) -> None:
        rows = len(arguments[0])
        (self.failed if rows > self.rows else self.fitted).append(rows)
        if rows > self.rows:
            raise self.error


@pytest.fixture(scope="session", params=["Llama", "Mistral"])
def any_decoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One model whose sequences enter and leave, and one that is read in whole batches."""
    return save_decoder(tmp_path_factory.mktemp("decoder"), request.param)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be reported at some other call"),
        RuntimeError("MPS backend out of memory (MPS allocated: 17.1 GiB, max allowed: 18.1 GiB)"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: 12 GB"),
    ],
)
def test_batch_is_halved_when_memory_runs_out(
    any_decoder: Path, ask: Callable[..., Request], error: RuntimeError
) -> None:
    """Short of memory, the batch is halved until it fits, the smaller size is kept, and nothing is lost."""
    memory = _LittleMemory(2, error)
    outcomes = _by_id(_backend(any_decoder, batch_size=8, load=memory).complete(ask(number) for number in range(12)))
    assert memory.failed == [8, 4]
    assert max(memory.fitted) == 2
    assert all(isinstance(outcome, Completion) for outcome in outcomes.values())
    assert len(outcomes) == 12


def test_batch_is_never_smaller_than_memory_asks(any_decoder: Path, ask: Callable[..., Request]) -> None:
    """The limit falls only where memory ran out, and with it only once."""
    memory = _LittleMemory(4, torch.OutOfMemoryError("CUDA out of memory"))
    outcomes = list(_backend(any_decoder, batch_size=8, load=memory).complete(ask(number) for number in range(31)))
    assert memory.failed == [8]
    assert max(memory.fitted) == 4
    assert sorted(outcome.request_id for outcome in outcomes) == sorted(map(str, range(31)))


def test_request_that_does_not_fit_alone_is_reported(any_decoder: Path, ask: Callable[..., Request]) -> None:
    """A single request without enough memory gets an outcome of its own, and no other error is taken for that."""
    memory = _LittleMemory(0, torch.OutOfMemoryError("CUDA out of memory"))
    outcomes = list(_backend(any_decoder, load=memory).complete([ask(1), ask(2), ask(3)]))
    assert [outcome.kind for outcome in outcomes if isinstance(outcome, RequestError)] == ["out_of_memory"] * 3
    with pytest.raises(RuntimeError, match="a real bug"):
        list(_backend(any_decoder, load=_LittleMemory(0, RuntimeError("a real bug"))).complete([ask(1)]))


class _LittleStore:
    """Loads a model that runs out of memory when its keys and values have more places than so many."""

    def __init__(self, places: int) -> None:
        self.places = places

    def __call__(self, folder: Path, placement: Placement, _adapter: Path | None) -> LoadedModel:
        loaded = load_model(folder, placement)
        assert loaded.continuous
        loaded.model.register_forward_pre_hook(self._check, with_kwargs=True)
        return loaded

    def _check(self, _: torch.nn.Module, __: tuple[Any, ...], named: dict[str, Any]) -> None:
        stores = named["past_key_values"]._slots.stores
        if stores and stores[0][0].shape[0] * stores[0][0].shape[2] > self.places:
            raise torch.OutOfMemoryError("CUDA out of memory")


@pytest.mark.parametrize("requests", [1, 2, 5, 20])
def test_memory_is_taken_for_what_is_under_way(tiny: Path, ask: Callable[..., Request], requests: int) -> None:
    """However many may be under way at once, what fits alone is answered, also when many were before it."""
    backend = _backend(tiny, batch_size=8, load=_LittleStore(2 * 256))
    outcomes = _by_id(backend.complete([ask(0, "Deep. " * 60, max_tokens=90), *map(ask, range(1, requests))]))
    assert len(outcomes) == requests
    assert all(isinstance(outcome, Completion) for outcome in outcomes.values())


def test_requests_are_pulled_as_they_are_needed(any_decoder: Path, ask: Callable[..., Request]) -> None:
    """Of an endless supply only a few batches are taken before the outcomes come."""
    pulled = []

    def endless() -> Iterator[Request]:
        for number in count():
            pulled.append(number)
            yield ask(number)

    outcomes = _backend(any_decoder, batch_size=2).complete(endless())
    assert pulled == []
    for _ in range(2):  # the first may be alone
        next(outcomes)
        assert len(pulled) <= 1 + 2 * WINDOW_BATCHES


def test_stopping_ends_after_the_batch_under_way(any_decoder: Path, ask: Callable[..., Request]) -> None:
    """Once told to stop, the backend yields what is under way, begins nothing, and ends."""
    stop = Event()
    backend = _backend(any_decoder, batch_size=2)
    outcomes = backend.complete(map(ask, count()), stopping=stop.is_set)
    if backend._model.continuous:
        next(outcomes)  # was alone
    next(outcomes)
    stop.set()
    assert len(list(outcomes)) == 1


def test_the_first_answer_does_not_wait_for_a_batch(tiny: Path, ask: Callable[..., Request]) -> None:
    """It is written alone, so that a record is there early; one that is long does not keep the others waiting."""
    pulled = []

    def asking(tokens: int) -> Iterator[Request]:
        for number in range(20):
            pulled.append(number)
            yield ask(number, schema=ENDLESS if tokens > ALONE else SCHEMA, max_tokens=tokens)

    next(_backend(tiny, batch_size=8).complete(asking(64)))
    assert pulled == [0]
    pulled.clear()
    next(_backend(tiny, batch_size=8).complete(asking(2 * ALONE)))
    assert len(pulled) > 8


def test_those_of_like_length_are_under_way_together(tiny: Path, ask: Callable[..., Request]) -> None:
    """After the first, which does not wait, the longest of each window comes first: all are read as far as it."""
    requests = [ask(number, "Deep. " * times) for number, times in enumerate((5, 1, 3, 9, 2, 1, 4, 6))]
    outcomes = [outcome.request_id for outcome in _backend(tiny, batch_size=1).complete(requests)]
    assert WINDOW_BATCHES == 4
    assert outcomes == ["0", "3", "2", "4", "1", "7", "6", "5"]


def test_temperature_draws_by_the_seed(tiny: Path, make_request: Callable[..., Request]) -> None:
    """With a temperature, a paper read alone gets the same answer for the same seed, whatever was drawn before."""

    def draw(seed: int) -> str:
        decoding = Decoding(max_tokens=64, temperature=1.0, seed=seed)
        (outcome,) = _backend(tiny).complete([make_request(schema_text=SCHEMA, decoding=decoding)])
        assert isinstance(outcome, Completion)
        return outcome.text

    torch.manual_seed(7)
    first = draw(1)
    torch.manual_seed(8)
    assert draw(1) == first
    assert draw(2) != first


def test_tokens_are_drawn_by_their_shares() -> None:
    """At a temperature, and among those that are allowed alone too; a row without one keeps its scores."""
    logits, temperature = torch.tensor([2.0, 1.0, 0.0, 3.0]), 0.5
    draws = torch.zeros(4)
    for seed in range(4_000):
        scores = shaken(logits[None], [torch.Generator().manual_seed(seed)], [temperature])[0]
        scores[3] = -torch.inf
        draws[scores.argmax()] += 1
    wanted = (logits[:3] / temperature).softmax(0)
    assert torch.allclose(draws[:3] / 4_000, wanted, atol=0.02)
    assert torch.equal(shaken(logits[None], [None], [0.0])[0], logits)


def test_model_that_is_not_there_names_what_to_do() -> None:
    """A name that is no file, no folder and no hub id is an error at once, before any request."""
    with pytest.raises(ModelError, match="there is no such file or folder"):
        LocalBackend(Settings(model="./models/nowhere"))


def test_a_long_batch_shows_that_it_lives(caplog: pytest.LogCaptureFixture) -> None:
    """A batch that takes minutes says how far it is, and is not stopped by that."""
    caplog.set_level("INFO", logger="summarizer")
    pulse = PulseCriterion(64, Pulse(every=0.0))
    rows = torch.zeros(2, 9, dtype=torch.long)
    assert [pulse(rows, None).tolist() for _ in range(2)] == [[False, False]] * 2
    assert "writing 2 answers at once: 2 tokens so far, at most 64 each" in caplog.text


def test_a_running_batch_shows_that_it_lives(tiny: Path, caplog: pytest.LogCaptureFixture) -> None:
    """While nothing leaves a batch, the log hears how far the longest answer is."""
    caplog.set_level("INFO", logger="summarizer")
    decoder = load_model(tiny, Placement("cpu", "float32", detected=False)).decoder(2, every=0.0)
    decoder.admit([Asked(at, [9, 8, 7], Decoding(max_tokens=room), Form(ENDLESS)) for at, room in enumerate((64, 40))])
    decoder.step()
    assert "writing 2 answers at once: 2 tokens so far, at most 64 each" in caplog.text


def test_several_answers_to_a_prompt_are_those_that_it_has_alone(tiny: Path) -> None:
    """In a batch with others, greedy and drawn, in an order of any kind: reading a prompt once changes no answer."""
    model = load_model(tiny, Placement("cpu", "float32", detected=False))
    prompts = [[9, 8, 7], [5, 6, 7, 8], [9, 8, 7], [4, 3], [9, 8, 7], [5, 6, 7, 8]]
    heat = (0.0, 0.0, 5.0, 0.0, 5.0, 5.0)
    asked = [
        Asked(at, prompt, Decoding(max_tokens=40, temperature=temperature, seed=at), Form(SCHEMA))
        for at, (prompt, temperature) in enumerate(zip(prompts, heat, strict=True))
    ]
    alone = [_written(model, [one])[one.number] for one in asked]
    assert _written(model, asked) == dict(enumerate(alone))
    assert len({tuple(alone[at]) for at in (0, 2, 4)}) == 3


class _Counted(SlotModel):
    """One that knows how many prompts it has read."""

    read_so_far = 0

    def read(self, first: int, prompts: list[list[int]], prefix: Prefix | None = None) -> torch.Tensor:
        self.read_so_far += len(prompts)
        return super().read(first, prompts, prefix)


def test_a_prompt_that_comes_several_times_at_once_is_read_once(tiny: Path) -> None:
    """Wherever it stands among longer ones, and with slots that had to grow."""
    model = load_model(tiny, Placement("cpu", "float32", detected=False))
    counted = _Counted(TransformersDecoder(model.model), 6)
    grammar = SchemaGrammar(model.tokenizer, model.model.config.vocab_size, model.ends)
    decoder = ContinuousDecoder(counted, grammar, model.ends, Pulse(60.0))
    prompts = [[9, 8, 7], list(range(3, 90)), [9, 8, 7], [4, 3], [9, 8, 7], list(range(3, 90))]
    asked = [Asked(at, prompt, Decoding(max_tokens=24), Form(SCHEMA)) for at, prompt in enumerate(prompts)]
    found = _written(model, asked, decoder)
    assert counted.read_so_far == 3
    assert found == {one.number: _written(model, [one])[one.number] for one in asked}


def _written(
    model: LoadedModel, asked: Sequence[Asked], decoder: ContinuousDecoder | None = None
) -> dict[int, list[int]]:
    decoder = decoder or model.decoder(len(asked))
    decoder.admit(asked)
    written: dict[int, list[int]] = {}
    while len(written) < len(asked):
        written |= {one.number: one.tokens for one in decoder.step()}
    return written
