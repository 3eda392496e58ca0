"""A backend that follows a script, for tests and demos: the same requests always get the same answers."""

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from summarizer.completion import LINES, Completion, Identity, Outcome, Request, never
from summarizer.errors import RequestError, SettingsError
from summarizer.lines import as_lines, is_grammar, longest_sentence
from summarizer.records import Tokens
from summarizer.settings import Settings

#: The id in a script that stands for every paper without a line of its own.
ANY = "*"
_SENTENCE_END = re.compile(r"(?<=[.!?。])\s+|(?<=。)")


class ScriptedBackend:
    """Answers from a file of `{"id": ..., "text": ...}` lines; the id `*` answers all papers that are not named.

    Without either the summary is the abstract's first sentence and every list is empty, which is a valid answer that
    invents nothing. A question that is not about a paper has only the script: without a line it gets no answer. All are
    answered one after the other, each in `seconds`.
    """

    def __init__(self, settings: Settings) -> None:
        """Read the script; `SettingsError` when it cannot be read."""
        self._seconds = settings.scripted_seconds
        self._answers, fingerprint = _read_script(settings.script)
        self._identity = Identity(backend="scripted", model="scripted", revision=fingerprint)

    @property
    def identity(self) -> Identity:
        """The revision is the fingerprint of the script, so that another script is another model."""
        return self._identity

    def complete(self, requests: Iterable[Request], stopping: Callable[[], bool] = never) -> Iterator[Outcome]:
        """Answer in the order of the requests; see `completion.Backend`."""
        if stopping():
            return
        for request in requests:
            if self._seconds:
                time.sleep(self._seconds)
            yield self._answer(request)
            if stopping():
                return

    def _answer(self, request: Request) -> Outcome:
        text = self._answers.get(request.id) or self._answers.get(ANY)
        if not (text or request.abstract):
            return RequestError(request.id, "rejected", f"the script has no line for the question {request.id!r}")
        form = LINES if is_grammar(request.schema_text) else "scripted"
        text = text or _extractive_answer(request)
        return Completion(
            request_id=request.id,
            text=text,
            tokens=Tokens(prompt=len(request.messages[-1].content.split()), completion=len(text.split())),
            structured_mode=form,
            seconds=self._seconds,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )


def _read_script(path: Path | None) -> tuple[dict[str, str], str]:
    if path is None:
        return {}, "extractive"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"script {path}: cannot be read: {error.strerror}") from error
    try:
        lines = [json.loads(line) for line in content.splitlines() if line.strip()]
        answers = {str(line["id"]): _as_text(line["text"]) for line in lines}
        "".join(answers.values()).encode()  # a lone surrogate cannot be written anywhere
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError(f'script {path}: must be JSON Lines of {{"id": ..., "text": ...}}: {error!r}') from error
    return answers, sha256(content).hexdigest()[:16]


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@lru_cache(maxsize=8)
def _longest_summary(schema_text: str) -> int:
    if is_grammar(schema_text):
        return longest_sentence(schema_text)
    longest: int = json.loads(schema_text)["properties"]["tldr"]["maxLength"]
    return longest


def _extractive_answer(request: Request) -> str:
    sentence = _SENTENCE_END.split(request.abstract.strip(), maxsplit=1)[0]
    longest = _longest_summary(request.schema_text)
    sentence = sentence if len(sentence) <= longest else f"{sentence[: longest - 1]}…"
    if is_grammar(request.schema_text):
        return as_lines(" ".join(sentence.split()), ((), (), (), ()))
    return json.dumps(
        {
            "tldr": sentence,
            "contribution": "study",
            "field": "other",
            "modalities": [],
            "tasks": [],
            "methods": [],
            "datasets": [],
            "metrics": [],
            "results": [],
        },
        ensure_ascii=False,
    )
