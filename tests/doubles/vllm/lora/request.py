"""Which adapter a request is computed with."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LoRARequest:
    """An adapter: a name, a number of its own, and where it lies."""

    lora_name: str
    lora_int_id: int
    lora_path: str
