"""Models of a few thousand weights, made on the spot: real files in real formats, which say nothing sensible."""

from importlib import import_module
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

#: Half of what it has is not typed.
transformers: Any = import_module("transformers")

SENTENCES = [
    "We present a network that guesses the depth of streams from the sound of the water.",
    "It reaches a higher accuracy than a linear model on every river that was measured.",
]
END, PAD = "</s>", "<pad>"
CONTEXT = 512


def save_tokenizer(folder: Path, *, ends_texts: bool = False, template: str | None = None) -> int:
    """Train a byte-level tokenizer, save it, and return the size of its vocabulary; the end token has the id 0."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.add_special_tokens([PAD])
    if ends_texts:
        tokenizer.post_processor = processors.TemplateProcessing(single=f"$A {END}", special_tokens=[(END, 0)])
    backend = transformers.TokenizersBackend(
        tokenizer_object=tokenizer, eos_token=END, pad_token=PAD, chat_template=template
    )
    backend.save_pretrained(folder)
    return len(backend)


def save_causal(folder: Path, *, template: str | None = None) -> Path:
    """A Llama with random weights; without a template it is a base model."""
    size = save_tokenizer(folder, template=template)
    config = transformers.LlamaConfig(
        vocab_size=size,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=CONTEXT,
        initializer_range=1.0,  # with the usual small weights, each prompt would get the same answer
        eos_token_id=0,
        pad_token_id=size - 1,
    )
    torch.manual_seed(0)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return folder


#: Decoders that differ in how positions and keys come about: what each needs besides its size.
KINDS: dict[str, dict[str, Any]] = {
    "Llama": {},
    "GPT2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": CONTEXT},  # learned positions
    "OPT": {"ffn_dim": 64, "word_embed_proj_dim": 32},  # positions that it counts from the mask
    "Qwen3": {"head_dim": 8},
    "SmolLM3": {},  # layers without positions
    "Mistral": {"sliding_window": 48},
    "Bloom": {"n_head": 4, "n_layer": 2},  # positions as a bias
    "Mamba": {"state_size": 4},  # a state instead of keys
    "Llama dynamic": {  # angles that depend on the longest sequence
        "rope_parameters": {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 4.0},
        "max_position_embeddings": CONTEXT,
    },
}


def save_decoder(folder: Path, kind: str) -> Path:
    """A decoder of one of `KINDS` with random weights, two layers, and two query heads for each head of keys."""
    size = save_tokenizer(folder)
    common = {
        "vocab_size": size,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": CONTEXT,
        "initializer_range": 0.5,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "pad_token_id": size - 1,
    }
    config = getattr(transformers, f"{kind.split(maxsplit=1)[0]}Config")(**(common | KINDS[kind]))
    torch.manual_seed(0)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return folder


def save_summarizer(folder: Path, kind: str) -> Path:
    """A T5 or a BART that writes four times the first letter of its vocabulary and then ends, whatever it reads.

    With all weights of its head at zero it takes the lowest id that it may, and its own settings keep the end token
    (id 0) from it until the fifth place.
    """
    size = save_tokenizer(folder, ends_texts=True)
    common: dict[str, Any] = {
        "vocab_size": size,
        "d_model": 16,
        "eos_token_id": 0,
        "pad_token_id": size - 1,
        "decoder_start_token_id": size - 1,
    }
    if kind == "t5":
        tasks = {"summarization": {"prefix": "summarize: "}}
        config = transformers.T5Config(**common, d_kv=8, d_ff=16, num_layers=1, num_heads=2, task_specific_params=tasks)
    else:
        config = transformers.BartConfig(
            **common,
            encoder_layers=1,
            decoder_layers=1,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=16,
            decoder_ffn_dim=16,
            max_position_embeddings=64,
        )
    torch.manual_seed(0)
    model = transformers.AutoModelForSeq2SeqLM.from_config(config)
    torch.nn.init.zeros_(model.get_output_embeddings().weight)
    model.generation_config.min_new_tokens = 4
    model.save_pretrained(folder)
    return folder


def save_gguf(path: Path) -> Path:
    """The smallest Llama that can be written as GGUF, with a tokenizer inside; weights are random float32."""
    tokens = [END, *(chr(code) for code in range(33, 127)), "Ġ", "Ċ", "th", "in"]
    width, heads, middle, size = 16, 2, 32, len(tokens)
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(width)
    writer.add_block_count(1)
    writer.add_feed_forward_length(middle)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(size)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types([3, *([1] * (size - 1))])
    writer.add_token_merges(["t h", "i n"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    random = np.random.default_rng(0)
    square, rest = (width, width), {"ffn_gate": (middle, width), "ffn_up": (middle, width), "ffn_down": (width, middle)}
    shapes = {f"blk.0.{name}.weight": square for name in ("attn_q", "attn_k", "attn_v", "attn_output")}
    shapes |= {f"blk.0.{name}.weight": shape for name, shape in rest.items()}
    shapes |= {f"{name}.weight": (width,) for name in ("blk.0.attn_norm", "blk.0.ffn_norm", "output_norm")}  # type: ignore[misc]
    shapes |= {"token_embd.weight": (size, width), "output.weight": (size, width)}
    for name, shape in shapes.items():
        writer.add_tensor(name, random.standard_normal(shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
