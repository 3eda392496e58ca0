"""What is built is what works: the wheel, in an empty environment, away from the checkout."""

import os
import subprocess
import sys
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_ROOT = Path(__file__).parent.parent
_PAPERS = '{"id": "p1", "title": "Streams", "abstract": "Streams are deep. More follows."}\n'


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from the checkout, with the build tools that are installed here."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(_ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_wheel_holds_the_prompts_byte_for_byte(wheel: Path) -> None:
    """Every prompt file of the checkout is inside, unchanged, and so are the papers of `smoke` and other data."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        assert {"summarizer/py.typed", "summarizer/writing/digest.html.jinja", "evals/judging/v1.toml"} <= names
        assert {f"evals/reporting/report.{kind}" for kind in ("html.jinja", "css", "js")} <= names
        for path in (_ROOT / "prompts").rglob("*.toml"):
            inside = f"summarizer/prompts/{path.relative_to(_ROOT / 'prompts').as_posix()}"
            assert archive.read(inside) == path.read_bytes()
        papers = "evals/suites/smoke.jsonl"
        assert archive.read(papers) == (_ROOT / papers).read_bytes()
        assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "prompts/"))]


def _needed(distribution: str, wanted: str = "") -> set[Path]:
    """Folders and modules of everything that a distribution requires, with one of its extras or none.

    What is not installed here is left out: the run shows whether it can be done without.
    """
    installed = {canonicalize_name(found.name): found for found in metadata.distributions()}
    places: set[Path] = set()
    waiting, seen = [canonicalize_name(distribution)], {canonicalize_name(distribution)}
    while waiting:
        name = waiting.pop()
        extra = wanted if name == distribution else ""
        for text in installed[name].requires or []:
            requirement = Requirement(text)
            needed, marker = canonicalize_name(requirement.name), requirement.marker
            if needed in seen or needed not in installed or (marker and not marker.evaluate({"extra": extra})):
                continue
            seen.add(needed)
            waiting.append(needed)
            files = installed[needed].files or []
            tops = {file.parts[0] for file in files if file.parts[0] not in ("..", "__pycache__")}
            places |= {Path(str(installed[needed].locate_file(top))) for top in tops}
    return places


def test_installed_wheel_runs(wheel: Path, tmp_path: Path) -> None:
    """In an environment of its own the command reads papers and writes a digest, with its prompts from the wheel.

    With the extra for it, it evaluates the papers that it brings.
    """
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def call(*command: str | Path) -> str:
        done = subprocess.run(
            [str(part) for part in command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    # Tests have no network: what the wheel says that it needs is lent from this environment, and nothing else is there.
    call(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel)
    packages = next((tmp_path / "venv" / "lib").glob("python*")) / "site-packages"

    def lend(places: set[Path]) -> None:
        for place in places:
            if not (packages / place.name).exists():
                (packages / place.name).symlink_to(place)

    lend(_needed("abstract-summarizer"))
    assert "torch" not in {path.name for path in packages.iterdir()}

    (tmp_path / "papers.jsonl").write_text(_PAPERS, encoding="utf-8")
    command = tmp_path / "venv" / "bin" / "summarizer"
    where = call(python, "-c", "import summarizer.shipped as s; print(s.__file__, s.prompts_folder())").split()
    assert all(str(packages) in path for path in where)
    assert "annotate/v1" in call(command, "prompts", "list")
    call(command, "run", "papers.jsonl", "-o", "out.jsonl", "--backend", "scripted", "--cache-dir", "cache")
    call(command, "digest", "out.jsonl", "-o", "digest.html")
    assert "Streams are deep." in (tmp_path / "digest.html").read_text(encoding="utf-8")

    lend(_needed("abstract-summarizer", "evals"))
    call(command, "eval", "smoke", "-o", "run", "--backend", "scripted", "--cache-dir", "cache", "--quiet")
    assert (tmp_path / "run" / "smoke" / "table.json").is_file()
