"""vLLM as an engine in this process (`--engine vllm`), for GPUs: paged attention, continuous batching, fused kernels.

Answers are held to the same forms as with torch, since its `guidance` backend is llguidance as well: JSON without
white space, or the grammar of lines with the words of one paper. An adapter is given to it as it is. Written against
vLLM 0.12 and later, where `structured_outputs` has this name (https://docs.vllm.ai/en/latest/features/structured_outputs/).
"""

import time
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from summarizer.backends.device import Placement
from summarizer.backends.encoding import PromptEncoder
from summarizer.backends.generation import UNCOUNTED_CONTEXT, Generated, written_text
from summarizer.backends.lora import shape_of
from summarizer.backends.weights import translate_loading_errors
from summarizer.errors import ModelError, SettingsError

if TYPE_CHECKING:
    from summarizer.backends.continuous import Asked, Written

#: Share of the GPU's memory that vLLM takes; the rest is for what others have there.
_MEMORY: Final = 0.85
#: Ranks of adapters that vLLM has kernels for.
_RANKS: Final = (8, 16, 32, 64, 128, 256, 320, 512)


class VllmModel:
    """A model in vLLM, with what the local backend asks of a loaded one."""

    plain_summarizer = False
    continuous = True

    def __init__(self, engine: Any, tokenizer: Any, context: int, adapter: Any) -> None:
        """`engine` is an `LLMEngine`, `adapter` a `LoRARequest` or None."""
        self._engine, self._adapter, self.tokenizer = engine, adapter, tokenizer
        self.encoder, self.context = PromptEncoder(tokenizer, None), context
        self._names = count()
        self._last: VllmDecoder | None = None

    def decoder(self, _slots: int) -> "VllmDecoder":
        """A batch that sequences enter and leave; how many are computed at once is up to vLLM.

        What the one before it has under way is given up: the engine outlives a run that nobody read to its end.
        """
        if self._last:
            self._last.abandon()
        self._last = VllmDecoder(self._engine, self._adapter, self.tokenizer.eos_token_id, self._names)
        return self._last

    def text_of(self, written: "Written") -> Generated:
        """What was written, as text."""
        return written_text(self.tokenizer, written)


class VllmDecoder:
    """What is under way in the engine."""

    def __init__(self, engine: Any, adapter: Any, end: int, names: Iterator[int]) -> None:
        """`end` is the token that ends an answer; `names` are such as no request of the engine had before."""
        self._engine, self._adapter, self._end, self._names = engine, adapter, end, names
        self._numbers: dict[str, int] = {}
        self._seconds: dict[str, float] = {}
        self._refused: list[Written] = []

    def admit(self, asked: "Sequence[Asked]") -> None:
        """Give prompts to the engine. What it refuses leaves with the next step: it looks at forms before it begins."""
        from vllm import SamplingParams  # noqa: PLC0415
        from vllm.sampling_params import StructuredOutputsParams  # noqa: PLC0415

        from summarizer.backends.continuous import Written  # noqa: PLC0415 - it takes torch

        for one in asked:
            lines = one.form.lines
            held = (
                StructuredOutputsParams(grammar=lines) if lines else StructuredOutputsParams(json=one.form.schema_text)
            )
            drawing = SamplingParams(
                temperature=one.decoding.temperature,
                seed=one.decoding.seed,
                max_tokens=one.decoding.max_tokens,
                structured_outputs=held,
                detokenize=False,
            )
            name = str(next(self._names))
            try:
                self._engine.add_request(name, {"prompt_token_ids": one.prompt}, drawing, lora_request=self._adapter)
            except ValueError as error:
                self._refused.append(Written(one.number, [], str(error), seconds=0.0, complete=False))
                continue
            self._numbers[name], self._seconds[name] = one.number, 0.0

    def step(self) -> "list[Written]":
        """Let the engine compute once; what has ended leaves."""
        from summarizer.backends.continuous import Written  # noqa: PLC0415 - it takes torch

        begun = time.perf_counter()
        outputs = self._engine.step()
        share = (time.perf_counter() - begun) / max(len(self._seconds), 1)
        for name in self._seconds:
            self._seconds[name] += share
        gone, self._refused = self._refused, []
        for output in outputs:
            if output.finished:
                (answer,) = output.outputs
                tokens = [token for token in answer.token_ids if token != self._end]
                seconds = self._seconds.pop(output.request_id)
                complete = answer.finish_reason == "stop"
                gone.append(Written(self._numbers.pop(output.request_id), tokens, "", seconds, complete))
        return gone

    def abandon(self) -> None:
        """Give up what is under way."""
        self._engine.abort_request(list(self._numbers))
        self._refused.clear()
        self._numbers.clear()
        self._seconds.clear()


def load_vllm(folder: Path, placement: Placement, adapter: Path | None) -> VllmModel:
    """Load a folder into an engine; `SettingsError` without vLLM, `ModelError` for what does not load."""
    try:
        from vllm import EngineArgs, LLMEngine  # noqa: PLC0415
        from vllm.lora.request import LoRARequest  # noqa: PLC0415
    except ImportError as error:
        raise SettingsError("--engine vllm needs vLLM, and a GPU that it supports: pip install vllm") from error
    from transformers import AutoConfig, AutoTokenizer  # noqa: PLC0415

    with translate_loading_errors(f"vLLM cannot load the model in {folder}"):
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        if config.is_encoder_decoder:
            raise ModelError(f"the model in {folder} is no causal one: leave --engine vllm out")
        # Memory is set aside for the longest sequence, and abstracts are short.
        context = min(config.get_text_config().max_position_embeddings, UNCOUNTED_CONTEXT)
        arguments = EngineArgs(
            model=str(folder),
            dtype=placement.dtype,
            trust_remote_code=False,
            max_model_len=context,
            gpu_memory_utilization=_MEMORY,
            enable_prefix_caching=True,
            structured_outputs_config={"backend": "guidance", "disable_any_whitespace": True},
            enable_lora=adapter is not None,
            max_lora_rank=_rank(adapter) if adapter else _RANKS[0],
            disable_log_stats=True,
        )
        engine = LLMEngine.from_engine_args(arguments)
    request = LoRARequest(adapter.name, 1, str(adapter)) if adapter else None
    return VllmModel(engine, tokenizer, context, request)


def _rank(adapter: Path) -> int:
    rank, _ = shape_of(adapter)
    found = next((each for each in _RANKS if each >= rank), None)
    if found is None:
        raise ModelError(f"adapter {adapter}: its rank is {rank}, and vLLM takes at most {_RANKS[-1]}")
    return found
