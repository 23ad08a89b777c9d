"""A client of Ollama's own chat.

Source: https://github.com/ollama/ollama/blob/main/docs/api.md (read 2026-11)
"""

from tests.matrix.framing import lines
from tests.matrix.scenarios import Ask, Call, Heard, JSONDict, Result

SIGNS = False


def path(model: str, stream: bool) -> str:
    return "/api/chat"


def build(ask: Ask, model: str, stream: bool) -> JSONDict:
    messages: list[JSONDict] = []
    if ask.system:
        messages.append({"role": "system", "content": ask.system})
    said: JSONDict = {"role": "user", "content": ask.question}
    messages.append(said | ({"images": [ask.picture]} if ask.picture else {}))
    if ask.called:
        calls = [{"function": {"name": c.name, "arguments": c.arguments}} for c in ask.called]
        messages.append({"role": "assistant", "content": "", "tool_calls": calls})
        messages += _results(calls, ask.results)
    body: JSONDict = {"model": model, "messages": messages, "stream": stream}
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
        body["format"] = ask.schema
    if ask.thinks:
        body["think"] = True
    options: JSONDict = {}
    if ask.stop:
        options["stop"] = list(ask.stop)
    if ask.max_tokens:
        options["num_predict"] = ask.max_tokens
    return body | ({"options": options} if options else {})


def _results(calls: list[JSONDict], results: tuple[Result, ...]) -> list[JSONDict]:
    messages = []
    for call, result in zip(calls, results, strict=True):
        told: JSONDict = {"tool_name": call["function"]["name"], "content": result.text}
        pictures = {"images": [result.picture]} if result.picture else {}
        messages.append({"role": "tool", **told, **pictures})
    return messages


def goes_on(body: JSONDict, heard: Heard, results: tuple[Result, ...], model: str) -> JSONDict:
    more = [heard.raw, *_results(heard.raw["tool_calls"], results)]
    return {**body, "model": model, "messages": body["messages"] + more}


def read(status: int, body: JSONDict) -> Heard:
    if status != 200:
        return Heard(status=status, error=body["error"])
    return _heard([body])


def read_stream(data: bytes) -> Heard:
    told = lines(data)
    if "error" not in told[-1]:
        return _heard(told)
    text = "".join(line["message"]["content"] for line in told[:-1])
    return Heard(text=text, error=told[-1]["error"], ended=any(line["done"] for line in told[:-1]))


def _heard(told: list[JSONDict]) -> Heard:
    raw: JSONDict = {"role": "assistant", "content": "", "thinking": "", "tool_calls": []}
    for line in told:
        message = line["message"]
        assert message["role"] == "assistant"
        raw["content"] += message["content"]
        raw["thinking"] += message.get("thinking", "")
        raw["tool_calls"] += message.get("tool_calls", [])
    assert [line["done"] for line in told] == [False] * (len(told) - 1) + [True]
    last = told[-1]
    calls = [
        Call(call["function"]["name"], call["function"]["arguments"]) for call in raw["tool_calls"]
    ]
    finish = last["done_reason"]
    return Heard(
        text=raw["content"],
        thought=raw["thinking"],
        calls=calls,
        finish="calls" if finish == "stop" and calls else finish,
        input_tokens=last["prompt_eval_count"],
        output_tokens=last["eval_count"],
        ended=True,
        raw={name: value for name, value in raw.items() if value or name == "content"},
    )
