"""OpenAI Chat Completions, with the thoughts as OpenRouter tells them.

Source: https://platform.openai.com/docs/api-reference/chat,
https://openrouter.ai/docs/use-cases/reasoning-tokens (read 2026-11)
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
from tests.matrix.vendors.strict import Refused, check, inline, only

SIGNS = True
STREAM_TYPE = "text/event-stream"
_FINISH = {"stop": "stop", "length": "length", "calls": "tool_calls", "refusal": "stop"}
_LABEL = "anthropic-claude-v1"


def wants(path: str, body: JSONDict) -> tuple[str, bool]:
    check(path == "/chat/completions", f"nothing at {path}")
    return body["model"], body.get("stream", False)


def read(body: JSONDict) -> Seen:
    only(
        body,
        "model", "messages", "stream", "stream_options", "tools", "max_tokens", "stop",
        "response_format", "reasoning_effort", "max_completion_tokens",
    )  # fmt: skip
    items: list[Item] = []
    system: list[str] = []
    names: dict[str, str] = {}
    for message in body["messages"]:
        match message["role"]:
            case "system" | "developer":
                system.append(_text(only(message, "role", "content")["content"]))
            case "user":
                items += _content("user", only(message, "role", "content")["content"])
            case "assistant":
                items += _assistant(message, names)
            case "tool":
                only(message, "role", "content", "tool_call_id")
                name = _known(names, message["tool_call_id"])
                for kind, *told in _content("result", message["content"]):
                    place = "result" if kind == "result" else "result picture"
                    items.append((place, name, *told))
            case role:
                raise Refused(f"role {role}")
    limit = body.get("max_tokens", body.get("max_completion_tokens"))
    return Seen(
        system="\n".join(system),
        items=items,
        tools=[_tool(tool) for tool in body.get("tools", [])],
        schema=_schema(body.get("response_format")),
        stop=_list(body.get("stop")),
        max_tokens=limit,
        thinks=body.get("reasoning_effort", "none") != "none",
    )


def _known(names: dict[str, str], id: str) -> str:
    check(id in names, f"a result of no call: {id}")
    return names[id]


def _list(stop: Any) -> list[str]:
    return [stop] if isinstance(stop, str) else stop or []


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(only(part, "type", "text")["text"] for part in content)


def _content(role: str, content: Any) -> list[Item]:
    if isinstance(content, str):
        return [(role, content)]
    items: list[Item] = []
    for part in content:
        match part["type"]:
            case "text":
                items.append((role, only(part, "type", "text")["text"]))
            case "image_url":
                items.append(("picture", inline(only(part["image_url"], "url", "detail")["url"])))
            case kind:
                raise Refused(f"content of type {kind}")
    return items


def _assistant(message: JSONDict, names: dict[str, str]) -> list[Item]:
    only(
        message,
        "role", "content", "tool_calls", "refusal", "reasoning", "reasoning_content",
        "reasoning_details",
    )  # fmt: skip
    items: list[Item] = []
    for detail in message.get("reasoning_details") or []:
        only(detail, "type", "text", "signature", "format", "index", "id")
        check(detail.get("format", _LABEL) == _LABEL, "signed by another")
        items.append(("thought", detail["text"], detail.get("signature", "")))
    if not items and message.get("reasoning_content"):
        items.append(("thought", message["reasoning_content"], ""))
    if message.get("content"):
        items += _content("assistant", message["content"])
    for call in message.get("tool_calls") or []:
        only(call, "id", "type", "function", "index")
        names[call["id"]] = call["function"]["name"]
        arguments = json.loads(call["function"]["arguments"])
        items.append(("call", call["function"]["name"], canonical(arguments)))
    return items


def _tool(tool: JSONDict) -> JSONDict:
    function = only(tool, "type", "function")["function"]
    only(function, "name", "description", "parameters", "strict")
    return tool_seen(function["name"], function["description"], function["parameters"])


def _schema(wanted: Any) -> Any:
    if wanted is None:
        return None
    check(wanted["type"] == "json_schema", "no schema")
    told = only(wanted["json_schema"], "name", "schema", "strict", "description")
    check(told.get("name"), "a schema without a name")
    return told["schema"]


# --- Answers ----------------------------------------------------------------------------------


def _usage() -> JSONDict:
    return {
        "prompt_tokens": INPUT_TOKENS,
        "completion_tokens": OUTPUT_TOKENS,
        "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
        "prompt_tokens_details": {"cached_tokens": CACHED_TOKENS, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }


def answer(answer: Answer, model: str) -> JSONDict:
    message: JSONDict = {"role": "assistant", "content": answer.text or None}
    message["refusal"] = answer.refusal or None
    if answer.thought:
        message["reasoning"] = answer.thought
        message["reasoning_details"] = [
            {
                "type": "reasoning.text", "text": answer.thought, "signature": SIGNATURE,
                "format": _LABEL, "index": 0,
            }
        ]  # fmt: skip
    if answer.calls:
        message["tool_calls"] = [
            {
                "id": f"call_{number}", "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
            }
            for number, call in enumerate(answer.calls)
        ]  # fmt: skip
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(answer)}
    return {
        "id": "chatcmpl-7", "object": "chat.completion", "created": 1_750_000_000, "model": model,
        "choices": [choice], "usage": _usage(), "service_tier": "default",
    }  # fmt: skip


def _finish(answer: Answer) -> str:
    return _FINISH.get(answer.finish, "stop")


def stream(answer: Answer, model: str) -> list[bytes]:
    def chunk(delta: JSONDict, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return event({**head, "choices": [choice], "usage": None})

    head = {
        "id": "chatcmpl-7", "object": "chat.completion.chunk", "created": 1_750_000_000,
        "model": model,
    }  # fmt: skip
    sent = [chunk({"role": "assistant", "content": ""})]
    for piece in pieces(answer.thought):
        detail = {"type": "reasoning.text", "text": piece, "format": _LABEL, "index": 0}
        sent.append(chunk({"reasoning": piece, "reasoning_details": [detail]}))
    if answer.thought:
        signed = {"type": "reasoning.text", "signature": SIGNATURE, "format": _LABEL, "index": 0}
        sent.append(chunk({"reasoning_details": [signed]}))
    sent += [chunk({"content": piece}) for piece in pieces(answer.text)]
    if answer.breaks:
        error = {"message": answer.error, "type": "server_error", "code": None, "param": None}
        return [*sent, event({"error": error})]
    sent += [chunk({"refusal": piece}) for piece in pieces(answer.refusal)]
    for number, call in enumerate(answer.calls):
        function = {"name": call.name, "arguments": ""}
        start = {"index": number, "id": f"call_{number}", "type": "function", "function": function}
        sent.append(chunk({"tool_calls": [start]}))
        for piece in pieces(json.dumps(call.arguments)):
            part = {"index": number, "function": {"arguments": piece}}
            sent.append(chunk({"tool_calls": [part]}))
    sent.append(chunk({}, _finish(answer)))
    return [*sent, event({**head, "choices": [], "usage": _usage()}), b"data: [DONE]\n\n"]


def refuse(status: int, message: str) -> JSONDict:
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}
