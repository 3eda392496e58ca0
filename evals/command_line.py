"""What the commands of this package take; each is a module of `evals.commands`, and its parser names it.

Found through the entry points `summarizer.commands`, and imported for `summarizer --help`: nothing heavy comes along.
"""

import argparse
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_LABELLED = "gold of your own, or SUITE:FILE, such as scitldr:train.jsonl"
#: Of the matrices of an adapter.
MOST_RANK = 512
_EPILOG = """\
also:
  summarizer eval meta             do the metrics agree with people (--help tells more)
  summarizer eval counterfactual   does a record follow when the abstract says something else (--help tells more)"""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    """Add the commands; `common` has the flags that are settings."""
    _add_annotate(commands)
    _add_eval(commands, common)
    _add_compare(commands)
    _add_judge(commands, common)
    _add_report(commands)
    _add_choices(commands, common)
    _add_tune(commands, common)


def _add_annotate(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    annotate = commands.add_parser("annotate", help="have people say which of two runs is better, and what is right")
    annotate.set_defaults(module="evals.commands.annotate")
    for name in ("a", "b"):
        annotate.add_argument(
            f"run_{name}", type=Path, metavar=f"RUN_{name.upper()}", help="folder of `summarizer eval`"
        )
    annotate.add_argument(
        "-o", "--output", required=True, type=Path, metavar="LABELS", help="JSON Lines; goes on with what is there"
    )
    annotate.add_argument("--annotator", type=_name, metavar="NAME", help="who labels; for --export, whose gold")
    annotate.add_argument("--suite", metavar="SUITE", help="where the runs have several in common")
    annotate.add_argument(
        "--limit", type=_positive, default=200, metavar="N", help="the N papers that differ most (default 200)"
    )
    annotate.add_argument("--port", type=int, default=0, metavar="N", help="of 127.0.0.1 (default: a free one)")
    annotate.add_argument("--seed", type=int, default=0, metavar="N", help="of who stands on the left (default 0)")
    annotate.add_argument(
        "--export", type=Path, metavar="GOLD", help="write the gold of LABELS there, and serve nothing"
    )


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
    evaluate.add_argument(
        "--data",
        metavar="PATH",
        help="file, folder with the files of the suites, or address (https://, "
        "hf://datasets/OWNER/NAME@REVISION/FILE); without it what is published is fetched",
    )
    evaluate.add_argument(
        "--train",
        metavar="PATH",
        help="data to train on, for the gazetteer and the search for duplicates (default: those that belong to --data)",
    )
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


def _add_compare(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    compare = commands.add_parser("compare", help="is one evaluation better than another, and do the gates hold")
    compare.set_defaults(module="evals.commands.compare")
    compare.add_argument("a", type=Path, metavar="A", help="folder of an evaluation, of what is there")
    compare.add_argument("b", type=Path, metavar="B", help="of what may take its place, on the same papers")
    compare.add_argument(
        "--margin", type=_margin, default=2.0, metavar="POINTS", help="differences that do not matter (default 2)"
    )
    compare.add_argument("--gates", type=Path, metavar="FILE", help="what has to hold (default gates.toml, if there)")
    compare.add_argument("--metric", metavar="NAME", help="by which papers are shown (default the first of a family)")
    compare.add_argument("--show", type=_count, default=5, metavar="N", help="papers that moved most (default 5)")
    compare.add_argument("--json", action="store_true", help="print the comparison as JSON")
    compare.add_argument("-o", "--output", type=Path, metavar="FILE", help="write it as Markdown, too")


def _margin(text: str) -> float:
    return _number(text, 100)


def _count(text: str) -> int:
    return _whole(text, 0)


def _add_choices(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser
) -> None:
    choices = commands.add_parser(
        "choices", parents=[common], help="draw several sentences for each labelled paper, for tune to learn from"
    )
    choices.set_defaults(module="evals.commands.choices")
    choices.add_argument("files", nargs="+", metavar="FILE", help=f"{_LABELLED} with summaries")
    choices.add_argument(
        "-n", "--number", type=_positive, default=7, metavar="N", help="beside the likeliest (default 7)"
    )
    choices.add_argument(
        "-o", "--output", required=True, type=Path, metavar="FILE", help="JSON Lines; goes on with what is there"
    )
    choices.add_argument("--quiet", action="store_true", help="no progress")


def _add_tune(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    tune = commands.add_parser("tune", parents=[common], help="train an adapter of a local model from labelled papers")
    tune.set_defaults(module="evals.commands.tune")
    tune.add_argument("--train", nargs="+", required=True, metavar="FILE", help=f"{_LABELLED}; twice counts twice")
    tune.add_argument("--dev", nargs="+", default=[], metavar="FILE", help="the same, to choose an epoch by")
    tune.add_argument("-o", "--output", required=True, type=Path, metavar="DIR", help="goes on with what is there")
    tune.add_argument(
        "--choices", type=Path, metavar="FILE", help="of `summarizer choices`: learn the best in place of people's"
    )
    tune.add_argument(
        "--policy",
        action="store_true",
        help="with --choices: learn what each sentence is worth, and not to write the best (needs --adapter)",
    )
    tune.add_argument("--licence", metavar="TEXT", help="of files in the form of gold, for the card")
    tune.add_argument("--rank", type=_rank, default=16, metavar="N", help="of the two matrices (default 16)")
    tune.add_argument(
        "--learning-rate", type=_up_to_one, default=1e-3, metavar="X", help="at its highest (default 0.001)"
    )
    tune.add_argument("--epochs", type=_positive, default=3, metavar="N", help="at most (default 3)")
    tune.add_argument(
        "--share",
        type=_up_to_one,
        default=1.0,
        metavar="X",
        help="of the way from what it began with to what it has learned, which is saved (default 1)",
    )
    tune.add_argument("--lessons", type=_positive, default=8, metavar="N", help="of one step (default 8)")
    tune.add_argument("--quiet", action="store_true", help="no progress")


def _up_to_one(text: str) -> float:
    return _number(text, 1)


def _number(text: str, most: int) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0.0 < number <= most:
        raise argparse.ArgumentTypeError(f"it has to be a number, more than 0 and at most {most}")
    return number


def _positive(text: str) -> int:
    return _whole(text, 1)


def _rank(text: str) -> int:
    # What vLLM has kernels for, and far more than a small adapter needs; much more ends in too little memory.
    if (number := _whole(text, 1)) > MOST_RANK:
        raise argparse.ArgumentTypeError(f"it can be at most {MOST_RANK}")
    return number


def _whole(text: str, least: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise argparse.ArgumentTypeError(f"it has to be a whole number, at least {least}")
    return number


def _add_report(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    report = commands.add_parser("report", help="the page of one evaluation, or of several side by side")
    report.set_defaults(module="evals.commands.report")
    report.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="what `summarizer eval` has written")
    report.add_argument("-o", "--output", required=True, type=Path, metavar="FILE", help="in .html or .md")


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
    judge.add_argument(
        "--labels", type=Path, metavar="FILE", help="what people prefer, as `summarizer annotate` stores it"
    )
    judge.add_argument("--quiet", action="store_true", help="no progress")


def _name(text: str) -> str:
    name = text.strip()
    if not name or len(name) > 64 or not name.isprintable():
        raise argparse.ArgumentTypeError("it has to be 1 to 64 characters that can be printed")
    return name
