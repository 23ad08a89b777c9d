"""The official SDKs, through the gateway, against upstreams of either format."""

import json
from typing import Any

import anthropic
import openai
import pytest

from tests.e2e.gateway import KEY, UPSTREAM_KEY, Gateway
from tests.e2e.upstream import Upstream

WEATHER: Any = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
TEXT = "Hello from the upstream."


@pytest.fixture(scope="module")
def openai_client(gateway: Gateway) -> openai.OpenAI:
    return openai.OpenAI(base_url=gateway.url + "/v1", api_key=KEY, max_retries=0)


@pytest.fixture(scope="module")
def anthropic_client(gateway: Gateway) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0)


both = pytest.mark.parametrize(
    "provider", ["mk", "an"], ids=["openai upstream", "anthropic upstream"]
)


@both
def test_openai_gets_an_answer(openai_client: openai.OpenAI, provider: str) -> None:
    answer = openai_client.chat.completions.create(
        model=f"{provider}/plain", messages=[{"role": "user", "content": "Say hello."}]
    )
    assert answer.choices[0].message.content == TEXT
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (11, 5)


@both
def test_openai_gets_a_stream(openai_client: openai.OpenAI, provider: str) -> None:
    stream = openai_client.chat.completions.create(
        model=f"{provider}/plain",
        messages=[{"role": "user", "content": "Say hello."}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == TEXT
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    usage = chunks[-1].usage
    assert chunks[-1].choices == []
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens) == (11, 5)


@both
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_openai_gets_parallel_tool_calls(
    openai_client: openai.OpenAI, upstream: Upstream, provider: str, stream: bool
) -> None:
    asked: dict[str, Any] = {
        "model": f"{provider}/tools",
        "messages": [{"role": "user", "content": "Weather in Oslo and Rome?"}],
        "tools": [{"type": "function", "function": {"name": "weather", "parameters": WEATHER}}],
    }
    final: Any
    if stream:
        with openai_client.chat.completions.stream(**asked) as events:
            final = events.get_final_completion()
    else:
        final = openai_client.chat.completions.create(**asked)
    calls = final.choices[0].message.tool_calls
    assert final.choices[0].finish_reason == "tool_calls"
    assert [(c.id, json.loads(c.function.arguments)) for c in calls] == [
        ("call_1", {"city": "Oslo"}),
        ("call_2", {"city": "Rome"}),
    ]
    sent = upstream.of("tools")[-1].body["tools"][0]
    assert (sent.get("function") or sent)["name"] == "weather"
    assert (sent.get("input_schema") or sent["function"]["parameters"]) == WEATHER


@both
def test_anthropic_gets_an_answer(anthropic_client: anthropic.Anthropic, provider: str) -> None:
    answer = anthropic_client.messages.create(
        model=f"{provider}/plain",
        max_tokens=100,
        messages=[{"role": "user", "content": "Say hello."}],
    )
    assert answer.content[0].text == TEXT  # type: ignore[union-attr]
    assert answer.stop_reason == "end_turn"
    read = answer.usage.cache_read_input_tokens or 0
    assert (answer.usage.input_tokens + read, answer.usage.output_tokens) == (11, 5)


@both
def test_anthropic_gets_a_stream(anthropic_client: anthropic.Anthropic, provider: str) -> None:
    with anthropic_client.messages.stream(
        model=f"{provider}/plain",
        max_tokens=100,
        messages=[{"role": "user", "content": "Say hello."}],
    ) as stream:
        assert "".join(stream.text_stream) == TEXT
        final = stream.get_final_message()
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens == 5


@both
def test_anthropic_gets_parallel_tool_calls(
    anthropic_client: anthropic.Anthropic, provider: str
) -> None:
    with anthropic_client.messages.stream(
        model=f"{provider}/tools",
        max_tokens=100,
        messages=[{"role": "user", "content": "Weather in Oslo and Rome?"}],
        tools=[{"name": "weather", "input_schema": WEATHER}],
    ) as stream:
        final = stream.get_final_message()
    assert final.stop_reason == "tool_use"
    assert [(b.id, b.input) for b in final.content if b.type == "tool_use"] == [
        ("call_1", {"city": "Oslo"}),
        ("call_2", {"city": "Rome"}),
    ]


def test_tool_results_and_images_cross_from_anthropic_to_openai(
    anthropic_client: anthropic.Anthropic, upstream: Upstream
) -> None:
    image = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
    asked: dict[str, Any] = {
        "model": "mk/plain",
        "max_tokens": 100,
        "system": "Be brief.",
        "messages": [
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "content": [
                    {"type": "tool_use", "id": "a", "name": "weather", "input": {"city": "Oslo"}},
                    {"type": "tool_use", "id": "b", "name": "weather", "input": {"city": "Rome"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "a",
                        "content": [
                            {"type": "text", "text": "rain"},
                            {"type": "image", "source": image},
                        ],
                    },
                    {"type": "tool_result", "tool_use_id": "b", "content": "no", "is_error": True},
                    {"type": "text", "text": "And now?"},
                ],
            },
        ],
    }
    anthropic_client.messages.create(**asked)
    sent = upstream.of("plain")[-1].body["messages"]
    assert [message["role"] for message in sent] == [
        "system", "user", "assistant", "tool", "tool", "user",
    ]  # fmt: skip
    assert [json.loads(c["function"]["arguments"]) for c in sent[2]["tool_calls"]] == [
        {"city": "Oslo"},
        {"city": "Rome"},
    ]
    assert [(m["tool_call_id"], m["content"]) for m in sent[3:5]] == [
        ("a", "rain"),
        ("b", "Error: no"),
    ]
    assert sent[5]["content"][1]["image_url"]["url"] == "data:image/png;base64,iVBORw0KGgo="
    assert sent[5]["content"][2]["text"] == "And now?"


def test_thinking_comes_back_signed_on_the_second_turn(
    openai_client: openai.OpenAI, upstream: Upstream
) -> None:
    question = {"role": "user", "content": "Think."}
    first = openai_client.chat.completions.create(model="an/thinks", messages=[question])  # type: ignore[list-item]
    message = first.choices[0].message.model_dump(exclude_none=True)
    assert message["reasoning_content"] == "Let me think."
    openai_client.chat.completions.create(
        model="an/thinks",
        messages=[question, message, {"role": "user", "content": "Go on."}],  # type: ignore[list-item]
    )
    assert upstream.of("thinks")[-1].body["messages"][1]["content"][0] == {
        "type": "thinking",
        "thinking": "Let me think.",
        "signature": "c2lnbmVk",
    }


def test_each_upstream_gets_its_own_credential_and_not_the_clients(
    openai_client: openai.OpenAI, upstream: Upstream
) -> None:
    for provider in ("mk", "an"):
        openai_client.chat.completions.create(
            model=f"{provider}/plain",
            messages=[{"role": "user", "content": "Hi."}],
            extra_headers={"cookie": "a=b", "x-forwarded-for": "1.2.3.4"},
        )
        headers = upstream.of("plain")[-1].headers
        assert UPSTREAM_KEY in (headers.get("x-api-key") or headers["authorization"])
        assert KEY not in str(headers)
        assert not {"cookie", "x-forwarded-for"} & headers.keys()


def test_both_sdks_can_list_models(
    openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic
) -> None:
    for names in (
        [model.id for model in openai_client.models.list()],
        [model.id for model in anthropic_client.models.list()],
    ):
        assert {"demo/echo", "mk/plain", "after-dead"} <= set(names)
    assert openai_client.models.retrieve("mk/plain").id == "mk/plain"


def test_tokens_are_counted_upstream_where_that_is_possible(
    anthropic_client: anthropic.Anthropic,
) -> None:
    messages = [{"role": "user", "content": "Count these words, please."}]
    asked = anthropic_client.messages.count_tokens(model="an/plain", messages=messages)  # type: ignore[arg-type]
    estimated = anthropic_client.messages.count_tokens(model="mk/plain", messages=messages)  # type: ignore[arg-type]
    assert asked.input_tokens == 42
    assert 5 <= estimated.input_tokens <= 15
