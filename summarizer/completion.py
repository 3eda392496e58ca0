"""The seam between the pipeline and whatever does the reading: a request goes in, a completion comes out."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, Protocol

from summarizer.errors import RequestError
from summarizer.records import Frozen, Tokens

#: Changes when keys are made of other parts; answers that were stored before are then never hits.
SCHEME = "abstract-summarizer/1"


#: `Completion.structured_mode` of a plain summarizer, whose whole text is the summary.
SUMMARY = "summary"
#: That of an answer in lines (`lines`).
LINES = "lines"


class Message(Frozen):
    """One turn of the conversation that the model is shown."""

    role: Literal["system", "user", "assistant"]
    content: str


class Decoding(Frozen):
    """How the answer is drawn. Temperature 0 is greedy."""

    max_tokens: int
    temperature: float = 0.0
    seed: int = 0


class Request(Frozen):
    """Everything that a backend needs to answer for one paper.

    `key` is the SHA-256 of everything that can change the answer: what answers, all messages, the schema and the
    decoding. `messages` end with the abstract, and all that comes before it is the same for every paper, so that prefix
    caches work. `schema_text` is the JSON Schema of the answer as canonical JSON, or the grammar of lines
    without the words of the paper. `title` and `abstract` stand apart as
    well for models that take no instruction.
    """

    id: str
    key: str
    messages: tuple[Message, ...]
    schema_text: str
    decoding: Decoding
    title: str
    abstract: str
    prompt: str
    """Name of the prompt, as people know it; like `language` not in the key, which has what the messages say."""
    language: str
    attempt: int = 1
    """2 when this is the repair of an answer that could not be read."""


class Completion(Frozen):
    """A finished answer, as text. `structured_mode` says how its form was obtained.

    `json_schema`, `lines`: decoding was constrained to the schema, or to lines with words of the paper; `summary`: a
    plain summarizer wrote a sentence, and nothing else was asked of it; other modes are named by the backend that has
    them.
    """

    request_id: str
    text: str
    tokens: Tokens
    structured_mode: str
    attempts: int = 1
    cost_usd: float | None = None
    seconds: float
    """Time that the model took for this answer; its share when several were made together."""
    created_at: str
    """ISO 8601, UTC."""
    cached: bool = False


class Identity(Frozen):
    """What answers: all of it goes into the cache key and the provenance. Known without loading any weights."""

    backend: str
    endpoint: str | None = None
    model: str
    revision: str | None = None
    adapter: str | None = None
    dtype: str | None = None
    dialect: str | None = None
    """What of a request is sent in which form, where that differs from server to server; here, what computes."""


#: A completion, or the reason why there is none for this request.
Outcome = Completion | RequestError


def never() -> bool:
    """Run until the requests end."""
    return False


class Backend(Protocol):
    """Answers requests; the only thing a new kind of model has to implement."""

    @property
    def identity(self) -> Identity:
        """What answers. Must not load the model: a run that is wholly cached never needs it."""

    def complete(self, requests: Iterable[Request], stopping: Callable[[], bool] = never) -> Iterator[Outcome]:
        """Yield one outcome for each request begun, in any order, each with the id of its request.

        `requests` may be endless and must be pulled as they are needed, never collected. Ids may repeat only after
        their outcome. Once `stopping()` is true nothing new is begun, what is under way is finished and yielded, and
        the iterator ends. What concerns all requests (no model, wrong key) is raised.
        """


#: JSON as it comes out of `json.loads`, where a schema or a script has to be handled generically.
Json = dict[str, Any]
