"""The straight line from papers to records; the only place that knows the order of the steps.

    read -> render -> complete (through the cache) -> parse, or repair once -> ground -> tag -> record

One record comes out for each input, in the order of the inputs, whatever fails. Run-level errors are raised;
record-level ones become a `Failure` here and nowhere else.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from summarizer.backends import make_backend
from summarizer.cache import CachedBackend, Store, check_owner
from summarizer.completion import SUMMARY, Backend, Completion, Decoding, Outcome, Request, never
from summarizer.duplicates import Earlier, Seen
from summarizer.errors import AnswerError, PromptError, RequestError, ResumeError, SummarizerError
from summarizer.grounding import find_links, ground
from summarizer.parsing import parse
from summarizer.prompting import Example, Prompt, Renderer, load_prompt
from summarizer.records import (
    Answer,
    Caution,
    Failure,
    Paper,
    Provenance,
    Record,
    Source,
    Tokens,
    Unreadable,
)
from summarizer.settings import Settings
from summarizer.tagging import tag

Input = Paper | Unreadable

#: Records that may wait for an earlier one. A bound, so that memory is one too.
_WAITING = 2048


@dataclass(frozen=True, slots=True)
class _Task:
    """A paper whose answer is awaited."""

    position: int
    paper: Paper
    request: Request
    key: str
    """Of the first round, also in the repair."""
    cautions: tuple[Caution, ...] = ()
    earlier: Completion | None = None
    """The answer that could not be read, when this is the repair."""


class Summarizer:
    """Turns papers into records with one prompt and one backend. Usable for several runs, one after the other."""

    def __init__(
        self,
        settings: Settings,
        backend: Backend | None = None,
        stopping: Callable[[], bool] = never,
    ) -> None:
        """Check the prompt and open the cache; no model is loaded before it is needed.

        `backend` replaces the one that the settings name. Once `stopping()` is true no new paper is begun, what is
        under way is finished, and the run ends early.
        """
        check_owner(settings.cache_dir)
        prompt = load_prompt(settings.prompt_name)
        _check_examples(prompt)
        decoding = Decoding(max_tokens=settings.max_tokens, temperature=settings.temperature, seed=settings.seed)
        self._backend = backend or make_backend(settings)
        self._renderer = Renderer(prompt, settings.language, decoding, self._backend.identity)
        if settings.cache:
            self._backend = CachedBackend(self._backend, Store(settings.cache_dir))
        self._stopping = stopping

    def run(self, inputs: Iterable[Input], written: Iterable[Record] = ()) -> Iterator[Record]:
        """Yield one record for each input, in order, in bounded memory.

        `written` are the records of an earlier run over the same inputs that was cut short: they are checked against
        the inputs, which costs no model call, and the run goes on after them. A record that does not belong raises
        `ResumeError` before anything is asked.
        """
        return _Run(self._renderer, self._backend, self._stopping).records(iter(inputs), written)

    def request(self, paper: Paper) -> Request:
        """What would be asked about one paper."""
        return self._renderer.request(paper)

    @property
    def backend(self) -> Backend:
        """What answers."""
        return self._backend


class _Run:
    """The state of one pass over the inputs."""

    def __init__(self, renderer: Renderer, backend: Backend, stopping: Callable[[], bool]) -> None:
        self._renderer, self._backend, self._stopping = renderer, backend, stopping
        self._identity = backend.identity
        self._seen = Seen()
        self._waiting: dict[str, _Task] = {}  # by request id
        self._repairs: deque[_Task] = deque()
        self._ready: dict[int, Record] = {}  # by position
        self._read = self._emitted = 0
        self._more = True  # until the inputs have ended

    def records(self, inputs: Iterator[Input], written: Iterable[Record]) -> Iterator[Record]:
        try:
            for record in written:
                self._check_written(record, next(inputs, None))
            while (self._more or self._repairs) and not self._stopping():
                before = self._read, len(self._repairs)
                yield from self._pass(inputs)
                if self._more and before == (self._read, len(self._repairs)):
                    raise SummarizerError("the backend ended without asking for a paper")
        finally:
            self._seen.close()

    def _pass(self, inputs: Iterator[Input]) -> Iterator[Record]:
        # The backend pulls papers as it needs them, until the inputs end or too many records wait for an earlier one.
        for outcome in self._backend.complete(self._requests(inputs), self._stopping):
            self._settle(outcome)
            yield from self._in_order()
        if not self._stopping():
            for task in self._waiting.values():
                failure = Failure(kind="no_outcome", message="the backend ended without an answer for this paper")
                self._ready[task.position] = self._failed(task, failure, None)
            self._waiting.clear()
        yield from self._in_order()

    def _requests(self, inputs: Iterator[Input]) -> Iterator[Request]:
        while not self._stopping() and (self._repairs or len(self._ready) < _WAITING):
            # A repair goes first: it may be what the records that are ready wait for.
            if self._repairs:
                task: _Task | None = self._repairs.popleft()
            elif (item := next(inputs, None)) is not None:
                task = self._begin(item)
            else:
                self._more = False
                return
            if task is not None:
                request = self._with_own_id(task.request)
                self._waiting[request.id] = task
                yield request

    def _with_own_id(self, request: Request) -> Request:
        # Several texts may stand under one id; an answer has to find its own.
        own, number = request.id, 1
        while own in self._waiting:
            number += 1
            own = f"{request.id}#{number}"
        return request if own == request.id else request.model_copy(update={"id": own})

    def _begin(self, item: Input) -> _Task | None:
        position, self._read = self._read, self._read + 1
        if isinstance(item, Unreadable):
            self._ready[position] = _unreadable_record(item)
            return None
        earlier = self._seen.add(item)
        if earlier is not None and earlier.same_text:
            self._ready[position] = _duplicate_record(item, earlier)
            return None
        request = self._renderer.request(item)
        return _Task(
            position=position,
            paper=item,
            request=request,
            key=request.key,
            cautions=() if earlier is None else (_reused_id(item, earlier),),
        )

    def _settle(self, outcome: Outcome) -> None:
        task = self._waiting.pop(outcome.request_id, None)
        if task is None:
            raise SummarizerError(f"the backend answered a request that was not asked: {outcome.request_id!r}")
        if isinstance(outcome, RequestError):
            failure = Failure(kind=outcome.kind, message=str(outcome), raw=outcome.raw)
            self._ready[task.position] = self._failed(task, failure, None, outcome)
            return
        completion, prompt = _together(task.earlier, outcome), self._renderer.prompt
        try:
            answer = parse(outcome, prompt.vocabulary, prompt.file.limits)
        except AnswerError as error:
            if task.earlier is None:
                request = self._renderer.repair(task.request, error.raw, str(error))
                self._repairs.append(replace(task, request=request, earlier=completion))
            else:
                failure = Failure(kind=error.kind, message=str(error), raw=error.raw)
                self._ready[task.position] = self._failed(task, failure, completion)
            return
        self._ready[task.position] = self._answered(task, answer, completion)

    def _in_order(self) -> Iterator[Record]:
        while (record := self._ready.pop(self._emitted, None)) is not None:
            self._emitted += 1
            yield record

    def _answered(self, task: _Task, answer: Answer, completion: Completion) -> Record:
        grounded = ground(answer, task.paper)
        cautions = list(task.cautions)
        if completion.structured_mode == SUMMARY:
            message = "this model writes a summary and nothing else; the other fields were not asked"
            cautions.append(Caution(code="summary_only", message=message))
        if len(answer.tldr) >= self._renderer.prompt.file.limits.tldr:
            # What holds a model to the schema closes the text there, wherever the sentence is.
            message = f"the summary reached the limit of {len(answer.tldr)} characters and may be cut off"
            cautions.append(Caution(code="cut_summary", message=message))
        if absent := [task.name for task in grounded.tasks if task.evidence.match == "absent"]:
            # A task is only ever a tag, and what is not in the text makes none.
            message = f"tasks that are not in the text make no tag: {'; '.join(absent)}"
            cautions.append(Caution(code="absent_task", message=message))
        if grounded.unsupported_values:
            message = f"results hold numbers that the abstract does not have: {', '.join(grounded.unsupported_values)}"
            cautions.append(Caution(code="unsupported_value", message=message))
        if grounded.repeated:
            message = f"dropped, because they repeat an earlier one: {grounded.repeated}"
            cautions.append(Caution(code="repeated", message=message))
        return Record(
            **_facts(task.paper),
            status="ok" if grounded.complete and not cautions else "partial",
            tldr=grounded.tldr,
            contribution=answer.contribution,
            tags=tag(answer, grounded.tasks, grounded.methods),
            methods=grounded.methods,
            datasets=grounded.datasets,
            metrics=grounded.metrics,
            results=grounded.results,
            links=grounded.links,
            warnings=tuple(cautions),
            provenance=self._provenance(task, completion),
        )

    def _failed(
        self, task: _Task, failure: Failure, completion: Completion | None, error: RequestError | None = None
    ) -> Record:
        return Record(
            **_facts(task.paper),
            status="failed",
            links=find_links(task.paper.abstract),
            warnings=task.cautions,
            failure=failure,
            provenance=self._provenance(task, completion or task.earlier, error),
        )

    def _provenance(self, task: _Task, completion: Completion | None, error: RequestError | None = None) -> Provenance:
        identity, prompt = self._identity, self._renderer.prompt
        attempts, tokens = (completion.attempts, completion.tokens) if completion else (0, Tokens())
        if error is not None:
            attempts, tokens = attempts + error.attempts, _sum(tokens, error.tokens)
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
            language=None if completion and completion.structured_mode == SUMMARY else self._renderer.language,
            abstract_sha256=sha256(task.paper.abstract.encode()).hexdigest(),
            structured_mode=completion.structured_mode if completion else None,
            attempts=max(attempts, 1),
            tokens=tokens,
            cost_usd=completion.cost_usd if completion else None,
            cached=completion.cached if completion else False,
            seconds=completion.seconds if completion else 0.0,
            created_at=completion.created_at if completion else None,
        )

    def _check_written(self, record: Record, item: Input | None) -> None:
        if item is None:
            raise ResumeError(f"it holds more records than there are papers; the first one too many is {record.id!r}")
        where = f"{item.source.name}, line {item.source.line}"
        if record.id != item.id and not _is_of(record, item):
            raise ResumeError(f"it holds other papers: {record.id!r} where {where} has {item.id!r}")
        if (record.title, record.abstract) != (item.title, item.abstract if isinstance(item, Paper) else ""):
            raise ResumeError(f"the text of {record.id!r} ({where}) has changed since its record was made")
        if isinstance(item, Paper):
            self._seen.add(item)
            if record.provenance and record.provenance.key != self._renderer.request(item).key:
                raise ResumeError(f"the record of {record.id!r} was made with other settings")


def _is_of(record: Record, item: Input) -> bool:
    # What has no id of its own is known by its place, and ./papers.jsonl is the same place as papers.jsonl.
    return isinstance(item, Unreadable) and record.failure is not None and record.source.line == item.source.line


def _facts(paper: Paper) -> dict[str, Any]:
    return {name: getattr(paper, name) for name in Paper.model_fields}


def _unreadable_record(item: Unreadable) -> Record:
    return Record(
        id=item.id,
        title=item.title,
        abstract="",
        source=item.source,
        status="skipped" if item.kind == "no_abstract" else "failed",
        failure=Failure(kind=item.kind, message=item.message, raw=item.raw),
    )


def _duplicate_record(paper: Paper, earlier: Earlier) -> Record:
    message = f"the same paper stands in {earlier.place}"
    return Record(**_facts(paper), status="skipped", failure=Failure(kind="duplicate", message=message))


def _reused_id(paper: Paper, earlier: Earlier) -> Caution:
    message = f"the id {paper.id!r} stands in {earlier.place} too, for another text"
    return Caution(code="duplicate_id", message=message)


def _together(earlier: Completion | None, later: Completion) -> Completion:
    # A repaired answer counts what both rounds took.
    if earlier is None:
        return later
    return later.model_copy(
        update={
            "tokens": _sum(earlier.tokens, (later.tokens.prompt, later.tokens.completion)),
            "attempts": earlier.attempts + later.attempts,
            "seconds": earlier.seconds + later.seconds,
            "cached": earlier.cached and later.cached,
        },
    )


def _sum(tokens: Tokens, more: tuple[int, int]) -> Tokens:
    return Tokens(prompt=tokens.prompt + more[0], completion=tokens.completion + more[1])


def _check_examples(prompt: Prompt) -> None:
    # A model imitates its examples: one that invents teaches inventing.
    for number, example in enumerate(prompt.file.examples, start=1):
        if problem := _example_problem(example, prompt):
            raise PromptError(f"prompt {prompt.name}, example {number}: {problem}")


def _example_problem(example: Example, prompt: Prompt) -> str | None:
    paper = Paper(id="example", title=example.title, abstract=example.abstract, source=Source(name=prompt.name, line=1))
    completion = Completion(
        request_id=paper.id,
        text=example.answer.model_dump_json(),
        tokens=Tokens(),
        structured_mode="example",
        seconds=0.0,
        created_at="",
    )
    try:
        answer = parse(completion, prompt.vocabulary, prompt.file.limits)
    except AnswerError as error:
        return str(error)
    grounded = ground(answer, paper)
    if invented := (*grounded.tldr.unsupported, *grounded.unsupported_values):
        return f"{', '.join(invented)} is not in the abstract"
    absent = [evidence.quote for evidence in grounded.evidence if evidence.match == "absent"]
    return f"{absent[0]!r} is not in the abstract" if absent else None
