"""Where settings come from, and what happens to those that do not exist."""

from collections.abc import Callable
from pathlib import Path

import pytest

from summarizer.errors import SettingsError
from summarizer.settings import Settings, load_settings

Write = Callable[[str, str], Path]


def test_command_line_beats_environment_beats_file(write: Write) -> None:
    """Each source overrides the one before it, key by key."""
    config = write("my.toml", 'model = "from-file"\nbatch_size = 3\nlanguage = "French"\n')
    environment = {"SUMMARIZER_MODEL": "from-environment", "SUMMARIZER_BATCH_SIZE": "5", "OTHER": "x"}
    settings = load_settings({"model": "from-flags"}, config=config, environment=environment)
    assert (settings.model, settings.batch_size, settings.language) == ("from-flags", 5, "French")


def test_file_in_the_current_folder_is_found(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """`summarizer.toml` counts when it is in the current folder."""
    monkeypatch.chdir(write("summarizer.toml", "batch_size = 2\n").parent)
    assert load_settings({}, environment={}).batch_size == 2


@pytest.mark.parametrize(
    ("flags", "environment", "origin"),
    [
        ({"modle": "x"}, {}, "command line"),
        ({}, {"SUMMARIZER_MODLE": "x"}, "environment"),
    ],
)
def test_unknown_setting_names_itself_and_its_source(
    flags: dict[str, str], environment: dict[str, str], origin: str
) -> None:
    """A misspelled setting is an error that says where it stands and which settings there are."""
    with pytest.raises(SettingsError, match=f"{origin}: there is no setting 'modle'.*model"):
        load_settings(flags, environment=environment)


def test_unknown_setting_in_file_names_the_file(write: Write) -> None:
    """The path of the file is in the message."""
    with pytest.raises(SettingsError, match="my.toml: there is no setting 'colour'"):
        load_settings({}, config=write("my.toml", "colour = 1\n"), environment={})


def test_value_that_does_not_fit_is_named(write: Write) -> None:
    """A wrong value is reported with its setting, its source and its reason."""
    with pytest.raises(SettingsError, match="environment: setting 'batch_size'.*greater than or equal to 1"):
        load_settings({}, environment={"SUMMARIZER_BATCH_SIZE": "0"})
    with pytest.raises(SettingsError, match="cannot be read as TOML"):
        load_settings({}, config=write("bad.toml", "batch_size = \n"), environment={})
    with pytest.raises(SettingsError, match="nowhere.toml: cannot be read"):
        load_settings({}, config=Path("nowhere.toml"), environment={})


def test_a_key_in_the_wrong_place_is_not_printed() -> None:
    """A secret given as the value of a setting that does not fit never stands in the message."""
    with pytest.raises(SettingsError) as caught:
        load_settings({}, environment={"SUMMARIZER_BACKEND": "sk-secret", "SUMMARIZER_API_KEY": "sk-secret"})
    assert "sk-secret" not in str(caught.value)
    assert caught.value.__cause__ is not None
    assert "sk-secret" not in str(caught.value.__cause__)


def test_settings_cannot_change() -> None:
    """Settings are one frozen value."""
    with pytest.raises(ValueError, match="frozen"):
        Settings().model = "other"
