"""The user's own vocabulary of tasks and methods, and the aliases that are shipped.

ignored = ["deep learning"]          # neither tag nor proposal

[tasks]
"class-incremental learning" = ["CIL", "incremental classification"]

[methods]
"sparse autoencoder" = []            # other forms of the same words need no alias
"""

import json
import tomllib
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, ValidationError

from summarizer.aliases import AliasTable
from summarizer.errors import SettingsError
from summarizer.labels import Word
from summarizer.records import Frozen, Words, first_problem
from summarizer.shipped import prompts_folder

OpenFacet = Literal["task", "method"]

OPEN_FACETS: Final[tuple[OpenFacet, ...]] = ("task", "method")


class _File(Frozen):
    ignored: tuple[Words, ...] = ()
    tasks: dict[Words, tuple[Words, ...]] = Field(default_factory=dict)
    methods: dict[Words, tuple[Words, ...]] = Field(default_factory=dict)


class TagVocabulary:
    """The labels that a user wants tasks and methods to have."""

    def __init__(self, text: str, name: str = "vocabulary") -> None:
        """Read the text of a vocabulary file; `SettingsError` with `name` when anything is wrong with it."""
        try:
            file = _File.model_validate(tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"{name}: is not valid TOML: {error}") from error
        except ValidationError as error:
            advice = "it holds [tasks] and [methods], each of label = [aliases], and ignored = [labels]"
            raise SettingsError(f"{name}: {first_problem(error, 'file')} ({advice})") from error
        # Of what it says: a comment makes no other vocabulary.
        self.sha256 = sha256(json.dumps(file.model_dump(), sort_keys=True).encode()).hexdigest()
        tables: dict[OpenFacet, dict[str, tuple[str, ...]]] = {"task": file.tasks, "method": file.methods}
        both: dict[str, tuple[str, ...]] = {}
        for table in tables.values():
            for label, aliases in table.items():
                both[label] = (*both.get(label, ()), *aliases)
        _check_unique(both, file.ignored, name)
        #: Names of both facets: an acronym in a mention means the same in each.
        self.aliases = AliasTable(both, beneath=shipped_aliases())
        self._labels = {facet: frozenset(table) for facet, table in tables.items()}
        self._ignored = frozenset(map(self.aliases.words, file.ignored))

    def find(self, facet: OpenFacet, words: tuple[Word, ...]) -> tuple[OpenFacet, str] | None:
        """Facet and label of the entry with these (canonical) words: of the facet, or else of the other one."""
        label = self.aliases.find(words)
        facets = (
            other for other in sorted(OPEN_FACETS, key=lambda name: name != facet) if label in self._labels[other]
        )
        return next(((other, label) for other in facets if label is not None), None)

    def ignores(self, words: tuple[Word, ...]) -> bool:
        """Whether these are the (canonical) words of a label that is to be left out."""
        return words in self._ignored


def load_tag_vocabulary(path: Path) -> TagVocabulary:
    """Read a vocabulary file; `SettingsError` when it cannot be read or holds anything else."""
    return TagVocabulary(read_vocabulary(path), str(path))


@lru_cache(maxsize=1)
def shipped_aliases() -> AliasTable:
    """The table of other names that comes with the program."""
    content = tomllib.loads((prompts_folder() / "aliases.toml").read_text(encoding="utf-8"))
    return AliasTable(content["labels"], words=content["words"])


def _check_unique(labels: dict[str, tuple[str, ...]], ignored: tuple[str, ...], name: str) -> None:
    """Refuse a name that belongs to two labels, or that is a label and ignored; facets share their names."""
    owners: dict[tuple[Word, ...], str] = {}
    for label, aliases in labels.items():
        for given in (label, *aliases):
            if (owner := owners.setdefault(_words(given, name), label)) != label:
                raise SettingsError(f"{name}: {given!r} is a name of {owner!r} and of {label!r}")
    for given in ignored:
        if owner_of := owners.get(_words(given, name)):
            raise SettingsError(f"{name}: {given!r} is ignored, and a name of {owner_of!r}")


def _words(given: str, name: str) -> tuple[Word, ...]:
    words = shipped_aliases().words(given)
    if not words or not given.isprintable():
        raise SettingsError(f"{name}: {given!r} holds {'no word' if not words else 'what cannot be printed'}")
    return words


def read_vocabulary(path: Path) -> str:
    """The text of a vocabulary file; `SettingsError` when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")  # editors on Windows put a mark in front
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: is not in UTF-8: {error}") from error
