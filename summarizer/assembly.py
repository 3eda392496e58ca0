"""What is known of a paper in the end becomes its one record."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from summarizer.completion import LINES, SUMMARY, Completion, Identity, Request
from summarizer.duplicates import Earlier
from summarizer.errors import RequestError
from summarizer.grounding import Grounded, find_links, ground
from summarizer.prompting import Renderer
from summarizer.records import (
    Answer,
    Caution,
    Evidence,
    Failure,
    Paper,
    Provenance,
    Record,
    Tldr,
    Tokens,
    Unreadable,
)
from summarizer.repairing import better
from summarizer.sentences import best_sentence
from summarizer.settings import DEFAULT_LANGUAGE
from summarizer.tagging import Tagger

#: Code of the warning that another text has the same id.
_REUSED = "duplicate_id"
#: Characters of the longest words that are one token, and what sentences end with.
_TOKEN, _ENDS = 16, frozenset(".!?")


@dataclass(frozen=True, slots=True)
class Task:
    """A paper whose answer is awaited."""

    position: int
    paper: Paper
    request: Request
    key: str
    """Of the first round, also in the repair."""
    cautions: tuple[Caution, ...] = ()
    earlier: Completion | None = None
    """What came of the first round, when this is the second."""
    answer: Answer | None = None
    """The answer of the first round, when that could be read."""
    run_key: str | None = None
    """What the run had for `key`, when this is a retry."""


class Assembler:
    """Makes the records of one run."""

    def __init__(
        self,
        renderer: Renderer,
        identity: Identity,
        tagger: Tagger,
        *,
        vocabulary_sha256: str | None,
        stand_in: bool,
    ) -> None:
        """`renderer` made the requests, and `identity` is what answers them; for `stand_in` see `Settings`."""
        self._renderer, self._identity, self._tagger = renderer, identity, tagger
        self.vocabulary_sha256, self._stand_in = vocabulary_sha256, stand_in
        # Other languages capitalize other words.
        self._english = renderer.language == DEFAULT_LANGUAGE

    def ground(self, answer: Answer, paper: Paper) -> Grounded:
        """Tie an answer to the words of the paper."""
        return ground(answer, paper, english=self._english)

    def better(self, task: Task, answer: Answer) -> Answer:
        """What is best of the answers of both rounds."""
        return better(task.answer, answer, task.paper, english=self._english) if task.answer else answer

    def answered(self, task: Task, answer: Answer, grounded: Grounded, completion: Completion) -> Record:
        """The record of an answer that could be read."""
        cautions, told = list(task.cautions), grounded.missed
        if completion.structured_mode == SUMMARY:
            told = ()
            message = "this model writes a summary and nothing else; the other fields were not asked"
            cautions.append(Caution(code="summary_only", message=message))
        elif completion.structured_mode == LINES:
            message = "this model writes a summary and names; contribution, roles and results were read by rule"
            told = (Caution(code="names_only", message=message), *told)
        tldr = grounded.tldr
        if tldr.unsupported and self._stand_in:
            message = f"the model's summary says what the paper does not ({'; '.join(tldr.unsupported)})"
            cautions.append(Caution(code="stand_in", message=f"{message}; a sentence of the abstract stands in"))
            tldr = _stand_in(task.paper)
        elif _may_be_cut_off(answer.tldr, limit := self._renderer.prompt.file.limits.tldr):
            message = f"the summary reached the limit of {limit} characters and may be cut off"
            cautions.append(Caution(code="cut_summary", message=message))
        if absent := [task.name for task in grounded.tasks if task.evidence.match == "absent"]:
            # A task is only ever a tag, and what is not in the text makes none.
            message = f"tasks that are not in the text make no tag: {'; '.join(absent)}"
            cautions.append(Caution(code="absent_task", message=message))
        if grounded.repeated:
            message = f"dropped, because they repeat an earlier one: {grounded.repeated}"
            cautions.append(Caution(code="repeated", message=message))
        tags = self._tagger.tag(answer, task.paper, grounded.tasks, grounded.methods)
        return Record(
            **_facts(task.paper),
            status="partial" if grounded.unsupported or cautions else "ok",
            tldr=tldr,
            contribution=answer.contribution,
            tags=tags.known,
            proposed_tags=tags.proposed,
            methods=grounded.methods,
            datasets=grounded.datasets,
            metrics=grounded.metrics,
            results=grounded.results,
            links=grounded.links,
            # What the model left out, or was not asked, is no fault of what it gave.
            warnings=(*cautions, *told),
            provenance=self._provenance(task, completion),
        )

    def failed(
        self, task: Task, failure: Failure, completion: Completion | None, error: RequestError | None = None
    ) -> Record:
        """The record of a paper without an answer.

        `completion` is one that could not be read, `error` what came instead of one.
        """
        return Record(
            **_facts(task.paper),
            status="failed",
            links=find_links(task.paper.abstract),
            warnings=task.cautions,
            failure=failure,
            provenance=self._provenance(task, completion or task.earlier, error),
        )

    def _provenance(self, task: Task, completion: Completion | None, error: RequestError | None = None) -> Provenance:
        identity, prompt = self._identity, self._renderer.prompt
        attempts, tokens = (completion.attempts, completion.tokens) if completion else (0, Tokens())
        cost = completion.cost_usd if completion else None
        if error is not None:
            attempts, tokens = attempts + error.attempts, tokens + error.tokens
            cost = _sum(cost, error.cost_usd)
        return Provenance(
            key=task.key,
            backend=identity.backend,
            model=identity.model,
            revision=identity.revision,
            adapter=identity.adapter,
            dtype=identity.dtype,
            prompt=prompt.name,
            prompt_sha256=prompt.sha256,
            schema_sha256=self._renderer.schema_sha256,
            vocabulary_sha256=self.vocabulary_sha256,
            retry_of=None if task.run_key == task.key else task.run_key,
            language=None if completion and completion.structured_mode == SUMMARY else self._renderer.language,
            abstract_sha256=sha256(task.paper.abstract.encode()).hexdigest(),
            structured_mode=completion.structured_mode if completion else None,
            attempts=max(attempts, 1),
            tokens=tokens,
            cost_usd=cost,
            cached=completion.cached if completion else False,
            seconds=completion.seconds if completion else 0.0,
            created_at=completion.created_at if completion else None,
        )


def _may_be_cut_off(sentence: str, limit: int) -> bool:
    """What holds a model to the form closes the text there, wherever the sentence is, or where no token fits."""
    return len(sentence) >= limit or (len(sentence) > limit - _TOKEN and sentence.rstrip()[-1:] not in _ENDS)


def _stand_in(paper: Paper) -> Tldr:
    start, end = best_sentence(paper)
    text = paper.abstract[start:end]
    return Tldr(text=text, origin="abstract", evidence=Evidence(quote=text, start=start, end=end, match="exact"))


def _facts(paper: Paper) -> dict[str, Any]:
    return {name: getattr(paper, name) for name in Paper.model_fields}


def unreadable_record(item: Unreadable) -> Record:
    """The record of a place where there is no paper to read."""
    return Record(
        id=item.id,
        title=item.title,
        abstract="",
        source=item.source,
        status="skipped" if item.kind == "no_abstract" else "failed",
        failure=Failure(kind=item.kind, message=item.message, raw=item.raw),
    )


def duplicate_record(paper: Paper, earlier: Earlier) -> Record:
    """The record of a paper that stands earlier in the input as well."""
    message = f"the same paper stands in {earlier.place}"
    return Record(**_facts(paper), status="skipped", failure=Failure(kind="duplicate", message=message))


def reused_id(paper: Paper, earlier: Earlier) -> Caution:
    """The warning for another text under an id that was there before."""
    message = f"the id {paper.id!r} stands in {earlier.place} too, for another text"
    return Caution(code=_REUSED, message=message)


def paper_of(record: Record) -> Paper:
    """The paper that the record was made from."""
    return Paper(**{name: getattr(record, name) for name in Paper.model_fields})


def cautions_of_place(record: Record) -> tuple[Caution, ...]:
    """Warnings that the paper has from its place among the others, and not from what was answered."""
    return tuple(caution for caution in record.warnings if caution.code == _REUSED)


def together(earlier: Completion | None, later: Completion) -> Completion:
    """The answer of a repair, which counts what both rounds took."""
    if earlier is None:
        return later
    return later.model_copy(
        update={
            "tokens": earlier.tokens + later.tokens,
            "cost_usd": _sum(earlier.cost_usd, later.cost_usd),
            "attempts": earlier.attempts + later.attempts,
            "seconds": earlier.seconds + later.seconds,
            "cached": earlier.cached and later.cached,
        },
    )


def counting(completion: Completion, error: RequestError) -> Completion:
    """The answer of a first round, which counts what a second one took that brought nothing."""
    return completion.model_copy(
        update={
            "tokens": completion.tokens + error.tokens,
            "cost_usd": _sum(completion.cost_usd, error.cost_usd),
            "attempts": completion.attempts + error.attempts,
        },
    )


def _sum(cost: float | None, more: float | None) -> float | None:
    # What is known of one of two rounds is known of the record, as the least that it cost.
    return more if cost is None else cost + (more or 0.0)
