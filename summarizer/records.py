"""The data that flows through: papers in, records out, and the answer of the model between them.

All models are frozen and refuse unknown fields. What each field means is in the annotation guide that the prompts
quote; `Record` is the public contract, published as JSON Schema in `docs/record.schema.json`.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, PositiveInt, StringConstraints, ValidationError

#: Version of the record's shape. It changes when a reader of records has to change.
SCHEMA_VERSION: Final = "1.0"

Contribution = Literal["method", "resource", "study", "theory", "survey", "system", "position"]
Role = Literal["proposed", "used", "compared"]
ResultKind = Literal["absolute", "change", "finding"]
Facet = Literal["task", "method", "field", "modality"]
Match = Literal["exact", "folded", "absent"]
Status = Literal["ok", "partial", "failed", "skipped"]
#: What is wrong with a result, each explained in `docs/records.md`.
Flag = Literal[
    "value_absent",
    "value_elsewhere",
    "value_reused",
    "unit_mismatch",
    "baseline_absent",
    "baseline_elsewhere",
    "crossed",
    "metric_absent",
    "metric_elsewhere",
    "dataset_absent",
    "method_absent",
]


def _saying_something(text: str) -> str:
    # More characters are white space to Python than are stripped by pydantic.
    if not text.strip():
        raise ValueError("it is empty")
    return text


#: A text that says something: white space around it is dropped, and what is left may not be empty.
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(_saying_something)]


class Frozen(BaseModel):
    """Immutable, and closed: an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_serialization_defaults_required=True)


class Source(Frozen):
    """Where an input record stands, for messages and for finding it again."""

    name: str
    """Path of the file as given, or `-` for standard input."""
    line: int
    """Number of the line on which it starts, from 1."""


class Paper(Frozen):
    """One paper to read. `abstract` is exactly what the source holds; offsets in records count in it."""

    id: str
    title: str
    abstract: str
    source: Source
    url: str | None = None
    authors: tuple[str, ...] = ()
    published: str | None = None


class Unreadable(Frozen):
    """A place in the input where a paper should be and cannot be had."""

    id: str
    title: str
    source: Source
    kind: Literal["unreadable", "no_abstract"]
    message: str
    raw: str = ""


class NamedMethod(Frozen):
    """A technique as the model names it, with the role that it plays in the paper."""

    name: Words
    role: Role


class ClaimedResult(Frozen):
    """A numeric claim as the model reports it; every string is meant to be verbatim."""

    evidence: Words
    value: Words
    unit: str
    metric: Words | None
    dataset: Words | None
    method: Words | None
    baseline_value: Words | None
    kind: ResultKind


class Answer(Frozen):
    """What the model is asked for. The order of the fields is the order in which they are generated.

    There are quotes here and no offsets: a model that counts characters is a model that invents them. `contribution`
    and `field` are null only where they are not asked: of a plain summarizer, which writes nothing but the sentence,
    and in lines.
    """

    tldr: Words
    contribution: Contribution | None
    field: str | None
    modalities: tuple[str, ...]
    tasks: tuple[Words, ...]
    methods: tuple[NamedMethod, ...]
    datasets: tuple[Words, ...]
    metrics: tuple[Words, ...]
    results: tuple[ClaimedResult, ...]


class Evidence(Frozen):
    """The words that say so: `abstract[start:end]` (or the title's) in code points, when `match` is not `absent`."""

    quote: str
    start: int | None = None
    end: int | None = None
    match: Match
    where: Literal["abstract", "title"] = "abstract"


class Tldr(Frozen):
    """The one-line summary, with the numbers and the names in it that the paper does not have.

    `origin` says whose words these are: the model's, or a sentence of the abstract that stands in for them.
    """

    text: str
    unsupported: tuple[str, ...] = ()
    origin: Literal["model", "abstract"] = "model"
    evidence: Evidence | None = None
    """Where the sentence stands, when it is one of the abstract."""


class Tag(Frozen):
    """A canonical label, and the mention it was made from (none for the closed facets)."""

    facet: Facet
    label: str
    mention: str | None = None
    evidence: Evidence | None = None


class Method(Frozen):
    """A technique that the paper proposes, uses or compares with."""

    name: str
    role: Role
    evidence: Evidence


class Mention(Frozen):
    """A named dataset or metric."""

    name: str
    evidence: Evidence


class Result(Frozen):
    """One number that is claimed. `number` is `value` parsed, or null when it does not parse.

    `value_evidence` is the place of the value itself, inside of `evidence` when that holds it.
    """

    value: str
    number: float | None
    unit: str
    metric: str | None
    dataset: str | None
    method: str | None
    baseline_value: str | None
    kind: ResultKind
    evidence: Evidence
    value_evidence: Evidence
    flags: tuple[Flag, ...] = ()


class Link(Frozen):
    """A URL of the abstract."""

    url: str
    kind: Literal["code", "data", "other"]


class Caution(Frozen):
    """Something a reader should know about a record that is otherwise usable, and the words that it is about."""

    code: str
    message: str
    evidence: Evidence | None = None


class Failure(Frozen):
    """Why there is no answer, with the raw text when the model did say something."""

    kind: str
    message: str
    raw: str = ""


class Tokens(Frozen):
    """Tokens of an answer, and of the round before it when it was repaired."""

    prompt: int = 0
    completion: int = 0
    cached_prompt: int = 0
    """Those of `prompt` that the provider's own prompt cache had."""
    written_prompt: int = 0
    """Those of `prompt` that the provider says it has put into that cache."""
    reasoning: int = 0
    """Those of `completion` that were thoughts."""

    def __add__(self, other: "Tokens") -> "Tokens":
        """The sum, kind by kind."""
        return Tokens(**{name: getattr(self, name) + getattr(other, name) for name in Tokens.model_fields})


class Provenance(Frozen):
    """What made the record. `key` is the SHA-256 over everything that can change the answer."""

    key: str
    backend: str
    model: str
    revision: str | None
    adapter: str | None
    dtype: str | None
    prompt: str
    prompt_sha256: str
    schema_sha256: str
    vocabulary_sha256: str | None = None
    """Of the user's own vocabulary file; null without one."""
    retry_of: str | None = None
    """The key that the run had for this paper, when `summarizer retry` made the record with another one."""
    language: str | None
    """Asked for the summary; null when the model takes no instruction."""
    abstract_sha256: str
    structured_mode: str | None
    """How the form of the answer was obtained; null when there is no answer."""
    attempts: int
    tokens: Tokens
    cost_usd: float | None
    cached: bool
    seconds: float
    """Time that the model took for this answer (its share of a batch), when it was made."""
    created_at: str | None
    """When the answer was made, ISO 8601 in UTC; a cached answer keeps its first time."""


class Record(Frozen):
    """The one line of output for one input, whatever happened to it."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    id: str
    title: str
    abstract: str
    source: Source
    url: str | None = None
    authors: tuple[str, ...] = ()
    published: str | None = None
    status: Status
    tldr: Tldr | None = None
    contribution: Contribution | None = None
    tags: tuple[Tag, ...] = ()
    proposed_tags: tuple[Tag, ...] = ()
    """Tasks and methods that the user's vocabulary does not have; what becomes of them is up to a person."""
    methods: tuple[Method, ...] = ()
    datasets: tuple[Mention, ...] = ()
    metrics: tuple[Mention, ...] = ()
    results: tuple[Result, ...] = ()
    links: tuple[Link, ...] = ()
    warnings: tuple[Caution, ...] = ()
    failure: Failure | None = None
    provenance: Provenance | None = None


def record_schema() -> dict[str, Any]:
    """JSON Schema of `Record`, as it is published."""
    return Record.model_json_schema(mode="serialization")


class Term(Frozen):
    """One label of a closed list, with the line that defines it for people and models."""

    label: str
    definition: str


class Limits(Frozen):
    """How much an answer may hold: entries of each list, and characters of each text."""

    tldr: PositiveInt
    text: PositiveInt
    evidence: PositiveInt
    modalities: PositiveInt
    tasks: PositiveInt
    methods: PositiveInt
    datasets: PositiveInt
    metrics: PositiveInt
    results: PositiveInt


class Vocabulary(Frozen):
    """The closed lists: contribution types, research fields, modalities of data."""

    contributions: tuple[Term, ...]
    fields: tuple[Term, ...]
    modalities: tuple[Term, ...]


def first_problem(error: ValidationError, whole: str) -> str:
    """Where it is and what it is, without the value: `tags.0.label: Field required`.

    `whole` is what it is called where the problem is not in a part.
    """
    problem = error.errors(include_input=False, include_url=False, include_context=False)[0]
    return f"{'.'.join(map(str, problem['loc'])) or whole}: {problem['msg']}"
