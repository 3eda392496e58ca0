"""Look quotes up with langextract or instructor, in the environment of that library; started by `grounding.py`.

Usage: python grounding_peers.py langextract|langextract-whole|instructor JOBS ANSWERS [--runs N]

JOBS is a JSON list of [text, quotes]. ANSWERS gets the version, the seconds of the fastest of N runs, and for each
quote of each job [start, end, status] or null. Settings are those that the libraries come with, but for
`langextract-whole`, which accepts no match of a part of the quote. No model is called.
"""

import argparse
import importlib
import json
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

Found = tuple[int, int, str] | None


def langextract(*, lesser: bool = True) -> Callable[[str, list[str]], list[Found]]:
    """The resolver aligns all extractions of a text at once, as `langextract.extract` lets it."""
    resolver = importlib.import_module("langextract.resolver").Resolver()
    extraction = importlib.import_module("langextract.core.data").Extraction

    def find(text: str, quotes: list[str]) -> list[Found]:
        extractions = [extraction("quote", quote) for quote in quotes]
        aligned: list[Any] = list(
            resolver.align(extractions, text, token_offset=0, char_offset=0, accept_match_lesser=lesser)
        )
        return [
            None
            if one.alignment_status is None or one.char_interval is None
            else (one.char_interval.start_pos, one.char_interval.end_pos, one.alignment_status.value)
            for one in aligned
        ]

    return find


def instructor() -> Callable[[str, list[str]], list[Found]]:
    """The mixin drops the quotes that it does not find while it validates; the spans are those that it kept."""
    mixin = importlib.import_module("instructor").CitationMixin

    class Spanned(mixin):  # type: ignore[misc, valid-type]
        """Remembers the spans that the mixin found for its only quote."""

        def get_spans(self, context: str) -> Any:
            spans.clear()
            for span in super().get_spans(context):
                spans.append(span)
                yield span

    spans: list[tuple[int, int]] = []

    def find(text: str, quotes: list[str]) -> list[Found]:
        kept = Spanned.model_validate({"substring_quotes": quotes}, context={"context": text}).substring_quotes
        if len(quotes) > 1:
            return []
        return [(*spans[0], "found") if kept else None]

    return find


def main() -> None:
    """Answer all jobs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", choices=("langextract", "langextract-whole", "instructor"))
    parser.add_argument("jobs", type=Path)
    parser.add_argument("answers", type=Path)
    parser.add_argument("--runs", type=int, default=1)
    options = parser.parse_args()
    jobs = json.loads(options.jobs.read_text())
    find = instructor() if options.library == "instructor" else langextract(lesser=options.library == "langextract")
    seconds = []
    for _ in range(options.runs):
        began = time.perf_counter()
        found = [find(text, quotes) for text, quotes in jobs]
        seconds.append(time.perf_counter() - began)
    version = metadata.version(options.library.partition("-")[0])
    options.answers.write_text(json.dumps({"version": version, "seconds": min(seconds), "found": found}))


if __name__ == "__main__":
    main()
