"""Continuous batching: a sequence enters the running batch when a slot is free and leaves it with its last token.

`generate` of transformers computes all rows of a batch until the longest answer ends, and reads the beginning that all
prompts share again for each of them.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import torch
from llguidance import LLMatcher

from summarizer.backends.constraint import Form, SchemaGrammar, problem_of
from summarizer.backends.pulse import Pulse
from summarizer.backends.slots import Prefix, SlotModel
from summarizer.completion import Decoding

#: Tokens of prompts that are read at once. Products of more rows are faster, up to about so many.
MOST_READ: Final = 1_536


class Asked(NamedTuple):
    """A prompt with a number of the caller's, and how its answer is drawn and formed."""

    number: int
    prompt: list[int]
    decoding: Decoding
    form: Form


class Written(NamedTuple):
    """The tokens of an answer, without the one that ends it, and the seconds that the model took for it.

    `number` is that of the prompt; `problem` says why the grammar gave up, and is mostly empty.
    """

    number: int
    tokens: list[int]
    problem: str
    seconds: float
    complete: bool
    """Whether the answer ended, and not the room for it."""


@dataclass
class _Running:
    """A sequence in a slot, which holds `length` tokens of it; `drawn` is the next one, not yet read."""

    number: int
    matcher: LLMatcher
    decoding: Decoding
    generator: torch.Generator | None
    length: int
    drawn: int = 0
    written: list[int] = field(default_factory=list)
    seconds: float = 0.0
    ended: bool = False
    complete: bool = False


class ContinuousDecoder:
    """A running batch. After an error of torch it cannot be used any more."""

    def __init__(self, model: SlotModel, grammar: SchemaGrammar, ends: list[int], pulse: Pulse) -> None:
        """`ends` are the tokens that end an answer."""
        self._model, self._grammar, self._ends = model, grammar, frozenset(ends)
        self._running: list[_Running] = []
        self._prefixes: dict[str, Prefix] = {}
        self._refused: list[Written] = []
        self._pulse = pulse

    @torch.inference_mode()
    def admit(self, asked: Sequence[Asked]) -> None:
        """Read prompts into the next slots, several at once, and draw the first token of each answer.

        What all prompts of a schema begin with is read once, and so is a prompt that comes several times at once, for
        several answers. What cannot be held to its form leaves with the next step.
        """
        enforced = list(self._enforced(asked))
        self._model.expect(len(self._running) + len(enforced))
        firsts, repeats = _apart(enforced)
        again = {tuple(one.prompt) for one, _ in repeats}
        read: dict[tuple[int, ...], tuple[int, torch.Tensor]] = {}
        for group in _groups(firsts):
            schema_text, begun, slot = group[0][0].form.schema_text, time.perf_counter(), len(self._running)
            prompts, prefix = [one.prompt for one, _ in group], self._prefixes.get(schema_text)
            logits = self._model.read(slot, prompts, prefix)
            if prefix is None:
                self._prefixes[schema_text] = self._model.prefix(slot, prompts[0])
            places = enumerate(map(tuple, prompts))
            read |= {prompt: (slot + at, logits[at]) for at, prompt in places if prompt in again}
            self._begin(group, logits, begun)
        if repeats:
            begun, known = time.perf_counter(), [read[tuple(one.prompt)] for one, _ in repeats]
            for slot, ((source, _), (one, _)) in enumerate(zip(known, repeats, strict=True), start=len(self._running)):
                self._model.repeat(source, slot, len(one.prompt))
            self._begin(repeats, torch.stack([logits for _, logits in known]), begun)
        self._model.expect(0)

    def _begin(self, group: Sequence[tuple[Asked, LLMatcher]], logits: torch.Tensor, begun: float) -> None:
        """Draw the first tokens of answers whose prompts stand in the next slots."""
        new = [self._running_of(one, matcher) for one, matcher in group]
        self._draw(new, logits)
        self._running += new
        share = (time.perf_counter() - begun) / len(new)
        for row in new:
            row.seconds = share

    def _enforced(self, asked: Sequence[Asked]) -> Iterator[tuple[Asked, LLMatcher]]:
        for one in asked:
            matcher = self._grammar.matcher(one.form)
            if matcher.is_error():
                self._refused.append(Written(one.number, [], problem_of(matcher), seconds=0.0, complete=False))
            else:
                yield one, matcher

    def _running_of(self, asked: Asked, matcher: LLMatcher) -> _Running:
        generator = None
        if asked.decoding.temperature > 0:
            generator = torch.Generator(self._model.device).manual_seed(asked.decoding.seed)
        return _Running(asked.number, matcher, asked.decoding, generator, length=len(asked.prompt))

    @torch.inference_mode()
    def step(self) -> list[Written]:
        """Read one token of each sequence and draw the next; what has ended leaves."""
        begun, running = time.perf_counter(), self._running
        refused, self._refused = self._refused, []
        # An answer can end with its first token, which is drawn when its prompt is read.
        gone = refused + self._leave()
        if running:
            logits = self._model.advance([row.drawn for row in running], [row.length for row in running])
            for row in running:
                row.length += 1
            self._draw(running, logits)
            share = (time.perf_counter() - begun) / len(running)
            for row in running:
                row.seconds += share
            longest = max(running, key=lambda row: len(row.written))
            self._pulse.beat(len(running), len(longest.written), longest.decoding.max_tokens)
        return gone + self._leave()

    def _draw(self, rows: list[_Running], logits: torch.Tensor) -> None:
        for row, drawn in zip(rows, self._drawn(rows, logits), strict=True):
            row.drawn = drawn
            row.matcher.consume_token(row.drawn)
            if row.drawn not in self._ends:
                row.written.append(row.drawn)
            # Where nothing can follow, the token that would say so need not be computed.
            full = len(row.written) >= row.decoding.max_tokens
            row.complete = row.drawn in self._ends or row.matcher.is_stopped()
            row.ended = full or row.complete

    def _drawn(self, rows: list[_Running], logits: torch.Tensor) -> list[int]:
        generators = [row.generator for row in rows]
        scores = shaken(logits, generators, [row.decoding.temperature for row in rows]) if any(generators) else logits
        return self._grammar.best([row.matcher for row in rows], scores)

    def _leave(self) -> list[Written]:
        """Take out what has ended; the last sequence moves into the slot."""
        gone = []
        for slot in reversed(range(len(self._running))):
            row = self._running[slot]
            if row.ended:
                gone.append(Written(row.number, row.written, problem_of(row.matcher), row.seconds, row.complete))
                last = self._running.pop()
                if last is not row:
                    self._model.move(len(self._running), slot, last.length)
                    self._running[slot] = last
        return gone


def _apart(
    asked: Sequence[tuple[Asked, LLMatcher]],
) -> tuple[list[tuple[Asked, LLMatcher]], list[tuple[Asked, LLMatcher]]]:
    """Those with a prompt that is new, and those that have the prompt of one before them."""
    seen = set[tuple[int, ...]]()
    firsts: list[tuple[Asked, LLMatcher]] = []
    repeats: list[tuple[Asked, LLMatcher]] = []
    for one, matcher in asked:
        prompt = tuple(one.prompt)
        (repeats if prompt in seen else firsts).append((one, matcher))
        seen.add(prompt)
    return firsts, repeats


def _groups(asked: Sequence[tuple[Asked, LLMatcher]]) -> Iterator[list[tuple[Asked, LLMatcher]]]:
    """Prompts that are read at once: of one schema and of like length, at most so many tokens with what fills them.

    The longest come first, so that slots have room for all of them at once.
    """
    group: list[tuple[Asked, LLMatcher]] = []
    for one, matcher in sorted(asked, key=lambda pair: (pair[0].form.schema_text, -len(pair[0].prompt))):
        full = group and len(group[0][0].prompt) * (len(group) + 1) > MOST_READ
        if group and (full or one.form.schema_text != group[0][0].form.schema_text):
            yield group
            group = []
        group.append((one, matcher))
    if group:
        yield group


def shaken(
    logits: torch.Tensor, generators: Sequence[torch.Generator | None], temperatures: Sequence[float]
) -> torch.Tensor:
    """Scores (rows x vocabulary) whose greatest is a token drawn by its share, in rows that have a generator.

    With noise of Gumbel that holds among any tokens that are allowed, so that no others have to be taken away first.
    """
    scores = logits.to(torch.float32, copy=True)
    for row, (generator, temperature) in enumerate(zip(generators, temperatures, strict=True)):
        if generator is not None:
            noise = torch.empty_like(scores[row]).exponential_(generator=generator)
            scores[row] = scores[row] / temperature - noise.log()
    return scores
