"""The straight line from papers to records; the only place that knows the order of the steps.

    read -> render -> complete (through the cache) -> parse -> ground, or ask once more -> tag -> record

One record comes out for each input, in the order of the inputs, whatever fails. Run-level errors are raised;
record-level ones become a `Failure` here and nowhere else.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cached_property

from summarizer.assembly import (
    Assembler,
    Task,
    cautions_of_place,
    counting,
    duplicate_record,
    paper_of,
    reused_id,
    together,
    unreadable_record,
)
from summarizer.backends import make_backend
from summarizer.cache import CachedBackend, Store, check_owner
from summarizer.completion import LINES, SUMMARY, Backend, Completion, Decoding, Outcome, Request, never
from summarizer.duplicates import Seen
from summarizer.errors import AnswerError, PromptError, RequestError, ResumeError, SummarizerError
from summarizer.examples import check_examples
from summarizer.glossary import Glossary
from summarizer.parsing import parse
from summarizer.prompting import Renderer, check_language, load_prompt
from summarizer.reading.fields import checked
from summarizer.records import Answer, Failure, Paper, Record, Unreadable
from summarizer.repairing import problem_of
from summarizer.rules import read_by_rule
from summarizer.settings import Settings
from summarizer.tagging import Tagger
from summarizer.vocabulary import load_tag_vocabulary

Input = Paper | Unreadable

#: Records that may wait for an earlier one. A bound, so that memory is one too.
_WAITING = 2048


class Summarizer:
    """Turns papers into records with one prompt and one backend. Usable for several runs, one after the other."""

    def __init__(
        self,
        settings: Settings,
        backend: Backend | None = None,
        stopping: Callable[[], bool] = never,
    ) -> None:
        """Check the prompt and open the cache; no model is loaded, and no server asked, before it is needed.

        `backend` replaces the one that the settings name. Once `stopping()` is true no new paper is begun, what is
        under way is finished, and the run ends early.
        """
        check_owner(settings.cache_dir)
        self._prompt, self._settings = load_prompt(settings.prompt_name), settings
        check_examples(self._prompt)
        check_language(self._prompt, settings.language)
        if self._prompt.file.form == "lines" and settings.backend == "hosted":
            raise PromptError(f"prompt {self._prompt.name}: is for local models, which can be held to its lines")
        self._backend = backend or make_backend(settings, stopping=stopping)
        if settings.cache:
            self._backend = CachedBackend(self._backend, Store(settings.cache_dir))
        self._stopping, self._stand_in = stopping, settings.stand_in
        self._vocabulary = load_tag_vocabulary(settings.vocabulary) if settings.vocabulary else None
        # What is known of the embedded model says nothing of a backend that the caller brings.
        self._repair = settings.repairs if backend is None else settings.repair is not False

    def run(
        self, inputs: Iterable[Input], written: Iterable[Record] = (), glossary: Glossary | None = None
    ) -> Iterator[Record]:
        """Yield one record for each input, in order, in bounded memory.

        `written` are the records of an earlier run over the same inputs that was cut short: they are checked against
        the inputs, which costs no model call, and the run goes on after them. A record that does not belong raises
        `ResumeError` before anything is asked. With a `glossary` of the inputs an acronym that one of them defines
        makes the same tag in all.
        """
        usable = (checked(item) if isinstance(item, Paper) else item for item in inputs)
        return self._begin(glossary).records(usable, written)

    def again(self, records: Iterable[Record], glossary: Glossary | None = None) -> Iterator[Record]:
        """Ask once more about the papers of earlier records, and yield a new record for each, as `run` does.

        Each is asked for itself, so the same id or text may come twice; a warning that the id is used twice stays. With
        other settings than before `provenance.retry_of` says which question the first record was the answer to, so that
        a run with the settings of then can go on after the new records.
        """
        return self._begin(glossary).records(iter(records), ())

    def _begin(self, glossary: Glossary | None) -> "_Run":
        assembler = Assembler(
            self._renderer,
            self._backend.identity,
            Tagger(self._vocabulary, glossary),
            vocabulary_sha256=self._vocabulary.sha256 if self._vocabulary else None,
            stand_in=self._stand_in,
        )
        return _Run(self._renderer, self._backend, self._stopping, assembler, repair=self._repair)

    @cached_property
    def _renderer(self) -> Renderer:
        # Not before it is needed: a hosted backend may have to ask its server what it is.
        settings = self._settings
        decoding = Decoding(max_tokens=settings.max_tokens, temperature=settings.temperature, seed=settings.seed)
        return Renderer(self._prompt, settings.language, decoding, self._backend.identity)

    def request(self, paper: Paper) -> Request:
        """What would be asked about one paper."""
        return self._renderer.request(paper)

    @property
    def backend(self) -> Backend:
        """What answers."""
        return self._backend


class _Run:
    """The state of one pass over the inputs."""

    def __init__(
        self,
        renderer: Renderer,
        backend: Backend,
        stopping: Callable[[], bool],
        assembler: Assembler,
        *,
        repair: bool,
    ) -> None:
        self._renderer, self._backend, self._stopping = renderer, backend, stopping
        self._assembler, self._repair = assembler, repair
        self._seen = Seen()
        self._waiting: dict[str, Task] = {}  # by request id
        self._repairs: deque[Task] = deque()
        self._ready: dict[int, Record] = {}  # by position
        self._read = self._emitted = 0
        self._more = True  # until the inputs have ended

    def records(self, inputs: Iterator[Input | Record], written: Iterable[Record]) -> Iterator[Record]:
        try:
            for record in written:
                if self._stopping():
                    return
                self._check_written(record, next(inputs, None))
            while (self._more or self._repairs) and not self._stopping():
                before = self._read, len(self._repairs)
                yield from self._pass(inputs)
                if self._more and before == (self._read, len(self._repairs)) and not self._stopping():
                    raise SummarizerError("the backend ended without asking for a paper")
        finally:
            self._seen.close()

    def _pass(self, inputs: Iterator[Input | Record]) -> Iterator[Record]:
        # The backend pulls papers as it needs them, until the inputs end or too many records wait for an earlier one.
        for outcome in self._backend.complete(self._requests(inputs), self._stopping):
            self._settle(outcome)
            yield from self._in_order()
        if not self._stopping():
            for task in self._waiting.values():
                failure = Failure(kind="no_outcome", message="the backend ended without an answer for this paper")
                self._ready[task.position] = self._assembler.failed(task, failure, None)
            self._waiting.clear()
        yield from self._in_order()

    def _requests(self, inputs: Iterator[Input | Record]) -> Iterator[Request]:
        while not self._stopping() and (self._repairs or len(self._ready) < _WAITING):
            # A repair goes first: it may be what the records that are ready wait for.
            if self._repairs:
                task: Task | None = self._repairs.popleft()
            elif (item := next(inputs, None)) is not None:
                if self._stopping():  # while the input was waited for
                    return
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

    def _begin(self, item: Input | Record) -> Task | None:
        position, self._read = self._read, self._read + 1
        if isinstance(item, Record):
            return self._begin_again(position, item)
        if isinstance(item, Unreadable):
            self._ready[position] = unreadable_record(item)
            return None
        earlier = self._seen.add(item)
        if earlier is not None and earlier.same_text:
            self._ready[position] = duplicate_record(item, earlier)
            return None
        request = self._renderer.request(item)
        return Task(
            position=position,
            paper=item,
            request=request,
            key=request.key,
            cautions=() if earlier is None else (reused_id(item, earlier),),
        )

    def _begin_again(self, position: int, record: Record) -> Task | None:
        paper = checked(paper_of(record))
        if isinstance(paper, Unreadable):
            self._ready[position] = unreadable_record(paper)
            return None
        request, before = self._renderer.request(paper), record.provenance
        return Task(
            position=position,
            paper=paper,
            request=request,
            key=request.key,
            cautions=cautions_of_place(record),
            run_key=(before.retry_of or before.key) if before else None,
        )

    def _settle(self, outcome: Outcome) -> None:
        task = self._waiting.pop(outcome.request_id, None)
        if task is None:
            raise SummarizerError(f"the backend answered a request that was not asked: {outcome.request_id!r}")
        if isinstance(outcome, RequestError) and task.answer is not None and task.earlier is not None:
            # A second round that brought nothing costs the paper nothing.
            self._answered(task, task.answer, counting(task.earlier, outcome))
            return
        if isinstance(outcome, RequestError):
            failure = Failure(kind=outcome.kind, message=str(outcome), raw=outcome.raw)
            self._ready[task.position] = self._assembler.failed(task, failure, None, outcome)
            return
        completion, prompt = together(task.earlier, outcome), self._renderer.prompt
        try:
            answer = parse(outcome, prompt.vocabulary, prompt.file.limits)
        except AnswerError as error:
            if task.earlier is None and prompt.file.form == "json":
                self._ask_again(task, outcome, self._renderer.repair(task.request, error.raw, str(error)))
            elif task.answer is not None:
                self._answered(task, task.answer, completion)
            else:
                failure = Failure(kind=error.kind, message=str(error), raw=error.raw)
                self._ready[task.position] = self._assembler.failed(task, failure, completion)
            return
        if outcome.structured_mode == LINES:
            answer = read_by_rule(answer, task.paper, prompt.file.limits)
        self._answered(task, self._assembler.better(task, answer), completion)

    def _answered(self, task: Task, answer: Answer, completion: Completion) -> None:
        grounded = self._assembler.ground(answer, task.paper)
        # A second round shows a model its JSON and what is wrong with it.
        may_repair = self._repair and task.earlier is None and completion.structured_mode not in {SUMMARY, LINES}
        if may_repair and grounded.unsupported:
            problem = problem_of(grounded)
            request = self._renderer.repair(task.request, completion.text, problem, readable=True)
            self._ask_again(replace(task, answer=answer), completion, request)
        else:
            self._ready[task.position] = self._assembler.answered(task, answer, grounded, completion)

    def _ask_again(self, task: Task, earlier: Completion, request: Request) -> None:
        self._repairs.append(replace(task, request=request, earlier=earlier))

    def _in_order(self) -> Iterator[Record]:
        while (record := self._ready.pop(self._emitted, None)) is not None:
            self._emitted += 1
            yield record

    def _check_written(self, record: Record, item: Input | Record | None) -> None:
        if item is None:
            raise ResumeError(f"it holds more records than there are papers; the first one too many is {record.id!r}")
        where = f"{item.source.name}, line {item.source.line}"
        if record.id != item.id and not _is_of(record, item):
            raise ResumeError(f"it holds other papers: {record.id!r} where {where} has {item.id!r}")
        if (record.title, record.abstract) != (item.title, item.abstract if isinstance(item, Paper) else ""):
            raise ResumeError(f"the text of {record.id!r} ({where}) has changed since its record was made")
        if isinstance(item, Paper):
            self._seen.add(item)
            made = record.provenance
            # What was asked again with other settings is still the record of this run.
            if made and self._renderer.request(item).key not in (made.key, made.retry_of):
                raise ResumeError(f"the record of {record.id!r} was made with other settings", same_papers=True)
            if made and made.vocabulary_sha256 != self._assembler.vocabulary_sha256:
                raise ResumeError(f"the record of {record.id!r} was tagged with another vocabulary")


def _is_of(record: Record, item: Input | Record) -> bool:
    # What has no id of its own is known by its place, and ./papers.jsonl is the same place as papers.jsonl.
    return isinstance(item, Unreadable) and record.failure is not None and record.source.line == item.source.line
