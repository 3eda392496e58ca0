"""What costs nothing and is in every table: a model that does not beat it has read nothing.

For summaries the title, the first sentence, LexRank (Erkan and Radev 2004), and the sentence that is nearest to the
targets, which looks at the answer and bounds what copying can reach. For names a gazetteer: what people called so in
other papers. Where a paper has several targets, people against people: each target as if it were a summary, against
the others. That is one target fewer than systems have, and fewer targets make lower scores: a system beyond people is
beyond what the metric can tell, and not better than people.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from sumy.models.dom import ObjectDocumentModel, Paragraph, Sentence
from sumy.summarizers.lex_rank import LexRankSummarizer

from evals.examples import ASPECTS, Example, Gold, Prediction
from evals.gazetteer import Gazetteer
from evals.metrics.summary import rouge1

TITLE, FIRST, LEXRANK, ORACLE, GAZETTEER = ("title", "first sentence", "LexRank", "oracle sentence", "gazetteer")

_WORD = re.compile(r"\w+")


class _Words:
    """Divides into words for sumy, whose own way needs files that are fetched."""

    def to_words(self, text: str) -> tuple[str, ...]:
        return tuple(_WORD.findall(text))


def predictions(example: Example, gazetteer: Gazetteer | None = None) -> dict[str, Prediction]:
    """What each of the baselines that fit the gold of a paper says about it."""
    found = summaries(example)
    if gazetteer is not None and example.gold.names:
        found[GAZETTEER] = Prediction(names=gazetteer.names(example))
    return found


def summaries(example: Example) -> dict[str, Prediction]:
    """A summary by each of the baselines that read only the paper, and by those that know the targets.

    There is an oracle for each aspect, for no sentence is nearest to all of them. Without targets there is nothing.
    """
    gold, sentences = example.gold, example.sentences
    aspects = {f"{ORACLE}, {aspect}": (gold.aspects[aspect],) for aspect in ASPECTS if aspect in gold.aspects}
    wanted = {ORACLE: gold.summaries, **aspects} if gold.summaries else aspects
    if not wanted:
        return {}
    texts = {TITLE: example.paper.title, FIRST: sentences[0], LEXRANK: lexrank(sentences)}
    texts |= {name: nearest(sentences, targets) for name, targets in wanted.items()}
    return {name: Prediction(summary=text) for name, text in texts.items()}


def people(example: Example) -> Iterator[tuple[Prediction, Example]]:
    """Each target as a summary, with the paper as it is without this target; nothing where there is only one."""
    targets = example.gold.summaries
    if len(targets) < 2:
        return
    for number, target in enumerate(targets):
        gold = Gold(summaries=targets[:number] + targets[number + 1 :])
        yield Prediction(summary=target), example.model_copy(update={"gold": gold})


def nearest(sentences: Sequence[str], targets: Iterable[str]) -> str:
    """The sentence with the highest ROUGE-1 for one of the targets."""
    targets = tuple(targets)
    return max(sentences, key=lambda sentence: max(rouge1(sentence, target) for target in targets))


def lexrank(sentences: Sequence[str]) -> str:
    """The most central sentence; the first one where all are as central."""
    words = _Words()
    document = ObjectDocumentModel([Paragraph([Sentence(text, words) for text in sentences])])
    # Sentences that share nothing make a matrix without a direction.
    with np.errstate(invalid="ignore", divide="ignore"):
        (best,) = LexRankSummarizer()(document, 1) or (sentences[0],)
    return str(best)
