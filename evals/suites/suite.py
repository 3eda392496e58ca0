"""What a suite is: data, a reader for it, and what it can measure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from evals.examples import Example

Split = Literal["train", "dev", "test"]
#: Parts of an answer that gold can be compared with.
Part = Literal["summary", "aspects", "names", "contribution", "results"]


@dataclass(frozen=True, slots=True)
class Suite:
    """One set of examples, as it is published."""

    name: str
    about: str
    licence: str
    origin: str
    """Where the data come from, for people."""
    files: Mapping[Split, tuple[str, ...]]
    """Where a split stands inside of a folder of data: paths, of which the first that is there is taken. Those with the
    same position belong to the same layout."""
    read: Callable[[Path], Iterator[Example]]
    """Streams the examples of one file. `InputError` names the file and the line of what does not belong."""
    parts: tuple[Part, ...]
    shipped: str | None = None
    """Name of the file beside this module that has the data, for a suite that comes with the package. It is `dev`."""
    addresses: Mapping[Split, str] = field(default_factory=dict)
    """Where a split is published as a file that `read` knows: `https://`, or `hf://datasets/OWNER/NAME@COMMIT/FILE` for
    the Hugging Face hub. With a commit in it, so that it stays the same."""
    checksums: Mapping[Split, str] = field(default_factory=dict)
    """SHA-256 of the files that were published, where it is known."""
