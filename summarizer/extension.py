"""What a package needs that brings commands of its own to the command line.

Such a package names a function under the entry points `summarizer.commands`. It gets the commands and the flags that
are settings, adds its own parsers, and says in the default `module` which module has the `call` of each.
What is named here stays as it is for as long as the public names of `summarizer` do.
"""

from summarizer.commands import FAILURES, INTERRUPTED, OK, OVER_BUDGET, settings_of
from summarizer.commands.asking import interruptible, seldom_collected
from summarizer.completion import Decoding, Identity, Message, Outcome
from summarizer.console import complain, say, show_log
from summarizer.errors import (
    AnswerError,
    BudgetError,
    InputError,
    OutputError,
    RequestError,
    ResumeError,
    SettingsError,
)
from summarizer.parsing import parse_as
from summarizer.progress import Progress
from summarizer.questions import Asker, Question
from summarizer.records import Contribution, Frozen, ResultKind, Source
from summarizer.sentences import sentences
from summarizer.writing.harmless import visible
from summarizer.writing.jsonl import LineFile, RecordFile

__all__ = [
    "FAILURES",
    "INTERRUPTED",
    "OK",
    "OVER_BUDGET",
    "AnswerError",
    "Asker",
    "BudgetError",
    "Contribution",
    "Decoding",
    "Frozen",
    "Identity",
    "InputError",
    "LineFile",
    "Message",
    "Outcome",
    "OutputError",
    "Progress",
    "Question",
    "RecordFile",
    "RequestError",
    "ResultKind",
    "ResumeError",
    "SettingsError",
    "Source",
    "complain",
    "interruptible",
    "parse_as",
    "say",
    "seldom_collected",
    "sentences",
    "settings_of",
    "show_log",
    "visible",
]
