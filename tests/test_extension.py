"""Commands of other packages: found where they are named, and not looked for without need."""

import subprocess
import sys
from pathlib import Path

import pytest

import summarizer.extension
from summarizer.cli import main
from summarizer.options import parser


def test_what_is_offered_is_sorted_and_there() -> None:
    """Every name can be imported; constants come first, then classes, then functions, each sorted."""
    names = summarizer.extension.__all__
    assert len(set(names)) == len(names)
    assert names == sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    for name in names:
        assert getattr(summarizer.extension, name) is not None


def test_the_commands_of_evals_are_found() -> None:
    """`eval` is no command of this package, and is there all the same, with the flags that are settings."""
    options = parser(["eval"]).parse_args(["eval", "smoke", "-o", "out", "--backend", "scripted"])
    assert (options.module, options.backend) == ("evals.commands.evaluate", "scripted")


def test_own_commands_look_for_no_others() -> None:
    """A command of this package neither reads the metadata of all that is installed nor imports `evals`."""
    code = "import sys; from summarizer.options import parser; parser(['run']); "
    code += "print([name for name in ('evals', 'importlib.metadata') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_suite_is_told_before_anything_is_asked(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A mistyped suite is an error with the names that there are, and makes no folder."""
    assert main(["eval", "scitdlr", "-o", str(tmp_path / "run"), "--backend", "scripted"]) == 2
    assert "there is no suite 'scitdlr'; choose from aclsum, gold" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("command", [["eval", "smoke"], ["eval", "counterfactual"]])
def test_an_evaluation_is_not_handed_over_in_batches(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A flag that would do nothing is refused: answers within a day are no use to who waits for a table."""
    flags = ["-o", "run", "--backend", "hosted", "--model", "m", "--base-url", "http://127.0.0.1:1/v1", "--batch"]
    assert main([*command, *flags]) == 2
    assert "--batch: an evaluation asks at once" in capsys.readouterr().err
