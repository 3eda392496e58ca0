"""What of a record the paper supports, in the words of a reader: the marks of a digest, and their counts."""

from typing import Final, Literal, NamedTuple

from summarizer.records import Evidence, Flag, Record, Result

Sign = Literal["unsupported", "doubtful", "folded"]
Part = Literal["value", "metric", "dataset", "method", "baseline_value"]

#: What stands beside a mark, so that no reader needs its colour.
SIGNS: Final[dict[Sign, str]] = {"unsupported": "⚠", "doubtful": "?", "folded": "≈"}
#: The parts of a result that name something.
NAMED: Final[tuple[Literal["metric", "dataset", "method"], ...]] = ("metric", "dataset", "method")

#: What a result says beside its value, in the order of the columns.
COLUMNS: Final[tuple[Part, ...]] = (*NAMED, "baseline_value")


class Mark(NamedTuple):
    """What a reader should know of a word, a number or a quote."""

    sign: Sign
    words: str


ABSENT: Final = Mark("unsupported", "not in the abstract")
ABSENT_QUOTE: Final = Mark("unsupported", "quote not in the abstract")
FOLDED: Final = Mark("folded", "in another form in the abstract")

_FLAGS: dict[Flag, tuple[Part, Mark]] = {
    "value_absent": ("value", ABSENT),
    "value_elsewhere": ("value", Mark("doubtful", "not in its quote")),
    "value_reused": ("value", Mark("doubtful", "already the number of another result")),
    "unit_mismatch": ("value", Mark("doubtful", "with another unit in the abstract")),
    "baseline_absent": ("baseline_value", ABSENT),
    "baseline_elsewhere": ("baseline_value", Mark("doubtful", "not in its quote")),
    "crossed": ("baseline_value", Mark("doubtful", "the abstract goes the other way")),
    "metric_absent": ("metric", ABSENT),
    "metric_elsewhere": ("metric", Mark("doubtful", "not in the sentence of the value")),
    "dataset_absent": ("dataset", ABSENT),
    "method_absent": ("method", ABSENT),
}


def flag_marks(result: Result, part: Part) -> list[Mark]:
    """The marks of one part of a result."""
    found = (_FLAGS[flag] for flag in result.flags)
    return [mark for place, mark in found if place == part]


def evidence_mark(text: str, evidence: Evidence) -> Mark | None:
    """The mark of a name that stands for this evidence; what is absent may be the name itself or just its quote."""
    if evidence.match == "exact":
        return None
    if evidence.match == "folded":
        return FOLDED
    return ABSENT if says(text, evidence) else ABSENT_QUOTE


def says(text: str, evidence: Evidence) -> bool:
    """Whether the quote is the text itself, and not other words that stand for it."""
    return evidence.quote.split() == text.split() or evidence.quote.casefold() == text.casefold()


def raw_words(record: Record, evidence: Evidence) -> str:
    """The words of the paper at the place of the evidence, as they stand there; empty when it has none."""
    text = record.abstract if evidence.where == "abstract" else record.title
    return text[evidence.start : evidence.end] if evidence.start is not None and evidence.end is not None else ""


def quote_words(record: Record, evidence: Evidence) -> str:
    """The quote in the words of the paper where it has them, else as it was given."""
    return raw_words(record, evidence) or evidence.quote


def quotes(record: Record) -> list[Evidence]:
    """The distinct quotes that results rest on."""
    return list(dict.fromkeys(result.evidence for result in record.results))


def names(record: Record) -> dict[str, bool]:
    """Each name that was looked up, once however often it serves, and whether the paper has it."""
    found: dict[str, bool] = {}
    looked_up = [method.evidence for method in record.methods]
    looked_up += [mention.evidence for mention in (*record.datasets, *record.metrics)]
    looked_up += [tag.evidence for tag in (*record.tags, *record.proposed_tags) if tag.evidence]
    for evidence in looked_up:
        _note(found, evidence.quote, evidence.match != "absent")
    for result in record.results:
        for part in NAMED:
            if name := getattr(result, part):
                _note(found, name, ABSENT not in flag_marks(result, part))
    return found


def numbers(record: Record) -> list[bool]:
    """For each number of a result, value or baseline, whether the paper has it."""
    return [
        ABSENT not in flag_marks(result, part)
        for result in record.results
        for part in ("value", "baseline_value")
        if part == "value" or result.baseline_value is not None
    ]


def doubts(record: Record) -> int:
    """How many results have parts that do not fit together, although the paper has each."""
    return sum(any(_FLAGS[flag][1].sign == "doubtful" for flag in result.flags) for result in record.results)


def unsupported_parts(record: Record) -> list[str]:
    """What kinds of things the paper does not support; nothing when all that was checked is as it should be."""
    kinds = {
        "summary not supported": bool(record.tldr and record.tldr.unsupported),
        "name not in the abstract": not all(names(record).values()) or has_warning(record, "absent_task"),
        "number not in the abstract": not all(numbers(record)),
        "quote not in the abstract": any(quote.match == "absent" for quote in quotes(record)),
        "result that does not fit": doubts(record) > 0,
    }
    return [kind for kind, there in kinds.items() if there]


def is_answered(record: Record) -> bool:
    """Whether there is an answer that could be checked."""
    return record.status in ("ok", "partial")


def is_extractive(record: Record) -> bool:
    """Whether a sentence of the abstract stands in for a summary."""
    return record.tldr is not None and record.tldr.origin == "abstract"


def missing(record: Record) -> list[str]:
    """Fields that were asked and not given, of those that every paper has."""
    if not is_answered(record):
        return []
    found = [] if record.tldr and record.tldr.text.strip() else ["summary"]
    if not _is_asked_everything(record):
        return found
    found += [] if record.contribution else ["contribution"]
    return found + ([] if any(tag.facet == "field" for tag in record.tags) else ["field"])


def empty(record: Record) -> list[str]:
    """Lists that were asked for and are empty, which is as it should be where the abstract names nothing."""
    if not is_answered(record) or not _is_asked_everything(record):
        return []
    facets = {tag.facet for tag in (*record.tags, *record.proposed_tags)}
    lists = {
        "tasks": "task" in facets,
        "methods": record.methods,
        "data sets": record.datasets,
        "metrics": record.metrics,
        "results": record.results,
    }
    return [name for name, there in lists.items() if not there]


def has_warning(record: Record, code: str) -> bool:
    """Whether the record carries this warning."""
    return any(warning.code == code for warning in record.warnings)


def _is_asked_everything(record: Record) -> bool:
    # A plain summarizer is asked for the sentence only.
    return not has_warning(record, "summary_only")


def _note(found: dict[str, bool], name: str, there: bool) -> None:
    found[name] = found.get(name, True) and there
