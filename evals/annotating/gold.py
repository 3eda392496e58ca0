"""Gold by people: what the annotation guide asks for, held to the words of the paper.

Every name, value and quote is a run of characters of the title or the abstract. White space may differ in what a person
gives, because a browser changes line ends; what is kept is spelled as in the paper.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from evals.examples import Words, number_edges
from summarizer import Record
from summarizer.extension import Contribution, Frozen, ResultKind, Role, sentences

#: Words of a summary, as the annotation guide has it.
LONGEST: Final = 30
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


class GoldMethod(Frozen):
    """A technique with its role in the paper."""

    name: Words
    role: Role


class GoldResult(Frozen):
    """One number that is claimed."""

    value: Words
    unit: str
    metric: Words | None
    dataset: Words | None
    method: Words | None
    baseline_value: Words | None
    kind: ResultKind
    evidence: Words


class GoldFields(Frozen):
    """What is right for a paper. None was not labelled; an empty list was, and there is nothing of the kind."""

    tldr: Words | None = None
    contribution: Contribution | None = None
    tasks: tuple[Words, ...] | None = None
    methods: tuple[GoldMethod, ...] | None = None
    datasets: tuple[Words, ...] | None = None
    metrics: tuple[Words, ...] | None = None
    results: tuple[GoldResult, ...] | None = None


class Problem(Frozen):
    """Why gold is not stored."""

    field: str
    message: str


class Source:
    """The words of one paper."""

    def __init__(self, title: str, abstract: str) -> None:
        """Both as they are."""
        self._texts = (title, abstract)

    def find(self, words: str | None) -> str | None:
        """The words as the paper spells them, None where it does not have them."""
        place = self._search(words)
        return place and place.group()

    def place(self, words: str | None) -> tuple[int, int]:
        """Where they stand: text and offset. What is not there comes first."""
        place = self._search(words)
        return (self._texts.index(place.string), place.start()) if place else (-1, -1)

    def _search(self, words: str | None) -> re.Match[str] | None:
        if not words or not words.strip():
            return None
        pattern = _pattern(words)
        return next(filter(None, map(pattern.search, self._texts)), None)

    def numbers(self) -> set[str]:
        """All that are written in digits."""
        return {number for text in self._texts for number in _NUMBER.findall(text)}


def _pattern(words: str) -> re.Pattern[str]:
    """The words with any white space between them, and not as a piece of a longer number: 79 is not in 79.70."""
    each = words.split()
    before, behind = number_edges(words.strip())
    return re.compile(before + r"\s+".join(map(re.escape, each)) + behind)


def check(gold: GoldFields, source: Source) -> tuple[GoldFields, list[Problem]]:
    """Gold in the spelling of the paper, and what is wrong with it; it is to be stored only if nothing is."""
    problems = [*_summary_problems(gold.tldr, source)]
    names: dict[str, tuple[str, ...] | None] = {}
    for field, given in (("tasks", gold.tasks), ("datasets", gold.datasets), ("metrics", gold.metrics)):
        spelled = [] if given is None else list(dict.fromkeys(_spelled(field, given, source, problems)))
        problems += _twice(field, spelled)
        names[field] = None if given is None else tuple(spelled)
    methods = gold.methods
    if methods is not None:
        spelled = _spelled("methods", (method.name for method in methods), source, problems)
        problems += _twice("methods", list(dict.fromkeys(spelled)))
        roles = {name: method.role for name, method in zip(spelled, methods, strict=True)}
        methods = tuple(GoldMethod(name=name, role=role) for name, role in roles.items())
    results = gold.results
    if results is not None:
        results = tuple(_result(number, result, source, problems) for number, result in enumerate(results, start=1))
    return gold.model_copy(update={**names, "methods": methods, "results": results}), problems


def offered(records: Iterable[Record], source: Source) -> GoldFields:
    """What either side says and the paper has, in the order of the paper, so that it does not tell who said it.

    Where the sides differ in the role of a method, both are there.
    """
    records = tuple(records)
    tags = [tag for record in records for tag in (*record.tags, *record.proposed_tags) if tag.facet == "task"]
    methods = {
        GoldMethod(name=name, role=method.role)
        for record in records
        for method in record.methods
        if (name := source.find(method.name))
    }
    results = {result for record in records for result in _offered_results(record, source)}
    return GoldFields(
        tasks=_in_order((tag.mention for tag in tags), source),
        methods=tuple(sorted(methods, key=lambda method: (source.place(method.name), method.name, method.role))),
        datasets=_in_order((mention.name for record in records for mention in record.datasets), source),
        metrics=_in_order((mention.name for record in records for mention in record.metrics), source),
        results=tuple(
            sorted(
                results,
                key=lambda one: (source.place(one.evidence), one.evidence.find(one.value), one.model_dump_json()),
            )
        ),
    )


def _summary_problems(tldr: str | None, source: Source) -> Iterator[Problem]:
    if tldr is None:
        return
    if (words := len(tldr.split())) > LONGEST:
        yield Problem(field="tldr", message=f"it has {words} words; {LONGEST} are the most")
    if len(sentences(tldr)) > 1:
        yield Problem(field="tldr", message="it has more than one sentence")
    if invented := [number for number in _NUMBER.findall(tldr) if number not in source.numbers()]:
        yield Problem(field="tldr", message=f"the paper does not have {', '.join(invented)}")


def _twice(field: str, names: Sequence[str]) -> Iterator[Problem]:
    """Names that are one but for their case; whoever counts would count both."""
    counts = Counter(name.casefold() for name in names)
    for name in names:
        if counts[name.casefold()] > 1:
            yield Problem(field=field, message=f"{name!r} is there in another case as well")


def _spelled(field: str, names: Iterable[str], source: Source, problems: list[Problem]) -> list[str]:
    found = []
    for name in names:
        spelled = source.find(name)
        if spelled is None:
            problems.append(Problem(field=field, message=f"the paper does not have the words {name!r}"))
        found.append(spelled or name)
    return found


def _result(number: int, result: GoldResult, source: Source, problems: list[Problem]) -> GoldResult:
    field = f"result {number}"
    parts = {}
    for part in ("value", "unit", "metric", "dataset", "method", "baseline_value", "evidence"):
        given = getattr(result, part)
        if given:
            (parts[part],) = _spelled(f"{field}, {part.replace('_', ' ')}", [given], source, problems)
    if not _pattern(result.value).search(result.evidence):
        problems.append(Problem(field=field, message="its evidence does not hold the value"))
    return result.model_copy(update=parts)


def _offered_results(record: Record, source: Source) -> Iterator[GoldResult]:
    for result in record.results:
        value, evidence = source.find(result.value), source.find(result.evidence.quote)
        if value and evidence and _pattern(value).search(evidence):
            yield GoldResult(
                value=value,
                unit=source.find(result.unit) or "",
                metric=source.find(result.metric),
                dataset=source.find(result.dataset),
                method=source.find(result.method),
                baseline_value=source.find(result.baseline_value),
                kind=result.kind,
                evidence=evidence,
            )


def _in_order(names: Iterable[str | None], source: Source) -> tuple[str, ...]:
    found = {spelled for name in names if (spelled := source.find(name))}
    return tuple(sorted(found, key=lambda name: (source.place(name), name)))
