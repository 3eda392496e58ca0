"""What `summarizer doctor` finds out without asking a model."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from summarizer.doctor import Finding, examine
from summarizer.settings import Settings
from tests.chat_server import ChatServer, answer
from tests.hub_server import HubServer
from tests.tiny_models import save_causal

KEY = "sk-invented-4711"
VARIABLE = "DOCTOR_TEST_KEY"


def _model(url: str, folder: Path) -> Finding:
    settings = Settings(backend="hosted", model="m", base_url=url, api_key_env=VARIABLE, cache_dir=folder)
    findings = list(examine(settings, ask_model=False))
    assert KEY not in " ".join(finding.text for finding in findings)
    (finding,) = (finding for finding in findings if finding.subject.startswith("model"))
    return finding


def test_a_quick_look_fetches_no_model(tmp_path: Path) -> None:
    """A model of the hub that is not here is named as such, and nothing is asked for it."""
    program = """
import sys
from pathlib import Path
from summarizer.doctor import examine
from summarizer.settings import Settings
print(*examine(Settings(model="someone/tiny", cache_dir=Path(sys.argv[1])), ask_model=False), sep="\\n")
"""
    with HubServer("someone/tiny", save_causal(tmp_path / "model")) as hub:
        environment = {"HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "0"}
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "cache")],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)} | environment,
        )
    assert "not fetched yet" in done.stdout
    assert not hub.fetched


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
