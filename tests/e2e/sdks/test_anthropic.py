"""Anthropic's SDK, against upstreams of four formats."""

import json
from typing import Any

import anthropic
import pytest
from anthropic import beta_tool
from pydantic import BaseModel

from tests.e2e.scenes import CITED, PERSON, REPORT, SIGNATURE, TALK, THOUGHT
from tests.e2e.sdks.sound import sound, upstreams, ways
from tests.e2e.upstream import Upstream

HELLO: Any = [{"role": "user", "content": "Say hello."}]
WEATHER: Any = {
    "name": "weather",
    "description": "The weather of a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
THINKING: Any = {"type": "enabled", "budget_tokens": 2000}


class Person(BaseModel):
    name: str
    age: int


def ask(client: anthropic.Anthropic, stream: bool, **asked: Any) -> Any:
    asked = {"max_tokens": 4000, "messages": HELLO} | asked
    if not stream:
        return sound(client.messages.create(**asked))
    with client.messages.stream(**asked) as events:
        for event in events:
            if event.type in ("message_start", "content_block_start", "content_block_delta"):
                sound(event)
        return sound(events.get_final_message())


@upstreams
@ways
def test_an_answer(anthropic_client: anthropic.Anthropic, provider: str, stream: bool) -> None:
    answer = ask(anthropic_client, stream, model=f"{provider}/talk")
    assert [block.text for block in answer.content] == [TALK]
    assert answer.stop_reason == "end_turn"
    usage = answer.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (4, 7, 5)


@upstreams
@ways
def test_an_answer_cut_at_its_length(
    anthropic_client: anthropic.Anthropic, provider: str, stream: bool
) -> None:
    answer = ask(anthropic_client, stream, model=f"{provider}/long", max_tokens=16)
    assert answer.stop_reason == "max_tokens"


@upstreams
@ways
def test_the_tool_runner_calls_tools_in_parallel_and_goes_on(
    anthropic_client: anthropic.Anthropic, upstream: Upstream, provider: str, stream: bool
) -> None:
    asked_for = []

    @beta_tool
    def weather(city: str) -> str:
        """The weather of a city.

        Args:
            city: Its name.
        """
        asked_for.append(city)
        return f"the weather of {city}"

    runner: Any = anthropic_client.beta.messages.tool_runner(
        model=f"{provider}/agent",
        max_tokens=1000,
        tools=[weather],
        messages=[{"role": "user", "content": "Weather in Oslo and Rome?"}],
        stream=stream,
    )
    final = [turn.get_final_message() for turn in runner][-1] if stream else runner.until_done()
    assert asked_for == ["Oslo", "Rome"]
    assert final.content[0].text == REPORT
    sent = json.dumps(upstream.of("agent")[-1].body)
    assert sent.index("the weather of Oslo") < sent.index("the weather of Rome")


@pytest.mark.parametrize("provider", ["an", "gm", "rs"])
@ways
def test_thinking_comes_back_signed_on_the_second_turn(
    anthropic_client: anthropic.Anthropic, upstream: Upstream, provider: str, stream: bool
) -> None:
    asked: Any = {
        "model": f"{provider}/thinking-agent", "tools": [WEATHER], "thinking": THINKING,
    }  # fmt: skip
    first = ask(anthropic_client, stream, **asked)
    thoughts = [block.thinking for block in first.content if block.type == "thinking"]
    assert "".join(thoughts) == THOUGHT
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": "rain"}
        for block in first.content
        if block.type == "tool_use"
    ]
    said = {"role": "assistant", "content": first.content}
    messages = [*HELLO, said, {"role": "user", "content": results}]
    ask(anthropic_client, stream, **asked, messages=messages)
    assert SIGNATURE in json.dumps(upstream.of("thinking-agent")[-1].body)


def test_thinking_of_an_upstream_that_signs_nothing_is_told(
    anthropic_client: anthropic.Anthropic,
) -> None:
    answer = ask(anthropic_client, True, model="mk/thinker", thinking=THINKING)
    assert answer.content[0].thinking == THOUGHT
    again = [*HELLO, {"role": "assistant", "content": answer.content}, *HELLO]
    assert ask(anthropic_client, True, model="mk/thinker", messages=again)


@upstreams
def test_parse_makes_an_object(
    anthropic_client: anthropic.Anthropic, upstream: Upstream, provider: str
) -> None:
    answer = anthropic_client.messages.parse(
        model=f"{provider}/person", max_tokens=100, messages=HELLO, output_format=Person
    )
    assert answer.parsed_output == Person.model_validate_json(PERSON)
    assert '"age"' in json.dumps(upstream.of("person")[-1].body)


@upstreams
@ways
def test_citations_are_told(
    anthropic_client: anthropic.Anthropic, provider: str, stream: bool
) -> None:
    answer = ask(anthropic_client, stream, model=f"{provider}/cites")
    assert "".join(block.text for block in answer.content) == "It rains today."
    cited = [note for block in answer.content for note in block.citations or []]
    assert [note.url for note in cited] == [CITED]


@upstreams
def test_tokens_are_counted(anthropic_client: anthropic.Anthropic, provider: str) -> None:
    counted = sound(
        anthropic_client.messages.count_tokens(model=f"{provider}/talk", messages=HELLO)
    )
    if provider in ("an", "gm"):
        assert counted.input_tokens == 42
    else:
        assert 2 <= counted.input_tokens <= 20


def test_models_are_listed_and_one_is_shown(anthropic_client: anthropic.Anthropic) -> None:
    listed = [sound(model).id for model in anthropic_client.models.list(limit=1000)]
    assert "mk/plain" in listed
    assert sound(anthropic_client.models.retrieve("mk/plain")).id == "mk/plain"


@upstreams
@pytest.mark.parametrize(
    ("model", "name", "kind"),
    [
        ("status-400", "BadRequestError", "invalid_request_error"),
        ("status-413", "RequestTooLargeError", "request_too_large"),
        ("status-429", "RateLimitError", "rate_limit_error"),
        ("status-500", "InternalServerError", "api_error"),
    ],
)
def test_errors_are_of_their_class(
    anthropic_client: anthropic.Anthropic, provider: str, model: str, name: str, kind: str
) -> None:
    with pytest.raises(getattr(anthropic, name, anthropic.APIStatusError)) as raised:
        ask(anthropic_client, False, model=f"{provider}/{model}")
    assert raised.value.request_id.startswith("req_")
    if provider != "an" or model in ("status-429", "status-500"):  # whose own words are passed on
        assert raised.value.body["type"] == "error"
        assert raised.value.body["error"]["type"] == kind
        assert raised.value.body["request_id"] == raised.value.request_id


@upstreams
@pytest.mark.parametrize("model", ["ends", "fails"])
def test_a_broken_stream_raises(
    anthropic_client: anthropic.Anthropic, provider: str, model: str
) -> None:
    with pytest.raises(anthropic.APIStatusError):
        ask(anthropic_client, True, model=f"{provider}/{model}")
