"""What the adapter that ships is trained on, and what it is chosen by, as files of gold.

From the published data come the papers to train on. Left out are those that share much with a paper that is evaluated
(the dev splits of SciTLDR and SciERC), a fifth of SciREX and of TDMSci, which is kept to choose by, and ids that
`--leave-out` names.
Every third paper of SciTLDR loses its title, since a model that always has one repeats it. For the last three steps all
are parted once more: half of them, so many of the others without titles, and all others with them. `scitldr.dev.jsonl`
is a fifth of the dev split, for quick looks.
To papers of SciTLDR come names (`scitldr_names.jsonl`, by the ids of that suite), which annotators marked in the way of
SciREX; they saw neither SciERC, nor anything that is kept to choose by. To sentences of TDMSci come methods
(`tdmsci_methods.jsonl`), marked in the same way, and each is its own summary: there is nothing to leave out.

Usage: python benchmarks/adapter_data.py DATA OUTPUT [--leave-out FILE]
"""

import argparse
import json
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from evals.data import find
from evals.duplicates import Scan
from evals.examples import KINDS, Example, GoldName
from evals.metrics.names import fold
from evals.suites import load_suite
from evals.suites.gold import gold_line
from evals.suites.suite import Split

#: Shares, by a hash of the id, so that the same papers are drawn each time: one in so many.
TITLES, HELD = 3, 5
#: Papers of SciTLDR that sentences are drawn for first; for the others they are drawn by what has learned from these.
FIRST = 1_200
#: Papers of the step without titles.
BARE = 704
NAMES = Path(__file__).parent / "scitldr_names.jsonl"
METHODS = Path(__file__).parent / "tdmsci_methods.jsonl"


def main() -> None:
    """Write the files, and tell how many papers each has."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--leave-out", type=Path, metavar="FILE", help="ids of papers, one on each line")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    left = set(options.leave_out.read_text(encoding="utf-8").split()) if options.leave_out else set[str]()

    def read(suite: str, split: Split = "train") -> Iterator[Example]:
        found = load_suite(suite)
        return found.read(find(found, options.data, split, options.output))

    scirex, tdmsci = list(read("scirex")), list(read("tdmsci"))
    held, kept_sentences = ([one for one in found if _drawn(one, HELD)] for found in (scirex, tdmsci))
    evaluated = Scan([*read("scitldr", "dev"), *read("scierc", "dev"), *held, *kept_sentences])
    marked, methods = _marked(NAMES), _marked(METHODS)
    for name, examples, change in (
        ("scitldr.train", (_named(one, marked.get(one.paper.id)) for one in read("scitldr")), _untitled),
        ("scirex.train", (example for example in scirex if not _drawn(example, HELD)), _bracketed),
        ("tdmsci.train", (_named(one, methods.get(one.paper.id)) for one in tdmsci if not _drawn(one, HELD)), _summed),
    ):
        known = list(examples)
        found = evaluated.compare(known, name, "")
        shared = {pair.train for pairs in (found.titles, found.abstracts, found.near) for pair in pairs}
        kept = [one for one in known if one.paper.id not in shared | left]
        lessons = list(map(change, kept))
        _write(options.output / f"{name}.jsonl", lessons)
        if name == "scitldr.train":
            _write(options.output / "scitldr.first.jsonl", lessons[:FIRST])
            _write(options.output / "scitldr.second.jsonl", lessons[FIRST:])
            _write(options.output / "scitldr.third.jsonl", lessons[::2])
            _write(options.output / "scitldr.fourth.jsonl", map(_without_title, lessons[1::2][:BARE]))
            _write(options.output / "scitldr.fifth.jsonl", kept[1::2])
        print(f"{name}: {len(kept)} of {len(known)}; {len(shared)} share much with what is evaluated")
    _write(options.output / "scirex.held.jsonl", held)
    _write(options.output / "tdmsci.held.jsonl", kept_sentences)
    _write(options.output / "scitldr.dev.jsonl", (one for one in read("scitldr", "dev") if _drawn(one, HELD)))


def _marked(path: Path) -> dict[str, dict[str, list[str]]]:
    return {row["id"]: row for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())}


def _write(path: Path, examples: Iterable[Example]) -> None:
    path.write_text("".join(map(gold_line, examples)), encoding="utf-8")


def _drawn(example: Example, one_in: int) -> bool:
    return int.from_bytes(sha256(example.paper.id.encode()).digest()[:8]) % one_in == 0


def _named(example: Example, names: dict[str, list[str]] | None) -> Example:
    if names is None:
        return example
    found = {kind: tuple(map(_name, names[f"{kind}s"])) for kind in KINDS if f"{kind}s" in names}
    names_of_both = example.gold.names | found
    return example.model_copy(update={"gold": example.gold.model_copy(update={"names": names_of_both})})


def _name(name: str) -> GoldName:
    return GoldName(name=name)


def _bracketed(example: Example) -> Example:
    """Names of SciREX may lack one of two brackets, `SGAN)` or `learning (RL`, which no answer does."""
    names = {kind: tuple(_once(map(_whole, found))) for kind, found in example.gold.names.items()}
    return example.model_copy(update={"gold": example.gold.model_copy(update={"names": names})})


def _once(names: Iterable[GoldName]) -> Iterator[GoldName]:
    seen = set[str]()
    for name in names:
        forms = set(map(fold, name.forms))
        if not forms & seen:
            seen |= forms
            yield name


def _whole(name: GoldName) -> GoldName:
    opened, closed = name.name.count("("), name.name.count(")")
    if opened < closed:
        return _name(name.name.removesuffix(")"))
    return _name(f"{name.name})") if opened > closed else name


def _summed(example: Example) -> Example:
    return example.model_copy(update={"gold": example.gold.model_copy(update={"summaries": (example.paper.abstract,)})})


def _untitled(example: Example) -> Example:
    return _without_title(example) if _drawn(example, TITLES) else example


def _without_title(example: Example) -> Example:
    return example.model_copy(update={"paper": example.paper.model_copy(update={"title": ""})})


if __name__ == "__main__":
    main()
