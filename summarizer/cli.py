"""The command line: parse, call, and turn errors into messages and exit codes."""

import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

from summarizer.errors import BudgetError, SettingsError, SummarizerError
from summarizer.options import parser

_NOTHING_DONE, _OVER_BUDGET, _INTERRUPTED = 2, 3, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # No more than this is imported for `--help` and `--version`.
    options = parser(given).parse_args(given)
    options.given = given
    from summarizer.console import complain, flush, open_standard_streams  # noqa: PLC0415

    open_standard_streams()
    try:
        _check_text(given)
        module = getattr(options, "module", f"summarizer.commands.{options.command}")
        code = int(import_module(module).call(options))
        flush()
    except BudgetError as error:
        complain(f"stopped: {error}; what was answered is in the cache")
        return _OVER_BUDGET
    except SummarizerError as error:
        complain(f"error: {error}")
    except KeyboardInterrupt:
        complain("interrupted")
        return _INTERRUPTED
    except BrokenPipeError:
        return 0  # the reader has seen enough (`... | head`)
    except OSError as error:
        complain(f"error: {error}")
    except Exception:  # noqa: BLE001 - the last resort
        # Exit code 1 would say that the work was done, with failures.
        complain(f"{traceback.format_exc()}error: this is a defect of summarizer; what was written is whole")
    else:
        return code
    return _NOTHING_DONE


def _check_text(arguments: Sequence[str]) -> None:
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError as error:
            advice = "a file of such a name has to be renamed, or read from standard input (`-`)"
            raise SettingsError(f"command line: {argument!r} is not valid text; {advice}") from error
