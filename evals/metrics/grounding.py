"""Whether the words of an answer are in the paper, from the evidence of its record.

This is lexical: it finds what was made up, not what was understood wrongly. A negation that was lost, or a number that
was given to another method, is grounded. It is no measure of faithfulness.
"""

from collections.abc import Iterator

from evals.metrics.metric import Metric, share
from summarizer import Evidence, Record
from summarizer.extension import SUMMARY, numbers_of

_NOT = "not faithfulness: the words can be there and mean something else"

_PART = "held against the paper"

METRICS = (
    Metric("grounded", "names grounded", "names whose words the paper has; tasks that it does not have make no tag and "
           f"are not counted; {_NOT}", "grounded", 2, share, _PART),
    Metric("flagged", "results flagged", "results with a flag or a quote that is not there; says nothing of numbers "
           "that were given to the wrong thing", "flagged", 2, share, _PART, better="lower"),
    Metric("unsupported_numbers", "summaries with foreign numbers", "summaries with a number that the paper does not "
           f"have; one that stands in has none; {_NOT}", "unsupported_numbers", 2, share, _PART, better="lower",
           family="unsupported"),
    Metric("unsupported_names", "summaries with foreign names", "summaries with a name that the paper does not have; "
           f"one that stands in has none; {_NOT}", "unsupported_names", 2, share, _PART, better="lower",
           family="unsupported"),
    Metric("stand_in", "stand-ins", "summaries that are a sentence of the abstract, because the model's own said what "
           "the paper does not; says nothing of how good the sentence is", "stand_in", 2, share, _PART, better="lower"),
    Metric("missed", "claims missed", "papers with a number that looks like a claim and is in no result; by rule, so "
           "some are no claims and others are not seen", "missed", 2, share, _PART, better="lower"),
)  # fmt: skip


def score(record: Record) -> Iterator[tuple[str, tuple[float, ...]]]:
    """What one record adds to the sums of `METRICS`; nothing when it has no answer."""
    tldr = record.tldr
    if tldr is None:
        return
    numbers = {tldr.text[number.start : number.end] for number in numbers_of(tldr.text)}
    yield "unsupported_numbers", (float(any(text in numbers for text in tldr.unsupported)), 1.0)
    yield "unsupported_names", (float(any(text not in numbers for text in tldr.unsupported)), 1.0)
    yield "stand_in", (float(tldr.origin == "abstract"), 1.0)
    if record.provenance is not None and record.provenance.structured_mode == SUMMARY:
        return
    evidence = list(_evidence(record))
    if evidence:
        yield "grounded", (float(sum(found.match != "absent" for found in evidence)), float(len(evidence)))
    if record.results:
        flagged = sum(bool(result.flags) or result.evidence.match == "absent" for result in record.results)
        yield "flagged", (float(flagged), float(len(record.results)))
    yield "missed", (float(any(caution.code == "missed_result" for caution in record.warnings)), 1.0)


def _evidence(record: Record) -> Iterator[Evidence]:
    """Of tasks, methods, datasets and metrics, each once."""
    for tag in (*record.tags, *record.proposed_tags):
        if tag.facet == "task" and tag.evidence is not None:
            yield tag.evidence
    yield from (method.evidence for method in record.methods)
    yield from (mention.evidence for mention in (*record.datasets, *record.metrics))
