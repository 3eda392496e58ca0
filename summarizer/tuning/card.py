"""The card of an adapter, written from what really happened."""

from collections.abc import Sequence
from importlib.metadata import version

from summarizer.records import Frozen
from summarizer.tuning.recipe import Origin, Progress, Recipe


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
    progress: Progress
    versions: dict[str, str]


def versions() -> dict[str, str]:
    """Of the packages that learning goes through."""
    return {name: version(name) for name in ("abstract-summarizer", "torch", "transformers", "peft")}


def card(made: Made) -> str:
    """Markdown for people, with the front matter that model hubs read."""
    recipe, progress = made.recipe, made.progress
    lines = [
        "---",
        "library_name: peft",
        f"base_model: {made.base}",
        "---",
        "",
        "# Adapter for summaries and names of paper abstracts",
        "",
        f"For `{made.base}` ({made.revision}), with the prompt `{made.prompt}` (SHA-256 {made.prompt_sha256}).",
        "",
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
        f"| batches learned from | {progress.step} |",
        f"| minutes | {progress.seconds / 60:.0f} |",
        "",
        *_losses(progress),
        "",
        f"Made with {', '.join(f'{name} {number}' for name, number in made.versions.items())}.",
    ]
    return "\n".join(lines) + "\n"


def _losses(progress: Progress) -> Sequence[str]:
    rows = [
        f"| {epoch + 1}{' (kept)' if epoch == progress.best else ''} | {loss:.4f} | "
        f"{f'{progress.dev[epoch]:.4f}' if epoch < len(progress.dev) else ''} |"
        for epoch, loss in enumerate(progress.train)
    ]
    return ("| epoch | loss of a token, train | dev |", "| --- | ---: | ---: |", *rows)
