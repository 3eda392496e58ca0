"""What a server does with a request for a form is found out once, and remembered."""

import json
import logging
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest

from summarizer import read_papers
from summarizer.backends.attempts import Pacing
from summarizer.backends.hosted import HostedBackend
from summarizer.backends.lora import adapter_name
from summarizer.backends.probe import LONG, SHORT, Found, recall, remember
from summarizer.backends.scripted import ScriptedBackend
from summarizer.backends.wire import RUNGS, Dialect, Rung
from summarizer.cli import main
from summarizer.completion import Identity, Json
from summarizer.doctor import examine
from summarizer.errors import BudgetError, EndpointError
from summarizer.pipeline import Summarizer
from summarizer.records import Paper
from summarizer.settings import Settings
from summarizer.shipped import embedded_adapter
from tests.chat_server import ChatServer, Reply, answer, fault
from tests.llm_model import Behaviour
from tests.llm_server import serving

KEY = "sk-invented-4711"
VARIABLE = "PROBE_TEST_KEY"
QUICK = Pacing(attempts=2, first_wait=0.01, longest_wait=0.05)
#: How each of the servers holds answers to their form.
KEPT: dict[str, Dialect] = {
    "enforces": Dialect(rung="strict"),
    "ignores": Dialect(rung="prompt"),
    "no_one_of": Dialect(rung="strict"),
    "no_response_format": Dialect(rung="prompt"),
    "tools_only": Dialect(rung="tools"),
    "fences": Dialect(rung="prompt"),
    "fences_enforced": Dialect(rung="strict"),
    "thinks": Dialect(rung="strict"),
    "ollama": Dialect(rung="strict"),
    "json_object": Dialect(rung="json_object"),
    "not_strict": Dialect(rung="json_schema"),
    "new_names": Dialect(rung="strict", limit_name="max_completion_tokens", temperature=False, seed=False),
}

MakePaper = Callable[..., Paper]


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, KEY)


@pytest.fixture
def keyless(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no key, so whatever needs a server elsewhere fails."""
    monkeypatch.delenv(VARIABLE)


def _settings(url: str, folder: Path, **others: object) -> Settings:
    values: Json = {"backend": "hosted", "model": "m", "base_url": url, "api_key_env": VARIABLE, "timeout": 10.0}
    return Settings(**(values | {"cache_dir": folder} | others))


def _backend(url: str, folder: Path, *, asks: bool = True, **others: object) -> HostedBackend:
    return HostedBackend(_settings(url, folder, **others), QUICK, asks=asks)


def _keep(folder: Path, url: str, dialect: Dialect, age: timedelta = timedelta(0), **others: object) -> None:
    """Remember a dialect, as a backend did so long ago."""
    known: Json = {"endpoint": url, "model": "m", "dialect": dialect, "when": datetime.now(UTC) - age, **others}
    remember(folder, Found(**known), {})


@pytest.fixture
def enforcing() -> Iterator[ChatServer]:
    """A server that holds every answer to its schema."""
    with ChatServer(lambda *_: _enforced(server.bodies[-1])) as server:
        yield server


def _enforced(body: Json) -> Reply:
    schema = body["response_format"]["json_schema"]["schema"]
    return answer(json.dumps({"word": schema["properties"]["word"]["enum"][0], "note": None, "parts": []}))


def test_every_server_of_the_tests_has_its_dialect() -> None:
    """None of them is left out below."""
    assert set(KEPT) == set(get_args(Behaviour.model_fields["dialect"].annotation))


@pytest.mark.parametrize("name", KEPT)
def test_a_run_asks_each_server_as_it_wants_to_be_asked(name: str, tmp_path: Path, make_paper: MakePaper) -> None:
    """The probe finds the surest rung, all papers have records that name it, and nothing is asked about it again."""
    with serving(dialect=name) as server:
        backend = _backend(server.url, tmp_path)
        records = list(Summarizer(_settings(server.url, tmp_path), backend).run([make_paper(1), make_paper(2)]))
        asked = server.stats()["counts"]["requests"]
        assert backend.dialect == KEPT[name]
        assert _backend(server.url, tmp_path).dialect == KEPT[name]
        assert server.stats()["counts"]["requests"] == asked
    assert {record.status for record in records} <= {"ok", "partial"}
    assert [record.provenance and record.provenance.structured_mode for record in records] == [KEPT[name].rung] * 2
    assert all(record.tldr and record.tldr.text.startswith("We present BrookNet") for record in records)


def test_the_schema_of_the_probe_and_the_word_that_is_asked_for_are_new_each_time(
    enforcing: ChatServer, tmp_path: Path
) -> None:
    """Nobody can know the word beforehand, and the words ask for another one than the schema allows."""
    for folder in ("a", "b"):
        assert _backend(enforcing.url, tmp_path / folder).dialect.rung == "strict"
    words = [json.dumps(body["response_format"]).split('"enum": ["')[1].split('"')[0] for body in enforcing.bodies]
    asked = [body["messages"][-1]["content"].rsplit(" ", 1)[1] for body in enforcing.bodies]
    assert len({*words, *asked}) == 4
    assert len(enforcing.bodies) == 2


@pytest.mark.parametrize(
    "said",
    [
        lambda word, _: json.dumps({"word": word, "note": None, "parts": []}),
        lambda _, nonce: json.dumps({"word": nonce}),
        lambda _, nonce: json.dumps({"word": nonce, "note": None, "parts": [], "more": 1}),
        lambda _, nonce: f"The schema allows {nonce}.",
        lambda *_: "{" * 100_000,
        lambda *_: '{"word": ' + "[" * 100_000 + "}",
        lambda *_: "[]",
        lambda *_: "",
    ],
    ids=["asked word", "no other keys", "more keys", "sentence", "braces", "deep", "list", "nothing"],
)
def test_a_server_that_only_shows_the_schema_to_its_model_does_not_pass(
    said: Callable[[str, str], str], tmp_path: Path
) -> None:
    """JSON that the prompt may have brought about is not enforced: only the whole schema with the new word is."""

    def reply(prompt: str, _: int) -> Reply:
        schema = json.dumps(server.bodies[-1].get("response_format", server.bodies[-1].get("tools")))
        nonce = re.search(r'"enum": \["(\w+)"', schema)
        return answer(said(prompt.rsplit(" ", 1)[1], nonce[1] if nonce else "none"))

    with ChatServer(reply) as server:
        assert _backend(server.url, tmp_path).dialect.rung in ("json_object", "prompt")


def test_an_answer_that_is_cut_off_gets_room_to_think(tmp_path: Path) -> None:
    """A model that reasons spends a small limit on thoughts: it is asked the same once more with a large one."""

    def reply(*_: object) -> Reply:
        body = server.bodies[-1]
        return answer("", finish="length") if body["max_tokens"] == SHORT else _enforced(body)

    with ChatServer(reply) as server:
        assert _backend(server.url, tmp_path).dialect.rung == "strict"
    assert [body["max_tokens"] for body in server.bodies] == [SHORT, LONG]


def test_an_answer_that_is_always_cut_off_ends_the_probe(tmp_path: Path) -> None:
    """Each rung is tried with both limits, and what is left is the prompt."""
    with ChatServer(lambda *_: answer("", finish="length")) as server:
        assert _backend(server.url, tmp_path).dialect.rung == "prompt"
    assert len(server.bodies) == 2 * len(RUNGS)


def test_the_probe_sends_what_every_request_has(enforcing: ChatServer, tmp_path: Path) -> None:
    """Temperature, seed and the user's own parameters are there, since these may be what is refused."""
    extra = {"reasoning_effort": "none", "provider": {"only": ["a"]}}
    assert _backend(enforcing.url, tmp_path, extra_body=extra, temperature=0.5, seed=9).dialect.rung == "strict"
    (body,) = enforcing.bodies
    assert extra.items() <= body.items()
    assert (body["temperature"], body["seed"], body["model"]) == (0.5, 9, "m")


@pytest.mark.usefixtures("keyless")
def test_what_is_remembered_needs_no_server_and_no_key(tmp_path: Path) -> None:
    """A run that is wholly cached knows its keys without a word to the server."""
    _keep(tmp_path, "https://models.example/v1", KEPT["new_names"], timedelta(days=6))
    assert _backend("https://models.example/v1", tmp_path).dialect == KEPT["new_names"]


def test_what_is_a_week_old_is_asked_again(enforcing: ChatServer, tmp_path: Path) -> None:
    """Servers are updated: after a week the probe comes again, and its word is what is remembered then."""
    _keep(tmp_path, enforcing.url, Dialect(rung="prompt"), timedelta(days=8))
    assert _backend(enforcing.url, tmp_path).dialect.rung == "strict"
    assert _backend(enforcing.url, tmp_path).dialect.rung == "strict"
    assert len(enforcing.bodies) == 1


def test_what_comes_from_the_future_is_asked_again(enforcing: ChatServer, tmp_path: Path) -> None:
    """A clock that was wrong once does not make a memory that is never looked at again."""
    _keep(tmp_path, enforcing.url, Dialect(rung="prompt"), timedelta(days=-400))
    assert _backend(enforcing.url, tmp_path).dialect.rung == "strict"


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v1", "https://models.example/v1"], ids=["dead", "without a key"])
@pytest.mark.usefixtures("keyless")
def test_what_is_old_is_better_than_nothing(url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A server that cannot be asked now is taken for what it was, with a warning that says why and since when."""
    _keep(tmp_path, url, Dialect(rung="tools"), timedelta(days=8))
    assert _backend(url, tmp_path).dialect.rung == "tools"
    (warning,) = (record.getMessage() for record in caplog.records if "is used" in record.getMessage())
    assert f"{datetime.now(UTC) - timedelta(days=8):%Y-%m-%d}" in warning
    assert url in warning


@pytest.mark.parametrize(
    "change",
    [
        lambda _: b"",
        lambda _: b"\xff\x00",
        lambda text: text.replace(b'"prompt"', b'"strictest"'),
        lambda text: text.replace(b"Z", b"").replace(b"+00:00", b""),
        lambda text: text.replace(b'"model":"m"', b'"model":"other"'),
        lambda text: text.replace(b"127.0.0.1", b"evil.example"),
        lambda text: text[:-1] + b',"more":1}',
    ],
    ids=["empty", "bytes", "rung", "no time zone", "other model", "other server", "more"],
)
def test_a_memory_that_is_broken_or_not_its_own_is_not_believed(
    change: Callable[[bytes], bytes], enforcing: ChatServer, tmp_path: Path
) -> None:
    """It is asked again, and the file is mended; only a whole file of this server and model counts."""
    _keep(tmp_path, enforcing.url, Dialect(rung="prompt"))
    (path,) = (tmp_path / "dialects").iterdir()
    before = path.read_bytes()
    path.write_bytes(change(before))
    assert path.read_bytes() != before
    assert _backend(enforcing.url, tmp_path).dialect.rung == "strict"
    assert len(enforcing.bodies) == 1
    found = recall(tmp_path, enforcing.url, "m", {})
    assert found is not None
    assert not found.is_stale


def test_another_server_model_or_parameter_is_another_memory(enforcing: ChatServer, tmp_path: Path) -> None:
    """What was found with one says nothing of the others."""
    _keep(tmp_path, enforcing.url, Dialect(rung="prompt"))
    localhost = enforcing.url.replace("127.0.0.1", "localhost")
    assert _backend(enforcing.url, tmp_path).dialect.rung == "prompt"
    assert _backend(enforcing.url, tmp_path, model="n").dialect.rung == "strict"
    assert _backend(enforcing.url, tmp_path, extra_body={"reasoning_effort": "low"}).dialect.rung == "strict"
    assert _backend(localhost, tmp_path).dialect.rung == "strict"
    assert len(enforcing.bodies) == 3
    assert len(list((tmp_path / "dialects").iterdir())) == 4


def test_without_a_cache_nothing_is_read_or_written(enforcing: ChatServer, tmp_path: Path) -> None:
    """`--no-cache` asks every time, and leaves no trace."""
    _keep(tmp_path / "a", enforcing.url, Dialect(rung="prompt"))
    assert _backend(enforcing.url, tmp_path / "a", cache=False).dialect.rung == "strict"
    assert _backend(enforcing.url, tmp_path / "b", cache=False).dialect.rung == "strict"
    assert len(enforcing.bodies) == 2
    assert not (tmp_path / "b").exists()
    found = recall(tmp_path / "a", enforcing.url, "m", {})
    assert found is not None
    assert found.dialect.rung == "prompt"


def test_a_folder_that_cannot_be_written_to_is_no_failure(
    enforcing: ChatServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer counts, and a warning says that it is asked again next time."""
    (tmp_path / "dialects").write_text("a file", encoding="utf-8")
    assert _backend(enforcing.url, tmp_path).dialect.rung == "strict"
    assert any("is not remembered" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("rung", RUNGS)
def test_a_mode_that_is_set_is_not_asked_about(rung: Rung, enforcing: ChatServer, tmp_path: Path) -> None:
    """`--structured-mode` is believed."""
    assert _backend(enforcing.url, tmp_path, structured_mode=rung).dialect == Dialect(rung=rung)
    assert enforcing.bodies == []


def test_who_only_looks_sends_nothing(enforcing: ChatServer, tmp_path: Path) -> None:
    """A backend that does not ask takes what is remembered, however old, or what most servers understand."""
    assert _backend(enforcing.url, tmp_path, asks=False).dialect == Dialect(rung="strict")
    _keep(tmp_path, enforcing.url, Dialect(rung="tools"), timedelta(days=800))
    assert _backend(enforcing.url, tmp_path, asks=False).dialect == Dialect(rung="tools")
    assert enforcing.bodies == []


def test_commands_that_only_look_send_nothing(
    enforcing: ChatServer, tmp_path: Path, write: Callable[[str, str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """`cache why` and `doctor --quick` know the server from what is remembered."""
    _keep(tmp_path / "cache", enforcing.url, Dialect(rung="tools"), timedelta(days=8))
    settings = _settings(enforcing.url, tmp_path / "cache")
    assert any("tools, max_tokens" in finding.text for finding in examine(settings, ask_model=False))
    papers = write("papers.jsonl", json.dumps({"id": "p", "title": "T", "abstract": "We count."}) + "\n")
    flags = ["--backend", "hosted", "--model", "m", "--base-url", enforcing.url, "--api-key-env", VARIABLE]
    assert main(["cache", "why", "p", str(papers), "--cache-dir", str(tmp_path / "cache"), *flags]) == 0
    assert capsys.readouterr().out
    assert enforcing.bodies == []


@pytest.mark.parametrize(
    ("reply", "advice"),
    [
        (
            fault(401, f"Incorrect API key provided: {KEY}", "invalid_api_key"),
            f"check that {VARIABLE} holds a valid key",
        ),
        (fault(403, "no"), f"check that {VARIABLE} holds a valid key"),
        (fault(404, f"no such thing for {KEY}"), "check the address"),
        (Reply(status=404, body="<html>not here</html>"), "check the address"),
        (fault(429, "You exceeded your current quota", "insufficient_quota"), "no credit or quota left"),
        (fault(402, "Payment required"), "no credit or quota left"),
        (fault(429, "slow down", "rate_limit_exceeded", retry_after_ms="10"), "nothing was asked yet"),
        (fault(503, f"overloaded {KEY}"), "nothing was asked yet"),
        (Reply(body="<html>hello</html>"), "probably not the address of a server that speaks the OpenAI chat API"),
        (Reply(reset=True), "check the address, and that the server runs"),
    ],
    ids=["key", "forbidden", "model", "page", "quota", "credit", "limit", "overload", "other", "reset"],
)
def test_a_server_that_cannot_be_asked_stops_the_run_with_advice(reply: Reply, advice: str, tmp_path: Path) -> None:
    """Before any paper is asked about it is said what is wrong and what to do, and never the key."""
    with ChatServer(lambda *_: reply) as server, pytest.raises(EndpointError) as caught:
        _ = _backend(server.url, tmp_path).dialect
    assert advice in str(caught.value)
    assert server.url in str(caught.value)
    assert KEY not in str(caught.value)
    assert not (tmp_path / "dialects").exists()


def test_a_dead_address_stops_the_run_with_advice(tmp_path: Path) -> None:
    """No connection is told with its reason."""
    with pytest.raises(EndpointError, match=r"refused.*check the address, and that the server runs"):
        _ = _backend("http://127.0.0.1:9/v1", tmp_path).dialect


def test_a_fault_that_passes_is_waited_out(tmp_path: Path) -> None:
    """A 429 or 503 in answer to the probe says nothing of the form: it is asked the same again."""
    limited = fault(429, "slow down", "rate_limit_exceeded", retry_after_ms="10")
    with ChatServer(lambda _, attempt: limited if attempt == 1 else _enforced(server.bodies[-1])) as server:
        assert _backend(server.url, tmp_path).dialect.rung == "strict"
    assert server.bodies[0] == server.bodies[1]


def test_the_probe_is_within_the_budget(enforcing: ChatServer, tmp_path: Path) -> None:
    """What it takes counts, and where there is no room for it nothing is sent."""
    with pytest.raises(BudgetError, match="--max-total-tokens"):
        _ = _backend(enforcing.url, tmp_path, max_total_tokens=100).dialect
    assert enforcing.bodies == []
    backend = _backend(enforcing.url, tmp_path, max_total_tokens=100_000)
    assert backend.dialect.rung == "strict"
    assert backend.budget.spent.tokens == 18


def test_models_that_think_aloud_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """That they need more room than others is said once, when it is found."""

    def reply(*_: object) -> Reply:
        body = _enforced(server.bodies[-1]).body
        assert isinstance(body, dict)
        return answer(f"<think>Hm.</think>{body['choices'][0]['message']['content']}")

    with caplog.at_level(logging.INFO), ChatServer(reply) as server:
        assert _backend(server.url, tmp_path).dialect.rung == "strict"
    assert sum("thinks aloud" in record.getMessage() for record in caplog.records) == 1


def test_the_key_of_an_answer_has_the_dialect(make_paper: MakePaper, tmp_path: Path) -> None:
    """Another rung, another name of a parameter and other parameters of the user's own are other questions."""
    url = "http://127.0.0.1:9/v1"

    def key(dialect: Dialect, **others: object) -> str:
        folder = tmp_path / str(len(keys))
        remember(
            folder,
            Found(endpoint=url, model="m", dialect=dialect, when=datetime.now(UTC)),
            Settings.model_validate(others).extra_body,
        )
        settings = _settings(url, folder, cache=True, **others)
        return Summarizer(settings, HostedBackend(settings)).request(make_paper()).key

    keys = list[str]()
    for dialect in KEPT["enforces"], KEPT["tools_only"], KEPT["new_names"]:
        keys.append(key(dialect))
    keys.append(key(KEPT["enforces"], extra_body={"reasoning_effort": "low"}))
    keys.append(key(KEPT["enforces"], extra_body={"reasoning_effort": "none"}))
    assert len(set(keys)) == 5
    assert key(KEPT["enforces"]) == keys[0]


def test_other_backends_keep_the_keys_that_they_had(make_paper: MakePaper) -> None:
    """A local model has the key that the README shows, so that none of its answers is asked anew unseen."""
    root = Path(__file__).parent.parent
    (known,) = re.findall(r'"key": "([0-9a-f]{64})"', (root / "README.md").read_text(encoding="utf-8"))
    settings = Settings(cache=False, prompt="lines")
    summarizer = Summarizer(settings, _Embedded(settings))
    paper = next(read_papers(root / "examples" / "papers.jsonl"))
    assert isinstance(paper, Paper)
    assert summarizer.request(paper).key == known
    assert summarizer.request(make_paper()).key != known


class _Embedded(ScriptedBackend):
    """The embedded model as the README shows it, for its keys alone."""

    @property
    def identity(self) -> Identity:
        """What answers."""
        revision = "sha256:1a527d5cf29e4096"
        adapter = adapter_name(embedded_adapter())
        model = "SmolLM2-135M-Instruct.Q4_1"
        return Identity(
            backend="local",
            model=model,
            revision=revision,
            adapter=adapter,
            dtype="int8",
            dialect="weights in 8 bits, attention in bfloat16",
        )


def test_the_identity_says_how_the_server_is_asked(tmp_path: Path) -> None:
    """For people and for keys: the rung, the name of the limit, what is left out, and what was added, in one order."""
    _keep(tmp_path, "http://127.0.0.1:9/v1", KEPT["new_names"])
    assert _backend("http://127.0.0.1:9/v1", tmp_path).identity == Identity(
        backend="hosted",
        endpoint="http://127.0.0.1:9/v1",
        model="m",
        dialect="strict, max_completion_tokens, no temperature, no seed",
    )
    both: list[Json] = [{"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1}]
    first, second = (
        _backend("http://127.0.0.1:9/v1", tmp_path, structured_mode="tools", extra_body=extra) for extra in both
    )
    assert first.identity == second.identity
    assert first.identity.dialect == 'tools, max_tokens, with {"a": 1, "b": {"c": 2, "d": 3}}'


def test_openai_itself_is_asked_with_the_new_name(tmp_path: Path) -> None:
    """Its models from GPT-5 on refuse the old name of the limit; no other server is known to need the new one."""
    assert _backend("https://api.openai.com/v1", tmp_path, asks=False).dialect.limit_name == "max_completion_tokens"
    assert _backend("https://models.example/v1", tmp_path, asks=False).dialect.limit_name == "max_tokens"
