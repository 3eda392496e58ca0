"""What does the reading: a local model, a hosted one, or a script."""

from collections.abc import Callable

from summarizer.completion import Backend, never
from summarizer.errors import SettingsError
from summarizer.settings import Settings


def make_backend(settings: Settings, *, asks: bool = True, stopping: Callable[[], bool] = never) -> Backend:
    """The backend that the settings name. Heavy libraries are imported by the backend when it first needs them.

    One that does not ask (`asks`) sends nothing to find out about its server: it is there to say what would be asked.
    One that does looks at `stopping` meanwhile. `SettingsError` where a limit is set that this backend does not keep.
    """
    if settings.max_total_tokens is not None and settings.backend != "hosted":
        raise SettingsError(f"--max-total-tokens: only for hosted models; the backend is {settings.backend}")
    match settings.backend:
        case "local":
            from summarizer.backends.local import LocalBackend  # noqa: PLC0415

            return LocalBackend(settings)
        case "hosted":
            from summarizer.backends.hosted import HostedBackend  # noqa: PLC0415

            return HostedBackend(settings, asks=asks, stopping=stopping)
        case "scripted":
            from summarizer.backends.scripted import ScriptedBackend  # noqa: PLC0415

            return ScriptedBackend(settings)
