"""The OpenAI SDK's responses, against upstreams of four formats."""

import json
from typing import Any

import openai
import pytest
from openai.types.responses import Response
from pydantic import BaseModel

from tests.e2e.scenes import PATCH, PERSON, REPORT, SIGNATURE, TALK, THOUGHT
from tests.e2e.sdks.sound import sound, upstreams, ways
from tests.e2e.upstream import Upstream

WEATHER: Any = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}
EDITOR: Any = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Edits files.",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"},
}


class Person(BaseModel):
    name: str
    age: int


def ask(client: openai.OpenAI, stream: bool, **asked: Any) -> Any:
    """The whole answer, by `create` or of the stream helper, whose events are looked at."""
    if not stream:
        return sound(client.responses.create(**asked))
    with client.responses.stream(**asked) as events:
        seen = list(events)
    for event in seen:
        if event.type != "response.completed":
            sound(event)
    assert seen[0].type == "response.created"
    last = seen[-1]
    assert last.type in ("response.completed", "response.incomplete")
    numbers = [event.sequence_number for event in seen]
    assert numbers == list(range(len(numbers)))
    # The helper's own type of a response warns when it is dumped, whatever is in it.
    told = last.response.model_dump_json(exclude_unset=True, warnings=False)
    Response.model_validate_json(told)
    return last.response


def types_of(response: Any) -> list[str]:
    return [item.type for item in response.output]


@upstreams
@ways
def test_an_answer(openai_client: openai.OpenAI, provider: str, stream: bool) -> None:
    answer = ask(openai_client, stream, model=f"{provider}/talk", input="Say hello.")
    assert answer.output_text == TALK
    assert answer.status == "completed"
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (11, 5)
    assert answer.usage.input_tokens_details.cached_tokens == 7


@upstreams
@ways
def test_an_answer_cut_at_its_length(
    openai_client: openai.OpenAI, provider: str, stream: bool
) -> None:
    answer = ask(openai_client, stream, model=f"{provider}/long", input="Hi.", max_output_tokens=16)
    assert answer.status == "incomplete"
    assert answer.incomplete_details.reason == "max_output_tokens"


@upstreams
@ways
def test_an_agent_calls_functions_in_parallel_and_tells_what_they_found(
    openai_client: openai.OpenAI, upstream: Upstream, provider: str, stream: bool
) -> None:
    asked: Any = {"model": f"{provider}/agent", "tools": [WEATHER], "store": False}
    question = {"role": "user", "content": "Weather in Oslo and Rome?"}
    first = ask(openai_client, stream, **asked, input=[question])
    assert types_of(first) == ["function_call", "function_call"]
    assert [json.loads(call.arguments) for call in first.output] == [
        {"city": "Oslo"},
        {"city": "Rome"},
    ]
    results = [
        {"type": "function_call_output", "call_id": call.call_id, "output": told}
        for call, told in zip(first.output, ("rain", "sun"), strict=True)
    ]
    said = [item.model_dump(exclude_none=True) for item in first.output]
    second = ask(openai_client, stream, **asked, input=[question, *said, *results])
    assert second.output_text == REPORT
    sent = json.dumps(upstream.of("agent")[-1].body)
    assert sent.index("Oslo and Rome") < sent.index("rain") < sent.index("sun")


@upstreams
@ways
def test_a_custom_tool_is_called_with_its_text(
    openai_client: openai.OpenAI, provider: str, stream: bool
) -> None:
    answer = ask(
        openai_client, stream, model=f"{provider}/editor", input="Add a file.", tools=[EDITOR]
    )
    (call,) = answer.output
    assert (call.type, call.name, call.input) == ("custom_tool_call", "apply_patch", PATCH)


@upstreams
def test_parse_makes_an_object(openai_client: openai.OpenAI, provider: str) -> None:
    asked: Any = {"model": f"{provider}/person", "input": "Who?", "text_format": Person}
    person = Person.model_validate_json(PERSON)
    assert openai_client.responses.parse(**asked).output_parsed == person
    with openai_client.responses.stream(**asked) as events:
        events.until_done()
        assert events.get_final_response().output_parsed == person


@pytest.mark.parametrize("provider", ["an", "gm", "rs"])
@ways
def test_reasoning_comes_back_on_the_second_turn(
    openai_client: openai.OpenAI, upstream: Upstream, provider: str, stream: bool
) -> None:
    asked: Any = {
        "model": f"{provider}/thinking-agent", "tools": [WEATHER], "store": False,
        "reasoning": {"effort": "low", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
    }  # fmt: skip
    question = {"role": "user", "content": "Weather?"}
    first = ask(openai_client, stream, **asked, input=[question])
    assert types_of(first) == ["reasoning", "function_call", "function_call"]
    assert first.output[0].summary[0].text == THOUGHT
    said = [item.model_dump(exclude_none=True) for item in first.output]
    results = [
        {"type": "function_call_output", "call_id": call.call_id, "output": "rain"}
        for call in first.output[1:]
    ]
    ask(openai_client, stream, **asked, input=[question, *said, *results])
    assert SIGNATURE in json.dumps(upstream.of("thinking-agent")[-1].body)


@upstreams
def test_an_image_arrives(openai_client: openai.OpenAI, upstream: Upstream, provider: str) -> None:
    content = [
        {"type": "input_text", "text": "What?"},
        {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "auto"},
    ]  # fmt: skip
    asked: Any = [{"role": "user", "content": content}]
    sound(openai_client.responses.create(model=f"{provider}/talk", input=asked))
    sent = upstream.of("talk")[-1].body
    part = {
        "mk": lambda: sent["messages"][0]["content"][1]["image_url"]["url"],
        "an": lambda: sent["messages"][0]["content"][1]["source"]["data"],
        "rs": lambda: sent["input"][0]["content"][1]["image_url"],
        "gm": lambda: sent["contents"][0]["parts"][1]["inlineData"]["data"],
    }[provider]()
    assert part.endswith("iVBORw0KGgo=")


@upstreams
@ways
def test_a_stored_answer_is_gone_on_from_read_and_deleted(
    openai_client: openai.OpenAI, upstream: Upstream, provider: str, stream: bool
) -> None:
    model = f"{provider}/talk"
    first = ask(openai_client, stream, model=model, input="Say hello.")
    second = ask(openai_client, stream, model=model, input="Again.", previous_response_id=first.id)
    if provider != "rs":  # whose answer is passed on as it is
        assert second.previous_response_id == first.id
    sent = json.dumps(upstream.of("talk")[-1].body)
    assert sent.index("Say hello.") < sent.index(TALK) < sent.index("Again.")
    assert sound(openai_client.responses.retrieve(first.id)).output_text == TALK
    items = list(openai_client.responses.input_items.list(second.id, order="asc"))
    assert [item.type for item in items] == ["message", "message", "message"]
    for response in (first, second):
        openai_client.responses.delete(response.id)
        with pytest.raises(openai.NotFoundError):
            openai_client.responses.retrieve(response.id)


def test_an_answer_that_is_not_to_be_stored_is_not(openai_client: openai.OpenAI) -> None:
    answer = openai_client.responses.create(model="mk/talk", input="Hi.", store=False)
    with pytest.raises(openai.NotFoundError):
        openai_client.responses.retrieve(answer.id)
    with pytest.raises(openai.BadRequestError) as raised:
        openai_client.responses.create(model="mk/talk", input="Hi.", previous_response_id=answer.id)
    assert raised.value.code == "previous_response_not_found"


@pytest.mark.parametrize("provider", ["mk", "an", "gm"])
def test_a_hosted_tool_that_the_upstream_lacks_is_a_bad_request(
    openai_client: openai.OpenAI, provider: str
) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        openai_client.responses.create(
            model=f"{provider}/talk", input="Hi.", tools=[{"type": "code_interpreter", "container": {"type": "auto"}}]
        )  # fmt: skip
    assert "code_interpreter" in str(raised.value)
    assert raised.value.param == "tools"


@upstreams
@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("status-400", "BadRequestError"),
        ("status-429", "RateLimitError"),
        ("status-500", "InternalServerError"),
    ],
)
def test_errors_are_of_their_class(
    openai_client: openai.OpenAI, provider: str, model: str, name: str
) -> None:
    with pytest.raises(getattr(openai, name)) as raised:
        openai_client.responses.create(model=f"{provider}/{model}", input="Hi.")
    assert raised.value.request_id.startswith("req_")
    assert raised.value.body["message"]


@upstreams
@pytest.mark.parametrize("model", ["ends", "fails"])
def test_a_broken_stream_ends_with_a_failed_response(
    openai_client: openai.OpenAI, provider: str, model: str
) -> None:
    try:
        stream = openai_client.responses.create(
            model=f"{provider}/{model}", input="Hi.", stream=True
        )
        last = [sound(event) for event in stream][-1]
    except openai.InternalServerError:
        return  # it failed before there was content
    assert last.type == "response.failed"
    assert last.response.error is not None
    assert last.response.error.message
