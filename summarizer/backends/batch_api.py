"""The calls of a Batch API: files go up, batches are begun, looked at and listed, files come down.

Nothing is tried again here. What may be tried again is a `PassingError`, and whoever begins a batch finds out first
whether the attempt that failed has begun it after all.
"""

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError

from summarizer.backends.endpoint import Endpoint
from summarizer.backends.refusals import is_out_of_quota, may_pass
from summarizer.backends.replies import LONGEST_QUOTE, clean
from summarizer.errors import EndpointError
from summarizer.settings import Settings

if TYPE_CHECKING:
    import openai

_LOG = logging.getLogger(__name__)

PATH: Literal["/v1/chat/completions"] = "/v1/chat/completions"
#: Bytes of what a server says of a batch, or of a page of them.
_LONGEST = 8 * 2**20
#: Bytes of a file of answers: each of 50,000 may have the length of a long answer.
_LONGEST_FILE = 4 * 2**30
#: Batches on a page of a list, and pages that are turned at most.
_PAGE, _MOST_PAGES = 100, 1000
#: Files on a page: the most that OpenAI gives.
_FILES = 10_000
#: Seconds by which the clocks of a server and of this machine may differ.
_CLOCKS = 3600
#: Name of the metadata in which a batch says whose it is.
TOKEN = "summarizer"  # noqa: S105 - a name, not a secret

_Model = TypeVar("_Model", bound=BaseModel)


class PassingError(Exception):
    """A call that may succeed another time; `str()` is one line without the key."""


class _Trouble(BaseModel):
    code: str | None = None
    message: str | None = None


class _Troubles(BaseModel):
    data: list[_Trouble] | None = None


class _Counts(BaseModel):
    total: int | None = None
    completed: int | None = None
    failed: int | None = None


class About(BaseModel):
    """What a server says of a batch, checked: the openai client does not validate what it is sent."""

    id: str = Field(min_length=1)
    status: str
    output_file_id: str | None = None
    error_file_id: str | None = None
    request_counts: _Counts | None = None
    errors: _Troubles | None = None

    @property
    def has_ended(self) -> bool:
        """Whether nothing more comes of it."""
        return self.status in ("completed", "expired", "cancelled", "failed")

    @property
    def progress(self) -> str:
        """Its state in words, for people."""
        counts = self.request_counts
        if counts is None or not counts.total:
            return self.status
        return f"{self.status}, {(counts.completed or 0) + (counts.failed or 0)} of {counts.total}"


class _Known(BaseModel):
    id: str = Field(min_length=1)


class _Listed(_Known):
    created_at: float | None = None
    input_file_id: str | None = None
    metadata: dict[str, object] | None = None


class _Page(BaseModel):
    data: list[_Listed]
    has_more: bool = False


class _File(_Known):
    filename: str = ""


class _Files(BaseModel):
    data: list[_File]
    has_more: bool = False


class BatchApi:
    """One server's Batch API, over connections that stay open. To be closed."""

    def __init__(self, endpoint: Endpoint, settings: Settings) -> None:
        """Nothing is sent; `EndpointError` when the key is missing."""
        self._endpoint, self.settings, self.url = endpoint, settings, endpoint.url
        self._client = endpoint.connect_in_turn()

    @property
    def key(self) -> str:
        """What must not get into messages."""
        return self._client.api_key

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def upload(self, path: Path, name: str) -> str:
        """Send a file of requests; returns its id at the server."""
        files = self._client.files.with_streaming_response
        with (
            self._translated("upload"),
            path.open("rb") as file,
            files.create(file=(name, file, "application/jsonl"), purpose="batch") as response,
        ):
            return self._read(response.iter_bytes(), _Known).id

    def create(self, file_id: str, token: str) -> str:
        """Begin a batch; returns its id. After a `PassingError` it may have begun."""
        batches = self._client.batches.with_streaming_response
        with (
            self._translated("begin a batch"),
            batches.create(
                input_file_id=file_id, endpoint=PATH, completion_window="24h", metadata={TOKEN: token}
            ) as response,
        ):
            return self._read(response.iter_bytes(), _Known).id

    def retrieve(self, batch_id: str) -> About:
        """How a batch stands."""
        batches = self._client.batches.with_streaming_response
        with self._translated(f"look at batch {batch_id}", batch_id), batches.retrieve(batch_id) as response:
            return self._read(response.iter_bytes(), About)

    def find(self, token: str, file_id: str | None, since: float) -> str | None:
        """The id of the batch of this token or input file that was begun after `since`, if the account has one."""
        last: str | None = None
        for _ in range(_MOST_PAGES):
            page = self._batches_after(last)
            for batch in page.data:
                if (batch.metadata or {}).get(TOKEN) == token or (file_id and batch.input_file_id == file_id):
                    return batch.id
            # Newest first; some servers do not say when.
            if not (page.has_more and page.data) or 0.0 < (page.data[-1].created_at or 0.0) < since - _CLOCKS:
                return None
            last = page.data[-1].id
        return None

    def _batches_after(self, last: str | None) -> _Page:
        import openai  # noqa: PLC0415

        batches = self._client.batches.with_streaming_response
        with self._translated("list batches"), batches.list(after=last or openai.omit, limit=_PAGE) as response:
            return self._read(response.iter_bytes(), _Page)

    def delete(self, file_id: str) -> None:
        """Delete a file of requests. That it stays is no harm."""
        files = self._client.files.with_streaming_response
        with self._no_harm(), self._translated("delete a file"), files.delete(file_id) as response:
            response.read()

    def delete_named(self, name: str) -> None:
        """Delete all files of requests of this name: what attempts have left that ended without an id."""
        files = self._client.files.with_streaming_response
        with self._no_harm():
            with self._translated("list files"), files.list(purpose="batch", limit=_FILES) as response:
                known = self._read(response.iter_bytes(), _Files).data
            for file in known:
                if file.filename == name:
                    self.delete(file.id)

    def download(self, file_id: str, path: Path) -> None:
        """Write a file of answers to `path`; after a `PassingError` there is a part of it."""
        files = self._client.files.with_streaming_response
        with (
            self._translated(f"fetch file {file_id}", file_id),
            path.open("wb") as file,
            files.content(file_id) as response,
        ):
            for part in _bounded(response.iter_bytes(), _LONGEST_FILE):
                file.write(part)

    def _read(self, parts: Iterable[bytes], model: type[_Model]) -> _Model:
        body, end = bytearray(), time.monotonic() + self.settings.timeout
        for part in _bounded(parts, _LONGEST):
            body += part
            if time.monotonic() > end:
                raise PassingError(f"{self.url}: the answer takes longer than {self.settings.timeout:g} s")
        try:
            return model.model_validate_json(bytes(body))
        except ValidationError:
            text = clean(bytes(body[: 10 * LONGEST_QUOTE]).decode("utf-8", errors="replace"), self.key)
            raise PassingError(f"{self.url}: the answer is not one of a Batch API: {text!r}") from None

    @contextmanager
    def _no_harm(self) -> Iterator[None]:
        try:
            yield
        except (PassingError, EndpointError) as error:
            _LOG.debug("a file of requests stays at the server: %s", error)

    @contextmanager
    def _translated(self, what: str, known: str | None = None) -> Iterator[None]:
        """`known` is the id of what the server has given before."""
        import httpx2  # noqa: PLC0415
        import openai  # noqa: PLC0415

        # Not chained: the client's error repeats the server's words uncleaned, and with them perhaps the key.
        try:
            yield
        except openai.APIStatusError as error:
            said = self._endpoint.said(error, self.key)
            if may_pass(error):
                raise PassingError(said) from None
            raise EndpointError(f"{said}; cannot {what}: {self._advice(error, known)}") from None
        except (openai.APIError, httpx2.HTTPError, httpx2.StreamError, TooLongError) as error:
            raise PassingError(self._endpoint.said(error, self.key)) from None

    def _advice(self, error: "openai.APIStatusError", known: str | None) -> str:
        variable = self.settings.api_key_env
        if is_out_of_quota(error):
            return "the account has no credit or quota left: add some, then give the same command"
        if error.status_code in (401, 403):
            return f"check that {variable} holds a valid key for this server, then give the same command"
        if error.status_code == 404 and known is not None:
            return (
                f"{known} was there before: check that {variable} holds a key of the account that it belongs to; if it "
                "was deleted there, move the folder `batches` of the cache away"
            )
        if error.status_code in (404, 405, 501):
            return "this server has no Batch API (or base_url is wrong; it usually ends in /v1): run without --batch"
        if error.status_code < 400:
            return "redirects are not followed: give the address that it leads to, if you trust it, as base_url"
        return "nothing was begun by this; mend it, then give the same command"


class TooLongError(Exception):
    """A server sends more than there can be."""


def _bounded(parts: Iterable[bytes], longest: int) -> Iterator[bytes]:
    room = longest
    for part in parts:
        room -= len(part)
        if room < 0:
            raise TooLongError(f"the answer is longer than {longest} bytes")
        yield part


def remove(path: Path) -> None:
    """Remove a file of this machine, if it is there."""
    with suppress(FileNotFoundError):
        path.unlink()
