"""What a judge said: a line for each question, written as it comes, after which a run that was killed goes on."""

from pathlib import Path
from typing import Final

from pydantic import ValidationError

from evals.examples import FAULTS
from evals.judging.questions import COMPARISON_SCHEMA, Check, Comparison
from summarizer import Completion
from summarizer.extension import AnswerError, Frozen, InputError, LineFile, Outcome, Question, first_problem, parse_as

FILE: Final = "verdicts.jsonl"


class Verdict(Frozen):
    """One question and what came of it: an answer, or the failure to have one, which is never taken for an answer.

    `better` of a comparison is as the judge said it; `evals.judging.blinding` knows whose that is.
    """

    id: str
    key: str
    """Of all that can change the answer: a line counts only for the question that it was the answer to."""
    answer: Comparison | Check | None
    failure: str | None = None
    """Kind of the failure."""
    message: str | None = None
    raw: str | None = None
    """What was said, where that is no answer."""
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    """Of when it was asked first; null where the price is not known."""
    seconds: float
    created_at: str | None

    @property
    def is_settled(self) -> bool:
        """Whether asking again would change nothing: there is an answer, or what the judge said is none."""
        return self.failure is None or self.failure in FAULTS


class VerdictFile(LineFile[Verdict]):
    """The verdicts of a folder; see `LineFile`."""

    def __init__(self, path: Path) -> None:
        """Open or make it; `OutputError` when that cannot be done or another process writes it."""
        super().__init__(path, _parse, b'{"id":')


def verdict_of(question: Question, key: str, outcome: Outcome) -> Verdict:
    """The line of an outcome. What cannot be read as an answer is a failure with the kind that a record would have."""
    completion = outcome if isinstance(outcome, Completion) else None
    answer: Comparison | Check | None = None
    failure: tuple[str, str, str] | None = None
    if isinstance(outcome, Completion):
        try:
            compared = question.schema_text == COMPARISON_SCHEMA
            answer = parse_as(Comparison, outcome.text) if compared else parse_as(Check, outcome.text)
        except AnswerError as error:
            failure = error.kind, str(error), error.raw
    else:
        failure = outcome.kind, str(outcome), outcome.raw
    kind, message, raw = failure or (None, None, None)
    return Verdict(
        id=question.id,
        key=key,
        answer=answer,
        failure=kind,
        message=message,
        raw=raw,
        prompt_tokens=outcome.tokens.prompt,
        completion_tokens=outcome.tokens.completion,
        cost_usd=outcome.cost_usd,
        seconds=completion.seconds if completion else 0.0,
        created_at=completion.created_at if completion else None,
    )


def _parse(path: str, number: int, line: bytes) -> Verdict:
    try:
        return Verdict.model_validate_json(line)
    except ValidationError as error:
        raise InputError(path, f"not a verdict of this version: {first_problem(error, 'line')}", number) from error
