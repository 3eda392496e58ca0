"""What `summarizer doctor` finds out without asking a model."""

from pathlib import Path

import pytest

from summarizer.doctor import Finding, examine
from summarizer.settings import Settings
from tests.chat_server import ChatServer, answer

KEY = "sk-invented-4711"
VARIABLE = "DOCTOR_TEST_KEY"


def _model(url: str, folder: Path) -> Finding:
    settings = Settings(backend="hosted", model="m", base_url=url, api_key_env=VARIABLE, cache_dir=folder)
    findings = list(examine(settings, ask_model=False))
    assert KEY not in " ".join(finding.text for finding in findings)
    (finding,) = (finding for finding in findings if finding.subject.startswith("model"))
    return finding


def test_a_missing_key_is_found_without_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server elsewhere needs a key: without one, or with one that cannot be sent, its variable is named."""
    url = "https://models.example/v1"  # tests reach the loopback only, so asking would be an error
    monkeypatch.delenv(VARIABLE, raising=False)
    missing = _model(url, tmp_path)
    assert not missing.fine
    assert f"the environment variable {VARIABLE} is not set" in missing.text
    monkeypatch.setenv(VARIABLE, f"{KEY}\N{RIGHT DOUBLE QUOTATION MARK}")
    broken = _model(url, tmp_path)
    assert not broken.fine
    assert VARIABLE in broken.text
    monkeypatch.setenv(VARIABLE, KEY)
    assert _model(url, tmp_path).fine


def test_a_server_on_this_machine_is_fine_without_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a loopback address no key is missed, and a quick look sends nothing."""
    monkeypatch.delenv(VARIABLE, raising=False)
    with ChatServer(lambda *_: answer("{}")) as server:
        assert _model(server.url, tmp_path).fine
    assert server.bodies == []
