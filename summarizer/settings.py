"""All settings, in one frozen value: defaults < summarizer.toml < environment (SUMMARIZER_*) < command line."""

import os
import re
import tomllib
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_cache_path
from pydantic import ConfigDict, Field, JsonValue, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from summarizer.errors import SettingsError
from summarizer.prices import Price
from summarizer.records import Frozen
from summarizer.shipped import embedded_adapter

PREFIX = "SUMMARIZER_"
DEFAULT_FILE = "summarizer.toml"
DEFAULT_LANGUAGE = "English"
#: Name of the model that comes as a Python package and needs no hub.
EMBEDDED = "embedded"
#: Names of the prompt that its adapter was trained with.
ADAPTER_PROMPTS = frozenset({"lines", "lines/v2"})
#: Parameters of a request to a server that are not the user's to add, since all that is sent has them, or must not.
TAKEN = frozenset(
    {"model", "messages", "max_tokens", "max_completion_tokens", "temperature", "seed", "n", "stream"}
    | {"response_format", "tools", "tool_choice"}
)


_NO_TEXT = re.compile(r"[\ud800-\udfff]")
# What is said about a value that does not fit, by the beginning of pydantic's name for the problem.
_EXPECTED = {
    "int_": "it has to be a whole number",
    "float_": "it has to be a number",
    "bool_": "it has to be true or false",
    "string_": "it has to be text",
    "path_": "it has to be text",
    "dict_": "it has to be a table",
    "model_": "it has to be a table",
    "missing": "it is missing",
    "literal_": "it has to be {expected}",
    "finite_": "it has to be a finite number",
    "greater_than_equal": "it has to be at least {ge}",
    "greater_than": "it has to be more than {gt}",
    "less_than_equal": "it has to be at most {le}",
    "less_than": "it has to be less than {lt}",
}


class Settings(Frozen):
    """Everything that can be set. There are no keys here: a key stays in the environment variable that is named."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)

    backend: Literal["local", "hosted", "scripted"] = "local"
    model: str = EMBEDDED
    """Hub id, folder or GGUF file (local), or the server's name of the model (hosted)."""
    revision: str | None = None
    """Branch, tag or commit of a hub model."""
    adapter: Path | None = None
    """Local backend: folder of an adapter that `summarizer tune` has made for the model; see `used_adapter`."""
    shipped_adapter: bool = True
    """Local backend: use the adapter that comes with the embedded model, where no other is given."""
    engine: Literal["torch", "vllm"] = "torch"
    """Local backend: what computes; vLLM is for GPUs, and to be installed by oneself."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16", "int8"] = "auto"
    batch_size: int | None = Field(default=None, ge=1)
    """Local backend: papers that are under way at once; see `under_way`."""
    max_tokens: int = Field(default=640, ge=1, le=1_000_000)
    """Longest answer, in tokens of the model."""
    temperature: float = Field(default=0.0, ge=0.0)
    seed: int = Field(default=0, ge=0, lt=2**63)
    prompt: str | None = None
    """Name, name/version, or path of a prompt file; by default `lines` with an adapter, `compact` for the
    embedded model without one, else `annotate`."""
    language: str = DEFAULT_LANGUAGE
    """Language of the summary; names stay verbatim."""
    vocabulary: Path | None = None
    """TOML file with the labels that tasks and methods shall have; see `vocabulary`."""
    repair: bool | None = None
    """Ask a second time about a paper when the answer says what the paper does not; see `repairs` for the default."""
    stand_in: bool = True
    """Put a sentence of the abstract in the place of a summary that still does; else that stays, and is marked."""
    cache: bool = True
    cache_dir: Path = Field(default_factory=lambda: user_cache_path("abstract-summarizer"))
    base_url: str | None = None
    """Hosted backend: address of a server that speaks the OpenAI API; null is OpenAI itself."""
    api_key_env: str = "OPENAI_API_KEY"
    """Hosted backend: name of the environment variable that holds the key."""
    concurrency: int = Field(default=16, ge=1, le=10_000)
    """Hosted backend: requests in flight at once."""
    timeout: float = Field(default=120.0, gt=0.0, le=86_400.0)
    """Hosted backend: seconds that one attempt may take."""
    requests_per_minute: float | None = Field(default=None, gt=0.0)
    tokens_per_minute: float | None = Field(default=None, gt=0.0)
    """Hosted backend: never more than these; null learns what the server allows from what it says."""
    structured_mode: Literal["auto", "strict", "json_schema", "tools", "json_object", "prompt"] = "auto"
    """Hosted backend: how answers are held to their form; `auto` finds out what the server really does."""
    extra_body: dict[str, JsonValue] = Field(default_factory=dict)
    """Hosted backend: further parameters of every request, such as {"reasoning_effort": "low"}."""
    max_cost: float | None = Field(default=None, gt=0.0)
    """Hosted backend: US dollars that one run may cost at most."""
    max_total_tokens: int | None = Field(default=None, ge=1)
    """Hosted backend: tokens, of prompts and answers together, that one run may take at most."""
    prices: dict[str, Price] = Field(default_factory=dict)
    """Hosted backend: prices by model, where the shipped table is wrong or has none."""
    batch: bool = False
    """Hosted backend: ask through the server's Batch API, at half the price, for answers within a day."""
    encoding: str = "utf-8"
    """Encoding of the input files."""
    columns: dict[str, str] = Field(default_factory=dict)
    """Names of columns or keys in the input, where they are not the usual ones: {"abstract": "AB"}."""
    script: Path | None = None
    """Scripted backend: JSON Lines of {"id", "text"}; without it the abstract's own words are the answer."""
    scripted_seconds: float = Field(default=0.0, ge=0.0, le=86_400.0)
    """Scripted backend: how long each answer takes."""

    @field_validator("*", mode="before")
    @classmethod
    def _check_given(cls, value: object, info: ValidationInfo) -> object:
        # Taken for "not given", an empty base_url would send the key and the papers to OpenAI.
        if isinstance(value, str) and not value.strip():
            raise PydanticCustomError("empty", "it is empty: give it a value, or leave it out")
        for text in _texts(value):
            if "\0" in text or _NO_TEXT.search(text):
                raise PydanticCustomError("text", "it is not valid text (it holds a NUL, or bytes that are not UTF-8)")
        # To Python, true is the number 1.
        numbers: tuple[object, ...] = (int, float, int | None, float | None)
        if isinstance(value, bool) and cls.model_fields[info.field_name or ""].annotation in numbers:
            raise PydanticCustomError("number", "it has to be a number, not true or false")
        return value

    @field_validator("api_key_env")
    @classmethod
    def _check_name(cls, name: str) -> str:
        # The name is shown in messages; a key that was given in its place must not be.
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            message = "it has to be the name of an environment variable, such as OPENAI_API_KEY, and not the key itself"
            raise PydanticCustomError("name", message)
        return name

    @field_validator("extra_body")
    @classmethod
    def _check_extra(cls, extra: dict[str, JsonValue]) -> dict[str, JsonValue]:
        # Limits on what a run may cost reckon with these, and keys of the cache have them.
        if taken := sorted(TAKEN & extra.keys()):
            message = "it may not hold {taken}: what every request has comes from the other settings"
            raise PydanticCustomError("taken", message, {"taken": ", ".join(taken)})
        return extra

    @field_validator("adapter", "cache_dir", "script", "vocabulary")
    @classmethod
    def _expand_home(cls, path: Path | None) -> Path | None:
        # Only a shell does it, and not in a file, nor after `--cache-dir=`.
        try:
            return path.expanduser() if path else None
        except RuntimeError as error:
            raise PydanticCustomError("home", "it begins with ~, and there is no such home folder") from error

    @property
    def used_adapter(self) -> Path | None:
        """Folder of the adapter that is added to a local model.

        That which comes along has learned to answer one prompt, in English; for others it would be a worse model.
        """
        if self.backend != "local" or self.adapter is not None:
            return self.adapter if self.backend == "local" else None
        learned = self.prompt in {None, *ADAPTER_PROMPTS} and self.language == DEFAULT_LANGUAGE
        return embedded_adapter() if self._is_small and self.shipped_adapter and learned else None

    @property
    def prompt_name(self) -> str:
        """The prompt that is used."""
        return self.prompt or ("lines" if self.used_adapter else "compact" if self._is_small else "annotate")

    @property
    def under_way(self) -> int:
        """Papers that a local model has under way at once.

        vLLM fits what is computed into its memory by itself. 32 papers with the short answers of the embedded model
        take half a gigabyte (benchmarks/local.md); of other models nothing is known before they are loaded.
        """
        if self.batch_size is not None:
            return self.batch_size
        if self.backend == "local" and self.engine == "vllm":
            return 256
        return 32 if self._is_small and self.used_adapter else 8

    @property
    def repairs(self) -> bool:
        """Whether unsupported answers are asked again; the embedded model is too small to mend any (measured)."""
        return not self._is_small if self.repair is None else self.repair

    @property
    def _is_small(self) -> bool:
        return self.backend == "local" and self.model == EMBEDDED


def load_settings(
    flags: dict[str, Any],
    config: Path | None = None,
    environment: dict[str, str] | None = None,
) -> Settings:
    """Combine the four sources; an unknown key or a value that does not fit is a `SettingsError` that names it.

    `flags` are the command line's values, without those that were not given. `config` defaults to `summarizer.toml`
    in the current folder, if there is one.
    """
    environment = dict(os.environ) if environment is None else environment
    sources: dict[str, str] = {}
    values: dict[str, Any] = {}
    columns: dict[str, Any] = {}
    for origin, found in (
        (str(config or DEFAULT_FILE), _read_file(config)),
        ("environment", _read_environment(environment)),
        ("command line", flags),
    ):
        values.update(found)
        if isinstance(more := found.get("columns"), dict):  # what is said of one column leaves the others alone
            values["columns"] = columns = {**columns, **more}
        sources.update(dict.fromkeys(found, origin))
    try:
        return Settings(**values)
    except ValidationError as error:
        problems = "; ".join(_explain(problem, sources) for problem in error.errors())
        raise SettingsError(problems) from error


def _texts(value: object) -> list[str]:
    found = [*value, *value.values()] if isinstance(value, dict) else [value]
    return [str(item) for item in found if isinstance(item, str | Path)]


def _read_file(config: Path | None) -> dict[str, Any]:
    path = config or Path(DEFAULT_FILE)
    if config is None and not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read as TOML: {error}") from error


def _read_environment(environment: dict[str, str]) -> dict[str, str]:
    return {name[len(PREFIX) :].lower(): value for name, value in environment.items() if name.startswith(PREFIX)}


def _explain(problem: ErrorDetails, sources: dict[str, str]) -> str:
    location, message = problem["loc"], problem["msg"]
    name = ".".join(str(part) for part in location)
    origin = sources.get(str(location[0]) if location else "", "defaults")
    if problem["type"] == "extra_forbidden":
        known = ", ".join(sorted(Settings.model_fields if len(location) == 1 else Price.model_fields))
        return f"{origin}: there is no setting {name!r}; the settings are: {known}"
    if expected := next((words for kind, words in _EXPECTED.items() if problem["type"].startswith(kind)), None):
        message = expected.format(**problem.get("ctx", {}))
    if problem["type"] == "empty" and origin == "environment":
        message += f" (unset {PREFIX}{name.upper()})"
    return f"{origin}: setting {name!r}: {message}"
