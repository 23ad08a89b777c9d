"""Lists of models in each client's shape, and names that stand for others, over real sockets."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.gateway import CLIENT, MANAGE_KEY, Gateway, copy, key_of, keyed, request_id
from tests.e2e.upstream import Upstream

ANTHROPIC = {"anthropic-version": "2023-06-01"}
GEMINI = {"x-goog-api-client": "google-genai-sdk/3.4.0"}


@pytest.fixture(scope="module")
def gateway(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = copy(prepared, tmp_path_factory.mktemp("models"))
    gateway = Gateway(folder, "--no-worker", "--server", "uvicorn")
    gateway.apply(
        {
            "models": [
                {
                    "id": "mk/plain", "context_window": 128000, "max_output_tokens": 4096,
                    "capabilities": {"tools": True, "images": False, "thinking": True},
                },
                {"id": "an/talk"},
                {"id": "an/plain"},
            ],
            "combos": [{"name": "best", "targets": [{"model": "mk/plain"}]}],
            "aliases": [
                {"alias": "smart", "model": "mk/plain"},
                {"alias": "gpt-4*", "model": "mk/plain"},
                {"alias": "gpt-4*-mini", "model": "best"},
                {"alias": "claude-*", "model": "an/*"},
            ],
            "api_keys": [
                {"name": "few", "key": key_of("few"), "allowed_models": ["mk/p*", "best", "smart"]},
            ],
        }
    )  # fmt: skip
    yield gateway.start()
    gateway.kill()


def get(gateway: Gateway, path: str, key: str = "", **headers: str) -> httpx.Response:
    named = keyed(key_of(key)) if key else keyed()
    return CLIENT.get(gateway.url + path, headers=named | headers)


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200
    return [row["id"] for row in answer.json()["data"] if not row["id"].startswith("auto")]


# --- Lists -----------------------------------------------------------------------------------


def test_openais_list_says_what_is_known_besides(gateway: Gateway) -> None:
    rows = {row["id"]: row for row in get(gateway, "/v1/models").json()["data"]}
    assert rows["mk/plain"] == {
        "id": "mk/plain", "object": "model", "created": 0, "owned_by": "mk", "kind": "chat",
        "context_window": 128000, "max_output_tokens": 4096,
        "capabilities": {"thinking": True, "tools": True, "images": False},
    }  # fmt: skip
    assert rows["smart"] == rows["mk/plain"] | {"id": "smart"}
    assert rows["best"]["owned_by"] == "omniroute"
    assert "gpt-4*" not in rows  # which is no name


def test_a_key_sees_what_it_may_call(gateway: Gateway) -> None:
    assert ids(get(gateway, "/v1/models", "few")) == ["best", "smart", "mk/plain"]


def test_anthropics_list_comes_in_pages(gateway: Gateway) -> None:
    first = get(gateway, "/v1/models?limit=2", "few", **ANTHROPIC).json()
    assert [row["id"] for row in first["data"]] == ["best", "smart"]
    assert (first["has_more"], first["first_id"], first["last_id"]) == (True, "best", "smart")
    rest = get(gateway, "/v1/models?limit=9&after_id=smart", "few", **ANTHROPIC).json()
    assert (rest["data"][-1]["id"], rest["has_more"]) == ("mk/plain", False)
    assert rest["data"][-1] == {
        "type": "model", "id": "mk/plain", "display_name": "mk/plain", "kind": "chat",
        "created_at": "1970-01-01T00:00:00Z", "lifecycle": "active",
        "max_input_tokens": 128000, "max_tokens": 4096,
    }  # fmt: skip
    back = get(gateway, "/v1/models?limit=1&before_id=smart", "few", **ANTHROPIC).json()
    assert ([row["id"] for row in back["data"]], back["has_more"]) == (["best"], False)


def test_geminis_list_comes_in_pages(gateway: Gateway) -> None:
    seen, path = [], "/v1beta/models?pageSize=2"
    for _ in range(10):
        page = get(gateway, path, "few").json()
        assert len(page["models"]) <= 2
        seen += page["models"]
        if "nextPageToken" not in page:
            break
        path = f"/v1beta/models?pageSize=2&pageToken={page['nextPageToken']}"
    assert seen[-1] == {
        "name": "models/mk/plain", "displayName": "mk/plain",
        "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
        "inputTokenLimit": 128000, "outputTokenLimit": 4096, "thinking": True,
    }  # fmt: skip
    everything = get(gateway, "/v1/models", "few", **GEMINI).json()
    assert [row["name"] for row in seen] == [row["name"] for row in everything["models"]]


@pytest.mark.parametrize(
    ("path", "headers", "field"),
    [
        ("/v1/models?limit=0", ANTHROPIC, "limit"),
        ("/v1/models?limit=1001", ANTHROPIC, "limit"),
        ("/v1/models?limit=%D9%A1", ANTHROPIC, "limit"),
        ("/v1/models?after_id=none", ANTHROPIC, "after_id"),
        ("/v1beta/models?pageSize=x", {}, "pageSize"),
        ("/v1beta/models?pageToken=none", {}, "pageToken"),
    ],
)
def test_a_wrong_page_is_refused_by_its_name(
    gateway: Gateway, path: str, headers: dict[str, str], field: str
) -> None:
    answer = get(gateway, path, **headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("name", "context"),
    [("mk/plain", 128000), ("smart", 128000), ("gpt-4.1", 128000), ("gpt-4o-mini", 128000),
     ("claude-talk", None)],
)  # fmt: skip
def test_one_is_told_by_the_name_that_it_is_asked_for(
    gateway: Gateway, name: str, context: int | None
) -> None:
    row = get(gateway, f"/v1/models/{name}").json()
    assert (row["id"], row.get("context_window")) == (name, context)
    assert get(gateway, f"/v1beta/models/{name}").json()["name"] == f"models/{name}"


@pytest.mark.parametrize("name", ["nothing", "mk/nothing", "an/talk", "claude-talk"])
def test_what_the_key_cannot_call_is_not_there(gateway: Gateway, name: str) -> None:
    assert get(gateway, f"/v1/models/{name}", "few").status_code == 404


# --- Names -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "model", "by"),
    [
        ("gpt-4.1", "mk/plain", "the alias gpt-4*"),
        ("gpt-4.1-mini", "mk/plain", "the alias gpt-4*-mini"),
        ("claude-talk", "an/talk", "the alias claude-*"),
        ("talk", "an/talk", "the model's own name"),
        ("smart", "mk/plain", "the alias smart"),
    ],
)
def test_the_log_says_what_a_name_stood_for(
    gateway: Gateway, upstream: Upstream, asked: str, model: str, by: str
) -> None:
    answer = gateway.chat(asked, max_tokens=9)
    assert answer.status_code == 200
    assert answer.headers["x-omniroute-model"] == model
    row = gateway.row(request_id(answer))
    assert (row["requested_model"], row["model"]) == (asked, model)
    assert json.loads(row["trace"])["named"]["by"] == by
    told = explain(gateway, asked)
    assert (told["by"], told["order"][0]["model"]) == (by, model)


def explain(gateway: Gateway, model: str) -> dict[str, Any]:
    answer = gateway.post("/api/explain", {"model": model}, **keyed(MANAGE_KEY))
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


def test_a_name_of_several_providers_models_is_refused_and_they_are_named(gateway: Gateway) -> None:
    answer = gateway.chat("plain")
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert "an/plain, mk/plain" in error["message"]
    assert (error["param"], error["type"]) == ("model", "invalid_request_error")
    narrow = gateway.post(
        "/v1/chat/completions", {"model": "plain", "messages": [{"role": "user", "content": "x"}]},
        **keyed(key_of("few")),
    )  # fmt: skip
    assert narrow.headers["x-omniroute-model"] == "mk/plain"  # the only one that is the key's
