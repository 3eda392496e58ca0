"""Gold of your own: JSON Lines of papers with what people say about them, as `docs/gold.md` describes.

It is read strictly. A misspelt key would turn a label into "not labelled", and a quote that the paper does not have
would be an error of every system; both are refused with the file and the line.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from evals.examples import Aspect, Claim, Example, Gold, GoldName, Kind, Target, Words, number_edges
from evals.suites.lines import checked, paper, read_rows
from evals.suites.suite import Suite
from summarizer.extension import Contribution, Frozen, InputError, ResultKind, Role, first_problem, sentences

#: Keys that only a record has, so that a file of `summarizer run` is told apart from one with a misspelt key.
_OF_RECORDS: Final = frozenset({"schema_version", "provenance", "status"})
_ADVICE: Final = (
    "it is a record of `summarizer run`: what a model says, and not gold. Let people label the paper with "
    "`summarizer annotate`, or write the line as docs/gold.md says"
)


def _wrong(problem: str) -> PydanticCustomError:
    # Of a ValueError pydantic would say first that it is one.
    return PydanticCustomError("gold", "{problem}", {"problem": problem})


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _as_name(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


class Name(Frozen):
    """A name that people found: the first form is the one to write, each of the others is as right."""

    name: Words
    aliases: tuple[Words, ...] = ()


class MethodName(Name):
    """A technique, with the role that it plays where somebody said which."""

    role: Role | None = None


class GoldResult(Claim):
    """A number that is claimed. A part that is missing is null, which says that the paper names none."""

    # `Claim` takes a result for a score when nobody says what it is. People do say it.
    kind: ResultKind
    evidence: Words | None = None


def _some(texts: tuple[str, ...]) -> tuple[str, ...]:
    if not texts:
        # Every paper has sentences and can be summarized, so that none of them is no label.
        raise _wrong("it is empty; leave the key out where there is none")
    return texts


Names = tuple[Annotated[Name, BeforeValidator(_as_name)], ...]


class GoldPaper(Frozen):
    """One line: a paper, and what is said about it. None means that nobody labelled it, empty that there is nothing."""

    id: Words
    title: str
    abstract: Words
    tldr: Annotated[tuple[Target, ...], BeforeValidator(_as_tuple), AfterValidator(_some)] | None = None
    """Of one and the same thing: any of them is right."""
    contribution: Contribution | None = None
    tasks: Names | None = None
    methods: tuple[Annotated[MethodName, BeforeValidator(_as_name)], ...] | None = None
    datasets: Names | None = None
    metrics: Names | None = None
    results: tuple[GoldResult, ...] | None = None
    aspects: dict[Aspect, Target] = Field(default_factory=dict)
    """Summaries of parts."""
    sentences: Annotated[tuple[Words, ...], AfterValidator(_some)] | None = None
    """Of the abstract; divided by rule where they are not given."""
    document: Words | None = None
    """What the paper is a part of, where several lines are of one whole; else its id."""
    note: str | None = None
    """For people. Nothing reads it."""

    @model_validator(mode="before")
    @classmethod
    def _is_gold(cls, line: object) -> object:
        if isinstance(line, dict) and _OF_RECORDS & line.keys():
            raise _wrong(_ADVICE)
        if isinstance(line, dict) and (unknown := [str(key) for key in line if key not in cls.model_fields]):
            raise _wrong(f"there is no key {unknown[0]!r}; there are {', '.join(cls.model_fields)}")
        return line

    @model_validator(mode="after")
    def _is_verbatim(self) -> "GoldPaper":
        for number, result in enumerate(self.results or ()):
            for part, text in _quotes(result):
                if not self._has(text):
                    raise _wrong(f"results.{number}.{part}: neither title nor abstract has {text!r}")
            if result.evidence is not None and not _holds(result.evidence, result.value):
                raise _wrong(f"results.{number}.evidence: it does not hold the value {result.value!r}")
        for sentence in self.sentences or ():
            if sentence not in self.abstract:
                raise _wrong(f"sentences: the abstract does not have {sentence!r}")
        return self

    @model_validator(mode="after")
    def _names_once(self) -> "GoldPaper":
        for field in ("tasks", "methods", "datasets", "metrics"):
            names: tuple[Name, ...] = getattr(self, field) or ()
            forms = Counter(form for name in names for form in {form.casefold() for form in (name.name, *name.aliases)})
            if twice := next((form for form, count in forms.items() if count > 1), None):
                raise _wrong(f"{field}: two entries have the form {twice!r}")
        return self

    def _has(self, quote: str) -> bool:
        return _holds(self.abstract, quote) or _holds(self.title, quote)


def read(path: Path) -> Iterator[Example]:
    """The examples of one file, in its order; an id that stood before is an `InputError`, and so is an empty file."""
    return checked(path, (_example(path, number, row) for number, row in read_rows(path, GoldPaper)))


def gold_line(labelled: GoldPaper | Example) -> str:
    """A line of a gold file, with its end. What was not labelled is left out.

    Of an `Example` everything is kept that `read` gives back: an example has no evidence for its results and no note.
    `InputError` when it says what no gold file may say.
    """
    if isinstance(labelled, Example):
        labelled = _labelled(labelled)
    said = labelled.model_dump(mode="json", exclude_defaults=True)
    return json.dumps(said, ensure_ascii=False) + "\n"


def _example(path: Path, number: int, row: GoldPaper) -> Example:
    text = f"{row.title}\n{row.abstract}"
    names: dict[Kind, tuple[GoldName, ...]] = {}
    if row.tasks is not None:
        names["task"] = _names(row.tasks, text)
    if row.methods is not None:
        names["method"] = _names(row.methods, text)
    if row.datasets is not None:
        names["dataset"] = _names(row.datasets, text)
    if row.metrics is not None:
        names["metric"] = _names(row.metrics, text)
    return Example(
        paper=paper(path, number, known=row.id, title=row.title, abstract=row.abstract),
        gold=Gold(
            summaries=row.tldr or (),
            aspects=row.aspects,
            names=names,
            contribution=row.contribution,
            results=None if row.results is None else tuple(map(_claim, row.results)),
        ),
        sentences=row.sentences or tuple(row.abstract[start:end] for start, end in sentences(row.abstract)),
        document=row.document or row.id,
    )


def _names(names: Iterable[Name], text: str) -> tuple[GoldName, ...]:
    return tuple(
        GoldName(
            name=name.name,
            aliases=name.aliases,
            stated=any(_is_stated(form, text) for form in (name.name, *name.aliases)),
            role=name.role if isinstance(name, MethodName) else None,
        )
        for name in names
    )


def _claim(result: GoldResult) -> Claim:
    return Claim(**result.model_dump(exclude={"evidence"}))


def _labelled(example: Example) -> GoldPaper:
    gold, names = example.gold, example.gold.names
    try:
        return GoldPaper(
            id=example.paper.id,
            title=example.paper.title,
            abstract=example.paper.abstract,
            tldr=gold.summaries or None,
            contribution=gold.contribution,
            tasks=_forms(names.get("task")),
            methods=_methods(names.get("method")),
            datasets=_forms(names.get("dataset")),
            metrics=_forms(names.get("metric")),
            results=None if gold.results is None else tuple(GoldResult(**one.model_dump()) for one in gold.results),
            aspects=gold.aspects,
            sentences=example.sentences,
            document=example.document,
        )
    except ValidationError as error:
        source = example.paper.source
        raise InputError(source.name, f"cannot be gold: {first_problem(error, 'paper')}", source.line) from error


def _forms(names: Iterable[GoldName] | None) -> Names | None:
    return None if names is None else tuple(Name(name=name.name, aliases=name.aliases) for name in names)


def _methods(names: Iterable[GoldName] | None) -> tuple[MethodName, ...] | None:
    if names is None:
        return None
    return tuple(MethodName(name=name.name, aliases=name.aliases, role=name.role) for name in names)


def _quotes(result: GoldResult) -> Iterator[tuple[str, str]]:
    """The parts of a result that have to stand in the paper, by their keys."""
    parts = ("evidence", "value", "unit", "baseline_value", "metric", "dataset", "method")
    return ((part, text) for part in parts if (text := getattr(result, part)))


def _holds(text: str, quote: str) -> bool:
    """Whether a text has the quote letter by letter, and not as a piece of a longer number: 79 is not in 79.70."""
    before, behind = number_edges(quote)
    return re.search(f"{before}{re.escape(quote)}{behind}", text) is not None


def _is_stated(form: str, text: str) -> bool:
    """Whether a text has a name as whole words, in any case and plural, however its lines are broken."""
    words = r"\s+".join(map(re.escape, form.split()))
    return re.search(rf"(?<![^\W_]){words}(?:e?s)?(?![^\W_])", text, re.IGNORECASE) is not None


SUITE = Suite(
    name="gold",
    about="papers of your own, labelled by people of your own",
    licence="that of your data",
    origin="yourself; docs/gold.md describes the file, and `summarizer annotate` writes it",
    files={"train": ("train.jsonl",), "dev": ("dev.jsonl", "gold.jsonl"), "test": ("test.jsonl",)},
    read=read,
    parts=("summary", "aspects", "names", "contribution", "results"),
)
