"""What a page holds of papers: one JSON value that its script shows, short enough for thousands of them.

Texts are harmless to show (`visible`), and the JSON is harmless inside of a `script` element.
"""

import json
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
from markupsafe import Markup

from evals.examples import Claim, Gold, GoldName, Outcome, Prediction
from evals.metrics.metric import Metric
from evals.reporting.papers import Choice, Paper, papers, values
from evals.reporting.side_by_side import Line, Results
from evals.samples import Said, Sample
from summarizer import Record
from summarizer.extension import Frozen, visible

#: What is said of each part of an answer, in the order in which it is shown.
Parts: TypeAlias = dict[str, list[str]]
#: Whether it is of the title, where it starts and where it ends, in characters of the text.
Span: TypeAlias = tuple[bool, int, int]

_MOST_RAW = 1_000
_DECIMALS = {"seconds": 3, "USD": 6}


class Item(Frozen):
    """Something that a run says, with the places that it rests on."""

    part: str
    text: str
    spans: tuple[Span, ...]


class Answer(Frozen):
    """What one run made of a paper."""

    outcome: Outcome
    failure: str | None = None
    message: str = ""
    raw: str = ""
    """What the model said, where it is no answer."""
    items: tuple[Item, ...] = ()


class PagePaper(Frozen):
    """One paper."""

    id: str
    title: str
    abstract: str
    gold: Parts
    answers: tuple[Answer, ...]
    """One for each run."""
    said: tuple[Parts, ...]
    """One for each system."""


class PageMetric(Frozen):
    """A column of values."""

    title: str
    unit: str
    better: str


class PageSystem(Frozen):
    """A row of values."""

    name: str
    kind: str


class PageSuite(Frozen):
    """All that a page holds of one suite."""

    suite: str
    chosen: str
    main: int
    """Place of the metric that is shown first."""
    best: int | None
    """Place of the best baseline among the systems."""
    metrics: tuple[PageMetric, ...]
    systems: tuple[PageSystem, ...]
    """The runs first."""
    values: tuple[tuple[tuple[float | None, ...] | None, ...], ...]
    """For each system and metric one for each paper; null where there is none of any."""
    papers: tuple[PagePaper, ...]


def page_suite(results: Results, choice: Choice) -> PageSuite:
    """Read the chosen papers."""
    wanted = set(choice.places)
    chosen = [paper for place, paper in enumerate(papers(results)) if place in wanted]
    columns = [[_values(metric, [said(paper, line, results) for paper in chosen]) for metric in results.metrics]
               for line in results.lines]  # fmt: skip
    # A metric of nothing but whole sets, or of none of these papers, is no column here.
    shown = [place for place in range(len(results.metrics)) if any(column[place] is not None for column in columns)]
    metrics = [results.metrics[place] for place in shown]
    names = [line.name for line in results.lines]
    best = results.best_baseline
    return PageSuite(
        suite=results.suite,
        chosen=choice.said,
        main=metrics.index(results.main) if results.main in metrics else 0,
        best=names.index(best.name) if best else None,
        metrics=tuple(PageMetric(title=one.title, unit=one.unit, better=one.better) for one in metrics),
        systems=tuple(PageSystem(name=visible(line.name), kind=line.kind) for line in results.lines),
        values=tuple(tuple(column[place] for place in shown) for column in columns),
        papers=tuple(_paper(paper, results) for paper in chosen),
    )


def said(paper: Paper, line: Line, results: Results) -> Said | None:
    """What a system says about a paper; None where it is not among those of its run."""
    if line.kind == "run":
        place = next(place for place, run in enumerate(results.runs) if run.name == line.name)
        return paper.samples[place].systems[line.system]
    return next((sample.systems[line.system] for sample in paper.samples if line.system in sample.systems), None)


def as_json(suites: Sequence[PageSuite]) -> Markup:
    """For a `script` element: nothing in it ends the element or begins a comment, and it is still JSON."""
    told = [suite.model_dump(mode="json", exclude_defaults=True) for suite in suites]
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 - escaped above


def _values(metric: Metric, systems: Sequence[Said | None]) -> tuple[float | None, ...] | None:
    found = values(metric, [one.sums.get(metric.sums) if one else None for one in systems])
    if not np.isfinite(found).any():
        return None
    decimals = _DECIMALS.get(metric.unit, 2)
    return tuple(round(float(value), decimals) if np.isfinite(value) else None for value in found)


def _paper(paper: Paper, results: Results) -> PagePaper:
    first = paper.samples[0]
    pairs = zip(paper.samples, paper.records, strict=True)
    systems = [said(paper, line, results) for line in results.lines]
    gold = _gold(first.gold)
    predicted = [_predicted(one.prediction) if one else {} for one in systems]
    # What nobody says and people were not asked for is not worth a line.
    parts = {part for each in (gold, *predicted) for part, texts in each.items() if texts or part in gold}
    return PagePaper(
        id=visible(first.id),
        title=visible(first.title),
        abstract=visible(first.abstract),
        gold=_harmless(gold),
        answers=tuple(_answer(sample, record) for sample, record in pairs),
        said=tuple(_harmless({part: texts for part, texts in each.items() if part in parts}) for each in predicted),
    )


def _answer(sample: Sample, record: Record) -> Answer:
    failure = record.failure
    raw = failure.raw if failure else ""
    return Answer(
        outcome=sample.outcome,
        failure=visible(sample.failure) if sample.failure else None,
        message=visible(failure.message) if failure else "",
        raw=visible(raw if len(raw) <= _MOST_RAW else f"{raw[:_MOST_RAW]} … ({len(raw):,} characters)"),
        items=tuple(_items(record)),
    )


def _items(record: Record) -> Iterator[Item]:
    found = [
        *((tag.facet, tag.label, (tag.evidence,)) for tag in (*record.tags, *record.proposed_tags)),
        *(("method", method.name, (method.evidence,)) for method in record.methods),
        *(("dataset", mention.name, (mention.evidence,)) for mention in record.datasets),
        *(("metric", mention.name, (mention.evidence,)) for mention in record.metrics),
        *(("result", f"{one.value} {one.unit}", (one.evidence, one.value_evidence)) for one in record.results),
    ]
    if record.tldr and record.tldr.evidence:
        found.append(("summary", "a sentence of the abstract", (record.tldr.evidence,)))
    for part, text, evidence in found:
        # A tag of a closed list is not read from any place.
        there = [quote for quote in evidence if quote is not None]
        if there:
            spans = [
                (quote.where == "title", quote.start, quote.end)
                for quote in there
                if quote.start is not None and quote.end is not None
            ]
            yield Item(part=part, text=visible(text).strip(), spans=tuple(spans))


def _gold(gold: Gold) -> Parts:
    return {
        **({"summary": list(gold.summaries)} if gold.summaries else {}),
        **{f"summary of the {aspect}": [text] for aspect, text in gold.aspects.items()},
        **{kind: [_name(name) for name in names] for kind, names in gold.names.items()},
        **({"contribution": [gold.contribution]} if gold.contribution else {}),
        **({"results": [_claim(claim) for claim in gold.results]} if gold.results is not None else {}),
    }


def _predicted(prediction: Prediction) -> Parts:
    return {
        **({"summary": [prediction.summary]} if prediction.summary is not None else {}),
        **{kind: list(names) for kind, names in (prediction.names or {}).items()},
        **({"contribution": [prediction.contribution]} if prediction.contribution else {}),
        **({"results": [_claim(claim) for claim in prediction.results]} if prediction.results is not None else {}),
    }


def _name(name: GoldName) -> str:
    return " = ".join(name.forms) + ("" if name.stated else " (the abstract does not say it)")


def _claim(claim: Claim) -> str:
    told = {
        "metric": claim.metric,
        "on": claim.dataset,
        "by": claim.method,
        "against": claim.baseline_value,
    }
    details = [f"{word} {text}" for word, text in told.items() if text]
    return ", ".join((f"{claim.value} {claim.unit}".strip(), *details, claim.kind))


def _harmless(parts: Parts) -> Parts:
    return {visible(part): [visible(text) for text in texts] for part, texts in parts.items()}
