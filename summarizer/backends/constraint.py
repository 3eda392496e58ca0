"""Holds a model to a JSON Schema, or to lines with words of the paper, while it writes, by llguidance.

JSON is compact: no whitespace is allowed between tokens, since small models fall into endless runs of it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from summarizer.errors import ModelError
from summarizer.lines import grammar_for, is_grammar

if TYPE_CHECKING:
    import numpy as np
    import torch
    from llguidance import LLExecutor, LLMatcher
    from transformers import PreTrainedTokenizerBase, TokenizersBackend


class Form(NamedTuple):
    """What one answer is held to: a JSON Schema, or the grammar of lines with the words of a paper."""

    schema_text: str
    title: str = ""
    abstract: str = ""

    @property
    def lines(self) -> str | None:
        """The grammar of lines with the words of the paper; None for a schema."""
        return grammar_for(self.schema_text, self.title, self.abstract) if is_grammar(self.schema_text) else None


class SchemaGrammar:
    """Compiles schemas for one tokenizer. `vocabulary_size` is the width of the model's logits."""

    def __init__(self, tokenizer: "PreTrainedTokenizerBase", vocabulary_size: int, end_tokens: list[int]) -> None:
        """Read the vocabulary, which takes some tenths of a second; `ModelError` for one that cannot be read."""
        from llguidance import LLExecutor, LLMatcher  # noqa: PLC0415
        from llguidance.hf import from_tokenizer  # noqa: PLC0415

        width = max(vocabulary_size, len(tokenizer))
        try:
            # It refuses by itself what is not the fast kind that it can read.
            self._tokenizer = from_tokenizer(cast("TokenizersBackend", tokenizer), n_vocab=width, eos_token=end_tokens)
        except ValueError as error:
            raise ModelError(
                f"answers cannot be held to the schema with this tokenizer ({error}): use a model with a tokenizer.json"
            ) from error
        self._executor = LLExecutor()
        self._compiled: dict[str, LLMatcher] = {}

    def constraint(self, forms: Sequence[Form]) -> "SchemaConstraint":
        """A fresh logits processor for one call of `generate` with a row for each form."""
        matchers = [self.matcher(form) for form in forms]
        return SchemaConstraint(matchers, self._executor, self._tokenizer.vocab_size)

    def matcher(self, form: Form) -> "LLMatcher":
        """A fresh state for one answer; `ModelError` for a schema that cannot be enforced.

        That of lines is in error from the start when its paper has more words than a grammar can hold.
        """
        from llguidance import LLMatcher, LLParserLimits  # noqa: PLC0415

        # Else an error holds all that was written so far.
        limits = LLParserLimits(verbose_errors=False)
        if (lines := form.lines) is not None:
            return LLMatcher(self._tokenizer, lines, log_level=0, limits=limits)
        if form.schema_text not in self._compiled:
            grammar = LLMatcher.grammar_from_json_schema(form.schema_text, overrides={"whitespace_flexible": False})
            matcher = LLMatcher(self._tokenizer, grammar, log_level=0, limits=limits)
            if matcher.is_error():
                raise ModelError(f"the schema of the answer cannot be enforced: {problem_of(matcher)}")
            self._compiled[form.schema_text] = matcher
        return self._compiled[form.schema_text].deep_copy()

    def best(self, matchers: "list[LLMatcher]", scores: "torch.Tensor") -> list[int]:
        """The likeliest token of each row of `scores` (rows x vocabulary) that its answer can go on with.

        Most often that is the likeliest of all, and asking about one token costs little of what a whole mask does.
        """
        best: list[int] = scores.argmax(dim=-1).tolist()
        wrong = [row for row, matcher in enumerate(matchers) if not matcher.validate_tokens([best[row]])]
        if wrong:
            others = scores[wrong]
            self.mask([matchers[row] for row in wrong], others)
            for row, token in zip(wrong, others.argmax(dim=-1).tolist(), strict=True):
                best[row] = token
        return best

    def mask(self, matchers: "list[LLMatcher]", scores: "torch.Tensor") -> None:
        """Mask `scores` (rows x vocabulary) in place, so that each row keeps what its answer can go on with."""
        import numpy as np  # noqa: PLC0415
        from llguidance.numpy import fill_next_token_bitmask_par  # noqa: PLC0415

        bits = np.empty((len(matchers), (self._tokenizer.vocab_size + 31) // 32), dtype=np.int32)
        fill_next_token_bitmask_par(self._executor, [(matcher, row) for row, matcher in enumerate(matchers)], bits)
        _keep(bits, scores)


class SchemaConstraint:
    """A transformers logits processor: in each row, only tokens with which the answer can still fit the schema.

    It serves one call of `generate`. A row whose answer is complete may only end; a row that has ended is left alone.
    """

    def __init__(self, matchers: "list[LLMatcher]", executor: "LLExecutor", vocabulary_size: int) -> None:
        """One matcher for each row, at the start of its answer."""
        import numpy as np  # noqa: PLC0415

        self._matchers, self._executor = matchers, executor
        self._running = [(matcher, row) for row, matcher in enumerate(matchers) if not matcher.is_error()]
        self._begun = False
        # One bit per token. Rows that have ended, or cannot begin, keep all bits set: what is drawn there is no answer,
        # but drawing from nothing would fail.
        self._bits = np.full((len(matchers), (vocabulary_size + 31) // 32), -1, dtype=np.int32)

    def __call__(self, input_ids: "torch.Tensor", scores: "torch.Tensor") -> "torch.Tensor":
        """Mask `scores` (rows x vocabulary) in place, given all tokens so far (rows x length)."""
        from llguidance.numpy import fill_next_token_bitmask_par  # noqa: PLC0415

        if self._begun:
            self._advance(input_ids[:, -1].tolist())
        self._begun = True
        if self._running:
            fill_next_token_bitmask_par(self._executor, self._running, self._bits)
        return _keep(self._bits, scores)

    def problem(self, row: int) -> str:
        """Why the row was ended before its answer was complete, or an empty string."""
        return problem_of(self._matchers[row])

    def _advance(self, drawn: list[int]) -> None:
        ended = []
        for matcher, row in self._running:
            # What is drawn after the end is the end again, or padding, which no answer has.
            if matcher.is_stopped():
                ended.append(row)
            else:
                matcher.consume_token(drawn[row])
        if ended:
            self._bits[ended] = -1
            self._running = [(matcher, row) for matcher, row in self._running if row not in ended]


def problem_of(matcher: "LLMatcher") -> str:
    """Why a grammar gave up, or an empty string: one line, since the next ones are the grammar, with all its words."""
    return matcher.get_error().partition("\n")[0]


def _keep(bits: "np.ndarray[Any, np.dtype[np.int32]]", scores: "torch.Tensor") -> "torch.Tensor":
    """Take away from `scores` (rows x vocabulary) the tokens whose bit is not set."""
    import numpy as np  # noqa: PLC0415
    import torch  # noqa: PLC0415

    allowed = np.unpackbits(bits.view(np.uint8), axis=1, bitorder="little")[:, : scores.shape[1]]
    return scores.masked_fill_(torch.from_numpy(allowed == 0).to(scores.device), -torch.inf)
