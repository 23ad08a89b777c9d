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


def test_tool_results_and_images_cross_from_openai_to_anthropic(
    openai_client: openai.OpenAI, upstream: Upstream
) -> None:
    calls = [
        {"id": id, "type": "function", "function": {"name": "weather", "arguments": arguments}}
        for id, arguments in (("a", '{"city": "Oslo"}'), ("b", '{"city": "Rome"}'))
    ]
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    messages: Any = [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "a", "content": "rain"},
        {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "sun"}]},
        {"role": "user", "content": [image, {"type": "text", "text": "And now?"}]},
    ]
    openai_client.chat.completions.create(model="an/plain", messages=messages, max_tokens=50)
    sent = upstream.of("plain")[-1]
    assert sent.path == "/v1/messages"
    assert sent.body["max_tokens"] == 50
    assert [part["text"] for part in sent.body["system"]] == ["Be brief.", "Be kind."]
    assert [message["role"] for message in sent.body["messages"]] == ["user", "assistant", "user"]
    _, asked, told = (message["content"] for message in sent.body["messages"])
    assert [(block["id"], block["input"]) for block in asked] == [
        ("a", {"city": "Oslo"}),
        ("b", {"city": "Rome"}),
    ]
    assert [block["type"] for block in told] == ["tool_result", "tool_result", "image", "text"]
    assert [block["tool_use_id"] for block in told[:2]] == ["a", "b"]
    assert told[2]["source"] == {
        "type": "base64",
        "media_type": "image/png",
        "data": "iVBORw0KGgo=",
    }


def test_anthropic_gets_thinking_with_its_signature(
    anthropic_client: anthropic.Anthropic, upstream: Upstream
) -> None:
    asked: dict[str, Any] = {
        "model": "an/thinks",
        "max_tokens": 3000,
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "messages": [{"role": "user", "content": "Think."}],
    }
    with anthropic_client.messages.stream(**asked) as stream:
        streamed = stream.get_final_message()
    messages: list[Any] = [streamed, anthropic_client.messages.create(**asked)]
    for message in messages:
        thought, text = message.content
        assert thought.type == "thinking"
        assert (thought.thinking, thought.signature) == ("Let me think.", "c2lnbmVk")
        assert text.type == "text"
    assert upstream.of("thinks")[-1].body["thinking"] == asked["thinking"]


async def test_the_asynchronous_clients_stream_too(gateway: Gateway) -> None:
    question: Any = [{"role": "user", "content": "Say hello."}]
    async with openai.AsyncOpenAI(base_url=gateway.url + "/v1", api_key=KEY) as client:
        stream = await client.chat.completions.create(
            model="an/plain", messages=question, stream=True
        )
        chunks = [chunk async for chunk in stream]
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == TEXT
    async with (
        anthropic.AsyncAnthropic(base_url=gateway.url, api_key=KEY) as other,
        other.messages.stream(model="mk/plain", max_tokens=9, messages=question) as events,
    ):
        assert "".join([text async for text in events.text_stream]) == TEXT


ERRORS = [
    ("mk/status-400", "BadRequestError"),
    ("nothing", "NotFoundError"),
    ("mk/status-429", "RateLimitError"),
    ("mk/status-500", "InternalServerError"),
    ("mk/status-401", "InternalServerError"),  # the gateway's credential is not the client's
    ("hasty/hangs", "InternalServerError"),
]


@pytest.mark.parametrize(("model", "name"), ERRORS, ids=[model for model, _ in ERRORS])
def test_both_sdks_raise_the_error_that_their_users_expect(
    openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic, model: str, name: str
) -> None:
    question: Any = [{"role": "user", "content": "Say hello."}]
    with pytest.raises(getattr(openai, name)) as raised:
        openai_client.chat.completions.create(model=model, messages=question)
    assert raised.value.request_id.startswith("req_")
    assert raised.value.body["message"]
    with pytest.raises(anthropic.APIStatusError) as other:
        anthropic_client.messages.create(model=model, max_tokens=9, messages=question)
    assert other.value.request_id is not None
    assert other.value.status_code == raised.value.status_code
    assert other.value.body["type"] == "error"  # type: ignore[index]


def test_both_sdks_raise_when_a_stream_breaks_off(
    openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic
) -> None:
    question: Any = [{"role": "user", "content": "Say hello."}]
    stream = openai_client.chat.completions.create(
        model="mk/ends-early", messages=question, stream=True
    )
    with pytest.raises(openai.APIError):
        list(stream)
    with (
        pytest.raises(anthropic.APIStatusError),
        anthropic_client.messages.stream(
            model="mk/ends-early", max_tokens=9, messages=question
        ) as events,
    ):
        events.until_done()


def test_a_wrong_key_is_an_authentication_error(gateway: Gateway) -> None:
    question: Any = [{"role": "user", "content": "Say hello."}]
    wrong = "sk-omni-ffffffffffffffffffffffffffffffff"
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(base_url=gateway.url + "/v1", api_key=wrong).chat.completions.create(
            model="mk/plain", messages=question
        )
    with pytest.raises(anthropic.AuthenticationError):
        anthropic.Anthropic(base_url=gateway.url, api_key=wrong).messages.create(
            model="mk/plain", max_tokens=9, messages=question
        )
