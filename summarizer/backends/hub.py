"""Models of the Hugging Face hub: fetched once, and then used from the local hub cache."""

import logging
from pathlib import Path

from summarizer.backends.folders import WANTED, check_names, is_whole
from summarizer.errors import ModelError, SettingsError
from summarizer.settings import EMBEDDED

_LOG = logging.getLogger(__name__)


def pull_model(model: str, revision: str | None = None, *, newest: bool = False) -> Path:
    """Folder of a hub model in the local hub cache; what is missing there is downloaded, safe files only.

    A copy that is here is enough, unless `newest` says that the hub is to be asked for what it has now. Raises
    `ModelError` when the model cannot be had, or has no weights that are safe to load.
    """
    here = cached_copy(model, revision)
    if here is not None and not newest:
        if is_whole(here):
            return here
        # What was begun is finished: its commit is in keys already.
        revision = here.name
    from httpx2 import TransportError  # noqa: PLC0415
    from huggingface_hub import HfApi, snapshot_download  # noqa: PLC0415
    from huggingface_hub.errors import (  # noqa: PLC0415
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        info = HfApi().model_info(model, revision=revision)
        names = [file.rfilename for file in info.siblings or []]
        check_names(names, model)
        wanted = [name for name in names if WANTED.fullmatch(name)]
        _LOG.info("fetching %s from the hub", model)
        # By its commit first: only when all of it is here may the name, such as main, mean the new copy.
        snapshot_download(model, revision=info.sha, allow_patterns=wanted)
        return Path(snapshot_download(model, revision=revision, allow_patterns=wanted))
    except GatedRepoError as error:
        raise ModelError(
            f"{model}: access has to be granted: accept its terms on the hub, then log in with `hf auth login`"
        ) from error
    except RevisionNotFoundError as error:
        raise ModelError(f"{model}: the hub has no revision {revision!r} of it") from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise ModelError(
            f"{model}: neither a file or folder here nor a model on the hub (or a private one: `hf auth login`)"
        ) from error
    except (OSError, TransportError) as error:
        problem = f"the hub cannot be reached ({type(error).__name__})"
        if here is not None:
            raise ModelError(f"{model}: {problem}; the copy that is here stays, and can be used without it") from error
        raise ModelError(
            f"{model}: not in the local hub cache, and {problem}: fetch it once with a connection (summarizer models "
            f"pull {model}), or use --model {EMBEDDED}"
        ) from error


def cached_copy(model: str, revision: str | None) -> Path | None:
    """Folder of a copy, named by its commit, that is in the local hub cache and may lack weights."""
    try:
        from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415
        from huggingface_hub.errors import HFValidationError  # noqa: PLC0415
    except ImportError as error:
        raise SettingsError("models of the hub need: pip install 'abstract-summarizer[local]'") from error
    try:
        found = try_to_load_from_cache(model, "config.json", revision=revision)
    except HFValidationError:
        return None
    # The path ends in snapshots/<commit>/config.json.
    return Path(found).parent if isinstance(found, str) else None


def fetch_quietly(model: str, revision: str | None) -> Path:
    """`pull_model` for a run, which has a progress line of its own."""
    from huggingface_hub.utils.tqdm import disable_progress_bars  # noqa: PLC0415

    disable_progress_bars()
    return pull_model(model, revision)


def hub_cache() -> str:
    """Where models of the hub are kept."""
    try:
        from huggingface_hub.constants import HF_HUB_CACHE  # noqa: PLC0415
    except ImportError:
        return "not used: huggingface_hub is not installed"
    return HF_HUB_CACHE
