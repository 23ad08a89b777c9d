"""What an answer and the events of its stream are made of: the response object, and its items.

Source: https://platform.openai.com/docs/api-reference/responses/object (read 2026-11)
"""

from collections.abc import Sequence
from typing import Any

from gateway.formats import custom_tools, signatures
from gateway.formats.openai_responses.tools import Names, Offered
from gateway.formats.openai_responses.wording import NAME, NOBODY
from gateway.formats.types import Asked, Finish, Image, JSONDict, ToolCall, Usage

# What an answer repeats of its request, and what it says where the request does not.
_REPEATED: dict[str, Any] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": "default",
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
# Why an answer is incomplete; of other finishes it is complete.
INCOMPLETE: dict[Finish, str] = {
    "length": "max_output_tokens",
    "content_filter": "content_filter",
    "refusal": "content_filter",
}
_PREFIX = "resp_"


def response_id(told: str, asked: Asked) -> str:
    """The upstream's, where it is of this format's kind; else ours, which is no one else's."""
    return told if told.startswith(_PREFIX) else _PREFIX + asked.id


def skeleton(asked: Asked, id: str, created: int | None) -> JSONDict:
    """A response that has only begun."""
    return {
        "id": id,
        "object": "response",
        "created_at": created or asked.created,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "model": asked.model,
        "output": [],
        "usage": None,
        **_repeated(asked.request),
    }


def _repeated(request: JSONDict) -> JSONDict:
    told = dict(_REPEATED)
    told |= {name: request[name] for name in _REPEATED if request.get(name) is not None}
    for name in ("reasoning", "text"):
        if isinstance(told[name], dict):
            told[name] = _REPEATED[name] | told[name]
    if told["service_tier"] == "auto":
        told["service_tier"] = "default"
    return told


def ended(
    response: JSONDict, finish: Finish, usage: Usage | None, refused: bool = False
) -> JSONDict:
    """The response with how it ended; its output is as it was.

    `refused`: the output has the words of a refusal, and is complete with them.
    """
    reason = None if refused and finish == "refusal" else INCOMPLETE.get(finish)
    return response | {
        "status": "incomplete" if reason else "completed",
        "incomplete_details": {"reason": reason} if reason else None,
        "usage": write_usage(usage or Usage()),
    }


def write_usage(usage: Usage) -> JSONDict:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }


# --- Items -----------------------------------------------------------------------------------


def item_id(prefix: str, response: str, index: int) -> str:
    """An item's id: `prefix` says of what kind, `index` where it stands in the output."""
    return f"{prefix}_{response.removeprefix(_PREFIX)}_{index}"


def message_item(id: str, content: Sequence[JSONDict], status: str) -> JSONDict:
    return {
        "id": id,
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": list(content),
    }


def text_part(text: str, annotations: Sequence[JSONDict] = ()) -> JSONDict:
    return {
        "type": "output_text",
        "text": text,
        "annotations": list(annotations),
        "logprobs": [],
    }


def refusal_part(text: str) -> JSONDict:
    return {"type": "refusal", "refusal": text}


def summary_part(text: str) -> JSONDict:
    return {"type": "summary_text", "text": text}


def encrypted(signature: str | None, signed_by: str | None) -> str:
    """A thought's signature as `encrypted_content`, which is what comes back on the next turn."""
    if signature is None:
        return signatures.wrap("", NOBODY, NAME)
    return signatures.wrap(signature, signed_by, NAME)


def reasoning_item(id: str, texts: Sequence[str], content: str | None, status: str) -> JSONDict:
    summary = [summary_part(text) for text in texts]
    told = {} if content is None else {"encrypted_content": content}
    return {"id": id, "type": "reasoning", "status": status, "summary": summary, **told}


def call_item(response: str, index: int, call: ToolCall, names: Names, status: str) -> JSONDict:
    """A call as the client knows the tool: custom, or within a namespace."""
    call = custom_tools.as_asked(call, names.customs)
    offered = names.asked.get(call.name) or Offered(call.name, custom=call.custom)
    space = {"namespace": offered.namespace} if offered.namespace is not None else {}
    told = {"call_id": call.id, "name": offered.name, **space}
    if call.custom:
        id = item_id("ctc", response, index)
        kept = {"input": call.arguments}
        return {"id": id, "type": "custom_tool_call", "status": status, **told, **kept}
    # Of no arguments: nothing while they may still come, and then an empty object.
    kept = {"arguments": call.arguments or ("" if status == "in_progress" else "{}")}
    id = item_id("fc", response, index)
    return {"id": id, "type": "function_call", "status": status, **told, **kept}


def image_item(id: str, image: Image) -> JSONDict:
    kind = (image.media_type or "").partition("/")[2]
    told = {"output_format": kind} if kind and kind != "png" else {}
    return {
        "id": id,
        "type": "image_generation_call",
        "status": "completed",
        "result": image.data,
        **told,
    }
