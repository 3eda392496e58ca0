"""The Batch API of OpenAI: files of requests that are answered together, later, in any order, and not always all."""

import asyncio
import json
import re
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from time import time
from typing import Literal

from tests.llm_http import Connection, RefusedError, Request, head
from tests.llm_model import WRONG, BatchEnd, Json, Mark, Model, Question, error, refused

_DAY = 86_400
#: Parts in which a batch is worked on, each after its share of the time.
_STEPS = 20
_ENDED = ("completed", "expired", "cancelled", "failed")
_NAMED = re.compile(r'\b(name|filename)="([^"]*)"')
#: What becomes, in turn, of the requests that fail in a batch.
_FAILURES: tuple[Json, ...] = (
    {"status_code": 400, "body": error("The prompt is not allowed.", "invalid_prompt")},
    {"status_code": 500, "body": error("The server had an error while processing your request.")},
    {"code": "request_timeout", "message": "This request could not be answered in time."},
)


@dataclass
class File:
    """A stored file. `about` is what the API says of it."""

    about: Json
    content: bytes
    kind: Literal["input", "output", "errors"]


@dataclass
class Batch:
    """A batch at work. `about` is what the API says of it."""

    about: Json
    content: bytes
    end: BatchEnd
    output: list[Json] = field(default_factory=list)
    errors: list[Json] = field(default_factory=list)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    def enter(self, status: str) -> None:
        """Change the status, and note when."""
        self.about["status"] = status
        self.about["created_at" if status == "validating" else f"{status}_at"] = int(time())


class Batches:
    """Files and batches, and where they are held up."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._files: dict[str, File] = {}
        self._batches: dict[str, Batch] = {}
        self._work: set[asyncio.Task[None]] = set()
        self.stalled: set[Mark] = set()
        """Marks that have been told, and hold nothing up any more."""

    async def handle(self, request: Request, reply: Connection) -> None:
        """Answer a request.

        Raises:
            RefusedError: It is wrong, or there is no such thing.
            GoneError: The client left while it was held up; what was not done by then is not done at all.
        """
        match (request.method, *request.path.removeprefix("/v1/").split("/")):
            case ("POST", "files"):
                await self._upload(request, reply)
            case ("GET", "files"):
                purpose = request.query.get("purpose")
                files = [file.about for file in self._files.values() if purpose in (None, file.about["purpose"])]
                reply.send(200, _page(files, request.query, 10_000))
            case ("GET", "files", known):
                reply.send(200, self._file(known).about)
            case ("DELETE", "files", known):
                self._file(known)
                del self._files[known]
                reply.send(200, {"id": known, "object": "file", "deleted": True})
            case ("GET", "files", known, "content"):
                await self._send_content(self._file(known), reply)
            case ("POST", "batches"):
                await self._create(await reply.json(), reply)
            case ("GET", "batches"):
                reply.send(200, _page([batch.about for batch in self._batches.values()], request.query, 20))
            case ("GET", "batches", known):
                batch = self._batch(known)
                await self._stall("completed" if batch.about["status"] in _ENDED else "poll", reply)
                reply.send(200, batch.about)
            case ("POST", "batches", known, "cancel"):
                reply.send(200, self._cancel(self._batch(known)))
            case _:
                raise RefusedError(404, error(f"Invalid URL ({request.method} {request.path})"))

    async def _stall(self, mark: Mark, reply: Connection) -> None:
        if self._tell(mark):
            await reply.linger(self._model.behaviour.stall_seconds)

    def _tell(self, mark: Mark) -> bool:
        """Write a mark that somebody waits for, the first time that it is reached."""
        if mark not in self._model.behaviour.stall or mark in self.stalled:
            return False
        self.stalled.add(mark)
        print(mark, flush=True)  # noqa: T201 - how a test learns of it
        return True

    def _file(self, known: str) -> File:
        if known not in self._files:
            raise RefusedError(404, error(f"No such File object: {known}", None, "id"))
        return self._files[known]

    def _batch(self, known: str) -> Batch:
        if known not in self._batches:
            raise RefusedError(404, error(f"No batch found with id '{known}'."))
        return self._batches[known]

    async def _upload(self, request: Request, reply: Connection) -> None:
        await self._stall("upload_begun", reply)
        fields, name, content = _form(request.headers.get("content-type", ""), await reply.body())
        if fields.get("purpose") != "batch":
            raise RefusedError(400, error("'purpose' must be 'batch' here", None, "purpose"))
        if not name.endswith(".jsonl"):
            raise RefusedError(400, error("Invalid file format for Batch API. Must be .jsonl"))
        file = self._store(content, name, "input")
        await self._stall("upload_done", reply)
        reply.send(200, file.about)

    def _store(self, content: bytes, name: str, kind: Literal["input", "output", "errors"]) -> File:
        about: Json = {
            "id": self._new_id("file-"),
            "object": "file",
            "bytes": len(content),
            "created_at": int(time()),
            "expires_at": None,
            "filename": name,
            "purpose": "batch" if kind == "input" else "batch_output",
            "status": "processed",
            "status_details": None,
        }
        file = self._files[about["id"]] = File(about, content, kind)
        return file

    def _new_id(self, prefix: str) -> str:
        return f"{prefix}{self._model.random.getrandbits(96):024x}"

    async def _send_content(self, file: File, reply: Connection) -> None:
        if file.kind == "errors":
            await self._stall("errors_begun", reply)
        elif file.kind == "output":
            await self._stall("content_begun", reply)
        half = len(file.content) // 2 if file.kind == "output" else 0
        reply.write(head(200, len(file.content), {}, "application/octet-stream") + file.content[:half])
        if file.kind == "output":
            await self._stall("content_half", reply)
        reply.write(file.content[half:])
        if file.kind == "output":
            self._tell("content_done")

    async def _create(self, wanted: Json, reply: Connection) -> None:
        await self._stall("create_begun", reply)
        file = self._file(str(wanted.get("input_file_id")))
        metadata = wanted.get("metadata")
        if file.kind != "input":
            raise RefusedError(
                400, error("The file must have been uploaded with purpose 'batch'.", None, "input_file_id")
            )
        if wanted.get("endpoint") != "/v1/chat/completions":
            raise RefusedError(400, error(f"Invalid value: '{wanted.get('endpoint')}'.", "invalid_value", "endpoint"))
        if wanted.get("completion_window") != "24h":
            raise RefusedError(400, error("Supported values are: '24h'.", "invalid_value", "completion_window"))
        if metadata and (len(metadata) > 16 or any(len(name) > 64 or len(metadata[name]) > 512 for name in metadata)):
            raise RefusedError(
                400, error("At most 16 pairs, of 64 and 512 characters.", "invalid_metadata", "metadata")
            )
        ends = self._model.behaviour.batch_ends
        about = {
            "id": self._new_id("batch_"),
            "object": "batch",
            "endpoint": wanted["endpoint"],
            "model": None,
            "errors": None,
            "input_file_id": file.about["id"],
            "completion_window": "24h",
            "status": None,
            "output_file_id": None,
            "error_file_id": None,
            "created_at": None,
            "in_progress_at": None,
            "expires_at": int(time()) + _DAY,
            "finalizing_at": None,
            "completed_at": None,
            "failed_at": None,
            "expired_at": None,
            "cancelling_at": None,
            "cancelled_at": None,
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
            "usage": None,
            "metadata": metadata,
        }
        batch = Batch(about, file.content, ends[min(len(self._batches), len(ends) - 1)])
        batch.enter("validating")
        self._batches[about["id"]] = batch
        self._model.note("batches")
        work = asyncio.create_task(self._run(batch))
        self._work.add(work)
        work.add_done_callback(self._work.discard)
        work.add_done_callback(asyncio.Task.result)
        # The batch goes on while the reply is held up: the client learns its state of now, like one that asks at once.
        created = deepcopy(about)
        await self._stall("create_done", reply)
        reply.send(200, created)

    def _cancel(self, batch: Batch) -> Json:
        if batch.about["status"] in _ENDED:
            raise RefusedError(409, error(f"Cannot cancel a batch with status '{batch.about['status']}'."))
        if not batch.cancelled.is_set():
            batch.cancelled.set()
            batch.enter("cancelling")
        return batch.about

    async def _run(self, batch: Batch) -> None:
        """Take a batch through its statuses."""
        seconds = self._model.behaviour.batch_seconds
        await _sleep(seconds / 10, batch)
        lines, problems = await asyncio.to_thread(self._read, batch.content)  # chats are answered meanwhile
        if batch.end == "failed":
            problems = [_problem(self._model.behaviour.batch_error, "the batch was not begun", None)]
        if problems:
            batch.enter("failed")
            batch.about["errors"] = {"object": "list", "data": problems}
            return
        batch.about["model"] = lines[0]["body"]["model"]
        batch.about["request_counts"]["total"] = len(lines)
        if not batch.cancelled.is_set():
            batch.enter("in_progress")
        left = await self._work_on(batch, lines, seconds * 8 / 10)
        if batch.cancelled.is_set() or batch.end == "cancelled":
            if not batch.cancelled.is_set():
                batch.enter("cancelling")
            await asyncio.sleep(seconds / 10)
            self._finish(batch, "cancelled")
            return
        batch.enter("finalizing")
        await asyncio.sleep(seconds / 10)
        if batch.end == "expired":
            expired = {"code": "batch_expired", "message": "This request could not be executed before it expired."}
            batch.errors += [self._line(line, None, expired) for line in left]
            batch.about["request_counts"]["failed"] += len(left)
        self._finish(batch, "expired" if batch.end == "expired" else "completed")

    async def _work_on(self, batch: Batch, lines: list[Json], seconds: float) -> list[Json]:
        """Answer what is to be answered, in any order, and return the rest."""
        self._model.random.shuffle(lines)
        reached = len(lines) // 2 if batch.end in ("expired", "cancelled") else len(lines)
        share = {"partly": self._model.behaviour.batch_share, "errors_only": 1.0}.get(batch.end, 0.0)
        failing = max(1, round(share * reached)) if share else 0
        begin = 0
        for step in range(_STEPS):
            end = reached * (step + 1) // _STEPS
            await _sleep(seconds / _STEPS, batch)
            for number in range(begin, end):
                if batch.cancelled.is_set():
                    return lines[number:]
                if batch.end == "errors_only":
                    self._fail(batch, lines[number], _FAILURES[0])
                elif number < failing:
                    self._fail(batch, lines[number], _FAILURES[number % len(_FAILURES)])
                else:
                    self._answer(batch, lines[number])
                if number % 100 == 0:
                    await asyncio.sleep(0)  # chats are answered meanwhile
            begin = end
        return lines[reached:]

    def _answer(self, batch: Batch, line: Json) -> None:
        if (message := refused(line["body"], self._model.behaviour.dialect)) is not None:
            self._fail(batch, line, {"status_code": 400, "body": error(message)})
            return
        question = Question.of(line["body"])
        self._model.note("batched")
        self._model.asked[question.sentence] += 1
        kind = self._model.fault(WRONG) if batch.end == "partly" else ""
        completion = self._model.answer(question, kind, batched=True)
        batch.output.append(self._line(line, {"status_code": 200, "body": completion}, None))
        batch.about["request_counts"]["completed"] += 1

    def _fail(self, batch: Batch, line: Json, failure: Json) -> None:
        response, wrong = (failure, None) if "status_code" in failure else (None, failure)
        batch.errors.append(self._line(line, response, wrong))
        batch.about["request_counts"]["failed"] += 1

    def _line(self, line: Json, response: Json | None, wrong: Json | None) -> Json:
        if response:
            response = {"status_code": response["status_code"], "request_id": self._new_id("req_"), **response}
        return {"id": self._new_id("batch_req_"), "custom_id": line["custom_id"], "response": response, "error": wrong}

    def _finish(self, batch: Batch, status: str) -> None:
        batch.about["usage"] = _usage([line["response"]["body"]["usage"] for line in batch.output])
        random = self._model.random
        if self._model.behaviour.batch_noise and batch.output:
            noise = [random.choice(batch.output), {**random.choice(batch.output), "custom_id": "nobody-asked-for-this"}]
            batch.output += noise
        for kind, lines in (("output", batch.output), ("error", batch.errors)):
            if lines:
                random.shuffle(lines)
                content = "".join(json.dumps(line) + "\n" for line in lines).encode()
                name = f"{batch.about['id']}_{kind}.jsonl"
                file = self._store(content, name, "output" if kind == "output" else "errors")
                batch.about[f"{kind}_file_id"] = file.about["id"]
        batch.enter(status)

    def _read(self, content: bytes) -> tuple[list[Json], list[Json]]:
        """The requests of a file, and what is wrong with it."""
        limits = self._model.behaviour
        if len(content) > limits.batch_bytes:
            return [], [_problem("file_too_large", f"The file has more than {limits.batch_bytes} bytes.", None)]
        texts = [text for text in content.split(b"\n") if text.strip()]
        if not texts:
            return [], [_problem("empty_file", "The input file is empty.", None)]
        if len(texts) > limits.batch_requests:
            message = f"The batch input file contains too many requests: the limit is {limits.batch_requests}."
            return [], [_problem("too_many_tasks", message, None)]
        lines, problems = [], []
        seen: set[str] = set()
        for number, text in enumerate(texts, start=1):
            try:
                line = json.loads(text)
            except ValueError:
                problems.append(_problem("invalid_json_line", "This line is not parseable as valid JSON.", number))
                continue
            if problem := _wrong_line(line, number, seen):
                problems.append(problem)
                continue
            seen.add(line["custom_id"])
            lines.append(line)
        if len({line["body"].get("model") for line in lines}) > 1:
            problems.append(_problem("model_mismatch", "All requests of a batch must be for the same model.", None))
        return lines, problems


def _wrong_line(line: object, number: int, seen: set[str]) -> Json | None:
    """What is wrong with a request in a file."""
    if not isinstance(line, dict):
        return _problem("invalid_json_line", "This line is not a JSON object.", number)
    for name, kind in (("custom_id", str), ("method", str), ("url", str), ("body", dict)):
        if not isinstance(line.get(name), kind):
            return _problem("missing_required_parameter", f"Missing required parameter: '{name}'.", number, name)
    if "model" not in line["body"]:
        return _problem("missing_required_parameter", "Missing required parameter: 'model'.", number, "body.model")
    if (line["method"], line["url"]) != ("POST", "/v1/chat/completions"):
        return _problem("url_mismatch", "The URL is not the endpoint of the batch.", number, "url")
    if line["custom_id"] in seen:
        message = f"The custom_id '{line['custom_id']}' is a duplicate of that of another request."
        return _problem("duplicate_custom_id", message, number, "custom_id")
    return None


def _problem(code: str, message: str, line: int | None, param: str | None = None) -> Json:
    return {"code": code, "message": message, "line": line, "param": param}


def _usage(parts: Sequence[Json]) -> Json:
    prompt, completion = (sum(part[name] for part in parts) for name in ("prompt_tokens", "completion_tokens"))
    return {
        "input_tokens": prompt,
        "input_tokens_details": {
            "cached_tokens": sum(part["prompt_tokens_details"]["cached_tokens"] for part in parts)
        },
        "output_tokens": completion,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": prompt + completion,
    }


def _page(items: list[Json], query: dict[str, str], limit: int) -> Json:
    """A page of a list, the newest first, after the item that the client had last."""
    newest = items[::-1]
    if after := query.get("after"):
        known = [item["id"] for item in newest]
        if after not in known:
            raise RefusedError(400, error(f"there is no {after}", None, "after"))
        newest = newest[known.index(after) + 1 :]
    limit = int(query.get("limit", limit))
    data = newest[:limit]
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": len(newest) > limit,
    }


def _form(content_type: str, content: bytes) -> tuple[dict[str, str], str, bytes]:
    """The fields of multipart/form-data, and the name and content of its file.

    Raises:
        RefusedError: It has no file.
    """
    kind, _, boundary = content_type.partition("boundary=")
    if not kind.startswith("multipart/form-data") or not boundary:
        raise RefusedError(400, error("'file' is a required property"))
    mark = b"--" + boundary.strip('"').encode("latin-1")
    fields: dict[str, str] = {}
    file: tuple[str, bytes] | None = None
    begin = content.find(mark)
    while (end := content.find(b"\r\n" + mark, begin)) >= 0:
        about, _, value = content[begin + len(mark) : end].partition(b"\r\n\r\n")
        begin = end + 2
        names = dict(_NAMED.findall(about.decode()))
        if "filename" in names:
            file = names["filename"], value
        else:
            fields[names["name"]] = value.decode()
    if file is None:
        raise RefusedError(400, error("'file' is a required property"))
    return fields, *file


async def _sleep(seconds: float, batch: Batch) -> None:
    """Wait, at most until the batch is cancelled."""
    try:
        await asyncio.wait_for(batch.cancelled.wait(), seconds)
    except TimeoutError:
        return
