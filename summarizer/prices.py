"""What tokens cost: a small dated table of list prices, and the user's own.

A price that is not known is not zero: costs are then `None`, and a limit on them cannot be kept.
"""

import re
import tomllib
from typing import Annotated

from pydantic import Field

from summarizer.records import Frozen, Tokens
from summarizer.shipped import package_file

#: The address that the table is about; other servers have other prices for models of the same name.
LISTED_URL = "https://api.openai.com/v1"
_MILLION = 1_000_000
#: What a batch costs, as a share of the list price.
BATCH = 0.5
_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")

Dollars = Annotated[float, Field(ge=0.0, allow_inf_nan=False, strict=True)]


class Price(Frozen):
    """US dollars for a million tokens of one model."""

    input: Dollars
    output: Dollars
    cached_input: Dollars | None = None
    """Of what the provider's prompt cache had; like `input` when it is not given."""
    cache_write: Dollars | None = None
    """Of what went into that cache; like `input` when it is not given."""

    def cost(self, tokens: Tokens, *, batch: bool = False) -> float:
        """US dollars for these tokens; a batch costs `BATCH` of it."""
        plain = max(tokens.prompt - tokens.cached_prompt - tokens.written_prompt, 0)
        cached = self.input if self.cached_input is None else self.cached_input
        written = self.input if self.cache_write is None else self.cache_write
        parts = (
            plain * self.input,
            tokens.cached_prompt * cached,
            tokens.written_prompt * written,
            tokens.completion * self.output,
        )
        return sum(parts) / _MILLION * (BATCH if batch else 1.0)

    def most(self, prompt: int, completion: int, *, batch: bool = False) -> float:
        """The highest cost that so many tokens can have."""
        dearest = max(self.input, self.cached_input or 0.0, self.cache_write or 0.0)
        return (prompt * dearest + completion * self.output) / _MILLION * (BATCH if batch else 1.0)


class PriceList(Frozen):
    """The shipped table, with the day on which its source said so."""

    dated: str
    source: str
    models: dict[str, Price]


def listed_prices() -> PriceList:
    """The table that comes with the package."""
    return PriceList.model_validate(tomllib.loads(package_file("prices.toml").read_text(encoding="utf-8")))


def price_of(model: str, url: str, own: dict[str, Price], *, standard: bool = True) -> Price | None:
    """The user's own price, else the listed one of the model or of the model that it is a snapshot of, else None.

    What is not `standard` processing is not listed.
    """
    if model in own:
        return own[model]
    if url != LISTED_URL or not standard:
        return None
    listed = listed_prices().models
    return listed.get(model) or listed.get(_SNAPSHOT.sub("", model))
