"""Cohere's Chat, version 2.

Source: https://docs.cohere.com/reference/chat, https://docs.cohere.com/v2/docs/reasoning
(read 2026-11)
"""

import json
from typing import Any

from tests.matrix.framing import event, pieces
from tests.matrix.scenarios import (
    CACHED_TOKENS,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    Answer,
    Item,
    JSONDict,
    Seen,
    canonical,
    tool_seen,
)
from tests.matrix.vendors.strict import Refused, check, inline, only

SIGNS = False
STREAM_TYPE = "text/event-stream"
_FINISH = {"length": "MAX_TOKENS", "calls": "TOOL_CALL", "stop sequence": "STOP_SEQUENCE"}


def wants(path: str, body: JSONDict) -> tuple[str, bool]:
    check(path == "/v2/chat", f"nothing at {path}")
    return body["model"], body.get("stream", False)


def read(body: JSONDict) -> Seen:
    only(
        body,
        "model", "messages", "stream", "tools", "max_tokens", "stop_sequences", "response_format",
        "thinking", "strict_tools", "tool_choice",
    )  # fmt: skip
    items: list[Item] = []
    system: list[str] = []
    names: dict[str, str] = {}
    for message in body["messages"]:
        match message["role"]:
            case "system":
                told = _content("system", only(message, "role", "content")["content"])
                system += [text for _, text in told]
            case "user":
                items += _content("user", only(message, "role", "content")["content"])
            case "assistant":
                items += _assistant(message, names)
            case "tool":
                only(message, "role", "content", "tool_call_id")
                check(message["tool_call_id"] in names, "a result of no call")
                told = _content("result", message["content"])
                items += [("result", names[message["tool_call_id"]], text) for _, text in told]
            case role:
                raise Refused(f"role {role}")
    return Seen(
        system="".join(system),
        items=items,
        tools=[_tool(tool) for tool in body.get("tools", [])],
        schema=_schema(body.get("response_format")),
        stop=body.get("stop_sequences", []),
        max_tokens=body.get("max_tokens"),
        thinks=only(body.get("thinking", {}), "type", "token_budget").get("type") == "enabled",
    )


def _content(role: str, content: Any) -> list[Item]:
    items: list[Item] = []
    for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
        match part["type"]:
            case "text":
                items.append((role, only(part, "type", "text")["text"]))
            case "thinking" if role == "assistant":
                items.append(("thought", only(part, "type", "thinking")["thinking"], ""))
            case "image_url" if role == "user":
                items.append(("picture", inline(only(part["image_url"], "url", "detail")["url"])))
            case kind:
                raise Refused(f"content of type {kind} in a message of the role {role}")
    return items


def _assistant(message: JSONDict, names: dict[str, str]) -> list[Item]:
    only(message, "role", "content", "tool_calls", "tool_plan")
    items: list[Item] = []
    if message.get("tool_plan"):
        items.append(("thought", message["tool_plan"], ""))
    items += _content("assistant", message.get("content") or [])
    for call in message.get("tool_calls", []):
        function = only(call, "id", "type", "function")["function"]
        names[call["id"]] = function["name"]
        items.append(("call", function["name"], canonical(json.loads(function["arguments"]))))
    return items


def _tool(tool: JSONDict) -> JSONDict:
    function = only(only(tool, "type", "function")["function"], "name", "description", "parameters")
    return tool_seen(function["name"], function["description"], function["parameters"])


def _schema(wanted: Any) -> Any:
    if wanted is None:
        return None
    check(only(wanted, "type", "json_schema")["type"] == "json_object", "no JSON is asked for")
    return wanted["json_schema"]


# --- Answers ----------------------------------------------------------------------------------


def _usage() -> JSONDict:
    billed = {"input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS}
    tokens = {"input_tokens": INPUT_TOKENS + 500, "output_tokens": OUTPUT_TOKENS + 4}
    return {"billed_units": billed, "tokens": tokens, "cached_tokens": CACHED_TOKENS}


def _words(answer: Answer) -> str:
    return answer.text or answer.refusal  # a model that does not want to says so


def _call(number: int, answer: Answer) -> JSONDict:
    call = answer.calls[number]
    function = {"name": call.name, "arguments": json.dumps(call.arguments)}
    return {"id": f"weather_{number}", "type": "function", "function": function}


def answer(answer: Answer, model: str) -> JSONDict:
    content: list[JSONDict] = []
    if answer.thought:
        content.append({"type": "thinking", "thinking": answer.thought})
    if _words(answer):
        content.append({"type": "text", "text": _words(answer)})
    message: JSONDict = {"role": "assistant"}
    if content:
        message["content"] = content
    if answer.calls:
        message["tool_calls"] = [_call(number, answer) for number in range(len(answer.calls))]
    finish = _FINISH.get(answer.finish, "COMPLETE")
    return {"id": "7", "finish_reason": finish, "message": message, "usage": _usage()}


def stream(answer: Answer, model: str) -> list[bytes]:
    def say(kind: str, **fields: Any) -> None:
        sent.append(event({"type": kind, **fields}, kind))

    def write(index: int, kind: str, text: str, name: str) -> None:
        start = {"message": {"content": {"type": kind, name: ""}}}
        say("content-start", index=index, delta=start)
        for piece in pieces(text):
            say("content-delta", index=index, delta={"message": {"content": {name: piece}}})
        if not answer.breaks:
            say("content-end", index=index)

    sent: list[bytes] = []
    empty = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    say("message-start", id="7", delta={"message": empty})
    if answer.thought:
        write(0, "thinking", answer.thought, "thinking")
    if _words(answer):
        write(1 if answer.thought else 0, "text", _words(answer), "text")
    if answer.breaks:
        delta = {"finish_reason": "ERROR", "error": answer.error}
        say("message-end", id="7", delta=delta)
        return sent
    for number in range(len(answer.calls)):
        call = _call(number, answer)
        begun = {**call, "function": {**call["function"], "arguments": ""}}
        say("tool-call-start", index=number, delta={"message": {"tool_calls": begun}})
        for piece in pieces(call["function"]["arguments"]):
            part = {"function": {"arguments": piece}}
            say("tool-call-delta", index=number, delta={"message": {"tool_calls": part}})
        say("tool-call-end", index=number)
    finish = _FINISH.get(answer.finish, "COMPLETE")
    say("message-end", id="7", delta={"finish_reason": finish, "usage": _usage()})
    return sent


def refuse(status: int, message: str) -> JSONDict:
    return {"id": "7", "message": message}
