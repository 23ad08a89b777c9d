"""Moderations over real sockets: what leaves, comes back, and costs."""

import json
from typing import Any

import openai
import pytest

from tests.e2e.gateway import KEY, Gateway, request_id
from tests.kinds.vendor import Vendors


@pytest.fixture
def client(kinds: Gateway) -> openai.OpenAI:
    return openai.OpenAI(base_url=kinds.url + "/v1", api_key=KEY, max_retries=0)


def test_openai_is_relayed(client: openai.OpenAI, vendors: Vendors) -> None:
    image: Any = {"type": "image_url", "image_url": {"url": "https://images.example/a.png"}}
    answer = client.moderations.create(
        model="mod-openai/m", input=[image], extra_body={"vendor_option": 1}
    )
    assert answer.results[0].flagged
    assert answer.results[0].category_applied_input_types is not None
    seen = vendors.last("mod-openai")
    assert seen.path == "/moderations"
    assert seen.body == {"model": "m", "input": [image], "vendor_option": 1}


def test_mistral_is_asked_in_its_words_and_told_in_openais(
    client: openai.OpenAI, vendors: Vendors
) -> None:
    answer = client.moderations.create(model="mod-mistral/m", input=["a", "b"])
    assert vendors.last("mod-mistral").body == {"model": "m", "input": ["a", "b"]}
    assert [each.flagged for each in answer.results] == [True, True]
    assert answer.results[0].categories.hate is True
    told = answer.results[0].to_dict()
    assert told["category_scores"] == {"hate": 0.9, "pii": 0.1}


def test_the_row_has_tokens_and_cost(kinds: Gateway) -> None:
    row = kinds.row(request_id(moderate(kinds, "mod-mistral/m")))
    assert (row["input_tokens"], row["usage_source"]) == (6, "reported")
    assert row["cost_picousd"] == 6 * 100_000
    free = kinds.row(request_id(moderate(kinds, "mod-openai/m")))
    assert (free["usage_source"], free["cost_picousd"]) == ("estimated", 0)


def moderate(gateway: Gateway, model: str, input: Any = "hello there") -> Any:
    return gateway.post("/v1/moderations", {"model": model, "input": input})


def test_a_combo_falls_through(kinds: Gateway) -> None:
    answer = moderate(kinds, "judged")
    assert answer.headers["x-omniroute-model"] == "mod-mistral/m"
    row = kinds.row(request_id(answer))
    assert [attempt["status"] for attempt in json.loads(row["attempts"])] == [500, 200]


def test_an_image_is_refused_where_text_is_wanted(kinds: Gateway) -> None:
    image = {"type": "image_url", "image_url": {"url": "https://images.example/a.png"}}
    answer = moderate(kinds, "mod-mistral/m", [image])
    assert answer.status_code == 400
    assert "text alone" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "param"),
    [({"input": "a"}, "model"), ({"model": "judged"}, "input"), ({"model": "judged", "input": 5}, "input")],
)  # fmt: skip
def test_a_wrong_field_is_named(kinds: Gateway, body: Any, param: str) -> None:
    answer = kinds.post("/v1/moderations", body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
