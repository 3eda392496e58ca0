"""`summarizer digest`: make a page of records for people."""

from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path

from summarizer.commands import OK, check_different
from summarizer.console import say, show_log
from summarizer.errors import InputError, SettingsError
from summarizer.records import Record
from summarizer.whole import write_whole
from summarizer.writing.html import render_html
from summarizer.writing.jsonl import read_records
from summarizer.writing.markdown import render_markdown


def call(options: Namespace) -> int:
    """Write the page."""
    output = Path(options.output)
    render = _renderer(output)
    check_different([options.records], output)
    show_log()
    title = options.title or ("Digest" if options.records == "-" else f"Digest of {Path(options.records).stem}")
    records = list(read_records(options.records))
    if not records:
        raise InputError(options.records, "holds no records")
    write_whole(output, render(records, title))
    say(f"{output}: {len(records)} paper{'' if len(records) == 1 else 's'}")
    return OK


def _renderer(output: Path) -> Callable[[Sequence[Record], str], str]:
    match output.suffix.lower():
        case ".html" | ".htm":
            return render_html
        case ".md" | ".markdown":
            return render_markdown
        case other:
            raise SettingsError(f"no digest can be written as {other or output.name!r}; give a name in .html or .md")
