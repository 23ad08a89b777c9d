"""Cohere's format: `POST /v2/rerank`; at `/rerank`, that of Jina, Together, OpenRouter, vLLM and others.

Source: https://docs.cohere.com/v2/reference/rerank, https://jina.ai/reranker,
https://docs.together.ai/docs/rerank-overview (read 2026-11)
"""

from typing import Any

from gateway.errors import BadRequest, NotSupported, UpstreamFailed
from gateway.formats import wire
from gateway.formats.cohere_chat import encode_error
from gateway.formats.failures import decode_error
from gateway.formats.reading import (
    given,
    is_a,
    optional,
    others,
    readdress,
    required,
    wants,
    wrong,
)
from gateway.formats.rerank.answers import read_ranking
from gateway.formats.rerank.types import Ranked, Ranking, RerankRequest
from gateway.formats.types import Asked, Encoded, JSONDict, Quirks, Usage

__all__ = [
    "NAME",
    "address",
    "check_request",
    "decode_error",
    "decode_request",
    "decode_response",
    "encode_error",
    "encode_request",
    "encode_response",
    "max_tokens",
    "readdress",
    "sniff_response",
    "units",
    "wants",
]

NAME = "cohere_rerank"
# What Cohere counts as one search.
DOCUMENTS_A_SEARCH = 100

_KNOWN = frozenset(["model", "query", "documents", "top_n", "return_documents"])


def address(model: str, stream: bool) -> str:
    """Where its upstreams take requests, under their base URL."""
    return "/rerank"


def max_tokens(body: JSONDict) -> int:
    """An order has no tokens."""
    return 0


def units(body: JSONDict) -> dict[str, int]:
    """Searches, for prices that are for these."""
    documents = body.get("documents")
    number = len(documents) if isinstance(documents, list) else 0
    return {"queries": max(-(-number // DOCUMENTS_A_SEARCH), 1)}


def check_request(body: JSONDict) -> None:
    """What must be right before a body is relayed as it is.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
    """
    for name in ("model", "query"):
        if not required(body, name, str):
            raise BadRequest(f"{name}: a value is missing", param=name)
    documents = required(body, "documents", list)
    if not documents:
        raise BadRequest("documents: at least one is needed", param="documents")
    for position, document in enumerate(documents):
        if not isinstance(document, str | dict):
            raise wrong(f"documents[{position}]", "a string or an object")
    top_n = optional(body, "top_n", int)
    if top_n is not None and top_n < 1:
        raise wrong("top_n", "a number above 0")
    optional(body, "return_documents", bool)


def decode_request(body: JSONDict) -> RerankRequest:
    """Read a request.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
        NotSupported: A document is more than a text.
    """
    check_request(body)
    return RerankRequest(
        model=body["model"],
        query=body["query"],
        documents=tuple(
            _text(document, f"documents[{position}]")
            for position, document in enumerate(body["documents"])
        ),
        top_n=body.get("top_n"),
        return_documents=body.get("return_documents"),
        extras=others(body, _KNOWN),
    )


def _text(document: Any, at: str) -> str:
    text = document.get("text") if isinstance(document, dict) else document
    if not isinstance(text, str) or (isinstance(document, dict) and len(document) > 1):
        raise NotSupported(f"{at}: this provider takes documents that are text", param="documents")
    return text


def encode_request(request: RerankRequest, model: str, quirks: Quirks) -> Encoded:
    """Write a request."""
    body: JSONDict = {
        "model": model,
        "query": request.query,
        "documents": list(request.documents),
    }
    body |= given(top_n=request.top_n, return_documents=request.return_documents)
    return Encoded(body | request.extras)


def decode_response(body: JSONDict) -> Ranking:
    """Read an answer. Raises `UpstreamFailed` for what is none, an error in a 200 included."""
    return read_ranking(body, "results", "relevance_score")


def sniff_response(data: bytes) -> Usage | None:
    """The usage in an answer that is relayed. Raises `UpstreamFailed` for what is no answer."""
    try:
        body = wire.loads(data)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise UpstreamFailed("the upstream's answer is no JSON object", upstream_status=200)
    return decode_response(body).usage


def encode_response(reply: Ranking, asked: Asked) -> JSONDict:
    """Write an answer: as many as were asked for, though the provider knows no such limit."""
    top_n = asked.request.get("top_n")
    ranked = reply.ranked[:top_n] if is_a(top_n, int) else reply.ranked
    return {
        "id": asked.id,
        "model": asked.model,
        "results": [_result(each, asked.request) for each in ranked],
        "meta": {"api_version": {"version": "2"}} | _billed(reply.usage),
    } | ({"usage": {"total_tokens": reply.usage.input_tokens}} if reply.usage else {})


def _result(ranked: Ranked, request: JSONDict) -> JSONDict:
    told: JSONDict = {"index": ranked.index, "relevance_score": ranked.score}
    documents = request.get("documents")
    if request.get("return_documents") is not True or not isinstance(documents, list):
        return told
    if ranked.index >= len(documents):
        return told
    document = documents[ranked.index]
    return told | {"document": {"text": document} if isinstance(document, str) else document}


def _billed(usage: Usage | None) -> JSONDict:
    if usage is None:
        return {}
    billed = {"search_units": usage.units.get("queries"), "input_tokens": usage.input_tokens}
    return {"billed_units": {name: value for name, value in billed.items() if value}}
