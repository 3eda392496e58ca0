"""Where the sentences of an abstract are, and which of them says best what the paper is about."""

import math
import re
from collections import Counter

from sentencex import get_sentence_boundaries

from summarizer.records import Paper

Span = tuple[int, int]

_WORD = re.compile(r"[^\W_]{3,}")
#: Words that say what was done or found, in a sentence about the paper itself.
_CUES = re.compile(
    r"\b(?:we|our|this (?:paper|work|study|article|report|survey)|here)\b.{0,60}?\b(?:present|propos|introduc|develop"
    r"|show|demonstrat|find|found|stud|investigat|describ|release|build|design|analy|evaluat|provid|prove|argue|address"
    r"|explor|survey|review|report|extend|formulat|deriv|establish|aim)",
    re.IGNORECASE | re.DOTALL,
)
#: Words of a sentence that is no good alone: it leans on the one before.
_LEANING = re.compile(
    r"(?:it|its|they|their|these|those|this|that|such|he|she|however|moreover|furthermore|additionally|also|then|but|and"
    r"|to this end|for example|for instance|specifically|in particular|as a result|therefore|thus|hence)\b(?! (?:paper"
    r"|work|study|article|report|survey)\b)",
    re.IGNORECASE,
)
#: A line of a digest has about so many words; shorter ones say little, longer ones too much.
_SHORTEST, _LONGEST = 8, 45


def sentences(text: str) -> list[Span]:
    """The sentences, as spans of code points without the white space around them."""
    spans = []
    for boundary in get_sentence_boundaries("en", text):
        start, end = boundary["start_index"], boundary["end_index"]
        found = text[start:end]
        start += len(found) - len(found.lstrip())
        end -= len(found) - len(found.rstrip())
        if start < end:
            spans.append((start, end))
    return spans


def best_sentence(paper: Paper) -> Span:
    """The sentence of the abstract that tells most about the paper; the whole abstract where there are none.

    It says what was done, shares words with the title and with the rest of the abstract, and stands alone.
    """
    spans = sentences(paper.abstract)
    if not spans:
        return 0, len(paper.abstract)
    words = [_content_words(paper.abstract[start:end]) for start, end in spans]
    frequent = Counter(word for found in words for word in found)
    title = _content_words(paper.title)
    scores = [
        _score(paper.abstract[start:end], found, title, frequent, len(spans))
        for (start, end), found in zip(spans, words, strict=True)
    ]
    return spans[scores.index(max(scores))]


def _score(text: str, words: frozenset[str], title: frozenset[str], frequent: Counter[str], count: int) -> float:
    length = len(text.split())
    about = len(words & title) / math.sqrt(len(title) * len(words)) if title and words else 0.0
    central = sum(frequent[word] - 1 for word in words) / (len(words) * count) if words else 0.0
    score = about + central
    score += 0.5 if _CUES.search(text) else 0.0
    score -= 0.2 if _LEANING.match(text) else 0.0
    score -= 0.4 if not _SHORTEST <= length <= _LONGEST else 0.0
    return score


def _content_words(text: str) -> frozenset[str]:
    return frozenset(_stem(word) for word in _WORD.findall(text.lower()))


def _stem(word: str) -> str:
    return word[:6]
