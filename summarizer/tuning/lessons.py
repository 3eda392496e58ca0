"""Lessons: a paper with what people wrote about it, as the tokens that a model reads and those that it is to write.

Few papers have all parts of an answer labelled. What nobody labelled is not learned: the tokens of it are read, and not
counted in the loss, so that lessons of one kind say nothing against those of another.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from summarizer.backends.encoding import PromptEncoder
from summarizer.lines import BETWEEN, LABELS, can_be_said
from summarizer.prompting import Renderer
from summarizer.records import Frozen, Limits, Paper

if TYPE_CHECKING:
    from transformers import BatchEncoding, PreTrainedTokenizerBase

#: What is not counted in the loss, by the convention of torch.
IGNORED: Final = -100


class Worth(Frozen):
    """A sentence of a model's own, and how much more than the mean of its kin it is worth, times its share of them."""

    sentence: str
    weight: float


class Lesson(Frozen):
    """A paper and the parts of its answer; None was not labelled, empty that there is nothing of the kind."""

    paper: Paper
    sentence: str | None = None
    tasks: tuple[str, ...] | None = None
    methods: tuple[str, ...] | None = None
    datasets: tuple[str, ...] | None = None
    metrics: tuple[str, ...] | None = None
    drawn: tuple[Worth, ...] = ()
    """Learned from in place of all other parts, where a policy is trained."""


class Tokens(NamedTuple):
    """A prompt, the answer after it, and for each token of the answer itself or `IGNORED`."""

    prompt: list[int]
    answer: list[int]
    wanted: list[int]


class Weighed(NamedTuple):
    """A prompt and several answers to it, each with how much more than their mean it is worth, times its share."""

    prompt: list[int]
    answers: list[list[int]]
    weights: list[float]


class Teacher:
    """Turns lessons into tokens, with the prompt that the adapter will be used with."""

    def __init__(self, tokenizer: "PreTrainedTokenizerBase", renderer: Renderer, end: int) -> None:
        """`end` is the token that ends an answer."""
        self._tokenizer, self._renderer, self._end = tokenizer, renderer, end
        self._encoder = PromptEncoder(tokenizer, None)

    def tokens(self, lesson: Lesson) -> Tokens:
        """Tokens of a lesson, without what follows the last part that is wanted; `RequestError` as for its prompt."""
        prompt = self._encoder.encode(self._renderer.request(lesson.paper))
        pieces = list(_pieces(lesson, self._renderer.prompt.file.limits))
        ended = pieces[-1].wanted
        while pieces and not pieces[-1].wanted:
            pieces.pop()
        encoded = self._encoded("".join(piece.text for piece in pieces))
        answer: list[int] = encoded["input_ids"]
        learned = _learned(pieces)
        # A token that also holds a character of an unwanted piece would teach that character.
        wanted = [
            token if all(learned[start:end]) else IGNORED
            for token, (start, end) in zip(answer, encoded["offset_mapping"], strict=True)
        ]
        if ended:
            answer, wanted = [*answer, self._end], [*wanted, self._end]
        return Tokens(prompt, answer, wanted)

    def weighed(self, lesson: Lesson) -> Weighed:
        """The prompt, and the sentences that were drawn, each with the end of its line; `RequestError` as above."""
        prompt = self._encoder.encode(self._renderer.request(lesson.paper))
        answers = [self._encoded(f"{_one_line(one.sentence)}\n")["input_ids"] for one in lesson.drawn]
        return Weighed(prompt, answers, [one.weight for one in lesson.drawn])

    def _encoded(self, text: str) -> "BatchEncoding":
        encoded: BatchEncoding = self._tokenizer(
            text,
            add_special_tokens=False,
            split_special_tokens=True,  # an end token that somebody wrote is text
            return_offsets_mapping=True,
        )
        return encoded


class _Piece(NamedTuple):
    text: str
    wanted: bool


def _pieces(lesson: Lesson, limits: Limits) -> Iterator[_Piece]:
    """The five lines, each with the line end that closes it. What is longer than an answer may hold is not wanted.

    What a list begins with is none of it either: the form leaves no choice.
    """
    sentence = None if lesson.sentence is None else _one_line(lesson.sentence)
    wanted = sentence is not None and len(sentence) <= limits.tldr
    stand_in = _one_line(lesson.paper.title or lesson.paper.abstract)[: limits.tldr]
    yield _Piece(sentence if sentence and wanted else stand_in, wanted)
    yield _Piece("\n", wanted)
    lists = (
        (lesson.tasks, limits.tasks),
        (lesson.methods, limits.methods),
        (lesson.datasets, limits.datasets),
        (lesson.metrics, limits.metrics),
    )
    for label, (names, most) in zip(LABELS, lists, strict=True):
        end = "\n" if label != LABELS[-1] else ""
        kept = [name for name in map(_one_line, names or ()) if can_be_said(name, limits)]
        yield _Piece(label, wanted=False)
        yield _Piece(
            "".join(f"{BETWEEN if at else ' '}{name}" for at, name in enumerate(kept[:most])) + end, names is not None
        )


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _learned(pieces: Sequence[_Piece]) -> list[bool]:
    return [piece.wanted for piece in pieces for _ in piece.text]
