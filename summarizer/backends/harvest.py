"""What comes of batches: each is looked at until it has ended, and then every line of its files is taken over."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from summarizer.backends.batch_api import About, BatchApi, PassingError, remove
from summarizer.backends.batch_lines import Again, Line, Reader, read_lines
from summarizer.backends.budget import Budget
from summarizer.backends.handover import Patience
from summarizer.backends.journal import Asked, Batch, Journal, Problem
from summarizer.backends.replies import clean
from summarizer.backends.spool import Queue
from summarizer.completion import Completion
from summarizer.errors import EndpointError, RequestError

_LOG = logging.getLogger(__name__)

#: Answers between two commits of the journal.
_CHUNK = 500
_TOKEN_LIMIT = "token_limit_exceeded"  # noqa: S105 - a code, not a secret


@dataclass
class _Reading:
    """What came of the lines of a batch so far."""

    answered: bool = False
    odd: int = 0
    refusal: EndpointError | None = None
    seen: set[str] = field(default_factory=set)


class Harvest:
    """Takes over what batches bring."""

    def __init__(
        self,
        api: BatchApi,
        journal: Journal,
        budget: Budget,
        patience: Patience,
        queue: Queue,
        keep: Callable[[Asked, Completion], None],
    ) -> None:
        """`keep` puts an answer where the run finds it."""
        self._api, self._journal, self._budget = api, journal, budget
        self._patience, self._queue, self._keep = patience, queue, keep
        self._reader = Reader(api.url, api.key, api.settings)
        self.answers = 0
        self._reports: dict[str, str] = {}

    def look_at(self, batch: Batch) -> bool:
        """Whether the batch has ended, and all that it brought is taken over.

        `EndpointError` when what it says is about all requests; what it brought is taken over before.
        """
        try:
            about = self._api.retrieve(batch.batch_id or "")
            self._report(batch, about)
            if not about.has_ended:
                return False
            if about.status == "failed":
                self._take_back(batch, about)
            else:
                self._take_over(batch, about)
        except PassingError as error:
            self._patience.tell(error)
            return False
        return True

    def _report(self, batch: Batch, about: About) -> None:
        if self._reports.get(batch.token) != about.progress:
            self._reports[batch.token] = about.progress
            _LOG.info("batch %s: %s", self._shown(about.id), self._shown(about.progress))

    def _take_back(self, batch: Batch, about: About) -> None:
        """Forget a batch that the server did not work on."""
        troubles = (about.errors.data if about.errors else None) or []
        said = "; ".join(f"{one.message} ({one.code})" for one in troubles[:3]) or "without a reason"
        problem = self._shown(f"batch {about.id} was not worked on: {said}")
        self._free(batch)
        self._journal.take_back(batch.token, problem)
        self._delete_file(batch)
        if not any(one.code == _TOKEN_LIMIT for one in troubles):
            raise EndpointError(f"{problem}; nothing of it is billed: mend it, then give the same command")
        self._queue.refused(batch.bytes, sum(other.bytes for other in self._journal.begun(batch.endpoint)))
        _LOG.warning("%s; less is handed over at once from now on", problem)

    def _take_over(self, batch: Batch, about: About) -> None:
        paths = [self._journal.folder / f"{batch.token}.{name}.part" for name in ("output", "errors")]
        for path, file_id in zip(paths, (about.output_file_id, about.error_file_id), strict=True):
            remove(path)
            if file_id:
                path.touch(mode=0o600)
                self._api.download(file_id, path)
        reading = _Reading()
        for path in paths:
            if path.exists():
                self._read(path, batch, reading)
        self._free(batch)
        self._journal.end(batch.token, f"the batch was {self._shown(about.status)}")
        self._queue.accepted()
        for path in paths:
            remove(path)
        self._delete_file(batch)
        if reading.odd:
            _LOG.warning("batch %s: ignored %d lines that nobody waits for", self._shown(about.id), reading.odd)
        if left := self._journal.count(batch.token, "again"):
            message = "batch %s was %s with %d requests that may be answered another time"
            _LOG.warning(message, self._shown(about.id), about.status, left)
        if reading.refusal is not None:
            raise reading.refusal

    def _read(self, path: Path, batch: Batch, reading: _Reading) -> None:
        """Take over the lines of a file. After a kill in between they are read again, which harms nothing."""
        for lines in _chunks(read_lines(path)):
            with self._journal.together():
                for line in lines:
                    asked = self._journal.find(line.custom_id) if line is not None else None
                    if line is None or asked is None or asked.token != batch.token or line.custom_id in reading.seen:
                        reading.odd += 1
                        continue
                    reading.seen.add(line.custom_id)
                    reading.answered = reading.answered or asked.state == "answered"
                    if asked.state == "open":
                        self._settle(line, asked, batch, reading)

    def _settle(self, line: Line, asked: Asked, batch: Batch, reading: _Reading) -> None:
        most, tokens, cost = self._budget.most(asked.bytes, asked.max_tokens), self._reader.tokens(line), None
        if tokens is None:
            self._budget.free(most)
        elif tokens.prompt + tokens.completion:
            cost = self._budget.bill(most, tokens)
        else:
            self._budget.keep(most)
        meaning = self._reader.meaning(line, asked, batch.mode, cost=cost, answered=reading.answered)
        match meaning:
            case Completion():
                # Before the journal says so.
                self._keep(asked, meaning)
                self._journal.settle(asked.custom_id, "answered")
                self.answers += 1
                reading.answered = True
            case RequestError():
                meaning.attempts = asked.tries
                self._journal.settle(asked.custom_id, "failed", Problem.of(meaning).model_dump_json())
            case Again():
                self._journal.settle(asked.custom_id, "again", meaning.reason)
            case EndpointError():
                self._journal.settle(asked.custom_id, "again", str(meaning))
                reading.refusal = reading.refusal or meaning

    def _free(self, batch: Batch) -> None:
        """Give back what was set aside for requests that nothing came of."""
        for asked in self._journal.open_requests(batch.token):
            self._budget.free(self._budget.most(asked.bytes, asked.max_tokens))

    def _delete_file(self, batch: Batch) -> None:
        if batch.file_id:
            self._api.delete(batch.file_id)

    def _shown(self, words: str) -> str:
        return clean(words, self._api.key)


def _chunks(lines: Iterator[Line | None]) -> Iterator[list[Line | None]]:
    while chunk := list(islice(lines, _CHUNK)):
        yield chunk
