"""Two runs to judge, and judges whose verdicts are known before."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from evals.examples import Gold, Outcome, Prediction
from evals.judging.blinding import ORDERS, SIDES, Better, Order
from evals.judging.questions import CHECKS
from evals.runs import Data, Made, Run, RunFolder, make_folder
from evals.samples import MODEL, Said, Sample
from evals.tables import Table

SUITE = "streams"
ALL_YES = {field: "yes" for name in CHECKS for field in (f"{name}_evidence", name)}


def write_run(
    folder: Path, summaries: Sequence[str], model: str = "m", outcomes: Sequence[Outcome] = (), split: str = "dev"
) -> Path:
    """The folder of an evaluation in which a model says these summaries, one for each paper, p0 and on."""
    run = RunFolder(folder, SUITE)
    make_folder(run.path)
    made = Made(
        backend="local",
        model=model,
        revision=None,
        adapter=None,
        dtype=None,
        prompt="compact/v1",
        prompt_sha256="0",
        schema_sha256="0",
        structured_mode=None,
        language="English",
        max_tokens=640,
        temperature=0.0,
        seed=0,
        batch_size=8,
        version="0",
    )
    data = Data(suite=SUITE, split=split, file="f", sha256="0", licence="none", limit=None, papers=len(summaries))
    lines = [
        Sample(
            id=f"p{number}",
            title=f"BrookNet-{number}: Guessing the Depth of Streams",
            abstract=f"We present BrookNet-{number}, which guesses how deep a stream is. It errs by {number} cm.",
            document=f"p{number}",
            outcome=outcomes[number] if outcomes else "answered",
            gold=Gold(),
            systems={MODEL: Said(prediction=Prediction(summary=summary), sums={})},
        ).model_dump_json()
        for number, summary in enumerate(summaries)
    ]
    run.samples.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    run.write(Run(data=data, made=made), Table(suite=SUITE, papers=len(summaries), rows=()))
    return folder


def write_script(
    path: Path, papers: int, better: Callable[[int, Order], Better | None], check: object = ALL_YES
) -> Path:
    """A judge of the scripted backend; where `better` is None there is no line. `check` is said of every summary."""
    rows: list[dict[str, object]] = []
    for number in range(papers):
        rows += [
            {"id": f"{SUITE}/p{number}/{order}", "text": {"reason": "So it is.", "better": said}}
            for order in ORDERS
            if (said := better(number, order)) is not None
        ]
        rows += [{"id": f"{SUITE}/p{number}/{side}", "text": check} for side in SIDES]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_labels(path: Path, preferences: Sequence[str], annotator: str = "ida") -> Path:
    """What one person prefers, for p0 and on."""
    lines = [
        {"id": f"p{number}", "annotator": annotator, "preference": preference, "time": "2026-01-01T00:00:00Z"}
        for number, preference in enumerate(preferences)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def command(folder: Path, *flags: str) -> list[str]:
    """`judge` of the runs a and b in a folder, with the folder's own cache."""
    words = ["judge", str(folder / "a"), str(folder / "b"), "-o", str(folder / "out"), "--quiet"]
    return [*words, "--cache-dir", str(folder / "cache"), *flags]


def scripted(folder: Path, *flags: str) -> list[str]:
    """The same with the judge in script.jsonl."""
    return command(folder, "--backend", "scripted", "--script", str(folder / "script.jsonl"), *flags)
