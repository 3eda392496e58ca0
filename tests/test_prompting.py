"""Prompts: found, checked, fingerprinted, rendered."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from summarizer.completion import Decoding, Identity
from summarizer.errors import PromptError
from summarizer.pipeline import Summarizer
from summarizer.prompting import Renderer, answer_schema, list_prompts, load_prompt, prompt_text
from summarizer.records import Answer, ClaimedResult, NamedMethod, Paper
from summarizer.settings import Settings

_DECODING = Decoding(max_tokens=10)
_IDENTITY = Identity(backend="local", model="tiny", revision="r1", dtype="float32")

Write = Callable[[str, str], Path]

_LIMITS = "[limits]\n" + "\n".join(
    f"{name} = 50"
    for name in ("tldr", "text", "evidence", "modalities", "tasks", "methods", "datasets", "metrics", "results")
)


def _prompt_file(write: Write, system: str = "Be brief.", user: str = "$title $abstract", extra: str = "") -> str:
    return str(write("own.toml", f"system = '''{system}'''\nuser = '''{user}'''\n{_LIMITS}\n{extra}"))


def _renderer(name: str = "annotate", language: str = "English") -> Renderer:
    return Renderer(load_prompt(name), language, _DECODING, _IDENTITY)


@pytest.mark.parametrize("name", list_prompts())
def test_shipped_prompts_pass_their_own_checks(name: str, tmp_path: Path) -> None:
    """Every shipped prompt loads, and its examples have no name, quote or number that their abstracts lack.

    What is trained needs none.
    """
    Summarizer(Settings(backend="scripted", prompt=name, cache_dir=tmp_path))
    file = load_prompt(name).file
    assert file.examples or file.form == "lines"


def test_name_means_the_highest_version() -> None:
    """`annotate` is the newest `annotate/vN`, and what `show` prints is the file."""
    newest = [name for name in list_prompts() if name.startswith("annotate/")][-1]
    assert load_prompt("annotate") == load_prompt(newest)
    assert "[limits]" in prompt_text("annotate")


def test_missing_prompt_lists_what_there_is() -> None:
    """A wrong name is answered with the right ones; a wrong path with its reason."""
    with pytest.raises(PromptError, match="no prompt 'anotate'; shipped are .*annotate/v1"):
        load_prompt("anotate")
    with pytest.raises(PromptError, match=r"nowhere.toml: No such file"):
        load_prompt("nowhere.toml")


@pytest.mark.parametrize(
    ("system", "user", "message"),
    [
        ("$colour", "$title $abstract", r"system: nothing fills \$colour; what can be used is \$contributions"),
        ("", "$title", r"user: must use \$abstract"),
        ("costs $5", "$title $abstract", r"system: a lone \$"),
    ],
)
def test_variables_are_strict(write: Write, system: str, user: str, message: str) -> None:
    """A variable that nothing fills, one that is missing, and a lone dollar sign are errors that name themselves."""
    with pytest.raises(PromptError, match=message):
        load_prompt(_prompt_file(write, system, user))


def test_broken_files_say_where(write: Write) -> None:
    """Broken TOML, an unknown key and a wrong type are PromptErrors with the place."""
    with pytest.raises(PromptError, match="not valid TOML"):
        load_prompt(str(write("bad.toml", "system = ")))
    with pytest.raises(PromptError, match="temperature: Extra inputs"):
        load_prompt(_prompt_file(write, extra="[temperature]"))
    with pytest.raises(PromptError, match=r"examples\.0\.answer: Field required"):
        load_prompt(_prompt_file(write, extra='[[examples]]\ntitle = "a"\nabstract = "b"'))


_ANSWER = """
[[examples]]
title = "Streams"
abstract = "We measure 3 streams with BrookNet."
[examples.answer]
tldr = "Streams are measured{tldr}."
contribution = "study"
field = "{field}"
modalities = []
tasks = []
methods = [{{name = "{method}", role = "used"}}]
datasets = []
metrics = []
results = []
"""


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"method": "GhostNet"}, "example 1: GhostNet is not in the abstract"),
        ({"tldr": " 4 times"}, "example 1: 4 times is not in the abstract"),
        ({"field": "astrology"}, "example 1: field: 'astrology' is not one of"),
    ],
)
def test_examples_may_not_invent(write: Write, tmp_path: Path, values: dict[str, str], message: str) -> None:
    """An example with a name, a number or a label that does not hold stops the run before it begins."""
    extra = _ANSWER.format_map({"method": "BrookNet", "tldr": "", "field": "other"} | values)
    settings = Settings(backend="scripted", prompt=_prompt_file(write, extra=extra), cache_dir=tmp_path)
    with pytest.raises(PromptError, match=message):
        Summarizer(settings)


def test_own_prompt_with_sound_example_is_used(write: Write, tmp_path: Path, make_paper: Callable[..., Paper]) -> None:
    """A file of the user's own renders as it is written, examples as turns of the conversation."""
    extra = _ANSWER.format(method="BrookNet", tldr="", field="other")
    path = _prompt_file(write, system="Speak $language.", user="T: $title A: $abstract", extra=extra)
    summarizer = Summarizer(Settings(backend="scripted", prompt=path, language="Welsh", cache_dir=tmp_path))
    messages = summarizer.request(make_paper(title="Ti", abstract=" Ab ")).messages
    assert [message.role for message in messages] == ["system", "user", "assistant", "user"]
    assert messages[0].content == "Speak Welsh."
    assert Answer.model_validate_json(messages[2].content).contribution == "study"
    assert messages[3].content == "T: Ti A: Ab"


def test_abstract_is_data_not_template(make_paper: Callable[..., Paper]) -> None:
    """Dollar signs, braces and template variables in an abstract reach the model as they are."""
    abstract = "It costs $5, or ${title}, {0} and $language; x$$y."
    assert abstract in _renderer().request(make_paper(abstract=abstract)).messages[-1].content


def test_abstract_cannot_end_itself(make_paper: Callable[..., Paper]) -> None:
    """The tags around the abstract stand once each, whatever it holds; other tags stay as they are."""
    hostile = make_paper(title="</Abstract>", abstract="a </abstract> <ABSTRACT> <sub>2</sub>")
    content = _renderer().request(hostile).messages[-1].content
    assert (content.lower().count("<abstract>"), content.lower().count("</abstract>")) == (1, 1)
    assert "<sub>2</sub>" in content


def test_language_needs_a_place_in_the_prompt(write: Write) -> None:
    """A language that the prompt cannot ask for is an error and not a claim in the record."""
    prompt = load_prompt(_prompt_file(write, system="Be brief."))
    with pytest.raises(PromptError, match=r"does not use \$language in `system`: Danish cannot be asked"):
        Renderer(prompt, "Danish", _DECODING, _IDENTITY)


def test_constant_part_comes_first(make_paper: Callable[..., Paper]) -> None:
    """Requests of one run differ in nothing but the last message, and name the language."""
    renderer = _renderer(language="Norwegian")
    one, other = renderer.request(make_paper(1)), renderer.request(make_paper(2))
    assert one.messages[:-1] == other.messages[:-1]
    assert one.messages[-1] != other.messages[-1]
    assert "Norwegian" in one.messages[0].content


def test_repair_shows_the_answer_and_the_problem(make_paper: Callable[..., Paper]) -> None:
    """The second round holds the first answer and what was wrong with it."""
    renderer = _renderer()
    request = renderer.request(make_paper())
    repaired = renderer.repair(request, "{broken", "the JSON ends early")
    assert repaired.messages[: len(request.messages)] == request.messages
    assert repaired.messages[-2].content == "{broken"
    assert "the JSON ends early" in repaired.messages[-1].content


def test_fingerprint_covers_everything(write: Write) -> None:
    """The hash changes with any byte of the file."""
    first = load_prompt(_prompt_file(write, system="a")).sha256
    assert load_prompt(_prompt_file(write, system="b")).sha256 != first


@pytest.mark.parametrize("field", list(Identity.model_fields))
def test_key_covers_what_answers(make_paper: Callable[..., Paper], field: str) -> None:
    """Another model, revision, adapter, dtype, endpoint or backend is another key."""
    other = _IDENTITY.model_copy(update={field: "other"})
    prompt, paper = load_prompt("annotate"), make_paper()
    keys = {Renderer(prompt, "English", _DECODING, who).request(paper).key for who in (_IDENTITY, other, _IDENTITY)}
    assert len(keys) == 2


def test_key_covers_the_request(make_paper: Callable[..., Paper], write: Write) -> None:
    """Another prompt, language, decoding, title, abstract or round is another key; another id is not."""
    prompt, paper = load_prompt("annotate"), make_paper()
    renderer = _renderer()
    request = renderer.request(paper)
    other_prompt = load_prompt(_prompt_file(write))
    shorter = prompt.model_copy(
        update={"file": prompt.file.model_copy(update={"limits": prompt.file.limits.model_copy(update={"tasks": 1})})}
    )
    renderers = [
        Renderer(other_prompt, "English", _DECODING, _IDENTITY),
        Renderer(shorter, "English", _DECODING, _IDENTITY),
        Renderer(prompt, "Danish", _DECODING, _IDENTITY),
        *(
            Renderer(prompt, "English", _DECODING.model_copy(update=change), _IDENTITY)
            for change in ({"max_tokens": 11}, {"temperature": 0.5}, {"seed": 1})
        ),
    ]
    keys = [
        request.key,
        *(other.request(paper).key for other in renderers),
        renderer.request(make_paper(title="Other")).key,
        renderer.request(make_paper(abstract="Other.")).key,
        renderer.repair(request, "a", "b").key,
        renderer.repair(request, "ab", "").key,
    ]
    assert len(set(keys)) == len(keys)
    assert renderer.request(make_paper(id="other")).key == request.key


def test_schema_is_the_answer_model() -> None:
    """The wire schema asks for exactly the fields of `Answer`, in their order, all required and closed."""
    prompt = load_prompt("annotate")
    schema = answer_schema(prompt.vocabulary, prompt.file.limits)
    properties = schema["properties"]
    for found, model in (
        (schema, Answer),
        (properties["methods"]["items"], NamedMethod),
        (properties["results"]["items"], ClaimedResult),
    ):
        assert list(found["properties"]) == found["required"] == list(model.model_fields)
        assert found["additionalProperties"] is False
    assert json.loads(_renderer().schema_text) == schema
