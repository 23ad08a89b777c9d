"""Amazon Bedrock's Converse, with a Claude behind it.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html,
https://smithy.io/2.0/aws/amazon-eventstream.html (read 2026-11)
"""

import json
import struct
from typing import Any
from urllib.parse import unquote
from zlib import crc32

from tests.matrix.framing import dumps, pieces
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
STREAM_TYPE = "application/vnd.amazon.eventstream"
_FINISH = {
    "stop": "end_turn", "length": "max_tokens", "calls": "tool_use",
    "refusal": "guardrail_intervened", "stop sequence": "stop_sequence",
}  # fmt: skip


def wants(path: str, body: JSONDict) -> tuple[str, bool]:
    model, _, method = path.removeprefix("/model/").rpartition("/")
    check(method in ("converse", "converse-stream"), f"nothing at {path}")
    return unquote(model), method == "converse-stream"


def read(body: JSONDict) -> Seen:
    only(
        body,
        "messages", "system", "inferenceConfig", "toolConfig", "outputConfig",
        "additionalModelRequestFields", "additionalModelResponseFieldPaths",
    )  # fmt: skip
    alternate(message["role"] for message in body["messages"])
    items: list[Item] = []
    names: dict[str, str] = {}
    for message in body["messages"]:
        role, content = only(message, "role", "content")["role"], message["content"]
        for block in content:
            items += _block(role, block, names)
    config = only(body.get("inferenceConfig", {}), "maxTokens", "stopSequences")
    thinking = body.get("additionalModelRequestFields", {}).get("thinking", {})
    tools = only(body.get("toolConfig", {}), "tools", "toolChoice").get("tools", [])
    return Seen(
        system="".join(only(block, "text")["text"] for block in body.get("system", [])),
        items=items,
        tools=[_tool(only(tool, "toolSpec")["toolSpec"]) for tool in tools],
        schema=_schema(body.get("outputConfig")),
        stop=config.get("stopSequences", []),
        max_tokens=config.get("maxTokens"),
        thinks=thinking.get("type") in ("enabled", "adaptive"),
    )


def _block(role: str, block: JSONDict, names: dict[str, str]) -> list[Item]:
    check(len(block) == 1, f"a block with {sorted(block)}")
    match block:
        case {"text": text}:
            check(text, "the text field is blank")
            return [(role, text)]
        case {"image": image}:
            return [("picture", _picture(image))]
        case {"reasoningContent": {"reasoningText": thought}}:
            only(thought, "text", "signature")
            return [("thought", thought["text"], thought["signature"])]
        case {"toolUse": call}:
            only(call, "toolUseId", "name", "input")
            names[call["toolUseId"]] = call["name"]
            return [("call", call["name"], canonical(call["input"]))]
        case {"toolResult": result}:
            only(result, "toolUseId", "content", "status")
            check(result["toolUseId"] in names, f"a result of no call: {result['toolUseId']}")
            return [_inside(names[result["toolUseId"]], inner) for inner in result["content"]]
    raise Refused(f"a block with {sorted(block)}")


def _inside(name: str, block: JSONDict) -> Item:
    if "image" in block:
        return "result picture", name, _picture(only(block, "image")["image"])
    return "result", name, only(block, "text")["text"]


def _picture(image: JSONDict) -> str:
    check(only(image, "format", "source")["format"] == "png", "no PNG")
    return str(only(image["source"], "bytes")["bytes"])


def _tool(spec: JSONDict) -> JSONDict:
    only(spec, "name", "description", "inputSchema", "strict")
    return tool_seen(spec["name"], spec["description"], spec["inputSchema"]["json"])


def _schema(config: Any) -> Any:
    wanted = (config or {}).get("textFormat")
    if wanted is None:
        return None
    check(only(wanted, "type", "structure")["type"] == "json_schema", "no schema")
    told = only(wanted["structure"]["jsonSchema"], "schema", "name", "description")
    return json.loads(told["schema"])


# --- Answers ----------------------------------------------------------------------------------


def _content(answer: Answer) -> list[JSONDict]:
    blocks: list[JSONDict] = []
    if answer.thought:
        thought = {"text": answer.thought, "signature": SIGNATURE}
        blocks.append({"reasoningContent": {"reasoningText": thought}})
    if answer.text or answer.refusal:
        blocks.append({"text": answer.text or answer.refusal})
    for number, call in enumerate(answer.calls):
        told = {"toolUseId": f"tooluse_{number}", "name": call.name, "input": call.arguments}
        blocks.append({"toolUse": told})
    return blocks


def _ending(answer: Answer) -> JSONDict:
    ending: JSONDict = {"stopReason": _FINISH[answer.finish]}
    if answer.stop_sequence:  # was asked for by its path
        ending["additionalModelResponseFields"] = {"stop_sequence": answer.stop_sequence}
    return ending


def _usage() -> JSONDict:
    return {
        "inputTokens": INPUT_TOKENS - CACHED_TOKENS,
        "cacheReadInputTokens": CACHED_TOKENS,
        "cacheWriteInputTokens": 0,
        "outputTokens": OUTPUT_TOKENS,
        "totalTokens": INPUT_TOKENS + OUTPUT_TOKENS,
    }


def answer(answer: Answer, model: str) -> JSONDict:
    message = {"role": "assistant", "content": _content(answer)}
    told = {"output": {"message": message}, "usage": _usage(), "metrics": {"latencyMs": 7}}
    return told | _ending(answer)


def stream(answer: Answer, model: str) -> list[bytes]:
    sent = [_event("messageStart", {"role": "assistant", "p": "abcd"})]
    for index, block in enumerate(_content(answer)):
        at = {"contentBlockIndex": index}
        if "toolUse" in block:
            call = block["toolUse"]
            start = {"toolUse": {name: call[name] for name in ("toolUseId", "name")}}
            sent.append(_event("contentBlockStart", {**at, "start": start}))
        sent += [_event("contentBlockDelta", {**at, "delta": delta}) for delta in _pieces(block)]
        if answer.breaks:
            failed = {":message-type": "exception", ":exception-type": "modelStreamErrorException"}
            return [*sent, _message(failed, {"message": answer.error})]
        sent.append(_event("contentBlockStop", at))
    sent.append(_event("messageStop", _ending(answer)))
    metadata = {"usage": _usage(), "metrics": {"latencyMs": 7}}
    return [*sent, _event("metadata", metadata)]


def _pieces(block: JSONDict) -> list[JSONDict]:
    match block:
        case {"text": text}:
            return [{"text": piece} for piece in pieces(text)]
        case {"toolUse": call}:
            return [{"toolUse": {"input": p}} for p in pieces(json.dumps(call["input"]))]
    thought = block["reasoningContent"]["reasoningText"]
    deltas = [{"text": piece} for piece in pieces(thought["text"])]
    return [{"reasoningContent": d} for d in [*deltas, {"signature": thought["signature"]}]]


def _event(kind: str, payload: JSONDict) -> bytes:
    return _message({":message-type": "event", ":event-type": kind}, payload)


def _message(headers: dict[str, str], payload: JSONDict) -> bytes:
    """Lengths, their checksum, headers (each of type 7, a text), the payload, a checksum."""
    head = b""
    for name, value in {**headers, ":content-type": "application/json"}.items():
        head += bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value))
        head += value.encode()
    data = dumps(payload)
    prelude = struct.pack(">II", len(head) + len(data) + 16, len(head))
    whole = prelude + struct.pack(">I", crc32(prelude)) + head + data
    return whole + struct.pack(">I", crc32(whole))


def refuse(status: int, message: str) -> JSONDict:
    return {"message": message}
