"""Where the data of a suite are: a file, or a folder in which they have one of their known places."""

from pathlib import Path

from evals.suites.suite import Split, Suite
from summarizer.extension import InputError, SettingsError


def find(suite: Suite, data: Path | None, split: Split) -> Path:
    """The file of a split. `InputError` says where it was looked for, `SettingsError` what has to be given."""
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
