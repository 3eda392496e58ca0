"""Questions of other packages are asked like papers: keys, cache, and what cannot be asked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from summarizer import Completion, Settings
from summarizer.completion import Outcome
from summarizer.errors import RequestError, SettingsError
from summarizer.extension import Asker, Decoding, Message, Question
from tests.chat_server import ChatServer, answer, fault
from tests.tiny_models import save_summarizer


def _question(**fields: object) -> Question:
    given: dict[str, object] = {
        "id": "q",
        "messages": (Message(role="system", content="Judge."), Message(role="user", content="Deep or wide?")),
        "schema_text": '{"type":"object","properties":{"it":{"type":"string"}}}',
        "decoding": Decoding(max_tokens=20),
        "prompt": "judge/v1",
    }
    return Question.model_validate(given | fields)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A script that knows one question, and a cache of the test's own."""
    (tmp_path / "script.jsonl").write_text('{"id": "q", "text": {"it": "deep"}}\n', encoding="utf-8")
    return Settings(backend="scripted", script=tmp_path / "script.jsonl", cache_dir=tmp_path / "cache")


def _texts(outcomes: Iterator[Outcome]) -> list[tuple[str, bool]]:
    return [(outcome.text, outcome.cached) for outcome in outcomes if isinstance(outcome, Completion)]


def test_an_answer_is_kept_under_the_key_of_the_question(settings: Settings) -> None:
    """The second time it comes from the cache, whatever the question is called then."""
    assert _texts(Asker(settings).ask([_question()])) == [('{"it": "deep"}', False)]
    assert _texts(Asker(settings).ask([_question(id="another", prompt="renamed")])) == [('{"it": "deep"}', True)]


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": (Message(role="system", content="Judge!"), Message(role="user", content="Deep or wide?"))},
        {"messages": (Message(role="system", content="Judge."), Message(role="user", content="Wide or deep?"))},
        {"messages": (Message(role="user", content="Judge."), Message(role="user", content="Deep or wide?"))},
        {"messages": (Message(role="user", content="Deep or wide?"),)},
        {"schema_text": "{}"},
        {"decoding": Decoding(max_tokens=21)},
        {"decoding": Decoding(max_tokens=20, temperature=0.1)},
        {"decoding": Decoding(max_tokens=20, seed=1)},
    ],
)
def test_whatever_can_change_the_answer_changes_the_key(settings: Settings, fields: dict[str, object]) -> None:
    """Each message, its role, the schema and the decoding are in the key."""
    asker = Asker(settings)
    assert asker.key(_question()) != asker.key(_question(**fields))


def test_another_model_has_other_keys(settings: Settings, tmp_path: Path) -> None:
    """What answers is in the key: another script is another model."""
    before = Asker(settings).key(_question())
    (tmp_path / "script.jsonl").write_text('{"id": "q", "text": {"it": "wide"}}\n', encoding="utf-8")
    assert Asker(settings).key(_question()) != before


def test_the_script_says_nothing_of_its_own_to_a_question(settings: Settings) -> None:
    """A question without a line gets an error that names it, which is not kept: it is asked again."""
    for _ in range(2):
        (outcome,) = Asker(settings).ask([_question(id="other", schema_text="{}")])
        assert isinstance(outcome, RequestError)
        assert (outcome.kind, outcome.request_id) == ("rejected", "other")
        assert "no line for the question 'other'" in str(outcome)


def test_once_stopping_nothing_is_asked(settings: Settings) -> None:
    """A stop reaches the backend."""
    assert list(Asker(settings, stopping=lambda: True).ask([_question()])) == []


def test_batches_are_for_papers() -> None:
    """What would not be kept is refused."""
    with pytest.raises(SettingsError, match="--batch: only papers"):
        Asker(Settings(backend="hosted", model="m", batch=True))


def test_a_model_that_only_summarizes_is_refused(tmp_path: Path) -> None:
    """It would be shown nothing of the question, and its words are no answer to it."""
    save_summarizer(tmp_path / "model", "t5")
    asker = Asker(Settings(model=str(tmp_path / "model"), device="cpu", cache_dir=tmp_path / "cache"))
    with pytest.raises(SettingsError, match="only writes summaries"):
        list(asker.ask([_question()]))


def test_a_server_that_quotes_a_question_refuses_only_this_one(tmp_path: Path) -> None:
    """What it says of a parameter may be the words of the question: the others are asked all the same."""
    refusal = fault(400, "cannot read 'on max_tokens'")

    def asked(name: str, text: str) -> Question:
        return _question(id=name, messages=(Message(role="user", content=text),))

    with ChatServer(lambda prompt, _: refusal if "max_tokens" in prompt else answer("{}")) as server:
        settings = Settings(
            backend="hosted",
            model="m",
            base_url=server.url,
            structured_mode="strict",
            concurrency=1,
            cache_dir=tmp_path / "cache",
        )
        outcomes = list(Asker(settings).ask([asked("odd", "A paper on max_tokens"), asked("other", "Deep?")]))
    failed = {outcome.request_id for outcome in outcomes if isinstance(outcome, RequestError)}
    assert (failed, len(outcomes)) == ({"odd"}, 2)
