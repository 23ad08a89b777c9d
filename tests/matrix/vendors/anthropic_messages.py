"""Anthropic Messages.

Source: https://docs.anthropic.com/en/api/messages (read 2026-11)
"""

import json
from typing import Any

from tests.matrix.framing import event, pieces
from tests.matrix.scenarios import (
    CACHED_TOKENS,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    SIGNATURE,
    Answer,
    Item,
    JSONDict,
    Seen,
    canonical,
    tool_seen,
)
from tests.matrix.vendors.strict import Refused, alternate, check, only

SIGNS = True
STREAM_TYPE = "text/event-stream"
_FINISH = {
    "stop": "end_turn", "length": "max_tokens", "calls": "tool_use", "refusal": "refusal",
    "stop sequence": "stop_sequence",
}  # fmt: skip


def wants(path: str, body: JSONDict) -> tuple[str, bool]:
    check(path == "/messages", f"nothing at {path}")
    return body["model"], body.get("stream", False)


def read(body: JSONDict) -> Seen:
    only(
        body,
        "model", "messages", "system", "stream", "tools", "max_tokens", "stop_sequences",
        "output_config", "thinking", "tool_choice",
    )  # fmt: skip
    check(body.get("max_tokens", 0) > 0, "max_tokens: field required")
    alternate(message["role"] for message in body["messages"])
    items: list[Item] = []
    names: dict[str, str] = {}
    for message in body["messages"]:
        role, content = only(message, "role", "content")["role"], message["content"]
        for block in _blocks(content):
            items += _block(role, block, names)
    thinking = only(body.get("thinking", {}), "type", "budget_tokens", "display")
    thinks = thinking.get("type") in ("enabled", "adaptive")
    if "budget_tokens" in thinking:
        check(1024 <= thinking["budget_tokens"] < body["max_tokens"], "the thinking budget")
    calls = [items[at - 1][0] for at, item in enumerate(items) if item[0] == "call"]
    if thinks and calls:
        check(calls[0] == "thought", "a final turn of tools has to begin with a thought")
    return Seen(
        system="".join(block["text"] for block in _blocks(body.get("system", []))),
        items=items,
        tools=[_tool(tool) for tool in body.get("tools", [])],
        schema=_schema(body.get("output_config")),
        stop=body.get("stop_sequences", []),
        max_tokens=body["max_tokens"],
        thinks=thinks,
    )


def _blocks(content: Any) -> list[JSONDict]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _block(role: str, block: JSONDict, names: dict[str, str]) -> list[Item]:
    match block["type"]:
        case "text":
            only(block, "type", "text")
            check(block["text"], "text content blocks must be non-empty")
            return [(role, block["text"])]
        case "image":
            return [("picture", _picture(block))]
        case "thinking":
            only(block, "type", "thinking", "signature")
            return [("thought", block["thinking"], block["signature"])]
        case "tool_use":
            only(block, "type", "id", "name", "input")
            names[block["id"]] = block["name"]
            return [("call", block["name"], canonical(block["input"]))]
        case "tool_result":
            only(block, "type", "tool_use_id", "content", "is_error")
            check(block["tool_use_id"] in names, f"a result of no call: {block['tool_use_id']}")
            name = names[block["tool_use_id"]]
            return [_inside(name, inner) for inner in _blocks(block["content"])]
    raise Refused(f"content of type {block['type']}")


def _inside(name: str, block: JSONDict) -> Item:
    if block["type"] == "image":
        return "result picture", name, _picture(block)
    return "result", name, only(block, "type", "text")["text"]


def _picture(block: JSONDict) -> str:
    source = only(only(block, "type", "source")["source"], "type", "media_type", "data")
    check((source["type"], source["media_type"]) == ("base64", "image/png"), "no PNG")
    return str(source["data"])


def _tool(tool: JSONDict) -> JSONDict:
    only(tool, "name", "description", "input_schema", "type", "strict")
    return tool_seen(tool["name"], tool["description"], tool["input_schema"])


def _schema(config: Any) -> Any:
    wanted = (config or {}).get("format")
    if wanted is None:
        return None
    check(only(wanted, "type", "schema")["type"] == "json_schema", "no schema")
    return wanted["schema"]


# --- Answers ----------------------------------------------------------------------------------


def _content(answer: Answer) -> list[JSONDict]:
    blocks: list[JSONDict] = []
    if answer.thought:
        blocks.append({"type": "thinking", "thinking": answer.thought, "signature": SIGNATURE})
    if answer.text or answer.refusal:
        blocks.append({"type": "text", "text": answer.text or answer.refusal})
    for number, call in enumerate(answer.calls):
        blocks.append(
            {
                "type": "tool_use",
                "id": f"toolu_{number}",
                "name": call.name,
                "input": call.arguments,
            }
        )
    return blocks


def _usage(output: int) -> JSONDict:
    return {
        "input_tokens": INPUT_TOKENS - CACHED_TOKENS,
        "cache_creation_input_tokens": 4,
        "cache_read_input_tokens": CACHED_TOKENS - 4,
        "output_tokens": output,
        "service_tier": "standard",
    }


def answer(answer: Answer, model: str) -> JSONDict:
    return {
        "id": "msg_7", "type": "message", "role": "assistant", "model": model,
        "content": _content(answer), "stop_reason": _FINISH[answer.finish],
        "stop_sequence": answer.stop_sequence or None, "usage": _usage(OUTPUT_TOKENS),
    }  # fmt: skip


def stream(answer: Answer, model: str) -> list[bytes]:
    def say(kind: str, **fields: Any) -> None:
        sent.append(event({"type": kind, **fields}, kind))

    sent: list[bytes] = []
    message: JSONDict = {
        "id": "msg_7", "type": "message", "role": "assistant", "model": model, "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": _usage(1),
    }  # fmt: skip
    say("message_start", message=message)
    say("ping")
    for index, block in enumerate(_content(answer)):
        start, deltas = _pieces(block)
        say("content_block_start", index=index, content_block=start)
        for delta in deltas:
            say("content_block_delta", index=index, delta=delta)
        if answer.breaks:
            say("error", error={"type": "api_error", "message": answer.error})
            return sent
        say("content_block_stop", index=index)
    stop = _FINISH[answer.finish]
    ending = {"stop_reason": stop, "stop_sequence": answer.stop_sequence or None}
    say("message_delta", delta=ending, usage={"output_tokens": OUTPUT_TOKENS})
    say("message_stop")
    return sent


def _pieces(block: JSONDict) -> tuple[JSONDict, list[JSONDict]]:
    if block["type"] == "text":
        return {"type": "text", "text": ""}, [
            {"type": "text_delta", "text": piece} for piece in pieces(block["text"])
        ]
    if block["type"] == "thinking":
        return {"type": "thinking", "thinking": "", "signature": ""}, [
            *({"type": "thinking_delta", "thinking": p} for p in pieces(block["thinking"])),
            {"type": "signature_delta", "signature": block["signature"]},
        ]
    return {**block, "input": {}}, [
        {"type": "input_json_delta", "partial_json": piece}
        for piece in ["", *pieces(json.dumps(block["input"]))]
    ]


def refuse(status: int, message: str) -> JSONDict:
    kind = "api_error" if status >= 500 else "invalid_request_error"
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_7"}
