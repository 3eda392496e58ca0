"""A loaded model: prompts as token ids in, texts out."""

import json
import logging
import os
import warnings
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from summarizer.backends.constraint import Form, SchemaConstraint, SchemaGrammar
from summarizer.backends.device import Placement, check_placement
from summarizer.backends.encoding import PromptEncoder
from summarizer.backends.lora import add_adapter
from summarizer.backends.pulse import PULSE, Pulse
from summarizer.backends.weights import translate_loading_errors
from summarizer.completion import Decoding
from summarizer.errors import ModelError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from summarizer.backends.continuous import ContinuousDecoder, Written

_LOG = logging.getLogger(__name__)

#: Parts of the class names of models that write text.
WRITERS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")

#: Longest prompt for models without numbered positions (T5): their memory still grows with its square.
UNCOUNTED_CONTEXT = 8192


class Generated(NamedTuple):
    """What a model wrote for one prompt. `problem` says why it was ended although there was room for more."""

    text: str
    tokens: int
    complete: bool
    problem: str = ""


class LoadedModel:
    """A model in memory with its tokenizer. `plain_summarizer` is true for encoder-decoder models.

    `context` is how many tokens it can take: its positions, or a bound for models that count none.
    """

    def __init__(self, model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> None:
        """Prepare prompts, end tokens and, for models that take instructions, the grammar of answers."""
        from transformers import GenerationConfig  # noqa: PLC0415

        config = model.config
        self.model, self.tokenizer = model, tokenizer
        self.plain_summarizer: bool = config.is_encoder_decoder
        self.encoder = PromptEncoder(tokenizer, _summary_prefix(config) if self.plain_summarizer else None)
        positions: int | None = getattr(config.get_text_config(), "max_position_embeddings", None)
        self.context = UNCOUNTED_CONTEXT if positions is None else positions
        self.ends = end_tokens(model.generation_config.eos_token_id, tokenizer)
        self._pad: int = self.ends[0] if tokenizer.pad_token_id is None else tokenizer.pad_token_id
        self._grammar: SchemaGrammar | None = None
        # Some summarizers put an end token where the room ends, and a sentence that was cut would look complete.
        model.generation_config.forced_eos_token_id = None
        if not self.plain_summarizer:
            # What the authors of a model set for chats (temperature, penalties) would change greedy answers unseen. A
            # summarizer keeps its settings (beams, lengths): they are part of how it was trained to be used.
            model.generation_config = cast("Callable[[], GenerationConfig]", GenerationConfig)()
            self._grammar = SchemaGrammar(tokenizer, config.get_text_config().vocab_size, self.ends)

    @cached_property
    def continuous(self) -> bool:
        """Whether sequences may enter and leave a running batch; else batches begin and end together."""
        from summarizer.backends.transformers_decoder import takes_slots  # noqa: PLC0415

        return not self.plain_summarizer and takes_slots(self.model)

    def decoder(self, slots: int, every: float = PULSE) -> "ContinuousDecoder":
        """A batch that sequences enter and leave, where the model is `continuous`; a sign of life `every` seconds."""
        from summarizer.backends.continuous import ContinuousDecoder  # noqa: PLC0415
        from summarizer.backends.slots import SlotModel  # noqa: PLC0415
        from summarizer.backends.transformers_decoder import TransformersDecoder  # noqa: PLC0415

        grammar = cast("SchemaGrammar", self._grammar)  # there is one for all models but plain summarizers
        return ContinuousDecoder(SlotModel(TransformersDecoder(self.model), slots), grammar, self.ends, Pulse(every))

    def text_of(self, written: "Written") -> Generated:
        """What a decoder wrote, as text."""
        return written_text(self.tokenizer, written)

    def generate(self, prompts: list[list[int]], decoding: Decoding, forms: Sequence[Form]) -> list[Generated]:
        """Answer a batch, each prompt in its form.

        All rows are computed until the last one ends, so prompts of like length belong together.
        """
        import torch  # noqa: PLC0415

        ids, mask = self._pad_batch(prompts)
        room = min(decoding.max_tokens, self.context - 1)
        constraint = self._grammar.constraint(forms) if self._grammar else None
        with (
            torch.inference_mode(),
            torch.random.fork_rng(enabled=decoding.temperature > 0),
            # Advice about settings that come with a model; nobody here can follow it.
            warnings.catch_warnings(action="ignore", category=UserWarning),
        ):
            if decoding.temperature > 0:
                torch.manual_seed(decoding.seed)
            output = cast("Callable[..., torch.Tensor]", self.model.generate)(
                input_ids=ids,
                attention_mask=mask,
                logits_processor=[constraint] if constraint else [],
                stopping_criteria=[PulseCriterion(room, Pulse())],
                max_new_tokens=room,
                eos_token_id=self.ends,
                pad_token_id=self._pad,
                **_drawing(decoding),
            )
        start = 1 if self.plain_summarizer else ids.shape[1]
        return [self._finish(row, constraint, at) for at, row in enumerate(output[:, start:].tolist())]

    def _pad_batch(self, prompts: list[list[int]]) -> "tuple[torch.Tensor, torch.Tensor]":
        """Token ids and attention mask, rows x length. Prompts that are continued are padded on the left."""
        import torch  # noqa: PLC0415

        length = max(map(len, prompts))
        ids, mask = [], []
        for prompt in prompts:
            gap = length - len(prompt)
            padding, hidden, shown = [self._pad] * gap, [0] * gap, [1] * len(prompt)
            ids.append([*prompt, *padding] if self.plain_summarizer else [*padding, *prompt])
            mask.append([*shown, *hidden] if self.plain_summarizer else [*hidden, *shown])
        device = self.model.device
        return torch.tensor(ids, device=device), torch.tensor(mask, device=device)

    def _finish(self, row: list[int], constraint: SchemaConstraint | None, at: int) -> Generated:
        end = next((place for place, token in enumerate(row) if token in self.ends), None)
        written = row if end is None else row[:end]
        text = _decode(self.tokenizer, written)
        if constraint is None:
            return Generated(text.strip(), len(written), complete=end is not None)
        # The last brace may be the last token there was room for, so the end token alone does not tell.
        complete = end is not None or _is_json(text)
        return Generated(text, len(written), complete=complete, problem=constraint.problem(at))


class PulseCriterion:
    """A stopping criterion of transformers that stops nothing: the log hears now and then that a batch goes on."""

    def __init__(self, room: int, pulse: Pulse) -> None:
        """`room` is how many tokens each answer may have."""
        self._room, self._pulse, self._written = room, pulse, 0

    def __call__(self, input_ids: "torch.Tensor", _scores: object, **_more: object) -> "torch.Tensor":
        """Called after each token of all rows (rows x length)."""
        import torch  # noqa: PLC0415

        self._written += 1
        self._pulse.beat(len(input_ids), self._written, self._room)
        return torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)


def load_model(folder: Path, placement: Placement, adapter: Path | None = None) -> LoadedModel:
    """Load from a folder with safetensors, and add an adapter to the weights.

    `ModelError` for a model that does not write text or does not load.
    """
    _LOG.info("loading %s on %s in %s", folder.name, placement.device, placement.dtype)
    check_placement(placement)
    # Tokenizers that have used threads deadlock in a forked child; nothing here gains from their threads.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import torch  # noqa: PLC0415
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer  # noqa: PLC0415
    from transformers.utils import logging  # noqa: PLC0415

    for silence in (logging.set_verbosity_error, logging.disable_progress_bar):
        cast("Callable[[], None]", silence)()
    with translate_loading_errors(f"the model in {folder} does not load"):
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        _check_writes(config, folder)
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        load = cast("Callable[..., tuple[PreTrainedModel, dict[str, set[str]]]]", kind.from_pretrained)
        settings = {"config": config, "dtype": placement.weights, "use_safetensors": True, "trust_remote_code": False}
        model, report = load(folder, **settings, output_loading_info=True)
        torch.nn.Module.to(model, placement.device)
    if missing := sorted(report["missing_keys"]):
        # They would be drawn at random, and the answers with them.
        raise ModelError(f"the weights in {folder} lack {len(missing)} parts of the model, for example {missing[0]}")
    if adapter:
        add_adapter(model, adapter)
    loaded = LoadedModel(model, tokenizer)
    if placement.dtype == "int8":
        from summarizer.backends.eight_bits import SAMPLE, use_eight_bits  # noqa: PLC0415

        ids = torch.tensor([tokenizer(SAMPLE)["input_ids"][: loaded.context]])
        more = {"decoder_input_ids": ids} if config.is_encoder_decoder else {}
        use_eight_bits(model, lambda: model(input_ids=ids, use_cache=False, **more))
    return loaded


def written_text(tokenizer: "PreTrainedTokenizerBase", written: "Written") -> Generated:
    """What a decoder wrote, as text."""
    text = _decode(tokenizer, written.tokens)
    return Generated(text, len(written.tokens), complete=written.complete, problem=written.problem)


def _decode(tokenizer: "PreTrainedTokenizerBase", tokens: list[int]) -> str:
    return str(tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False))


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch ran out of memory, which only one of its allocators tells by the type of the error."""
    import torch  # noqa: PLC0415

    words = str(error).lower()
    told = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, torch.OutOfMemoryError) or any(part in words for part in told)


def _drawing(decoding: Decoding) -> dict[str, bool | float | int]:
    if decoding.temperature == 0:
        return {"do_sample": False}
    return {"do_sample": True, "temperature": decoding.temperature, "top_k": 0, "top_p": 1.0, "num_beams": 1}


def end_tokens(named: int | list[int] | None, tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    """What ends an answer: tokens that a model names, and that of its tokenizer; `ModelError` if there is none."""
    ends = [*(named if isinstance(named, list) else [named]), tokenizer.eos_token_id]
    known = list(dict.fromkeys(end for end in ends if end is not None))
    if not known:
        raise ModelError("neither the model nor its tokenizer names the token that ends an answer")
    return known


def _summary_prefix(config: "PreTrainedConfig") -> str:
    """What T5 and its kin want to read before a text that they are to summarize; mostly nothing."""
    tasks = getattr(config, "task_specific_params", None) or {}
    return str(tasks.get("summarization", {}).get("prefix") or "")


def _check_writes(config: "PreTrainedConfig", folder: Path) -> None:
    names = config.architectures or []
    if names and not any(part in name for name in names for part in WRITERS):
        raise ModelError(f"the model in {folder} does not write text: it is a {names[0]}")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
