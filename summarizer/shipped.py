"""Where the data files stand that come with the program."""

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path


def prompts_folder() -> Traversable:
    """The folder of prompts, vocabulary and aliases."""
    # In a checkout the live files are the ones to read; an installed package carries them inside.
    checkout = Path(__file__).resolve().parent.parent / "prompts"
    if (checkout / "vocabulary.toml").is_file():
        return checkout
    return resources.files("summarizer") / "prompts"


def embedded_adapter() -> Path:
    """The folder of the adapter for the embedded model; see docs/adapter.md."""
    return Path(__file__).resolve().parent / "backends" / "adapters" / "smollm2-135m-instruct"


def package_file(name: str) -> Traversable:
    """A data file that stands beside the modules."""
    return resources.files("summarizer") / name
