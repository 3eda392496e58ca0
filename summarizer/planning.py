"""What a run would send, cost and take, said before anything is sent."""

from collections.abc import Iterable
from contextlib import closing

from summarizer.cache import Store
from summarizer.duplicates import Seen
from summarizer.keys import Parts, request_parts
from summarizer.ledger import Ledger, Usage, size_of
from summarizer.pipeline import Input, Summarizer
from summarizer.prices import BATCH, Price
from summarizer.reading.fields import checked
from summarizer.records import Frozen, Paper, Tokens
from summarizer.settings import Settings

#: Questions of the same kind that have to be answered before their measure counts.
ENOUGH = 20
#: Share by which what is measured may be off.
MARGIN = 0.15
#: Where nothing is measured: bytes of English and JSON in a token, at the most and at the least that is usual.
BYTES_PER_TOKEN = (5.0, 3.0)
#: Likewise tokens of an answer, as far as the longest one that is allowed has them.
ANSWER_TOKENS = (120, 600)


class Range(Frozen):
    """A figure, and what it lies between."""

    expected: float
    least: float
    most: float

    def times(self, factor: float) -> "Range":
        """All of it, so many times."""
        return Range(expected=self.expected * factor, least=self.least * factor, most=self.most * factor)


class Work(Frozen):
    """What there is to do."""

    papers: int = 0
    unasked: int = 0
    """Papers without an abstract, unreadable ones and duplicates."""
    cached: int = 0
    """Papers whose answer is stored."""
    size: int = 0
    """Bytes of the questions that are to be asked."""
    parts: Parts | None = None
    """Of one question, to find what others like it took."""

    @property
    def asked(self) -> int:
        """Papers that a model is asked about."""
        return self.papers - self.unasked - self.cached


class Plan(Frozen):
    """What a run would do. Costs are in US dollars, and None when the price is not known."""

    papers: int
    unasked: int
    cached: int
    asked: int
    calls: float
    """Questions, with those that are expected to be asked again; without attempts that fail."""
    prompt_tokens: Range
    completion_tokens: Range
    cost: Range | None
    batch_cost: Range | None
    seconds: float | None
    """None when it is not known how long an answer takes."""
    measured: int
    """Earlier questions that this was measured on; 0 when it is estimated from the lengths."""


def plan(summarizer: Summarizer, inputs: Iterable[Input], settings: Settings, price: Price | None) -> Plan:
    """Go through the inputs as a run would; the backend of `summarizer` has to be one that does not ask."""
    store = Store(settings.cache_dir) if settings.cache else None
    work = look(summarizer, inputs, store)
    usage = Ledger(store.directory).usage(work.parts) if store and work.parts else Usage()
    return estimate(work, usage if usage.first >= ENOUGH else Usage(), settings, price)


def look(summarizer: Summarizer, inputs: Iterable[Input], store: Store | None) -> Work:
    """What of the inputs has to be asked, with nothing of them kept in memory."""
    papers = unasked = cached = size = 0
    parts: Parts | None = None
    with closing(Seen()) as seen:
        for item in inputs:
            papers += 1
            paper = checked(item) if isinstance(item, Paper) else item
            earlier = seen.add(paper) if isinstance(paper, Paper) else None
            if not isinstance(paper, Paper) or (earlier is not None and earlier.same_text):
                unasked += 1
                continue
            request = summarizer.request(paper)
            if store is not None and store.get(request.key) is not None:
                cached += 1
                continue
            size += size_of(request)
            if parts is None:
                parts = request_parts(summarizer.backend.identity, request)
    return Work(papers=papers, unasked=unasked, cached=cached, size=size, parts=parts)


def estimate(work: Work, usage: Usage, settings: Settings, price: Price | None) -> Plan:
    """What the work takes, by what earlier questions took; by the lengths where there were none."""
    asked, first = work.asked, usage.first
    if first:
        calls = asked * (first + usage.second) / first
        prompt = _about(work.size * usage.prompt / max(usage.size, 1))
        completion = _about(asked * usage.completion / first)
    else:
        calls = float(asked)
        prompt = _between(work.size / BYTES_PER_TOKEN[0], work.size / BYTES_PER_TOKEN[1])
        short, long = (asked * min(tokens, settings.max_tokens) for tokens in ANSWER_TOKENS)
        completion = _between(short, long)
    cost = None if price is None else _cost(prompt, completion, usage, price)
    return Plan(
        papers=work.papers,
        unasked=work.unasked,
        cached=work.cached,
        asked=asked,
        calls=calls,
        prompt_tokens=prompt,
        completion_tokens=completion,
        cost=cost,
        batch_cost=cost.times(BATCH) if cost else None,
        seconds=_seconds(calls, prompt.expected + completion.expected, usage, settings),
        measured=first,
    )


def _about(figure: float) -> Range:
    return Range(expected=figure, least=figure * (1 - MARGIN), most=figure * (1 + MARGIN))


def _between(least: float, most: float) -> Range:
    return Range(expected=(least * most) ** 0.5, least=least, most=most)


def _cost(prompt: Range, completion: Range, usage: Usage, price: Price) -> Range:
    # What the provider's own cache had of earlier prompts it will have of these.
    cached, written = (part / max(usage.prompt, 1) for part in (usage.cached_prompt, usage.written_prompt))

    def cost(tokens_in: float, tokens_out: float) -> float:
        tokens = Tokens(
            prompt=round(tokens_in),
            cached_prompt=int(tokens_in * cached),
            written_prompt=int(tokens_in * written),
            completion=round(tokens_out),
        )
        return price.cost(tokens)

    return Range(
        expected=cost(prompt.expected, completion.expected),
        least=cost(prompt.least, completion.least),
        most=cost(prompt.most, completion.most),
    )


def _seconds(calls: float, tokens: float, usage: Usage, settings: Settings) -> float | None:
    if not usage.first:
        return None
    each = usage.seconds / (usage.first + usage.second)
    # A local model's answers share their time already.
    at_once = settings.concurrency if settings.backend == "hosted" else 1
    requests_a_minute, tokens_a_minute = settings.requests_per_minute, settings.tokens_per_minute
    return max(
        calls * each / at_once,
        60 * calls / requests_a_minute if requests_a_minute else 0.0,
        60 * tokens / tokens_a_minute if tokens_a_minute else 0.0,
    )
