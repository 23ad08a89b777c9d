"""`count_tokens`: what is to be counted, and how many there are.

Source: https://docs.anthropic.com/en/api/messages-count-tokens (read 2026-11)
"""

from gateway.formats.anthropic_messages.sending import address
from gateway.formats.types import JSONDict

# What may stand in a request for a count; everything else is refused there.
_COUNTED = (
    "messages",
    "system",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "mcp_servers",
    "context_management",
)


def decode_count_request(body: JSONDict) -> JSONDict:
    """The request whose tokens are asked for, as `decode_request` takes it."""
    return {"max_tokens": 1, **body}


def encode_count_request(body: JSONDict, model: str) -> JSONDict:
    """What the provider is asked for a request's count."""
    return {"model": model} | {name: body[name] for name in _COUNTED if name in body}


def count_address(model: str) -> str:
    """Under the base URL."""
    return address(model, stream=False) + "/count_tokens"


def decode_count(body: JSONDict) -> int | None:
    """Null for an answer that has none."""
    total = body.get("input_tokens")
    return total if isinstance(total, int) and total >= 0 else None


def encode_count(total: int) -> JSONDict:
    return {"input_tokens": total}
