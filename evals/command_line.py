"""What the commands of this package take; each is a module of `evals.commands`, and its parser names it.

Found through the entry points `summarizer.commands`, and imported for `summarizer --help`: nothing heavy comes along.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_EPILOG = """\
also:
  summarizer eval meta             do the metrics agree with people (--help tells more)
  summarizer eval counterfactual   does a record follow when the abstract says something else (--help tells more)"""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    """Add the commands; `common` has the flags that are settings."""
    _add_eval(commands, common)


def _add_eval(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    evaluate = commands.add_parser(
        "eval",
        parents=[common],
        help="how good is it, against people and baselines",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    evaluate.set_defaults(module="evals.commands.evaluate")
    evaluate.add_argument(
        "suites", nargs="+", metavar="SUITE", help="aclsum, gold, scierc, scirex, scitldr, smoke, tdmsci"
    )
    evaluate.add_argument("--data", type=Path, metavar="PATH", help="file, or folder with the files of the suites")
    evaluate.add_argument("--split", choices=["train", "dev", "test"], default="dev", help="of the data (default dev)")
    evaluate.add_argument("--limit", type=_positive, metavar="N", help="take only the first N papers of each suite")
    evaluate.add_argument("-o", "--output", required=True, type=Path, metavar="DIR", help="goes on with what is there")
    evaluate.add_argument("--similarity", action="store_true", help="measure summaries by a small encoder too (slow)")
    evaluate.add_argument("--quiet", action="store_true", help="no progress and no summary")
    commands.choices["eval"] = _Branched(
        evaluate, {"meta": _meta(evaluate), "counterfactual": _counterfactual(evaluate, common)}
    )


def _meta(evaluate: argparse.ArgumentParser) -> argparse.ArgumentParser:
    meta = type(evaluate)(
        prog=f"{evaluate.prog} meta", description="How far each metric agrees with people, beside the length alone."
    )
    meta.set_defaults(module="evals.commands.meta")
    meta.add_argument(
        "--nuggets", type=Path, metavar="FOLDER", help="folder `analysis` of SciTLDR, with the labels of its nuggets"
    )
    meta.add_argument(
        "--data", type=Path, metavar="PATH", help="test split of SciTLDR, for the nuggets: file, or folder that has it"
    )
    meta.add_argument("--summedits", type=Path, metavar="FILE", help="labels in the form of SummEdits: JSON or JSONL")
    meta.add_argument("--similarity", action="store_true", help="measure summaries by a small encoder too (slow)")
    meta.add_argument("-o", "--output", required=True, type=Path, metavar="DIR", help="gets meta.json, .md and values")
    meta.add_argument("--quiet", action="store_true", help="print no table")
    return meta


def _counterfactual(evaluate: argparse.ArgumentParser, common: argparse.ArgumentParser) -> argparse.ArgumentParser:
    pairs = type(evaluate)(
        prog=f"{evaluate.prog} counterfactual",
        parents=[common],
        description="Change a number, a name or a negation in abstracts: does the record say so?",
    )
    pairs.set_defaults(module="evals.commands.counterfactual")
    pairs.add_argument("--suite", default="scitldr", metavar="SUITE", help="whose papers are taken (default scitldr)")
    pairs.add_argument("--data", type=Path, metavar="PATH", help="file, or folder with the files of the suite")
    pairs.add_argument("--split", choices=["train", "dev"], default="train", help="of the data (default train)")
    pairs.add_argument(
        "--pairs", type=_positive, default=50, metavar="N", help="of each kind, and as many reformatted (default 50)"
    )
    pairs.add_argument("--draw", type=int, default=0, metavar="N", help="draw other pairs (default 0)")
    pairs.add_argument("-o", "--output", required=True, type=Path, metavar="DIR", help="goes on with what is there")
    pairs.add_argument("--quiet", action="store_true", help="no progress and no summary")
    return pairs


class _Branched(argparse.ArgumentParser):
    """A command whose first argument may be the name of another one, such as `eval meta` beside `eval SUITE...`.

    argparse itself has either commands of a command or arguments of its own, and not both.
    """

    def __init__(self, plain: argparse.ArgumentParser, branches: Mapping[str, argparse.ArgumentParser]) -> None:
        super().__init__(prog=plain.prog, add_help=False, allow_abbrev=False)
        self._plain, self._branches = plain, branches

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse with the parser that the first argument names, or else with the plain one."""
        given = list(args or ())
        branch = self._branches.get(given[0]) if given else None
        return (
            branch.parse_known_args(given[1:], namespace) if branch else self._plain.parse_known_args(given, namespace)
        )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("it has to be at least 1")
    return number
