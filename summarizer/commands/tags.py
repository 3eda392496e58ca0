"""`summarizer tags`: what the vocabulary does not have, and what becomes of it."""

import json
from argparse import Namespace
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from summarizer.commands import OK, settings_of
from summarizer.console import say
from summarizer.errors import InputError, SettingsError
from summarizer.glossary import Glossary
from summarizer.records import Record, Tag
from summarizer.tagging import Tagger
from summarizer.vocabulary import OPEN_FACETS, OpenFacet, load_tag_vocabulary
from summarizer.vocabulary_changes import accepted, ignored
from summarizer.whole import write_whole
from summarizer.writing.harmless import visible
from summarizer.writing.jsonl import read_records

_MOST_EXAMPLES = 3


class _Key(NamedTuple):
    facet: OpenFacet
    label: str


def call(options: Namespace) -> int:
    """Show the proposals, or change the vocabulary."""
    path = settings_of(options).vocabulary
    if options.action == "proposed":
        _show(options, path)
        return OK
    if path is None:
        raise SettingsError("there is no vocabulary to change; name its file with --vocabulary (it may be a new one)")
    if options.action == "accept":
        write_whole(path, accepted(path, options.facet, options.label, tuple(options.alias)))
        say(visible(f"{path}: {options.label!r} is one of the {options.facet}s"))
    else:
        write_whole(path, ignored(path, options.label))
        say(visible(f"{path}: {options.label!r} is ignored"))
    say("run again with --overwrite to tag anew: answers in the cache are not asked again")
    return OK


def _show(options: Namespace, vocabulary: Path | None) -> None:
    records = list(read_records(options.records))
    if not records:
        raise InputError(options.records, "holds no records")
    counts: Counter[_Key] = Counter()
    examples: dict[_Key, dict[str, str]] = {}
    for key, record, mention in _proposals(records, vocabulary):
        counts[key] += 1
        examples.setdefault(key, {}).setdefault(mention, record.id)
    for key, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        shown = list(examples[key].items())[:_MOST_EXAMPLES]
        if options.json:
            found = [{"mention": mention, "id": paper} for mention, paper in shown]
            say(json.dumps({"facet": key.facet, "label": key.label, "count": count, "examples": found}))
        else:
            text = "; ".join(f"{mention} ({paper})" for mention, paper in shown)
            # Nothing in a record begins a line of its own.
            line = " ".join(f"{key.facet} {key.label} <- {text}".split())
            say(visible(f"{count:5} {line}"))


def _proposals(records: Iterable[Record], vocabulary: Path | None) -> Iterator[tuple[_Key, Record, str]]:
    """Labels with the record and the mention that they were made from."""
    if vocabulary is None:
        for record in records:
            # Without a vocabulary everything is there to choose from.
            chosen = record.provenance is not None and record.provenance.vocabulary_sha256 is not None
            for facet, tag in _open_tags(record.proposed_tags if chosen else record.tags):
                yield _Key(facet, tag.label), record, tag.mention or ""
        return
    records = list(records)
    tagger = Tagger(load_tag_vocabulary(vocabulary), Glossary(records))
    for record in records:
        labeled = tagger.labels(record)
        for facet, tag in _open_tags((*record.tags, *record.proposed_tags)):
            label = labeled(facet, tag.mention or "")
            if label is not None and not label.known:
                yield _Key(label.facet, label.text), record, tag.mention or ""


def _open_tags(tags: Iterable[Tag]) -> Iterator[tuple[OpenFacet, Tag]]:
    for tag in tags:
        for facet in OPEN_FACETS:
            if tag.facet == facet:
                yield facet, tag
