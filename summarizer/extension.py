"""What a package needs that brings commands of its own to the command line.

Such a package names a function under the entry points `summarizer.commands`. It gets the commands and the flags that
are settings, adds its own parsers, and says in the default `module` which module has the `call` of each.
What is named here stays as it is for as long as the public names of `summarizer` do.
"""

from summarizer.acronyms import definitions, is_acronym
from summarizer.commands import FAILURES, INTERRUPTED, OK, OVER_BUDGET, settings_of
from summarizer.commands.asking import interruptible, retry_command, seldom_collected
from summarizer.completion import SUMMARY, Decoding, Identity, Message, Outcome
from summarizer.console import complain, say, show_log
from summarizer.duplicates import Seen
from summarizer.errors import (
    AnswerError,
    BudgetError,
    InputError,
    OutputError,
    RequestError,
    ResumeError,
    SettingsError,
)
from summarizer.folding import fold
from summarizer.parsing import parse_as
from summarizer.passages import numbers_of
from summarizer.progress import Progress
from summarizer.questions import Asker, Question
from summarizer.records import Contribution, Frozen, ResultKind, Role, Source, first_problem
from summarizer.sentences import sentences
from summarizer.tuning.card import TrainingData
from summarizer.tuning.drawing import Drawer
from summarizer.tuning.lessons import Lesson, Worth
from summarizer.tuning.recipe import Recipe
from summarizer.tuning.tune import Base, tune
from summarizer.whole import write_parts, write_whole
from summarizer.writing.harmless import visible
from summarizer.writing.jsonl import LineFile, RecordFile
from summarizer.writing.markdown import escape as escape_markdown

__all__ = [
    "FAILURES",
    "INTERRUPTED",
    "OK",
    "OVER_BUDGET",
    "SUMMARY",
    "AnswerError",
    "Asker",
    "Base",
    "BudgetError",
    "Contribution",
    "Decoding",
    "Drawer",
    "Frozen",
    "Identity",
    "InputError",
    "Lesson",
    "LineFile",
    "Message",
    "Outcome",
    "OutputError",
    "Progress",
    "Question",
    "Recipe",
    "RecordFile",
    "RequestError",
    "ResultKind",
    "ResumeError",
    "Role",
    "Seen",
    "SettingsError",
    "Source",
    "TrainingData",
    "Worth",
    "complain",
    "definitions",
    "escape_markdown",
    "first_problem",
    "fold",
    "interruptible",
    "is_acronym",
    "numbers_of",
    "parse_as",
    "retry_command",
    "say",
    "seldom_collected",
    "sentences",
    "settings_of",
    "show_log",
    "tune",
    "visible",
    "write_parts",
    "write_whole",
]
