"""Prompts are data: find a prompt file, check it, fingerprint it, and render a paper into a request."""

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from string import Template
from typing import Literal, get_args

from pydantic import ValidationError

from summarizer.completion import SCHEME, Decoding, Identity, Json, Message, Request
from summarizer.errors import PromptError
from summarizer.lines import as_lines, lines_grammar
from summarizer.records import Answer, Frozen, Limits, Paper, ResultKind, Role, Term, Vocabulary, first_problem
from summarizer.settings import DEFAULT_LANGUAGE
from summarizer.shipped import prompts_folder

_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
_DELIMITER = re.compile(r"<(?=/?abstract)", re.IGNORECASE)

SYSTEM_VARIABLES = frozenset({"contributions", "fields", "modalities", "language"})
USER_VARIABLES = frozenset({"title", "abstract"})
REPAIR_VARIABLES = frozenset({"problem"})


class Example(Frozen):
    """A worked example: a paper and the answer that it should get."""

    title: str
    abstract: str
    answer: Answer


class PromptFile(Frozen):
    """What a prompt file holds."""

    system: str
    user: str
    limits: Limits
    form: Literal["json", "lines"] = "json"
    """How an answer is written; lines are for local models."""
    examples: tuple[Example, ...] = ()


class Prompt(Frozen):
    """A checked prompt. `sha256` is of the file's bytes, and of the vocabulary's and the repair prompt's."""

    name: str
    file: PromptFile
    repair: str
    """Asked after an answer that could not be read."""
    unsupported: str
    """Asked after an answer that says what the paper does not."""
    vocabulary: Vocabulary
    sha256: str


def list_prompts() -> list[str]:
    """Names of the shipped prompts, as `name/vN`, the oldest version first."""
    found = [
        (folder.name, int(file.name[1:-5]))
        for folder in prompts_folder().iterdir()
        if folder.is_dir() and folder.name != "repair"
        for file in folder.iterdir()
        if file.name.endswith(".toml")
    ]
    return [f"{name}/v{version}" for name, version in sorted(found)]


def prompt_text(name: str) -> str:
    """Text of a shipped prompt or of the file at a path, as it stands."""
    full_name, content = _locate(name)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PromptError(f"prompt {full_name}: not in UTF-8: {error}") from error


def load_prompt(name: str) -> Prompt:
    """Load `NAME` (highest version), `NAME/vN`, or a TOML file by its path; `PromptError` if anything is wrong."""
    full_name, content = _locate(name)
    vocabulary_bytes = (prompts_folder() / "vocabulary.toml").read_bytes()
    repair_bytes = (prompts_folder() / "repair" / "v1.toml").read_bytes()
    try:
        file = PromptFile.model_validate(tomllib.loads(content.decode("utf-8")))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PromptError(f"prompt {full_name}: not valid TOML in UTF-8: {error}") from error
    except ValidationError as error:
        raise PromptError(f"prompt {full_name}: {first_problem(error, 'file')}") from error
    vocabulary = load_vocabulary()
    again = tomllib.loads(repair_bytes.decode("utf-8"))
    repair, unsupported = str(again["user"]), str(again["unsupported"])
    for part, text, allowed, required in (
        ("system", file.system, SYSTEM_VARIABLES, frozenset[str]()),
        ("user", file.user, USER_VARIABLES, USER_VARIABLES),
        ("repair", repair, REPAIR_VARIABLES, REPAIR_VARIABLES),
        ("unsupported", unsupported, REPAIR_VARIABLES, REPAIR_VARIABLES),
    ):
        _check_variables(f"prompt {full_name}, {part}", text, allowed, required)
    digest = hashlib.sha256(b"\0".join((content, vocabulary_bytes, repair_bytes))).hexdigest()
    return Prompt(
        name=full_name, file=file, repair=repair, unsupported=unsupported, vocabulary=vocabulary, sha256=digest
    )


def load_vocabulary() -> Vocabulary:
    """The closed lists that answers are held to."""
    return Vocabulary.model_validate(tomllib.loads((prompts_folder() / "vocabulary.toml").read_bytes().decode("utf-8")))


def check_language(prompt: Prompt, language: str) -> None:
    """Refuse a language (`PromptError`) that the prompt has no place for."""
    if language != DEFAULT_LANGUAGE and "language" not in Template(prompt.file.system).get_identifiers():
        raise PromptError(f"prompt {prompt.name} does not use $language in `system`: {language} cannot be asked")


class Renderer:
    """Renders papers with one prompt in one language. The constant part is made once."""

    def __init__(self, prompt: Prompt, language: str, decoding: Decoding, identity: Identity) -> None:
        """Render everything that does not depend on the paper. `identity` is what answers; it goes into the keys.

        Raises `PromptError` when a language is asked for that the prompt has no place for.
        """
        check_language(prompt, language)
        self.prompt, self.language, self._decoding = prompt, language, decoding
        vocabulary = prompt.vocabulary
        system = _fill(
            prompt.file.system,
            contributions=_describe(vocabulary.contributions),
            fields=_describe(vocabulary.fields),
            modalities=_describe(vocabulary.modalities),
            language=language,
        )
        messages = [Message(role="system", content=system)]
        for example in prompt.file.examples:
            messages.append(self._user_message(example.title, example.abstract))
            messages.append(Message(role="assistant", content=written(example.answer, prompt.file.form)))
        self._prefix = tuple(messages)
        self.schema_text = _schema_text(prompt)
        self.schema_sha256 = hashlib.sha256(self.schema_text.encode()).hexdigest()
        # Hashed once, and continued with the paper: the constant part is longer than most abstracts.
        self._key = hashlib.sha256(_constant(identity, self._prefix, self.schema_text, decoding))

    def request(self, paper: Paper) -> Request:
        """The request for one paper; its id is the paper's."""
        message = self._user_message(paper.title, paper.abstract)
        return Request(
            id=paper.id,
            key=self._continued_key(message.content),
            messages=(*self._prefix, message),
            schema_text=self.schema_text,
            decoding=self._decoding,
            title=paper.title,
            abstract=paper.abstract,
            prompt=self.prompt.name,
            language=self.language,
        )

    def repair(self, request: Request, raw: str, problem: str, *, readable: bool = False) -> Request:
        """Ask again, showing the model its own answer and what was wrong with it; a `readable` one says too much."""
        template = self.prompt.unsupported if readable else self.prompt.repair
        return request.model_copy(
            update={
                "key": self._continued_key(request.messages[-1].content, raw, problem),
                "attempt": request.attempt + 1,
                "messages": (
                    *request.messages,
                    Message(role="assistant", content=raw),
                    Message(role="user", content=_fill(template, problem=problem)),
                ),
            },
        )

    def _continued_key(self, *texts: str) -> str:
        key = self._key.copy()
        key.update(_canonical(*texts))
        return key.hexdigest()

    def _user_message(self, title: str, abstract: str) -> Message:
        content = _fill(self.prompt.file.user, title=_as_data(title), abstract=_as_data(abstract.strip()))
        return Message(role="user", content=content)


def key_of(identity: Identity, messages: tuple[Message, ...], schema_text: str, decoding: Decoding) -> str:
    """The key of a first question: SHA-256 of all that can change its answer. The last message is the user's."""
    key = hashlib.sha256(_constant(identity, messages[:-1], schema_text, decoding))
    key.update(_canonical(messages[-1].content))
    return key.hexdigest()


def written(answer: Answer, form: Literal["json", "lines"]) -> str:
    """An answer as a model is to write it."""
    if form == "json":
        return answer.model_dump_json()
    methods = [method.name for method in answer.methods]
    return as_lines(answer.tldr, (answer.tasks, methods, answer.datasets, answer.metrics))


def _schema_text(prompt: Prompt) -> str:
    if prompt.file.form == "lines":
        return lines_grammar(prompt.file.limits)
    return json.dumps(answer_schema(prompt.vocabulary, prompt.file.limits), separators=(",", ":"))


def answer_schema(vocabulary: Vocabulary, limits: Limits) -> Json:
    """JSON Schema of `Answer` as a model is held to it.

    Everything is required and nothing else is allowed. Only the keywords that strict modes and grammar libraries share
    are used, with `minLength`, `maxLength` and `maxItems` to bound what is generated; a backend drops these for servers
    that refuse them.
    """
    name = _text(limits.text)
    nullable = {"anyOf": [name, {"type": "null"}]}
    method = _object(name=name, role=_enum(get_args(Role)))
    result = _object(
        evidence=_text(limits.evidence),
        value=name,
        unit=_text(limits.text, at_least=0),
        metric=nullable,
        dataset=nullable,
        method=nullable,
        baseline_value=nullable,
        kind=_enum(get_args(ResultKind)),
    )
    return _object(
        tldr=_text(limits.tldr),
        contribution=_enum(term.label for term in vocabulary.contributions),
        field=_enum(term.label for term in vocabulary.fields),
        modalities=_list(_enum(term.label for term in vocabulary.modalities), limits.modalities),
        tasks=_list(name, limits.tasks),
        methods=_list(method, limits.methods),
        datasets=_list(name, limits.datasets),
        metrics=_list(name, limits.metrics),
        results=_list(result, limits.results),
    )


def _constant(identity: Identity, instructions: tuple[Message, ...], schema_text: str, decoding: Decoding) -> bytes:
    # What is the same for every paper comes first in a key.
    return _canonical(SCHEME, identity, *instructions, schema_text, decoding)


def _unsaid(part: Frozen) -> set[str]:
    return {"dialect"} if isinstance(part, Identity) and part.dialect is None else set()


def _canonical(*parts: str | Frozen) -> bytes:
    # JSON, so that no two lists of parts run into the same bytes. What has no dialect has the keys that it always had.
    plain = [part if isinstance(part, str) else part.model_dump(exclude=_unsaid(part)) for part in parts]
    return _CANONICAL.encode(plain).encode()


def _text(limit: int, at_least: int = 1) -> Json:
    return {"type": "string", "minLength": at_least, "maxLength": limit}


def _enum(labels: Iterable[str]) -> Json:
    return {"type": "string", "enum": list(labels)}


def _list(items: Json, limit: int) -> Json:
    return {"type": "array", "items": items, "maxItems": limit}


def _object(**properties: Json) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _describe(terms: tuple[Term, ...]) -> str:
    return "\n".join(f"- {term.label}: {term.definition}" for term in terms)


def _fill(template: str, **values: str) -> str:
    # Values are inserted once and never read as templates, so a dollar sign in an abstract stays one.
    return Template(template.strip()).substitute(values)


def _as_data(text: str) -> str:
    # The shipped prompts put the abstract between these tags: a text that has them must not be able to end itself.
    return _DELIMITER.sub("< ", text)


def _check_variables(where: str, text: str, allowed: frozenset[str], required: frozenset[str]) -> None:
    template = Template(text)
    if not template.is_valid():
        raise PromptError(f"{where}: a lone $ (write $$ for a dollar sign)")
    found = frozenset(template.get_identifiers())
    if unknown := found - allowed:
        raise PromptError(f"{where}: nothing fills {_names(unknown)}; what can be used is {_names(allowed)}")
    if missing := required - found:
        raise PromptError(f"{where}: must use {_names(missing)}")


def _names(variables: Iterable[str]) -> str:
    return ", ".join(f"${name}" for name in sorted(variables))


def _locate(name: str) -> tuple[str, bytes]:
    path = Path(name)
    if path.suffix == ".toml" or path.is_file():
        try:
            return str(path), path.read_bytes()
        except OSError as error:
            raise PromptError(f"prompt {name}: {error.strerror}") from error
    shipped = list_prompts()
    wanted = [full for full in shipped if name in (full, full.partition("/")[0])]
    if not wanted:
        known = ", ".join(shipped)
        raise PromptError(f"there is no prompt {name!r}; shipped are {known}, or give the path of a .toml file")
    folder, _, version = wanted[-1].partition("/")
    return wanted[-1], (prompts_folder() / folder / f"{version}.toml").read_bytes()
