"""What is known of a paper by people (gold), and what a system says about it (a prediction)."""

from typing import Annotated, Final, Literal, get_args

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from summarizer import Paper, Record
from summarizer.extension import SUMMARY, Contribution, Frozen, ResultKind, Role

#: The kinds of names that an answer has, in the order of its fields.
Kind = Literal["task", "method", "dataset", "metric"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
#: Parts of a paper that suites have summaries of.
Aspect = Literal["challenge", "approach", "outcome"]
ASPECTS: Final[tuple[Aspect, ...]] = get_args(Aspect)

#: Failures that are the model's own: it said something, and that is no answer. All others are errors of the way there.
FAULTS: Final = frozenset({"invalid_json", "schema_error", "truncated", "empty", "refused"})

Outcome = Literal["answered", "fault", "error", "skipped"]


#: Longest summary by people, in characters. A sentence has some hundred; the time of ROUGE-L grows with the product of
#: two lengths, so that one text of a book would take minutes.
LONGEST_SUMMARY: Final = 4_000


def _saying_something(text: str) -> str:
    if not text.strip():
        # Of a ValueError pydantic would say first that it is one.
        raise PydanticCustomError("empty", "it is empty")
    return text


def _short(text: str) -> str:
    if len(text) > LONGEST_SUMMARY:
        raise PydanticCustomError("long", f"it has more than {LONGEST_SUMMARY:,} characters, and is no summary")
    return text


Words = Annotated[str, AfterValidator(_saying_something)]
Target = Annotated[Words, AfterValidator(_short)]
"""A summary by people."""


class GoldName(Frozen):
    """A name that people found, in all the ways in which they accept it."""

    name: Words
    aliases: tuple[Words, ...] = ()
    stated: bool = True
    """Whether the title or the abstract has it; what neither says cannot be asked of a reader of abstracts."""
    role: Role | None = None
    """Of a method; None where nobody said which, and for all other names."""

    @property
    def forms(self) -> tuple[str, ...]:
        """The name and its aliases."""
        return (self.name, *self.aliases)


class Claim(Frozen):
    """A result, by people or by a system: the fields of the annotation guide that can be right or wrong."""

    value: Words
    unit: str = ""
    metric: str | None = None
    dataset: str | None = None
    method: str | None = None
    baseline_value: str | None = None
    kind: ResultKind = "absolute"


class Gold(Frozen):
    """What people say about a paper. What is missing was not labelled; an empty list of names was, and holds none."""

    summaries: tuple[Target, ...] = ()
    """Of one and the same thing; a system has to come near one of them."""
    aspects: dict[Aspect, Target] = Field(default_factory=dict)
    """Summaries of parts."""
    names: dict[Kind, tuple[GoldName, ...]] = Field(default_factory=dict)
    contribution: Contribution | None = None
    results: tuple[Claim, ...] | None = None


class Example(Frozen):
    """One paper of a suite with what is known about it."""

    paper: Paper
    gold: Gold
    sentences: tuple[Words, ...]
    """Of the abstract, as the data set divides it."""
    document: str
    """What is drawn as a whole when samples are drawn: samples of one document are not independent."""


class Prediction(Frozen):
    """What a system says about a paper; None where it says nothing of the kind, empty where it was to and did not."""

    summary: str | None = None
    names: dict[Kind, tuple[str, ...]] | None = None
    contribution: Contribution | Literal[""] | None = None
    results: tuple[Claim, ...] | None = None


def outcome_of(record: Record) -> Outcome:
    """Whether there is an answer, and if not, whose fault that is."""
    if record.status == "skipped":
        return "skipped"
    if record.failure is None:
        return "answered"
    return "fault" if record.failure.kind in FAULTS else "error"


def prediction_of(record: Record) -> Prediction:
    """What a record says. That of a failed one is empty: a list that could be read would not be less.

    A model that writes a summary and nothing else was not asked for the rest.
    """
    summary = record.tldr.text if record.tldr else ""
    if record.provenance is not None and record.provenance.structured_mode == SUMMARY:
        return Prediction(summary=summary)
    tasks = tuple(tag.mention or tag.label for tag in (*record.tags, *record.proposed_tags) if tag.facet == "task")
    return Prediction(
        summary=summary,
        names={
            "task": tuple(dict.fromkeys(tasks)),
            "method": tuple(dict.fromkeys(method.name for method in record.methods)),
            "dataset": tuple(dict.fromkeys(mention.name for mention in record.datasets)),
            "metric": tuple(dict.fromkeys(mention.name for mention in record.metrics)),
        },
        contribution=record.contribution or "",
        results=tuple(
            Claim(
                value=result.value,
                unit=result.unit,
                metric=result.metric,
                dataset=result.dataset,
                method=result.method,
                baseline_value=result.baseline_value,
                kind=result.kind,
            )
            for result in record.results
        ),
    )


def number_edges(phrase: str) -> tuple[str, str]:
    """Patterns for before and behind a phrase, so that a number is no piece of a longer one: 79 is not in 79.70."""
    before = r"(?<!\d)(?<!\d[.,])" if phrase[0].isdigit() else ""
    behind = r"(?!\d|[.,]\d)" if phrase[-1].isdigit() else ""
    return before, behind
