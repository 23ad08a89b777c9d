"""What a fake provider says in a scene, in each of four formats, whole and streamed.

Written after the vendors' documentation and not with the gateway's own encoders: the two must
not be wrong together. A scene is a model's name; it may depend on what was asked.
"""

import json
import secrets
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

JSON = dict[str, Any]
INPUT, CACHED, OUTPUT = 11, 7, 5
SIGNATURE = "c2lnbmVkIGJ5IHRoZSB1cHN0cmVhbQ=="
THOUGHT = "Let me think."
TALK = "Hello from the upstream."
REPORT = "Rain in Oslo, sun in Rome."
PERSON = '{"name": "Ada", "age": 36}'
PATCH = "*** Begin Patch\n*** Add File: a.txt\n+hi\n*** End Patch"
CITED = "https://weather.example/oslo"


class Text(Struct, frozen=True):
    pieces: tuple[str, ...]
    cited: str = ""

    @property
    def whole(self) -> str:
        return "".join(self.pieces)


class Thought(Struct, frozen=True):
    text: str = THOUGHT


class Call(Struct, frozen=True):
    id: str
    name: str
    arguments: JSON
    custom: bool = False

    @property
    def written(self) -> str:
        return json.dumps(self.arguments)


Block = Text | Thought | Call
WEATHER = (
    Call("call_1", "weather", {"city": "Oslo"}),
    Call("call_2", "weather", {"city": "Rome"}),
)
_RESULTS = ("tool_result", "function_call_output", "custom_tool_call_output", "functionResponse")


def _talk(body: JSON) -> list[Block]:
    return [Text(("Hello", " from", " the", " upstream", "."))]


def _agent(body: JSON) -> list[Block]:
    """Asks for the weather of two cities, and tells it once it has results."""
    told = json.dumps(body)
    if '"role": "tool"' in told or any(f'"{name}"' in told for name in _RESULTS):
        return [Text(("Rain in Oslo,", " sun in Rome."))]
    return list(WEATHER)


SCENES: dict[str, Callable[[JSON], list[Block]]] = {
    "talk": _talk,
    "agent": _agent,
    "thinker": lambda body: [Thought(), *_talk(body)],
    "thinking-agent": lambda body: [Thought(), *_agent(body)],
    "person": lambda body: [Text((PERSON[:9], PERSON[9:]))],
    "editor": lambda body: [Call("call_1", "apply_patch", {"input": PATCH}, custom=True)],
    "cites": lambda body: [Text(("It rains",), CITED), Text((" today.",))],
    "emoji": lambda body: [Text(("a\ud83d", "\ude00b"))],
    "long": lambda body: [Text(('{"name": ', '"A'))],
    # Streams that begin so and do not end; whole answers of these names are whole.
    "ends": _talk,
    "fails": _talk,
}


class Said(Struct, frozen=True):
    """A scene's answer, to be written in a format."""

    name: str
    blocks: list[Block]
    instructions: str | None = None  # which the Responses API repeats

    @property
    def calls(self) -> bool:
        return any(isinstance(block, Call) for block in self.blocks)

    def finish(self, calls: str, length: str, end: str) -> str:
        return calls if self.calls else length if self.name == "long" else end


def is_scene(model: str) -> bool:
    return model in SCENES


def say(path: str, model: str, body: JSON) -> tuple[JSON, list[bytes]]:
    """The whole answer, and the events of the stream."""
    said = Said(model, SCENES[model](body), body.get("instructions"))
    format = _format_of(path)
    whole, stream = _FORMATS[format]
    events = list(stream(said, body))
    if model in ("ends", "fails"):
        events = events[: len(events) // 2] + [_ERRORS[format]] * (model == "fails")
    return whole(said), events


def _format_of(path: str) -> str:
    path = path.partition("?")[0]
    if path.endswith("/messages"):
        return "anthropic"
    if path.endswith("/responses"):
        return "responses"
    return "gemini" if "enerateContent" in path else "chat"


def _event(data: JSON, name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data)}\n\n".encode()


# --- Chat Completions --------------------------------------------------------------------------

_CHAT_USAGE = {
    "prompt_tokens": INPUT,
    "completion_tokens": OUTPUT,
    "total_tokens": INPUT + OUTPUT,
    "prompt_tokens_details": {"cached_tokens": CACHED},
}


def _chat_call(call: Call) -> JSON:
    function = {"name": call.name, "arguments": call.written}
    return {"id": call.id, "type": "function", "function": function}


def _annotation(block: Text) -> JSON:
    span = {"start_index": 0, "end_index": len(block.whole)}
    told = {"url": block.cited, "title": "Weather", **span}
    return {"type": "url_citation", "url_citation": told}


def _chat(said: Said) -> JSON:
    message: JSON = {"role": "assistant", "content": None}
    for block in said.blocks:
        match block:
            case Text():
                message["content"] = (message["content"] or "") + block.whole
                if block.cited:
                    message.setdefault("annotations", []).append(_annotation(block))
            case Thought():
                message["reasoning_content"] = block.text
            case Call():
                message.setdefault("tool_calls", []).append(_chat_call(block))
    finish = said.finish("tool_calls", "length", "stop")
    choice = {"index": 0, "message": message, "finish_reason": finish}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "up"}
    return {**head, "choices": [choice], "usage": _CHAT_USAGE}


def _chat_stream(said: Said, body: JSON) -> Iterator[bytes]:
    def chunk(delta: JSON, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return _event({**head, "choices": [choice]})

    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "up"}
    yield chunk({"role": "assistant", "content": ""})
    calls = 0
    for block in said.blocks:
        match block:
            case Text():
                for piece in block.pieces:
                    yield chunk({"content": piece})
                if block.cited:
                    yield chunk({"annotations": [_annotation(block)]})
            case Thought():
                yield chunk({"reasoning_content": block.text})
            case Call():
                written = block.written
                call = _chat_call(block) | {"index": calls}
                call["function"]["arguments"] = ""
                yield chunk({"tool_calls": [call]})
                for piece in (written[:5], written[5:]):
                    part = {"index": calls, "function": {"arguments": piece}}
                    yield chunk({"tool_calls": [part]})
                calls += 1
    yield chunk({}, said.finish("tool_calls", "length", "stop"))
    if (body.get("stream_options") or {}).get("include_usage"):
        yield _event({**head, "choices": [], "usage": _CHAT_USAGE})
    yield b"data: [DONE]\n\n"


# --- Messages ----------------------------------------------------------------------------------

_MESSAGE: JSON = {"id": "msg_1", "type": "message", "role": "assistant", "model": "up"}
_COUNTED = {
    "input_tokens": INPUT - CACHED,
    "cache_read_input_tokens": CACHED,
    "cache_creation_input_tokens": 0,
}


def _cited(block: Text) -> JSON:
    kind = {"type": "web_search_result_location", "encrypted_index": "aW5kZXg="}
    return {**kind, "url": block.cited, "title": "Weather", "cited_text": "It rains in Oslo."}


def _anthropic_block(block: Block) -> JSON:
    match block:
        case Text(cited=cited):
            more = {"citations": [_cited(block)]} if cited else {}
            return {"type": "text", "text": block.whole, **more}
        case Thought():
            return {"type": "thinking", "thinking": block.text, "signature": SIGNATURE}
        case Call():
            return {
                "type": "tool_use",
                "id": block.id,
                "name": block.name,
                "input": block.arguments,
            }


def _anthropic(said: Said) -> JSON:
    content = [_anthropic_block(block) for block in said.blocks]
    stop = said.finish("tool_use", "max_tokens", "end_turn")
    usage = {**_COUNTED, "output_tokens": OUTPUT}
    end = {"stop_reason": stop, "stop_sequence": None}
    return {**_MESSAGE, "content": content, **end, "usage": usage}


def _anthropic_deltas(block: Block) -> tuple[JSON, list[JSON]]:
    match block:
        case Text():
            deltas: list[JSON] = [{"type": "text_delta", "text": p} for p in block.pieces]
            if block.cited:
                deltas.append({"type": "citations_delta", "citation": _cited(block)})
            return {"type": "text", "text": ""}, deltas
        case Thought():
            start: JSON = {"type": "thinking", "thinking": "", "signature": ""}
            return start, [
                {"type": "thinking_delta", "thinking": block.text},
                {"type": "signature_delta", "signature": SIGNATURE},
            ]
        case Call():
            pieces = (block.written[:5], block.written[5:])
            start = {"type": "tool_use", "id": block.id, "name": block.name, "input": {}}
            return start, [{"type": "input_json_delta", "partial_json": p} for p in pieces]


def _anthropic_stream(said: Said, body: JSON) -> Iterator[bytes]:
    def event(kind: str, **more: Any) -> bytes:
        return _event({"type": kind, **more}, kind)

    begun: JSON = {"content": [], "stop_reason": None, "stop_sequence": None}
    usage = {**_COUNTED, "output_tokens": 1}
    yield event("message_start", message={**_MESSAGE, **begun, "usage": usage})
    yield event("ping")
    for index, block in enumerate(said.blocks):
        start, deltas = _anthropic_deltas(block)
        yield event("content_block_start", index=index, content_block=start)
        for delta in deltas:
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
    stop = said.finish("tool_use", "max_tokens", "end_turn")
    end = {"stop_reason": stop, "stop_sequence": None}
    yield event("message_delta", delta=end, usage={"output_tokens": OUTPUT})
    yield event("message_stop")


# --- Responses ---------------------------------------------------------------------------------

_RESPONSES_USAGE = {
    "input_tokens": INPUT,
    "input_tokens_details": {"cached_tokens": CACHED, "cache_write_tokens": 0},
    "output_tokens": OUTPUT,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": INPUT + OUTPUT,
}


def _response(output: list[JSON], status: str, **more: Any) -> JSON:
    return {
        "id": "resp_1", "object": "response", "created_at": 1, "status": status, "model": "up",
        "error": None, "incomplete_details": None, "instructions": None, "metadata": {},
        "output": output, "parallel_tool_calls": True, "temperature": 1.0, "tool_choice": "auto",
        "tools": [], "top_p": 1.0, "usage": None, **more,
    }  # fmt: skip


def _output_text(block: Text) -> JSON:
    span = {"start_index": 0, "end_index": len(block.whole)}
    note = {"type": "url_citation", "url": block.cited, "title": "Weather", **span}
    annotations = [note] if block.cited else []
    return {"type": "output_text", "text": block.whole, "annotations": annotations, "logprobs": []}


def _item(block: Block, at: int) -> JSON:
    match block:
        case Text():
            content = [_output_text(block)]
            return {
                "type": "message", "id": f"msg_{at}", "role": "assistant", "status": "completed",
                "content": content,
            }  # fmt: skip
        case Thought():
            summary = [{"type": "summary_text", "text": block.text}]
            kept = {"encrypted_content": SIGNATURE}
            return {"type": "reasoning", "id": f"rs_{at}", "summary": summary, **kept}
        case Call(custom=True):
            told = {"call_id": block.id, "name": block.name, "input": block.arguments["input"]}
            return {"type": "custom_tool_call", "id": f"ctc_{at}", "status": "completed", **told}
        case Call():
            told = {"call_id": block.id, "name": block.name, "arguments": block.written}
            return {"type": "function_call", "id": f"fc_{at}", "status": "completed", **told}


def _new_id() -> str:
    """Of a response: it may be stored."""
    return f"resp_{secrets.token_hex(8)}"


def _responses(said: Said, id: str = "") -> JSON:
    id = id or _new_id()
    output = [_item(block, at) for at, block in enumerate(said.blocks)]
    if said.name == "long":
        reason = {"reason": "max_output_tokens"}
        more = {"incomplete_details": reason, "usage": _RESPONSES_USAGE}
        return _response(output, "incomplete", id=id, instructions=said.instructions, **more)
    return _response(
        output, "completed", id=id, instructions=said.instructions, usage=_RESPONSES_USAGE
    )


def _responses_deltas(block: Block, at: int) -> tuple[JSON, Iterator[tuple[str, JSON]]]:
    """The item as it begins, and events of its inside."""
    item = _item(block, at)
    where = {"item_id": item["id"], "output_index": at}
    match block:
        case Text():
            part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
            inside = {**where, "content_index": 0}

            def text() -> Iterator[tuple[str, JSON]]:
                yield "content_part.added", {**inside, "part": part}
                for piece in block.pieces:
                    yield "output_text.delta", {**inside, "delta": piece, "logprobs": []}
                for index, note in enumerate(item["content"][0]["annotations"]):
                    told = {**inside, "annotation_index": index, "annotation": note}
                    yield "output_text.annotation.added", told
                yield "output_text.done", {**inside, "text": block.whole, "logprobs": []}
                yield "content_part.done", {**inside, "part": item["content"][0]}

            return {**item, "status": "in_progress", "content": []}, text()
        case Thought():
            inside = {**where, "summary_index": 0}

            def thought() -> Iterator[tuple[str, JSON]]:
                none = {"type": "summary_text", "text": ""}
                yield "reasoning_summary_part.added", {**inside, "part": none}
                yield "reasoning_summary_text.delta", {**inside, "delta": block.text}
                yield "reasoning_summary_text.done", {**inside, "text": block.text}
                yield "reasoning_summary_part.done", {**inside, "part": item["summary"][0]}

            return {**item, "summary": [], "encrypted_content": None}, thought()
        case Call(custom=custom):
            field = "input" if custom else "arguments"
            kind = "custom_tool_call_input" if custom else "function_call_arguments"
            written = item[field]

            def call() -> Iterator[tuple[str, JSON]]:
                for piece in (written[:5], written[5:]):
                    yield f"{kind}.delta", {**where, "delta": piece}
                named = {} if custom else {"name": block.name}
                yield f"{kind}.done", {**where, field: written, **named}

            return {**item, "status": "in_progress", field: ""}, call()


def _responses_stream(said: Said, body: JSON) -> Iterator[bytes]:
    number, id = -1, _new_id()

    def event(kind: str, **more: Any) -> bytes:
        nonlocal number
        number += 1
        return _event({"type": f"response.{kind}", "sequence_number": number, **more}, f"response.{kind}")  # fmt: skip

    begun = _response([], "in_progress", id=id, instructions=said.instructions)
    yield event("created", response=begun)
    yield event("in_progress", response=begun)
    for at, block in enumerate(said.blocks):
        start, inside = _responses_deltas(block, at)
        yield event("output_item.added", output_index=at, item=start)
        for kind, told in inside:
            yield event(kind, **told)
        yield event("output_item.done", output_index=at, item=_item(block, at))
    whole = _responses(said, id)
    yield event(whole["status"], response=whole)


# --- Gemini ------------------------------------------------------------------------------------

_METADATA = {
    "promptTokenCount": INPUT,
    "cachedContentTokenCount": CACHED,
    "candidatesTokenCount": OUTPUT,
    "totalTokenCount": INPUT + OUTPUT,
}


def _gemini_parts(said: Said, whole: bool) -> list[JSON]:
    """Signed is the first part that follows a thought."""
    parts: list[JSON] = []
    unsigned = False
    for block in said.blocks:
        match block:
            case Thought():
                parts.append({"text": block.text, "thought": True})
                unsigned = True
                continue
            case Text():
                found: list[JSON] = [
                    {"text": piece} for piece in ((block.whole,) if whole else block.pieces)
                ]
            case Call():
                call = {"id": block.id, "name": block.name, "args": block.arguments}
                found = [{"functionCall": call}]
        if unsigned:
            found[0]["thoughtSignature"] = SIGNATURE
            unsigned = False
        parts += found
    return parts


def _candidate(parts: list[JSON], finish: str | None = None) -> JSON:
    candidate: JSON = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    head = {"modelVersion": "up", "responseId": "gm1"}
    return {"candidates": [candidate], "usageMetadata": _METADATA, **head}


def _grounded(said: Said, answer: JSON) -> JSON:
    for block in said.blocks:
        if isinstance(block, Text) and block.cited:
            chunk = {"web": {"uri": block.cited, "title": "Weather"}}
            segment = {"startIndex": 0, "endIndex": len(block.whole), "text": block.whole}
            support = {"segment": segment, "groundingChunkIndices": [0]}
            told = {"groundingChunks": [chunk], "groundingSupports": [support]}
            answer["candidates"][0]["groundingMetadata"] = told
    return answer


def _gemini(said: Said) -> JSON:
    finish = said.finish("STOP", "MAX_TOKENS", "STOP")
    return _grounded(said, _candidate(_gemini_parts(said, whole=True), finish))


def _gemini_stream(said: Said, body: JSON) -> Iterator[bytes]:
    parts = _gemini_parts(said, whole=False)
    for part in parts[:-1]:
        yield _event(_candidate([part]))
    finish = said.finish("STOP", "MAX_TOKENS", "STOP")
    yield _event(_grounded(said, _candidate(parts[-1:], finish)))


_FORMATS: dict[str, tuple[Callable[[Said], JSON], Callable[[Said, JSON], Iterator[bytes]]]] = {
    "chat": (_chat, _chat_stream),
    "anthropic": (_anthropic, _anthropic_stream),
    "responses": (_responses, _responses_stream),
    "gemini": (_gemini, _gemini_stream),
}

_OVERLOADED = "the upstream is overloaded"
_ERRORS = {
    "chat": _event({"error": {"message": _OVERLOADED, "type": "server_error", "code": None}}),
    "anthropic": _event(
        {"type": "error", "error": {"type": "overloaded_error", "message": _OVERLOADED}}, "error"
    ),
    "responses": _event(
        {
            "type": "response.failed",
            "sequence_number": 9,
            "response": _response(
                [], "failed", error={"code": "server_error", "message": _OVERLOADED}
            ),
        },
        "response.failed",
    ),
    "gemini": _event({"error": {"code": 503, "message": _OVERLOADED, "status": "UNAVAILABLE"}}),
}
