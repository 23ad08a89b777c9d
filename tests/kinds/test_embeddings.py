"""Embeddings over real sockets: what leaves, what comes back, what is charged."""

import json
from typing import Any

import openai
import pytest
from google import genai

from tests.e2e.gateway import (
    CLIENT,
    KEY,
    MANAGE_KEY,
    UPSTREAM_KEY,
    Gateway,
    keyed,
    request_id,
)
from tests.kinds.configuration import EMBEDDINGS
from tests.kinds.embedding_vendors import IN_BASE64, VECTOR
from tests.kinds.vendor import Vendors

TEXTS = ["red", "green"]

# What leaves for two texts with 256 dimensions, as queries: path and body.
SENT: dict[str, tuple[str, Any]] = {
    "openai": ("/embeddings", {
        "model": "embed", "input": TEXTS, "dimensions": 256, "input_type": "query",
        "encoding_format": "float",
    }),
    "mistral": ("/embeddings", {"model": "embed", "input": TEXTS, "output_dimension": 256}),
    "voyage": ("/embeddings", {
        "model": "embed", "input": TEXTS, "input_type": "query", "output_dimension": 256,
    }),
    "jina": ("/embeddings", {
        "model": "embed", "input": TEXTS, "task": "retrieval.query", "dimensions": 256,
    }),
    "cohere": ("/v2/embed", {
        "model": "embed", "texts": TEXTS, "input_type": "search_query",
        "embedding_types": ["float"], "output_dimension": 256,
    }),
    "ollama": ("/api/embed", {"model": "embed", "input": TEXTS, "dimensions": 256}),
    "gemini": ("/models/embed:batchEmbedContents", {
        "requests": [
            {
                "model": "models/embed", "content": {"parts": [{"text": text}]},
                "taskType": "RETRIEVAL_QUERY", "outputDimensionality": 256,
            }
            for text in TEXTS
        ]
    }),
}  # fmt: skip


def embed(gateway: Gateway, model: str, **more: Any) -> Any:
    return gateway.post("/v1/embeddings", {"model": model, "input": TEXTS, **more})


@pytest.mark.parametrize("vendor", EMBEDDINGS)
def test_an_openai_client_is_answered_by_every_vendor(
    kinds: Gateway, vendors: Vendors, vendor: str
) -> None:
    answer = embed(
        kinds,
        f"{vendor}-here/embed",
        dimensions=256,
        input_type="query",
        encoding_format="float",
    )
    assert answer.status_code == 200, answer.text
    assert [row["embedding"] for row in answer.json()["data"]] == [VECTOR, VECTOR]
    seen = vendors.last(vendor)
    assert (seen.path, seen.body) == SENT[vendor]
    credential = seen.headers.get("authorization") or seen.headers.get("x-goog-api-key")
    assert credential == (UPSTREAM_KEY if vendor == "gemini" else f"Bearer {UPSTREAM_KEY}")


@pytest.mark.parametrize("vendor", EMBEDDINGS)
def test_the_row_has_tokens_and_cost(kinds: Gateway, vendor: str) -> None:
    answer = embed(kinds, f"{vendor}-here/embed")
    row = kinds.row(request_id(answer))
    told = vendor != "gemini"  # whose older models count nothing
    tokens = 8 if told else 2
    assert (row["input_tokens"], row["output_tokens"]) == (tokens, 0)
    assert row["usage_source"] == ("reported" if told else "estimated")
    assert row["cost_picousd"] == tokens * 20_000
    assert json.loads(row["units"]) == {"requests": 1}
    assert answer.json()["usage"]["total_tokens"] == tokens


BY_KIND = {
    "gemini-here": (1000, (100 * 20 + 600 * 45 + 300 * 650) * 10_000),
    "cohere-here": (608, (8 * 20 + 600 * 45) * 10_000),
}
IMAGE = {"inline_data": {"mime_type": "image/png", "data": "aGk="}}


@pytest.mark.parametrize("provider", BY_KIND)
def test_tokens_of_images_and_sounds_cost_what_theirs_cost(kinds: Gateway, provider: str) -> None:
    answer = embed(kinds, f"{provider}/seeing")
    row = kinds.row(request_id(answer))
    assert (row["input_tokens"], row["cost_picousd"]) == BY_KIND[provider]


@pytest.mark.parametrize("method", ["embedContent", "batchEmbedContents"])
def test_so_they_do_where_googles_client_shows_google_an_image(kinds: Gateway, method: str) -> None:
    body: Any = {"content": {"parts": [{"text": "red"}, IMAGE]}}
    if method == "batchEmbedContents":
        body = {"requests": [body]}
    answer = kinds.post(f"/v1beta/models/gemini-here/seeing:{method}", body)
    assert answer.status_code == 200, answer.text
    row = kinds.row(request_id(answer))
    assert (row["input_tokens"], row["cost_picousd"]) == BY_KIND["gemini-here"]


@pytest.mark.parametrize("vendor", EMBEDDINGS)
def test_the_openai_sdk_reads_vectors_of_every_vendor(kinds: Gateway, vendor: str) -> None:
    """It asks for base64 unasked, and reads that."""
    client = openai.OpenAI(base_url=kinds.url + "/v1", api_key=KEY, max_retries=0)
    answer = client.embeddings.create(model=f"{vendor}-here/embed", input=TEXTS)
    assert [row.embedding for row in answer.data] == [VECTOR, VECTOR]
    assert [row.index for row in answer.data] == [0, 1]


@pytest.mark.parametrize("vendor", ["openai", "gemini", "cohere"])
@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_googles_sdk_reads_vectors(
    kinds: Gateway, vendors: Vendors, vendor: str, version: str
) -> None:
    options: Any = {"base_url": kinds.url, "api_version": version}
    client = genai.Client(api_key=KEY, http_options=options)
    config: Any = {"task_type": "RETRIEVAL_DOCUMENT", "output_dimensionality": 256}
    answer = client.models.embed_content(
        model=f"{vendor}-here/embed", contents=list(TEXTS), config=config
    )
    assert answer.embeddings is not None
    assert [each.values for each in answer.embeddings] == [VECTOR, VECTOR]
    if vendor == "cohere":
        assert vendors.last(vendor).body["input_type"] == "search_document"
        assert vendors.last(vendor).body["output_dimension"] == 256


def test_googles_single_request_is_relayed_to_google(kinds: Gateway, vendors: Vendors) -> None:
    body = {"content": {"parts": [{"text": "red"}]}, "vendorField": 1, "model": "models/x"}
    answer = kinds.post("/v1beta/models/gemini-here/embed:embedContent", body)
    assert answer.json() == {"embedding": {"values": VECTOR}}
    seen = vendors.last("gemini")
    assert seen.path == "/models/embed:embedContent"
    assert seen.body == {"content": {"parts": [{"text": "red"}]}, "vendorField": 1}


def test_googles_batch_is_relayed_with_the_models_name_in_each_request(
    kinds: Gateway, vendors: Vendors
) -> None:
    request = {"model": "models/gemini-here/embed", "content": {"parts": [{"text": "a"}]}, "x": 1}
    path = "/v1beta/models/gemini-here/embed:batchEmbedContents"
    answer = kinds.post(path, {"requests": [request, request]})
    assert answer.json() == {"embeddings": [{"values": VECTOR}, {"values": VECTOR}]}
    assert vendors.last("gemini").body["requests"] == [request | {"model": "models/embed"}] * 2


def test_a_relay_keeps_what_it_does_not_know(kinds: Gateway, vendors: Vendors) -> None:
    answer = embed(kinds, "vectors", vendor_option={"a": [None]}, encoding_format="base64")
    assert answer.json()["vendor_field"] == 7
    assert answer.json()["data"][0]["embedding"] == IN_BASE64
    assert vendors.last("openai").body["vendor_option"] == {"a": [None]}
    assert "x-omniroute-dropped" not in answer.headers


def test_what_a_vendor_cannot_be_told_is_named(kinds: Gateway) -> None:
    answer = embed(kinds, "mistral-here/embed", user="u1", vendor_option=1)
    assert answer.status_code == 200
    assert answer.headers["x-omniroute-dropped"] == "user, vendor_option"


def test_tokens_go_where_they_are_taken_and_are_refused_elsewhere(
    kinds: Gateway, vendors: Vendors
) -> None:
    tokens = [[1, 2, 3], [4]]
    assert embed(kinds, "openai-here/embed", input=tokens).status_code == 200
    assert vendors.last("openai").body["input"] == tokens
    refused = embed(kinds, "cohere-here/embed", input=tokens)
    assert refused.status_code == 400
    assert "no tokens" in refused.json()["error"]["message"]


def test_a_silent_vendors_tokens_are_estimated(kinds: Gateway) -> None:
    row = kinds.row(request_id(embed(kinds, "openai-here/silent", input=[[1, 2, 3], [4]])))
    assert (row["input_tokens"], row["usage_source"]) == (4, "estimated")


def test_a_combo_falls_through_to_the_next_vendor(kinds: Gateway) -> None:
    answer = embed(kinds, "near")
    assert answer.status_code == 200
    assert answer.headers["x-omniroute-model"] == "voyage-here/embed"
    assert answer.headers["x-omniroute-attempts"] == "2"
    row = kinds.row(request_id(answer))
    assert [attempt["status"] for attempt in json.loads(row["attempts"])] == [500, 200]
    assert row["cost_picousd"] == 8 * 20_000


def test_a_vendors_400_reaches_the_client_as_it_is(kinds: Gateway) -> None:
    answer = embed(kinds, "openai-here/strict", dimensions=9999)
    assert answer.status_code == 400
    assert answer.json() == {"error": {"message": "dimensions is too large", "type": "t"}}


def test_an_unpriced_model_has_no_cost(kinds: Gateway) -> None:
    answer = embed(kinds, "openai-here/strict")
    assert kinds.row(request_id(answer))["cost_picousd"] is None
    assert "x-omniroute-cost" not in answer.headers


@pytest.mark.parametrize(
    ("path", "model", "words"),
    [
        (
            "/v1/embeddings", "openai-here/chat",
            "openai-here/chat is a chat model, which is called at /v1/chat/completions",
        ),
        (
            "/v1/chat/completions", "openai-here/embed",
            "openai-here/embed is an embedding model, which is called at /v1/embeddings",
        ),
        (
            "/v1/chat/completions", "near",
            "openai-here/broken is an embedding model, which is called at /v1/embeddings",
        ),
        ("/v1/messages", "vectors", "an embedding model, which is called at /v1/embeddings"),
        ("/v1/embeddings", "auto", "auto stands for a chat model"),
        (
            "/v1/embeddings", "deaf/unheard-of",
            "deaf/unheard-of: its provider has no address for an embedding model",
        ),
    ],
)  # fmt: skip
def test_a_model_that_is_called_elsewhere_is_a_400_that_says_where(
    kinds: Gateway, path: str, model: str, words: str
) -> None:
    messages = [{"role": "user", "content": "hi"}]
    answer = kinds.post(path, {"model": model, "input": "a", "messages": messages, "max_tokens": 5})
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


def test_a_model_that_nobody_listed_is_what_the_client_takes_it_for(
    kinds: Gateway, vendors: Vendors
) -> None:
    assert embed(kinds, "openai-here/unheard-of").status_code == 200
    assert vendors.last("openai").body["model"] == "unheard-of"


def test_an_answer_is_kept_for_who_wants_it_again(kinds: Gateway, vendors: Vendors) -> None:
    body = {"model": "gemini-here/embed", "input": "kept"}
    first, again = (
        kinds.post("/v1/embeddings", body, **{"x-omniroute-cache": "on"}) for _ in range(2)
    )
    assert (first.headers["x-omniroute-cache"], again.headers["x-omniroute-cache"]) == (
        "miss", "hit",
    )  # fmt: skip
    assert first.json() == again.json()
    assert kinds.row(request_id(again))["cost_picousd"] == 0


def test_who_would_answer_is_explained_for_other_kinds(kinds: Gateway) -> None:
    question = {"model": "near", "format": "openai_embeddings", "request": {"input": "red"}}
    answer = CLIENT.post(
        kinds.url + "/api/explain", json=question, headers=keyed(MANAGE_KEY)
    ).json()
    assert [(each["model"], each["format"]) for each in answer["order"]] == [
        ("openai-here/broken", "openai_embeddings"), ("voyage-here/embed", "voyage_embeddings"),
    ]  # fmt: skip
    assert answer["order"][1]["cost_usd"] == "0.00000002"


def test_lists_say_of_what_kind_a_model_is(kinds: Gateway) -> None:
    rows = CLIENT.get(kinds.url + "/v1/models", headers=keyed()).json()["data"]
    told = {row["id"]: row.get("kind") for row in rows}
    assert told["vectors"] == told["near"] == told["gemini-here/embed"] == "embedding"
    assert told["openai-here/chat"] == "chat"
    google = CLIENT.get(kinds.url + "/v1beta/models", headers=keyed()).json()["models"]
    methods = {row["name"]: row["supportedGenerationMethods"] for row in google}
    assert methods["models/vectors"] == ["embedContent", "batchEmbedContents"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": "a"}, "model"),
        ({"model": "vectors"}, "input"),
        ({"model": "vectors", "input": []}, "input"),
        ({"model": "vectors", "input": 5}, "input"),
        ({"model": "vectors", "input": "a", "dimensions": 0}, "dimensions"),
        ({"model": "vectors", "input": "a", "encoding_format": "int8"}, "encoding_format"),
    ],
)
def test_a_wrong_field_is_named(kinds: Gateway, body: Any, param: str) -> None:
    answer = kinds.post("/v1/embeddings", body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
