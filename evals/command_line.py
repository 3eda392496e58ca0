"""What the commands of this package take; each is a module of `evals.commands`, and its parser names it.

Found through the entry points `summarizer.commands`, and imported for `summarizer --help`: nothing heavy comes along.
"""

import argparse
from pathlib import Path


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    """Add the commands; `common` has the flags that are settings."""
    _add_eval(commands, common)
    _add_report(commands)


def _add_eval(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    evaluate = commands.add_parser("eval", parents=[common], help="how good is it, against people and baselines")
    evaluate.set_defaults(module="evals.commands.evaluate")
    evaluate.add_argument(
        "suites", nargs="+", metavar="SUITE", help="aclsum, gold, scierc, scirex, scitldr, smoke, tdmsci"
    )
    evaluate.add_argument("--data", type=Path, metavar="PATH", help="file, or folder with the files of the suites")
    evaluate.add_argument("--split", choices=["train", "dev", "test"], default="dev", help="of the data (default dev)")
    evaluate.add_argument("--limit", type=_positive, metavar="N", help="take only the first N papers of each suite")
    evaluate.add_argument("-o", "--output", required=True, type=Path, metavar="DIR", help="goes on with what is there")
    evaluate.add_argument("--quiet", action="store_true", help="no progress and no summary")


def _add_report(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    report = commands.add_parser("report", help="the page of one evaluation, or of several side by side")
    report.set_defaults(module="evals.commands.report")
    report.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="what `summarizer eval` has written")
    report.add_argument("-o", "--output", required=True, type=Path, metavar="FILE", help="in .html or .md")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("it has to be at least 1")
    return number
