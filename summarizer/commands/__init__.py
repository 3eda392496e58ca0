"""One module for each command; `call` takes the parsed command line and returns the exit code.

`asking` is no command: it holds what those share that ask a model about many papers.
"""

import os
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from summarizer.errors import OutputError
from summarizer.reading import read_papers
from summarizer.records import Paper, Unreadable
from summarizer.settings import Settings, load_settings

OK: Final = 0
FAILURES: Final = 1
OVER_BUDGET: Final = 3
INTERRUPTED: Final = 130


def settings_of(options: Namespace) -> Settings:
    """The settings from file, environment and command line."""
    given = vars(options)
    flags = {name: given[name] for name in Settings.model_fields if name in given}
    return load_settings(flags, config=options.config)


def read_inputs(inputs: Sequence[str], settings: Settings, options: Namespace) -> Iterator[Paper | Unreadable]:
    """The papers of the inputs, read as the settings and the command line say."""
    return read_papers(
        *inputs,
        columns=settings.columns,
        encoding=settings.encoding,
        limit=options.limit,
        input_format=options.input_format,
    )


def check_different(inputs: Sequence[str], output: Path) -> None:
    """Refuse to write where an input is read (`OutputError`)."""
    for name in map(Path, inputs):
        if name.is_file() and _leads_to(output, name.stat()):
            raise OutputError(str(output), "is an input as well; choose another with -o")


def _leads_to(output: Path, there: os.stat_result) -> bool:
    if str(output) == "-":
        return os.path.samestat(os.fstat(1), there)
    return output.is_file() and os.path.samestat(output.stat(), there)
