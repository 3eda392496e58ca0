"""The server that is asked: its address, its key, and the client that leads there.

This module is the only one that reads the key, and the key goes nowhere but into the Authorization header of requests
to the address: redirects are not followed, and what a server says is cleared of the key before it becomes a message.
"""

import ipaddress
import os
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from summarizer.backends.replies import clean, words_of
from summarizer.backends.wire import LimitName
from summarizer.errors import EndpointError, SettingsError
from summarizer.prices import Price, price_of
from summarizer.settings import Settings

if TYPE_CHECKING:
    import openai

OPENAI_URL = "https://api.openai.com/v1"
#: What the client sends in place of a key to a server on this machine.
NO_KEY = "no-key-is-set"
#: Parameters by which a request costs something else than the price of its tokens by the list.
CHARGED = frozenset({"service_tier", "web_search_options", "plugins", "models", "prediction", "modalities", "audio"})


class Endpoint:
    """The base URL of the settings, and how to get there."""

    def __init__(self, settings: Settings) -> None:
        """Check the address; `SettingsError` if it cannot be used. Nothing is sent or imported yet."""
        self._settings = settings
        self.url = (settings.base_url or OPENAI_URL).rstrip("/")
        self._address = _check_address(self.url)

    @property
    def price(self) -> Price | None:
        """What the model of the settings costs there; None when it is not known."""
        settings = self._settings
        standard = CHARGED.isdisjoint(settings.extra_body)
        return price_of(settings.model, self.url, settings.prices, standard=standard)

    @property
    def limit_name(self) -> LimitName:
        """What the parameter is called that bounds the tokens of an answer."""
        # OpenAI's newer models refuse the old name; of the other servers not all know the new one.
        return "max_completion_tokens" if self._address.hostname == "api.openai.com" else "max_tokens"

    def read_key(self) -> str | None:
        """The key, or None where none is needed; `EndpointError` when it is missing or cannot be sent."""
        name = self._settings.api_key_env
        key = os.environ.get(name, "").strip()
        if not key:
            if _is_loopback(self._address):
                return None
            raise EndpointError(
                f"{self.url} needs a key and the environment variable {name} is not set: set it to the key, or "
                f"name another variable with the setting 'api_key_env'"
            )
        if not (key.isascii() and key.isprintable()):
            raise EndpointError(f"the environment variable {name} holds characters that no key has: copy the key again")
        return key

    def connect(self) -> "openai.AsyncOpenAI":
        """A client for as many requests at once as the settings allow. To be closed by the caller."""
        key = self.read_key()
        import httpx2  # noqa: PLC0415 - with openai two seconds of import, for runs that do send something
        import openai  # noqa: PLC0415

        from summarizer.backends.bodies import bound_errors  # noqa: PLC0415
        from summarizer.backends.connections import guard  # noqa: PLC0415

        slots = self._settings.concurrency
        return openai.AsyncOpenAI(
            api_key=key or NO_KEY,
            base_url=self.url,
            timeout=self._settings.timeout,
            max_retries=0,  # tenacity owns the retries
            http_client=guard(
                openai.DefaultAioHttpClient(
                    event_hooks=bound_errors(),
                    # httpx2 would drop the key on the way to another host, but still send the abstract there.
                    follow_redirects=False,
                    limits=httpx2.Limits(max_connections=slots, max_keepalive_connections=slots),
                    # A proxy of the environment leads away from this machine.
                    trust_env=not _is_loopback(self._address),
                )
            ),
        )

    def connect_in_turn(self) -> "openai.OpenAI":
        """A client for one call after the other, without an event loop. To be closed by the caller."""
        key = self.read_key()
        import openai  # noqa: PLC0415

        from summarizer.backends.bodies import bound_errors_in_turn  # noqa: PLC0415

        return openai.OpenAI(
            api_key=key or NO_KEY,
            base_url=self.url,
            timeout=self._settings.timeout,
            max_retries=0,
            http_client=openai.DefaultHttpxClient(
                event_hooks=bound_errors_in_turn(), follow_redirects=False, trust_env=not _is_loopback(self._address)
            ),
        )

    def said(self, error: BaseException, key: str) -> str:
        """What went wrong, in one line that names the server and not the key."""
        import openai  # noqa: PLC0415

        if isinstance(error, openai.APIStatusError):
            status = f"{error.status_code} with an error" if error.response.is_success else error.status_code
            return f"{self.url} answered {status}: {words_of(error, key)}"
        # "Connection error." has its reason in the error of the layer below.
        reason = f"{error} {error.__cause__ or ''}"
        return f"{self.url}: {clean(reason, key)}"


def _check_address(url: str) -> SplitResult:
    try:
        address = urlsplit(url)
        usable = address.scheme in ("http", "https") and bool(address.hostname) and address.port != 0
    except ValueError:
        usable = False
    # The address is not repeated: what is wrong with it may be that it holds a key.
    if not usable:
        raise SettingsError("base_url has to be an http or https address, such as http://localhost:8000/v1")
    if address.username is not None or address.query or address.fragment:
        raise SettingsError("base_url is written into every record: give the key by api_key_env, and no user, ? or #")
    return address


def _is_loopback(address: SplitResult) -> bool:
    try:
        return ipaddress.ip_address(address.hostname or "").is_loopback
    except ValueError:
        return address.hostname == "localhost"
