"""Text and addresses from papers and models, made fit to be shown to a person."""

import re

#: One replacement per code point, so that offsets stay right: what is invisible, reorders the line or ends it becomes
#: a visible sign or a blank. Tab and line feed are left alone.
_SIGNS: dict[int, int] = {
    **{code: 0x2400 + code for code in range(0x20) if code not in (0x09, 0x0A)},
    0x7F: 0x2421,
    **dict.fromkeys(range(0x80, 0xA0), 0xFFFD),
    **dict.fromkeys((0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)), 0xFFFD),
    **dict.fromkeys(
        (*range(0xFDD0, 0xFDF0), *(plane | end for plane in range(0, 0x110000, 0x10000) for end in (0xFFFE, 0xFFFF))),
        0xFFFD,
    ),
    **dict.fromkeys((0x0D, 0x85, 0x2028, 0x2029), 0x20),
}

_WEB_ADDRESS = re.compile(r"""https?://[^\s/?#@\\<>"'`{}|^\[\]]+(?:[/?#][^\s\\<>"`{}|^\[\]]*)?""", re.IGNORECASE)


def visible(text: str) -> str:
    """The text with control and bidirectional characters replaced, each by exactly one other character."""
    return text.translate(_SIGNS)


def web_address(url: str | None) -> str | None:
    """The address when it can safely become a link (http or https, a host, no user name), else None."""
    return url if url and _WEB_ADDRESS.fullmatch(url) and visible(url) == url else None
