"""The suites, one module each. A new one is a module with a `SUITE`, and its name here."""

from importlib import import_module
from pathlib import Path
from typing import Final

from evals.suites.suite import Suite
from summarizer.extension import SettingsError

NAMES: Final = ("aclsum", "gold", "scierc", "scirex", "scitldr", "smoke", "tdmsci")
#: The one for files of users.
OWN: Final = "gold"


def load_suite(name: str) -> Suite:
    """A suite by its name; `SettingsError` lists those that there are."""
    if name not in NAMES:
        raise SettingsError(f"there is no suite {name!r}; choose from {', '.join(NAMES)}")
    suite: Suite = import_module(f"evals.suites.{name}").SUITE
    return suite


def suite_and_file(name: str) -> tuple[str, Path]:
    """The suite and the file of `SUITE:FILE`; what has no suite in front of it is read as gold."""
    suite, colon, path = name.partition(":")
    return (suite, Path(path)) if colon and suite in NAMES else (OWN, Path(name))
