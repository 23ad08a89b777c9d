"""How vendors of rerankers answer, each in its own shape.

Sources: docs.cohere.com/v2/reference/rerank, jina.ai/reranker, docs.together.ai/docs/rerank-overview,
docs.voyageai.com/reference/reranker-api, docs.nvidia.com/nim/nemo-retriever (read 2026-11).
"""

from typing import Any

from tests.kinds.vendor import Answer, Refused, Seen

SCORES = [0.75, 0.25]


def cohere(seen: Seen) -> Any:
    body = seen.body
    if not all(isinstance(document, str) for document in body["documents"]):
        raise Refused(400, {"message": "documents must be strings"})
    rows = [{"index": 1 - at, "relevance_score": score} for at, score in enumerate(SCORES)]
    return {
        "id": "r1",
        "results": rows[: body.get("top_n", 2)],
        "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
    }


def together(seen: Seen) -> Any:
    """And Jina."""
    if seen.body["model"] == "broken":
        raise Refused(503, {"error": {"message": "out of order", "type": "server_error"}})
    rows = [
        {"index": 1 - at, "relevance_score": score, "document": {"text": "…"}}
        for at, score in enumerate(SCORES)
    ]
    return {"object": "rerank", "model": "up", "results": rows, "usage": {"total_tokens": 12}}


def voyage(seen: Seen) -> Any:
    rows = [{"relevance_score": score, "index": 1 - at} for at, score in enumerate(SCORES)]
    rows = rows[: seen.body.get("top_k", 2)]
    return {"object": "list", "data": rows, "model": "up", "usage": {"total_tokens": 12}}


def nvidia(seen: Seen) -> Any:
    if not isinstance(seen.body["query"], dict) or "top_n" in seen.body:
        raise Refused(422, {"detail": "query.text is required"})
    return {"rankings": [{"index": 1, "logit": 1.0986123}, {"index": 0, "logit": -2000}]}


ANSWERS: dict[str, Answer] = {
    "rr-cohere": cohere,
    "rr-jina": together,
    "rr-together": together,
    "rr-voyage": voyage,
    "rr-nvidia": nvidia,
}
