"""Weights: found, checked and named without loading them; what could run code is refused."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from summarizer.backends.device import Placement
from summarizer.backends.folders import WANTED
from summarizer.backends.generation import load_model
from summarizer.backends.lora import CONFIGURATION
from summarizer.backends.weights import fetch_weights, find_model, find_revision, list_models
from summarizer.errors import ModelError, SettingsError
from tests.hub_server import COMMIT, HubServer
from tests.tiny_models import save_causal, save_gguf

PLACEMENT = Placement("cpu", "float32", detected=False)


def _fetch(model: Path, cache_dir: Path) -> Path:
    return fetch_weights(find_model(str(model)), None, "float32", cache_dir)


def _python(program: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )


def test_folder_with_only_pickles_is_refused(tmp_path: Path) -> None:
    """Weights that would be unpickled are named and refused, with what to do instead."""
    save_causal(tmp_path)
    torch.save(load_file(tmp_path / "model.safetensors"), tmp_path / "pytorch_model.bin")
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"only as pytorch_model\.bin, .* run code: use a model that has safetensors"):
        _fetch(tmp_path, tmp_path)


def test_pickle_beside_safetensors_is_never_opened(tmp_path: Path) -> None:
    """A poisoned pickle in the same folder is left alone."""
    save_causal(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch poisoned'\ntR.")
    assert load_model(_fetch(tmp_path, tmp_path), PLACEMENT).context == 512
    assert not Path("poisoned").exists()


def test_an_adapter_beside_weights_is_refused(tmp_path: Path) -> None:
    """It would be loaded with them by the library, and be in no key of an answer; from the hub it is not fetched."""
    save_causal(tmp_path)
    (tmp_path / CONFIGURATION).write_text('{"peft_type": "LORA"}', encoding="utf-8")
    with pytest.raises(ModelError, match="beside its weights"):
        _fetch(tmp_path, tmp_path)
    assert WANTED.fullmatch("config.json")
    assert not WANTED.fullmatch(CONFIGURATION)


@pytest.mark.parametrize(
    ("removed", "message"),
    [("model.safetensors", "no weights found"), ("config.json", "no config.json"), ("tokenizer.json", "does not load")],
)
def test_folder_that_lacks_something_says_what(tmp_path: Path, removed: str, message: str) -> None:
    """Missing weights, configuration or tokenizer are each an error that names the folder or the file."""
    save_causal(tmp_path)
    (tmp_path / removed).unlink()
    with pytest.raises(ModelError, match=message):
        load_model(_fetch(tmp_path, tmp_path), PLACEMENT)


def test_shard_that_was_not_downloaded_is_missed(tmp_path: Path) -> None:
    """An index that names a part that is not there is an error before anything is loaded."""
    save_causal(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "model-00001-of-00002.safetensors")
    weight_map = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    with pytest.raises(ModelError, match="a part that its index names"):
        _fetch(tmp_path, tmp_path)


def test_weights_that_lack_a_part_of_the_model_are_refused(tmp_path: Path) -> None:
    """A part that the file does not have is never filled with random numbers."""
    save_causal(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["model.layers.0.mlp.up_proj.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"lack 1 parts of the model, for example model\.layers\.0\.mlp\.up_proj"):
        load_model(tmp_path, PLACEMENT)


@pytest.mark.parametrize("content", [b"not a model", b"GGUF" + b"\xff" * 64])
def test_broken_gguf_file_is_an_error(tmp_path: Path, content: bytes) -> None:
    """A file that is no GGUF, or a damaged one, is an error with its name, and leaves nothing that looks whole."""
    path = tmp_path / "broken.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"broken\.gguf"):
        _fetch(path, tmp_path / "cache")
    assert not list((tmp_path / "cache" / "models").glob("broken*"))


def test_model_that_does_not_write_text_is_refused(tmp_path: Path) -> None:
    """A classifier is told apart by its configuration."""
    save_causal(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"architectures": ["LlamaForSequenceClassification"]}))
    with pytest.raises(ModelError, match="does not write text: it is a LlamaForSequenceClassification"):
        load_model(tmp_path, PLACEMENT)


def test_revision_follows_the_content(tmp_path: Path) -> None:
    """The revision of files stays when they are copied, and changes with one weight or one setting."""
    first, second = save_causal(tmp_path / "a"), save_causal(tmp_path / "b")
    revisions = [find_revision(find_model(str(folder)), None, tmp_path) for folder in (first, second)]
    assert revisions[0] == revisions[1]
    weights = load_file(second / "model.safetensors")
    weights["model.norm.weight"][3] += 0.5
    save_file(weights, second / "model.safetensors", metadata={"format": "pt"})
    revisions.append(find_revision(find_model(str(second)), None, tmp_path))
    (second / "chat_template.jinja").write_text("{{ messages }}")
    revisions.append(find_revision(find_model(str(second)), None, tmp_path))
    assert len(set(revisions)) == 3


def test_one_byte_of_a_large_file_is_another_revision(tmp_path: Path) -> None:
    """Weights are hashed whole, once: a changed byte shows, and an unchanged file is not read again."""
    path = tmp_path / "large.gguf"
    content = bytearray(20_000_000)
    path.write_bytes(content)
    revisions = [find_revision(find_model(str(path)), None, tmp_path) for _ in range(2)]
    content[12_345_678] = 1
    path.write_bytes(content)
    revisions.append(find_revision(find_model(str(path)), None, tmp_path))
    assert revisions[0] == revisions[1] != revisions[2]
    assert len(list((tmp_path / "fingerprints").iterdir())) == 2


def test_what_is_made_in_the_cache_is_private(tmp_path: Path) -> None:
    """Nobody else can look into a cache folder that the model made, however open new folders are by default."""
    (tmp_path / "tiny.gguf").write_bytes(b"GGUF")
    before = os.umask(0)
    try:
        find_revision(find_model(str(tmp_path / "tiny.gguf")), None, tmp_path / "cache")
    finally:
        os.umask(before)
    made = [tmp_path / "cache", tmp_path / "cache" / "fingerprints"]
    assert [folder.stat().st_mode & 0o777 for folder in made] == [0o700, 0o700]


def test_a_home_that_is_not_there_is_told() -> None:
    """`~name/...` of nobody is a model that cannot be found."""
    with pytest.raises(ModelError, match="no such home folder"):
        find_model("~nosuchuser/x.gguf")


def test_full_disk_leaves_no_half_model(tmp_path: Path) -> None:
    """When the weights cannot be written, what was begun is taken away and the error says where."""
    model, cache = save_gguf(tmp_path / "tiny.gguf"), tmp_path / "cache"
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, 3_000))"
    _, errors = _python(limit + UNPACK, str(model), str(cache)).communicate(timeout=60)
    assert "ModelError" in errors.splitlines()[-1]
    assert [path.name for path in (cache / "models").iterdir()] == [".lock"]


UNPACK = """
import sys
from pathlib import Path
from summarizer.backends.weights import fetch_weights, find_model
print(fetch_weights(find_model(sys.argv[1]), None, "float32", Path(sys.argv[2])))
"""


def test_gguf_is_unpacked_once(tmp_path: Path) -> None:
    """Two processes at once get the same folder, made once, and nothing is written to the terminal."""
    model, cache = save_gguf(tmp_path / "tiny.gguf"), tmp_path / "cache"
    children = [_python(UNPACK, str(model), str(cache)) for _ in range(2)]
    results = [child.communicate(timeout=120) for child in children]
    assert results[0] == results[1]
    assert results[0][1] == ""
    (folder,) = (cache / "models").glob("tiny-*")
    assert results[0][0].strip() == str(folder)
    written = load_file(folder / "model.safetensors")["model.norm.weight"]
    made_at = folder.stat().st_mtime_ns
    assert _fetch(model, cache) == folder
    assert folder.stat().st_mtime_ns == made_at
    assert written.dtype == torch.float32
    assert sorted(path.name for path in (cache / "models").iterdir()) == [".lock", folder.name]


def test_killed_unpacking_leaves_no_half_model(tmp_path: Path) -> None:
    """After a kill in the middle, what was begun is thrown away and the next run makes it whole."""
    model, cache = save_gguf(tmp_path / "tiny.gguf"), tmp_path / "cache"
    child = _python(UNPACK, str(model), str(cache))
    deadline = time.monotonic() + 60
    while not list(cache.glob("models/.unpacking-*")) and time.monotonic() < deadline:
        time.sleep(0.001)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert not list(cache.glob("models/tiny-*"))
    assert load_model(_fetch(model, cache), PLACEMENT).context == 512
    assert not list(cache.glob("models/.unpacking-*"))


def _hub_cache(folder: Path) -> str:
    """Lay out a hub cache with one model, as a download leaves it, and return the commit."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = folder / "models--someone--tiny"
    save_causal(repository / "snapshots" / commit)
    (repository / "blobs").mkdir()
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    return commit


def test_hub_model_in_the_cache_needs_no_network(tmp_path: Path) -> None:
    """A model that was downloaded is found with its commit, listed with its size, and used without a connection."""
    commit = _hub_cache(tmp_path)
    program = """
from pathlib import Path
from summarizer.backends.weights import fetch_weights, find_model, find_revision, list_models
source = find_model("someone/tiny")
print(find_revision(source, None, Path("unused")))
print(fetch_weights(source, None, "float32", Path("unused")).name)
print([(model.name, model.loadable, model.size > 1000) for model in list_models()][-1])
"""
    lines, errors = _python(program, HF_HUB_CACHE=str(tmp_path), HF_HUB_OFFLINE="1").communicate(timeout=60)
    assert errors == ""
    assert lines.splitlines() == [commit, commit, "('someone/tiny', True, True)"]


def test_hub_model_is_fetched_once_and_its_commit_is_the_revision(tmp_path: Path) -> None:
    """The first run knows the commit like every later one, fetches only files that are safe, and fetches them once."""
    folder = save_causal(tmp_path / "model")
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    (folder / "README.md").write_text("Tiny.")
    program = """
import sys
from pathlib import Path
from summarizer.backends.weights import fetch_weights, find_model
from summarizer.backends.local import LocalBackend
from summarizer.settings import Settings
backend = LocalBackend(Settings(model="someone/tiny", cache_dir=Path(sys.argv[1])))
print(backend.identity.revision, "torch" in sys.modules)
print(fetch_weights(find_model("someone/tiny"), backend.identity.revision, "float32", Path(sys.argv[1])).name)
"""
    with HubServer("someone/tiny", folder) as hub:
        environment = {"HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "0"}
        for _ in range(2):
            lines, errors = _python(program, str(tmp_path / "cache"), **environment).communicate(timeout=60)
            assert (lines.splitlines(), errors) == ([f"{COMMIT} False", COMMIT], "")
            assert sorted(hub.fetched) == sorted(set(hub.fetched))
            assert "model.safetensors" in hub.fetched
            assert not {"pytorch_model.bin", "README.md"} & set(hub.fetched)


def test_a_pull_brings_what_the_hub_has_now(tmp_path: Path) -> None:
    """An older copy is enough for a run, but `models pull` asks for the newest, and says when that cannot be done."""
    old = _hub_cache(tmp_path / "hub")
    run = "from pathlib import Path; from summarizer.backends.weights import find_model, find_revision\n"
    run += "print(find_revision(find_model('someone/tiny'), None, Path('unused')))"
    pull = "import sys; from summarizer.cli import main; sys.exit(main(['models', 'pull', 'someone/tiny']))"
    with HubServer("someone/tiny", save_causal(tmp_path / "model")) as hub:
        environment = {"HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "0"}
        assert _python(run, **environment).communicate(timeout=60)[0].strip() == old
        assert _python(pull, **environment).communicate(timeout=60)[0].strip().endswith(COMMIT)
    _, error = _python(pull, **environment).communicate(timeout=60)
    assert "the copy that is here stays" in error


def test_a_pull_that_breaks_off_leaves_the_older_copy_in_use(tmp_path: Path) -> None:
    """Runs go on with the copy that is whole until all of the newer one is here."""
    old = _hub_cache(tmp_path / "hub")
    folder = save_causal(tmp_path / "model")
    program = """
from pathlib import Path
from summarizer.cli import main
from summarizer.backends.weights import fetch_weights, find_model, find_revision
main(["models", "pull", "someone/tiny"])
revision = find_revision(find_model("someone/tiny"), None, Path("unused"))
print(fetch_weights(find_model("someone/tiny"), revision, "float32", Path("unused")).name)
"""
    with HubServer("someone/tiny", folder) as hub:
        (folder / "model.safetensors").rename(tmp_path / "model.safetensors")
        environment = {"HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "0"}
        lines, errors = _python(program, **environment).communicate(timeout=60)
        assert "config.json" in hub.fetched
        assert "the copy that is here stays" in errors
        assert lines.strip() == old
        (tmp_path / "model.safetensors").rename(folder / "model.safetensors")
        lines, _ = _python(program, **environment).communicate(timeout=60)
        assert lines.splitlines()[-1] == COMMIT


def test_nothing_is_fetched_for_a_device_that_is_not_there(tmp_path: Path) -> None:
    """A device of choice that cannot be used is an error before the hub is asked for a model."""
    program = """
import sys
from summarizer.backends.local import LocalBackend
from summarizer.errors import ModelError
from summarizer.settings import Settings
try:
    print(LocalBackend(Settings(model="someone/tiny", device="cuda" if sys.platform == "darwin" else "mps")).identity)
except ModelError as error:
    print(error)
"""
    with HubServer("someone/tiny", save_causal(tmp_path / "model")) as hub:
        environment = {"HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "0"}
        lines, errors = _python(program, **environment).communicate(timeout=60)
    assert "cannot use the device" in lines
    assert (errors, hub.fetched) == ("", [])


def test_revision_is_for_models_of_the_hub(tmp_path: Path) -> None:
    """A revision that is asked of a file, a folder or the embedded model is an error: it would change nothing."""
    gguf, folder = save_gguf(tmp_path / "tiny.gguf"), save_causal(tmp_path / "folder")
    for model, name in (("embedded", "SmolLM2"), (str(gguf), "tiny"), (str(folder), "folder")):
        with pytest.raises(SettingsError, match=f"'revision': only models of the hub have revisions, and {name}"):
            find_revision(find_model(model), "main", tmp_path)


@pytest.mark.parametrize("offline", ["1", "0"])
@pytest.mark.parametrize("model", ["someone/unknown", "unknown"])
def test_unknown_hub_model_says_what_to_do(tmp_path: Path, model: str, offline: str) -> None:
    """Without a connection, a model that was never downloaded is one error of one line."""
    program = """
import sys
from summarizer.backends.hub import pull_model
from summarizer.errors import ModelError
try:
    pull_model(sys.argv[1])
except ModelError as error:
    print(error)
"""
    # Port 9 refuses: a machine without a connection that was not told so.
    places = {"HF_HUB_CACHE": str(tmp_path), "HF_HUB_OFFLINE": offline, "HF_ENDPOINT": "http://127.0.0.1:9"}
    lines, errors = _python(program, model, **places).communicate(timeout=60)
    assert errors == ""
    assert lines.startswith(f"{model}: not in the local hub cache, and the hub cannot be reached")
    assert f"summarizer models pull {model}" in lines


def test_embedded_model_is_listed() -> None:
    """The list begins with the embedded model and its size."""
    first = list_models()[0]
    assert (first.name, first.loadable) == ("embedded", True)
    assert str(first).lstrip().startswith("98.4 MB  embedded")
