"""What people say about a paper, as a lesson: names in the order of the paper, each as it is written there."""

import re
from collections.abc import Iterable, Iterator

from evals.examples import Example, GoldName
from summarizer.extension import Lesson


def lessons_of(examples: Iterable[Example]) -> Iterator[Lesson]:
    """One for each example that says anything that a lesson holds; several summaries make several."""
    for example in examples:
        # On two lines, since a name is on one.
        text = "\n".join(" ".join(part.split()) for part in (example.paper.title, example.paper.abstract))
        gold = example.gold
        names = {kind: _written(found, text) for kind, found in gold.names.items()}
        if not (names or gold.summaries):
            continue
        for sentence in gold.summaries or (None,):
            yield Lesson(
                paper=example.paper,
                sentence=sentence,
                tasks=names.get("task"),
                methods=names.get("method"),
                datasets=names.get("dataset"),
                metrics=names.get("metric"),
            )


def _written(names: Iterable[GoldName], text: str) -> tuple[str, ...]:
    """The first form of each name that stands in the text as whole words; what does not stand there is no lesson."""
    places: dict[str, int] = {}
    for name in names:
        for form in name.forms:
            written = " ".join(form.split())
            found = re.search(rf"(?<!\w){re.escape(written)}(?!\w)", text)
            if found:
                places.setdefault(written, found.start())
                break
    return tuple(sorted(places, key=places.__getitem__))
