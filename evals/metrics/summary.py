"""Summaries against those of people, and what can be said of a summary without them.

ROUGE is that of the SciTLDR paper: `rouge-score` with stemming, F1 against each target, the target with the highest
ROUGE-1 is chosen, and ROUGE-2 and ROUGE-L are of that target too. Maxima for each metric, scores without stemming and
means over targets are other numbers (up to four points, and for means up to sixteen), and none of them is here.
Summaries of parts of a paper, its aspects, are compared with the one summary of the whole by the same scores.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import Final

from nltk.stem.porter import PorterStemmer
from rouge_score.rouge_scorer import RougeScorer
from rouge_score.tokenize import tokenize

from evals.examples import ASPECTS, Example, Prediction
from evals.metrics.metric import Metric, mean, share
from summarizer.extension import sentences

_ROUGE = ("rouge1", "rouge2", "rougeL")
_TITLES = {"rouge1": "ROUGE-1", "rouge2": "ROUGE-2", "rougeL": "ROUGE-L"}
_LIES = "words shared with the best target; the title scores high, and length agrees better with people"
_END = re.compile(r"[.!?][\"'\u2019\u201d)\]]*$")

_FORM = "form of the summary"

METRICS = (
    *(
        Metric(name, _TITLES[name], f"{_TITLES[name]} F1: {_LIES}", name, 2, share, "summary", family="rouge")
        for name in _ROUGE
    ),
    *(
        Metric(f"{aspect}.{name}", f"{_TITLES[name]} {aspect}", f"{_TITLES[name]} F1 against the summary of the "
               f"{aspect}: words shared; one sentence about everything shares few with each", f"{aspect}.{name}", 2,
               share, "summary by aspect", family=f"{aspect}.rouge")
        for aspect in ASPECTS
        for name in _ROUGE
    ),
    Metric("words", "words", "length of the summary; says nothing of what is in it", "words", 2, mean, _FORM,
           "words", "neither"),
    Metric("compression", "compression", "words of the abstract for each of the summary; the shorter, the higher, "
           "whatever it says", "compression", 2, mean, _FORM, "times", "neither"),
    Metric("novel1", "novel words", "words of the summary that the abstract does not have, as written and in that "
           "case; a paraphrase is novel too, and no error", "novel1", 2, share, _FORM, better="neither"),
    Metric("novel2", "novel pairs", "the same for two words in a row", "novel2", 2, share, _FORM, better="neither"),
    Metric("novel3", "novel triples", "the same for three words in a row", "novel3", 2, share, _FORM, better="neither"),
    Metric("one_sentence", "one sentence", "summaries that are one sentence with an end; not whether it reads well",
           "one_sentence", 2, share, _FORM),
    Metric("no_summary", "empty", "no summary where one was asked for; ROUGE counts it as 0", "no_summary", 2, share,
           _FORM, better="lower"),
)  # fmt: skip

#: The sums of a score by the name of its metric, as people have them: each against the others, one target fewer.
FEWER: Final = {name: f"{name}.fewer" for name in _ROUGE}


def score(prediction: Prediction, example: Example) -> Iterator[tuple[str, tuple[float, ...]]]:
    """What one paper adds to the sums of `METRICS`; nothing for a system that makes no summaries."""
    if prediction.summary is None:
        return
    text, targets = prediction.summary.strip(), example.gold.summaries
    if targets:
        yield from ((name, (value, 1.0)) for name, value in rouge(text, targets).items())
    if len(targets) > 1:
        yield from ((FEWER[name], (value, 1.0)) for name, value in rouge_of_fewer(text, targets).items())
    for aspect in ASPECTS:
        if aspect in example.gold.aspects:
            found = rouge(text, (example.gold.aspects[aspect],))
            yield from ((f"{aspect}.{name}", (value, 1.0)) for name, value in found.items())
    yield "no_summary", (float(not text), 1.0)
    if text:
        yield from _form(text, example.paper.abstract)


def rouge(text: str, targets: Sequence[str]) -> dict[str, float]:
    """ROUGE-1, -2 and -L F1, each at most 1, of the target for which ROUGE-1 is highest. An empty text scores 0."""
    if not text.strip():
        return dict.fromkeys(_ROUGE, 0.0)
    best = max(targets, key=lambda target: rouge1(text, target))
    found = _scorer(_ROUGE).score(best, text)
    return {name: float(found[name].fmeasure) for name in _ROUGE}


def rouge_of_fewer(text: str, targets: Sequence[str]) -> dict[str, float]:
    """The mean of `rouge` against all targets but one, for each one that is left out: there have to be two or more."""
    first, second, *_ = sorted(targets, key=lambda target: rouge1(text, target), reverse=True)
    # But where it is left out itself, the best target stays the best.
    best, next_best = rouge(text, (first,)), rouge(text, (second,))
    return {name: (best[name] * (len(targets) - 1) + next_best[name]) / len(targets) for name in _ROUGE}


def rouge1(text: str, target: str) -> float:
    """ROUGE-1 F1 alone, at most 1; many times faster than all three, for choosing the best."""
    return float(_scorer(_ROUGE[:1]).score(target, text)["rouge1"].fmeasure)


def _form(text: str, abstract: str) -> Iterator[tuple[str, tuple[float, ...]]]:
    words = text.split()
    yield "words", (float(len(words)), 1.0)
    yield "compression", (len(abstract.split()) / len(words), 1.0)
    for size in (1, 2, 3):
        if grams := _grams(words, size):
            known = _known(abstract, size)
            yield f"novel{size}", (sum(gram not in known for gram in grams) / len(grams), 1.0)
    yield "one_sentence", (float(len(sentences(text)) == 1 and _END.search(text) is not None), 1.0)


def _grams(words: Sequence[str], size: int) -> list[tuple[str, ...]]:
    return [tuple(words[start : start + size]) for start in range(len(words) - size + 1)]


@lru_cache(maxsize=16)
def _known(abstract: str, size: int) -> frozenset[tuple[str, ...]]:
    """Those of an abstract, which all systems are compared with one after the other."""
    return frozenset(_grams(abstract.split(), size))


class _Stems:
    """The stems of rouge-score. Each word is stemmed once: otherwise that is nearly all of the time."""

    def __init__(self) -> None:
        self._stemmer = PorterStemmer()
        self.stem = lru_cache(100_000)(self._stemmer.stem)
        self.tokenize = lru_cache(1_000)(self._tokens)

    def _tokens(self, text: str) -> list[str]:
        tokens: list[str] = tokenize(text, self)
        return tokens


@cache
def _stems() -> _Stems:
    return _Stems()


@cache
def _scorer(names: tuple[str, ...]) -> RougeScorer:
    return RougeScorer(list(names), tokenizer=_stems())
