"""`summarizer report`: the page of one evaluation, or of several side by side."""

from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path

from evals.reporting.html import render_html
from evals.reporting.markdown import render_markdown
from evals.reporting.side_by_side import Results, read
from summarizer.extension import OK, SettingsError, say, show_log, write_whole


def call(options: Namespace) -> int:
    """Write the report."""
    render = _renderer(options.output)
    show_log()
    suites = read(options.folders)
    write_whole(options.output, render(suites))
    runs = len(options.folders)
    say(f"{options.output}: {runs} run{'' if runs == 1 else 's'} of {', '.join(results.suite for results in suites)}")
    return OK


def _renderer(output: Path) -> Callable[[Sequence[Results]], str]:
    match output.suffix.lower():
        case ".html" | ".htm":
            return render_html
        case ".md" | ".markdown":
            return render_markdown
        case other:
            raise SettingsError(f"no report can be written as {other or output.name!r}; give a name in .html or .md")
