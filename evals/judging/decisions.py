"""What the verdicts about a pair come to: whose summary is better, and what is right in each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from evals.judging.blinding import ORDERS, SIDES, Better, Order, Preference, Side, agreed, unblind
from evals.judging.pairs import Pair
from evals.judging.questions import CHECKS, Check, Comparison, Questions
from evals.judging.verdicts import Verdict
from summarizer.extension import Question

#: How a question ended: `fault` is an answer that is none, `error` that there is no answer.
Ending = Literal["answered", "fault", "error"]
#: The verdict about a question; None where it was not asked.
Find = Callable[[Question], Verdict | None]


@dataclass(frozen=True, slots=True)
class Decision:
    """One pair, decided or not."""

    pair: Pair
    ending: Ending | None
    """Of the two comparisons together; None where there was nothing to compare."""
    said: dict[Order, Better]
    """What the judge said in both orders; empty where it did not answer both."""
    preference: Preference | None
    """Whose summary is better; None where that is not known."""
    checks: dict[Side, tuple[bool, ...]]
    """The answers to `CHECKS` about both summaries; empty where there are not both."""
    check_endings: tuple[Ending, ...]


def decide(suite: str, pair: Pair, questions: Questions, find: Find) -> Decision:
    """Put the verdicts about a pair together."""
    checks, endings = _checks(suite, pair, questions, find)
    if pair.state != "open":
        return Decision(pair, None, {}, _obvious(pair), checks, endings)
    found = {order: find(questions.compare(suite, pair, order)) for order in ORDERS}
    said: dict[Order, Better] = {
        order: verdict.answer.better
        for order, verdict in found.items()
        if verdict is not None and isinstance(verdict.answer, Comparison)
    }
    if len(said) < len(ORDERS):
        both = [_ending(verdict) for verdict in found.values()]
        return Decision(pair, "error" if "error" in both else "fault", {}, None, checks, endings)
    one, other = (unblind(better, order) for order, better in said.items())
    return Decision(pair, "answered", said, agreed(one, other), checks, endings)


def _obvious(pair: Pair) -> Preference | None:
    """Without a judge: a summary is better than none, and what says the same is as good."""
    if pair.state == "missing":
        return None
    there = [side for side in SIDES if pair.summaries[side]]
    return there[0] if len(there) == 1 else "tie"


def _checks(
    suite: str, pair: Pair, questions: Questions, find: Find
) -> tuple[dict[Side, tuple[bool, ...]], tuple[Ending, ...]]:
    if pair.state == "missing":
        return {}, ()
    # Of what says nothing, nothing is right; leaving it out would flatter whoever failed.
    answers: dict[Side, tuple[bool, ...]] = {side: (False,) * len(CHECKS) for side in SIDES if not pair.summaries[side]}
    endings: list[Ending] = []
    for side in SIDES:
        if pair.summaries[side]:
            verdict = find(questions.check(suite, pair, side))
            if pair.state != "same" or not endings:  # of one text it is one question
                endings.append(_ending(verdict))
            if verdict is not None and isinstance(verdict.answer, Check):
                answers[side] = verdict.answer.answers
    return (answers if len(answers) == len(SIDES) else {}), tuple(endings)


def _ending(verdict: Verdict | None) -> Ending:
    if verdict is None or not verdict.is_settled:
        return "error"
    return "answered" if verdict.failure is None else "fault"
