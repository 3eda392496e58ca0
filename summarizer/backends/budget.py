"""A limit on what a run may cost, kept whatever the server does.

Before each attempt the most that it can cost is set aside, and it is corrected by what the server bills. An attempt
that ended without a bill, by a time-out or an error after the work, may have been billed all the same: what was set
aside for it counts as spent. So the limit holds with any number of requests in flight and any faults.

Everything here runs in one event loop at a time, so there are no locks but the line in which requests wait.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from summarizer.backends.limits import Line
from summarizer.errors import BudgetError
from summarizer.prices import Price
from summarizer.records import Tokens

_LOG = logging.getLogger(__name__)

#: Tokens that a chat template may add to the texts of a request.
TEMPLATE = 256
#: Seconds between two looks at whether something was given back.
LOOK = 0.05


@dataclass(frozen=True, slots=True)
class Amount:
    """Tokens and US dollars."""

    tokens: float = 0.0
    usd: float = 0.0
    factor: float = 1.0
    """By how much more than its bytes an attempt was reckoned with."""

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.tokens + other.tokens, self.usd + other.usd)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(self.tokens - other.tokens, self.usd - other.usd)


class Budget:
    """What may still be spent."""

    def __init__(
        self, price: Price | None, max_cost: float | None = None, max_tokens: int | None = None, *, batch: bool = False
    ) -> None:
        """`max_cost` is in US dollars and needs a price; None is no limit."""
        self._price, self._max_cost, self._max_tokens, self._batch = price, max_cost, max_tokens, batch
        self.spent = self.held = self.uncertain = Amount()
        """Billed; set aside for what is in flight; set aside for attempts that ended without a bill."""
        self.unbilled = self._told = 0
        """Attempts that ended without a bill."""
        self._flying = 0
        self._line = Line()
        self._factor = 1.0
        """How much more than its bytes the server counted in the worst case seen."""

    @property
    def limited(self) -> bool:
        """Whether there is a limit."""
        return self._max_cost is not None or self._max_tokens is not None

    def most(self, size: int, longest: int) -> Amount:
        """The most that an attempt can take, by the bytes of its body and the longest answer in tokens.

        No tokenizer makes more tokens of a text than it has bytes.
        """
        prompt = int((size + TEMPLATE) * self._factor)
        usd = self._price.most(prompt, longest, batch=self._batch) if self._price else 0.0
        return Amount(prompt + longest, usd, self._factor)

    async def reserve(self, most: Amount, pause: Callable[[float], Awaitable[bool]]) -> bool:
        """Set the amount aside, when need be after others have given back; False when `pause` says that the run ends.

        `BudgetError` when it does not fit and nothing is in flight that could give back.
        """
        if self.limited:
            async with self._line.turn():
                while not self._fits(most):
                    if not self._flying:
                        raise self.exhausted(most)
                    if not await pause(LOOK):
                        return False
        self.held += most
        self._flying += 1
        return True

    def take(self, most: Amount, *, anyway: bool = False) -> bool:
        """Set the amount aside at once if it fits, or `anyway`; whether it was."""
        if not anyway and self.limited and not self._fits(most):
            return False
        self.held += most
        self._flying += 1
        return True

    def exhausted(self, most: Amount) -> BudgetError:
        """What to raise when the amount does not fit and nothing will be given back."""
        return BudgetError(self._exhausted(most))

    def bill(self, most: Amount, tokens: Tokens) -> float | None:
        """Replace what was set aside by what was billed; returns the cost, None without a price."""
        self._release(most)
        cost = self._price.cost(tokens, batch=self._batch) if self._price else None
        billed = Amount(tokens.prompt + tokens.completion, cost or 0.0)
        self.spent += billed
        # What a batch has set aside is reckoned anew when its answers come, and has to be the same then.
        if not self._batch and (billed.tokens > most.tokens or billed.usd > most.usd):
            if self._factor == 1.0 and self.limited:
                _LOG.warning("the server bills more tokens than a request has bytes; more is set aside from now on")
            excess = max(billed.tokens / most.tokens, billed.usd / most.usd if most.usd else 1.0)
            # Many that were set aside alike may be billed after one another, and show the same excess.
            self._factor = max(self._factor, 1.1 * excess * most.factor)
        return cost

    def free(self, most: Amount) -> None:
        """Give back what was set aside for an attempt that was refused before any work."""
        self._release(most)

    def keep(self, most: Amount) -> None:
        """Count what was set aside as spent: whether the attempt was billed is not known."""
        self._release(most)
        self.uncertain += most
        self.unbilled += 1

    def tell(self) -> None:
        """Say in the log how many attempts ended without a bill since it was said last."""
        if self.unbilled > self._told:
            most = f"{self.uncertain.tokens:,.0f} tokens" + (f", ${self.uncertain.usd:.4f}" if self._price else "")
            words = "attempt%s ended without a bill and may have been billed all the same"
            _LOG.warning(f"%d {words}: in all at most %s", self.unbilled, "s" * (self.unbilled != 1), most)
            self._told = self.unbilled

    def _release(self, most: Amount) -> None:
        self.held -= most
        self._flying -= 1

    def _fits(self, most: Amount) -> bool:
        total = self.spent + self.uncertain + self.held + most
        return (self._max_tokens is None or total.tokens <= self._max_tokens) and self._is_affordable(total)

    def _is_affordable(self, total: Amount) -> bool:
        return self._max_cost is None or total.usd <= self._max_cost

    def _exhausted(self, most: Amount) -> str:
        if self._is_affordable(self.spent + self.uncertain + self.held + most):
            limit, next_one, flag = f"{self._max_tokens:,} tokens", f"{most.tokens:,.0f} tokens", "--max-total-tokens"
        else:
            limit, next_one, flag = f"${self._max_cost:g}", f"${most.usd:.4f}", "--max-cost"
        known = f"{self.spent.tokens:,.0f} tokens" + (f", ${self.spent.usd:.4f}," if self._price else "")
        more = ""
        if self.unbilled == 1:
            more = "; 1 attempt ended without a bill and counts as if it had been billed"
        elif self.unbilled:
            more = f"; {self.unbilled} attempts ended without a bill and count as if they had been billed"
        return (
            f"the budget of {limit} leaves no room for the next request, which may take {next_one}: "
            f"{known} billed{more}; the same command with a higher {flag} goes on from here"
        )
