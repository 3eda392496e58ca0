"""Changes to a user's vocabulary file: comments and order stay as a person wrote them."""

from pathlib import Path

import tomlkit

from summarizer.vocabulary import OpenFacet, TagVocabulary, read_vocabulary


def accepted(path: Path, facet: OpenFacet, label: str, aliases: tuple[str, ...] = ()) -> str:
    """The text of a vocabulary file with one more label, or more aliases of one.

    A file that does not exist is an empty one. `SettingsError` when another label has one of the names.
    """
    document = _parsed(path)
    key = f"{facet}s"
    table = document.setdefault(key, tomlkit.table())
    names = table.setdefault(label, tomlkit.array())
    names.extend(alias for alias in aliases if alias not in names)
    return _checked(document, path)


def ignored(path: Path, label: str) -> str:
    """The text of a vocabulary file that ignores one more label."""
    document = _parsed(path)
    if "ignored" not in document:
        # A plain key has to stand before the first table.
        document = tomlkit.parse(f"ignored = []\n\n{tomlkit.dumps(document)}")
    labels = document["ignored"]
    if label not in labels:
        labels.append(label)
    return _checked(document, path)


def _parsed(path: Path) -> tomlkit.TOMLDocument:
    text = read_vocabulary(path) if path.exists() else ""
    TagVocabulary(text, str(path))
    return tomlkit.parse(text)


def _checked(document: tomlkit.TOMLDocument, path: Path) -> str:
    text = tomlkit.dumps(document)
    TagVocabulary(text, str(path))
    return text
