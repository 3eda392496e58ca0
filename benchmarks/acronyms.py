"""How many acronyms that abstracts define are found, and with which words, beside two libraries?

Usage: python benchmarks/acronyms.py scitldr_a_train.jsonl scitldr_a_dev.jsonl

Counts the parentheses that hold nothing but an acronym and for which a long form is found. `abbreviation_extractor` and
`abbreviations` are measured as well where they are installed. Prints the long forms in which they differ from ours.
"""

import argparse
import json
import re
import time
from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from summarizer.acronyms import definitions, is_acronym, singular

Find = Callable[[str], Iterable[tuple[str, str]]]

_PARENTHESIS = re.compile(r"\(\s?([A-Za-z0-9][\w.&+-]{1,13})\s?\)")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", type=Path, help="files of SciTLDR, abstracts only")
    lines = [line for path in parser.parse_args().data for line in path.read_text(encoding="utf-8").splitlines()]
    abstracts = [" ".join(json.loads(line)["source"]) for line in lines]
    asked = [
        (number, singular(found[1]).lower())
        for number, text in enumerate(abstracts)
        for found in _PARENTHESIS.finditer(text)
        if is_acronym(singular(found[1]))
    ]
    print(f"{len(abstracts)} abstracts, {len(asked)} parentheses with an acronym")
    ours = measure("this project", lambda text: [found[:2] for found in definitions(text)], abstracts, asked)
    for name, find in peers():
        theirs = measure(name, find, abstracts, asked)
        for number, short in asked:
            mine, other = ours[number].get(short, ""), theirs[number].get(short, "")
            if mine and other and letters(mine) != letters(other):
                print(f"    {short}: {mine!r}, theirs: {other!r}")


def measure(name: str, find: Find, abstracts: list[str], asked: list[tuple[int, str]]) -> list[dict[str, str]]:
    """Long forms by short form for each abstract; prints how many were found and how fast."""
    began = time.perf_counter()
    found = [{singular(short).lower(): long for short, long in find(text)} for text in abstracts]
    each = (time.perf_counter() - began) / len(abstracts)
    count = sum(short in found[number] for number, short in asked)
    print(f"{name}: {count} ({count / len(asked):.1%}), {each * 1e6:.0f} microseconds an abstract")
    return found


def peers() -> Iterable[tuple[str, Find]]:
    """The libraries that are installed."""
    if find_spec("abbreviation_extractor"):
        extract = import_module("abbreviation_extractor").extract_abbreviation_definition_pairs
        yield "abbreviation_extractor", lambda text: [(pair.abbreviation, pair.definition) for pair in extract(text)]
    if find_spec("abbreviations"):
        pairs = import_module("abbreviations.schwartz_hearst").extract_abbreviation_definition_pairs
        yield "abbreviations", lambda text: pairs(doc_text=text).items()


def letters(text: str) -> str:
    """What is compared of a long form."""
    return "".join(filter(str.isalnum, text.lower()))


if __name__ == "__main__":
    main()
