"""What Gemini CLI sends, and Qwen Code where it speaks Gemini."""

import httpx
import pytest

from tests.e2e.clients.asking import JSON, UPSTREAMS, events, left, post
from tests.e2e.gateway import KEY, Gateway
from tests.e2e.upstream import Upstream

SKIP = "skip_thought_signature_validator"
SCHEMA = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object",
          "properties": {"path": {"type": "string"}}, "additionalProperties": False}  # fmt: skip
PLAIN = {name: told for name, told in SCHEMA.items() if name != "$schema"}


def turn(**generation: object) -> JSON:
    return {
        "contents": [
            {"role": "user", "parts": [{"text": "This is the context."}]},
            {"role": "user", "parts": [{"text": "List the files."}]},
            {"role": "model", "parts": [
                {"text": "I look.", "thought": True, "thoughtSignature": "Z29vZ2xl"},
                {"functionCall": {"id": "ls-1700-a", "name": "ls", "args": {"path": "a"}}, "thoughtSignature": SKIP},
                {"functionCall": {"id": "ls-1700-b", "name": "ls", "args": {"path": "b"}}},
            ]},
            {"role": "user", "parts": [
                {"functionResponse": {"id": "ls-1700-a", "name": "ls", "response": {"output": "one"}}},
                {"functionResponse": {"id": "ls-1700-b", "name": "ls", "response": {"output": "two"}}},
            ]},
        ],
        "systemInstruction": {"role": "user", "parts": [{"text": "You are an agent."}]},
        "tools": [{"functionDeclarations": [
            {"name": f"tool_{number}", "description": "d", "parametersJsonSchema": SCHEMA}
            for number in range(15)
        ]}],
        "generationConfig": {"temperature": 1, "topP": 0.95, "topK": 64} | generation,
    }  # fmt: skip


def stream(gateway: Gateway, model: str, body: JSON) -> httpx.Response:
    path = f"/v1beta/models/{model}:streamGenerateContent?alt=sse"
    return post(gateway, path, body, x_goog_api_key=KEY)


THINKING = [
    {"includeThoughts": True, "thinkingBudget": 8192},
    {"includeThoughts": True, "thinkingBudget": -1},
    {"thinkingBudget": 0},
    {"includeThoughts": True, "thinkingLevel": "HIGH"},
    {"includeThoughts": True, "thinkingLevel": "THINKING_LEVEL_UNSPECIFIED"},
]


@pytest.mark.parametrize("thinking", THINKING, ids=lambda told: str(list(told.values())[-1]))
def test_its_own_provider_gets_all_of_it(
    gateway: Gateway, upstream: Upstream, thinking: JSON
) -> None:
    body = turn(thinkingConfig=thinking)
    answer = stream(gateway, "gm/talk", body)
    assert left(upstream, answer).body == body
    assert upstream.seen[-1].path.endswith("/models/talk:streamGenerateContent?alt=sse")


@pytest.mark.parametrize("provider", ["mk", "rs", "an"])
@pytest.mark.parametrize("thinking", THINKING, ids=lambda told: str(list(told.values())[-1]))
def test_another_provider_is_asked_with_the_ids_that_it_made_up(
    gateway: Gateway, upstream: Upstream, provider: str, thinking: JSON
) -> None:
    answer = stream(gateway, f"{provider}/talk", turn(thinkingConfig=thinking))
    sent = left(upstream, answer)
    told = sent.raw.decode()
    assert told.count("ls-1700-a") == told.count("ls-1700-b") == 2  # a call and its result each
    assert SKIP not in told
    assert "Z29vZ2xl" not in told  # nobody else takes it
    tools = sent.body["tools"]
    assert len(tools) == 15
    schema = {"mk": lambda: tools[0]["function"]["parameters"], "rs": lambda: tools[0]["parameters"],
              "an": lambda: tools[0]["input_schema"]}[provider]()  # fmt: skip
    assert schema in (PLAIN, SCHEMA)
    effort = sent.body.get("reasoning_effort") or sent.body.get("reasoning", {}).get("effort")
    if "UNSPECIFIED" in str(thinking):
        assert effort is None
    if thinking.get("thinkingLevel") == "HIGH" and provider != "an":
        assert effort == "high"


def test_a_level_of_its_own_is_a_budget_at_anthropic(gateway: Gateway, upstream: Upstream) -> None:
    """Not in the midst of tool calls, where unsigned thoughts would be refused."""
    body = turn(thinkingConfig={"includeThoughts": True, "thinkingLevel": "HIGH"})
    body["contents"] = body["contents"][:2]
    sent = left(upstream, stream(gateway, "an/talk", body)).body
    assert sent["thinking"]["type"] == "enabled"
    assert sent["thinking"]["budget_tokens"] < sent["max_tokens"]


@pytest.mark.parametrize("provider", UPSTREAMS)
def test_calls_come_with_ids_and_the_last_chunk_tells_finish_and_usage(
    gateway: Gateway, provider: str
) -> None:
    body = turn()
    body["contents"] = body["contents"][:2]
    told = [event.data for event in events(stream(gateway, f"{provider}/agent", body))]
    parts = [
        part
        for chunk in told
        for candidate in chunk.get("candidates", [])
        for part in candidate.get("content", {}).get("parts", [])
    ]
    calls = [part["functionCall"] for part in parts if "functionCall" in part]
    assert [call["args"] for call in calls] == [{"city": "Oslo"}, {"city": "Rome"}]
    assert all(call["id"] for call in calls)
    assert told[-1]["candidates"][0]["finishReason"] == "STOP"
    usage = told[-1]["usageMetadata"]
    assert (usage["promptTokenCount"], usage["candidatesTokenCount"]) == (11, 5)


@pytest.mark.parametrize("provider", UPSTREAMS)
def test_its_router_asks_for_json_without_a_stream(
    gateway: Gateway, upstream: Upstream, provider: str
) -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    body = turn(
        responseMimeType="application/json", responseJsonSchema=schema, maxOutputTokens=1024
    )
    del body["tools"]
    path = f"/v1beta/models/{provider}/person:generateContent"
    body["contents"] = body["contents"][:2]
    answer = post(gateway, path, body, x_goog_api_key=KEY)
    sent = left(upstream, answer).body
    asked = {
        "mk": lambda: sent["response_format"]["json_schema"]["schema"],
        "rs": lambda: sent["text"]["format"]["schema"],
        "an": lambda: sent["output_config"]["format"]["schema"],
        "gm": lambda: sent["generationConfig"]["responseJsonSchema"],
    }[provider]()
    assert asked == schema
    text = answer.json()["candidates"][0]["content"]["parts"][0]["text"]
    assert text == '{"name": "Ada", "age": 36}'


@pytest.mark.parametrize("provider", ["mk", "an"])
def test_a_429_says_in_its_body_when_to_come_back_and_names_no_daily_quota(
    gateway: Gateway, provider: str
) -> None:
    """It reads no headers; "limit: 0" and a daily quota would be final."""
    answer = stream(gateway, f"{provider}/status-429", turn())
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["status"]) == (429, 429, "RESOURCE_EXHAUSTED")
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}
    assert info in error["details"]
    assert "limit: 0" not in answer.text
    assert "PerDay" not in answer.text
