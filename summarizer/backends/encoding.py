"""Turns a request into the tokens of a prompt. What the messages say is always plain text, never a control token."""

from typing import TYPE_CHECKING, Any, cast

from jinja2 import TemplateError

from summarizer.completion import Message, Request
from summarizer.errors import ModelError, RequestError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

#: For models that have no chat template: the texts, one after the other.
PLAIN_TEMPLATE = "{% for message in messages %}{{ message.content }}{% if not loop.last %}\n\n{% endif %}{% endfor %}"
#: Switches that chat templates know. Some write today's date, and the same input has to give the same prompt tomorrow;
#: some open a passage for thinking, which the schema has no room for.
TEMPLATE_SWITCHES: dict[str, Any] = {"date_string": "1 January 2026", "enable_thinking": False}


class PromptEncoder:
    """Encodes for one tokenizer: by its chat template, as plain text where it has none, or for a plain summarizer."""

    def __init__(self, tokenizer: "PreTrainedTokenizerBase", summary_prefix: str | None) -> None:
        """`summary_prefix` is set for a plain summarizer, which is shown only the abstract, behind this prefix."""
        self._tokenizer, self._summary_prefix = tokenizer, summary_prefix
        self._chats = summary_prefix is None and bool(tokenizer.chat_template)
        # A chat template writes all control tokens itself. An end token after a plain prompt would end the answer.
        front, back = ([], []) if self._chats else _frame(tokenizer)
        self._front, self._back = front, [] if summary_prefix is None else back
        self._has_system = not self._chats or self._takes_system_message()

    def encode(self, request: Request) -> list[int]:
        """Token ids of the prompt; `RequestError` if a text in it cannot be kept from becoming a control token."""
        if self._summary_prefix is not None:
            text = self._summary_prefix + request.abstract.strip()
            messages: tuple[Message, ...] = (Message(role="user", content=text),)
        else:
            messages = request.messages if self._has_system else _without_system(request.messages)
        try:
            return [*self._front, *self._render(messages), *self._back]
        except ValueError as error:
            raise RequestError(request.id, "rejected", f"the prompt cannot be encoded: {error}") from error

    def _render(self, messages: tuple[Message, ...]) -> list[int]:
        ids = self._tokenizer.apply_chat_template(
            [message.model_dump() for message in messages],
            chat_template=None if self._chats else PLAIN_TEMPLATE,
            add_generation_prompt=True,
            sanitize_control_tokens=True,
            return_dict=False,
            **TEMPLATE_SWITCHES,
        )
        return cast("list[int]", ids)

    def _takes_system_message(self) -> bool:
        probe = (Message(role="system", content="a"), Message(role="user", content="b"))
        try:
            self._render(probe)
        except TemplateError:
            try:
                self._render(_without_system(probe))
            except TemplateError as error:
                raise ModelError(f"the chat template of this model cannot be used: {error}") from error
            return False
        return True


def _without_system(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The system message put in front of the first one of the user, for templates that have no place for it."""
    if len(messages) < 2 or messages[0].role != "system":
        return messages
    joined = f"{messages[0].content}\n\n{messages[1].content}"
    return (Message(role=messages[1].role, content=joined), *messages[2:])


def _frame(tokenizer: "PreTrainedTokenizerBase") -> tuple[list[int], list[int]]:
    """The control tokens that the tokenizer puts before and after a plain text."""
    bare: list[int] = tokenizer.encode("a", add_special_tokens=False)
    framed: list[int] = tokenizer.encode("a")
    start = next((at for at in range(len(framed)) if framed[at : at + len(bare)] == bare), 0)
    return framed[:start], framed[start + len(bare) :]
