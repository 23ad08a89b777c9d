"""OpenAI Responses.

Source: https://platform.openai.com/docs/api-reference/responses (read 2026-11)
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
    JSONDict,
    Seen,
    canonical,
    tool_seen,
)
from tests.matrix.vendors.strict import Refused, check, inline, only

SIGNS = True
STREAM_TYPE = "text/event-stream"


def wants(path: str, body: JSONDict) -> tuple[str, bool]:
    check(path == "/responses", f"nothing at {path}")
    return body["model"], body.get("stream", False)


def read(body: JSONDict) -> Seen:
    only(
        body,
        "model", "input", "instructions", "stream", "tools", "max_output_tokens", "text",
        "reasoning", "include", "store", "parallel_tool_calls", "tool_choice",
    )  # fmt: skip
    seen = Seen(
        system=body.get("instructions") or "",
        tools=[_tool(tool) for tool in body.get("tools", [])],
        schema=_schema(body.get("text")),
        max_tokens=body.get("max_output_tokens"),
        thinks=(body.get("reasoning") or {}).get("effort", "none") != "none",
    )
    if seen.thinks:
        check(
            "reasoning.encrypted_content" in body.get("include", []), "no signatures are asked for"
        )
    told = body["input"]
    names: dict[str, str] = {}
    for item in [{"role": "user", "content": told}] if isinstance(told, str) else told:
        _read_item(item, seen, names)
    return seen


def _read_item(item: JSONDict, seen: Seen, names: dict[str, str]) -> None:
    match item.get("type", "message"):
        case "message":
            only(item, "type", "role", "content", "id", "status", "phase")
            _read_message(item, seen)
        case "function_call":
            only(item, "type", "id", "call_id", "name", "arguments", "status")
            names[item["call_id"]] = item["name"]
            seen.items.append(("call", item["name"], canonical(json.loads(item["arguments"]))))
        case "function_call_output":
            only(item, "type", "id", "call_id", "output", "status")
            check(item["call_id"] in names, f"a result of no call: {item['call_id']}")
            name = names[item["call_id"]]
            output = item["output"]
            for part in [_in(output)] if isinstance(output, str) else output:
                kind, told = _part("result", part)
                place = "result" if kind == "result" else "result picture"
                seen.items.append((place, name, told))
        case "reasoning":
            only(item, "type", "id", "summary", "encrypted_content", "content", "status")
            # Without one, as Codex sends it, nothing is looked up.
            check(item.get("id", "rs_").startswith("rs_"), f"no id of ours: {item.get('id')}")
            thought = "".join(part["text"] for part in item["summary"])
            seen.items.append(("thought", thought, item.get("encrypted_content") or ""))
        case kind:
            raise Refused(f"an item of type {kind}")


def _in(text: str) -> JSONDict:
    return {"type": "input_text", "text": text}


def _read_message(item: JSONDict, seen: Seen) -> None:
    content = item["content"]
    parts = [_in(content)] if isinstance(content, str) else content
    if item["role"] in ("system", "developer"):
        seen.system += "".join(part["text"] for part in parts)
        return
    kind = "output_text" if item["role"] == "assistant" else "input_"
    for part in parts:
        check(isinstance(content, str) or part["type"].startswith(kind), f"{part['type']} there")
        seen.items.append(_part(item["role"], part))


def _part(role: str, part: JSONDict) -> tuple[str, str]:
    match part["type"]:
        case "input_text":
            return role, only(part, "type", "text")["text"]
        case "output_text":
            return role, only(part, "type", "text", "annotations", "logprobs")["text"]
        case "input_image":
            return "picture", inline(only(part, "type", "image_url", "detail")["image_url"])
        case kind:
            raise Refused(f"content of type {kind}")


def _tool(tool: JSONDict) -> JSONDict:
    only(tool, "type", "name", "description", "parameters", "strict")
    check(tool["type"] == "function", f"a tool of type {tool['type']}")
    check("strict" in tool and not tool["strict"], "a tool that is made strict by being silent")
    return tool_seen(tool["name"], tool["description"], tool["parameters"])


def _schema(text: Any) -> Any:
    wanted = (text or {}).get("format")
    if wanted is None:
        return None
    only(wanted, "type", "name", "schema", "strict", "description")
    check(wanted["type"] == "json_schema" and wanted["name"], "no schema, or none with a name")
    return wanted["schema"]


# --- Answers ----------------------------------------------------------------------------------


def answer(answer: Answer, model: str) -> JSONDict:
    return _response(model, _status(answer), _output(answer), answer)


def _status(answer: Answer) -> str:
    return "incomplete" if answer.finish == "length" else "completed"


def _response(model: str, status: str, output: list[JSONDict], answer: Answer) -> JSONDict:
    ended = status in ("completed", "incomplete")
    return {
        "id": "resp_7", "object": "response", "created_at": 1_750_000_000, "status": status,
        "error": None, "model": model, "output": output, "parallel_tool_calls": True,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "instructions": None, "metadata": {}, "previous_response_id": None, "store": False,
        "tool_choice": "auto", "tools": [], "temperature": 1.0, "top_p": 1.0,
        "usage": _usage() if ended else None,
    }  # fmt: skip


def _usage() -> JSONDict:
    return {
        "input_tokens": INPUT_TOKENS,
        "input_tokens_details": {"cached_tokens": CACHED_TOKENS},
        "output_tokens": OUTPUT_TOKENS,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
    }


def _output(answer: Answer, status: str = "completed") -> list[JSONDict]:
    items: list[JSONDict] = []
    if answer.thought:
        summary = [{"type": "summary_text", "text": answer.thought}]
        items.append(
            {"type": "reasoning", "id": "rs_7", "summary": summary, "encrypted_content": SIGNATURE}
        )
    content: list[JSONDict] = []
    if answer.text:
        content.append(
            {"type": "output_text", "text": answer.text, "annotations": [], "logprobs": []}
        )
    if answer.refusal:
        content.append({"type": "refusal", "refusal": answer.refusal})
    if content:
        items.append(
            {
                "type": "message", "id": "msg_7", "role": "assistant", "content": content,
                "status": "incomplete" if answer.finish == "length" else status,
            }
        )  # fmt: skip
    for number, call in enumerate(answer.calls):
        items.append(
            {
                "type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}",
                "name": call.name, "arguments": json.dumps(call.arguments), "status": status,
            }
        )  # fmt: skip
    return items


def stream(answer: Answer, model: str) -> list[bytes]:
    sent: list[bytes] = []

    def say(kind: str, **fields: Any) -> None:
        sent.append(event({"type": kind, "sequence_number": len(sent), **fields}, kind))

    say("response.created", response=_response(model, "in_progress", [], answer))
    say("response.in_progress", response=_response(model, "in_progress", [], answer))
    output = _output(answer)
    for index, item in enumerate(output):
        at = {"output_index": index, "item_id": item["id"]}
        match item["type"]:
            case "reasoning":
                _say_thought(say, at, item)
            case "message":
                _say_message(say, at, item, answer.breaks)
            case _:
                start = {**item, "arguments": "", "status": "in_progress"}
                say("response.output_item.added", output_index=index, item=start)
                for piece in pieces(item["arguments"]):
                    say("response.function_call_arguments.delta", delta=piece, **at)
                say(
                    "response.function_call_arguments.done",
                    arguments=item["arguments"], name=item["name"], **at,
                )  # fmt: skip
        if answer.breaks:
            failed = _response(model, "failed", [], answer)
            error = {"code": "server_error", "message": answer.error}
            say("response.failed", response={**failed, "error": error})
            return sent
        say("response.output_item.done", output_index=index, item=item)
    status = _status(answer)
    say(f"response.{status}", response=_response(model, status, output, answer))
    return sent


def _say_thought(say: Any, at: JSONDict, item: JSONDict) -> None:
    # The content is encrypted in the item's beginning too, and not yet all of it.
    start = {**item, "summary": [], "encrypted_content": "Zmlyc3QgaGFsZg=="}
    say("response.output_item.added", output_index=at["output_index"], item=start)
    (part,) = item["summary"]
    at = {**at, "summary_index": 0}
    say("response.reasoning_summary_part.added", part={**part, "text": ""}, **at)
    for piece in pieces(part["text"]):
        say("response.reasoning_summary_text.delta", delta=piece, **at)
    say("response.reasoning_summary_text.done", text=part["text"], **at)
    say("response.reasoning_summary_part.done", part=part, **at)


def _say_message(say: Any, at: JSONDict, item: JSONDict, breaks: bool) -> None:
    start = {**item, "content": [], "status": "in_progress"}
    say("response.output_item.added", output_index=at["output_index"], item=start)
    for number, part in enumerate(item["content"]):
        name = "refusal" if part["type"] == "refusal" else "text"
        kind = "response.refusal" if name == "refusal" else "response.output_text"
        where = {**at, "content_index": number}
        say("response.content_part.added", part={**part, name: ""}, **where)
        for piece in pieces(part[name]):
            say(f"{kind}.delta", delta=piece, **where)
        if breaks:
            return
        say(f"{kind}.done", **{name: part[name]}, **where)
        say("response.content_part.done", part=part, **where)


def refuse(status: int, message: str) -> JSONDict:
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}
