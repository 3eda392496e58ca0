"""What a person says about a pair, as it is stored, and whose summary stood on which side.

People see a left and a right summary and never learn which run is which. A label keeps what they pressed, and which run
stood on the left; whoever counts uses `unblind`, and nothing else turns sides into runs.
"""

from collections.abc import Mapping
from hashlib import blake2b
from json import dumps
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter

from evals.annotating.gold import GoldFields
from summarizer.extension import Frozen

#: Version of the question. Labels of another version say something else, and are not counted with these.
QUESTION: Final = "1"
WHICH: Final = "Which summary tells a colleague better what was done and found?"
#: What is asked about each summary, by the field of `Answers`.
QUESTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "contribution": "Does it name the contribution?",
        "result": "Is the main result right? Yes as well if there is none, and none is claimed.",
        "supported": "Is nothing in it unsupported by the abstract?",
        "readable": "Is it one sentence that reads well?",
    }
)

#: The first and the second run of the command line.
Run = Literal["a", "b"]
Verdict = Literal["left", "right", "tie", "both_bad"]
Winner = Literal["a", "b", "tie", "both_bad"]


class Answers(Frozen):
    """The four questions about one summary; true is good."""

    contribution: bool
    result: bool
    supported: bool
    readable: bool


class Seen(Frozen):
    """A label in terms of what stood where."""

    verdict: Verdict
    left: Answers
    right: Answers


class Judgement(Frozen):
    """A label in terms of the runs."""

    winner: Winner
    a: Answers
    b: Answers


class Line(Frozen):
    """What all lines of a file of labels have."""

    annotator: str
    time: str
    """ISO 8601, UTC."""
    suite: str
    id: str
    """Of the paper."""


class Label(Line):
    """One person's label of one pair. A later one of the same person and pair takes its place."""

    kind: Literal["label"] = "label"
    pair: str
    """Key of the pair: the same paper with other answers is another one."""
    question: str
    seed: int
    left_run: Run
    """Which run stood on the left."""
    seen: Seen


class Undo(Line):
    """The label of this person and pair is taken back."""

    kind: Literal["undo"] = "undo"
    pair: str


class Gold(Line):
    """What a person says is right for a paper. A later one of the same person and paper takes its place."""

    kind: Literal["gold"] = "gold"
    title: str
    abstract: str
    gold: GoldFields


AnyLine = Label | Undo | Gold
LINE: Final[TypeAdapter[AnyLine]] = TypeAdapter(Annotated[AnyLine, Field(discriminator="kind")])


def run_on_the_left(seed: int, annotator: str, pair: str) -> Run:
    """Drawn for each person and pair, and always the same: it does not depend on the order of the pairs."""
    drawn = blake2b(dumps([seed, annotator, pair]).encode(), digest_size=1).digest()[0]
    return "a" if drawn % 2 else "b"


def unblind(seen: Seen, left_run: Run) -> Judgement:
    """From sides to runs."""
    a, b = (seen.left, seen.right) if left_run == "a" else (seen.right, seen.left)
    winner: Winner
    match seen.verdict:
        case "left":
            winner = left_run
        case "right":
            winner = "b" if left_run == "a" else "a"
        case "tie" | "both_bad":
            winner = seen.verdict
    return Judgement(winner=winner, a=a, b=b)


def blind(judgement: Judgement, left_run: Run) -> Seen:
    """From runs to sides, for a label that is shown again."""
    left, right = (judgement.a, judgement.b) if left_run == "a" else (judgement.b, judgement.a)
    verdict: Verdict
    match judgement.winner:
        case "a" | "b":
            verdict = "left" if judgement.winner == left_run else "right"
        case "tie" | "both_bad":
            verdict = judgement.winner
    return Seen(verdict=verdict, left=left, right=right)
