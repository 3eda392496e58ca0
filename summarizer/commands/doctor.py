"""`summarizer doctor`: what is installed, and does it work."""

from argparse import Namespace

from summarizer.commands import FAILURES, OK, settings_of
from summarizer.console import flush, say, show_log
from summarizer.doctor import examine
from summarizer.writing.harmless import visible


def call(options: Namespace) -> int:
    """Print every finding; 1 when one is bad."""
    healthy = True
    show_log(quiet=True)
    for finding in examine(settings_of(options), ask_model=not options.quick):
        healthy = healthy and finding.fine
        say(visible(f"{'ok  ' if finding.fine else 'FAIL'} {finding.subject}: {finding.text}"))
        flush()
    return OK if healthy else FAILURES
