"""The text of a completion becomes an answer, or an error that keeps the text."""

import json
import re
from typing import TypeVar

from pydantic import ValidationError

from summarizer.completion import LINES, SUMMARY, Completion
from summarizer.errors import AnswerError
from summarizer.lines import parse_lines
from summarizer.records import Answer, Frozen, Limits, Vocabulary, first_problem

Kind = TypeVar("Kind", bound=Frozen)

#: Objects in one text that are tried. A bound, so that a text full of braces costs no more than so many readings.
MOST_OBJECTS = 64
#: How an object begins: braces in prose and in LaTeX do not count.
_OBJECT = re.compile(r"""\{\s*["'}]""")


def parse(completion: Completion, vocabulary: Vocabulary, limits: Limits) -> Answer:
    """Read the answer; raises `AnswerError` of kind `invalid_json` or `schema_error`, with a message for the model.

    Labels and lengths are checked here because not every server holds a model to them.
    """
    text = completion.text
    if completion.structured_mode == SUMMARY:
        return _parse_summary(text)
    if completion.structured_mode == LINES:
        answer = parse_lines(text)
    else:
        answer = parse_as(Answer, text)
        _check_labels(answer, vocabulary, text)
    _check_lengths(answer, limits, text)
    return answer


def parse_as(kind: type[Kind], text: str) -> Kind:
    """The object of a kind that a text is, or has in it; `AnswerError` of kind `invalid_json` or `schema_error`."""
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        if error.errors(include_input=False)[0]["type"] != "json_invalid":
            raise _schema_error(error, text) from error
        return _parse_inner(kind, text)


def _parse_summary(text: str) -> Answer:
    sentence = " ".join(text.split())
    if not sentence:
        raise AnswerError("schema_error", "tldr: the summary is empty", text)
    return Answer(
        tldr=sentence,
        contribution=None,
        field=None,
        modalities=(),
        tasks=(),
        methods=(),
        datasets=(),
        metrics=(),
        results=(),
    )


def _parse_inner(kind: type[Kind], text: str) -> Kind:
    # Models that are only asked for JSON like to wrap it in a fence or a sentence, and to think aloud before it: the
    # first object that is an answer is the answer.
    decoder, start, furthest, problem = json.JSONDecoder(), 0, -1, None
    for _ in range(MOST_OBJECTS):
        found = _OBJECT.search(text, start)
        if found is None:
            break
        begin = found.start()
        try:
            _, start = decoder.raw_decode(text, begin)
            return kind.model_validate_json(text[begin:start])
        except ValidationError as error:
            reached, raised = start, _schema_error(error, text)
        except (ValueError, RecursionError) as error:
            start = begin + 1
            reached = error.pos if isinstance(error, json.JSONDecodeError) else start
            raised = AnswerError("invalid_json", f"the JSON is broken: {error}", text)
        # What went furthest was meant to be the answer: what is wrong with that is told.
        if reached - begin > furthest:
            furthest, problem = reached - begin, raised
    raise problem or AnswerError("invalid_json", "there is no JSON object in the answer", text)


def _schema_error(error: ValidationError, text: str) -> AnswerError:
    return AnswerError("schema_error", first_problem(error, "the object"), text)


def _check_labels(answer: Answer, vocabulary: Vocabulary, text: str) -> None:
    fields = {term.label for term in vocabulary.fields}
    modalities = {term.label for term in vocabulary.modalities}
    if answer.contribution is None:
        raise AnswerError("schema_error", "contribution: missing", text)
    if answer.field not in fields:
        raise AnswerError("schema_error", f"field: {answer.field!r} is not one of {sorted(fields)}", text)
    if unknown := set(answer.modalities) - modalities:
        raise AnswerError("schema_error", f"modalities: {sorted(unknown)} are not among {sorted(modalities)}", text)


def _check_lengths(answer: Answer, limits: Limits, text: str) -> None:
    for name in ("modalities", "tasks", "methods", "datasets", "metrics", "results"):
        given, allowed = len(getattr(answer, name)), getattr(limits, name)
        if given > allowed:
            raise AnswerError("schema_error", f"{name}: {given} entries, at most {allowed} are allowed", text)
    texts = [("tldr", answer.tldr, limits.tldr)]
    texts += [("a name", name, limits.text) for name in (*answer.tasks, *answer.datasets, *answer.metrics)]
    texts += [("a method", method.name, limits.text) for method in answer.methods]
    for result in answer.results:
        texts.append(("evidence", result.evidence, limits.evidence))
        words = (result.value, result.unit, result.metric, result.dataset, result.method, result.baseline_value)
        texts += [("a part of a result", word, limits.text) for word in words if word is not None]
    for what, written, allowed in texts:
        if len(written) > allowed:
            raise AnswerError("schema_error", f"{what}: {len(written)} characters, at most {allowed} are allowed", text)
