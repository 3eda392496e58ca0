"""Every error that this package raises on purpose.

    SummarizerError
    ├── SettingsError        a setting that does not exist, does not fit, or lacks its extra    run stops
    ├── InputError           a file that cannot be read at all (path, line)                     run stops
    ├── OutputError          a file that cannot be written or must not be                       run stops
    ├── ResumeError          an output that belongs to another run                              run stops
    ├── PromptError          no such prompt, an unfilled variable, a broken example             run stops
    ├── CacheError           a store that cannot be opened or trusted                           run stops
    ├── ModelError           a model that cannot be found, trusted or loaded                    run stops
    ├── EndpointError        a server that refuses every request (key, address, quota)          run stops
    ├── BudgetError          a limit on tokens or cost that the next request could exceed       run stops
    ├── RequestError         one request without an answer (request_id, kind, raw)              one record fails
    └── AnswerError          an answer that is not one (kind, raw)                              one record fails

The run-level ones are raised and reach `cli.main`, which prints the message and exits with 2. The record-level ones
become a `Failure` inside the record, in `pipeline` and nowhere else. Foreign exceptions are translated where they
arise and chained with `from`.
"""

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from summarizer.records import Tokens


class SummarizerError(Exception):
    """Base of all errors of this package; `str()` says what was wrong, where, and what to do."""


class SettingsError(SummarizerError):
    """A setting does not exist, has a value that does not fit, or needs something that is not installed."""


class InputError(SummarizerError):
    """An input cannot be read at all."""

    def __init__(self, path: str, reason: str, line: int | None = None) -> None:
        """Keep the place apart from the reason, so that both can be shown or used."""
        self.path, self.reason, self.line = path, reason, line
        where = path if line is None else f"{path}, line {line}"
        super().__init__(f"{where}: {reason}")


class OutputError(SummarizerError):
    """An output cannot be written, or holds something that must not be overwritten."""

    def __init__(self, path: str, reason: str) -> None:
        """Name the path in front of the reason."""
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}")


class ResumeError(SummarizerError):
    """The records that are there already do not belong to these inputs and settings."""

    def __init__(self, reason: str, *, same_papers: bool = False) -> None:
        """`same_papers`: the record is of the paper that stands at its place, and only the settings differ."""
        self.same_papers = same_papers
        super().__init__(reason)


class PromptError(SummarizerError):
    """A prompt is missing, is malformed, or has a variable that nothing fills."""


class CacheError(SummarizerError):
    """The store of answers cannot be opened, or holds something that it never wrote."""


class ModelError(SummarizerError):
    """A model cannot be found, is not safe to load, or does not load."""


class EndpointError(SummarizerError):
    """A server refuses what every request has in common: the address, the key, the model, the quota."""


class BudgetError(SummarizerError):
    """The next request could cost more than is left of what the run may cost."""


class RequestError(SummarizerError):
    """One request got no complete answer; others are not affected."""

    #: The kinds of failure that a backend may report for one request, each with the advice that belongs to it.
    KINDS: ClassVar[dict[str, str]] = {
        "prompt_too_long": "shorten the abstract, lower --max-tokens, or use a model with a larger context",
        "truncated": "raise --max-tokens",
        "refused": "the model declined; try another model",
        "empty": "the model said nothing; try another model or prompt",
        "out_of_memory": "use a smaller model, or ask again when there is more memory",
        "transport": "the server kept failing; ask again later",
        "rejected": "the server would not answer these; their messages say why",
    }

    def __init__(
        self,
        request_id: str,
        kind: str,
        message: str,
        raw: str = "",
        *,
        attempts: int = 1,
        tokens: "Tokens | None" = None,
        cost_usd: float | None = None,
    ) -> None:
        """Keep what the model did say in `raw`, even when it is no answer, and what it took."""
        from summarizer.records import Tokens  # noqa: PLC0415 - the command line starts without pydantic

        if kind not in self.KINDS:
            raise ValueError(f"unknown kind of request failure: {kind!r}")
        self.request_id, self.kind, self.raw, self.attempts = request_id, kind, raw, attempts
        self.tokens, self.cost_usd = tokens or Tokens(), cost_usd
        super().__init__(message)


class AnswerError(SummarizerError):
    """The text of a completion is not an answer; `raw` keeps it."""

    def __init__(self, kind: str, message: str, raw: str) -> None:
        """`kind` is `invalid_json` (no JSON object found) or `schema_error` (JSON of another shape)."""
        self.kind, self.raw = kind, raw
        super().__init__(message)
