"""What costs nothing and is in every table: a model that does not beat it has read nothing.

For summaries the title, the first sentence, LexRank (Erkan and Radev 2004), and the sentence that is nearest to the
targets, which looks at the answer and bounds what copying can reach. For names a gazetteer: what train calls so.
"""

import re
from collections.abc import Sequence

import numpy as np
from sumy.models.dom import ObjectDocumentModel, Paragraph, Sentence
from sumy.summarizers.lex_rank import LexRankSummarizer

from evals.examples import Example, Prediction
from evals.metrics.summary import rouge

TITLE, FIRST, LEXRANK, ORACLE, GAZETTEER, PEOPLE = (
    "title",
    "first sentence",
    "LexRank",
    "oracle sentence",
    "gazetteer",
    "people",
)

_WORD = re.compile(r"\w+")


class _Words:
    """Divides into words for sumy, whose own way needs files that are fetched."""

    def to_words(self, text: str) -> tuple[str, ...]:
        return tuple(_WORD.findall(text))


def summaries(example: Example) -> dict[str, Prediction]:
    """A summary by each of the baselines that read only the paper, and by the one that knows the targets."""
    texts = {TITLE: example.paper.title, FIRST: example.sentences[0], LEXRANK: lexrank(example.sentences)}
    if targets := example.gold.summaries:
        texts[ORACLE] = max(example.sentences, key=lambda sentence: rouge(sentence, targets)["rouge1"])
    return {name: Prediction(summary=text) for name, text in texts.items()}


def lexrank(sentences: Sequence[str]) -> str:
    """The most central sentence; the first one where all are as central."""
    words = _Words()
    document = ObjectDocumentModel([Paragraph([Sentence(text, words) for text in sentences])])
    # Sentences that share nothing make a matrix without a direction.
    with np.errstate(invalid="ignore", divide="ignore"):
        (best,) = LexRankSummarizer()(document, 1) or (sentences[0],)
    return str(best)
