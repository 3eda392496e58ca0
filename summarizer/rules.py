"""What an answer in lines leaves open is read from the paper by rule: contribution, roles of methods, results."""

import re
from collections.abc import Iterable
from typing import Final

from summarizer.claims import claimed_results
from summarizer.contributions import kind_of_contribution
from summarizer.passages import Passages
from summarizer.records import Answer, Limits, NamedMethod, Paper, Role

_FLAGS: Final = re.IGNORECASE
#: What stands before a name that the paper gives to something of its own, and behind one.
_PROPOSED_BEFORE: Final = re.compile(
    r"(?<!recently )(?<!previously )(?<!earlier )\b(?:propos\w*|introduc\w*|present(?:s|ed|ing)?|formulat\w*"
    r"|referred to as|develop(?:s|ed|ing)?|devis\w*|dub(?:s|bed)|call(?:s|ed)?|term(?:s|ed)?|nam(?:e|es|ed)"
    r"|design(?:s|ed)?|our|novel|new)\b(?:(?!\b(?:using|based|built|with|on|from|for|to|via|that|which|by|in|over|upon|into|through|as|of|where"
    r"|whose|and|than)\b)[^.;]){0,60}$",
    _FLAGS,
)
_PROPOSED_BEHIND: Final = re.compile(
    r"\W{0,3}\s?(?:\w+ ){0,2}(?:(?:is|was|are) (?:proposed|introduced|presented|developed)"
    r"|(?:significantly |consistently |substantially |greatly )?(?:outperform|surpass|achiev|improv|obtain|attain|yield"
    r"|deliver)(?:s|es)?)\b",
    _FLAGS,
)
#: What stands in a title before the name of something that was there before.
_KNOWN_BEFORE: Final = re.compile(
    r"\b(?:for|in|of|on|using|improv\w+|towards?|from|beyond|with|to|into|at|via|by|through)\s+(?:\w+\s+){0,2}$", _FLAGS
)
#: What stands before a name that the paper is measured against.
_COMPARED_BEFORE: Final = re.compile(
    r"\b(?:outperform\w*|surpass\w*|exceed\w*|beat(?:s|ing)?|compar\w+ (?:to|with|against)|than|versus|vs\.?|baselines?"
    r"|competitors?|alternatives? (?:such as|like)|superior to|improv\w+ (?:over|upon)|in contrast to|unlike"
    r"|as opposed to)\b[^.;]{0,50}$",
    _FLAGS,
)
_COMPARED_BEHIND: Final = re.compile(r"\W{0,3}\s?(?:\w+ ){0,2}baselines?\b", _FLAGS)


def read_by_rule(answer: Answer, paper: Paper, limits: Limits) -> Answer:
    """The answer with what can be read from the paper without a model, and without names that it does not state."""
    title, abstract = (" ".join(text.split()) for text in (paper.title, paper.abstract))
    passages = Passages(paper)

    def stated(names: Iterable[str]) -> tuple[str, ...]:
        # Words of the paper are not yet what it says: `ROUGE` of `ROUGE-1`, or `87.1` of `87.1%`, is a part of a name.
        return tuple(name for name in names if passages.find(name).match != "absent")

    names = stated(method.name for method in answer.methods)
    methods = tuple(NamedMethod(name=name, role=_role(name, title, abstract)) for name in names)
    lists = {kind: stated(getattr(answer, kind)) for kind in ("tasks", "datasets", "metrics")}
    read = {"contribution": kind_of_contribution(title, abstract), "methods": methods, **lists}
    answer = answer.model_copy(update=read)
    return answer.model_copy(update={"results": claimed_results(answer, passages, limits)})


def _role(name: str, title: str, abstract: str) -> Role:
    """`proposed` or `compared` where words around the name say so, else `used`."""
    place = rf"(?<!\w){re.escape(' '.join(name.split()))}(?!\w)"
    in_title = re.search(place, title)
    if in_title and not _KNOWN_BEFORE.search(title[: in_title.start()]):
        return "proposed"
    votes: list[Role] = []
    for found in re.finditer(place, abstract):
        before, behind = abstract[: found.start()][-120:], abstract[found.end() :][:60]
        if _PROPOSED_BEFORE.search(before) or _PROPOSED_BEHIND.match(behind):
            votes.append("proposed")
        elif _COMPARED_BEFORE.search(before) or _COMPARED_BEHIND.match(behind):
            votes.append("compared")
    return "proposed" if "proposed" in votes else "compared" if "compared" in votes else "used"
