"""What a judge is asked about a pair: which summary is better, in both orders, and four questions about each.

The prompt stands here and not in `prompts/`: what is there is named by `--prompt` and asked about papers, with an
answer of the record's shape, and summarizer knows nothing of judges. It is versioned in the same way.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from hashlib import sha256
from importlib import resources
from string import Template
from typing import Final, Literal

from evals.judging.blinding import ORDERS, SHOWN, SIDES, Better, Order, Side
from evals.judging.pairs import Pair
from summarizer.extension import Decoding, Frozen, Message, Question

#: The newest version, which is asked.
PROMPT: Final = "v1"
#: The four questions, in the order in which they are answered.
CHECKS: Final = ("contribution", "result", "supported", "sentence")
#: Longest reason and evidence in characters, where the length of an answer can be bounded.
_REASON, _EVIDENCE = 240, 120
_MARK = re.compile(r"<(?=/?(title|abstract|summary|first_summary|second_summary)\b)", re.IGNORECASE)

YesNo = Literal["yes", "no"]


class Comparison(Frozen):
    """The judge's answer about two summaries, the reason first: what is written later follows from it."""

    reason: str
    better: Better


class Check(Frozen):
    """The judge's answers about one summary, each behind its evidence."""

    contribution_evidence: str
    contribution: YesNo
    result_evidence: str
    result: YesNo
    supported_evidence: str
    supported: YesNo
    sentence_evidence: str
    sentence: YesNo

    @property
    def answers(self) -> tuple[bool, ...]:
        """Whether the answer is yes, in the order of `CHECKS`."""
        return tuple(answer == "yes" for answer in (self.contribution, self.result, self.supported, self.sentence))


class Texts(Frozen):
    """One question: the instructions, and the template of what is judged."""

    system: str
    user: str


class Prompt(Frozen):
    """A version of the prompt; `sha256` is of the file's bytes."""

    name: str
    compare: Texts
    check: Texts
    sha256: str


def load_prompt(version: str = PROMPT) -> Prompt:
    """A shipped version."""
    content = (resources.files("evals") / "judging" / f"{version}.toml").read_bytes()
    texts = tomllib.loads(content.decode())
    return Prompt(name=f"judge/{version}", sha256=sha256(content).hexdigest(), **texts)


class Questions:
    """Makes the questions about pairs. Nothing in them says whose a summary is."""

    def __init__(self, prompt: Prompt, decoding: Decoding) -> None:
        """All questions are drawn in one way."""
        self._prompt, self._decoding = prompt, decoding

    def about(self, suite: str, pair: Pair) -> Iterator[Question]:
        """The questions of a pair for which a judge is needed: nothing is asked about a summary that says nothing."""
        if pair.state == "open":
            yield from (self.compare(suite, pair, order) for order in ORDERS)
        if pair.state != "missing":
            yield from (self.check(suite, pair, side) for side in SIDES if pair.summaries[side])

    def compare(self, suite: str, pair: Pair, order: Order) -> Question:
        """Which of the two is better, shown in this order; the answer is a `Comparison`."""
        first, second = (pair.summaries[side] or "" for side in SHOWN[order])
        return self._question(f"{suite}/{pair.id}/{order}", pair, self._prompt.compare, first=first, second=second)

    def check(self, suite: str, pair: Pair, side: Side) -> Question:
        """The four questions about one summary; the answer is a `Check`."""
        return self._question(f"{suite}/{pair.id}/{side}", pair, self._prompt.check, summary=pair.summaries[side] or "")

    def _question(self, name: str, pair: Pair, texts: Texts, **summaries: str) -> Question:
        values = {"title": pair.title, "abstract": pair.abstract.strip(), **summaries}
        # Filled in once and never read as templates; and no text can end itself and go on as another.
        marked = {place: _MARK.sub("< ", text) for place, text in values.items()}
        said = Template(texts.user.strip()).substitute(marked)
        return Question(
            id=name,
            messages=(Message(role="system", content=texts.system.strip()), Message(role="user", content=said)),
            schema_text=COMPARISON_SCHEMA if texts is self._prompt.compare else CHECK_SCHEMA,
            decoding=self._decoding,
            prompt=self._prompt.name,
        )


def _schema(properties: Mapping[str, object]) -> str:
    # As strict modes want it: flat, everything required, nothing else allowed.
    schema = {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}
    return json.dumps(schema, separators=(",", ":"))


def _text(longest: int) -> dict[str, object]:
    return {"type": "string", "minLength": 1, "maxLength": longest}


def _one_of(*labels: str) -> dict[str, object]:
    return {"type": "string", "enum": list(labels)}


COMPARISON_SCHEMA: Final = _schema({"reason": _text(_REASON), "better": _one_of("first", "second", "tie")})
CHECK_SCHEMA: Final = _schema(
    {
        field: _text(_EVIDENCE) if field.endswith("_evidence") else _one_of("yes", "no")
        for name in CHECKS
        for field in (f"{name}_evidence", name)
    }
)
