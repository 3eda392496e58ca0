"""The card of an adapter, written from what really happened."""

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from summarizer.errors import SettingsError
from summarizer.records import Frozen
from summarizer.tuning.recipe import Origin, Progress, Recipe

#: What says so to programs, beside the weights; `README.md` says it to people.
MADE: Final = "made.json"


class TrainingData(Frozen):
    """One file that was learned from, or that was looked at to choose."""

    split: str
    suite: str
    file: str
    sha256: str
    licence: str
    lessons: int


class Made(Origin):
    """What an adapter was made of, with what, and what came of it: the file `made.json` beside it."""

    recipe: Recipe
    data: tuple[TrainingData, ...]
    lessons: int | None = None
    """That were learned from: others of the data were too long or empty. None where that was not written down yet."""
    progress: Progress
    versions: dict[str, str]
    before: "Made | None" = None
    """The same of the adapter that it went on from, where that has such a file."""


def read_made(folder: Path) -> Made | None:
    """What the adapter of a folder was made of; None where it does not say, `SettingsError` for another file."""
    path = folder / MADE
    try:
        return Made.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise SettingsError(f"{path}: does not say what the adapter was made of") from error


def versions() -> dict[str, str]:
    """Of the packages that learning goes through."""
    return {name: version(name) for name in ("abstract-summarizer", "torch", "transformers", "peft")}


def card(made: Made) -> str:
    """Markdown for people, with the front matter that model hubs read; the step that began from nothing comes first."""
    lines = [
        "---",
        "library_name: peft",
        f"base_model: {made.base}",
        "---",
        "",
        "# Adapter for summaries and names of paper abstracts",
        "",
        f"For `{made.base}` ({made.revision}), with the prompt `{made.prompt}` (SHA-256 {made.prompt_sha256}).",
    ]
    steps = list(_steps(made))[::-1]
    for number, step in enumerate(steps, 1):
        lines += ["", *([f"## Step {number} of {len(steps)}", ""] if len(steps) > 1 else []), *_told(step)]
    return "\n".join(lines) + "\n"


def _steps(made: Made | None) -> Iterator[Made]:
    while made:
        yield made
        made = made.before


def _told(made: Made) -> Sequence[str]:
    recipe, progress = made.recipe, made.progress
    return [
        "| data | split | lessons | licence | SHA-256 |",
        "| --- | --- | ---: | --- | --- |",
        *(
            f"| {one.suite}: {one.file} | {one.split} | {one.lessons} | {one.licence} | {one.sha256} |"
            for one in made.data
        ),
        "",
        "| recipe | |",
        "| --- | --- |",
        *(f"| {name.replace('_', ' ')} | {value} |" for name, value in recipe.model_dump().items()),
        *([f"| went on from | {made.adapter} |"] if made.adapter else []),
        f"| number format of the base | {made.dtype} |",
        *([f"| lessons learned from | {made.lessons} |"] if made.lessons is not None else []),
        f"| batches learned from | {progress.step} |",
        f"| minutes | {progress.seconds / 60:.0f} |",
        "",
        *_losses(made),
        "",
        f"Made with {', '.join(f'{name} {number}' for name, number in made.versions.items())}.",
    ]


def _losses(made: Made) -> Sequence[str]:
    recipe, progress = made.recipe, made.progress
    of = "what was drawn (the less the better)" if recipe.policy else "a token, train"
    dev = "dev" if recipe.share == 1 else "dev, at the share that is kept"
    rows = [
        f"| {epoch + 1}{' (kept)' if epoch == progress.best else ''} | {loss:.4f} | "
        f"{f'{progress.dev[epoch]:.4f}' if epoch < len(progress.dev) else ''} |"
        for epoch, loss in enumerate(progress.train)
    ]
    return (f"| epoch | loss of {of} | {dev} |", "| --- | ---: | ---: |", *rows)
