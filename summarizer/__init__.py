"""Abstracts of papers become records that a person can trust and a program can use.

    for record in Summarizer(settings).run(read_papers("papers.jsonl")):
        print(record.title, record.tldr)

Names are loaded when they are first used, so that `summarizer --version` answers at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from summarizer._version import __version__

if TYPE_CHECKING:
    from summarizer.completion import Backend, Completion, Request
    from summarizer.errors import SummarizerError
    from summarizer.glossary import Glossary
    from summarizer.pipeline import Summarizer
    from summarizer.reading import read_papers
    from summarizer.records import Evidence, Failure, Paper, Record
    from summarizer.settings import Settings, load_settings
    from summarizer.writing.jsonl import read_records

__all__ = [
    "Backend",
    "Completion",
    "Evidence",
    "Failure",
    "Glossary",
    "Paper",
    "Record",
    "Request",
    "Settings",
    "Summarizer",
    "SummarizerError",
    "__version__",
    "load_settings",
    "read_papers",
    "read_records",
]

_HOMES = {
    "Backend": "completion",
    "Completion": "completion",
    "Evidence": "records",
    "Failure": "records",
    "Glossary": "glossary",
    "Paper": "records",
    "Record": "records",
    "Request": "completion",
    "Settings": "settings",
    "Summarizer": "pipeline",
    "SummarizerError": "errors",
    "load_settings": "settings",
    "read_papers": "reading",
    "read_records": "writing.jsonl",
}


def __getattr__(name: str) -> object:
    """Import a public name from its module."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """Show the public names, loaded or not."""
    return __all__
