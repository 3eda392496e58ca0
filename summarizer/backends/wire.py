"""A request as a server of the OpenAI chat API takes it."""

import json

from summarizer.completion import Json, Request

LENGTH_KEYWORDS = frozenset({"minLength", "maxLength", "minItems", "maxItems"})


def parameters(request: Request, model: str, limit_name: str) -> Json:
    """What is sent. All of it but the last message is the same for every request of a run."""
    return {
        "model": model,
        "messages": [message.model_dump() for message in request.messages],
        "temperature": request.decoding.temperature,
        "seed": request.decoding.seed,
        limit_name: request.decoding.max_tokens,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": wire_schema(request.schema_text)},
        },
    }


def wire_schema(schema_text: str) -> Json:
    """The schema as strict mode accepts it: without bounds of lengths, which are validated locally instead.

    `Request.schema_text` already requires every property and allows no others.
    """
    schema: Json = json.loads(schema_text, object_hook=_without_lengths)
    return schema


def _without_lengths(node: Json) -> Json:
    # A property may be called maxItems too, and is then a schema, not a number.
    return {name: value for name, value in node.items() if not (name in LENGTH_KEYWORDS and isinstance(value, int))}
