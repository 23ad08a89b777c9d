"""A client of OpenAI Responses that keeps its own history, as Codex does.

Source: https://platform.openai.com/docs/api-reference/responses (read 2026-11)
"""

import json
from typing import Any

from tests.matrix.framing import events
from tests.matrix.scenarios import Ask, Call, Heard, JSONDict, Result

SIGNS = True


def path(model: str, stream: bool) -> str:
    return "/v1/responses"


def build(ask: Ask, model: str, stream: bool) -> JSONDict:
    content: list[JSONDict] = [{"type": "input_text", "text": ask.question}]
    if ask.picture:
        content.insert(0, _image(ask.picture))
    items: list[JSONDict] = [{"type": "message", "role": "user", "content": content}]
    if ask.called:
        calls = [_call(number, call) for number, call in enumerate(ask.called)]
        items += calls + _results(calls, ask.results)
    body: JSONDict = {"model": model, "input": items, "stream": stream, "store": False}
    if ask.system:
        body["instructions"] = ask.system
    if ask.tools:
        body["tools"] = [
            {
                "type": "function", "name": tool.name, "description": tool.description,
                "parameters": tool.parameters, "strict": False,
            }
            for tool in ask.tools
        ]  # fmt: skip
    if ask.schema:
        kind = {"type": "json_schema", "name": "answer", "schema": ask.schema, "strict": True}
        body["text"] = {"format": kind}
    if ask.max_tokens:
        body["max_output_tokens"] = ask.max_tokens
    if ask.thinks:
        body["reasoning"] = {"effort": "low", "summary": "auto"}
        body["include"] = ["reasoning.encrypted_content"]
    return body


def _image(picture: str) -> JSONDict:
    url = f"data:image/png;base64,{picture}"
    return {"type": "input_image", "image_url": url, "detail": "auto"}


def _call(number: int, call: Call) -> JSONDict:
    arguments = json.dumps(call.arguments, ensure_ascii=False)
    return {
        "type": "function_call", "call_id": f"call_own{number}", "name": call.name,
        "arguments": arguments,
    }  # fmt: skip


def _results(calls: list[JSONDict], results: tuple[Result, ...]) -> list[JSONDict]:
    items = []
    for call, result in zip(calls, results, strict=True):
        output: Any = result.text
        if result.picture:
            output = [{"type": "input_text", "text": result.text}, _image(result.picture)]
        items.append({"type": "function_call_output", "call_id": call["call_id"], "output": output})
    return items


def goes_on(body: JSONDict, heard: Heard, results: tuple[Result, ...], model: str) -> JSONDict:
    calls = [item for item in heard.raw if item["type"] == "function_call"]
    return {**body, "model": model, "input": body["input"] + heard.raw + _results(calls, results)}


def read(status: int, body: JSONDict) -> Heard:
    if status != 200:
        return Heard(status=status, error=body["error"]["message"])
    assert body["object"] == "response"
    assert body["error"] is None
    return _heard(body)


def _heard(response: JSONDict) -> Heard:
    heard = Heard(ended=True, raw=response["output"])
    for item in response["output"]:
        assert item["id"]
        match item["type"]:
            case "reasoning":
                heard.thought += "".join(part["text"] for part in item["summary"])
                heard.signed = heard.signed or bool(item.get("encrypted_content"))
            case "message":
                for part in item["content"]:
                    name = "text" if part["type"] == "output_text" else "refusal"
                    setattr(heard, name, getattr(heard, name) + part[name])
            case "function_call":
                heard.calls.append(Call(item["name"], json.loads(item["arguments"])))
    usage = response["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    heard.input_tokens, heard.output_tokens = usage["input_tokens"], usage["output_tokens"]
    heard.finish = _finish(response, heard)
    return heard


def _finish(response: JSONDict, heard: Heard) -> str:
    if response["status"] == "incomplete":
        reason = response["incomplete_details"]["reason"]
        return {"max_output_tokens": "length", "content_filter": "refusal"}[reason]
    assert response["status"] == "completed"
    return "refusal" if heard.refusal else "calls" if heard.calls else "stop"


def read_stream(data: bytes) -> Heard:
    """What the deltas say is compared with what the last event says."""
    texts: dict[tuple[str, str], str] = {}
    kinds: list[str] = []
    done: list[JSONDict] = []
    last: JSONDict = {}
    for position, (name, told) in enumerate(events(data)):
        value = json.loads(told)
        assert value["type"] == name
        assert value["sequence_number"] == position, f"{name} has the wrong number"
        if name in ("error", "response.failed"):
            error = value.get("response", value).get("error") or value
            ended = "response.completed" in kinds or "response.incomplete" in kinds
            return Heard(text="".join(texts.values()), error=error["message"], ended=ended)
        kinds.append(name)
        if name.endswith(".delta"):
            at = (value["item_id"], name.split(".")[1])
            texts[at] = texts.get(at, "") + value["delta"]
        elif name == "response.output_item.done":
            done.append(value["item"])
        last = value
    if kinds[-1:] not in (["response.completed"], ["response.incomplete"]):
        return Heard(text="".join(texts.values()))
    assert kinds[:2] == ["response.created", "response.in_progress"]
    response = last["response"]
    assert done == response["output"], "the items differ from the last event's"
    heard = _heard(response)
    written = {kind: text for (_, kind), text in texts.items()}
    assert written.get("output_text", "") == heard.text
    assert written.get("reasoning_summary_text", "") == heard.thought
    assert written.get("refusal", "") == heard.refusal
    return heard
