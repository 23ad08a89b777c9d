"""Each format's own words for what is to be embedded, and for what came of it."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest, NotSupported, UpstreamFailed
from gateway.formats import wire
from gateway.formats.embeddings import CLIENTS, UPSTREAMS, openai
from gateway.formats.embeddings.types import EmbeddingRequest, Embeddings, Purpose
from gateway.formats.embeddings.vectors import read_vector, to_base64
from gateway.formats.types import Asked, JSONDict, Quirks, Usage

ASKED = Asked(model="m", id="i", created=1, estimate=Usage(input_tokens=3))
REPLY = Embeddings(vectors=([0.5, -1.0],), usage=Usage(input_tokens=7))


# --- Requests --------------------------------------------------------------------------------

FULL = EmbeddingRequest(
    format="openai_embeddings",
    model="asked",
    inputs=("a", "b"),
    dimensions=64,
    input_type="document",
    truncate=False,
    title="t",
    user="u",
    extras={"odd": 1, "null": None},
)


@dataclass(frozen=True)
class Sent:
    format: str
    body: JSONDict
    dropped: tuple[str, ...]
    request: EmbeddingRequest = FULL
    quirks: Quirks = field(default_factory=Quirks)


GOOGLE: JSONDict = {"taskType": "RETRIEVAL_DOCUMENT", "title": "t", "outputDimensionality": 64}
SENT = [
    Sent(
        "openai_embeddings",
        {"model": "sent", "input": ["a", "b"], "dimensions": 64, "user": "u"},
        ("input_type", "truncate", "title", "odd"),
    ),
    Sent(
        "mistral_embeddings",
        {"model": "sent", "input": ["a", "b"], "output_dimension": 64},
        ("input_type", "truncate", "title", "user", "odd"),
    ),
    Sent(
        "voyage_embeddings",
        {
            "model": "sent", "input": ["a", "b"], "input_type": "document", "truncation": False,
            "output_dimension": 64,
        },
        ("title", "user", "odd"),
    ),
    Sent(
        "jina_embeddings",
        {
            "model": "sent", "input": ["a", "b"], "task": "retrieval.passage", "truncate": False,
            "dimensions": 64,
        },
        ("title", "user", "odd"),
    ),
    Sent(
        "cohere_embeddings",
        {
            "model": "sent", "texts": ["a", "b"], "input_type": "search_document",
            "embedding_types": ["float"], "truncate": "NONE", "output_dimension": 64,
        },
        ("title", "user", "odd"),
    ),
    Sent(
        "ollama_embeddings",
        {"model": "sent", "input": ["a", "b"], "truncate": False, "dimensions": 64},
        ("input_type", "title", "user", "odd"),
    ),
    Sent(
        "gemini_embeddings",
        {
            "requests": [
                {"model": "models/sent", "content": {"parts": [{"text": text}]}, **GOOGLE}
                for text in "ab"
            ]
        },
        ("truncate", "user", "odd"),
    ),
    Sent(
        "voyage_embeddings",
        {"model": "sent", "input": ["a"], "truncation": True},
        ("input_type",),
        EmbeddingRequest(
            format="openai_embeddings",
            model="asked",
            inputs=("a",),
            input_type="clustering",
            extras={"truncation": True},
        ),
    ),
    Sent(
        "cohere_embeddings",
        {
            "model": "sent", "texts": ["a"], "input_type": "search_document",
            "embedding_types": ["float"],
        },
        ("output_dimension",),
        EmbeddingRequest(format="", model="asked", inputs=("a",), dimensions=5),
        Quirks(unsupported=("output_dimension",)),
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", SENT, ids=lambda case: case.format)
def test_a_request_in_each_vendors_words(case: Sent) -> None:
    encoded = UPSTREAMS[case.format].encode_request(case.request, "sent", case.quirks)
    assert encoded.body == case.body
    assert encoded.dropped == case.dropped


@pytest.mark.parametrize("name", sorted(UPSTREAMS.keys() - {"openai_embeddings"}))
def test_tokens_are_refused_where_text_is_wanted(name: str) -> None:
    request = EmbeddingRequest(format="openai_embeddings", model="m", inputs=((1, 2),))
    with pytest.raises(NotSupported, match="no tokens"):
        UPSTREAMS[name].encode_request(request, "m", Quirks())


READ: list[tuple[str, JSONDict, EmbeddingRequest]] = [
    (
        "openai_embeddings",
        {"model": "m", "input": [1, 2]},
        EmbeddingRequest(format="openai_embeddings", model="m", inputs=((1, 2),)),
    ),
    (
        "openai_embeddings",
        {"model": "m", "input": ["a", [3]], "input_type": "passage", "odd": 1},
        EmbeddingRequest(
            format="openai_embeddings",
            model="m",
            inputs=("a", (3,)),
            input_type="document",
            extras={"odd": 1},
        ),
    ),
    (
        "openai_embeddings",
        {"model": "m", "input": "a", "input_type": "image"},
        EmbeddingRequest(
            format="openai_embeddings", model="m", inputs=("a",), extras={"input_type": "image"}
        ),
    ),
    (
        "gemini_embed_content",
        {
            "content": {"parts": [{"text": "a"}, {"text": "b"}]},
            "task_type": "CODE_RETRIEVAL_QUERY",
            "output_dimensionality": 5,
        },
        EmbeddingRequest(
            format="gemini_embed_content",
            model="",
            inputs=("ab",),
            input_type="code_query",
            dimensions=5,
        ),
    ),
    (
        "gemini_embeddings",
        {
            "requests": [
                {"model": "models/x", "content": {"parts": [{"text": "a"}]}, "taskType": "NEW"},
                {"content": {"parts": [{"text": "b"}]}, "taskType": "NEW"},
            ]
        },
        EmbeddingRequest(
            format="gemini_embeddings", model="", inputs=("a", "b"), extras={"taskType": "NEW"}
        ),
    ),
]


@pytest.mark.parametrize(("name", "body", "request_"), READ)
def test_what_is_read_of_a_request(name: str, body: JSONDict, request_: EmbeddingRequest) -> None:
    assert CLIENTS[name].decode_request(body) == request_


PART = {"parts": [{"text": "a"}]}
WRONG: list[tuple[str, JSONDict, str]] = [
    ("openai_embeddings", {"model": "m", "input": [""], "user": 5}, "user"),
    ("openai_embeddings", {"model": "m", "input": [[]]}, "input[0]"),
    ("openai_embeddings", {"model": "m", "input": [{"image": "x"}]}, "input[0]"),
    ("gemini_embed_content", {}, "content"),
    ("gemini_embed_content", {"content": {"parts": []}}, "content.parts"),
    ("gemini_embed_content", {"content": {"parts": [{"inlineData": {}}]}}, "content"),
    ("gemini_embeddings", {"requests": []}, "requests"),
    ("gemini_embeddings", {"requests": [{}]}, "requests[0].content"),
    (
        "gemini_embeddings",
        {"requests": [{"content": PART}, {"content": PART, "title": "t"}]},
        "requests",
    ),
]


@pytest.mark.parametrize(("name", "body", "param"), WRONG)
def test_a_wrong_field_is_named(name: str, body: JSONDict, param: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        CLIENTS[name].decode_request(body)
    assert refusal.value.param == param


PURPOSES: list[tuple[Purpose, str | None, str, str]] = [
    ("query", "query", "search_query", "retrieval.query"),
    ("fact_verification", "query", "search_query", "retrieval.query"),
    ("document", "document", "search_document", "retrieval.passage"),
    ("similarity", None, "search_document", "text-matching"),
    ("classification", None, "classification", "classification"),
    ("clustering", None, "clustering", "separation"),
]


@pytest.mark.parametrize(("purpose", "voyage", "cohere", "jina"), PURPOSES)
def test_what_vectors_are_for_has_each_vendors_word(
    purpose: Purpose, voyage: str | None, cohere: str, jina: str
) -> None:
    request = EmbeddingRequest(format="", model="m", inputs=("a",), input_type=purpose)
    bodies = {
        name: UPSTREAMS[f"{name}_embeddings"].encode_request(request, "m", Quirks()).body
        for name in ("voyage", "cohere", "jina")
    }
    assert bodies["voyage"].get("input_type") == voyage
    assert bodies["cohere"]["input_type"] == cohere
    assert bodies["jina"]["task"] == jina


# --- Answers ---------------------------------------------------------------------------------

ROWS = [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}]
ANSWERS: list[tuple[str, JSONDict, int | None]] = [
    ("openai_embeddings", {"data": ROWS, "usage": {"prompt_tokens": 4, "total_tokens": 4}}, 4),
    ("openai_embeddings", {"data": ROWS}, None),
    ("voyage_embeddings", {"data": ROWS, "usage": {"total_tokens": 4}}, 4),
    (
        "cohere_embeddings",
        {
            "embeddings": {"float": [[1.0], [2.0]]},
            "meta": {"billed_units": {"input_tokens": 3, "image_tokens": 1}},
        },
        4,
    ),
    ("ollama_embeddings", {"embeddings": [[1.0], [2.0]], "prompt_eval_count": 4}, 4),
    ("gemini_embeddings", {"embeddings": [{"values": [1.0]}, {"values": [2.0]}]}, None),
]


@pytest.mark.parametrize(("name", "body", "tokens"), ANSWERS)
def test_vectors_stand_in_the_order_of_the_inputs(
    name: str, body: JSONDict, tokens: int | None
) -> None:
    reply = UPSTREAMS[name].decode_response(body)
    assert reply.vectors == ([1.0], [2.0])
    assert (reply.usage.input_tokens if reply.usage else None) == tokens


NO_ANSWERS: list[Any] = [
    {},
    {"data": []},
    {"data": [{"index": 0, "embedding": []}]},
    {"data": [{"index": 0, "embedding": "not base64"}]},
    {"data": [{"index": 0, "embedding": ["1"]}]},
    {"data": {"embedding": [1]}},
    {"error": {"message": "no"}},
    {"embeddings": [None], "embedding": [1.0]},
    {"embeddings": {"float": [[None]]}},
]


@pytest.mark.parametrize("name", UPSTREAMS)
@pytest.mark.parametrize("body", NO_ANSWERS, ids=str)
def test_what_is_no_answer_is_the_upstreams_failure(name: str, body: JSONDict) -> None:
    with pytest.raises(UpstreamFailed):
        UPSTREAMS[name].decode_response(body)


@pytest.mark.parametrize("name", CLIENTS)
def test_what_is_written_is_read_again(name: str) -> None:
    format = CLIENTS[name]
    written = format.encode_response(REPLY, ASKED)
    assert format.decode_response(written) == REPLY
    assert format.sniff_response(wire.dumps(written)) == REPLY.usage


@pytest.mark.parametrize("name", CLIENTS)
@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b"<html>", b'{"error": {"message": "x"}}', b'{"data": [], "embedding": null, "embeddings": []}']
)  # fmt: skip
def test_a_relayed_answer_that_is_none_is_the_upstreams_failure(name: str, data: bytes) -> None:
    with pytest.raises(UpstreamFailed):
        CLIENTS[name].sniff_response(data)


def test_an_openai_answer_always_has_a_usage() -> None:
    """Strict clients do not read one without; the estimate stands where nothing was told."""
    silent = Embeddings(vectors=([1.0],))
    assert openai.encode_response(silent, ASKED)["usage"] == {
        "prompt_tokens": 3,
        "total_tokens": 3,
    }


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_base64_is_the_same_vector(vector: list[float]) -> None:
    assert read_vector(to_base64(vector)) == vector
