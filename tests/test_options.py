"""What the command line says of itself is true."""

from pathlib import Path

import pytest

from summarizer.cli import main
from summarizer.errors import SettingsError
from summarizer.options import settings_options
from summarizer.settings import Settings, load_settings

#: Flags of settings whose name is another one than the setting's.
_OTHER_NAMES = {
    "cache": "--no-cache",
    "columns": "--map",
    "shipped_adapter": "--no-adapter",
    "stand_in": "--no-stand-in",
}
#: Settings that only a file can hold.
_TABLES = {"extra_body", "prices"}


def test_help_tells_the_defaults() -> None:
    """The default in the help of a flag is the one that the setting has."""
    told = {action.dest: action.help or "" for action in settings_options()._actions if action.dest != "config"}
    assert set(told) | {"columns", "encoding"} | _TABLES == set(Settings.model_fields)
    for name, text in told.items():
        default = Settings.model_fields[name].default
        if isinstance(default, bool) or not isinstance(default, str | int | float):
            continue
        assert f"(default {default})" in text, name


def test_every_setting_is_in_the_docs() -> None:
    """docs/settings.md has a row for each setting, with its flag."""
    table = (Path(__file__).parent.parent / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = {line.split("|")[1].strip(): line for line in table.splitlines() if line.startswith("| `")}
    assert set(rows) == {f"`{name}`" for name in Settings.model_fields}
    for name in Settings.model_fields.keys() - _TABLES:
        assert _OTHER_NAMES.get(name, "--" + name.replace("_", "-")) in rows[f"`{name}`"]


def test_what_the_environment_cannot_hold_is_in_the_docs() -> None:
    """A setting that is no single value is refused in the environment, and its row in docs/settings.md says so."""
    table = (Path(__file__).parent.parent / "docs" / "settings.md").read_text(encoding="utf-8")
    for name in ("columns", *_TABLES):
        (row,) = (line for line in table.splitlines() if line.startswith(f"| `{name}`"))
        assert "not in the environment" in row
        with pytest.raises(SettingsError, match=f"environment: setting '{name}': it has to be a table"):
            load_settings({}, environment={f"SUMMARIZER_{name.upper()}": "abstract=AB"})


def test_an_empty_folder_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that a script forgot to set does not make the current folder the cache."""
    monkeypatch.chdir(tmp_path)
    assert main(["cache", "stats", "--cache-dir", ""]) == 2
    assert list(tmp_path.iterdir()) == []
