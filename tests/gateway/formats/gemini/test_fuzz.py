"""Whatever comes, only the errors that become a 400 or an upstream's failure come out."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest, UpstreamFailed
from gateway.formats import gemini, gemini_array, wire
from gateway.formats.types import Asked, Quirks

ASKED = Asked(model="m", id="i", created=1)
_NAMES = st.sampled_from(
    [
        "contents", "parts", "text", "thought", "thoughtSignature", "functionCall",
        "functionResponse", "args", "name", "id", "role", "response",
        "inlineData", "fileData", "mimeType", "data", "fileUri", "tools",
        "functionDeclarations", "parameters", "type", "nullable", "toolConfig", "functionCallingConfig",
        "mode", "generationConfig", "thinkingConfig", "thinkingBudget", "responseSchema", "systemInstruction",
        "candidates", "content", "finishReason", "usageMetadata", "promptTokenCount", "groundingMetadata",
        "groundingChunks", "groundingSupports", "segment", "endIndex", "groundingChunkIndices", "citationMetadata",
        "citations", "promptFeedback", "blockReason", "error", "code", "message",
        "details", "retryDelay", "partialArgs", "jsonPath", "willContinue", "stringValue",
        "responseId", "index",
    ]
)  # fmt: skip
_ODD = st.sampled_from(
    [
        "", "x", "STOP", "ANY", "user", "model", "$.a[0].b", "$.a[9999]", "12s", "image/png", "AAAA",
        "\ud83d", "b21uaXJvdXRl", "b21uaXJvdXRlOnJlZGFjdGVkL3g6eQ", "skip_thought_signature_validator",
    ]
)  # fmt: skip
_LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _ODD
_JSON = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=5),
    max_leaves=30,
)
_PARTS = st.lists(st.dictionaries(_NAMES, _JSON, max_size=3), max_size=4)


def _object(**fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    """An object in which these fields often are what they should be."""
    return st.fixed_dictionaries({}, optional=fields | {"x": _JSON})


_CONTENT = _object(parts=_PARTS, role=st.sampled_from(["user", "model"])) | _JSON
_CANDIDATE = _object(content=_CONTENT, finishReason=_ODD, groundingMetadata=_JSON) | _JSON
REQUESTS = _object(
    contents=st.lists(_CONTENT, max_size=3),
    tools=_JSON,
    toolConfig=_JSON,
    generationConfig=_JSON,
    systemInstruction=_JSON,
)
ANSWERS = _object(
    candidates=st.lists(_CANDIDATE, max_size=2), usageMetadata=_JSON, promptFeedback=_JSON
)


@given(REQUESTS)
def test_any_request_is_read_or_refused(body: dict[str, Any]) -> None:
    with suppress(BadRequest):
        prompt = gemini.decode_request(body)
        gemini.readdress(body, "m", Quirks())
        for quirks in (Quirks(), Quirks(reasoning="effort", tool_result_media=True)):
            wire.dumps(gemini.encode_request(prompt, "m", quirks).body)


@given(ANSWERS)
def test_any_answer_is_read_or_failed(body: dict[str, Any]) -> None:
    data = json.dumps(body).encode()
    with suppress(UpstreamFailed):
        gemini.sniff_response(data)
    with suppress(UpstreamFailed):
        reply = gemini.decode_response(body)
        wire.dumps(gemini.encode_response(reply, ASKED))


@given(st.lists(ANSWERS, max_size=4), st.integers(1, 50), st.binary(max_size=5))
def test_any_stream_is_read_or_failed(chunks: list[dict[str, Any]], size: int, rest: bytes) -> None:
    data = b"".join(b"data: " + json.dumps(told).encode() + b"\r\n\r\n" for told in chunks) + rest
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    with suppress(UpstreamFailed):
        decoder = gemini.StreamDecoder()
        events = [event for piece in pieces for event in decoder.feed(piece)] + decoder.close()
        encoder = gemini_array.StreamEncoder(ASKED)
        json.loads(b"".join(encoder.encode(event) for event in events))
    with suppress(UpstreamFailed):
        relay = gemini_array.Relay(False)
        json.loads(b"".join(relay.feed(piece) for piece in pieces) + relay.close())


def _nested(depth: int, key: str) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {key: value}
    return value


@pytest.mark.parametrize("depth", [50, 500, 900])
@pytest.mark.parametrize("key", ["properties", "parts", "a_b"])
def test_deep_nesting_is_read_or_refused(depth: int, key: str) -> None:
    deep = _nested(depth, key)
    call = {"functionCall": {"name": "f", "args": deep}}
    request: dict[str, Any] = {
        "contents": [{"role": "model", "parts": [call, {"x": deep}]}],
        "tools": [{"functionDeclarations": [{"name": "f", "parameters": deep}]}],
        "generationConfig": {"responseSchema": deep},
    }
    with suppress(BadRequest):
        prompt = gemini.decode_request(request)
        wire.dumps(gemini.encode_request(prompt, "m", Quirks()).body)
    answer = {"candidates": [{"content": {"parts": [call]}, "finishReason": "STOP"}]}
    data = b"data: " + json.dumps(answer).encode() + b"\n\n"
    with suppress(UpstreamFailed):
        gemini.decode_response(answer)
    with suppress(UpstreamFailed):
        gemini.StreamDecoder().feed(data)


WIRES = [
    b"data: {\n\n",
    b"data: " + b"[" * 100_000 + b"\n\n",
    b"data: [" + b'{"a":' * 5000 + b"\n\n",
    b'data: {"candidates":NaN}\n\n',
    b'data: {"candidates":[{"index":1e999}]}\n\n',
    b'data: {"error":"x","error":null}\n\n',
    b"data: \xff\xfe\n\n",
    b"data: 5\n\n",
    b"{}\n\n",
    b"[\n\n",
]


@pytest.mark.parametrize("data", WIRES, ids=[repr(data[:20]) for data in WIRES])
def test_bytes_that_are_no_chunks_fail(data: bytes) -> None:
    for make in (gemini.StreamDecoder, lambda: gemini.Relay(False)):
        with pytest.raises(UpstreamFailed):
            _read(make(), data)
    with suppress(UpstreamFailed):
        gemini.sniff_response(data[6:])


def _read(reader: Any, data: bytes) -> None:
    reader.feed(data)
    reader.close()
