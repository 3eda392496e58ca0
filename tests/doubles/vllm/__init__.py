"""Stands in for vLLM where there is no GPU: what of its interface is used, with its names and arguments.

As documented for vLLM 0.12 and later; an argument that is not one is an error. What computes is transformers, without a
cache, and answers are held to their form by llguidance, as by the `guidance` backend of vLLM.
"""

from dataclasses import dataclass, field
from typing import Any, cast

import llguidance
import llguidance.hf
import llguidance.numpy
import numpy as np
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from vllm.lora.request import LoRARequest
from vllm.sampling_params import SamplingParams

__all__ = ["EngineArgs", "LLMEngine", "SamplingParams"]


@dataclass
class EngineArgs:
    """How an engine is made."""

    model: str
    dtype: str = "auto"
    trust_remote_code: bool = False
    max_model_len: int | None = None
    gpu_memory_utilization: float = 0.92
    enable_prefix_caching: bool | None = None
    structured_outputs_config: dict[str, Any] = field(default_factory=dict)
    enable_lora: bool = False
    max_lora_rank: int = 16
    disable_log_stats: bool = False


@dataclass
class CompletionOutput:
    """One answer to a prompt."""

    index: int
    text: str
    token_ids: list[int]
    finish_reason: str | None


@dataclass
class RequestOutput:
    """What there is of a request after a step."""

    request_id: str
    outputs: list[CompletionOutput]
    finished: bool


@dataclass
class _Sequence:
    prompt: list[int]
    params: SamplingParams
    matcher: llguidance.LLMatcher
    written: list[int] = field(default_factory=list)


class LLMEngine:
    """The engine that is stepped by hand."""

    def __init__(self, args: EngineArgs) -> None:
        """Load the model."""
        assert args.structured_outputs_config == {"backend": "guidance", "disable_any_whitespace": True}
        self.args = args
        self._tokenizer: Any = AutoTokenizer.from_pretrained(args.model)
        self._model: Any = AutoModelForCausalLM.from_pretrained(args.model, dtype=args.dtype)
        self._names = llguidance.hf.from_tokenizer(cast("Any", self._tokenizer), n_vocab=self._model.config.vocab_size)
        self._sequences: dict[str, _Sequence] = {}
        self._adapter: LoRARequest | None = None

    @classmethod
    def from_engine_args(cls, engine_args: EngineArgs) -> "LLMEngine":
        """Make one."""
        return cls(engine_args)

    def add_request(
        self,
        request_id: str,
        prompt: dict[str, list[int]],
        params: SamplingParams,
        *,
        lora_request: LoRARequest | None = None,
    ) -> None:
        """Take a prompt in; `ValueError` for a grammar that cannot be held to."""
        assert request_id not in self._sequences
        assert (lora_request is not None) == self.args.enable_lora
        if lora_request is not None and self._adapter is None:
            self._adapter = lora_request
            self._model = PeftModel.from_pretrained(self._model, lora_request.lora_path)
        held = params.structured_outputs
        if held.json is not None:
            grammar = llguidance.LLMatcher.grammar_from_json_schema(held.json, defaults={"whitespace_flexible": False})
        else:
            grammar = llguidance.grammar_from("grammar", held.grammar)
        matcher = llguidance.LLMatcher(self._names, grammar)
        if matcher.is_error():
            raise ValueError(f"Grammar error: {matcher.get_error()}")
        self._sequences[request_id] = _Sequence(prompt["prompt_token_ids"], params, matcher)

    def abort_request(self, request_ids: list[str]) -> None:
        """Give up what is under way; ids of what has ended are no error."""
        for request_id in request_ids:
            self._sequences.pop(request_id, None)

    def has_unfinished_requests(self) -> bool:
        """Whether a step would do anything."""
        return bool(self._sequences)

    @torch.inference_mode()
    def step(self) -> list[RequestOutput]:
        """One token for each sequence."""
        return [self._advance(name, sequence) for name, sequence in list(self._sequences.items())]

    def _advance(self, name: str, sequence: _Sequence) -> RequestOutput:
        logits = self._model(torch.tensor([[*sequence.prompt, *sequence.written]])).logits[0, -1:]
        mask = llguidance.numpy.allocate_token_bitmask(1, self._names.vocab_size)
        llguidance.numpy.fill_next_token_bitmask(sequence.matcher, mask, 0)
        allowed = np.unpackbits(mask.view(np.uint8), bitorder="little")[: logits.shape[1]].astype(bool)
        token = int(logits[0].masked_fill(~torch.from_numpy(allowed), -torch.inf).argmax())
        sequence.matcher.consume_token(token)
        sequence.written.append(token)
        reason = None
        if token == self._tokenizer.eos_token_id or sequence.matcher.is_stopped():
            reason = "stop"
        elif len(sequence.written) >= sequence.params.max_tokens:
            reason = "length"
        if reason:
            del self._sequences[name]
        return RequestOutput(name, [CompletionOutput(0, "", list(sequence.written), reason)], reason is not None)
