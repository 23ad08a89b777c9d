"""Token counts without a tokenizer: no download, no vocabulary, and marked as estimates.

English prose and code come to about four characters a token in every present vocabulary, Chinese,
Japanese and Korean to about one.
"""

from typing import Any

from gateway.formats.types import Refusal, Reply, Text, Thinking, ToolCall

CHARS_PER_TOKEN = 4
MEDIA_TOKENS = 1000  # an image or a page, whatever its bytes
MEDIA_CHARS = 2000  # a string this long without a space is no prose
MESSAGE_TOKENS = 3  # what a message costs besides its text

# Ranges whose characters are about a token each: kana, Han, Hangul, and their neighbours.
_FIRST_DENSE, _LAST_DENSE = "\u2e80", "\ud7ff"


def estimate_text(text: str) -> int:
    """Tokens of a text; 0 only for an empty one."""
    if text.isascii():
        return -(-len(text) // CHARS_PER_TOKEN)
    dense = sum(1 for char in text if _FIRST_DENSE <= char <= _LAST_DENSE)
    return dense + -(-(len(text) - dense) // CHARS_PER_TOKEN)


def from_chars(chars: int) -> int:
    """Tokens of so many characters of which nothing more is known."""
    return -(-chars // CHARS_PER_TOKEN)


def estimate_body(body: dict[str, Any]) -> int:
    """Prompt tokens of a request body, whatever its format: all its text, media at a flat rate."""
    total = 0
    waiting: list[Any] = [
        body[name] for name in ("messages", "system", "tools", "functions") if name in body
    ]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            total += _estimate_string(value)
        elif isinstance(value, dict):
            if "role" in value:
                total += MESSAGE_TOKENS
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return total


def _estimate_string(text: str) -> int:
    if len(text) > MEDIA_CHARS and " " not in text[:MEDIA_CHARS]:
        return MEDIA_TOKENS
    return estimate_text(text)


def reply_chars(reply: Reply) -> int:
    """How many characters the model has written."""
    total = 0
    for part in reply.parts:
        match part:
            case Text(text=text) | Thinking(text=text) | Refusal(text=text):
                total += len(text)
            case ToolCall(arguments=arguments):
                total += len(arguments)
    return total
