"""Whether the same thing has the same tag in all papers of a batch.

Mentions are the same here when they differ in nothing but case, plural, hyphens and spaces. The first one of a batch
sets the label, and each later one should have it too. That is a sum over papers like all others, and needs one pass.
"""

import re
import unicodedata
from collections.abc import Iterator
from hashlib import blake2b

from evals.metrics.metric import Metric, share
from summarizer import Record

#: Mentions that are kept in mind; bounds memory. Those that are met later are not looked at.
MOST_MENTIONS = 500_000
_WORD = re.compile(r"[^\W_]+")

METRICS = (
    Metric("consistency", "tag consistency", "tags of tasks and methods that a paper before has too, but for case, "
           "plural and hyphen: those with the label of the first; says nothing of synonyms, nor of right labels",
           "consistency", 2, share, "tags"),
)  # fmt: skip


class Labels:
    """The labels of a batch, by the mention that they were given first."""

    def __init__(self, most: int = MOST_MENTIONS) -> None:
        """Nothing was met yet; more mentions than `most` are not remembered."""
        self._first: dict[bytes, bytes] = {}
        self._most = most

    def score(self, record: Record) -> Iterator[tuple[str, tuple[float, ...]]]:
        """What one record adds to the sums of `METRICS`; records come in the order of the batch."""
        same = again = 0
        met: dict[bytes, bytes] = {}
        for tag in (*record.tags, *record.proposed_tags):
            if tag.mention is None:
                continue
            key, label = _short(f"{tag.facet} {fold(tag.mention)}"), _short(tag.label)
            if key in self._first:
                again += 1
                same += self._first[key] == label
            elif len(self._first) + len(met) < self._most:
                met.setdefault(key, label)
        self._first |= met
        if again:
            yield "consistency", (float(same), float(again))


def fold(mention: str) -> str:
    """A mention without case, hyphens, spaces, and the s of plurals."""
    words = _WORD.findall(unicodedata.normalize("NFKC", mention).casefold())
    return "".join(
        word[:-1] if len(word) > 3 and word.endswith("s") and word[-2] not in "sui" else word for word in words
    )


def _short(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=8).digest()
