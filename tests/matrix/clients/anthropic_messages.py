"""A client of Anthropic Messages.

Source: https://docs.anthropic.com/en/api/messages,
https://docs.anthropic.com/en/docs/build-with-claude/streaming (read 2026-11)
"""

import json
from typing import Any

from tests.matrix.framing import events
from tests.matrix.scenarios import Ask, Call, Heard, JSONDict, Result

SIGNS = True
_FINISH = {
    "end_turn": "stop", "max_tokens": "length", "tool_use": "calls", "refusal": "refusal",
    "stop_sequence": "stop sequence",
}  # fmt: skip


def path(model: str, stream: bool) -> str:
    return "/v1/messages"


def build(ask: Ask, model: str, stream: bool) -> JSONDict:
    content: Any = ask.question
    if ask.picture:
        content = [_image(ask.picture), {"type": "text", "text": ask.question}]
    messages: list[JSONDict] = [{"role": "user", "content": content}]
    if ask.called:
        calls = [
            {"type": "tool_use", "id": f"toolu_own{n}", "name": call.name, "input": call.arguments}
            for n, call in enumerate(ask.called)
        ]
        messages.append({"role": "assistant", "content": calls})
        messages.append({"role": "user", "content": _results(calls, ask.results)})
    body: JSONDict = {
        "model": model, "messages": messages, "stream": stream,
        "max_tokens": ask.max_tokens or 8000,
    }  # fmt: skip
    if ask.system:
        body["system"] = ask.system
    if ask.tools:
        body["tools"] = [
            {"name": t.name, "description": t.description, "input_schema": t.parameters}
            for t in ask.tools
        ]
    if ask.schema:
        body["output_config"] = {"format": {"type": "json_schema", "schema": ask.schema}}
    if ask.stop:
        body["stop_sequences"] = list(ask.stop)
    if ask.thinks:
        body["thinking"] = {"type": "enabled", "budget_tokens": 2048}
    return body


def _image(picture: str) -> JSONDict:
    source = {"type": "base64", "media_type": "image/png", "data": picture}
    return {"type": "image", "source": source}


def _results(calls: list[JSONDict], results: tuple[Result, ...]) -> list[JSONDict]:
    blocks = []
    for call, result in zip(calls, results, strict=True):
        content: Any = result.text
        if result.picture:
            content = [{"type": "text", "text": result.text}, _image(result.picture)]
        blocks.append({"type": "tool_result", "tool_use_id": call["id"], "content": content})
    return blocks


def goes_on(body: JSONDict, heard: Heard, results: tuple[Result, ...], model: str) -> JSONDict:
    calls = [block for block in heard.raw if block["type"] == "tool_use"]
    more = [
        {"role": "assistant", "content": heard.raw},
        {"role": "user", "content": _results(calls, results)},
    ]
    return {**body, "model": model, "messages": body["messages"] + more}


def read(status: int, body: JSONDict) -> Heard:
    if status != 200:
        assert body["type"] == "error"
        return Heard(status=status, error=body["error"]["message"])
    assert (body["type"], body["role"]) == ("message", "assistant")
    return _heard(body)


def _heard(message: JSONDict) -> Heard:
    heard = Heard(ended=True, raw=message["content"])
    for block in message["content"]:
        match block["type"]:
            case "text":
                heard.text += block["text"]
            case "thinking":
                heard.thought += block["thinking"]
                heard.signed = heard.signed or bool(block["signature"])
            case "tool_use":
                assert block["id"]
                heard.calls.append(Call(block["name"], block["input"]))
    usage = message["usage"]
    parts = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    heard.input_tokens = sum(usage.get(name) or 0 for name in parts)
    heard.output_tokens = usage["output_tokens"]
    heard.finish = _FINISH[message["stop_reason"]]
    heard.stop_sequence = message["stop_sequence"] or ""
    return heard


def read_stream(data: bytes) -> Heard:
    message: JSONDict = {}
    written: dict[int, str] = {}
    last = ""
    for name, told in events(data):
        value = json.loads(told)
        assert value["type"] == name
        if name == "error":
            text = "".join(block.get("text", "") for block in message["content"])
            return Heard(
                text=text, error=value["error"]["message"], ended=last.startswith("message_s")
                and last != "message_start",
            )  # fmt: skip
        last = name
        match name:
            case "message_start":
                assert not message
                message = value["message"]
                assert message["content"] == []
            case "content_block_start":
                assert value["index"] == len(message["content"])
                message["content"].append(value["content_block"])
            case "content_block_delta":
                assert value["index"] == len(message["content"]) - 1
                _add(message["content"][-1], value["delta"], written, value["index"])
            case "content_block_stop":
                block = message["content"][value["index"]]
                if block["type"] == "tool_use":
                    block["input"] = json.loads(written.get(value["index"]) or "{}")
            case "message_delta":
                message.update(value["delta"])
                message["usage"].update(
                    {name: count for name, count in value["usage"].items() if count is not None}
                )
    if last != "message_stop":
        return Heard(text="".join(block.get("text", "") for block in message["content"]))
    return _heard(message)


def _add(block: JSONDict, delta: JSONDict, written: dict[int, str], index: int) -> None:
    match delta:
        case {"type": "text_delta", "text": text}:
            block["text"] += text
        case {"type": "thinking_delta", "thinking": text}:
            block["thinking"] += text
        case {"type": "signature_delta", "signature": text}:
            block["signature"] = text
        case {"type": "input_json_delta", "partial_json": text}:
            written[index] = written.get(index, "") + text
        case _:
            raise AssertionError(f"unknown delta {delta}")
