"""In which order two summaries are shown, and whose a verdict is. Both read one table, so that they cannot differ."""

from typing import Final, Literal

Side = Literal["A", "B"]
Order = Literal["AB", "BA"]
#: What a judge says, who sees only a first and a second summary.
Better = Literal["first", "second", "tie"]
Preference = Literal["A", "B", "tie"]

ORDERS: Final[tuple[Order, ...]] = ("AB", "BA")
SIDES: Final[tuple[Side, ...]] = ("A", "B")
PREFERENCES: Final[tuple[Preference, ...]] = ("A", "B", "tie")
#: Whose summary is shown first and second.
SHOWN: Final[dict[Order, tuple[Side, Side]]] = {"AB": ("A", "B"), "BA": ("B", "A")}


def unblind(better: Better, order: Order) -> Preference:
    """Whose summary is better, given what the judge said of the two in this order."""
    if better == "tie":
        return "tie"
    first, second = SHOWN[order]
    return first if better == "first" else second


def agreed(one: Preference, other: Preference) -> Preference:
    """The verdict of both orders; where they disagree it is a tie."""
    return one if one == other else "tie"
