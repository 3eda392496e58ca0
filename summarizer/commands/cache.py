"""`summarizer cache`: look at the stored answers, or forget them."""

from argparse import Namespace

from summarizer.backends import make_backend
from summarizer.cache import Store, explain
from summarizer.commands import FAILURES, OK, read_inputs, settings_of
from summarizer.console import complain, say
from summarizer.errors import CacheError, InputError
from summarizer.pipeline import Summarizer
from summarizer.records import Paper, Source, Unreadable
from summarizer.settings import Settings


def call(options: Namespace) -> int:
    """Do what the action says; 1 when `export` met rows that are not ours."""
    settings = settings_of(options)
    store = Store(settings.cache_dir)
    match options.action:
        case "stats":
            count, size = store.stats()
            say(f"{store.directory}: {count} answer{'' if count == 1 else 's'}, {size / 1e6:.1f} MB")
        case "clear":
            count = store.clear()
            say(f"{store.directory}: {count} answer{'' if count == 1 else 's'} forgotten")
        case "export":
            broken: list[CacheError] = []
            for _, entry in store.entries(broken.append):
                say(entry.model_dump_json())
            for error in broken:
                complain(str(error))
            return FAILURES if broken else OK
        case _:
            return _why(options, settings, store)
    return OK


def _why(options: Namespace, settings: Settings, store: Store) -> int:
    paper = next((item for item in read_inputs(options.inputs, settings, options) if item.id == options.id), None)
    if options.inputs and paper is None:
        raise InputError(", ".join(options.inputs), f"there is no paper {options.id!r}")
    if isinstance(paper, Unreadable):
        raise InputError(", ".join(options.inputs), f"nothing is asked about {options.id!r}: {paper.message}")
    summarizer = Summarizer(settings.model_copy(update={"cache": False}), make_backend(settings, asks=False))
    nobody = Paper(id=options.id, title="", abstract="", source=Source(name="", line=0))
    request = summarizer.request(paper or nobody)
    say("\n".join(explain(store, summarizer.backend.identity, request, text_known=paper is not None)))
    return OK
