"""Tie every name, quote and number of an answer to the words of the paper, or mark what is not there.

A quote is `exact` when the text holds it as it is, and `folded` when both look alike to a reader (`folding`). Nothing
else is forgiven: there is no edit distance here. A number is supported when the text has one of the same value, sign
and unit (`quantities`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from summarizer.passages import Passages
from summarizer.records import Answer, Caution, Evidence, Flag, Link, Mention, Method, Paper, Result, Tldr
from summarizer.results import ground_results, missed_claims

_URL = re.compile(r"https?://[^\s<>\"'{}|\\^`\[\]]+", re.IGNORECASE)
_CODE_HOSTS = ("github.com", "gitlab.com", "bitbucket.org", "codeberg.org", "pypi.org")
_DATA_HOSTS = ("zenodo.org", "figshare.com", "kaggle.com", "huggingface.co/datasets", "dataverse.org")


@dataclass(frozen=True, slots=True)
class Grounded:
    """The fields of a record that come from an answer, each with its evidence."""

    tldr: Tldr
    tasks: tuple[Mention, ...]
    methods: tuple[Method, ...]
    datasets: tuple[Mention, ...]
    metrics: tuple[Mention, ...]
    results: tuple[Result, ...]
    missed: tuple[Caution, ...]
    """Claims of the abstract that no result holds."""
    links: tuple[Link, ...]
    repeated: int
    """How many entries were dropped because the same entry stands before them."""

    @property
    def unsupported(self) -> tuple[str, ...]:
        """What the paper does not say: numbers and names of the summary, entries, flagged parts of results."""
        mentions: tuple[Mention | Method, ...] = (*self.tasks, *self.methods, *self.datasets, *self.metrics)
        absent = [mention.name for mention in mentions if mention.evidence.match == "absent"]
        absent += [result.evidence.quote for result in self.results if result.evidence.match == "absent"]
        flagged = [
            f"{flag.replace('_', ' ')}: {_flagged(result, flag)}" for result in self.results for flag in result.flags
        ]
        return tuple(dict.fromkeys((*self.tldr.unsupported, *absent, *flagged)))


def ground(answer: Answer, paper: Paper, *, english: bool = True) -> Grounded:
    """Find the evidence of every entry; entries that repeat an earlier one are dropped and counted.

    Names that the abstract holds several times go to different places, the longest first, so that `GAN` is not put
    into `Wasserstein GAN` when it also stands alone. Other languages than English capitalize other words: in a summary
    in one, only what has a capital or a digit inside is taken for a name.
    """
    passages = Passages(paper)
    asked_methods = tuple(dict.fromkeys(answer.methods))
    lists = [
        tuple(dict.fromkeys(names))
        for names in (answer.tasks, [method.name for method in asked_methods], answer.datasets, answer.metrics)
    ]
    places = _places(lists, passages)
    tasks, _, datasets, metrics = (
        tuple(Mention(name=name, evidence=places[number, name]) for name in names) for number, names in enumerate(lists)
    )
    methods = tuple(
        Method(name=method.name, role=method.role, evidence=places[1, method.name]) for method in asked_methods
    )
    results = ground_results(dict.fromkeys(answer.results), passages)
    given = sum(map(len, (answer.tasks, answer.methods, answer.datasets, answer.metrics, answer.results)))
    kept = sum(map(len, (tasks, methods, datasets, metrics, results)))
    return Grounded(
        tldr=Tldr(text=answer.tldr, unsupported=passages.unsupported(answer.tldr, english=english)),
        tasks=tasks,
        methods=methods,
        datasets=datasets,
        metrics=metrics,
        results=results,
        missed=tuple(missed_claims(results, passages)),
        links=find_links(paper.abstract),
        repeated=given - kept,
    )


def _places(lists: Sequence[Sequence[str]], passages: Passages) -> dict[tuple[int, str], Evidence]:
    """The evidence of every name of every list, by the number of the list."""
    found: dict[tuple[int, str], Evidence] = {}
    taken: list[tuple[int, int]] = []
    entries = [(number, name) for number, names in enumerate(lists) for name in names]
    for number, name in sorted(entries, key=lambda entry: -len(entry[1])):
        evidence = found[number, name] = passages.find(name, taken)
        if evidence.where == "abstract" and evidence.start is not None and evidence.end is not None:
            taken.append((evidence.start, evidence.end))
    return found


def _flagged(result: Result, flag: Flag) -> str:
    part = flag.partition("_")[0]
    named = {
        "metric": result.metric,
        "dataset": result.dataset,
        "method": result.method,
        "baseline": result.baseline_value,
    }
    return named.get(part) or f"{result.value} {result.unit}".strip()


def find_links(abstract: str) -> tuple[Link, ...]:
    """URLs as written, without the punctuation of the sentence around them."""
    if "://" not in abstract:
        return ()
    urls = dict.fromkeys(_trim_url(found.group()) for found in _URL.finditer(abstract))
    return tuple(Link(url=url, kind=_link_kind(url)) for url in urls)


def _trim_url(url: str) -> str:
    end, unopened = len(url), url.count(")") - url.count("(")
    while end and (url[end - 1] in ".,;:!?*_" or (url[end - 1] == ")" and unopened > 0)):
        end -= 1
        unopened -= url[end] == ")"
    return url[:end]


def _link_kind(url: str) -> Literal["code", "data", "other"]:
    if any(host in url for host in _DATA_HOSTS):
        return "data"
    return "code" if any(host in url for host in _CODE_HOSTS) else "other"
