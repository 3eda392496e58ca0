"""Where the data of a suite are: a file, or a folder in which they have one of their known places."""

from importlib import resources
from pathlib import Path

from evals.suites.suite import Split, Suite
from summarizer.extension import InputError, SettingsError


def find(suite: Suite, data: Path | None, split: Split) -> Path:
    """The file of a split. `InputError` says where it was looked for, `SettingsError` what has to be given."""
    if suite.shipped is not None:
        return _shipped(suite.name, suite.shipped, split)
    places = suite.files.get(split)
    if places is None:
        raise SettingsError(f"{suite.name} has no split {split!r}; it has {', '.join(suite.files)}")
    if data is None:
        raise SettingsError(f"{suite.name} needs --data: a file, or a folder with {places[0]}; from {suite.origin}")
    if data.is_file():
        return data
    for place in places:
        if (path := data / place).is_file():
            return path
    raise InputError(str(data), f"has no {split} data of {suite.name}; looked for {', '.join(places)}")


def _shipped(name: str, file: str, split: Split) -> Path:
    if split != "dev":
        raise SettingsError(f"{name} comes with the program and has no split {split!r}; it has dev")
    return Path(str(resources.files("evals.suites") / file))
