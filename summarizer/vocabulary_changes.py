"""Changes to a user's vocabulary file: comments and order stay as a person wrote them."""

from pathlib import Path

import tomlkit

from summarizer.vocabulary import OpenFacet, TagVocabulary, read_vocabulary, shipped_aliases


def accepted(path: Path, facet: OpenFacet, label: str, aliases: tuple[str, ...] = ()) -> str:
    """The text of a vocabulary file with one more label, or more aliases of one; it is ignored no longer.

    A file that does not exist is an empty one. `SettingsError` when another label has one of the names.
    """
    document = _parsed(path)
    table = document.setdefault(f"{facet}s", tomlkit.table())
    names = table.setdefault(label.strip(), tomlkit.array())
    names.extend(alias for alias in aliases if alias not in names)
    for entry in [entry for entry in document.get("ignored", []) if _same(entry, label)]:
        document["ignored"].remove(entry)
    return _checked(document, path)


def ignored(path: Path, label: str) -> str:
    """The text of a vocabulary file that ignores one more label; `SettingsError` when it is a name in the file."""
    document = _parsed(path)
    if "ignored" not in document:
        # A plain key has to stand before the first table.
        document = tomlkit.parse(f"ignored = []\n\n{tomlkit.dumps(document)}")
    labels = document["ignored"]
    if not any(_same(entry, label) for entry in labels):
        labels.append(label)
    return _checked(document, path)


def _same(one: str, other: str) -> bool:
    return shipped_aliases().words(one) == shipped_aliases().words(other)


def _parsed(path: Path) -> tomlkit.TOMLDocument:
    text = read_vocabulary(path) if path.exists() else ""
    TagVocabulary(text, str(path))
    return tomlkit.parse(text)


def _checked(document: tomlkit.TOMLDocument, path: Path) -> str:
    text = tomlkit.dumps(document)
    TagVocabulary(text, str(path))
    return text
