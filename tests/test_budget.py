"""What a run may cost, and what tokens do."""

import asyncio
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer.backends import make_backend
from summarizer.backends.budget import LOOK, TEMPLATE, Amount, Budget
from summarizer.backends.hosted import HostedBackend
from summarizer.errors import BudgetError, SettingsError
from summarizer.prices import BATCH, LISTED_URL, Price, listed_prices, price_of
from summarizer.records import Tokens
from summarizer.settings import Settings

#: A dollar for a prompt of a million tokens, four for an answer.
PRICE = Price(input=1.0, output=4.0)


async def _go_on(_: float) -> bool:
    await asyncio.sleep(0)
    return True


def _reserve(budget: Budget, most: Amount) -> bool:
    return asyncio.run(budget.reserve(most, _go_on))


def test_the_worst_case_is_a_token_for_each_byte() -> None:
    """Whatever the tokenizer, the texts and what a template adds are no more; each at the dearest price."""
    most = Budget(PRICE).most(1000, 200)
    assert most.tokens == 1000 + TEMPLATE + 200
    assert most.usd == pytest.approx(((1000 + TEMPLATE) * 1.0 + 200 * 4.0) / 1e6)
    dear = Budget(PRICE.model_copy(update={"cache_write": 1.25, "cached_input": 0.1})).most(1000, 200)
    assert dear.usd == pytest.approx(((1000 + TEMPLATE) * 1.25 + 200 * 4.0) / 1e6)
    assert Budget(PRICE, batch=True).most(1000, 200).usd == pytest.approx(most.usd * BATCH)


def test_what_was_billed_replaces_what_was_set_aside() -> None:
    """The room that an answer did not need is there for the next request, and its cost is that of its tokens."""
    budget = Budget(PRICE, max_tokens=2000)
    most = budget.most(500, 200)
    assert _reserve(budget, most)
    cost = budget.bill(most, Tokens(prompt=100, completion=50))
    assert cost == pytest.approx(300e-6)
    assert budget.spent == Amount(150, cost or 0.0)
    assert budget.uncertain == Amount()
    assert _reserve(budget, Amount(1850, 0.0))


def test_a_refusal_costs_nothing() -> None:
    """What was set aside for an attempt that was refused before any work is given back as a whole."""
    budget = Budget(PRICE, max_tokens=1000)
    assert _reserve(budget, Amount(1000, 0.0))
    budget.free(Amount(1000, 0.0))
    assert budget.spent == Amount()
    assert _reserve(budget, Amount(1000, 0.0))


def test_an_attempt_without_a_bill_counts_as_billed() -> None:
    """A time-out may have been billed, so its room is not given to another request, and it is told apart."""
    budget = Budget(PRICE, max_tokens=1000)
    assert _reserve(budget, Amount(600, 0.0))
    budget.keep(Amount(600, 0.0))
    assert (budget.spent, budget.uncertain, budget.unbilled) == (Amount(), Amount(600, 0.0), 1)
    assert _reserve(budget, Amount(400, 0.0))
    budget.free(Amount(400, 0.0))
    with pytest.raises(BudgetError):
        _reserve(budget, Amount(401, 0.0))


def test_a_request_waits_for_what_others_may_give_back() -> None:
    """What does not fit now is no error while an attempt is under way: it goes when that gives enough back."""

    async def go() -> list[str]:
        budget, events = Budget(PRICE, max_tokens=1000), list[str]()
        first, second = Amount(800, 0.0), Amount(700, 0.0)
        assert await budget.reserve(first, _go_on)

        async def pause(seconds: float) -> bool:
            assert 0.0 < seconds <= LOOK
            events.append("waits")
            if len(events) == 3:
                budget.bill(first, Tokens(prompt=250, completion=50))
            return True

        assert await budget.reserve(second, pause)
        return [*events, "goes"]

    assert asyncio.run(go()) == ["waits", "waits", "waits", "goes"]


def test_who_waits_for_room_is_let_go_when_the_run_ends() -> None:
    """A pause that says that the run ends reserves nothing."""

    async def go() -> None:
        async def end(_: float) -> bool:
            return False

        budget = Budget(PRICE, max_tokens=1000)
        assert await budget.reserve(Amount(800, 0.0), end)
        assert not await budget.reserve(Amount(800, 0.0), end)
        budget.free(Amount(800, 0.0))
        assert await budget.reserve(Amount(1000, 0.0), end)

    asyncio.run(go())


@given(
    limit=st.integers(2_000, 60_000),
    limits_dollars=st.booleans(),
    requests=st.lists(
        st.tuples(
            st.integers(0, 5000),
            st.integers(1, 2000),
            st.sampled_from(["bill", "free", "keep"]),
            st.floats(0, 1),
            st.floats(0, 1),
            st.integers(0, 5),
        ),
        max_size=40,
    ),
    slots=st.integers(1, 40),
)
def test_no_order_of_events_spends_more_than_the_limit(
    *,
    limit: int,
    limits_dollars: bool,
    requests: list[tuple[int, int, str, float, float, int]],
    slots: int,
) -> None:
    """Any number of requests in flight, ended in any way and order: what the server may have billed is within it."""
    dollars = limit / 1e6
    budget = Budget(PRICE, max_cost=dollars) if limits_dollars else Budget(PRICE, max_tokens=limit)
    spent = Amount()

    async def one(size: int, longest: int, end: str, prompt: float, answer: float, turns: int) -> None:
        nonlocal spent
        most = budget.most(size, longest)
        try:
            assert await budget.reserve(most, _go_on)
        except BudgetError:
            return
        for _ in range(turns):
            await asyncio.sleep(0)
        # The most that a server bills for a request of so many bytes and an answer of so many tokens.
        tokens = Tokens(prompt=int(prompt * (size + TEMPLATE)), completion=int(answer * longest))
        if end != "free":
            spent += Amount(tokens.prompt + tokens.completion, PRICE.cost(tokens))
        match end:
            case "bill":
                budget.bill(most, tokens)
            case "free":
                budget.free(most)
            case _:
                budget.keep(most)
        assert spent.usd <= dollars * (1 + 1e-9) if limits_dollars else spent.tokens <= limit

    async def go() -> None:
        gate = asyncio.Semaphore(slots)

        async def gated(request: tuple[int, int, str, float, float, int]) -> None:
            async with gate:
                await one(*request)

        await asyncio.gather(*(gated(request) for request in requests))

    asyncio.run(go())


def test_without_a_limit_nothing_waits_and_all_is_counted() -> None:
    """A run without a limit knows what it cost all the same; without a price it knows the tokens."""
    budget = Budget(None)
    for _ in range(100):
        assert _reserve(budget, budget.most(10**6, 10**6))
    assert budget.bill(budget.most(10**6, 10**6), Tokens(prompt=5, completion=7)) is None
    assert budget.spent == Amount(12, 0.0)
    assert not budget.limited


def test_a_limit_on_tokens_needs_no_price() -> None:
    """Where no price is known the tokens can still be limited."""
    budget = Budget(None, max_tokens=1000)
    assert _reserve(budget, budget.most(500, 100))
    budget.free(budget.most(500, 100))
    with pytest.raises(BudgetError, match="1,000 tokens"):
        _reserve(budget, budget.most(1000, 100))


def test_an_exhausted_budget_says_what_was_spent_and_what_to_do() -> None:
    """The message has the limit that is in the way, what is known to be billed, what may be, and what to change."""
    budget = Budget(PRICE, max_cost=0.01, max_tokens=10**9)
    most = Amount(4000, 0.004)
    assert _reserve(budget, most)
    budget.bill(most, Tokens(prompt=1000, completion=250))
    assert _reserve(budget, most)
    budget.keep(most)
    with pytest.raises(BudgetError) as caught:
        _reserve(budget, Amount(5000, 0.005))
    assert str(caught.value) == (
        "the budget of $0.01 leaves no room for the next request, which may take $0.0050: 1,250 tokens, $0.0020, "
        "billed; 1 attempt ended without a bill and counts as if it had been billed; the same command with a higher "
        "--max-cost goes on from here"
    )


def test_the_limit_that_is_in_the_way_is_named() -> None:
    """With both limits it is the one that the request does not fit in."""
    budget = Budget(PRICE, max_cost=100.0, max_tokens=1000)
    with pytest.raises(BudgetError, match=r"budget of 1,000 tokens .* may take 2,000 tokens: .* --max-total-tokens"):
        _reserve(budget, Amount(2000, 0.001))


def test_a_server_that_bills_more_than_bytes_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """It gets a warning, and from then on so much more is set aside that the next bill of that kind fits."""
    budget = Budget(PRICE, max_tokens=10**6)
    with caplog.at_level(logging.WARNING):
        for prompt in (1000, 20_000, 400_000):
            most = budget.most(100, 10)
            assert _reserve(budget, most)
            budget.bill(most, Tokens(prompt=prompt, completion=10))
    assert [record.getMessage() for record in caplog.records] == [
        "the server bills more tokens than a request has bytes; more is set aside from now on"
    ]
    assert budget.most(100, 10).tokens >= 400_010


def test_many_bills_of_one_excess_are_one_excess() -> None:
    """What was set aside alike and billed alike teaches the same, however many requests were in flight."""
    budget = Budget(PRICE)
    most = budget.most(1000, 100)
    for _ in range(1000):
        assert _reserve(budget, most)
    for _ in range(1000):
        budget.bill(most, Tokens(prompt=300, completion=5000))
    assert 5300 <= budget.most(1000, 100).tokens < 100_000


def test_what_a_batch_set_aside_is_given_back_to_the_token() -> None:
    """Its amounts are reckoned again from the journal, so a bill above them changes none of the others."""
    budget = Budget(PRICE, max_tokens=10**6, batch=True)
    for _ in range(2):
        assert budget.take(budget.most(1000, 100))
    budget.bill(budget.most(1000, 100), Tokens(prompt=300, completion=5000))
    budget.free(budget.most(1000, 100))
    assert budget.held.tokens == 0


def test_a_price_knows_four_kinds_of_tokens() -> None:
    """Cached and written tokens of the prompt have prices of their own, and like others where none is given."""
    tokens = Tokens(prompt=1000, completion=100, cached_prompt=600, written_prompt=300, reasoning=50)
    price = Price(input=2.0, output=8.0, cached_input=0.5, cache_write=2.5)
    assert price.cost(tokens) == pytest.approx((100 * 2.0 + 600 * 0.5 + 300 * 2.5 + 100 * 8.0) / 1e6)
    assert Price(input=2.0, output=8.0).cost(tokens) == pytest.approx((1000 * 2.0 + 100 * 8.0) / 1e6)
    assert price.cost(tokens, batch=True) == pytest.approx(price.cost(tokens) / 2)
    free = price.model_copy(update={"cached_input": 0.0})
    assert free.cost(tokens) == pytest.approx((100 * 2.0 + 300 * 2.5 + 100 * 8.0) / 1e6)


@given(
    prices=st.tuples(*[st.floats(0, 100)] * 4),
    counts=st.tuples(*[st.integers(0, 10**6)] * 4),
    batch=st.booleans(),
)
def test_no_cost_is_above_the_most(
    *, prices: tuple[float, float, float, float], counts: tuple[int, int, int, int], batch: bool
) -> None:
    """Whatever of a prompt was cached or written, the worst case holds."""
    price = Price(input=prices[0], output=prices[1], cached_input=prices[2], cache_write=prices[3])
    prompt, completion, cached, written = counts
    cached = min(cached, prompt)
    written = min(written, prompt - cached)
    tokens = Tokens(prompt=prompt, completion=completion, cached_prompt=cached, written_prompt=written)
    assert price.cost(tokens, batch=batch) <= price.most(prompt, completion, batch=batch) * (1 + 1e-9)


@pytest.mark.parametrize("model", sorted(listed_prices().models))
def test_a_listed_price_is_plausible(model: str) -> None:
    """Nothing is free, an answer costs more than a prompt, and what was cached less than what was not."""
    price = listed_prices().models[model]
    assert 0.0 < price.input < price.output
    assert price.cached_input is not None
    assert 0.0 < price.cached_input < price.input
    assert price.cache_write is None or price.cache_write == pytest.approx(1.25 * price.input)


def test_the_table_says_when_and_where_it_was_read() -> None:
    """A list of prices without a date is none."""
    prices = listed_prices()
    assert prices.dated == "2026-11-27"
    assert prices.source.startswith("https://")
    assert len(prices.models) >= 20


def test_a_snapshot_costs_what_its_model_costs() -> None:
    """A dated name is that of its model; other endings are other models, and unknown is not zero."""
    listed = listed_prices().models["gpt-6-luna"]
    assert price_of("gpt-6-luna", LISTED_URL, {}) == listed
    assert price_of("gpt-6-luna-2026-09-22", LISTED_URL, {}) == listed
    assert price_of("gpt-6-luna-pro", LISTED_URL, {}) is None
    assert price_of("gpt-6-luna-2026-09-22-pro", LISTED_URL, {}) is None
    assert price_of("gpt-99", LISTED_URL, {}) is None


def test_other_servers_have_other_prices() -> None:
    """The table is about OpenAI itself, whatever a model is called elsewhere."""
    assert price_of("gpt-6-luna", "http://localhost:8000/v1", {}) is None
    assert price_of("gpt-6-luna", "https://openrouter.ai/api/v1", {}) is None


def test_the_users_own_price_goes_before() -> None:
    """It is that of the exact name, for any server, also where the table has another one."""
    own = {"gpt-6-luna": PRICE}
    assert price_of("gpt-6-luna", LISTED_URL, own) == PRICE
    assert price_of("gpt-6-luna", "http://localhost:8000/v1", own) == PRICE
    assert price_of("gpt-6-luna-2026-09-22", LISTED_URL, own) == listed_prices().models["gpt-6-luna"]


@pytest.mark.parametrize("name", ["service_tier", "web_search_options", "plugins", "models", "prediction"])
def test_what_is_charged_beside_the_list_has_no_listed_price(name: str) -> None:
    """The table is about tokens of the standard tier: with more than that, `--max-cost` needs a price of one's own."""
    extra = {name: "priority"}
    settings = {"backend": "hosted", "model": "gpt-6-luna", "max_cost": 1.0}
    HostedBackend(Settings.model_validate(settings))
    with pytest.raises(SettingsError, match="--max-cost"):
        HostedBackend(Settings.model_validate(settings | {"extra_body": extra}))
    HostedBackend(Settings.model_validate(settings | {"extra_body": extra, "prices": {"gpt-6-luna": PRICE}}))


@pytest.mark.parametrize("backend", ["local", "scripted"])
def test_a_limit_that_would_not_be_kept_is_refused(backend: str) -> None:
    """Only the hosted backend counts tokens before they are spent; others do not take the limit in silence."""
    with pytest.raises(SettingsError, match=f"--max-total-tokens: only for hosted models; the backend is {backend}"):
        make_backend(Settings.model_validate({"backend": backend, "max_total_tokens": 1000}))


def test_a_limit_on_costs_needs_a_price() -> None:
    """Without a known price `--max-cost` is refused before anything is sent, with the two ways out."""
    settings = {"backend": "hosted", "model": "my-model", "base_url": "http://localhost:1/v1", "max_cost": 1.0}
    with pytest.raises(SettingsError) as caught:
        HostedBackend(Settings.model_validate(settings))
    assert "the price of 'my-model' is not known" in str(caught.value)
    assert '[prices."my-model"]' in str(caught.value)
    assert "--max-total-tokens" in str(caught.value)
    HostedBackend(Settings.model_validate(settings | {"prices": {"my-model": PRICE}}))
    HostedBackend(Settings.model_validate(settings | {"max_cost": None, "max_total_tokens": 1000}))
