"""What a package needs that brings commands of its own to the command line.

Such a package names a function under the entry points `summarizer.commands`. It gets the commands and the flags that
are settings, adds its own parsers, and says in the default `module` which module has the `call` of each.
What is named here stays as it is for as long as the public names of `summarizer` do.
"""

from summarizer.acronyms import definitions, is_acronym
from summarizer.commands import FAILURES, INTERRUPTED, OK, OVER_BUDGET, settings_of
from summarizer.commands.asking import interruptible, seldom_collected
from summarizer.completion import SUMMARY
from summarizer.console import complain, say, show_log
from summarizer.duplicates import Seen
from summarizer.errors import BudgetError, InputError, OutputError, ResumeError, SettingsError
from summarizer.folding import fold
from summarizer.passages import numbers_of
from summarizer.progress import Progress
from summarizer.records import Contribution, Frozen, ResultKind, Role, Source
from summarizer.sentences import sentences
from summarizer.whole import write_whole
from summarizer.writing.harmless import visible
from summarizer.writing.jsonl import RecordFile
from summarizer.writing.markdown import escape as escape_markdown

__all__ = [
    "FAILURES",
    "INTERRUPTED",
    "OK",
    "OVER_BUDGET",
    "SUMMARY",
    "BudgetError",
    "Contribution",
    "Frozen",
    "InputError",
    "OutputError",
    "Progress",
    "RecordFile",
    "ResultKind",
    "ResumeError",
    "Role",
    "Seen",
    "SettingsError",
    "Source",
    "complain",
    "definitions",
    "escape_markdown",
    "fold",
    "interruptible",
    "is_acronym",
    "numbers_of",
    "say",
    "seldom_collected",
    "sentences",
    "settings_of",
    "show_log",
    "visible",
    "write_whole",
]
