"""What a suite is: data, a reader for it, and what it can measure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
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
    """Where a split stands inside of a folder of data: paths, of which the first that is there is taken."""
    read: Callable[[Path], Iterator[Example]]
    """Streams the examples of one file. `InputError` names the file and the line of what does not belong."""
    parts: tuple[Part, ...]
    hub: str | None = None
    """Its name on the Hugging Face hub, where a file in the form that `read` knows is there."""
    shipped: str | None = None
    """Name of the file beside this module that has the data, for a suite that comes with the package. It is `dev`."""
