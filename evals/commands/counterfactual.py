"""`summarizer eval counterfactual`: ask about abstracts in which one thing is changed, and about reformatted ones.

DIR/pairs.jsonl            what was changed, with both texts
DIR/records.jsonl          the records, each written as soon as it is there; after a kill a run goes on there
DIR/outcomes.jsonl         what became of each pair and each reformatted paper
DIR/counterfactual.json    the rates with what made them; the same for people in counterfactual.md
"""

from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence

from evals.asking import ask
from evals.counterfactuals.following import Outcome, Stability, follows, kind_rows, moved, style_rows
from evals.counterfactuals.pairs import Pair, Restyled, make_pairs, make_restyled
from evals.counterfactuals.text import Counterfactual, markdown
from evals.data import find
from evals.runs import Data, checksum, made_of, make_folder
from evals.suites import load_suite
from summarizer import Record, Settings, __version__, read_records
from summarizer.extension import (
    FAILURES,
    INTERRUPTED,
    OK,
    Frozen,
    InputError,
    Progress,
    SettingsError,
    interruptible,
    say,
    settings_of,
    show_log,
    write_parts,
    write_whole,
)


def call(options: Namespace) -> int:
    """Make the pairs, ask and compare; 1 when a paper got no answer, 130 when the run was stopped."""
    # What the model says is asked for. A sentence of the abstract that stands in would follow every change.
    settings = settings_of(options).model_copy(update={"stand_in": False})
    if settings.batch:
        raise SettingsError("--batch: an evaluation asks at once; leave it out")
    show_log(quiet=options.quiet)
    suite = load_suite(options.suite)
    path = find(suite, options.data, options.split, settings.cache_dir / "data")
    examples = list(suite.read(path))
    pairs = make_pairs(examples, options.pairs, options.draw)
    if not pairs:
        raise InputError(str(path), "has no abstract in which a number, a name or a negation can be changed")
    originals = list({pair.original.id: pair.original for pair in pairs}.values())
    restyled = make_restyled(originals, options.pairs, options.draw)
    papers = [*originals, *(pair.changed for pair in pairs), *(one.changed for one in restyled)]
    make_folder(options.output)
    with interruptible() as stopping:
        progress = Progress(len(papers), quiet=options.quiet)
        answered = ask(papers, options.output / "records.jsonl", settings, stopping, progress)
        if stopping():
            return INTERRUPTED
    # Not before: a folder of another run is refused when its records are read.
    write_parts(options.output / "pairs.jsonl", _lines([*pairs, *restyled]))
    data = Data(
        suite=suite.name,
        split=options.split,
        file=path.name,
        sha256=checksum(path),
        licence=suite.licence,
        limit=None,
        papers=len(originals),
    )
    _compare(pairs, restyled, data, settings, options)
    return OK if answered else FAILURES


def _compare(
    pairs: Sequence[Pair], restyled: Sequence[Restyled], data: Data, settings: Settings, options: Namespace
) -> None:
    records = {record.id: record for record in read_records(options.output / "records.jsonl")}
    outcomes = [
        Outcome(
            id=pair.changed.id,
            kind=pair.change.kind,
            old=pair.change.old,
            new=pair.change.new,
            outcome=follows(pair.change, *_both(records, pair)),
        )
        for pair in pairs
    ]
    stability = [Stability(id=one.changed.id, style=one.style, moved=moved(*_both(records, one))) for one in restyled]
    asked = next(record for record in records.values() if record.provenance is not None)
    found = Counterfactual(
        data=data,
        made=made_of(
            asked, __version__, (settings.max_tokens, settings.temperature, settings.seed), settings.under_way
        ),
        pairs=options.pairs,
        draw=options.draw,
        following=kind_rows(outcomes),
        stability=style_rows(stability),
    )
    text = markdown(found)
    write_parts(options.output / "outcomes.jsonl", _lines([*outcomes, *stability]))
    write_whole(options.output / "counterfactual.json", found.model_dump_json(indent=2) + "\n")
    write_whole(options.output / "counterfactual.md", text)
    if not options.quiet:
        say(text)


def _both(records: dict[str, Record], pair: Pair | Restyled) -> tuple[Record, Record]:
    return records[pair.original.id], records[pair.changed.id]


def _lines(items: Iterable[Frozen]) -> Iterator[str]:
    return (f"{item.model_dump_json()}\n" for item in items)
