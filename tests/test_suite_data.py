"""Data of suites are found in files, folders and on servers, and what is known of them is told."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from evals import data
from evals.baselines import GAZETTEER
from evals.runs import RunFolder
from evals.samples import read_samples
from evals.suites import load_suite
from evals.suites.suite import Suite
from summarizer.cli import main
from summarizer.extension import InputError, SettingsError
from tests.hub_server import COMMIT, HubServer
from tests.suite_files import ACLSUM, SCIREX_CUT, SCITLDR

SCITLDR_SUITE = load_suite("scitldr")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address of a server that gives its files."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def _put(path: Path, text: str = SCITLDR) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _at(address: str) -> Suite:
    return replace(SCITLDR_SUITE, addresses={split: f"{address}/{split}.jsonl" for split in ("train", "dev")})


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_folder_has_data_in_any_known_layout(tmp_path: Path, number: int) -> None:
    """The file of the split is found in each layout, and what belongs to it for training in the same one."""
    dev, train = (_put(tmp_path / SCITLDR_SUITE.files[split][number]) for split in ("dev", "train"))
    for place in (str(tmp_path), tmp_path):
        assert data.find(SCITLDR_SUITE, place, "dev", tmp_path) == dev
        assert data.find_train(SCITLDR_SUITE, place, "dev", None, tmp_path) == train
    assert data.find_train(SCITLDR_SUITE, str(dev), "dev", None, tmp_path) == train
    assert data.find_train(SCITLDR_SUITE, str(tmp_path), "train", None, tmp_path) is None


def test_a_file_of_any_name_is_taken_as_it_is(tmp_path: Path) -> None:
    """A file is what it is; nothing beside it is taken to train on when its name is not one of the data set."""
    path = _put(tmp_path / "mine.jsonl")
    _put(tmp_path / "scitldr_a_train.jsonl")
    assert data.find(SCITLDR_SUITE, str(path), "dev", tmp_path) == path
    assert data.find_train(SCITLDR_SUITE, str(path), "dev", None, tmp_path) is None
    assert (
        data.find_train(SCITLDR_SUITE, str(path), "dev", str(tmp_path), tmp_path) == tmp_path / "scitldr_a_train.jsonl"
    )


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    """The message says where it was looked for, or what to give."""
    with pytest.raises(InputError, match=r"has no dev data of scitldr; looked for scitldr_a_dev\.jsonl, "):
        data.find(SCITLDR_SUITE, str(tmp_path), "dev", tmp_path)
    with pytest.raises(InputError, match="there is no such file or folder"):
        data.find(SCITLDR_SUITE, str(tmp_path / "nowhere"), "dev", tmp_path)
    with pytest.raises(SettingsError, match="tdmsci has no split 'dev'; it has train, test"):
        data.find(load_suite("tdmsci"), str(tmp_path), "dev", tmp_path)
    with pytest.raises(
        SettingsError, match="scirex needs --data: a file, or a folder with .*; from https://github.com"
    ):
        data.find(load_suite("scirex"), None, "dev", tmp_path)


def test_what_is_evaluated_is_not_trained_on(tmp_path: Path) -> None:
    """A gazetteer of the evaluated names themselves would be perfect."""
    path = _put(tmp_path / "mine.jsonl")
    with pytest.raises(SettingsError, match="--train names the file that is evaluated"):
        data.find_train(SCITLDR_SUITE, str(path), "dev", str(path), tmp_path)


def test_published_data_are_fetched_once(tmp_path: Path, served: tuple[Path, str]) -> None:
    """Without --data the published file is fetched, kept, and used when the server is gone."""
    folder, address = served
    _put(folder / "dev.jsonl")
    _put(folder / "train.jsonl")
    path = data.find(_at(address), None, "dev", tmp_path / "kept")
    assert path.read_text(encoding="utf-8") == SCITLDR
    assert data.find_train(_at(address), None, "dev", None, tmp_path / "kept") != path
    (folder / "dev.jsonl").unlink()
    assert data.find(_at(address), None, "dev", tmp_path / "kept") == path
    assert len(list((tmp_path / "kept").iterdir())) == 2


def test_a_server_without_the_file_leaves_nothing_behind(tmp_path: Path, served: tuple[Path, str]) -> None:
    """No half or wrong file is kept, and the message says what to do."""
    with pytest.raises(InputError, match=r"does not give it \(status 404\); .* give --data"):
        data.find(_at(served[1]), None, "dev", tmp_path / "kept")
    with pytest.raises(InputError, match=r"cannot be reached \(ConnectError\)"):
        data.find(_at("http://127.0.0.1:1"), None, "dev", tmp_path / "kept")
    with pytest.raises(SettingsError, match="this is no address"):
        data.find(SCITLDR_SUITE, "http://[::1", "dev", tmp_path / "kept")
    assert not list((tmp_path / "kept").iterdir())


_FIND = """
import sys
from pathlib import Path
from evals import data
from evals.suites import load_suite
from summarizer.extension import InputError, SettingsError
for place in sys.argv[2:]:
    try:
        print(data.find(load_suite("scitldr"), place, "dev", Path(sys.argv[1])).read_text())
    except (InputError, SettingsError) as error:
        print(type(error).__name__, error)
"""


def _found(tmp_path: Path, *places: str, **environment: str) -> list[str]:
    # The hub client reads its settings when it is imported.
    done = subprocess.run(
        [sys.executable, "-c", _FIND, str(tmp_path), *places],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | environment,
    )
    return done.stdout.splitlines()


def test_data_of_the_hub_are_fetched_by_name(tmp_path: Path) -> None:
    """A file of a data set on the hub is named with its commit, and is used from the hub cache afterwards."""
    folder = _put(tmp_path / "hub" / "dev.jsonl").parent
    name = "hf://datasets/pebbles/stones"
    places = [f"{name}@{COMMIT}/dev.jsonl", f"{name}@{COMMIT}/none.jsonl", "hf://datasets/other/set/x", name, "hf://x"]
    with HubServer("datasets/pebbles/stones", folder) as server:
        found = _found(tmp_path, *places, HF_ENDPOINT=server.url, HF_HUB_OFFLINE="0")
        assert server.fetched == ["dev.jsonl"]
    assert found[0] == SCITLDR
    assert "InputError" in found[1]
    assert "InputError" in found[2]
    assert "hf://datasets/OWNER/NAME@REVISION/FILE" in found[3]
    assert "hf://datasets/OWNER/NAME@REVISION/FILE" in found[4]
    assert _found(tmp_path, places[0]) == [SCITLDR]


def test_the_hub_out_of_reach_is_told(tmp_path: Path) -> None:
    """Without a connection the message says what to do."""
    (line,) = _found(tmp_path, f"hf://datasets/pebbles/stones@{COMMIT}/dev.jsonl")
    assert line.startswith("InputError")
    assert "not in the local cache, and the hub cannot be reached" in line
    assert "give --data" in line


def test_a_run_says_what_its_data_are(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Licence, a file that is not the published one, and papers of train are told, and stand in the run."""
    rows = [json.loads(SCITLDR) | {"paper_id": f"p{number}", "title": f"Stone {number}"} for number in range(2)]
    rows[1]["source"] = ["Sand is silent."]
    _put(tmp_path / "scitldr_a_dev.jsonl", "\n".join(map(json.dumps, rows)))
    _put(tmp_path / "scitldr_a_train.jsonl", json.dumps(rows[0] | {"paper_id": "t"}))
    _put(tmp_path / "aclsum_val.jsonl", ACLSUM)
    command = [
        "eval",
        "scitldr",
        "aclsum",
        "--data",
        str(tmp_path),
        "--backend",
        "scripted",
        "-o",
        str(tmp_path / "run"),
    ]
    assert main(command) == 0
    told = capfd.readouterr().err
    assert "scitldr: scitldr_a_dev.jsonl, not the file that was published; licence: Apache-2.0" in told
    assert "scitldr: 1 of 2 papers are in scitldr_a_train.jsonl as well (1 by title); run.json lists them" in told
    assert "aclsum: aclsum_val.jsonl, not the file that was published; licence: MIT" in told
    run = RunFolder(tmp_path / "run", "scitldr").read_run().data
    assert (run.published, run.papers) == (False, 2)
    assert run.duplicates is not None
    assert [(pair.evaluated, pair.train) for pair in run.duplicates.titles] == [("p0", "t")]
    assert run.duplicates.sha256 == hashlib.sha256((tmp_path / "scitldr_a_train.jsonl").read_bytes()).hexdigest()
    assert RunFolder(tmp_path / "run", "aclsum").read_run().data.duplicates is None


def test_train_itself_has_a_gazetteer_of_the_other_papers(tmp_path: Path) -> None:
    """A name of its own alone is not found, a name of both is."""
    row = json.loads(SCIREX_CUT.splitlines()[0]) | {"title_tokens": None, "sentences": [[0, 3]]}
    rows = [
        row | {"doc_id": "a", "words": ["Stone", "counting", "."], "ner": [[0, 2, "Task", True]]},
        row | {"doc_id": "b", "words": ["Stone", "Counting", "."], "ner": [[0, 2, "Task", True]]},
        row | {"doc_id": "c", "words": ["Stone", "naming", "."], "ner": [[0, 2, "Task", True]]},
    ]
    path, run = _put(tmp_path / "scirex.jsonl", "\n".join(map(json.dumps, rows))), tmp_path / "run"
    command = ["eval", "scirex", "--split", "train", "--data", str(path), "--backend", "scripted", "-o", str(run)]
    assert main(command) in (0, 1)
    said = [sample.systems[GAZETTEER].prediction.names for sample in read_samples(RunFolder(run, "scirex").samples)]
    assert [(names or {})["task"] for names in said] == [("Stone counting",), ("Stone Counting",), ()]


def test_one_file_is_not_read_as_several_data_sets(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Several suites need a folder."""
    path = _put(tmp_path / "mine.jsonl")
    command = ["eval", "scitldr", "aclsum", "--data", str(path), "--backend", "scripted", "-o", str(tmp_path / "run")]
    assert main(command) == 2
    assert "give a folder with their files" in capfd.readouterr().err


def test_the_published_file_is_known_by_its_checksum() -> None:
    """It is told apart from others, and where nothing is known nothing is said."""
    assert data.is_published(SCITLDR_SUITE, "dev", SCITLDR_SUITE.checksums["dev"]) is True
    assert data.is_published(SCITLDR_SUITE, "dev", "0" * 64) is False
    assert data.is_published(SCITLDR_SUITE, "test", "0" * 64) is None
