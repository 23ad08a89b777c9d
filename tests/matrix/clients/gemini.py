"""A client of Google's Gemini API, with the schemas as its SDKs write them.

Source: https://ai.google.dev/api/generate-content,
https://ai.google.dev/gemini-api/docs/thought-signatures (read 2026-11)
"""

import base64
import json
from typing import Any

from tests.matrix.framing import events
from tests.matrix.scenarios import Ask, Call, Heard, JSONDict, Result

SIGNS = True
_FINISH = {
    "STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "refusal", "PROHIBITED_CONTENT": "refusal",
    "BLOCKLIST": "refusal", "OTHER": "other",
}  # fmt: skip


def path(model: str, stream: bool) -> str:
    method = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return f"/v1beta/models/{model}:{method}"


def build(ask: Ask, model: str, stream: bool) -> JSONDict:
    parts: list[JSONDict] = [{"text": ask.question}]
    if ask.picture:
        parts.insert(0, _image(ask.picture))
    contents: list[JSONDict] = [{"role": "user", "parts": parts}]
    if ask.called:
        calls: list[JSONDict] = [
            {"functionCall": {"id": f"own{n}", "name": call.name, "args": call.arguments}}
            for n, call in enumerate(ask.called)
        ]
        contents.append({"role": "model", "parts": calls})
        contents.append({"role": "user", "parts": _results(calls, ask.results)})
    body: JSONDict = {"contents": contents}
    if ask.system:
        body["systemInstruction"] = {"parts": [{"text": ask.system}]}
    if ask.tools:
        functions = [
            {"name": t.name, "description": t.description, "parameters": _raised(t.parameters)}
            for t in ask.tools
        ]
        body["tools"] = [{"functionDeclarations": functions}]
    config = _config(ask)
    return body | ({"generationConfig": config} if config else {})


def _config(ask: Ask) -> JSONDict:
    config: JSONDict = {}
    if ask.schema:
        config["responseMimeType"] = "application/json"
        config["responseJsonSchema"] = ask.schema
    if ask.stop:
        config["stopSequences"] = list(ask.stop)
    if ask.max_tokens:
        config["maxOutputTokens"] = ask.max_tokens
    if ask.thinks:
        config["thinkingConfig"] = {"includeThoughts": True, "thinkingBudget": 2048}
    return config


def _raised(schema: Any) -> Any:
    """As `Schema` objects: the types in capitals."""
    if not isinstance(schema, dict):
        return schema
    return {
        name: value.upper() if name == "type" else _raised(value) for name, value in schema.items()
    }


def _image(picture: str) -> JSONDict:
    return {"inlineData": {"mimeType": "image/png", "data": picture}}


def _results(calls: list[JSONDict], results: tuple[Result, ...]) -> list[JSONDict]:
    parts = []
    for call, result in zip(calls, results, strict=True):
        told = {name: call["functionCall"][name] for name in ("id", "name")}
        response: JSONDict = {**told, "response": {"output": result.text}}
        if result.picture:
            response["parts"] = [_image(result.picture)]
        parts.append({"functionResponse": response})
    return parts


def goes_on(body: JSONDict, heard: Heard, results: tuple[Result, ...], model: str) -> JSONDict:
    calls = [part for part in heard.raw if "functionCall" in part]
    more = [
        {"role": "model", "parts": heard.raw},
        {"role": "user", "parts": _results(calls, results)},
    ]
    return {**body, "contents": body["contents"] + more}


def read(status: int, body: JSONDict) -> Heard:
    if status != 200:
        assert body["error"]["code"] == status
        return Heard(status=status, error=body["error"]["message"])
    return _heard([body])


def _heard(chunks: list[JSONDict]) -> Heard:
    heard = Heard(raw=[])
    for chunk in chunks:
        (candidate,) = chunk["candidates"]
        for part in candidate.get("content", {}).get("parts", []):
            _add(heard, part)
        assert not heard.ended, "a chunk after the last"
        if "finishReason" in candidate:
            heard.ended = True
            heard.finish = _FINISH[candidate["finishReason"]]
    if heard.finish == "stop" and heard.calls:
        heard.finish = "calls"
    usage = chunks[-1].get("usageMetadata", {})
    said, thought = usage.get("candidatesTokenCount", 0), usage.get("thoughtsTokenCount", 0)
    heard.input_tokens, heard.output_tokens = usage.get("promptTokenCount", 0), said + thought
    return heard


def _add(heard: Heard, part: JSONDict) -> None:
    _keep(heard.raw, part)
    signature = part.get("thoughtSignature")
    if signature:
        base64.b64decode(signature, validate=True)  # as SDKs do
        heard.signed = True
    match part:
        case {"text": text, "thought": True}:
            heard.thought += text
        case {"text": text}:
            heard.text += text
        case {"functionCall": call}:
            assert call["id"]
            heard.calls.append(Call(call["name"], call["args"]))
        case _:
            raise AssertionError(f"unknown part {part}")


def _keep(raw: list[JSONDict], part: JSONDict) -> None:
    """The pieces of a text as one, as Google's CLI sends them back."""
    last = raw[-1] if raw else {}
    kinds = {"text"}, {"text", "thought"}
    if part.keys() in kinds and last.keys() == part.keys():
        raw[-1] = {**last, "text": last["text"] + part["text"]}
    elif part != {"text": ""}:
        raw.append(part)


def read_stream(data: bytes) -> Heard:
    chunks: list[JSONDict] = [json.loads(told) for _, told in events(data)]
    if "error" not in chunks[-1]:
        return _heard(chunks)
    heard = _heard(chunks[:-1]) if chunks[1:] else Heard()
    return Heard(text=heard.text, error=chunks[-1]["error"]["message"], ended=heard.ended)
