"""Where the data of a suite are: a file, a folder in which they have one of their known places, or an address."""

from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from evals.duplicates import Duplicates
from evals.fetching import fetch, is_address
from evals.runs import Data
from evals.suites.suite import Split, Suite
from summarizer.extension import InputError, SettingsError


def find(suite: Suite, data: str | Path | None, split: Split, kept: Path) -> Path:
    """The file of a split: `data` itself, its place in the folder `data`, or what is published when `data` is None.

    What is fetched is kept in the folder `kept`. `InputError` says where it was looked for, `SettingsError` what has to
    be given.
    """
    if suite.shipped is not None:
        return _shipped(suite.name, suite.shipped, split)
    places = suite.files.get(split)
    if places is None:
        raise SettingsError(f"{suite.name} has no split {split!r}; it has {', '.join(suite.files)} (--split)")
    if data is None:
        address = suite.addresses.get(split)
        if address is None:
            raise SettingsError(f"{suite.name} needs --data: a file, or a folder with {places[0]}; from {suite.origin}")
        return fetch(address, kept)
    return _look(suite, data, split, kept)


def find_train(
    suite: Suite, data: str | Path | None, split: Split, train: str | Path | None, kept: Path
) -> Path | None:
    """The data to train on: `train` (a file, a folder, an address), else those that belong to `data`.

    None where there are none, and where they are what is evaluated. Errors as in `find`, for what was named.
    """
    if train is not None:
        found = _look(suite, train, "train", kept)
        if found.samefile(find(suite, data, split, kept)):
            raise SettingsError(f"--train names the file that is evaluated: {found}")
        return found
    if split == "train" or "train" not in suite.files:
        return None
    if data is None:
        return fetch(suite.addresses["train"], kept) if "train" in suite.addresses else None
    if isinstance(data, str) and is_address(data):
        return None
    return _beside(suite, find(suite, data, split, kept), split)


def is_published(suite: Suite, split: Split, checksum: str) -> bool | None:
    """Whether it is the checksum of the published file; None where that is not known."""
    return checksum == suite.checksums[split] if split in suite.checksums else None


def told(about: Data) -> Iterator[str]:
    """What a person should know about the data: the licence, whether they are the published ones, what train knows."""
    file = {True: "as published", False: "not the file that was published", None: ""}[about.published]
    yield f"{about.suite}: {about.file}{', ' if file else ''}{file}; licence: {about.licence}"
    if about.duplicates is not None:
        yield f"{about.suite}: {_shared(about.duplicates, about.papers)}"


def _shared(found: Duplicates, papers: int) -> str:
    if not found.evaluated:
        return f"none of {papers} papers is in {found.file}"
    kinds = (("title", found.titles), ("abstract", found.abstracts), ("much of the abstract", found.near))
    counts = ", ".join(f"{len(pairs)} by {kind}" for kind, pairs in kinds if pairs)
    return f"{len(found.evaluated)} of {papers} papers are in {found.file} as well ({counts}); run.json lists them"


def _look(suite: Suite, data: str | Path, split: Split, kept: Path) -> Path:
    if isinstance(data, str) and is_address(data):
        return fetch(data, kept)
    path, places = Path(data), suite.files.get(split, ())
    if path.is_file():
        return path
    if not path.exists():
        raise InputError(str(path), "there is no such file or folder")
    for place in places:
        if (found := path / place).is_file():
            return found
    raise InputError(str(path), f"has no {split} data of {suite.name}; looked for {', '.join(places)}")


def _beside(suite: Suite, path: Path, split: Split) -> Path | None:
    """The data to train on in the layout in which `path` stands."""
    for place, train in zip(suite.files[split], suite.files["train"], strict=False):
        parts = Path(place).parts
        if path.parts[-len(parts) :] == parts:
            found = path.parents[len(parts) - 1] / train
            if found.is_file():
                return found
    return None


def _shipped(name: str, file: str, split: Split) -> Path:
    if split != "dev":
        raise SettingsError(f"{name} comes with the program and has no split {split!r}; it has dev")
    return Path(str(resources.files("evals.suites") / file))
