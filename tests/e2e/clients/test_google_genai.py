"""What Google's SDKs, litellm's `gemini/` and pydantic-ai send."""

import httpx
import pytest

from tests.e2e.clients.asking import JSON, UPSTREAMS, left, post
from tests.e2e.gateway import CLIENT, KEY, Gateway
from tests.e2e.upstream import Upstream

SCHEMA = {"type": "object", "properties": {"city_name": {"type": "string"}}}
ADDRESSES = ["/v1/models", "/v1beta/models"]


def ask(
    gateway: Gateway, base: str, model: str, body: JSON, method: str = "generateContent"
) -> httpx.Response:
    path = f"{base}/{model}:{method}"
    return post(gateway, path, body, x_goog_api_key=KEY, x_server_timeout="60")


SNAKE: JSON = {
    "contents": [
        {"role": "user", "parts": [{"text": "Weather?"}, {"inline_data": {"mime_type": "image/png", "data": "iVBORw0KGgo="}}]},
        {"role": "model", "parts": [{"function_call": {"id": "c1", "name": "get_weather", "args": {"city_name": "Oslo"}}}]},
        {"role": "user", "parts": [{"function_response": {"id": "c1", "name": "get_weather", "response": {"is_ok": "rain"}}}]},
    ],
    "system_instruction": {"parts": [{"text": "Be brief."}]},
    "tools": [{"function_declarations": [{"name": "get_weather", "parameters": SCHEMA}]}],
    "tool_config": {"function_calling_config": {"mode": "ANY", "allowed_function_names": ["get_weather"]}},
    "generation_config": {"max_output_tokens": 77, "top_p": 0.5},
}  # fmt: skip


def camel(value: object) -> object:
    """The format's own fields in the other spelling; what is the user's stays."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        "".join(w.capitalize() if n else w for n, w in enumerate(name.split("_"))): (
            told if name in ("args", "response", "parameters") else camel(told)
        )
        for name, told in value.items()
    }


@pytest.mark.parametrize("provider", ["mk", "rs", "an"])
def test_either_spelling_of_every_field_says_the_same(
    gateway: Gateway, upstream: Upstream, provider: str
) -> None:
    other = camel(SNAKE)
    assert isinstance(other, dict)
    assert "functionDeclarations" in str(other)
    model = f"{provider}/talk"
    first = left(upstream, ask(gateway, "/v1beta/models", model, SNAKE)).body
    second = left(upstream, ask(gateway, "/v1beta/models", model, other)).body
    assert first == second
    told = str(first)
    for piece in ("Be brief.", "city_name", "Oslo", "rain", "is_ok", "77", "0.5", "iVBORw0KGgo="):
        assert piece in told


def test_its_own_provider_gets_the_spelling_that_was_sent(
    gateway: Gateway, upstream: Upstream
) -> None:
    assert left(upstream, ask(gateway, "/v1beta/models", "gm/talk", SNAKE)).body == SNAKE


@pytest.mark.parametrize("provider", UPSTREAMS)
@pytest.mark.parametrize("mode", ["VALIDATED", "ANY"])
def test_pydantic_ai_asks_for_validated_calls_and_a_modality(
    gateway: Gateway, upstream: Upstream, provider: str, mode: str
) -> None:
    body: JSON = {
        "contents": [{"role": "user", "parts": [{"text": "Weather?"}]}],
        "tools": [{"functionDeclarations": [{"name": "weather", "parametersJsonSchema": SCHEMA}]}],
        "toolConfig": {"functionCallingConfig": {"mode": mode}},
        "generationConfig": {"responseModalities": ["TEXT"]},
    }
    sent = left(upstream, ask(gateway, "/v1beta/models", f"{provider}/agent", body)).body
    if provider == "gm":
        assert sent == body
    elif mode == "ANY":
        assert sent["tool_choice"] in ("required", {"type": "any"})
    else:
        assert sent.get("tool_choice") in (None, "auto", {"type": "auto"})


@pytest.mark.parametrize("base", ADDRESSES)
@pytest.mark.parametrize("provider", UPSTREAMS)
def test_tokens_are_counted_at_either_version(gateway: Gateway, base: str, provider: str) -> None:
    body = {"contents": [{"role": "user", "parts": [{"text": "Hi."}]}]}
    answer = ask(gateway, base, f"{provider}/talk", body, "countTokens")
    assert answer.json()["totalTokens"] > 0


def test_models_are_listed_in_its_shape(gateway: Gateway) -> None:
    for base in ADDRESSES:
        answer = CLIENT.get(gateway.url + base, headers={"x-goog-api-key": KEY})
        assert "models/mk/plain" in [row["name"] for row in answer.json()["models"]]


@pytest.mark.parametrize("model", ["after-429", "after-500", "after-reset", "after-dead"])
def test_it_retries_nothing_so_a_passing_fault_is_hidden(gateway: Gateway, model: str) -> None:
    body = {"contents": [{"role": "user", "parts": [{"text": "Hi."}]}]}
    answer = ask(gateway, "/v1/models", model, body)
    assert answer.status_code == 200
    assert answer.headers["x-omniroute-attempts"] == "2"


@pytest.mark.parametrize("model", ["mk/status-400", "mk/status-500", "no/thing", "mk/status-429"])
def test_an_error_tells_code_message_status_and_details(gateway: Gateway, model: str) -> None:
    body = {"contents": [{"role": "user", "parts": [{"text": "Hi."}]}]}
    answer = ask(gateway, "/v1/models", model, body)
    error = answer.json()["error"]
    assert error.keys() == {"code", "message", "status", "details"}
    assert error["code"] == answer.status_code
