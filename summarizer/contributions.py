"""What kind of contribution a paper makes, by the words of its title and of its sentences about itself.

For answers in lines, which do not say it. Each kind has cues; a cue in the title counts most, since the kind is the one
that the title would be about. Where nothing speaks for another one a paper is about a method, as most are. How often
that is right stands in `docs/records.md`.
"""

import re
from typing import Final, NamedTuple

from summarizer.records import Contribution


class _Cue(NamedTuple):
    kind: Contribution
    weight: float
    pattern: re.Pattern[str]


def _cue(kind: Contribution, weight: float, pattern: str) -> _Cue:
    return _Cue(kind, weight, re.compile(pattern, re.IGNORECASE | re.DOTALL))


def _any(*words: str) -> str:
    return rf"\b(?:{'|'.join(words)})\b"


_DATA: Final = _any(
    "data ?sets?", "benchmarks?", "corp(?:us|ora)", "test ?(?:bed|suite)s?", "leaderboards?", "challenge",
    "shared task", "collection",
)  # fmt: skip
_PROGRAM: Final = _any(
    "tool ?(?:kit|box)?s?", "librar(?:y|ies)", "software", "packages?", "platforms?", "simulators?", "demos?",
    "infrastructure", "open[- ]source (?:framework|system|implementation)",
)  # fmt: skip
#: A paper that speaks of itself, and up to three words behind that.
_WE: Final = _any("we", "this (?:paper|work|article|report|study)", "our") + r"\s+(?:\w+\s+){0,3}"
_MAKE: Final = (
    r"(?:present|introduc|releas|propos|construct|collect|creat|curat|build|built|develop|provid|contribut|design"
    r"|describ|establish)\w*\s+(?:[^\s.;]+\s+){0,8}?"
)
_TECHNIQUE: Final = (
    r"(?:method|model|approach|algorithm|network|architecture|framework|technique|mechanism|module|scheme|strateg|loss"
    r"|layer|procedure|pipeline|variant|objective)"
)

_TITLE: Final = (
    _cue("survey", 5, _any(
        "survey", "review", "overview", "tutorial", "introduction to", "primer", "roadmap", "taxonomy",
        "state of the art in")),
    _cue("position", 5, r"^position\b|" + _any(
        "position paper", "manifesto", "a perspective", "viewpoint", "a call (?:for|to)", "considered harmful")),
    _cue("resource", 3, _DATA),
    _cue("system", 2.5, _PROGRAM),
    _cue("theory", 2.5, _any(
        "theor(?:y|ies|etical(?:ly)?|ems?)", "provabl[ey]", "proofs?", "convergence of", "identifiability",
        "impossibility", "hardness", "np-hard", "optimality of", "local minima", "landscapes?",
        "expressiv(?:e power|ity)", "(?:lower|upper|regret|generali[sz]ation|sample|error) (?:bounds?|complexity)")),
    _cue("study", 2.5, r"^(?:what|why|when|how|does|do|is|are|can)\b(?! to\b)|\?\s*$|" + _any(
        "empirical", "stud(?:y|ies|ying)", "analyz\\w+", "analysing", "investigat\\w+", "evaluating", "evaluation of",
        "(?:an?|empirical|comparative|theoretical|the|systematic|large-scale) analys[ei]s", "understanding",
        "comparison of", "comparing", "comparative", "reproducib\\w+", "replicat\\w+", "lessons?", "insights?",
        "case study", "exploring", "an exploration", "measuring", "probing", "assess\\w+", "challenges in", "on the")),
)  # fmt: skip
_ABSTRACT: Final = (
    _cue("survey", 4, rf"\bthis (?:survey|review|overview|tutorial)\b|{_WE}(?:survey|review)s?\b"),
    _cue("position", 3, r"\bthis (?:position|opinion) paper\b"),
    _cue("position", 1, rf"{_WE}(?:argue|advocate|call for|contend)s?\b"),
    _cue("resource", 2.5, rf"{_WE}{_MAKE}{_DATA}(?! (?:experiment|result)s)"),
    _cue("system", 2.5, rf"{_WE}{_MAKE}{_PROGRAM}"),
    _cue("theory", 2, rf"{_WE}(?:prove|derive|characteri[sz]e|establish)\b|\btheorems?\b"
         r"|\bwe (?:give|provide|show) (?:\w+\s+){0,3}(?:bounds?|proofs?|guarantees?)\b"),
    _cue("study", 1.5, rf"{_WE}(?:stud(?:y|ies)|investigat\w+|analy[sz]\w+|examin\w+|explor\w+|compar\w+|evaluat\w+"
         r"|assess\w*|observe|find|conduct|revisit\w*)\b"),
    _cue("method", 2.5, rf"{_WE}(?:propos|introduc|develop|present|design|devis)\w*\s+(?:[^\s.;]+\s+){{0,8}}?"
         rf"{_TECHNIQUE}\w*"),
    _cue("method", 1, r"\b(?:we|this (?:paper|work)) (?:\w+\s+){0,2}(?:propose|introduce|develop|present)s?\b"
         r"|\bour (?:proposed|method|model|approach|algorithm)\b|\bis proposed\b"),
    _cue("method", 1, r"\b(?:outperform|state[- ]of[- ]the[- ]art|improv(?:es|ing|ement) (?:over|upon|on))\w*"),
)  # fmt: skip


def kind_of_contribution(title: str, abstract: str) -> Contribution:
    """The kind for which most speaks; both texts have one space between two words."""
    weights: dict[Contribution, float] = {"method": 0.5}
    for cues, text in ((_TITLE, title), (_ABSTRACT, abstract)):
        for cue in cues:
            if cue.pattern.search(text):
                weights[cue.kind] = weights.get(cue.kind, 0.0) + cue.weight
    return max(weights, key=weights.__getitem__)
