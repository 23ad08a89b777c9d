"""Reranking over real sockets, in Cohere's format for clients: what leaves, comes back, and costs."""

import json
from typing import Any

import pytest

from tests.e2e.gateway import Gateway, request_id
from tests.kinds.configuration import RERANKERS
from tests.kinds.vendor import Vendors

DOCUMENTS = ["a pan", "a panda"]
ASKED = {"query": "bear", "documents": DOCUMENTS}
NVIDIA = {"query": {"text": "bear"}, "passages": [{"text": "a pan"}, {"text": "a panda"}]}

SENT: dict[str, tuple[str, Any]] = {
    "rr-cohere": ("/v2/rerank", {"model": "m", **ASKED, "top_n": 1}),
    "rr-jina": ("/rerank", {"model": "m", **ASKED, "top_n": 1}),
    "rr-together": ("/rerank", {"model": "m", **ASKED, "top_n": 1}),
    "rr-voyage": ("/rerank", {"model": "m", **ASKED, "top_k": 1}),
    "rr-nvidia": ("/retrieval/org/m/reranking", {"model": "org/m", **NVIDIA}),
}
# In 10⁻¹² USD: a search, tokens, tokens, tokens, a request.
COSTS = dict(zip(SENT, [2 * 10**9, *[12 * 50_000] * 3, 10**9], strict=True))


def rerank(gateway: Gateway, model: str, path: str = "/v1/rerank", **more: Any) -> Any:
    return gateway.post(path, {"model": model, **ASKED, **more})


def model(vendor: str) -> str:
    return f"{vendor}/org/m" if vendor == "rr-nvidia" else f"{vendor}/m"


@pytest.mark.parametrize("vendor", RERANKERS)
def test_every_vendor_ranks(kinds: Gateway, vendors: Vendors, vendor: str) -> None:
    answer = rerank(kinds, model(vendor), top_n=1)
    assert answer.status_code == 200, answer.text
    first = answer.json()["results"][0]
    assert first["index"] == 1
    assert first["relevance_score"] == pytest.approx(0.75)
    seen = vendors.last(vendor)
    assert (seen.path, seen.body) == SENT[vendor]


@pytest.mark.parametrize("vendor", RERANKERS)
def test_the_row_has_what_it_cost(kinds: Gateway, vendor: str) -> None:
    answer = rerank(kinds, model(vendor))
    row = kinds.row(request_id(answer))
    assert row["cost_picousd"] == COSTS[vendor]
    assert json.loads(row["units"]) == {"requests": 1, "queries": 1}
    assert row["output_tokens"] == 0
    assert row["usage_source"] == ("estimated" if vendor == "rr-nvidia" else "reported")


@pytest.mark.parametrize("vendor", ["rr-voyage", "rr-nvidia"])
def test_documents_come_back_where_they_are_asked_for(kinds: Gateway, vendor: str) -> None:
    asked: Any = {"documents": ["a pan", {"text": "a panda"}], "return_documents": True}
    results = rerank(kinds, model(vendor), **asked).json()["results"]
    assert [row["document"]["text"] for row in results] == ["a panda", "a pan"]
    assert results[1]["relevance_score"] == pytest.approx(0.0 if vendor == "rr-nvidia" else 0.25)


def test_a_relay_keeps_what_it_does_not_know(kinds: Gateway, vendors: Vendors) -> None:
    answer = rerank(kinds, "rr-together/m", rank_fields=["text"], vendor_option=1)
    assert answer.json()["object"] == "rerank"
    assert vendors.last("rr-together").body["rank_fields"] == ["text"]


def test_what_a_vendor_cannot_be_told_is_named_or_refused(kinds: Gateway) -> None:
    answer = rerank(kinds, "rr-voyage/m", max_tokens_per_doc=5, truncation=True)
    assert answer.headers["x-omniroute-dropped"] == "max_tokens_per_doc"
    refused = rerank(kinds, "rr-voyage/m", documents=[{"title": "t", "text": "a"}])
    assert refused.status_code == 400
    assert "documents[0]" in refused.json()["message"]


def test_a_combo_falls_through_and_cohere_is_served_at_its_own_address(kinds: Gateway) -> None:
    answer = rerank(kinds, "sorted", "/v2/rerank")
    assert answer.headers["x-omniroute-model"] == "rr-cohere/m"
    assert answer.json()["meta"]["billed_units"] == {"search_units": 1}
    row = kinds.row(request_id(answer))
    assert [attempt["status"] for attempt in json.loads(row["attempts"])] == [503, 200]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"query": ""}, "query"),
        ({"documents": []}, "documents"),
        ({"documents": [1]}, "documents[0]"),
        ({"top_n": 0}, "top_n"),
        ({"model": "openai-here/embed"}, "which is called at /v1/embeddings"),
    ],
)
def test_a_refusal_is_in_coheres_words(kinds: Gateway, more: Any, words: str) -> None:
    answer = kinds.post("/v1/rerank", {"model": "sorted", **ASKED, **more})
    assert answer.status_code == 400
    assert words in answer.json()["message"]
