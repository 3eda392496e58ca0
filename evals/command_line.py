"""What the commands of this package take; each is a module of `evals.commands`, and its parser names it.

Found through the entry points `summarizer.commands`, and imported for `summarizer --help`: nothing heavy comes along.
"""

import argparse
from pathlib import Path


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    """Add the commands; `common` has the flags that are settings."""
    _add_eval(commands, common)
    _add_judge(commands, common)


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


def _add_judge(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser
) -> None:
    judge = commands.add_parser("judge", parents=[common], help="which of two runs a model prefers, and how surely")
    judge.set_defaults(module="evals.commands.judge")
    judge.add_argument("a", type=Path, metavar="A", help="folder of `summarizer eval`")
    judge.add_argument("b", type=Path, metavar="B", help="another one, over the same papers")
    judge.add_argument("-o", "--output", required=True, type=Path, metavar="DIR", help="goes on with what is there")
    judge.add_argument("--suite", action="append", metavar="SUITE", help="may be repeated (default: all of both)")
    judge.add_argument("--limit", type=_positive, metavar="N", help="judge only the first N papers of each suite")
    judge.add_argument("--labels", type=Path, metavar="FILE", help="what people prefer, to calibrate the judge")
    judge.add_argument("--quiet", action="store_true", help="no progress")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("it has to be at least 1")
    return number
