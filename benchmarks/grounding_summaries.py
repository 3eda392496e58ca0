"""Numbers and names in summaries that people wrote: are foreign ones flagged, and what is flagged as they are?

A number is foreign when neither the paper nor the summary has its digits, and for small ones its word; a name when
neither has its letters, in any case. That is read off the characters, without the project's own reading.
"""

import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator

from grounding_cases import Abstract, lacks, letters, names_of, seeded

from summarizer.passages import Passages
from summarizer.records import Paper, Source

_INJECTED = 500
_WORDS = {
    "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
    "ten": "10", "eleven": "11", "twelve": "12",
}  # fmt: skip
#: Words that say two or three without a digit.
_CHANGES = re.compile(r"twice|thrice|doubl|tripl")

Summary = tuple[Abstract, str]
Foreign = Callable[[Abstract, str, random.Random], tuple[str, str] | None]


def check_summaries(papers: list[Abstract], seed: int, *, show: bool) -> int:
    """Print all counts; 1 if a foreign number or name was not flagged."""
    summaries = [(paper, text) for paper in papers for text in paper.summaries]
    pool = sorted({name for paper in papers for name in names_of(paper.text)})

    def foreign_name(paper: Abstract, text: str, chance: random.Random) -> tuple[str, str] | None:
        names = (chance.choice(pool) for _ in range(50))
        fits = (name for name in names if lacks(paper, name.removesuffix("s")) and letters(name) not in letters(text))
        return next((("capitals inside" if name[1:] != name[1:].lower() else "a word", name) for name in fits), None)

    missed = count_missed("numbers", summaries, foreign_number, seed, show=show)
    missed += count_missed("names", summaries, foreign_name, seed, show=show)
    print_alarms(summaries, show=show)
    return int(missed > 0)


def count_missed(what: str, summaries: list[Summary], foreign: Foreign, seed: int, *, show: bool) -> int:
    """Put one foreign thing into each of 500 summaries, at a random place, and count what is not flagged."""
    chance = seeded(seed, what)
    done, flagged = Counter[str](), Counter[str]()
    for paper, text in chance.sample(summaries, len(summaries)):
        chosen = foreign(paper, text, chance)
        if chosen is None:
            continue
        kind, thing = chosen
        words = text.split()
        place = chance.randint(0, len(words))
        summary = " ".join((*words[:place], thing, *words[place:]))
        done[kind] += 1
        if any(thing in item for item in _passages(paper).unsupported(summary)):
            flagged[kind] += 1
        elif show:
            print(f"not flagged: {kind} | {paper.number} | {thing} | {summary}", file=sys.stderr)
        if done.total() == _INJECTED:
            break
    kinds = ", ".join(f"{kind} {flagged[kind]} of {count}" for kind, count in sorted(done.items()))
    print(f"Foreign {what}: {flagged.total()} of {done.total()} flagged ({kinds})")
    return done.total() - flagged.total()


def foreign_number(paper: Abstract, text: str, chance: random.Random) -> tuple[str, str] | None:
    """A number that neither the paper nor the summary has, with its kind."""
    everything = f"{paper.title}\n{paper.text}\n{text}".lower().replace(",", "")
    for _ in range(50):
        kind, number = chance.choice(list(_numbers(chance)))
        if kind == "word":
            there = number in everything or _WORDS[number] in everything or _CHANGES.search(everything) is not None
        else:
            there = re.sub(r"[^\d.]", "", number) in everything
        if not there:
            return kind, number
    return None


def _numbers(chance: random.Random) -> Iterator[tuple[str, str]]:
    yield "integer", str(chance.randint(13, 999))
    yield "thousands", f"{chance.randint(1_000, 99_999):,}"
    yield "decimal", f"{chance.randint(1, 99)}.{chance.randint(1, 9)}"
    yield "percentage", f"{chance.randint(13, 99)}%"
    yield "times", f"{chance.randint(13, 99)}x"
    yield "word", chance.choice(list(_WORDS))


def print_alarms(summaries: list[Summary], *, show: bool) -> None:
    """What is flagged in the summaries as people wrote them, by kinds that only look at the characters."""
    kinds, numbers, names = Counter[str](), 0, 0
    for paper, text in summaries:
        passages = _passages(paper)
        flagged, of_numbers = passages.unsupported(text), passages.unsupported_numbers(text)
        numbers += bool(of_numbers)
        names += len(flagged) > len(of_numbers)
        for item in flagged:
            kind = number_kind(item, paper) if item in of_numbers else name_kind(item, paper, text)
            kinds[kind] += 1
            if show:
                print(f"flagged: {kind} | {paper.number} | {item} | {text}", file=sys.stderr)
    total = len(summaries)
    print(f"\n{total} summaries as they are: {numbers} ({numbers / total:.1%}) with a number that is flagged, ", end="")
    print(f"{names} ({names / total:.1%}) with a name; {kinds.total()} alarms:\n\n| kind | alarms |\n| --- | --- |")
    for kind, count in kinds.most_common():
        print(f"| {kind} | {count} |")


def number_kind(item: str, paper: Abstract) -> str:
    """Whether the paper has the digits or the word, with another sign or unit."""
    text = f"{paper.title}\n{paper.text}".lower().replace(",", "")
    digits = re.sub(r"[^\d.]", "", item)
    word = digits or re.findall(r"[a-z]+", item.lower())[0]
    if re.search(rf"(?<![\w.]){re.escape(word)}(?!\.?\d|[a-z]{{3}})", text):
        return "number: the paper has its digits, with another unit or sign"
    return f"number: not in the paper, {'in digits' if digits else 'a word'}"


def name_kind(item: str, paper: Abstract, text: str) -> str:
    """What kind of name is flagged."""
    everything = f"{paper.title} {paper.text}"
    words = re.findall(r"[A-Za-z-]{4,}", text)
    short = item.removesuffix("s")
    if len(words) > 3 and sum(word[0].isupper() for word in words) > 0.6 * len(words):
        return "name: in a summary that is written like a title"
    if len(item) > 3 and letters(item) in letters(everything):
        return "name: the paper has its letters, written otherwise"
    if short.isupper() and short.isalpha():
        initials = "".join(word[0] for word in re.findall(r"[A-Za-z]+", everything)).lower()
        return f"name: acronym, {'perhaps' if short.lower() in initials else 'not'} of words of the paper"
    if item[1:] != item[1:].lower() or re.search(r"\d", item):
        return "name: with capitals or digits inside, not in the paper"
    begins = re.search(rf"(?:^|[.!?:;]\s+)[\"'(]*{re.escape(item)}", text) is not None
    stem = letters(item)[: max(4, len(item) * 2 // 3)]
    where = "at the beginning of a sentence" if begins else "within a sentence"
    return f"name: capitalized word {where}, {'its stem is' if stem in letters(everything) else 'not'} in the paper"


def _passages(paper: Abstract) -> Passages:
    return Passages(Paper(id="x", title=paper.title, abstract=paper.text, source=Source(name="benchmark", line=1)))
