"""The OpenAI SDK's chat completions, against upstreams of four formats."""

import json
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from tests.e2e.scenes import PERSON, REPORT, SIGNATURE, TALK, THOUGHT
from tests.e2e.sdks.sound import sound, upstreams, ways
from tests.e2e.upstream import Upstream

HELLO: Any = [{"role": "user", "content": "Say hello."}]


class Person(BaseModel):
    name: str
    age: int


class Weather(BaseModel):
    """The weather of a city."""

    city: str


def tool(strict: bool = False) -> Any:
    function = {
        "name": "weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    }
    return {"type": "function", "function": function | ({"strict": True} if strict else {})}


def ask(client: openai.OpenAI, stream: bool, **asked: Any) -> Any:
    """The whole answer, by `create` or folded by the stream helper."""
    if not stream:
        return sound(client.chat.completions.create(**asked))
    with client.chat.completions.stream(**asked) as events:
        for event in events:
            if event.type == "chunk":
                sound(event.chunk)
        return sound(events.get_final_completion())


@upstreams
@ways
def test_an_answer(openai_client: openai.OpenAI, provider: str, stream: bool) -> None:
    usage: Any = {"stream_options": {"include_usage": True}} if stream else {}
    answer = ask(openai_client, stream, model=f"{provider}/talk", messages=HELLO, **usage)
    assert answer.choices[0].message.content == TALK
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (11, 5)
    assert answer.usage.prompt_tokens_details.cached_tokens == 7
    assert answer.model


@upstreams
@ways
def test_an_answer_cut_at_its_length(
    openai_client: openai.OpenAI, provider: str, stream: bool
) -> None:
    asked: Any = {"model": f"{provider}/long", "messages": HELLO, "max_completion_tokens": 1}
    if stream:  # the helper raises for it
        with pytest.raises(openai.LengthFinishReasonError):
            ask(openai_client, stream, **asked, response_format=Person)
    else:
        assert ask(openai_client, stream, **asked).choices[0].finish_reason == "length"


@upstreams
@ways
def test_an_agent_calls_tools_in_parallel_and_tells_what_they_found(
    openai_client: openai.OpenAI, upstream: Upstream, provider: str, stream: bool
) -> None:
    asked: Any = {"model": f"{provider}/agent", "tools": [tool()]}
    messages: Any = [{"role": "user", "content": "Weather in Oslo and Rome?"}]
    first = ask(openai_client, stream, **asked, messages=messages)
    assert first.choices[0].finish_reason == "tool_calls"
    message = first.choices[0].message
    assert [json.loads(call.function.arguments) for call in message.tool_calls] == [
        {"city": "Oslo"},
        {"city": "Rome"},
    ]
    assert len({call.id for call in message.tool_calls}) == 2
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": told}
        for call, told in zip(message.tool_calls, ("rain", "sun"), strict=True)
    ]
    said = message.model_dump(exclude_none=True)
    second = ask(openai_client, stream, **asked, messages=[*messages, said, *results])
    assert second.choices[0].message.content == REPORT
    assert second.choices[0].finish_reason == "stop"
    sent = json.dumps(upstream.of("agent")[-1].body)
    assert sent.index("Oslo and Rome") < sent.index("rain") < sent.index("sun")


@upstreams
def test_parse_makes_an_object(
    openai_client: openai.OpenAI, upstream: Upstream, provider: str
) -> None:
    asked: Any = {"model": f"{provider}/person", "messages": HELLO, "response_format": Person}
    answer = openai_client.chat.completions.parse(**asked)
    assert answer.choices[0].message.parsed == Person.model_validate_json(PERSON)
    with openai_client.chat.completions.stream(**asked) as events:
        final = events.get_final_completion()
    assert final.choices[0].message.parsed == Person.model_validate_json(PERSON)
    sent = upstream.of("person")[-1].body
    schema = {
        "mk": lambda: sent["response_format"]["json_schema"]["schema"],
        "an": lambda: sent["output_config"]["format"]["schema"],
        "rs": lambda: sent["text"]["format"]["schema"],
        "gm": lambda: sent["generationConfig"]["responseJsonSchema"],
    }[provider]()
    assert schema["required"] == ["name", "age"]


@upstreams
def test_parse_makes_objects_of_strict_tool_calls(
    openai_client: openai.OpenAI, provider: str
) -> None:
    strict = openai.pydantic_function_tool(Weather, name="weather")
    answer = openai_client.chat.completions.parse(
        model=f"{provider}/agent", messages=HELLO, tools=[strict]
    )
    calls = answer.choices[0].message.tool_calls or []
    assert [call.function.parsed_arguments for call in calls] == [
        Weather(city="Oslo"),
        Weather(city="Rome"),
    ]


@pytest.mark.parametrize("provider", ["an", "gm", "rs"])
@ways
def test_thinking_comes_back_signed_on_the_second_turn(
    openai_client: openai.OpenAI, upstream: Upstream, provider: str, stream: bool
) -> None:
    asked: Any = {
        "model": f"{provider}/thinking-agent", "tools": [tool()], "reasoning_effort": "low",
    }  # fmt: skip
    first = ask(openai_client, stream, **asked, messages=HELLO)
    message = first.choices[0].message.model_dump(exclude_none=True)
    assert message["reasoning_content"] == THOUGHT
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": "rain"}
        for call in message["tool_calls"]
    ]
    ask(openai_client, stream, **asked, messages=[*HELLO, message, *results])
    assert SIGNATURE in json.dumps(upstream.of("thinking-agent")[-1].body)


@upstreams
def test_an_image_arrives(openai_client: openai.OpenAI, upstream: Upstream, provider: str) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    messages: Any = [{"role": "user", "content": [{"type": "text", "text": "What?"}, image]}]
    sound(openai_client.chat.completions.create(model=f"{provider}/talk", messages=messages))
    sent = upstream.of("talk")[-1].body
    part = {
        "mk": lambda: sent["messages"][0]["content"][1]["image_url"]["url"],
        "an": lambda: sent["messages"][0]["content"][1]["source"]["data"],
        "rs": lambda: sent["input"][0]["content"][1]["image_url"],
        "gm": lambda: sent["contents"][0]["parts"][1]["inlineData"]["data"],
    }[provider]()
    assert part.endswith("iVBORw0KGgo=")


@upstreams
@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("status-400", "BadRequestError"),
        ("status-429", "RateLimitError"),
        ("status-500", "InternalServerError"),
        ("status-422", "UnprocessableEntityError"),
    ],
)
def test_errors_are_of_their_class(
    openai_client: openai.OpenAI, provider: str, model: str, name: str
) -> None:
    with pytest.raises(getattr(openai, name)) as raised:
        openai_client.chat.completions.create(model=f"{provider}/{model}", messages=HELLO)
    assert raised.value.request_id.startswith("req_")
    assert "refused" in raised.value.body["message"] or model == "status-429"


@upstreams
@pytest.mark.parametrize("model", ["ends", "fails"])
def test_a_broken_stream_raises(openai_client: openai.OpenAI, provider: str, model: str) -> None:
    with pytest.raises(openai.APIError):
        list(
            openai_client.chat.completions.create(
                model=f"{provider}/{model}", messages=HELLO, stream=True
            )
        )
