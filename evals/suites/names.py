"""Names that people marked in a text become gold: a set for each kind, in the order in which they are met."""

from collections.abc import Iterable, Iterator, Sequence

from evals.examples import GoldName, Kind

#: The forms of a name, each with its number among all forms that were met.
_Forms = dict[str, int]


def gold_names(kinds: Sequence[Kind], marked: Iterable[tuple[Kind, Sequence[str]]]) -> dict[Kind, tuple[GoldName, ...]]:
    """A name for each of the given lists of forms; those that share a form, or differ in case alone, are one.

    Each of `kinds`, which the data set labels, is there: an empty tuple says that there is no such name.
    """
    found: dict[Kind, dict[str, _Forms]] = {kind: {} for kind in kinds}
    met = 0
    for kind, forms in marked:
        known = found[kind]
        name: _Forms = {}
        for form in forms:
            name |= {form: met} | known.get(form.casefold(), {})
            met += 1
        known.update((form.casefold(), name) for form in name)
    return {kind: tuple(_distinct(known.values())) for kind, known in found.items()}


def _distinct(names: Iterable[_Forms]) -> Iterator[GoldName]:
    each = {id(name): sorted(name, key=name.__getitem__) for name in names}.values()
    for first, *others in each:
        yield GoldName(name=first, aliases=tuple(others))
