"""Answers requests with a Hugging Face model on this machine, in batches."""

import gc
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import cached_property
from itertools import chain, count, groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from summarizer.backends.constraint import Form
from summarizer.backends.device import Placement, check_placement, choose_placement, eight_bit_formats
from summarizer.backends.generation import Generated, LoadedModel, is_out_of_memory
from summarizer.backends.lean import LeanModel, load_lean
from summarizer.backends.lora import adapter_name
from summarizer.backends.vllm_engine import load_vllm
from summarizer.backends.weights import fetch_weights, find_model, find_revision, is_here
from summarizer.completion import LINES, SUMMARY, Completion, Identity, Outcome, Request, never
from summarizer.errors import RequestError, SettingsError
from summarizer.lines import is_grammar
from summarizer.records import Tokens
from summarizer.settings import Settings
from summarizer.shipped import embedded_adapter

if TYPE_CHECKING:
    from summarizer.backends.continuous import ContinuousDecoder, Written
    from summarizer.backends.vllm_engine import VllmDecoder, VllmModel

#: Turns a folder, a placement and an adapter into a loaded model.
Loader = Callable[[Path, Placement, Path | None], "LoadedModel | LeanModel | VllmModel"]
_LOADERS: dict[str, Loader] = {"torch": load_lean, "vllm": load_vllm}

#: Batches that are pulled at once: among so many requests, those of like length are put together.
WINDOW_BATCHES = 4
#: Tokens that the first request of all may write alone: more than most answers in lines have.
ALONE = 192
#: One slot in so many has to be free before requests enter.
TOGETHER = 8


class _Pending(NamedTuple):
    position: int
    request: Request
    prompt: list[int]


class LocalBackend:
    """A `Backend` around a local model, which is loaded when the first request comes."""

    def __init__(self, settings: Settings, load: "Loader | None" = None) -> None:
        """Find the model; `ModelError` if there is none of that name. `load` is for those that have loaded one."""
        self._settings, self._load = settings, load or _LOADERS[settings.engine]
        self._source = find_model(settings.model)
        self._adapter = settings.used_adapter
        # With the adapter that comes along, it is known what int8 costs (docs/adapter.md).
        measured = self._adapter == embedded_adapter() and settings.engine == "torch"
        self._placement = choose_placement(settings.device, settings.dtype, eight_bits=measured)
        self._batch_size = settings.under_way

    @cached_property
    def identity(self) -> Identity:
        """What answers; known without weights, and without torch where nothing is fetched for a device of choice."""
        settings = self._settings
        if settings.device not in ("auto", "cpu") and not is_here(self._source, settings.revision):
            check_placement(self._placement)  # before gigabytes are fetched for a device that is not there
        return Identity(
            backend="local",
            model=self._source.name,
            revision=find_revision(self._source, settings.revision, settings.cache_dir),
            adapter=adapter_name(self._adapter) if self._adapter else None,
            dtype=self._placement.dtype,
            dialect=self._dialect,
        )

    @property
    def _dialect(self) -> str | None:
        """What computes, where it rounds in other ways: another engine, or int8, which has several formats."""
        if self._settings.engine != "torch":
            return self._settings.engine
        return eight_bit_formats() if self._placement.dtype == "int8" else None

    def complete(self, requests: Iterable[Request], stopping: Callable[[], bool] = never) -> Iterator[Outcome]:
        """Yield one outcome for each request begun; see `Backend`. `ModelError` if the model does not load."""
        waiting = iter(requests)
        if stopping() or (first := next(waiting, None)) is None:
            return
        waiting = chain([first], waiting)
        model = self._model
        if model.continuous or not isinstance(model, LoadedModel):
            yield from self._answer_continuously(self._longest_first(waiting, stopping))
        else:
            while not stopping() and (window := list(islice(waiting, WINDOW_BATCHES * self._batch_size))):
                yield from self._answer(model, window, stopping)

    @cached_property
    def _model(self) -> "LoadedModel | LeanModel | VllmModel":
        settings = self._settings
        # Here too, since making the weights ready takes half a minute for a GGUF file, and may fetch them.
        check_placement(self._placement)
        folder = fetch_weights(self._source, self.identity.revision, self._placement.weights, settings.cache_dir)
        return self._load(folder, self._placement, self._adapter)

    def _arriving(self, waiting: Iterator[Request], stopping: Callable[[], bool]) -> Iterator[_Pending | RequestError]:
        for position in count():
            if stopping() or (request := next(waiting, None)) is None:
                return
            try:
                yield self._encode(request, position)
            except RequestError as error:
                yield error

    def _longest_first(
        self, waiting: Iterator[Request], stopping: Callable[[], bool]
    ) -> Iterator[_Pending | RequestError]:
        """The first as it comes, and the others of each window by their lengths.

        All slots are read as far as the longest, so that those of like length should be under way together.
        """
        arriving = self._arriving(waiting, stopping)
        yield from islice(arriving, 1)
        while window := list(islice(arriving, WINDOW_BATCHES * self._batch_size)):
            for item in sorted(window, key=_shortness):
                if stopping():
                    return
                yield item

    def _answer_continuously(self, arriving: Iterator[_Pending | RequestError]) -> Iterator[Outcome]:
        """Requests enter the running batch as others leave it."""
        decoder, begun, alone = self._model.decoder(self._batch_size), 0, ALONE
        under_way: dict[int, _Pending] = {}
        again: deque[_Pending] = deque()
        while True:
            new: list[_Pending] = []
            # The first one goes alone for a while: a record is there early, and its prompt serves the others. Later
            # slots wait for one another, since prompts that are read together are read faster.
            most = 1 if alone else self._batch_size
            waits = bool(under_way) and (most - len(under_way)) * TOGETHER < most
            while not waits and len(under_way) < most and (item := again.popleft() if again else next(arriving, None)):
                if isinstance(item, RequestError):
                    yield item
                else:
                    new.append(item)
                    under_way[item.position] = item
            if not under_way:
                return
            begun += len(new)
            if (written := _advance(decoder, new)) is not None:
                for one in written:
                    yield self._outcome(under_way.pop(one.number), self._model.text_of(one), round(one.seconds, 3))
                alone = 0 if written else max(alone - 1, 0)
                continue
            # Out of memory: all begin again, half as many at a time, and no more than that in this run. One that was
            # read by itself has had its chance; one that was left of many begins anew without what they have taken.
            again.extendleft(sorted(under_way.values(), reverse=True))
            if len(under_way) > 1:
                self._batch_size = (len(under_way) + 1) // 2
            elif begun == 1:
                yield self._out_of_memory(again.popleft())
            under_way.clear()
            del decoder
            gc.collect()
            decoder, begun = self._model.decoder(self._batch_size), 0

    def _answer(self, model: LoadedModel, window: list[Request], stopping: Callable[[], bool]) -> Iterator[Outcome]:
        ready: list[_Pending] = []
        for position, request in enumerate(window):
            try:
                ready.append(self._encode(request, position))
            except RequestError as error:
                yield error
        # The batch of the earliest request goes first: records leave in the order of the papers, and the first of them
        # should not have to wait for a whole window.
        batches = deque(sorted(self._batches(ready), key=lambda batch: min(item.position for item in batch)))
        while batches and not stopping():
            batch = batches.popleft()
            if len(batch) > self._batch_size:
                # Put together before memory ran out.
                batches.extendleft((batch[self._batch_size :], batch[: self._batch_size]))
            elif outcomes := self._answer_batch(model, batch):
                yield from outcomes
            elif len(batch) > 1:
                # Out of memory: halves of it, and no larger batch in this run.
                self._batch_size = (len(batch) + 1) // 2
                batches.appendleft(batch)
            else:
                yield self._out_of_memory(batch[0])

    def _encode(self, request: Request, position: int) -> _Pending:
        prompt = self._model.encoder.encode(request)
        context, room = self._model.context, request.decoding.max_tokens
        if room >= context and not self._model.plain_summarizer:
            raise SettingsError(f"setting 'max_tokens': {room} leaves no room for a prompt in a context of {context}")
        # An encoder has its own positions; the answer takes none of them.
        needed = len(prompt) + (0 if self._model.plain_summarizer else room)
        if needed > context:
            raise RequestError(
                request.id,
                "prompt_too_long",
                f"the prompt has {len(prompt)} tokens and the answer may have {room}, but the model's context is "
                f"{context}: {RequestError.KINDS['prompt_too_long']}",
            )
        return _Pending(position, request, prompt)

    def _batches(self, ready: list[_Pending]) -> Iterator[list[_Pending]]:
        """Requests that can share a batch (one schema, one way of drawing) put together by length."""
        for _, group in groupby(sorted(ready, key=_order), key=_group):
            items = list(group)
            yield from (items[start : start + self._batch_size] for start in range(0, len(items), self._batch_size))

    def _answer_batch(self, model: LoadedModel, batch: list[_Pending]) -> list[Outcome]:
        """Outcomes of the batch, or none at all when memory ran out."""
        started = time.perf_counter()
        first = batch[0].request
        try:
            forms = [_form(item.request) for item in batch]
            answers = model.generate([item.prompt for item in batch], first.decoding, forms)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            answers = []
        if not answers:
            gc.collect()
            return []
        seconds = round((time.perf_counter() - started) / len(batch), 3)
        return [self._outcome(item, answer, seconds) for item, answer in zip(batch, answers, strict=True)]

    def _outcome(self, item: _Pending, answer: Generated, seconds: float) -> Outcome:
        name, tokens = item.request.id, Tokens(prompt=len(item.prompt), completion=answer.tokens)
        if answer.problem:
            problem = f"the schema was given up: {answer.problem}"
            return RequestError(name, "rejected", problem, answer.text, tokens=tokens)
        if not answer.complete:
            problem = f"the answer was not complete after {answer.tokens} tokens: {RequestError.KINDS['truncated']}"
            return RequestError(name, "truncated", problem, answer.text, tokens=tokens)
        if not answer.text:
            return RequestError(name, "empty", RequestError.KINDS["empty"], tokens=tokens)
        return Completion(
            request_id=name,
            text=answer.text,
            tokens=tokens,
            structured_mode=SUMMARY if self._model.plain_summarizer else _mode(item.request),
            seconds=seconds,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def _out_of_memory(self, item: _Pending) -> RequestError:
        return RequestError(
            item.request.id,
            "out_of_memory",
            f"there is not enough memory for a prompt of {len(item.prompt)} tokens alone: use a smaller model",
        )


def _advance(decoder: "ContinuousDecoder | VllmDecoder", new: list[_Pending]) -> "list[Written] | None":
    """Let requests in and write a token of each; what has ended, or `None` when memory ran out."""
    from summarizer.backends.continuous import Asked  # noqa: PLC0415 - it takes torch

    try:
        decoder.admit([Asked(item.position, item.prompt, item.request.decoding, _form(item.request)) for item in new])
        return decoder.step()
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return None


def _form(request: Request) -> Form:
    return Form(request.schema_text, request.title, request.abstract)


def _mode(request: Request) -> str:
    return LINES if is_grammar(request.schema_text) else "json_schema"


def _group(item: _Pending) -> tuple[str, str]:
    return item.request.schema_text, item.request.decoding.model_dump_json()


def _shortness(item: _Pending | RequestError) -> int:
    return -len(item.prompt) if isinstance(item, _Pending) else 0


def _order(item: _Pending) -> tuple[str, str, int]:
    return *_group(item), len(item.prompt)
