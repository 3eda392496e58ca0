"""`summarizer eval meta`: do the metrics deserve belief."""

from argparse import Namespace
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from evals.data import find
from evals.meta.belief import Belief, EditBelief, NuggetBelief, edit_belief, nugget_belief
from evals.meta.judged import NUGGET_FILES, judged_nuggets, read_edits, read_labels
from evals.meta.text import markdown
from evals.meta.values import Values, measure
from evals.metrics.similarity import Similarity
from evals.runs import checksum, make_folder
from evals.suites import load_suite
from summarizer import __version__, load_settings
from summarizer.extension import OK, SettingsError, say, write_whole

#: The agreement, the same for people, and the values of all metrics for each text.
FILES = ("meta.json", "meta.md", "values.jsonl")


def call(options: Namespace) -> int:
    """Measure on the labels that are given, and write the three files."""
    if options.nuggets is None and options.summedits is None:
        raise SettingsError("eval meta needs labels of people: --nuggets FOLDER, --summedits FILE, or both")
    similarity = Similarity() if options.similarity else None
    nuggets, edits = None, None
    values: list[Values] = []
    if options.nuggets is not None:
        nuggets, found = _nuggets(options.nuggets, options.data, similarity)
        values += found
    if options.summedits is not None:
        edits, found = _edits(options.summedits, similarity)
        values += found
    belief = Belief(version=__version__, nuggets=nuggets, edits=edits)
    text = markdown(belief)
    make_folder(options.output)
    for name, content in zip(FILES, (belief.model_dump_json(indent=2) + "\n", text, _lines(values)), strict=True):
        write_whole(options.output / name, content)
    if not options.quiet:
        say(text)
    return OK


def _nuggets(folder: Path, data: Path | None, similarity: Similarity | None) -> tuple[NuggetBelief, list[Values]]:
    labels, suite = read_labels(folder), load_suite("scitldr")
    path = find(suite, data, "test", load_settings({}).cache_dir / "data")
    judged = judged_nuggets(labels, suite.read(path), path)
    values = measure(judged, similarity)
    digest = sha256("".join(checksum(folder / name) for name in NUGGET_FILES if (folder / name).is_file()).encode())
    return nugget_belief(labels, judged, values, digest.hexdigest()), values


def _edits(path: Path, similarity: Similarity | None) -> tuple[EditBelief, list[Values]]:
    judged = read_edits(path)
    values = measure(judged, similarity)
    return edit_belief(judged, values, checksum(path)), values


def _lines(values: Iterable[Values]) -> str:
    return "".join(f"{one.model_dump_json()}\n" for one in values)
