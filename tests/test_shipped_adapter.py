"""The adapter that comes with the embedded model: small, of what its card says, and used without a word."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from summarizer import Settings, Summarizer
from summarizer.backends.lora import CONFIGURATION, WEIGHTS, adapter_name
from summarizer.prompting import load_prompt
from summarizer.records import Paper
from summarizer.shipped import embedded_adapter
from summarizer.tuning.card import read_made


def test_it_is_small_and_says_how_it_was_made() -> None:
    """At most twelve megabytes; card and configuration name no folder of the machine that made it."""
    folder = embedded_adapter()
    assert (folder / WEIGHTS).stat().st_size <= 12_000_000
    for name in (CONFIGURATION, "made.json", "README.md"):
        text = (folder / name).read_text(encoding="utf-8")
        assert not re.search(r"[\s\"](/|[A-Z]:\\)\w", text), name


def test_it_was_trained_with_the_prompt_that_ships() -> None:
    """A prompt that is changed by a word is not the one that was learned."""
    made = json.loads((embedded_adapter() / "made.json").read_text(encoding="utf-8"))
    assert (made["prompt"], made["prompt_sha256"]) == (load_prompt("lines").name, load_prompt("lines").sha256)


def test_its_card_tells_all_steps_and_licences() -> None:
    """From the one that began with nothing to what ships: published data and what was drawn, each with its terms."""
    folder = embedded_adapter()
    made = read_made(folder)
    files: set[str] = set()
    while made:
        files |= {one.file for one in made.data}
        assert {one.licence for one in made.data} <= {"Apache-2.0", "what the model wrote"}
        first, made = made, made.before
    assert first.adapter is None
    assert {"scitldr.train.jsonl", "tdmsci.train.jsonl", "scirex.train.jsonl"} <= files
    assert all(name in (folder / "README.md").read_text(encoding="utf-8") for name in files)


def test_the_embedded_model_answers_with_it(shared_cache: Path, make_paper: Callable[..., Paper]) -> None:
    """By default: the record says so, and has the data set that the abstract names."""
    (record,) = Summarizer(Settings(cache_dir=shared_cache, cache=False, device="cpu")).run([make_paper()])
    assert record.provenance is not None
    assert record.provenance.adapter == adapter_name(embedded_adapter())
    assert record.provenance.structured_mode == "lines"
    assert record.tldr is not None
    assert record.tldr.text != record.title
    assert any("PebbleBed" in one.name for one in record.datasets)
    places = [one.evidence for one in record.methods] + [one.evidence for one in (*record.datasets, *record.metrics)]
    assert {place.match for place in places} == {"exact"}
