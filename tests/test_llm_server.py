"""What other tests rely on when they ask the server of `llm_server`."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from http.client import HTTPConnection, HTTPMessage, IncompleteRead
from itertools import pairwise
from urllib.parse import urlsplit

import openai
import pytest
from openai.types import Batch

from tests.llm_model import SPOILED, UNBILLED, WRONG, BatchEnd, Json, Mark
from tests.llm_server import Served, serving

_SHARED = {"model": "model", "max_tokens": 64}


def _chat(number: int = 1) -> Json:
    text = f"Title: Streams\n<abstract>\nStream {number} is deep. More follows.\n</abstract>"
    return _SHARED | {"messages": [{"role": "user", "content": text}]}


def _connect(server: Served, timeout: float = 60) -> HTTPConnection:
    return HTTPConnection(urlsplit(server.url).netloc, timeout=timeout)


def _post(server: Served, body: Json, timeout: float = 60) -> tuple[int, HTTPMessage, Json]:
    connection = _connect(server, timeout)
    try:
        connection.request("POST", "/v1/chat/completions", json.dumps(body))
        reply = connection.getresponse()
        return reply.status, reply.headers, json.loads(reply.read())
    finally:
        connection.close()


def _client(server: Served) -> openai.OpenAI:
    return openai.OpenAI(base_url=server.url, api_key="none", max_retries=0, timeout=60)


def _lines(numbers: range) -> list[Json]:
    return [
        {"custom_id": f"stream-{number}", "method": "POST", "url": "/v1/chat/completions", "body": _chat(number)}
        for number in numbers
    ]


def _upload(client: openai.OpenAI, lines: list[Json]) -> str:
    content = "".join(json.dumps(line) + "\n" for line in lines).encode()
    return client.files.create(file=("streams.jsonl", content), purpose="batch").id


def _create(client: openai.OpenAI, file: str) -> Batch:
    return client.batches.create(
        input_file_id=file, endpoint="/v1/chat/completions", completion_window="24h", metadata={"run": "1"}
    )


def _ended(client: openai.OpenAI, batch: Batch) -> tuple[Batch, list[str]]:
    """The batch at its end, and the statuses that it went through."""
    seen = [batch.status]
    while (batch := client.batches.retrieve(batch.id)).status not in ("completed", "failed", "expired", "cancelled"):
        seen += [batch.status] if batch.status != seen[-1] else []
    return batch, [*seen, batch.status]


def _content(client: openai.OpenAI, file: str | None) -> list[Json]:
    return [json.loads(line) for line in client.files.content(file).text.splitlines()] if file else []


def test_faults_before_the_work_cost_nothing() -> None:
    """Each of them is a 429 or 503, with the wait in its own form, and none is billed."""
    with serving(faults=1.0, retry_after=2.0) as server:
        waits = {}
        for kind in UNBILLED:
            server.tell(kinds=[kind])
            status, headers, body = _post(server, _chat())
            assert status == int(kind[:3])
            assert body["error"]["message"]
            waits[kind] = headers["retry-after-ms"] or headers["retry-after"]
        stats = server.stats()
    assert waits["429_ms"] == "2000"
    assert waits["429_seconds"] == "2.0"
    assert waits["429_date"].endswith("GMT")
    assert waits["429_bare"] is waits["503"] is None
    assert stats["asked"] == {"Stream 1 is deep.": 5}
    assert stats["billed"] == stats["bill"] == {}


def test_faults_on_the_wire_are_billed() -> None:
    """Each of them is seen by the client as what it is called, and its answer is billed once."""

    def twice(server: Served) -> None:
        connection = _connect(server)
        connection.connect()
        content = json.dumps(_chat()).encode()
        connection.sock.sendall(b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(content))
        connection.sock.sendall(content)
        received = b""
        while received.count(b"HTTP/1.1 200 OK") < 2:
            received += connection.sock.recv(65536)
        connection.close()

    def fails_with(error: type[Exception], match: str) -> Callable[[Served], None]:
        def ask(server: Served) -> None:
            with pytest.raises(error, match=match):
                _post(server, _chat(), timeout=0.5)

        return ask

    def status(expected: int) -> Callable[[Served], None]:
        def ask(server: Served) -> None:
            assert _post(server, _chat())[0] == expected

        return ask

    checks = {
        "500": status(500),
        "hang": fails_with(TimeoutError, "timed out"),
        "reset": fails_with(ConnectionResetError, "reset by peer"),
        "half_body": fails_with(IncompleteRead, "more expected"),
        "twice": twice,
        "drip": status(200),
    }
    assert set(checks) == set(SPOILED)
    with serving(faults=1.0) as server:
        for kind, check in checks.items():
            server.tell(kinds=[kind])
            check(server)
        stats = server.stats()
    assert {kind: entry["answers"] for kind, entry in stats["bill"].items()} == dict.fromkeys(SPOILED, 1)
    assert stats["billed"] == {"Stream 1 is deep.": len(SPOILED)}
    assert stats["answered"] == {"Stream 1 is deep.": 2}


def test_wrong_answers_are_told_apart() -> None:
    """Each fault of the model gives another reply, none that of a model which does as it is told."""
    with serving() as server:
        replies = []
        for kind in ("", *WRONG):
            server.tell(kinds=[kind], faults=1.0 if kind else 0.0)
            body = _post(server, _chat())[2]
            replies.append(json.dumps([body["id"], body["choices"]]))
        stats = server.stats()
    assert "Stream 1 is deep." in replies[0]
    assert len(set(replies)) == 1 + len(WRONG)
    assert stats["bill"]["length"]["completion_tokens"] == 64
    assert set(stats["bill"]) == {"good", *WRONG}


def test_a_bucket_refuses_above_its_rate() -> None:
    """What the bucket holds is let in, the next is refused unbilled, and headers say so all the way."""
    with serving(rpm=60, burst=3.0) as server:
        replies = [_post(server, _chat(number)) for number in range(4)]
        limits = [headers for _, headers, _ in replies]
        server.tell(rpm=None, tpm=60, burst=30.0)
        many = _post(server, _chat(4)), _post(server, _chat(5))
        stats = server.stats()
    assert [status for status, _, _ in replies] == [200, 200, 200, 429]
    assert [headers["x-ratelimit-remaining-requests"] for headers in limits] == ["2", "1", "0", "0"]
    assert limits[0]["x-ratelimit-limit-requests"] == "60"
    assert limits[0]["x-ratelimit-reset-requests"].endswith("ms")
    assert 0 < int(limits[3]["retry-after-ms"]) <= 1000
    assert [status for status, _, _ in many] == [200, 429]
    assert many[1][1]["x-ratelimit-limit-tokens"] == "60"
    assert stats["counts"] == {"requests": 6, "limited": 2}
    assert sum(stats["billed"].values()) == 4


def test_the_bill_is_within_what_was_asked_for() -> None:
    """Neither the prompt is billed above its bytes nor the answer above its limit, by either name; the sums agree."""
    with serving(answer_tokens=1000) as server:
        usages = []
        for limit in ({"max_tokens": 7}, {"max_completion_tokens": 9}):
            body = {"model": "m", "messages": [{"role": "user", "content": "deep"}], **limit}
            usages.append(_post(server, body)[2]["usage"])
        stats = server.stats()
        assert _post(server, {"model": "m"})[0] == 400
        assert server.stats()["bill"] == stats["bill"]
    assert [usage["completion_tokens"] for usage in usages] == [7, 9]
    assert all(0 < usage["prompt_tokens"] <= len("deep") for usage in usages)
    assert stats["completion_tokens"] == stats["bill"]["good"]["completion_tokens"] == 16
    assert stats["prompt_tokens"] == sum(usage["prompt_tokens"] for usage in usages)


def test_chats_are_sent_elsewhere() -> None:
    """Every chat is redirected to the place that was named, unbilled; the list of models is not."""
    with serving(redirect="http://127.0.0.1:9/v1/chat/completions", log=True) as server:
        status, headers, _ = _post(server, _chat())
        assert [model.id for model in _client(server).models.list()] == ["model"]
        stats = server.stats()
    assert (status, headers["location"]) == (307, "http://127.0.0.1:9/v1/chat/completions")
    assert stats["billed"] == {}
    assert stats["bodies"] == [_chat()]
    assert "host" in stats["headers"][0]


def test_a_broken_server_is_told() -> None:
    """A test whose server died fails with what it had printed, and so does one that asks for an unknown behaviour."""

    def kill_it() -> None:
        with serving() as server:
            server._process.kill()
            server._process.wait()

    with pytest.raises(ChildProcessError, match="http://"):
        kill_it()
    with pytest.raises(ChildProcessError, match="Extra inputs are not permitted"), serving(speed=1):
        pass
    with serving() as server, pytest.raises(ValueError, match="Extra inputs are not permitted"):
        server.tell(speed=1)


@pytest.mark.parametrize(
    ("end", "status", "answers", "errors", "missing"),
    [
        ("completed", "completed", 8, 0, 0),
        ("expired", "expired", 4, 4, 0),
        ("cancelled", "cancelled", 4, 0, 4),
        ("failed", "failed", 0, 0, 8),
        ("partly", "completed", 4, 4, 0),
        ("errors_only", "completed", 0, 8, 0),
    ],
)
def test_ends_of_a_batch(end: BatchEnd, status: str, answers: int, errors: int, missing: int) -> None:
    """A batch goes through its statuses to the end that was set; each request that has a 200 is billed, once."""
    with serving(batch_ends=[end], batch_share=0.5) as server:
        client = _client(server)
        batch, seen = _ended(client, _create(client, _upload(client, _lines(range(8)))))
        output, wrong = _content(client, batch.output_file_id), _content(client, batch.error_file_id)
        stats = server.stats()
    assert set(Batch.model_fields) <= set(batch.model_fields_set)
    assert batch.status == status
    assert (seen[0], seen[-1]) == ("validating", status)
    assert len(set(seen)) == len(seen) > 1
    assert getattr(batch, f"{status}_at") is not None
    assert batch.metadata == {"run": "1"}
    assert (len(output), len(wrong)) == (answers, errors)
    assert len({line["custom_id"] for line in output + wrong}) == 8 - missing
    for line in output:
        assert line["response"]["status_code"] == 200
        assert f"Stream {line['custom_id'].removeprefix('stream-')} is deep." in json.dumps(line["response"]["body"])
    for line in wrong:
        assert (line["response"] or {}).get("status_code", 400) >= 400
        assert (line["error"] is None) != (line["response"] is None)
    assert stats["billed"] == stats["batched"]
    assert set(stats["billed"].values()) <= {1}
    assert sum(stats["billed"].values()) == answers
    assert stats["bill"].get("batched", {}).get("answers", 0) == answers
    if end == "failed":
        assert batch.errors
        assert [error.code for error in batch.errors.data or ()] == ["token_limit_exceeded"]
    else:
        assert batch.request_counts
        assert batch.request_counts.total == 8
        assert batch.request_counts.completed == answers
        assert batch.usage
        assert batch.usage.output_tokens == stats["completion_tokens"]


def test_ends_come_in_order_and_lists_in_pages() -> None:
    """Batches end as set, the last end repeats; the list has the newest first, in pages; files can be listed and go."""
    with serving(batch_ends=["failed", "completed"], batch_seconds=0.01) as server:
        client = _client(server)
        file = _upload(client, _lines(range(2)))
        batches = [_create(client, file) for _ in range(3)]
        assert [_ended(client, batch)[0].status for batch in batches] == ["failed", "completed", "completed"]
        page = client.batches.list(limit=2)
        assert [batch.id for batch in page.data] == [batches[2].id, batches[1].id]
        assert page.has_more
        assert [batch.id for batch in client.batches.list(limit=2)] == [batch.id for batch in batches[::-1]]
        assert [known.id for known in client.files.list(purpose="batch")] == [file]
        assert len(list(client.files.list())) == 3
        assert client.files.retrieve(file).filename == "streams.jsonl"
        assert client.files.delete(file).deleted
        with pytest.raises(openai.NotFoundError):
            client.files.content(file)
        with pytest.raises(openai.ConflictError):
            client.batches.cancel(batches[0].id)


def test_a_batch_is_cancelled_by_the_client() -> None:
    """It ends as cancelled, with the answers that it has by then, all billed."""
    with serving(batch_seconds=2.0) as server:
        client = _client(server)
        batch = _create(client, _upload(client, _lines(range(40))))
        while not (counts := client.batches.retrieve(batch.id).request_counts) or counts.completed < 2:
            pass
        assert client.batches.cancel(batch.id).status == "cancelling"
        batch, _ = _ended(client, batch)
        output, billed = _content(client, batch.output_file_id), server.stats()["billed"]
    assert batch.status == "cancelled"
    assert 2 <= len(output) == len(billed) < 40


def test_noise_and_disorder_of_an_output_file() -> None:
    """Lines come in another order, one twice, one for nobody; what is billed are the requests."""
    with serving(batch_noise=True, batch_seconds=0.01) as server:
        client = _client(server)
        batch, _ = _ended(client, _create(client, _upload(client, _lines(range(20)))))
        counts = Counter(line["custom_id"] for line in _content(client, batch.output_file_id))
        billed = server.stats()["billed"]
    assert sorted(counts.values()) == [1] * 20 + [2]
    assert counts["nobody-asked-for-this"] == 1
    assert [name for name in counts if name in {f"stream-{n}" for n in range(20)}] != [f"stream-{n}" for n in range(20)]
    assert len(billed) == 20


@pytest.mark.parametrize(
    ("limits", "lines", "code", "line"),
    [
        ({"batch_requests": 2}, _lines(range(3)), "too_many_tasks", None),
        ({"batch_bytes": 200}, _lines(range(3)), "file_too_large", None),
        ({}, [], "empty_file", None),
        ({}, _lines(range(2)) + _lines(range(1)), "duplicate_custom_id", 3),
        ({}, [*_lines(range(1)), "no request"], "invalid_json_line", 2),
        ({}, [{**_lines(range(1))[0], "url": "/v1/embeddings"}], "url_mismatch", 1),
    ],
)
def test_files_that_are_no_batch(limits: Json, lines: list[Json], code: str, line: int | None) -> None:
    """The batch fails with the code that OpenAI gives it, and nothing is billed."""
    with serving(batch_seconds=0.01, **limits) as server:
        client = _client(server)
        batch, _ = _ended(client, _create(client, _upload(client, lines)))
        assert server.stats()["billed"] == {}
    assert batch.status == "failed"
    assert batch.errors
    assert [(error.code, error.line) for error in batch.errors.data or ()] == [(code, line)]


#: A client that does not take the time to import openai.
_CLIENT = """
import json, sys
from http.client import HTTPConnection

def ask(method, path, body=None, kind="application/json"):
    connection = HTTPConnection(sys.argv[1])
    connection.request(method, "/v1/" + path, body, {"content-type": kind})
    return connection.getresponse().read()

part = '--cut\\r\\ncontent-disposition: form-data; name='
form = f'{part}"purpose"\\r\\n\\r\\nbatch\\r\\n{part}"file"; filename="a.jsonl"\\r\\n\\r\\n'
form += sys.argv[2] + "\\r\\n--cut--\\r\\n"
file = json.loads(ask("POST", "files", form, "multipart/form-data; boundary=cut"))
wanted = {"input_file_id": file["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"}
batch = json.loads(ask("POST", "batches", json.dumps(wanted)))
while batch["status"] != "completed":
    batch = json.loads(ask("GET", "batches/" + batch["id"]))
for kind in ("output", "error"):
    assert ask("GET", f"files/{batch[kind + '_file_id']}/content").endswith(b"}\\n")
"""

#: Files (input, output and errors) and batches that a client leaves which is killed at the mark.
_MARKS: dict[Mark, tuple[int, int]] = {
    "upload_begun": (0, 0),
    "upload_done": (1, 0),
    "create_begun": (1, 0),
    "create_done": (3, 1),
    "poll": (3, 1),
    "completed": (3, 1),
    "content_begun": (3, 1),
    "content_half": (3, 1),
    "content_done": (3, 1),
    "errors_begun": (3, 1),
}


def test_clients_are_killed_exactly_at_a_mark() -> None:
    """At each mark the server has done what comes before it and not what comes after, and goes on for others."""
    content = "".join(json.dumps(line) + "\n" for line in _lines(range(8)))
    with serving(batch_ends=["partly"], batch_seconds=0.2) as server:
        command, client = [sys.executable, "-c", _CLIENT, urlsplit(server.url).netloc, content], _client(server)
        files = batches = 0
        for mark, (more_files, more_batches) in _MARKS.items():
            server.tell(stall=[mark])
            with subprocess.Popen(command) as process:
                server.wait_for(mark)
                process.kill()
            for batch in client.batches.list():
                assert _ended(client, batch)[0].status == "completed"
            files, batches = files + more_files, batches + more_batches
            assert (len(list(client.files.list())), len(list(client.batches.list()))) == (files, batches), mark
            assert _post(server, _chat())[0] == 200
        assert subprocess.run(command, check=False).returncode == 0


def test_a_mark_holds_up_one_request_for_its_time() -> None:
    """The request goes on after the time that was set, the next one is not held up before the mark is set again."""
    with serving(stall=["create_begun"], stall_seconds=0.2, batch_seconds=0.01) as server:
        client = _client(server)
        file = _upload(client, _lines(range(1)))
        batches = [_create(client, file) for _ in range(2)]
        server.wait_for("create_begun")
        with pytest.raises(TimeoutError):
            server.wait_for("create_begun", seconds=0.1)
        server.tell(stall=["create_begun"])
        batches.append(_create(client, file))
        server.wait_for("create_begun")
    assert all(one.id != other.id for one, other in pairwise(batches))
