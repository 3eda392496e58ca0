"""Check finished records against the papers that they are about, without a model.

Everything that was derived is derived again: hashes, places of quotes, numbers, flags, what is unsupported. What comes
out otherwise is a mismatch: somebody or something changed the record, the paper or the rules since it was made.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import islice
from typing import NamedTuple

from summarizer.acronyms import is_acronym, singular, spells
from summarizer.completion import SUMMARY
from summarizer.glossary import Glossary
from summarizer.grounding import find_links
from summarizer.passages import Passages
from summarizer.records import ClaimedResult, Evidence, Paper, Record, Result, Tag, Unreadable, Vocabulary
from summarizer.results import ground_results, missed_claims
from summarizer.settings import DEFAULT_LANGUAGE
from summarizer.tagging import Label, Labeled, Tagger
from summarizer.vocabulary import OPEN_FACETS, TagVocabulary

#: Papers that are looked at to find the one that a record is about; what is missing in between is reported.
_LOOKAHEAD = 1_000


_WORD = re.compile(r"[^\W_][\w.+&-]*")


class Mismatch(NamedTuple):
    """One thing that does not hold: in which record, at which field of it, and what is wrong."""

    id: str
    place: str
    problem: str


class Rules:
    """What made the labels of the records."""

    def __init__(self, closed: Vocabulary, own: TagVocabulary | None = None, glossary: Glossary | None = None) -> None:
        """The closed lists, the user's vocabulary, and the acronyms that the batch defines."""
        self.closed, self.glossary = closed, glossary
        self.vocabulary_sha256 = own.sha256 if own else None
        # A run that could not look ahead, as in standard input, knew no acronyms of the batch.
        self.taggers = (Tagger(own, glossary), Tagger(own))


def verify_run(records: Iterable[Record], inputs: Iterable[Paper | Unreadable], rules: Rules) -> Iterator[Mismatch]:
    """Check that there is one record for each input, in order, and check each against its paper."""
    coming, ahead = iter(inputs), deque[Paper | Unreadable]()
    for record in records:
        item = _find(record, coming, ahead)
        while item is not None and ahead and ahead[0] is not item:
            missing = ahead.popleft()
            yield Mismatch(missing.id, "record", f"there is none for {missing.source.name}, line {missing.source.line}")
        if item is None:
            yield Mismatch(record.id, "record", "the inputs have no such paper at this place")
            continue
        ahead.popleft()
        yield from _against_input(record, item)
        yield from verify_record(record, rules)
    for missing in (*ahead, *coming):
        yield Mismatch(missing.id, "record", f"there is none for {missing.source.name}, line {missing.source.line}")


def verify_record(record: Record, rules: Rules) -> Iterator[Mismatch]:
    """Check one record against the title and the abstract that it holds itself."""
    for place, problem in _problems(record, rules):
        yield Mismatch(record.id, place, problem)


def _find(
    record: Record, coming: Iterator[Paper | Unreadable], ahead: deque[Paper | Unreadable]
) -> Paper | Unreadable | None:
    if not ahead:
        ahead.extend(islice(coming, 1))
    if ahead and _is_of(record, ahead[0]):
        return ahead[0]
    ahead.extend(islice(coming, _LOOKAHEAD - len(ahead)))
    return next((item for item in ahead if _is_of(record, item)), None)


def _is_of(record: Record, item: Paper | Unreadable) -> bool:
    # What has no id of its own is known by its place alone, whatever the path is written like.
    return record.source.line == item.source.line and (record.id == item.id or isinstance(item, Unreadable))


def _against_input(record: Record, item: Paper | Unreadable) -> Iterator[Mismatch]:
    abstract = item.abstract if isinstance(item, Paper) else ""
    for field, given, wanted in (("title", record.title, item.title), ("abstract", record.abstract, abstract)):
        if given != wanted:
            yield Mismatch(record.id, field, f"is not that of {item.source.name}, line {item.source.line}")


def _problems(record: Record, rules: Rules) -> Iterator[tuple[str, str]]:
    if record.provenance and record.provenance.abstract_sha256 != sha256(record.abstract.encode()).hexdigest():
        yield "provenance.abstract_sha256", "is not the hash of the abstract"
    passages = Passages(
        Paper(id=record.id, title=record.title, abstract=record.abstract, source=record.source),
    )
    yield from _status(record)
    yield from _summary(record, passages)
    yield from _closed_lists(record, rules.closed)
    yield from _labels(record, rules)
    for place, name, evidence in _mentions(record):
        if name != evidence.quote:
            yield f"{place}.evidence.quote", f"is not {name!r}"
        yield from _evidence(f"{place}.evidence", evidence, passages)
    yield from _results(record, passages)
    if record.links != find_links(record.abstract):
        yield "links", "are not those of the abstract"


def _status(record: Record) -> Iterator[tuple[str, str]]:
    kinds = (record.tldr is not None, record.failure is None, record.status in ("ok", "partial"))
    if len(set(kinds)) > 1:
        yield "status", f"is {record.status!r}, which does not go with what the record holds"
    absent = [place for place, _, evidence in _mentions(record) if evidence.match == "absent"]
    wrong = absent or any(result.flags or result.evidence.match == "absent" for result in record.results)
    wrong = wrong or (record.tldr is not None and bool(record.tldr.unsupported))
    if record.status == "ok" and wrong:
        yield "status", "is 'ok', though something is unsupported"


def _summary(record: Record, passages: Passages) -> Iterator[tuple[str, str]]:
    if record.tldr is None:
        return
    if record.tldr.origin == "abstract":
        evidence = record.tldr.evidence
        if evidence is None or evidence.match != "exact" or evidence.quote != record.tldr.text:
            yield "tldr.evidence", "is not the place of the summary"
        else:
            yield from _evidence("tldr.evidence", evidence, passages)
        return
    english = record.provenance is None or record.provenance.language in (None, DEFAULT_LANGUAGE)
    unsupported = passages.unsupported(record.tldr.text, english=english)
    if unsupported != record.tldr.unsupported:
        yield "tldr.unsupported", f"is not {list(unsupported)}"


def _closed_lists(record: Record, vocabulary: Vocabulary) -> Iterator[tuple[str, str]]:
    labels = {
        "field": {term.label for term in vocabulary.fields},
        "modality": {term.label for term in vocabulary.modalities},
    }
    for place, tag in _tags(record):
        if tag.facet in labels and tag.label not in labels[tag.facet]:
            yield f"{place}.label", f"{tag.label!r} is not in the vocabulary"
        if tag.facet not in labels and (tag.mention is None or tag.evidence is None):
            yield place, "has no mention in the paper"


def _labels(record: Record, rules: Rules) -> Iterator[tuple[str, str]]:
    """Problems of the labels of tasks and methods."""
    if record.provenance is None:
        if record.tldr is not None:
            yield "provenance", "is missing"
        return
    if record.provenance.vocabulary_sha256 != rules.vocabulary_sha256:
        yield "provenance.vocabulary_sha256", "is not that of the vocabulary that is given (--vocabulary)"
        return
    yield from _doubled(record)
    rounds = [tagger.labels(record) for tagger in rules.taggers]
    for place, tag in _tags(record):
        if tag.mention is None or tag.facet not in OPEN_FACETS:
            continue
        if tag.evidence is None or tag.evidence.match == "absent":
            yield place, "is made from words that are not in the paper"
        wanted = [_as_tag(labeled(facet, tag.mention)) for labeled in rounds for facet in OPEN_FACETS]
        if _entry(place, tag) not in wanted and not _is_spelled(tag, rules.glossary):
            yield f"{place}.label", f"is not one of {sorted({entry[2] for entry in wanted if entry})}"
        if tag.facet == "method" and not rules.vocabulary_sha256 and tag.mention not in _method_names(record):
            yield place, "is a method, and no method of the record has this name"
    yield from _untagged(record, rounds)


def _untagged(record: Record, rounds: Sequence[Labeled]) -> Iterator[tuple[str, str]]:
    given = {_entry(place, tag) for place, tag in _tags(record)}
    mentions = {tag.mention for _, tag in _tags(record)}
    for number, method in enumerate(record.methods):
        wanted = [_as_tag(labeled("method", method.name)) for labeled in rounds]
        is_tagged = method.name in mentions or not given.isdisjoint(wanted)
        if method.evidence.match != "absent" and None not in wanted and not is_tagged:
            yield f"methods.{number}", "has no tag"


def _doubled(record: Record) -> Iterator[tuple[str, str]]:
    given: set[tuple[str, str, str] | None] = set()
    for place, tag in _tags(record):
        if _entry(place, tag) in given:
            yield place, "stands there twice"
        given.add(_entry(place, tag))


def _entry(place: str, tag: Tag) -> tuple[str, str, str] | None:
    return place.partition(".")[0], tag.facet, tag.label


def _method_names(record: Record) -> set[str]:
    return {method.name for method in record.methods}


def _is_spelled(tag: Tag, glossary: Glossary | None) -> bool:
    """Whether the label may have been made with an acronym of a batch that is not this one any more.

    The run may have known more papers than these, or fewer. What cannot be derived has to be spelled by the acronym.
    """
    unknown = [short for short in map(singular, _WORD.findall(tag.mention or "")) if is_acronym(short)]
    unknown = [short for short in unknown if not (glossary and glossary.expand(short))]
    return any(spells(tag.label, short) for short in unknown)


def _as_tag(label: Label | None) -> tuple[str, str, str] | None:
    return label and ("tags" if label.known else "proposed_tags", label.facet, label.text)


def _tags(record: Record) -> Iterator[tuple[str, Tag]]:
    for field, tags in (("tags", record.tags), ("proposed_tags", record.proposed_tags)):
        for number, tag in enumerate(tags):
            yield f"{field}.{number}", tag


def _mentions(record: Record) -> Iterator[tuple[str, str, Evidence]]:
    """Place, name and evidence of everything that is named."""
    for place, tag in _tags(record):
        if tag.mention is not None and tag.evidence is not None:
            yield place, tag.mention, tag.evidence
    for number, method in enumerate(record.methods):
        yield f"methods.{number}", method.name, method.evidence
    for field, mentions in (("datasets", record.datasets), ("metrics", record.metrics)):
        for number, mention in enumerate(mentions):
            yield f"{field}.{number}", mention.name, mention.evidence


def _evidence(place: str, evidence: Evidence, passages: Passages) -> Iterator[tuple[str, str]]:
    spans = {(found.where, found.start, found.end): found.match for found in passages.places(evidence.quote)}
    if evidence.match == "absent":
        if spans or evidence.start is not None or evidence.end is not None:
            yield place, f"{evidence.quote!r} is said to be absent, and is not"
    elif evidence.start is None or evidence.end is None:
        yield place, "has no place"
    elif spans.get((evidence.where, evidence.start, evidence.end)) != evidence.match:
        yield place, f"{evidence.quote!r} does not stand there ({evidence.match})"


def _results(record: Record, passages: Passages) -> Iterator[tuple[str, str]]:
    derived = ground_results(map(_claim, record.results), passages)
    for number, (given, wanted) in enumerate(zip(record.results, derived, strict=True)):
        for field in Result.model_fields:
            if getattr(given, field) != getattr(wanted, field):
                yield f"results.{number}.{field}", f"is not {getattr(wanted, field)!r}"
    if record.tldr is None or (record.provenance and record.provenance.structured_mode == SUMMARY):
        return
    missed = [caution for caution in record.warnings if caution.code == "missed_result"]
    if missed != list(missed_claims(record.results, passages)):
        yield "warnings", "are not those about the claims that no result holds"


def _claim(result: Result) -> ClaimedResult:
    claimed = result.model_dump(include=set(ClaimedResult.model_fields) - {"evidence"})
    return ClaimedResult(**claimed, evidence=result.evidence.quote)
