"""What a second round of the model is asked, and what is taken from it."""

from collections.abc import Callable

from summarizer.grounding import Grounded, ground
from summarizer.records import Answer, Evidence, Paper

#: Longest list of what was unsupported that a model is shown, in entries and in characters of one.
_MOST_SHOWN, _LONGEST_SHOWN = 20, 200


def problem_of(grounded: Grounded) -> str:
    """What the paper does not say, as lines for the model."""
    return "\n".join(f"- {text[:_LONGEST_SHOWN]}" for text in grounded.unsupported[:_MOST_SHOWN])


def better(first: Answer, second: Answer, paper: Paper, *, english: bool) -> Answer:
    """The first answer, with each part of the second that the paper supports better.

    A list is better when more of what it says is in the paper, or as much and less is not: an empty list repairs
    nothing.
    """
    was, now = (ground(answer, paper, english=english) for answer in (first, second))
    parts = {name: getattr(second, name) for name, count in _LISTS.items() if _is_better(count(was), count(now))}
    if len(now.tldr.unsupported) < len(was.tldr.unsupported):
        parts["tldr"] = second.tldr
    return first.model_copy(update=parts)


def _is_better(was: tuple[int, int], now: tuple[int, int]) -> bool:
    return now[0] >= was[0] and now[1] <= was[1] and now != was


def _counts(evidence: list[Evidence]) -> tuple[int, int]:
    absent = sum(one.match == "absent" for one in evidence)
    return len(evidence) - absent, absent


def _result_counts(grounded: Grounded) -> tuple[int, int]:
    wrong = sum(bool(result.flags) or result.evidence.match == "absent" for result in grounded.results)
    return len(grounded.results) - wrong, wrong


_LISTS: dict[str, Callable[[Grounded], tuple[int, int]]] = {
    "tasks": lambda grounded: _counts([task.evidence for task in grounded.tasks]),
    "methods": lambda grounded: _counts([method.evidence for method in grounded.methods]),
    "datasets": lambda grounded: _counts([dataset.evidence for dataset in grounded.datasets]),
    "metrics": lambda grounded: _counts([metric.evidence for metric in grounded.metrics]),
    "results": _result_counts,
}
