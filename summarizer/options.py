"""What can be said on the command line: commands, their arguments, and the flags that are settings."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

from summarizer._version import __version__

_DESCRIPTION = """\
Abstracts in, checked records out: one-line summaries, tags, methods, data sets, metrics and results, each tied to the
words of the abstract that say so."""

_EPILOG = """\
examples:
  summarizer run papers.jsonl -o out.jsonl          with the small model that comes along
  summarizer run page.txt -o out.jsonl --model Qwen/Qwen3-4B-Instruct-2507
  cat papers.csv | summarizer run - --input-format csv -o out.jsonl
  summarizer retry out.jsonl --only truncated --max-tokens 2000
  summarizer run papers.jsonl -o out.jsonl --backend hosted --model gpt-4.1-mini --batch
  summarizer digest out.jsonl -o digest.html

exit codes: 0 all records fine, 1 finished with failures, 2 nothing could be done, 3 stopped at --max-cost or
--max-total-tokens, 130 interrupted"""


class WholeWords(argparse.ArgumentParser):
    """Takes no abbreviated flags, which would mean something else once there are more; so do its commands."""

    def __init__(self, **options: Any) -> None:
        """Options are those of argparse."""
        super().__init__(**options, allow_abbrev=False)


_Commands: TypeAlias = "argparse._SubParsersAction[WholeWords]"  # noqa: SLF001 - it has no other name


#: Under which other packages name what adds commands of theirs; see `extension`.
_COMMANDS = "summarizer.commands"


def parser(given: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The whole command line; commands of other packages are looked for when what is `given` is none of our own."""
    top = WholeWords(
        prog="summarizer",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"summarizer {__version__}")
    commands = top.add_subparsers(title="commands", dest="command", metavar="COMMAND", required=True)
    common = settings_options()

    _add_run(commands, common)
    _add_plan(commands, common)
    _add_retry(commands, common)
    _add_digest(commands)
    _add_verify(commands, common)
    _add_tags(commands, common)
    _add_cache(commands, common)
    _add_prompts(commands)
    _add_models(commands)
    _add_doctor(commands, common)
    if not given or (given[0] not in commands.choices and given[0] != "--version"):
        _add_others(commands, common)
    return top


def _add_others(commands: _Commands, common: WholeWords) -> None:
    # Looking for entry points takes a tenth of a second, half of what everything else does.
    from importlib.metadata import entry_points  # noqa: PLC0415

    for point in sorted(entry_points(group=_COMMANDS), key=lambda point: point.name):
        point.load()(commands, common)


def _add_run(commands: _Commands, common: WholeWords) -> None:
    run = commands.add_parser("run", parents=[common], help="read papers, write one record for each")
    run.add_argument(
        "inputs", nargs="+", type=_given, metavar="INPUT", help="JSONL, CSV, TSV or text file; - is standard input"
    )
    run.add_argument(
        "-o",
        "--output",
        required=True,
        type=_given,
        metavar="FILE",
        help="JSON Lines of records; goes on after those that are there; - is standard output",
    )
    run.add_argument("--overwrite", action="store_true", help="write the output anew instead of going on after its end")
    run.add_argument("--quiet", action="store_true", help="no progress and no summary")
    _add_reading(run)


def _add_plan(commands: _Commands, common: WholeWords) -> None:
    plan = commands.add_parser("plan", parents=[common], help="what a run would send, cost and take; sends nothing")
    plan.add_argument("inputs", nargs="+", type=_given, metavar="INPUT", help="as for run")
    plan.add_argument("--json", action="store_true", help="one JSON object, for programs")
    _add_reading(plan)


def _add_retry(commands: _Commands, common: WholeWords) -> None:
    retry = commands.add_parser(
        "retry", parents=[common], help="ask again about records that failed, and leave all others as they are"
    )
    retry.add_argument("records", type=_given, metavar="RECORDS", help="output of `summarizer run`, which is changed")
    retry.add_argument(
        "--only",
        action="append",
        type=_given,
        default=[],
        metavar="STATUS|KIND",
        help="failed, partial or ok, or a kind of failure such as truncated; may be repeated (default: failed)",
    )
    retry.add_argument("--quiet", action="store_true", help="no progress and no summary")


def _add_digest(commands: _Commands) -> None:
    digest = commands.add_parser("digest", help="make a page of records for people")
    digest.add_argument(
        "records", type=_given, metavar="RECORDS", help="output of `summarizer run`; - is standard input"
    )
    digest.add_argument(
        "-o", "--output", required=True, type=_given, metavar="FILE", help="name ending in .html or .md"
    )
    digest.add_argument("--title", help="heading of the page")


def _add_verify(commands: _Commands, common: WholeWords) -> None:
    verify = commands.add_parser("verify", parents=[common], help="check records against their papers, without a model")
    verify.add_argument(
        "records", type=_given, metavar="RECORDS", help="output of `summarizer run`; - is standard input"
    )
    verify.add_argument(
        "--papers",
        nargs="+",
        default=[],
        type=_given,
        metavar="INPUT",
        help="what the run read, to compare with that too",
    )
    _add_reading(verify)


def _add_tags(commands: _Commands, common: WholeWords) -> None:
    tags = commands.add_parser("tags", help="what the vocabulary does not have, and what becomes of it")
    actions = tags.add_subparsers(dest="action", metavar="ACTION", required=True)
    proposed = actions.add_parser(
        "proposed", parents=[common], help="labels that are not in the vocabulary, how often, and from which words"
    )
    proposed.add_argument(
        "records", type=_given, metavar="RECORDS", help="output of `summarizer run`; - is standard input"
    )
    proposed.add_argument("--json", action="store_true", help="one JSON object a line, for programs")
    accept = actions.add_parser("accept", parents=[common], help="put a label, or more names of one, in the vocabulary")
    accept.add_argument("label", type=_given, metavar="LABEL")
    accept.add_argument("--facet", choices=["task", "method"], required=True)
    accept.add_argument("--alias", action="append", type=_given, default=[], metavar="NAME", help="may be repeated")
    ignore = actions.add_parser("ignore", parents=[common], help="neither tag nor propose a label")
    ignore.add_argument("label", type=_given, metavar="LABEL")


def _add_cache(commands: _Commands, common: WholeWords) -> None:
    cache = commands.add_parser("cache", help="look at the stored answers")
    actions = cache.add_subparsers(dest="action", metavar="ACTION", required=True)
    for action, text in (("stats", "how many, how large, where"), ("export", "print all"), ("clear", "forget all")):
        actions.add_parser(action, parents=[common], help=text)
    why = actions.add_parser("why", parents=[common], help="why a paper's stored answer is used or not")
    why.add_argument("id", type=_given, metavar="ID", help="id of the paper, as in its record")
    why.add_argument(
        "inputs", nargs="*", type=_given, metavar="INPUT", help="where the paper is, to compare its text as well"
    )
    _add_reading(why)


def _add_prompts(commands: _Commands) -> None:
    prompts = commands.add_parser("prompts", help="list and show the prompts")
    actions = prompts.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="names of the shipped prompts")
    show = actions.add_parser("show", help="text of a prompt")
    show.add_argument("name", type=_given, metavar="NAME", help="name, name/version or path")


def _add_models(commands: _Commands) -> None:
    models = commands.add_parser("models", help="list and fetch local models")
    actions = models.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="models on this machine")
    pull = actions.add_parser("pull", help="fetch a model from the Hugging Face hub")
    pull.add_argument("id", type=_given, metavar="ID", help="such as Qwen/Qwen3-4B-Instruct-2507")
    pull.add_argument("--revision", help="branch, tag or commit")


def _add_doctor(commands: _Commands, common: WholeWords) -> None:
    doctor = commands.add_parser("doctor", parents=[common], help="what is installed, and does it work")
    doctor.add_argument("--quick", action="store_true", help="do not ask the model")


def _add_reading(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--limit", type=int, metavar="N", help="read only the first N papers")
    parser.add_argument(
        "--input-format", choices=["jsonl", "csv", "tsv", "page"], help="of the input, where its name does not tell"
    )
    parser.add_argument("--encoding", default=argparse.SUPPRESS, help="of the input (default utf-8)")
    parser.add_argument(
        "--map",
        action=_Columns,
        type=_column,
        default=argparse.SUPPRESS,
        metavar="FIELD=COLUMN",
        help="where title, abstract, id ... are found, such as abstract=AB",
    )


def settings_options() -> WholeWords:
    """Flags that are settings; one that is not given leaves no trace, so that files and environment count."""
    parser = WholeWords(add_help=False, argument_default=argparse.SUPPRESS)
    group = parser.add_argument_group("settings (also in summarizer.toml, and as SUMMARIZER_NAME in the environment)")
    group.add_argument("--config", type=_path, default=None, metavar="FILE", help="instead of ./summarizer.toml")
    group.add_argument(
        "--backend", choices=["local", "hosted", "scripted"], help="what does the reading (default local)"
    )
    group.add_argument(
        "--model", metavar="ID", help="hub id, folder, GGUF file, or the server's name of the model (default embedded)"
    )
    group.add_argument("--adapter", type=_path, metavar="DIR", help="what `summarizer tune` has made for the model")
    group.add_argument(
        "--no-adapter",
        dest="shipped_adapter",
        action="store_false",
        help="the embedded model as it was published, without the adapter that comes with it",
    )
    group.add_argument("--engine", choices=["torch", "vllm"], help="what computes a local model (default torch)")
    group.add_argument(
        "--revision", help="branch, tag or commit of a hub model (default: the copy that is here, else the newest)"
    )
    group.add_argument("--device", choices=["auto", "cpu", "cuda", "mps"], help="of a local model (default auto)")
    group.add_argument(
        "--dtype",
        choices=["auto", "float32", "bfloat16", "float16", "int8"],
        help="of a local model's weights (default auto)",
    )
    group.add_argument(
        "--batch-size",
        type=int,
        metavar="N",
        help="papers a local model has under way at once (default 32 for the embedded one, 256 with vllm, else 8)",
    )
    group.add_argument("--max-tokens", type=int, metavar="N", help="longest answer (default 640)")
    group.add_argument("--temperature", type=float, metavar="T", help="0 is greedy (default 0.0)")
    group.add_argument("--seed", type=int, metavar="N", help="of the drawing when T is not 0 (default 0)")
    group.add_argument(
        "--prompt",
        metavar="NAME",
        help="name, name/version, or path of a .toml file (default: lines with an adapter, compact for the embedded "
        "model without one, else annotate)",
    )
    group.add_argument("--language", metavar="NAME", help="of the summary; names stay verbatim (default English)")
    group.add_argument(
        "--vocabulary", metavar="FILE", help="the labels that tasks and methods shall have, in TOML (default: none)"
    )
    group.add_argument(
        "--repair",
        action=argparse.BooleanOptionalAction,
        default=argparse.SUPPRESS,
        help="ask again when an answer says what the paper does not (default: yes, but not the embedded model)",
    )
    group.add_argument(
        "--no-stand-in",
        dest="stand_in",
        action="store_false",
        help="keep, and mark, a summary that says what the paper does not, instead of a sentence of the abstract",
    )
    group.add_argument("--base-url", metavar="URL", help="server that speaks the OpenAI API (default: OpenAI itself)")
    group.add_argument(
        "--api-key-env", metavar="NAME", help="environment variable that holds the key (default OPENAI_API_KEY)"
    )
    group.add_argument("--concurrency", type=int, metavar="N", help="hosted requests in flight (default 16)")
    group.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="for one attempt at a hosted request (default 120.0)"
    )
    group.add_argument(
        "--requests-per-minute", type=float, metavar="N", help="never more (default: what the server allows)"
    )
    group.add_argument("--tokens-per-minute", type=float, metavar="N", help="likewise")
    group.add_argument(
        "--structured-mode",
        choices=["auto", "strict", "json_schema", "tools", "json_object", "prompt"],
        help="how hosted answers are held to their form; auto finds out what the server keeps (default auto)",
    )
    group.add_argument(
        "--max-cost", type=float, metavar="USD", help="what one run may cost at most (default: no limit)"
    )
    group.add_argument(
        "--max-total-tokens", type=int, metavar="N", help="tokens that one run may take at most (default: no limit)"
    )
    group.add_argument(
        "--batch",
        action="store_true",
        help="ask through the server's Batch API: half the price, answers within a day, and the same command goes on",
    )
    group.add_argument(
        "--script",
        metavar="FILE",
        help="answers of the scripted backend (default: the abstract's own words)",
    )
    group.add_argument(
        "--scripted-seconds", type=float, metavar="SECONDS", help="time that a scripted answer takes (default 0.0)"
    )
    group.add_argument(
        "--cache-dir",
        metavar="FOLDER",
        help="answers and unpacked weights (default: the user's cache folder)",
    )
    group.add_argument("--no-cache", dest="cache", action="store_false", help="neither use nor keep answers")
    return parser


def _given(text: str) -> str:
    # A variable that a script forgot to set.
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty")
    return text


def _path(text: str) -> Path:
    return Path(_given(text))


def _column(text: str) -> tuple[str, str]:
    name, found, column = text.partition("=")
    if not (name and found and column):
        raise argparse.ArgumentTypeError(f"{text!r} is not FIELD=COLUMN, such as abstract=AB")
    return name, column


class _Columns(argparse.Action):
    """Collects `--map FIELD=COLUMN` into one dictionary."""

    def __call__(self, _parser: object, namespace: argparse.Namespace, values: Any, _option: str | None = None) -> None:
        namespace.columns = getattr(namespace, "columns", {}) | dict([values])
