"""What OpenAI's SDKs and the frameworks over them send; `tests/e2e/sdks` has the SDKs themselves."""

import json

import httpx
import pytest

from tests.e2e.clients.asking import CHAT, JSON, RESPONSES, UPSTREAMS, events, left, post
from tests.e2e.gateway import HELLO, Gateway
from tests.e2e.upstream import Upstream

WEATHER: JSON = {"type": "function", "function": {"name": "weather", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
}}}  # fmt: skip
PERSON: JSON = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"],
                "additionalProperties": False}  # fmt: skip


def ask(gateway: Gateway, model: str, **fields: object) -> httpx.Response:
    return post(gateway, CHAT, {"model": model, "messages": HELLO, **fields})


@pytest.mark.parametrize("provider", UPSTREAMS)
def test_streamed_calls_begin_with_index_id_and_name_and_end_with_tool_calls(
    gateway: Gateway, provider: str
) -> None:
    answer = ask(gateway, f"{provider}/agent", stream=True, tools=[WEATHER])
    chunks = [event.data for event in events(answer) if event.data != "[DONE]"]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    fragments = [f for choice in choices for f in choice["delta"].get("tool_calls") or []]
    arguments: dict[int, str] = {}
    for fragment in fragments:
        index = fragment["index"]
        if index not in arguments:
            assert fragment["id"]
            assert fragment["function"]["name"] == "weather"
        arguments[index] = arguments.get(index, "") + fragment["function"].get("arguments", "")
    assert [json.loads(told) for told in arguments.values()] == [{"city": "Oslo"}, {"city": "Rome"}]
    assert [c["finish_reason"] for c in choices if c["finish_reason"]] == ["tool_calls"]


def test_instructor_forces_a_function(gateway: Gateway, upstream: Upstream) -> None:
    forced = {"type": "function", "function": {"name": "weather"}}
    for provider, told in (
        ("an", {"type": "tool", "name": "weather"}),
        ("rs", {"type": "function", "name": "weather"}),
        ("mk", forced),
    ):
        answer = ask(gateway, f"{provider}/agent", tools=[WEATHER], tool_choice=forced)
        assert left(upstream, answer).body["tool_choice"] == told
        assert answer.json()["choices"][0]["message"]["tool_calls"]


@pytest.mark.parametrize("provider", UPSTREAMS)
def test_instructor_asks_for_an_object_by_a_schema(
    gateway: Gateway, upstream: Upstream, provider: str
) -> None:
    told = {"name": "Person", "schema": PERSON, "strict": True}
    asked = {"type": "json_schema", "json_schema": told}
    answer = ask(gateway, f"{provider}/person", response_format=asked)
    assert json.loads(answer.json()["choices"][0]["message"]["content"])["name"] == "Ada"
    assert json.dumps(PERSON) in json.dumps(left(upstream, answer).body)


@pytest.mark.parametrize("provider", UPSTREAMS)
def test_instructor_asks_for_any_object_and_where_that_cannot_be_said_the_field_is_named(
    gateway: Gateway, upstream: Upstream, provider: str
) -> None:
    answer = ask(gateway, f"{provider}/person", response_format={"type": "json_object"})
    if provider == "an":
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == "response_format"
        return
    sent = left(upstream, answer).body
    if provider == "mk":
        assert sent["response_format"] == {"type": "json_object"}
    elif provider == "rs":
        assert sent["text"]["format"] == {"type": "json_object"}
    else:
        assert sent["generationConfig"]["responseMimeType"] == "application/json"


@pytest.mark.parametrize("provider", UPSTREAMS)
def test_llama_index_sets_parallel_calls_and_a_temperature(
    gateway: Gateway, upstream: Upstream, provider: str
) -> None:
    answer = ask(
        gateway, f"{provider}/agent", tools=[WEATHER], parallel_tool_calls=False, temperature=0.1
    )
    sent = left(upstream, answer).body
    assert (sent.get("generationConfig") or sent)["temperature"] == 0.1
    if provider == "an":
        assert sent["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    elif provider == "gm":
        assert "parallel_tool_calls" in answer.headers["x-omniroute-dropped"]
    else:
        assert sent["parallel_tool_calls"] is False


@pytest.mark.parametrize(
    ("model", "status"),
    [("mk/status-400", 400), ("mk/status-413", 413), ("mk/status-422", 422), ("no/thing", 404),
     ("mk/status-429", 429), ("mk/status-529", 502), ("mk/status-502-html", 502)],
)  # fmt: skip
@pytest.mark.parametrize("path", [CHAT, RESPONSES])
def test_an_error_is_an_object_with_four_members(
    gateway: Gateway, path: str, model: str, status: int
) -> None:
    """The status picks the SDK's class, and the object becomes its body."""
    told = {"input": "Hi."} if path == RESPONSES else {"messages": HELLO}
    # Of another format than the upstream's, so that the words are ours.
    model = model.replace("mk/", "rs/" if path == CHAT else "mk/")
    answer = post(gateway, path, {"model": model, **told})
    assert answer.status_code == status
    assert {"message", "type", "param", "code"} <= answer.json()["error"].keys()


def test_a_retry_by_the_sdk_is_a_call_like_the_first(gateway: Gateway, upstream: Upstream) -> None:
    body = {"model": "two/m", "messages": HELLO}
    answer = post(gateway, CHAT, body, x_stainless_retry_count="2")
    assert answer.headers["x-omniroute-attempts"] == "2"
    assert "x-stainless-retry-count" not in left(upstream, answer).headers
