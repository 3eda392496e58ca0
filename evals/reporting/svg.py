"""Drawings of matplotlib as SVG inside of a page, coloured by the page, and the same bytes for the same drawing.

matplotlib writes colours and fonts into `style` attributes, which the policy of the page forbids, and knows nothing of
the dark mode. So it draws with colours that stand for names, and what it has drawn is rewritten: each `style` becomes
attributes, and each of these colours a variable of the page.
"""

import io
import re
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree as ET

from markupsafe import Markup
from matplotlib import rc_context, style
from matplotlib.figure import Figure

from summarizer.extension import visible

#: Colours that stand for variables of the page.
INK, SOFT = "#000001", "#000002"
_RUNS: Final = tuple(f"#0001{number:02x}" for number in range(6))
_VARIABLES: Final = {
    INK: "var(--ink)",
    SOFT: "var(--soft)",
    **{color: f"var(--run-{number})" for number, color in enumerate(_RUNS, start=1)},
}
#: One fewer than colours and dashes, so that they meet again after thirty runs.
_MARKERS: Final = "osD^v"
_DASHES: Final[tuple[str | tuple[int, tuple[int, ...]], ...]] = (
    "-",
    (0, (5, 2)),
    (0, (5, 2, 1, 2)),
    (0, (9, 2)),
    (0, (3, 1)),
    (0, (9, 2, 1, 2)),
)
#: In units that are pixels on a phone, where letters have to be large enough.
_WIDTH, _HEIGHT, LETTERS = 330, 250, 11
_STYLE: Final = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that widths are the same everywhere
    "font.size": LETTERS,
    "text.parse_math": False,
    "text.color": INK,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.labelsize": LETTERS,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.constrained_layout.use": True,
    "legend.fontsize": LETTERS,
    "legend.frameon": False,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "svg.fonttype": "none",
}
_FONT_SIZE = re.compile(r"([\d.]+)px")

#: To be put before a function that draws: nothing of what the user has set for matplotlib gets into a page.
as_set = style.context(["default", _STYLE])


@dataclass(frozen=True, slots=True)
class Look:
    """Of one run, in all plots: not the colour alone tells it from the others."""

    color: str
    marker: str
    dashes: str | tuple[int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing, or why there is none."""

    title: str
    svg: Markup | None
    said: str
    """What it shows, in words, for those who do not see it as well; or what is missing."""


def look(place: int) -> Look:
    """How the run of that place, from 0, looks."""
    return Look(_RUNS[place % len(_RUNS)], _MARKERS[place % len(_MARKERS)], _DASHES[place % len(_DASHES)])


def sheet() -> Figure:
    """What one plot is drawn on, as wide as a phone."""
    return Figure(figsize=(_WIDTH / 72, _HEIGHT / 72))


def plain(name: str) -> str:
    """A name in letters that the font has; that of a baseline comes from a file."""
    return visible(name).encode("ascii", "replace").decode()[:24]


def finish(figure: Figure, name: str, title: str, said: str) -> Plot:
    """The drawing; `name` is different for each of a page, and so are the ids in it."""
    buffer = io.BytesIO()
    with rc_context({"svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", transparent=True, metadata=dict.fromkeys(("Creator", "Date")))
    root = ET.fromstring(buffer.getvalue())  # noqa: S314 - written just now
    _rewrite(root)
    root.attrib.clear()
    alternative = visible(f"{title}; the text below says what it shows")
    root.attrib.update({"viewBox": f"0 0 {_WIDTH} {_HEIGHT}", "role": "img", "aria-label": alternative})
    return Plot(title, Markup(ET.tostring(root, encoding="unicode")), said)  # noqa: S704 - escaped by the XML writer


def _rewrite(root: ET.Element) -> None:
    """Names without a namespace, as pages have them, attributes in place of styles, and ids only where one is used."""
    used = {part for element in root.iter() for part in re.findall(r"#([\w-]+)", " ".join(element.attrib.values()))}
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.endswith(("}style", "}metadata")):
                parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        found = {name.rpartition("}")[2]: text for name, text in element.attrib.items()}
        if found.get("id") not in used:
            found.pop("id", None)
        styled = _attributes(found.pop("style", ""))
        element.attrib.clear()
        element.attrib.update(found | styled)


def _attributes(styled: str) -> dict[str, str]:
    found = {}
    for name, _, text in (part.partition(":") for part in styled.split(";")):
        key, value = name.strip(), text.strip()
        if key == "font":
            size = _FONT_SIZE.search(value)
            found["font-size"] = size[1] if size else str(LETTERS)
            found |= {"font-weight": "600"} if "700" in value or "bold" in value else {}
        elif key and key != "font-family":
            found[key] = _VARIABLES.get(value, value)
    return found
