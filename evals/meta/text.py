"""What was found about the metrics as Markdown, for people."""

from collections.abc import Iterator, Sequence

from evals.meta.belief import Belief, EditBelief, NuggetBelief
from evals.metrics import NAMED
from evals.tables import Cell
from summarizer.extension import escape_markdown

_CAUTION = (
    "A metric that does not agree better than the length alone (the row `words`, and beside each metric) says nothing "
    "about content that counting words does not say."
)


def markdown(belief: Belief) -> str:
    """One table for each kind of judgement."""
    lines = ["# Do the metrics deserve belief?", ""]
    if belief.nuggets is not None:
        lines += [*_nuggets(belief.nuggets), ""]
    if belief.edits is not None:
        lines += [*_edits(belief.edits), ""]
    return "\n".join(lines)


def _nuggets(found: NuggetBelief) -> Iterator[str]:
    yield "## Agreement with nuggets"
    yield ""
    yield (
        f"{found.texts} summaries of {found.papers} papers ({found.rows} rows of labels; {found.conflicting} texts "
        f"with conflicting labels have their mean; {found.people} by people are left out, they are the targets). "
        f"Spearman's correlation with the number of nuggets, and how many of 100 pairs of one paper are in the order "
        f"of people; 95 % intervals over papers. {_CAUTION}"
    )
    yield ""
    yield from _table(
        ("metric", "texts", "Spearman", "of length", "minus length", "at equal length", "pairs", "pairs by length"),
        [
            (
                NAMED[one.metric].title,
                str(one.texts),
                _cell(one.spearman),
                _cell(one.length),
                _cell(one.over_length),
                _cell(one.given_length),
                _cell(one.pairs, points=True),
                _cell(one.length_pairs, points=True),
            )
            for one in found.metrics
        ],
    )


def _edits(found: EditBelief) -> Iterator[str]:
    yield "## Telling wrong summaries from right ones"
    yield ""
    yield (
        f"{found.texts} changed summaries of {found.documents} documents, {found.wrong} of them wrong. AUROC of each "
        f"metric as a signal for wrong ones, 95 % intervals over documents: 0.5 says nothing, less says the contrary. "
        f"A metric of which more is better is turned round (-). By kind of change: wrong ones of this kind against all "
        f"right ones."
    )
    yield ""
    kinds = sorted({kind for one in found.metrics for kind in one.kinds})
    yield from _table(
        # Kinds of changes stand in a file of labels, as anybody may have written them.
        ("signal", "texts", "AUROC", *(escape_markdown(kind.replace("_", " ")) for kind in kinds)),
        [
            (
                f"{'-' if one.turned else ''}{NAMED[one.metric].title}",
                str(one.texts),
                _cell(one.auroc),
                *(_cell(one.kinds[kind]) if kind in one.kinds else "-" for kind in kinds),
            )
            for one in found.metrics
        ],
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield _line(head)
    yield _line(["---"] + ["---:"] * (len(head) - 1))
    yield from map(_line, rows)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell, *, points: bool = False) -> str:
    if cell.value is None:
        return "-"
    digits = 1 if points else 3
    text = f"{cell.value:.{digits}f}"
    if cell.low is None or cell.high is None:
        return text
    return f"{text} [{cell.low:.{digits}f}, {cell.high:.{digits}f}]"
