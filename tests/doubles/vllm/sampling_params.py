"""How tokens are drawn."""

from dataclasses import dataclass


@dataclass(kw_only=True)
class StructuredOutputsParams:
    """What an answer is held to; exactly one of these."""

    json: str | None = None
    grammar: str | None = None

    def __post_init__(self) -> None:
        """As vLLM does."""
        if (self.json is None) == (self.grammar is None):
            raise ValueError("exactly one constraint")


@dataclass(kw_only=True)
class SamplingParams:
    """Of one request."""

    temperature: float = 1.0
    seed: int | None = None
    max_tokens: int | None = 16
    structured_outputs: StructuredOutputsParams | None = None
    detokenize: bool = True
