"""The backend that follows a script."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from summarizer.backends.scripted import ScriptedBackend
from summarizer.completion import Completion, Request
from summarizer.errors import SettingsError
from summarizer.settings import Settings

MakeRequest = Callable[..., Request]


def _texts(backend: ScriptedBackend, requests: list[Request]) -> list[str]:
    return [outcome.text for outcome in backend.complete(requests) if isinstance(outcome, Completion)]


def test_script_answers_by_id(tmp_path: Path, make_request: MakeRequest) -> None:
    """A paper of the script gets its text or object; any other gets its own first sentence."""
    script = tmp_path / "script.jsonl"
    script.write_text('{"id": "a", "text": "hello"}\n\n{"id": "b", "text": {"tldr": "x"}}\n', encoding="utf-8")
    backend = ScriptedBackend(Settings(script=script))
    requests = [make_request("a"), make_request("b"), make_request("c", abstract="Deep? Yes. Very.")]
    first, second, third = _texts(backend, requests)
    assert (first, json.loads(second), json.loads(third)["tldr"]) == ("hello", {"tldr": "x"}, "Deep?")


def test_star_answers_every_other_paper(tmp_path: Path, make_request: MakeRequest) -> None:
    """The id `*` stands for all papers that the script does not name."""
    script = tmp_path / "script.jsonl"
    script.write_text('{"id": "*", "text": "any"}\n{"id": "a", "text": "this"}\n', encoding="utf-8")
    requests = [make_request("a"), make_request("b")]
    assert _texts(ScriptedBackend(Settings(script=script)), requests) == ["this", "any"]


@pytest.mark.parametrize("abstract", ["Stream " * 40 + "is deep. And wide.", "\u6df1" * 90])
def test_long_first_sentence_is_cut_to_what_the_schema_allows(make_request: MakeRequest, abstract: str) -> None:
    """A sentence longer than a summary may be is cut, and visibly so, instead of failing its paper."""
    (text,) = _texts(ScriptedBackend(Settings()), [make_request(abstract=abstract)])
    assert json.loads(text)["tldr"] == abstract[:39] + "…"


def test_other_script_is_another_model(tmp_path: Path) -> None:
    """The fingerprint of the script is the revision, so that answers of another script are not hits."""
    script = tmp_path / "script.jsonl"
    script.write_text('{"id": "a", "text": "one"}\n', encoding="utf-8")
    before = ScriptedBackend(Settings(script=script)).identity
    script.write_text('{"id": "a", "text": "two"}\n', encoding="utf-8")
    assert ScriptedBackend(Settings(script=script)).identity != before


@pytest.mark.parametrize("text", ["no json\n", '{"id": "a"}\n', "[1]\n", '{"id": "a", "text": "\\ud800"}\n'])
def test_broken_script_is_a_settings_error(tmp_path: Path, text: str) -> None:
    """What a script must look like is in the message."""
    script = tmp_path / "script.jsonl"
    script.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match='must be JSON Lines of {"id": ..., "text": ...}'):
        ScriptedBackend(Settings(script=script))
    with pytest.raises(SettingsError, match="nowhere"):
        ScriptedBackend(Settings(script=tmp_path / "nowhere"))


def test_stopping_begins_nothing_new(make_request: MakeRequest) -> None:
    """Once stopping no request is pulled."""
    pulled: list[str] = []

    def requests() -> object:
        for number in range(9):
            pulled.append(f"p{number}")
            yield make_request(f"p{number}")

    backend = ScriptedBackend(Settings())
    assert len(list(backend.complete(requests(), lambda: len(pulled) >= 3))) == 3  # type: ignore[arg-type]
    assert list(backend.complete([make_request()], lambda: True)) == []
    assert pulled == ["p0", "p1", "p2"]
