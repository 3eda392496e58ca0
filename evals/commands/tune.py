"""`summarizer tune`: train an adapter from what people wrote about papers."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from evals.choices import fingerprint, read_drawn, with_best, with_worths
from evals.lessons import lessons_of
from evals.runs import checksum, make_folder
from evals.suites import OWN, load_suite, suite_and_file
from summarizer.extension import (
    INTERRUPTED,
    OK,
    Base,
    InputError,
    Lesson,
    Recipe,
    SettingsError,
    TrainingData,
    complain,
    interruptible,
    settings_of,
    show_log,
    tune,
)


def call(options: Namespace) -> int:
    """Train, or go on; 130 when it was stopped."""
    settings = settings_of(options)
    if settings.backend != "local" or settings.engine != "torch":
        raise SettingsError("only the weights of a local model learn, with torch: leave --backend and --engine out")
    if settings.dtype == "int8":
        raise SettingsError("weights in int8 do not learn: use --dtype float32")
    if options.policy and not (options.choices and settings.adapter):
        raise SettingsError("--policy moves what drew the sentences of --choices: name both, --choices and --adapter")
    show_log(quiet=options.quiet)
    # All files are looked at before a model is.
    train, about = _read(options.train, "train", options.licence)
    if options.choices:
        train, about_choices = _with_choices(train, options.choices, policy=options.policy)
        about.append(about_choices)
    dev, on_dev = _read(options.dev, "dev", options.licence)
    recipe = Recipe(
        rank=options.rank,
        alpha=2 * options.rank,
        learning_rate=options.learning_rate,
        batch_size=options.lessons,
        epochs=options.epochs,
        seed=settings.seed,
        share=options.share,
        policy=options.policy,
    )
    base = Base(settings.model, settings.revision, settings.device, settings.dtype, settings.cache_dir)
    if settings.prompt is not None:
        base = base._replace(prompt=settings.prompt)
    if settings.adapter is not None:
        base = base._replace(adapter=settings.adapter)
    make_folder(options.output)
    with interruptible() as stopping:
        ended = tune(base, recipe, options.output, (train, dev), (*about, *on_dev), stopping)
    if not ended:
        complain("stopped; the same command goes on")
        return INTERRUPTED
    complain(f"{options.output}: use it with --adapter {options.output}")
    return OK


def _read(named: Sequence[str], split: str, licence: str | None) -> tuple[list[Lesson], list[TrainingData]]:
    lessons: list[Lesson] = []
    about = []
    for name in named:
        suite_name, path = suite_and_file(name)
        suite = load_suite(suite_name)
        found = list(lessons_of(suite.read(path)))
        if not found:
            raise InputError(str(path), "holds nothing that a lesson could be made of")
        lessons += found
        about.append(
            TrainingData(
                split=split,
                suite=suite.name,
                file=path.name,
                sha256=checksum(path),
                licence=licence if licence and suite.name == OWN else suite.licence,
                lessons=len(found),
            )
        )
    return lessons, about


def _with_choices(train: list[Lesson], path: Path, *, policy: bool) -> tuple[list[Lesson], TrainingData]:
    drawn = read_drawn(path)
    learned = [lesson for lesson in train if lesson.sentence is not None and fingerprint(lesson.paper) in drawn]
    if not learned:
        raise SettingsError(f"--choices {path}: holds no sentences for papers of --train")
    if policy and not (train := list(with_worths(learned, drawn))):
        raise SettingsError(f"--choices {path}: all sentences of a paper are the same: draw at a higher --temperature")
    return train if policy else list(with_best(train, drawn)), TrainingData(
        split="choices",
        suite="drawn",
        file=path.name,
        sha256=checksum(path),
        licence="what the model wrote",
        lessons=len(train) if policy else len(learned),
    )
