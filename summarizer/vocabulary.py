"""The user's own vocabulary of tasks and methods, and the aliases that are shipped.

ignored = ["deep learning"]          # neither tag nor proposal

[tasks]
"class-incremental learning" = ["CIL", "incremental classification"]

[methods]
"sparse autoencoder" = []            # other forms of the same words need no alias
"""

import tomllib
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from summarizer.aliases import AliasTable
from summarizer.errors import SettingsError
from summarizer.labels import Word, words_of
from summarizer.records import Frozen, Words
from summarizer.shipped import prompts_folder

OpenFacet = Literal["task", "method"]

FACETS: tuple[OpenFacet, ...] = ("task", "method")


class _File(Frozen):
    ignored: tuple[Words, ...] = ()
    tasks: dict[Words, tuple[Words, ...]] = Field(default_factory=dict)
    methods: dict[Words, tuple[Words, ...]] = Field(default_factory=dict)


class TagVocabulary:
    """The labels that a user wants tasks and methods to have."""

    def __init__(self, text: str, name: str = "vocabulary") -> None:
        """Read the text of a vocabulary file; `SettingsError` with `name` when anything is wrong with it."""
        self.sha256 = sha256(text.encode()).hexdigest()
        try:
            file = _File.model_validate(tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"{name}: is not valid TOML: {error}") from error
        except ValidationError as error:
            problem = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(map(str, problem["loc"]))
            advice = "it holds [tasks] and [methods], each of label = [aliases], and ignored = [labels]"
            raise SettingsError(f"{name}: {place}: {problem['msg']} ({advice})") from error
        labels = {"task": file.tasks, "method": file.methods}
        _check_unique(labels, name)
        both = {label: aliases for table in labels.values() for label, aliases in table.items()}
        #: Names of both facets: an acronym in a mention means the same in each.
        self.aliases = AliasTable(both, beneath=shipped_aliases())
        self._labels = {facet: self._by_words(table) for facet, table in labels.items()}
        self._ignored = {self.aliases.words(label) for label in file.ignored}

    def find(self, facet: OpenFacet, words: tuple[Word, ...]) -> tuple[OpenFacet, str] | None:
        """Facet and label of the entry with these words: of the facet, or else of the other one."""
        for other in sorted(FACETS, key=lambda name: name != facet):
            if label := self._labels[other].get(words):
                return other, label
        return None

    def _by_words(self, table: dict[str, tuple[str, ...]]) -> dict[tuple[Word, ...], str]:
        found: dict[tuple[Word, ...], str] = {}
        for label, aliases in table.items():
            for name in (label, *aliases):
                found.setdefault(self.aliases.words(name), label)
                if (spelled_out := shipped_aliases().words(name)) != words_of(name):
                    found.setdefault(spelled_out, label)  # `RAG` is a label, and it is written out somewhere
        return found

    def ignores(self, words: tuple[Word, ...]) -> bool:
        """Whether these are the words of a label that is to be left out."""
        return words in self._ignored


def load_tag_vocabulary(path: Path) -> TagVocabulary:
    """Read a vocabulary file; `SettingsError` when it cannot be read or holds anything else."""
    return TagVocabulary(read_vocabulary(path), str(path))


@lru_cache(maxsize=1)
def shipped_aliases() -> AliasTable:
    """The table of other names that comes with the program."""
    content = tomllib.loads((prompts_folder() / "aliases.toml").read_text(encoding="utf-8"))
    return AliasTable(content["labels"], words=content["words"])


def _check_unique(labels: dict[str, dict[str, tuple[str, ...]]], name: str) -> None:
    for facet, table in labels.items():
        owners: dict[tuple[Word, ...], str] = {}
        for label, aliases in table.items():
            for given in (label, *aliases):
                words = shipped_aliases().words(given)
                if not words:
                    raise SettingsError(f"{name}: {facet}s: {given!r} holds no word")
                if (owner := owners.setdefault(words, label)) != label:
                    raise SettingsError(f"{name}: {facet}s: {given!r} is a name of {owner!r} and of {label!r}")


def read_vocabulary(path: Path) -> str:
    """The text of a vocabulary file; `SettingsError` when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")  # editors on Windows put a mark in front
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: is not in UTF-8: {error}") from error
