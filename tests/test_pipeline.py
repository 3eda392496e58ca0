"""One record for each input, in order, whatever fails."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from summarizer.completion import Completion, Identity, Outcome, Request, never
from summarizer.errors import EndpointError, RequestError, ResumeError, SummarizerError
from summarizer.pipeline import Input, Summarizer
from summarizer.records import Paper, Record, Source, Tokens, Unreadable
from summarizer.settings import Settings

MakePaper = Callable[..., Paper]
MakeCompletion = Callable[..., Completion]

_ANSWER: dict[str, Any] = {
    "tldr": "It reaches 81.4% accuracy.",
    "contribution": "method",
    "field": "machine learning",
    "modalities": ["time series"],
    "tasks": ["depth of streams"],
    "methods": [],
    "datasets": ["PebbleBed"],
    "metrics": ["accuracy"],
    "results": [],
}


class Oracle:
    """A backend whose answers a test decides by the id of the request; it keeps what it was asked."""

    def __init__(self, make: MakeCompletion, decide: Callable[[Request], str | RequestError | None]) -> None:
        self._make, self._decide = make, decide
        self.asked: list[Request] = []
        self.window = 1

    @property
    def identity(self) -> Identity:
        return Identity(backend="oracle", model="oracle")

    def complete(self, requests: Iterable[Request], stopping: Callable[[], bool] = never) -> Iterator[Outcome]:
        begun: list[Request] = []
        for request in requests:
            if stopping():
                break
            self.asked.append(request)
            begun.append(request)
            if len(begun) == self.window:
                yield from self._answer(begun)
        yield from self._answer(begun)

    def _answer(self, begun: list[Request]) -> Iterator[Outcome]:
        # The last one first: the order of the records must not depend on the order of the answers.
        while begun:
            request = begun.pop()
            decided = self._decide(request)
            if isinstance(decided, RequestError):
                yield decided
            elif decided is not None:
                yield self._make(decided, request.id)


def _good(_request: Request) -> str:
    return json.dumps(_ANSWER)


def _run(
    backend: Oracle,
    inputs: Iterable[Input],
    cache_dir: Path | None = None,
    written: Iterable[Record] = (),
    **changes: Any,
) -> list[Record]:
    options = Settings(prompt="annotate", cache=cache_dir is not None, cache_dir=cache_dir or Path(), **changes)
    return list(Summarizer(options, backend).run(inputs, written))


def test_answer_becomes_a_record(make_paper: MakePaper, make_completion: MakeCompletion) -> None:
    """Every field of the record is filled from the paper, the answer and what made it."""
    paper = make_paper(url="https://example.org/1", authors=("A. Brook",), published="2026-01-01")
    (record,) = _run(Oracle(make_completion, _good), [paper])
    assert (record.status, record.title, record.abstract, record.authors) == (
        "ok",
        paper.title,
        paper.abstract,
        paper.authors,
    )
    assert record.tldr is not None
    assert record.tldr.text == "It reaches 81.4% accuracy."
    assert {tag.facet: tag.label for tag in record.tags} == {
        "field": "machine learning",
        "modality": "time series",
        "task": "depth of stream",
    }
    span = record.datasets[0].evidence
    assert paper.abstract[span.start : span.end] == "PebbleBed"
    provenance = record.provenance
    assert provenance is not None
    assert (provenance.backend, provenance.prompt, provenance.structured_mode) == (
        "oracle",
        "annotate/v1",
        "json_schema",
    )
    assert (provenance.tokens.prompt, provenance.attempts, provenance.cached) == (10, 1, False)


_RESULT: dict[str, Any] = {
    "evidence": "it reaches 81.4% accuracy",
    "value": "81.4",
    "unit": "%",
    "metric": "accuracy",
    "dataset": None,
    "method": None,
    "baseline_value": "76.9",
    "kind": "absolute",
}
_INVENTED = _ANSWER | {"tldr": "It reaches 99%.", "datasets": ["GhostSet"], "tasks": ["ghost hunting"]}


def test_what_the_abstract_lacks_makes_it_partial(make_paper: MakePaper, make_completion: MakeCompletion) -> None:
    """An invented name or number is kept and marked, and the record is not ok."""
    backend = Oracle(make_completion, lambda _: json.dumps(_INVENTED))
    (record,) = _run(backend, [make_paper()], repair=False, stand_in=False)
    assert len(backend.asked) == 1
    assert record.status == "partial"
    assert record.tldr is not None
    assert (record.tldr.text, record.tldr.unsupported) == ("It reaches 99%.", ("99%",))
    assert record.datasets[0].evidence.match == "absent"
    assert record.warnings[0].message == "tasks that are not in the text make no tag: ghost hunting"


def test_what_the_abstract_lacks_is_asked_once_more(make_paper: MakePaper, make_completion: MakeCompletion) -> None:
    """The second round sees what was not in the paper, and what it mends is taken."""

    def decide(request: Request) -> str:
        return json.dumps(_ANSWER | {"results": [_RESULT]} if request.attempt == 2 else _INVENTED)

    backend = Oracle(make_completion, decide)
    (record,) = _run(backend, [make_paper()])
    told = backend.asked[1].messages
    assert json.loads(told[-2].content) == _INVENTED
    assert "- 99%\n- ghost hunting\n- GhostSet\n" in told[-1].content
    assert record.status == "ok"
    assert record.tldr is not None
    assert record.tldr.text == _ANSWER["tldr"]
    assert [dataset.name for dataset in record.datasets] == ["PebbleBed"]
    assert record.provenance is not None
    assert (record.provenance.attempts, record.provenance.tokens.prompt) == (2, 20)


def test_a_second_answer_that_is_emptier_mends_nothing(make_paper: MakePaper, make_completion: MakeCompletion) -> None:
    """Whoever says nothing invents nothing: what the first answer found stays, and so does what it invented."""
    first = _ANSWER | {"datasets": ["PebbleBed", "GhostSet"]}

    def decide(request: Request) -> str:
        return json.dumps(_ANSWER | {"datasets": []} if request.attempt == 2 else first)

    (record,) = _run(Oracle(make_completion, decide), [make_paper()])
    assert [dataset.name for dataset in record.datasets] == ["PebbleBed", "GhostSet"]


@pytest.mark.parametrize(
    "second", ["{broken", RequestError("paper-1", "transport", "gone", attempts=3, tokens=Tokens(prompt=7))]
)
def test_a_second_round_without_an_answer_leaves_the_first(
    make_paper: MakePaper, make_completion: MakeCompletion, second: str | RequestError
) -> None:
    """A paper whose first answer could be read does not fail because the second could not; both are counted."""
    backend = Oracle(make_completion, lambda request: second if request.attempt == 2 else json.dumps(_INVENTED))
    (record,) = _run(backend, [make_paper()])
    assert record.status == "partial"
    assert [dataset.name for dataset in record.datasets] == ["GhostSet"]
    assert record.provenance is not None
    assert record.provenance.attempts == (2 if isinstance(second, str) else 4)


def test_a_sentence_of_the_abstract_stands_in(make_paper: MakePaper, make_completion: MakeCompletion) -> None:
    """A summary that still says what the paper does not is replaced, word for word, and the reader is told."""
    backend = Oracle(make_completion, lambda _: json.dumps(_INVENTED))
    paper = make_paper()
    (record,) = _run(backend, [paper])
    assert len(backend.asked) == 2
    assert record.tldr is not None
    assert (record.tldr.origin, record.tldr.unsupported) == ("abstract", ())
    assert record.tldr.text == "We present BrookNet-1, a network that guesses the depth of streams."
    assert record.tldr.evidence is not None
    assert record.tldr.evidence.start == 0
    assert record.warnings[0].code == "stand_in"
    assert "(99%)" in record.warnings[0].message


def test_repairs_are_cached(make_paper: MakePaper, make_completion: MakeCompletion, tmp_path: Path) -> None:
    """The second round is an answer like the first: it is not asked again, and gives the same record."""
    backend = Oracle(make_completion, lambda _: json.dumps(_INVENTED))
    first = _run(backend, [make_paper()], tmp_path)
    again = _run(backend, [make_paper()], tmp_path)
    assert len(backend.asked) == 2
    assert again[0].tldr == first[0].tldr
    assert again[0].provenance is not None
    assert again[0].provenance.cached


@pytest.mark.parametrize(
    ("length", "end", "codes"),
    [
        (304, "x", []),
        (305, "x", ["cut_summary"]),  # the next token may have been longer than the room that was left
        (319, ".", []),
        (320, "x", ["cut_summary"]),
        (320, ".", ["cut_summary"]),
    ],
)
def test_summary_that_fills_its_room_is_told(
    make_paper: MakePaper, make_completion: MakeCompletion, length: int, end: str, codes: list[str]
) -> None:
    """A summary that ends where the schema ended it may be half a sentence, and the reader is told."""
    filled = _ANSWER | {"tldr": "Stream " * 43 + "x" * (length - 302) + end}
    (record,) = _run(Oracle(make_completion, lambda _: json.dumps(filled)), [make_paper()])
    assert [warning.code for warning in record.warnings if warning.code != "missed_result"] == codes


def test_plain_summary_says_what_was_not_asked(make_paper: MakePaper, make_completion: MakeCompletion) -> None:
    """A model that only writes a sentence gives a partial record with a warning that says so."""

    def make(text: str, request_id: str) -> Completion:
        return make_completion(text, request_id, structured_mode="summary")

    (record,) = _run(Oracle(make, lambda _: "Streams are deep."), [make_paper()])
    assert (record.status, record.contribution, record.tags) == ("partial", None, ())
    assert [warning.code for warning in record.warnings] == ["summary_only"]


def test_broken_answer_is_repaired_once(make_paper: MakePaper, make_completion: MakeCompletion) -> None:
    """The second round sees the first answer and its error; what both took is counted."""

    def decide(request: Request) -> str:
        return _good(request) if len(request.messages) > 6 else "{broken"

    backend = Oracle(make_completion, decide)
    papers = [make_paper(1), make_paper(2)]
    records = _run(backend, papers)
    assert [record.status for record in records] == ["ok", "ok"]
    provenance = records[0].provenance
    assert provenance is not None
    assert (provenance.attempts, provenance.tokens.prompt, provenance.seconds) == (2, 20, 1.0)
    assert backend.asked[1].messages[-2].content == "{broken"


def test_answer_that_stays_broken_is_a_failure_with_its_text(
    make_paper: MakePaper, make_completion: MakeCompletion
) -> None:
    """Two rounds and no more; the raw text is kept."""
    backend = Oracle(make_completion, lambda _: "no")
    (record,) = _run(backend, [make_paper()])
    assert record.status == "failed"
    assert record.failure is not None
    assert (record.failure.kind, record.failure.raw, len(backend.asked)) == ("invalid_json", "no", 2)


def test_failed_request_costs_its_own_record(make_paper: MakePaper, make_completion: MakeCompletion) -> None:
    """Others are not affected, and the reason stands in the record."""

    def decide(request: Request) -> str | RequestError:
        return RequestError(request.id, "truncated", "cut", raw="{") if request.id == "paper-2" else _good(request)

    records = _run(Oracle(make_completion, decide), [make_paper(number) for number in (1, 2, 3)])
    assert [record.status for record in records] == ["ok", "failed", "ok"]
    assert records[1].failure is not None
    assert (records[1].failure.kind, records[1].failure.raw) == ("truncated", "{")


def test_what_a_failure_took_is_told(make_paper: MakePaper, make_completion: MakeCompletion) -> None:
    """Tokens and attempts that brought no answer are counted, also those of a repair on top of the first round."""

    def decide(request: Request) -> str | RequestError:
        if request.id == "paper-2" and request.attempt == 1:
            return "no json"
        return RequestError(request.id, "truncated", "cut", attempts=3, tokens=Tokens(prompt=900, completion=640))

    provenances = [
        record.provenance for record in _run(Oracle(make_completion, decide), [make_paper(number) for number in (1, 2)])
    ]
    first = make_completion("no json", "paper-2").tokens
    took = [(one.attempts, one.tokens.prompt, one.tokens.completion) for one in provenances if one]
    assert took == [(3, 900, 640), (4, first.prompt + 900, first.completion + 640)]


def test_lost_answer_is_a_failure_not_a_gap(make_paper: MakePaper, make_completion: MakeCompletion) -> None:
    """A backend that forgets a request cannot lose a row."""
    backend = Oracle(make_completion, lambda request: None if request.id == "paper-2" else _good(request))
    records = _run(backend, [make_paper(number) for number in (1, 2, 3)])
    assert [record.failure.kind if record.failure else None for record in records] == [None, "no_outcome", None]


def test_answer_to_nothing_stops_the_run(make_paper: MakePaper, make_completion: MakeCompletion) -> None:
    """An answer is joined to its paper by id; one that belongs to none is an error and never a guess."""
    backend = Oracle(lambda text, _: make_completion(text, "other"), _good)
    with pytest.raises(SummarizerError, match="'other'"):
        _run(backend, [make_paper()])


def test_run_level_errors_stop_the_run(make_paper: MakePaper, make_completion: MakeCompletion) -> None:
    """What concerns every paper is raised, not written into each record."""

    def decide(_request: Request) -> str:
        raise EndpointError("the key was refused")

    with pytest.raises(EndpointError):
        _run(Oracle(make_completion, decide), [make_paper()])


def test_unreadable_and_repeated_papers_keep_their_place(
    make_paper: MakePaper, make_completion: MakeCompletion
) -> None:
    """What cannot be read, has no abstract, or stood before becomes a record of its own, without a question."""
    where = Source(name="papers.jsonl", line=9)
    inputs: list[Input] = [
        Unreadable(id="f:1", title="", source=where, kind="unreadable", message="broken JSON", raw="{"),
        make_paper(1),
        Unreadable(id="f:3", title="T", source=where, kind="no_abstract", message="no abstract"),
        make_paper(1),
        make_paper(2, id="paper-1"),
    ]
    backend = Oracle(make_completion, _good)
    records = _run(backend, inputs)
    assert [record.status for record in records] == ["failed", "ok", "skipped", "skipped", "partial"]
    kinds = [record.failure.kind if record.failure else None for record in records]
    assert kinds == ["unreadable", None, "no_abstract", "duplicate", None]
    assert records[4].warnings[0].code == "duplicate_id"
    assert len(backend.asked) == 2


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kinds=st.lists(st.sampled_from(["good", "broken", "error", "lost", "unreadable", "same"]), max_size=30),
    window=st.integers(1, 7),
)
def test_counts_and_order_hold_whatever_fails(
    make_paper: MakePaper, make_completion: MakeCompletion, kinds: list[str], window: int
) -> None:
    """For any mixture of faults and any order of answers, records out are inputs in, in their order."""

    def decide(request: Request) -> str | RequestError | None:
        kind = request.title.partition(" ")[0]
        if kind == "error":
            return RequestError(request.id, "refused", "no")
        return {"good": _good(request), "broken": "no", "lost": None, "same": _good(request)}[kind]

    inputs: list[Input] = [
        Unreadable(id=f"p{n}", title="", source=Source(name="f", line=n), kind="unreadable", message="m")
        if kind == "unreadable"
        else make_paper(n, id="same" if kind == "same" else f"p{n}", title=f"{kind} {n}")
        for n, kind in enumerate(kinds)
    ]
    backend = Oracle(make_completion, decide)
    backend.window = window
    records = _run(backend, inputs)
    assert [(record.id, record.title) for record in records] == [(item.id, item.title) for item in inputs]


def test_memory_is_bounded_by_a_window(make_paper: MakePaper, make_completion: MakeCompletion) -> None:
    """Records leave while papers come in; unreadable stretches are not collected either."""
    read = 0

    def inputs() -> Iterator[Input]:
        nonlocal read
        for number in range(20_000):
            read += 1
            where = Source(name="f", line=number)
            yield Unreadable(id=f"u{number}", title="", source=where, kind="unreadable", message="m")
        yield make_paper()

    most_ahead = 0
    summarizer = Summarizer(Settings(prompt="annotate", cache=False), Oracle(make_completion, _good))
    for count, _ in enumerate(summarizer.run(inputs()), start=1):
        most_ahead = max(most_ahead, read - count)
    assert read == 20_000
    assert most_ahead < 3000


def test_repair_is_asked_though_many_records_wait_for_it(
    make_paper: MakePaper, make_completion: MakeCompletion
) -> None:
    """The paper that everybody waits for gets its second round, however many records are ready behind it."""

    def decide(request: Request) -> str:
        return "no json" if request.id == "p0" and request.attempt == 1 else _good(request)

    backend = Oracle(make_completion, decide)
    backend.window = 32
    unreadable = [
        Unreadable(id=f"u{number}", title="", source=Source(name="x", line=number), kind="unreadable", message="broken")
        for number in range(2100)
    ]
    records = _run(backend, [make_paper(id="p0"), *unreadable])
    assert len(records) == 2101
    assert records[0].tldr is not None


def test_every_answer_finds_its_own_paper(make_paper: MakePaper, make_completion: MakeCompletion) -> None:
    """Several texts under one id, and ids that look like the numbers they get, are not mixed up."""

    def decide(request: Request) -> str:
        if request.attempt == 1 and "Repaired" in request.abstract:
            return "no json"
        return json.dumps(_ANSWER | {"tldr": request.abstract})

    ids = ["x", "x#2", "x", "x", "x#2", "x#3"]
    papers = [
        make_paper(id=name, abstract=f"{'Repaired' if number % 2 else 'Text'} {number} here.")
        for number, name in enumerate(ids)
    ]
    backend = Oracle(make_completion, decide)
    backend.window = 4
    records = _run(backend, papers)
    assert [record.tldr.text for record in records if record.tldr] == [paper.abstract for paper in papers]


def test_backend_that_asks_for_nothing_is_an_error(make_paper: MakePaper, make_completion: MakeCompletion) -> None:
    """It would be called for ever."""

    class Idle(Oracle):
        def complete(self, _requests: Iterable[Request], _stopping: Callable[[], bool] = never) -> Iterator[Outcome]:
            return iter(())

    with pytest.raises(SummarizerError, match="without asking for a paper"):
        _run(Idle(make_completion, _good), [make_paper()])


def test_stopping_ends_early_with_a_whole_beginning(make_paper: MakePaper, make_completion: MakeCompletion) -> None:
    """After a stop the records are the first ones, and no further paper was begun."""
    backend = Oracle(make_completion, _good)
    papers = [make_paper(number) for number in range(10)]
    summarizer = Summarizer(Settings(prompt="annotate", cache=False), backend, stopping=lambda: len(backend.asked) >= 4)
    assert [record.id for record in summarizer.run(papers)] == [paper.id for paper in papers[:4]]
    assert len(backend.asked) == 4


def test_written_records_are_not_asked_again(make_paper: MakePaper, make_completion: MakeCompletion) -> None:
    """A run goes on after the records that are there, duplicates of them included."""
    inputs: list[Input] = [make_paper(1), make_paper(2), make_paper(3), make_paper(1)]
    whole = _run(Oracle(make_completion, _good), inputs)
    for kept in range(5):
        backend = Oracle(make_completion, _good)
        assert _run(backend, inputs, written=whole[:kept]) == whole[kept:]
        assert len(backend.asked) == max(0, 3 - kept)


def test_place_without_an_id_is_known_by_its_line(make_paper: MakePaper, make_completion: MakeCompletion) -> None:
    """A run goes on when its input is named in another way, also over what has no id but its place."""

    def broken(name: str) -> Unreadable:
        source = Source(name=name, line=1)
        return Unreadable(id=f"{name}:1", title="", source=source, kind="unreadable", message="not JSON")

    whole = _run(Oracle(make_completion, _good), [broken("papers.jsonl"), make_paper(2)])
    assert (
        _run(Oracle(make_completion, _good), [broken("./papers.jsonl"), make_paper(2)], written=whole[:1]) == whole[1:]
    )


def test_records_of_another_run_are_refused(make_paper: MakePaper, make_completion: MakeCompletion) -> None:
    """Other papers, other settings, or more records than papers: nothing is asked."""
    papers = [make_paper(1), make_paper(2)]
    backend = Oracle(make_completion, _good)
    whole = _run(backend, papers)
    backend.asked.clear()
    for inputs, message in (
        ([make_paper(2)], "holds other papers: 'paper-1' where papers.jsonl, line 2 has 'paper-2'"),
        ([make_paper(1, abstract="Changed.")], r"text of 'paper-1' \(papers.jsonl, line 1\) has changed"),
        ([make_paper(1, title="Changed")], r"text of 'paper-1' \(papers.jsonl, line 1\) has changed"),
        ([make_paper(1)], "more records than there are papers"),
    ):
        with pytest.raises(ResumeError, match=message):
            _run(backend, inputs, written=whole)
    with pytest.raises(ResumeError, match="'paper-1' was made with other settings"):
        list(Summarizer(Settings(prompt="annotate", cache=False, max_tokens=9), backend).run(papers, whole))
    assert backend.asked == []


def test_cached_run_asks_nothing_and_says_so(
    tmp_path: Path, make_paper: MakePaper, make_completion: MakeCompletion
) -> None:
    """The second run gives the same records, marked as cached, repairs included."""
    papers = [make_paper(number) for number in range(5)]

    def decide(request: Request) -> str:
        return _good(request) if len(request.messages) > 6 or request.id != "paper-3" else "no"

    first = _run(Oracle(make_completion, decide), papers, tmp_path)
    backend = Oracle(make_completion, decide)
    second = _run(backend, papers, tmp_path)
    assert backend.asked == []
    for before, after in zip(first, second, strict=True):
        assert before.provenance is not None
        assert after.provenance is not None
        assert after.provenance.cached
        unmarked = after.provenance.model_copy(update={"cached": False})
        assert after.model_copy(update={"provenance": unmarked}) == before


@pytest.mark.parametrize(
    ("changes", "status", "kind"),
    [
        ({"abstract": ""}, "skipped", "no_abstract"),
        ({"abstract": " \u200b"}, "skipped", "no_abstract"),
        ({"abstract": "half \ud800 a character"}, "failed", "unreadable"),
        ({"title": "\udfff"}, "failed", "unreadable"),
        ({"id": "\ud800"}, "failed", "unreadable"),
        ({"authors": ("\ud800",)}, "failed", "unreadable"),
    ],
)
def test_a_paper_that_a_program_made_gets_a_record(
    make_paper: MakePaper, make_completion: MakeCompletion, changes: dict[str, Any], status: str, kind: str
) -> None:
    """What a reader of files would have turned away costs one record when a program gives it, and goes on as well."""
    backend = Oracle(make_completion, _good)
    papers = [make_paper(id="a", **changes) if "id" not in changes else make_paper(**changes), make_paper(id="b")]
    records = _run(backend, papers)
    assert [record.status for record in records] == [status, records[1].status]
    assert records[0].failure is not None
    assert records[0].failure.kind == kind
    assert [request.id for request in backend.asked] == ["b"]
    assert all(record.model_dump_json().encode() for record in records)
    assert _run(backend, papers, written=records) == []


_TOKENS = Tokens(prompt=100, completion=20, cached_prompt=60, written_prompt=30, reasoning=10)


class Paid(Oracle):
    """An oracle whose rounds cost what a test says; None is not known."""

    costs: tuple[float | None, float | None] = (None, None)

    def _answer(self, begun: list[Request]) -> Iterator[Outcome]:
        costs = {request.id: self.costs[request.attempt - 1] for request in begun}
        for outcome in super()._answer(begun):
            if isinstance(outcome, Completion):
                yield outcome.model_copy(update={"tokens": _TOKENS, "cost_usd": costs[outcome.request_id]})
            else:
                outcome.cost_usd = costs[outcome.request_id]
                yield outcome


@pytest.mark.parametrize(
    ("costs", "sum_of_both"),
    [((0.5, 0.25), 0.75), ((0.5, None), 0.5), ((None, 0.25), 0.25), ((0.0, 0.0), 0.0), ((None, None), None)],
)
@pytest.mark.parametrize("second", ["good", "broken", "gone"])
@pytest.mark.parametrize("first", ["invented", "broken"])
def test_a_record_counts_what_both_rounds_took(
    make_paper: MakePaper,
    make_completion: MakeCompletion,
    first: str,
    second: str,
    costs: tuple[float | None, float | None],
    sum_of_both: float | None,
) -> None:
    """Tokens of every kind and dollars of both rounds are in the record, whichever of them brought the answer.

    What is known of one round is the least that the record cost; where nothing is known nothing is said.
    """
    gone = RequestError("paper-1", "transport", "gone", tokens=_TOKENS)
    said: dict[str, str | RequestError] = {"good": json.dumps(_ANSWER), "broken": "{broken", "gone": gone}
    said["invented"] = json.dumps(_INVENTED)
    backend = Paid(make_completion, lambda request: said[second if request.attempt == 2 else first])
    backend.costs = costs
    (record,) = _run(backend, [make_paper()])
    assert record.status != "failed" or first != "invented"
    assert record.provenance is not None
    assert record.provenance.tokens == _TOKENS + _TOKENS
    assert record.provenance.cost_usd == sum_of_both


def test_a_stored_answer_says_what_it_took_the_first_time(
    make_paper: MakePaper, make_completion: MakeCompletion, tmp_path: Path
) -> None:
    """What comes from the cache has the tokens and the cost of then, and is marked as cached."""
    backend = Paid(make_completion, _good)
    backend.costs = (0.5, None)
    (asked,) = _run(backend, [make_paper()], tmp_path)
    (stored,) = _run(backend, [make_paper()], tmp_path)
    assert len(backend.asked) == 1
    assert asked.provenance is not None
    assert stored.provenance is not None
    assert stored.provenance == asked.provenance.model_copy(update={"cached": True})
    assert (stored.provenance.cost_usd, stored.provenance.tokens) == (0.5, _TOKENS)
