"""Files of data sets from where they are published: fetched once, and then used from the folder that keeps them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

from summarizer.extension import InputError, OutputError, SettingsError

#: How an address on the Hugging Face hub begins.
HUB: Final = "hf://"
_WEB: Final = ("https://", "http://")
#: Largest file that is fetched, in bytes.
LARGEST: Final = 256 * 2**20
_SECONDS: Final = 30.0
_ADVICE: Final = "fetch it where there is a network, and give --data"


def is_address(place: str) -> bool:
    """Whether it is an address, not a path."""
    return place.startswith((HUB, *_WEB))


def fetch(address: str, folder: Path) -> Path:
    """The file of an address. Those of the web are kept in `folder`, those of the hub in its own cache.

    Raises `InputError` when it cannot be had, `SettingsError` when the address is none or an extra is missing.
    """
    return _from_hub(address) if address.startswith(HUB) else _from_web(address, folder)


def _from_hub(address: str) -> Path:
    try:
        from huggingface_hub import hf_hub_download, parse_hf_uri  # noqa: PLC0415 - takes half a second
        from huggingface_hub.errors import HfHubHTTPError, HfUriError  # noqa: PLC0415
        from huggingface_hub.utils.tqdm import disable_progress_bars  # noqa: PLC0415
    except ImportError as error:
        raise SettingsError("data of the hub need: pip install 'abstract-summarizer[local]'") from error
    from httpx2 import TransportError  # noqa: PLC0415

    disable_progress_bars()
    try:
        place = parse_hf_uri(address)
        if place.type != "dataset" or not place.path_in_repo:
            raise SettingsError(f"{address}: give a file of a data set: hf://datasets/OWNER/NAME@REVISION/FILE")
        return Path(hf_hub_download(place.id, place.path_in_repo, repo_type="dataset", revision=place.revision))
    except HfUriError as error:
        raise SettingsError(f"{address}: give it as hf://datasets/OWNER/NAME@REVISION/FILE") from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        raise InputError(
            address, f"the hub does not give it (status {status}); private data need `hf auth login`"
        ) from error
    except (OSError, TransportError) as error:
        raise InputError(address, f"not in the local cache, and the hub cannot be reached; {_ADVICE}") from error


def _from_web(address: str, folder: Path) -> Path:
    name = address.rpartition("/")[2]
    kept = folder / f"{sha256(address.encode()).hexdigest()[:16]}-{name}"
    if kept.is_file():
        return kept
    beside = kept.with_name(f".{kept.name}.{os.getpid()}")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with beside.open("wb") as file:
            for chunk in _chunks(address):
                file.write(chunk)
        beside.replace(kept)
    except OSError as error:
        raise OutputError(str(folder), str(error.strerror)) from error
    finally:
        beside.unlink(missing_ok=True)
    return kept


def _chunks(address: str) -> Iterator[bytes]:
    from httpx2 import stream  # noqa: PLC0415 - only where something is fetched

    got = 0
    with _translated(address), stream("GET", address, follow_redirects=True, timeout=_SECONDS) as response:
        if not response.is_success:
            raise InputError(address, f"the server does not give it (status {response.status_code}); {_ADVICE}")
        for chunk in response.iter_bytes():
            got += len(chunk)
            if got > LARGEST:
                raise InputError(address, f"it is larger than {LARGEST:,} bytes")
            yield chunk


@contextmanager
def _translated(address: str) -> Iterator[None]:
    from httpx2 import HTTPError, InvalidURL  # noqa: PLC0415

    try:
        yield
    except InvalidURL as error:
        raise SettingsError(f"{address}: this is no address") from error
    except HTTPError as error:
        raise InputError(address, f"it cannot be reached ({type(error).__name__}); {_ADVICE}") from error
