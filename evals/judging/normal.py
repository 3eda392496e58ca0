"""Summaries without what style adds. Judges prefer markdown, capitals and full stops to what is said."""

import re
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

_QUOTES = str.maketrans("\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb", '\'\'\'\'""""""')
_END = " .!?;:,\u2026\u3002"


def normalized(text: str) -> str:
    """One line without markdown, without quotes around it, with a capital first and one full stop; empty for nothing.

    A first word with a capital of its own (`mRNA`) stays as it is.
    """
    plain = " ".join(_plain(text).split()) or " ".join(text.split())
    plain = _bare(plain.translate(_QUOTES))
    if not plain:
        return ""
    first = plain.split(maxsplit=1)[0]
    return f"{plain[0].upper() if first == first.lower() else plain[0]}{plain[1:]}."


def _bare(text: str) -> str:
    """Without white space, full stops and quotes at the ends; quotes only where they hold the whole."""
    bare = text.strip().rstrip(_END)
    held = re.fullmatch(r"\"([^\"]*)\"|'([^']*)'", bare)
    return _bare(held[1] or held[2] or "") if held else bare


def _plain(text: str) -> str:
    return " ".join(_words(token) for token in _markdown().parse(text.strip()))


def _words(token: Token) -> str:
    if token.type in {"softbreak", "hardbreak"}:
        return " "
    return token.content if token.children is None else "".join(map(_words, token.children))


@cache
def _markdown() -> MarkdownIt:
    # HTML stays text, which is what it is in a summary.
    return MarkdownIt("commonmark", {"html": False})
