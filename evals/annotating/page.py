"""The page of `summarizer annotate`: one text without data and without anything from elsewhere.

It asks for what it shows, and puts it in as text. The policy names the hashes of its script and style.
"""

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from typing import Final

from jinja2 import Environment, StrictUndefined

from evals.annotating.gold import LONGEST
from evals.annotating.labels import QUESTIONS, WHICH

_FILES = files("evals.annotating")


def _text(name: str) -> str:
    return _FILES.joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


_STYLE, _SCRIPT = _text("page.css"), _text("page.js")

#: What the page may do: run its own script and ask its own server.
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        f"style-src {_hash(_STYLE)}",
        f"script-src {_hash(_SCRIPT)}",
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

#: Keys for yes to each question, those of the left summary and those of the right one; with shift they say no.
_KEYS: Final = {"left": "qwer", "right": "uiop"}


def page(annotator: str) -> str:
    """The page for one person."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_text("page.html.jinja")).render(
        annotator=annotator,
        style=_STYLE,
        script=_SCRIPT,
        which=WHICH,
        questions=QUESTIONS,
        keys=_KEYS,
        longest=LONGEST,
    )
