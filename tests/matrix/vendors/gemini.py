"""Google's Gemini API.

Source: https://ai.google.dev/api/generate-content,
https://ai.google.dev/gemini-api/docs/thought-signatures (read 2026-11)
"""

from typing import Any
from urllib.parse import unquote

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
_FINISH = {"length": "MAX_TOKENS", "refusal": "SAFETY"}
_NO_SIGNATURE = "skip_thought_signature_validator"


def wants(path: str, body: JSONDict) -> tuple[str, bool]:
    model, _, method = unquote(path).removeprefix("/models/").rpartition(":")
    check(method in ("generateContent", "streamGenerateContent?alt=sse"), f"nothing at {path}")
    return model, method.startswith("stream")


def read(body: JSONDict) -> Seen:
    only(body, "contents", "systemInstruction", "tools", "toolConfig", "generationConfig")
    alternate(content["role"] for content in body["contents"])
    items: list[Item] = []
    calls: list[JSONDict] = []
    for content in body["contents"]:
        only(content, "role", "parts")
        for part in content["parts"]:
            items += _part(content["role"], part, calls)
    config = only(
        body.get("generationConfig", {}),
        "maxOutputTokens", "stopSequences", "responseMimeType", "responseJsonSchema",
        "responseSchema", "thinkingConfig",
    )  # fmt: skip
    thinking = only(
        config.get("thinkingConfig", {}), "includeThoughts", "thinkingBudget", "thinkingLevel"
    )
    functions = [
        function
        for tool in body.get("tools", [])
        for function in only(tool, "functionDeclarations")["functionDeclarations"]
    ]
    return Seen(
        system="".join(
            part["text"] for part in body.get("systemInstruction", {"parts": []})["parts"]
        ),
        items=_with_thoughts(items),
        tools=[_tool(function) for function in functions],
        schema=_schema(config),
        stop=config.get("stopSequences", []),
        max_tokens=config.get("maxOutputTokens"),
        thinks=thinking.get("includeThoughts", False),
    )


def _part(role: str, part: JSONDict, calls: list[JSONDict]) -> list[Item]:
    only(
        part, "text", "thought", "thoughtSignature", "inlineData", "functionCall",
        "functionResponse",
    )  # fmt: skip
    match part:
        case {"text": text, "thought": True}:
            return [("thought", text, "")]
        case {"text": text}:
            return [("assistant" if role == "model" else "user", text)]
        case {"inlineData": data}:
            return [("picture", _picture(data))]
        case {"functionCall": call}:
            only(call, "id", "name", "args")
            calls.append(call)
            signature = part.get("thoughtSignature", _NO_SIGNATURE)
            told = [] if signature == _NO_SIGNATURE else [("thought", "", signature)]
            return [*told, ("call", call["name"], canonical(call["args"]))]
        case {"functionResponse": response}:
            return _result(only(response, "id", "name", "response", "parts"), calls)
    raise Refused(f"a part with {sorted(part)}")


def _result(response: JSONDict, calls: list[JSONDict]) -> list[Item]:
    known = [(call.get("id"), call["name"]) for call in calls]
    check((response.get("id"), response["name"]) in known, f"a result of no call: {response}")
    told = response["response"]
    check(len(told) == 1, f"a response with {sorted(told)}")
    (text,) = told.values()
    pictures = [
        _picture(only(part, "inlineData")["inlineData"]) for part in response.get("parts", [])
    ]
    name = response["name"]
    return [("result", name, text), *(("result picture", name, data) for data in pictures)]


def _picture(data: JSONDict) -> str:
    check(only(data, "mimeType", "data", "displayName")["mimeType"] == "image/png", "no PNG")
    return str(data["data"])


def _with_thoughts(items: list[Item]) -> list[Item]:
    """A signature is the call's; what was thought stands before it, if the client keeps it."""
    joined: list[Item] = []
    for item in items:
        if item[0] == "thought" and joined and joined[-1][0] == "thought":
            item = ("thought", joined.pop()[1] + item[1], item[2])
        joined.append(item)
    return joined


def _tool(function: JSONDict) -> JSONDict:
    only(function, "name", "description", "parameters", "parametersJsonSchema")
    schema = function.get("parametersJsonSchema") or _lowered(function["parameters"])
    return tool_seen(function["name"], function["description"], schema)


def _schema(config: JSONDict) -> Any:
    schema = config.get("responseJsonSchema") or _lowered(config.get("responseSchema"))
    check(not schema or config["responseMimeType"] == "application/json", "no JSON is asked for")
    return schema


def _lowered(schema: Any) -> Any:
    """Google's own schemas write the types in capitals."""
    if isinstance(schema, list):
        return [_lowered(value) for value in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: value.lower() if name == "type" and isinstance(value, str) else _lowered(value)
        for name, value in schema.items()
    }


# --- Answers ----------------------------------------------------------------------------------


def _call(number: int, answer: Answer) -> JSONDict:
    call = answer.calls[number]
    part: JSONDict = {
        "functionCall": {"id": f"fn{number}", "name": call.name, "args": call.arguments}
    }
    signed = number == 0 and answer.thought
    return part | ({"thoughtSignature": SIGNATURE} if signed else {})


def _body(
    model: str, parts: list[JSONDict] | None, finish: str | None, usage: JSONDict
) -> JSONDict:
    candidate: JSONDict = {"index": 0}
    if parts is not None:
        candidate["content"] = {"parts": parts, "role": "model"}
    if finish:
        candidate["finishReason"] = finish
    return {
        "candidates": [candidate], "usageMetadata": usage, "modelVersion": model,
        "responseId": "resp7",
    }  # fmt: skip


def _usage() -> JSONDict:
    return {
        "promptTokenCount": INPUT_TOKENS,
        "cachedContentTokenCount": CACHED_TOKENS,
        "candidatesTokenCount": OUTPUT_TOKENS - 3,
        "thoughtsTokenCount": 3,
        "totalTokenCount": INPUT_TOKENS + OUTPUT_TOKENS,
    }


def _finish(answer: Answer) -> str:
    return _FINISH.get(answer.finish, "STOP")


def answer(answer: Answer, model: str) -> JSONDict:
    parts: list[JSONDict] = []
    if answer.thought:
        parts.append({"text": answer.thought, "thought": True})
    if answer.text:
        parts.append({"text": answer.text})
    parts += [_call(number, answer) for number in range(len(answer.calls))]
    # Google says nothing at all where it refuses.
    return _body(model, parts or None, _finish(answer), _usage())


def stream(answer: Answer, model: str) -> list[bytes]:
    def say(*parts: JSONDict, finish: str | None = None) -> None:
        usage = {"promptTokenCount": INPUT_TOKENS, "totalTokenCount": INPUT_TOKENS}
        told = _body(model, list(parts) or None, finish, _usage() if finish else usage)
        sent.append(event(told).replace(b"\n\n", b"\r\n\r\n"))

    sent: list[bytes] = []
    for piece in pieces(answer.thought):
        say({"text": piece, "thought": True})
    for piece in pieces(answer.text):
        say({"text": piece})
    if answer.breaks:
        error = {"error": {"code": 503, "message": answer.error, "status": "UNAVAILABLE"}}
        return [*sent, event(error)]
    for number in range(len(answer.calls)):
        say(_call(number, answer))
    empty = [] if answer.finish == "refusal" else [{"text": ""}]
    say(*empty, finish=_finish(answer))
    return sent


def refuse(status: int, message: str) -> JSONDict:
    name = "INTERNAL" if status >= 500 else "INVALID_ARGUMENT"
    return {"error": {"code": status, "message": message, "status": name}}
