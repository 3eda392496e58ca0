"""Invented papers in the layout of SciTLDR, and what two systems say of them, for the tests of reports."""

import json
from pathlib import Path

from summarizer.cli import main

_THINGS = ("brook", "dune", "glacier", "meadow", "lagoon", "moraine")
_WAYS = ("counts pebbles", "listens to the wind", "weighs the snow", "maps the moss")


def lines(number: int) -> list[dict[str, object]]:
    """So many papers; a few say nothing of any number, and each has two targets."""
    return [_paper(place) for place in range(number)]


def _paper(place: int) -> dict[str, object]:
    thing, way = _THINGS[place % len(_THINGS)], _WAYS[place % len(_WAYS)]
    name = f"{thing.capitalize()}Net-{place}"
    return {
        "paper_id": f"paper-{place:04}",
        "title": f"{name}: a machine that {way}",
        "source": [
            f"Nobody knows how a {thing} changes over the years.",
            f"We present {name}, a small machine that {way} at every {thing}.",
            f"On the {thing.capitalize()}Set data it reaches {60 + place % 40}.5% accuracy.",
            "We publish the machine and everything that it has heard.",
        ][: 3 + place % 2],
        "target": [f"{name} is a small machine that {way} at a {thing}.", f"A machine {way}, and is right more often."],
    }


def answer(line: dict[str, object], tldr: str) -> str:
    """An answer of a model, with a method, a data set and a result of the abstract, and a method that is not in it."""
    source, title = line["source"], str(line["title"])
    assert isinstance(source, list)
    name, value = title.partition(":")[0], source[2].partition("reaches ")[2].partition("%")[0]
    return json.dumps(
        {
            "tldr": tldr,
            "contribution": "method",
            "field": "other",
            "modalities": [],
            "tasks": ["listening"],
            "methods": [{"name": name, "role": "proposed"}, {"name": "Hearsay-9", "role": "used"}],
            "datasets": [source[2].split()[2]],
            "metrics": ["accuracy"],
            "results": [
                {"evidence": source[2], "value": value, "unit": "%", "metric": "accuracy", "dataset": None,
                 "method": name, "baseline_value": None, "kind": "absolute"},
            ],
        }
    )  # fmt: skip


def write_lines(path: Path, papers: list[dict[str, object]]) -> Path:
    """A file in the layout of SciTLDR."""
    path.write_text("".join(json.dumps(paper) + "\n" for paper in papers), encoding="utf-8")
    return path


def evaluate(data: Path, folder: Path, answers: dict[str, str], seconds: float = 0.0) -> int:
    """Run `summarizer eval` on the file with these answers by id, and return its exit code."""
    script = folder.with_suffix(".script.jsonl")
    script.write_text("".join(json.dumps({"id": one, "text": text}) + "\n" for one, text in answers.items()), "utf-8")
    return main(
        [
            *("eval", "scitldr", "--quiet", "--backend", "scripted", "--data", str(data), "-o", str(folder)),
            *("--script", str(script), "--scripted-seconds", str(seconds)),
            *("--cache-dir", str(folder.with_suffix(".cache"))),
        ]
    )


def two_runs(folder: Path, number: int = 24) -> tuple[Path, Path]:
    """Two evaluated folders, `plain` and `wordy`: the first fails in two ways, the second says more."""
    papers = lines(number)
    data = write_lines(folder / "invented.jsonl", papers)
    plain, wordy = {}, {}
    for paper in papers:
        known, source = str(paper["paper_id"]), paper["source"]
        assert isinstance(source, list)
        plain[known] = answer(paper, source[1])
        wordy[known] = answer(paper, f"{source[1]} Nobody has heard a machine like it before.")
    plain["paper-0003"] = "I would rather not."
    plain["paper-0007"] = '{"tldr": "It begins and'
    assert evaluate(data, folder / "plain", plain, 0.001) == 1
    assert evaluate(data, folder / "wordy", wordy, 0.004) == 0
    return folder / "plain", folder / "wordy"
