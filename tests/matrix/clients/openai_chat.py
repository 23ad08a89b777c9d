"""A client of OpenAI Chat Completions, which reads and returns thoughts as OpenRouter's do.

Source: https://platform.openai.com/docs/api-reference/chat,
https://openrouter.ai/docs/use-cases/reasoning-tokens (read 2026-11)
"""

import json
from typing import Any

from tests.matrix.framing import events
from tests.matrix.scenarios import Ask, Call, Heard, JSONDict, Result

SIGNS = True
_FINISH = {"stop": "stop", "length": "length", "tool_calls": "calls", "content_filter": "refusal"}


def path(model: str, stream: bool) -> str:
    return "/v1/chat/completions"


def build(ask: Ask, model: str, stream: bool) -> JSONDict:
    messages: list[JSONDict] = []
    if ask.system:
        messages.append({"role": "system", "content": ask.system})
    messages.append({"role": "user", "content": _content(ask.question, ask.picture)})
    if ask.called:
        calls = [_call(number, call) for number, call in enumerate(ask.called)]
        messages.append({"role": "assistant", "content": None, "tool_calls": calls})
        messages += _results(calls, ask.results)
    body: JSONDict = {"model": model, "messages": messages, "stream": stream}
    if stream:
        body["stream_options"] = {"include_usage": True}
    if ask.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.name, "description": tool.description,
                    "parameters": tool.parameters,
                },
            }
            for tool in ask.tools
        ]  # fmt: skip
    if ask.schema:
        schema = {"name": "answer", "schema": ask.schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    if ask.stop:
        body["stop"] = list(ask.stop)
    if ask.max_tokens:
        body["max_tokens"] = ask.max_tokens
    if ask.thinks:
        body["reasoning_effort"] = "low"
    return body


def _content(text: str, picture: str) -> Any:
    if not picture:
        return text
    url = {"url": f"data:image/png;base64,{picture}"}
    return [{"type": "image_url", "image_url": url}, {"type": "text", "text": text}]


def _call(number: int, call: Call) -> JSONDict:
    function = {"name": call.name, "arguments": json.dumps(call.arguments, ensure_ascii=False)}
    return {"id": f"call_own{number}", "type": "function", "function": function}


def _results(calls: list[JSONDict], results: tuple[Result, ...]) -> list[JSONDict]:
    messages = []
    for call, result in zip(calls, results, strict=True):
        content: Any = result.text
        if result.picture:
            url = {"url": f"data:image/png;base64,{result.picture}"}
            content = [
                {"type": "text", "text": result.text}, {"type": "image_url", "image_url": url},
            ]  # fmt: skip
        messages.append({"role": "tool", "tool_call_id": call["id"], "content": content})
    return messages


def goes_on(body: JSONDict, heard: Heard, results: tuple[Result, ...], model: str) -> JSONDict:
    more = [heard.raw, *_results(heard.raw["tool_calls"], results)]
    return {**body, "model": model, "messages": body["messages"] + more}


def read(status: int, body: JSONDict) -> Heard:
    if status != 200:
        return Heard(status=status, error=body["error"]["message"])
    assert body["object"] == "chat.completion"
    (choice,) = body["choices"]
    return _heard(choice["message"], choice["finish_reason"], body["usage"])


def _heard(message: JSONDict, finish: str, usage: JSONDict) -> Heard:
    details = message.get("reasoning_details") or []
    thought = message.get("reasoning_content") or message.get("reasoning") or ""
    calls = message.get("tool_calls") or []
    assert len({call["id"] for call in calls}) == len(calls)
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    refusal = message.get("refusal") or ""
    return Heard(
        text=message.get("content") or "",
        thought=thought,
        signed=any(detail.get("signature") for detail in details),
        calls=[
            Call(call["function"]["name"], json.loads(call["function"]["arguments"]))
            for call in calls
        ],
        refusal=refusal,
        finish="refusal" if refusal else _FINISH[finish],
        input_tokens=usage["prompt_tokens"],
        output_tokens=usage["completion_tokens"],
        ended=True,
        raw={name: value for name, value in message.items() if value},
    )


def read_stream(data: bytes) -> Heard:
    message: JSONDict = {"role": "assistant"}
    usage: JSONDict = {}
    finish, error, done = "", "", False
    for _, told in events(data):
        assert not done, "something after [DONE]"
        if told == "[DONE]":
            done = True
            continue
        chunk = json.loads(told)
        if "error" in chunk:
            error = chunk["error"]["message"]
            continue
        assert chunk["object"] == "chat.completion.chunk"
        usage = chunk.get("usage") or usage
        for choice in chunk["choices"]:
            _add(message, choice["delta"])
            finish = choice["finish_reason"] or finish
    message["tool_calls"] = list(message.get("tool_calls", {}).values())
    if error or not done:
        return Heard(text=message.get("content", ""), error=error, ended=done or bool(finish))
    message["reasoning_details"] = _joined(message.get("reasoning_details", []))
    return _heard(message, finish, usage)


def _add(message: JSONDict, delta: JSONDict) -> None:
    for name in ("content", "refusal", "reasoning_content", "reasoning"):
        if delta.get(name):
            message[name] = message.get(name, "") + delta[name]
    message.setdefault("reasoning_details", []).extend(delta.get("reasoning_details") or [])
    calls = message.setdefault("tool_calls", {})
    for part in delta.get("tool_calls") or []:
        function = part["function"]
        if part["index"] not in calls:
            assert part["id"]
            assert function["name"]
            calls[part["index"]] = {
                "id": part["id"], "type": "function",
                "function": {"name": function["name"], "arguments": ""},
            }  # fmt: skip
        calls[part["index"]]["function"]["arguments"] += function.get("arguments") or ""


def _joined(details: list[JSONDict]) -> list[JSONDict]:
    """The pieces of a thought as one, as OpenRouter's client joins them: by index and type."""
    joined: dict[tuple[Any, str], JSONDict] = {}
    for detail in details:
        whole = joined.setdefault((detail.get("index"), detail["type"]), {})
        text = whole.get("text", "") + (detail.get("text") or "")
        whole.update(detail)
        if detail["type"] == "reasoning.text":
            whole["text"] = text
    return list(joined.values())
