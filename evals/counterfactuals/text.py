"""What was found of pairs and reformatted papers as Markdown, for people."""

from collections.abc import Iterator, Sequence

from evals.counterfactuals.following import FOLLOWINGS, PARTS, KindRow, Rate, StyleRow
from evals.runs import Data, Made
from summarizer.extension import Frozen, escape_markdown


class Counterfactual(Frozen):
    """What `counterfactual.json` holds."""

    data: Data
    made: Made
    pairs: int
    """The most of each kind."""
    draw: int
    """Which pairs were drawn."""
    following: tuple[KindRow, ...]
    stability: tuple[StyleRow, ...]


def markdown(found: Counterfactual) -> str:
    """A table of flip-following, and one of stability."""
    return "\n".join(_lines(found))


def _lines(found: Counterfactual) -> Iterator[str]:
    yield f"# Counterfactual pairs: {escape_markdown(found.made.model)}, {found.data.suite} {found.data.split}"
    yield ""
    yield "One thing is changed in an abstract. Flip-following: of the records that mentioned the old, the share that"
    yield "says the new and not the old. Summaries are the model's own; no sentence stands in. 95 % intervals (Wilson)."
    yield ""
    yield from _table(
        ("changed", "pairs", "flip-following", *FOLLOWINGS),
        [
            (row.kind, str(row.pairs), _rate(row.following), *(str(row.outcomes[one]) for one in FOLLOWINGS))
            for row in found.following
        ],
    )
    yield ""
    yield "The same abstracts in another form: the share of records that say the same."
    yield ""
    yield from _table(
        ("form", "papers", "all the same", *PARTS, "failed"),
        [
            (row.style, str(row.papers), _rate(row.same), *(_rate(row.parts[part]) for part in PARTS), str(row.failed))
            for row in found.stability
        ],
    )
    yield ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"| --- |{' ---: |' * (len(head) - 1)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def _rate(rate: Rate) -> str:
    if rate.value is None:
        return "-"
    return f"{rate.value:.1f} % [{rate.low:.1f}, {rate.high:.1f}] ({rate.count}/{rate.of})"
