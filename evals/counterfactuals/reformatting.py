"""The same text in another form: what a copy out of a PDF, a web page or LaTeX looks like."""

import re
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from summarizer import Paper
from summarizer.extension import fold

_LIGATURES = {"ffi": "\ufb03", "ffl": "\ufb04", "ff": "\ufb00", "fi": "\ufb01", "fl": "\ufb02"}
#: Characters of a line.
_WIDTH = 60


def _broken(text: str) -> str:
    lines = [""]
    for word in text.split(" "):
        # A line that ends with a hyphen would be one word with the next.
        if len(lines[-1]) + len(word) >= _WIDTH and lines[-1][-1:].isalnum():
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return "\n".join(lines)


def _typeset(text: str) -> str:
    text = re.sub(r"(?<=\w)-(?=\w)", "\u2010", text).replace(" - ", " \u2013 ").replace("'", "\u2019")
    return re.sub(r'"([^"]*)"', "\u201c\\1\u201d", text)


def _every_second_space(text: str) -> str:
    words = text.split(" ")
    return "".join(word + ("\u00a0" if place % 2 else " ") for place, word in enumerate(words[:-1])) + words[-1]


#: Ways to write the same, by the name that a table has.
STYLES: Final[Mapping[str, Callable[[str], str]]] = {
    "line breaks": _broken,
    "dashes and quotes": _typeset,
    "LaTeX percent": lambda text: re.sub(r"(?<!\\)%", r"\\%", text),
    "double spaces": lambda text: text.replace(" ", "  "),
    "no-break spaces": _every_second_space,
    "ligatures": lambda text: re.sub("ffi|ffl|ff|fi|fl", lambda found: _LIGATURES[found.group()], text),
}


def reformatted(paper: Paper, rng: np.random.Generator) -> tuple[str, Paper] | None:
    """The paper in one of the styles that change it, drawn at random, with the name of the style.

    The id is that of the paper with the style behind it. None where no style leaves another text that reads the same.
    """
    names = list(STYLES)
    for place in rng.permutation(len(names)):
        style = names[place]
        abstract = STYLES[style](paper.abstract)
        if abstract != paper.abstract and fold(abstract).text == fold(paper.abstract).text:
            return style, paper.model_copy(update={"id": f"{paper.id}~{style}", "abstract": abstract})
    return None
