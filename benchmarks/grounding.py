"""Are false quotes refused, and true ones found in any form? This project beside langextract and instructor.

Usage: python benchmarks/grounding.py scitldr_a_dev.jsonl --langextract-python PATH --instructor-python PATH
       python benchmarks/grounding.py scitldr_a_dev.jsonl --numbers

The first cuts quotes out of the abstracts, changes one thing in them or writes them otherwise (`grounding_cases`,
`grounding_forms`), looks all of them up with each library in an environment of its own (`grounding_peers`), and
measures the speed of that. Without the paths, this project alone is measured. The second puts foreign numbers and names
into summaries that people wrote (`grounding_summaries`). Exits with 1 when this project misses a bar.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from grounding_cases import FALSE_KINDS, Abstract, Case, falsified, names_of, read_abstracts, seeded
from grounding_forms import FORMS, TRUE_KINDS, is_near, reformatted
from grounding_summaries import check_summaries

from summarizer import __version__
from summarizer.passages import Passages
from summarizer.records import Paper, Source

Found = tuple[int, int, str] | None

_OURS = "this project"
#: What is measured of which library: what it comes with, and its stricter settings.
_PEERS = {
    "langextract": "langextract",
    "langextract, no partial matches": "langextract-whole",
    "instructor": "instructor",
}
_EXACT_ONLY = "langextract, exact matches only"
_SOURCE = Source(name="benchmark", line=1)
_RIGHT = 0.995
_QUOTES_A_SECOND = 20_000
#: Of the quotes that are looked up in one abstract for the speed, those that are clauses or false; others are words.
_SPEED_CLAUSES = ("as it is",) * 4 + (
    "spaces, zero-width characters",
    "line breaks, hyphens at them",
    "foreign number inserted",
    "foreign name alone",
)


class Answers(NamedTuple):
    """What one library said to all jobs."""

    version: str
    seconds: float
    found: list[list[Found]]


class Job(NamedTuple):
    """Quotes that are looked up in one text."""

    title: str
    text: str
    quotes: list[str]


def main() -> int:
    """Measure and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="a file of SciTLDR, abstracts only")
    parser.add_argument("--langextract-python", type=Path, help="the python of an environment with langextract")
    parser.add_argument("--instructor-python", type=Path, help="the python of an environment with instructor")
    parser.add_argument("--numbers", action="store_true", help="numbers and names in summaries instead")
    parser.add_argument("--each", type=int, default=1, help="quotes of each kind from each abstract")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--failures", action="store_true", help="print where this project fails, with the quotes")
    options = parser.parse_args()
    papers = read_abstracts(options.data)
    if options.numbers:
        return check_summaries(papers, options.seed, show=options.failures)
    given = {"langextract": options.langextract_python, "instructor": options.instructor_python}
    pythons = {name: path for name, library in _PEERS.items() if (path := given[library.partition("-")[0]])}
    pool = sorted({name for paper in papers for name in names_of(paper.text)})
    cases = make_cases(papers, pool, options.seed, options.each)
    jobs = [Job(case.title, case.text, [case.quote]) for case in cases]
    answers = {_OURS: ours(jobs, 1)} | {name: theirs(name, path, jobs) for name, path in pythons.items()}
    print(", ".join(f"{name} {answer.version}" for name, answer in answers.items()), end="\n\n")
    found = {name: [one[0] for one in answer.found] for name, answer in answers.items()}
    if "langextract" in found:
        found[_EXACT_ONLY] = [one if one and one[2] == "match_exact" else None for one in found["langextract"]]
    failures = print_quality(cases, found)
    if options.failures:
        for case, place in failures:
            print(
                f"{case.kind} | {case.number} | {case.span} | {place} | {case.quote!r} | {case.text!r}", file=sys.stderr
            )
    chosen = [paper for paper in papers if 180 <= len(paper.text.split()) <= 220]
    return int(not all((is_met(cases, failures), print_speed(make_jobs(chosen, pool, options.seed), pythons))))


def make_cases(papers: list[Abstract], pool: list[str], seed: int, each: int) -> list[Case]:
    """All quotes of all kinds, the same for the same seed."""
    made = [
        falsified(kind, paper, pool, seeded(seed, kind, paper.number, number))
        if kind in FALSE_KINDS
        else reformatted(kind, paper, seeded(seed, kind, paper.number, number))
        for kind in (*FALSE_KINDS, *TRUE_KINDS)
        for paper in papers
        for number in range(each)
    ]
    return [case for case in made if case]


def ours(jobs: Sequence[Job], runs: int) -> Answers:
    """What this project finds; each text is folded anew in each run."""
    papers = [(Paper(id="x", title=job.title, abstract=job.text, source=_SOURCE), job.quotes) for job in jobs]
    seconds = []
    for _ in range(runs):
        began = time.perf_counter()
        evidence = [list(map(Passages(paper).find, quotes)) for paper, quotes in papers]
        seconds.append(time.perf_counter() - began)
    found: list[list[Found]] = [
        [
            None if one.start is None or one.end is None else (one.start, one.end, f"{one.match} in the {one.where}")
            for one in row
        ]
        for row in evidence
    ]
    return Answers(__version__, min(seconds), found)


def theirs(name: str, python: Path, jobs: Sequence[Job], runs: int = 1) -> Answers:
    """What another library finds, in its own environment."""
    with tempfile.TemporaryDirectory() as folder:
        questions, answers = Path(folder) / "jobs.json", Path(folder) / "answers.json"
        questions.write_text(json.dumps([(job.text, job.quotes) for job in jobs]))
        script = Path(__file__).with_name("grounding_peers.py")
        command = [python, script, _PEERS[name], questions, answers, f"--runs={runs}"]
        subprocess.run([str(part) for part in command], check=True, stderr=subprocess.DEVNULL)
        return Answers(**json.loads(answers.read_text()))


def print_quality(cases: list[Case], found: dict[str, list[Found]]) -> list[tuple[Case, Found]]:
    """One table for false quotes, two for true ones; returns where this project is wrong."""
    print_table("accepted, of quotes that are false", cases, found, FALSE_KINDS, lambda _, place: place is not None)
    print_table("found, of quotes that are true", cases, found, TRUE_KINDS, lambda _, place: place is not None)
    print_table("found in the right place", cases, found, TRUE_KINDS, is_right)
    near = Counter(
        name
        for name, places in found.items()
        for case, place in zip(cases, places, strict=True)
        if case.span and place and is_right(case, place) and tuple(place[:2]) != case.span
    )
    counts = ", ".join(f"{name} {near[name]}" for name in found)
    print(f"Right but for white space, hyphens or unseen marks at the ends: {counts}\n")
    both = zip(cases, found[_OURS], strict=True)
    return [(case, place) for case, place in both if (is_right(case, place) if case.span else not place) is False]


def is_right(case: Case, place: Found) -> bool:
    """Whether a true quote was found where it stands."""
    if not place or not case.span or place[2].endswith("title"):
        return False
    return is_near(case.text, place[:2], case.span)


def print_table(
    heading: str,
    cases: list[Case],
    found: dict[str, list[Found]],
    kinds: Iterable[str],
    counts: Callable[[Case, Found], bool],
) -> None:
    """Percent with its 95 % interval (Wilson) for each kind and library."""
    print(f"| % {heading} | n | {' | '.join(found)} |")
    print(f"| --- | --- | {' | '.join('---' for _ in found)} |")
    together = tuple(kind for kind in kinds if kind != "as it is")
    for rows in (*((kind,) for kind in kinds), together):
        places = [number for number, case in enumerate(cases) if case.kind in rows]
        if not places:
            continue
        cells = [
            percent(sum(counts(cases[number], all_found[number]) for number in places), len(places))
            for all_found in found.values()
        ]
        print(f"| {rows[0] if len(rows) == 1 else f'all {len(rows)}'} | {len(places)} | {' | '.join(cells)} |")
    print()


def percent(count: int, total: int) -> str:
    """A share with the interval in which it lies by 95 %."""
    share, spread = count / total, 1.96**2 / total
    middle = (share + spread / 2) / (1 + spread)
    reach = 1.96 * math.sqrt(share * (1 - share) / total + spread / total / 4) / (1 + spread)
    return f"{100 * share:.1f} ({100 * max(middle - reach, 0):.1f}-{100 * min(middle + reach, 1):.1f})"


def is_met(cases: list[Case], failures: list[tuple[Case, Found]]) -> bool:
    """Print where this project misses the bars."""
    false = Counter(case.kind for case, _ in failures if not case.span)
    missed = Counter(case.kind for case, _ in failures if case.span)
    true = sum(case.kind in FORMS for case in cases)
    met = not false and missed.total() <= (1 - _RIGHT) * true
    print(f"Accepted false quotes of {_OURS}: {dict(false) or 'none'}")
    print(f"True quotes that it did not find where they stand: {dict(missed) or 'none'}")
    print(f"The bars (none, and at least {_RIGHT:.1%} of those in another form) are {'met' if met else 'missed'}.\n")
    return met


def print_speed(jobs: list[Job], pythons: dict[str, Path]) -> bool:
    """Quotes a second on one core, and whether this project is as fast as it should be."""
    total = sum(len(job.quotes) for job in jobs)
    words = sum(len(job.text.split()) for job in jobs) / len(jobs)
    print(f"{len(jobs)} abstracts of {words:.0f} words on average, {total / len(jobs):.1f} quotes each:")
    answer = ours(jobs, 15)
    matches = Counter(one[2].split()[0] if one else "absent" for row in answer.found for one in row)
    rate = total / answer.seconds
    print(f"{', '.join(f'{count / total:.0%} {match}' for match, count in matches.most_common())}\n")
    print("| | quotes a second | this project is so many times as fast |\n| --- | --- | --- |")
    print(f"| {_OURS} | {rate:,.0f} | 1 |")
    for name, python in pythons.items():
        other = total / theirs(name, python, jobs, 3).seconds
        print(f"| {name} | {other:,.0f} | {rate / other:.0f} |")
    print(f"\nThe bar ({_QUOTES_A_SECOND:,}) is {'met' if rate >= _QUOTES_A_SECOND else 'missed'}.")
    return rate >= _QUOTES_A_SECOND


def make_jobs(papers: list[Abstract], pool: list[str], seed: int) -> list[Job]:
    """For each abstract twelve quotes: eight as they stand there, two in another form, two that are not there."""
    jobs = []
    for paper in papers:
        chance = seeded(seed, "speed", paper.number)
        words = paper.text.split()
        firsts = [chance.randrange(len(words) - 3) for _ in range(4)]
        quotes = [" ".join(words[first : first + chance.randint(1, 3)]).strip(".,;:()'\"") for first in firsts]
        for kind in _SPEED_CLAUSES:
            tries = (
                (falsified(kind, paper, pool, chance) if kind in FALSE_KINDS else reformatted(kind, paper, chance))
                for _ in range(20)
            )
            quotes.append(next((case.quote for case in tries if case and case.text == paper.text), words[0]))
        jobs.append(Job(paper.title, paper.text, quotes))
    return jobs


if __name__ == "__main__":
    sys.exit(main())
