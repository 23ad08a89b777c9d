"""Ollama's own chat.

Source: https://github.com/ollama/ollama/blob/main/docs/api.md,
https://docs.ollama.com/capabilities/thinking (read 2026-11)
"""

from typing import Any

from tests.matrix.framing import line, pieces
from tests.matrix.scenarios import (
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    Answer,
    Item,
    JSONDict,
    Seen,
    canonical,
    tool_seen,
)
from tests.matrix.vendors.strict import check, only

SIGNS = False
STREAM_TYPE = "application/x-ndjson"
_AT = "2026-11-02T03:04:05.678901Z"


def wants(path: str, body: JSONDict) -> tuple[str, bool]:
    check(path == "/api/chat", f"nothing at {path}")
    return body["model"], body.get("stream", True)


def read(body: JSONDict) -> Seen:
    only(body, "model", "messages", "stream", "tools", "format", "options", "think", "keep_alive")
    options = only(body.get("options", {}), "num_predict", "stop", "num_ctx")
    seen = Seen(
        tools=[_tool(tool) for tool in body.get("tools") or []],
        schema=body.get("format"),
        stop=options.get("stop", []),
        max_tokens=options.get("num_predict"),
        thinks=bool(body.get("think")),
    )
    for message in body["messages"]:
        only(
            message,
            "role", "content", "images", "thinking", "tool_calls", "tool_name", "tool_call_id",
        )  # fmt: skip
        if message["role"] == "system":
            seen.system += message["content"]
        else:
            seen.items += _message(message)
    return seen


def _message(message: JSONDict) -> list[Item]:
    role, text, pictures = message["role"], message["content"], message.get("images") or []
    if role == "tool":
        name = message["tool_name"]
        return [("result", name, text), *(("result picture", name, data) for data in pictures)]
    check(role in ("user", "assistant"), f"role {role}")
    items: list[Item] = []
    if message.get("thinking"):
        items.append(("thought", message["thinking"], ""))
    items += [("picture", data) for data in pictures]
    if text:
        items.append((role, text))
    for call in message.get("tool_calls", []):
        function = only(only(call, "id", "function")["function"], "index", "name", "arguments")
        items.append(("call", function["name"], canonical(function["arguments"])))
    return items


def _tool(tool: JSONDict) -> JSONDict:
    function = only(only(tool, "type", "function")["function"], "name", "description", "parameters")
    return tool_seen(function["name"], function["description"], function["parameters"])


# --- Answers ----------------------------------------------------------------------------------


def _calls(answer: Answer) -> list[JSONDict]:
    return [
        {"function": {"index": number, "name": call.name, "arguments": call.arguments}}
        for number, call in enumerate(answer.calls)
    ]


def _words(answer: Answer) -> str:
    return answer.text or answer.refusal  # a model that does not want to says so


def _ending(answer: Answer) -> JSONDict:
    return {
        "done": True, "done_reason": "length" if answer.finish == "length" else "stop",
        "total_duration": 8_210_142_000, "load_duration": 22_224_542,
        "prompt_eval_count": INPUT_TOKENS, "prompt_eval_duration": 269_880_958,
        "eval_count": OUTPUT_TOKENS, "eval_duration": 7_916_594_250,
    }  # fmt: skip


def answer(answer: Answer, model: str) -> JSONDict:
    message: JSONDict = {"role": "assistant", "content": _words(answer)}
    if answer.thought:
        message["thinking"] = answer.thought
    if answer.calls:
        message["tool_calls"] = _calls(answer)
    return {"model": model, "created_at": _AT, "message": message, **_ending(answer)}


def stream(answer: Answer, model: str) -> list[bytes]:
    def say(done: JSONDict | None = None, **fields: Any) -> bytes:
        message = {"role": "assistant", "content": "", **fields}
        told = {"model": model, "created_at": _AT, "message": message, "done": False}
        return line(told | (done or {}))

    sent = [say(thinking=piece) for piece in pieces(answer.thought)]
    sent += [say(content=piece) for piece in pieces(_words(answer))]
    if answer.breaks:
        return [*sent, line({"error": answer.error})]
    sent += [say(tool_calls=[call]) for call in _calls(answer)]
    return [*sent, say(_ending(answer))]


def refuse(status: int, message: str) -> JSONDict:
    return {"error": message}
