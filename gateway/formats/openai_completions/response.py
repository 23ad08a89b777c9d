"""Answers: `text_completion` objects, which hold text and nothing else.

Source: https://platform.openai.com/docs/api-reference/completions/object (read 2026-11)
"""

from gateway.formats.openai_chat.response import write_usage
from gateway.formats.types import Asked, Finish, JSONDict, Refusal, Reply, Text

# Tools cannot be offered here, so that none is called.
FINISH_OUT: dict[Finish, str] = {
    "stop": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "tool_calls": "stop",
    "content_filter": "content_filter",
    "refusal": "content_filter",
}


def encode_response(reply: Reply, asked: Asked) -> JSONDict:
    """Write an answer. Thinking has no place in it."""
    text = "".join(part.text for part in reply.parts if isinstance(part, Text | Refusal))
    body: JSONDict = {
        "id": reply.id or asked.id,
        "object": "text_completion",
        "created": reply.created or asked.created,
        "model": asked.model,
        "choices": [choice(text, FINISH_OUT[reply.finish])],
    }
    return body | ({"usage": write_usage(reply.usage)} if reply.usage else {})


def choice(text: str, finish: str | None) -> JSONDict:
    return {"text": text, "index": 0, "logprobs": None, "finish_reason": finish}
