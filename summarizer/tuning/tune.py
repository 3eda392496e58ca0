"""From lessons to a folder with an adapter and its card."""

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

from summarizer.backends.device import choose_placement
from summarizer.backends.generation import LoadedModel, load_model
from summarizer.backends.lora import adapter_name, shape_of
from summarizer.backends.weights import fetch_weights, find_model, find_revision
from summarizer.completion import Decoding, Identity, never
from summarizer.errors import ModelError, RequestError, SettingsError
from summarizer.prompting import Prompt, Renderer, load_prompt
from summarizer.settings import DEFAULT_LANGUAGE
from summarizer.tuning.card import MADE, Made, TrainingData, card, read_made, versions
from summarizer.tuning.lessons import IGNORED, Lesson, Teacher, Tokens, Weighed
from summarizer.tuning.recipe import Origin, Recipe
from summarizer.whole import write_whole

_LOG = logging.getLogger(__name__)

Encoded = TypeVar("Encoded", Tokens, Weighed)


class Base(NamedTuple):
    """What learns: a model as in the settings, with the prompt that it will be asked with."""

    model: str
    revision: str | None
    device: Literal["auto", "cpu", "cuda", "mps"]
    dtype: Literal["auto", "float32", "bfloat16", "float16"]
    cache_dir: Path
    prompt: str = "lines"
    adapter: Path | None = None
    """What has been learned already, to go on from."""


def tune(
    base: Base,
    recipe: Recipe,
    folder: Path,
    lessons: tuple[Sequence[Lesson], Sequence[Lesson]],
    data: Sequence[TrainingData],
    stopping: Callable[[], bool] = never,
) -> bool:
    """Train an adapter into `folder`, or go on with what is there; False when it was stopped before its end.

    `lessons` are those to learn from, and those by which the best epoch is chosen, which may be none. `ModelError` for
    a model that cannot be trained or an adapter that cannot be read, `SettingsError` for a prompt that is not written
    in lines, lessons that are all too long, or a folder of another training.
    """
    try:
        from summarizer.tuning.training import Training  # noqa: PLC0415 - torch and peft take seconds
    except ImportError as error:
        raise SettingsError("training needs: pip install 'abstract-summarizer[local,tune]'") from error

    # An adapter is told about before a model is loaded, or even fetched.
    before = _before(base.adapter, folder) if base.adapter else None
    learner = _learner(base)
    train, dev = _encoded_for(learner, lessons, policy=recipe.policy)
    origin = Origin(
        base=learner.name,
        revision=learner.revision,
        adapter=adapter_name(base.adapter) if base.adapter else None,
        dtype=learner.dtype,
        prompt=learner.prompt.name,
        prompt_sha256=learner.prompt.sha256,
    )
    training = Training(learner.loaded.model, recipe, folder, origin, base.adapter)
    ended = training.run(train, dev, stopping)
    if training.progress.train:
        made = Made(
            **origin.model_dump(),
            recipe=recipe,
            data=tuple(data),
            lessons=len(train),
            progress=training.progress,
            versions=versions(),
            before=before,
        )
        write_whole(folder / MADE, made.model_dump_json(indent=2) + "\n")
        write_whole(folder / "README.md", card(made))
    return ended


def _before(adapter: Path, folder: Path) -> Made | None:
    """What the adapter to go on from was made of."""
    shape_of(adapter)
    made = read_made(adapter)
    if adapter.resolve() == folder.resolve():
        raise SettingsError(f"-o {folder}: is the adapter to go on from, and would be written over")
    return made


class _Learner(NamedTuple):
    name: str
    revision: str
    dtype: str
    prompt: Prompt
    loaded: LoadedModel


def _learner(base: Base) -> _Learner:
    source, prompt = find_model(base.model), load_prompt(base.prompt)
    if prompt.file.form != "lines":
        raise SettingsError(f"--prompt {base.prompt}: is written in JSON, and lessons are in lines")
    revision = find_revision(source, base.revision, base.cache_dir)
    placement = choose_placement(base.device, base.dtype)
    loaded = load_model(fetch_weights(source, revision, placement.dtype, base.cache_dir), placement)
    if loaded.plain_summarizer:
        raise ModelError(f"{source.name}: only causal models take lessons")
    return _Learner(source.name, revision, placement.dtype, prompt, loaded)


def _encoded_for(
    learner: _Learner, lessons: tuple[Sequence[Lesson], Sequence[Lesson]], *, policy: bool
) -> tuple[Sequence[Tokens | Weighed], Sequence[Tokens]]:
    """Both kinds of lessons in the tokens of the model, as far as it can read them."""
    loaded = learner.loaded
    if policy and not loaded.continuous:
        raise ModelError(
            f"{learner.name}: a policy is for models that look where they are told to, at all they have read"
        )
    renderer = Renderer(
        learner.prompt, DEFAULT_LANGUAGE, Decoding(max_tokens=1), Identity(backend="local", model=learner.name)
    )
    teacher = Teacher(loaded.tokenizer, renderer, loaded.ends[0])
    train: Sequence[Tokens | Weighed] = (
        weighed(lessons[0], teacher, loaded.context) if policy else taught(lessons[0], teacher, loaded.context)
    )
    dev = taught(lessons[1], teacher, loaded.context)
    if len(train) + len(dev) < len(lessons[0]) + len(lessons[1]):
        _LOG.info(
            "%d of %d lessons are learned from; others are empty, or longer than the model can read",
            len(train),
            len(lessons[0]),
        )
    if not train:
        raise SettingsError(f"no lesson fits into the {loaded.context} tokens that {learner.name} can read")
    if lessons[1] and not dev:
        raise SettingsError(
            f"no lesson to choose by fits into the {loaded.context} tokens that {learner.name} can read"
        )
    return train, dev


def taught(lessons: Sequence[Lesson], teacher: Teacher, context: int) -> list[Tokens]:
    """The tokens of lessons that a model with such a context can read and that hold anything to learn."""
    return [
        one
        for one in _encoded(lessons, teacher.tokens)
        if any(token != IGNORED for token in one.wanted) and len(one.prompt) + len(one.answer) <= context
    ]


def weighed(lessons: Sequence[Lesson], teacher: Teacher, context: int) -> list[Weighed]:
    """The same of the sentences that were drawn for their papers."""
    return [
        one
        for one in _encoded([lesson for lesson in lessons if lesson.drawn], teacher.weighed)
        if len(one.prompt) + max(map(len, one.answers)) <= context
    ]


def _encoded(lessons: Sequence[Lesson], encode: Callable[[Lesson], Encoded]) -> Iterator[Encoded]:
    for lesson in lessons:
        try:
            yield encode(lesson)
        except RequestError as error:
            _LOG.info("%s is left out: %s", lesson.paper.id, error)
