"""What the official SDK makes of what we send: every event and every answer, without a warning."""

import json
from collections.abc import Iterator

import httpx2
import openai
import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import BaseModel, TypeAdapter

from gateway.errors import UpstreamFailed
from gateway.formats import openai_responses, wire
from gateway.formats.types import Asked, Finished, JSONDict, Reply, Text, ToolCall, Usage
from tests.gateway.formats.openai_responses.test_answers import ITEMS, PATCH, SPACE
from tests.gateway.formats.openai_responses.test_streams import BEGIN, EVENTS, ORDERS, STOP

TOOLS = [PATCH, {"type": "function", "name": "f", "parameters": {}, "strict": True}]
READS = TypeAdapter[BaseModel](ResponseStreamEvent)
PARTS = [part for _, parts, _ in ITEMS for part in parts]


def asked(request: JSONDict | None = None) -> Asked:
    return Asked(model="m", id="x", created=7, request=request or {"tools": TOOLS})


def stream(request: JSONDict | None = None, *events: object) -> bytes:
    encoder = openai_responses.StreamEncoder(asked(request))
    return b"".join(encoder.encode(event) for event in events)  # type: ignore[arg-type]


def events_in(data: bytes) -> Iterator[JSONDict]:
    for frame in data.decode().removesuffix("\n\n").split("\n\n"):
        yield json.loads(frame.partition("data: ")[2])


ALL = [("all kinds", EVENTS[1:-1], []), *ORDERS]


@pytest.mark.parametrize("events", [row[1] for row in ALL], ids=[row[0] for row in ALL])
def test_every_event_is_one_that_the_sdk_knows(events: list[object]) -> None:
    for content in events_in(stream(None, BEGIN, *events, STOP)):
        read = READS.validate_python(content)
        assert read.model_dump(exclude_unset=True, by_alias=True) == content
        assert not read.model_extra


def test_every_item_is_one_that_the_sdk_knows() -> None:
    reply = Reply(id="", model="", parts=tuple(PARTS), usage=Usage(3, 2))
    body = openai_responses.encode_response(reply, asked({"tools": [PATCH, SPACE | {"description": "d"}]}))  # fmt: skip
    read = Response.model_validate(json.loads(wire.dumps(body)))
    assert len(read.output) == len(body["output"])
    assert read.output_text == "aabc"


def test_a_failure_is_an_event_that_the_sdk_knows() -> None:
    encoder = openai_responses.StreamEncoder(asked())
    error = UpstreamFailed("no luck")
    for data in (encoder.fail(error), openai_responses.encode_stream_error(error, "x")):
        (content,) = events_in(data)
        read = READS.validate_python(content)
        assert read.response.error.message == "no luck"  # type: ignore[attr-defined]


def client(data: bytes, kind: str) -> openai.OpenAI:
    """The SDK, answered by us."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": kind}, content=data)

    transport = httpx2.MockTransport(answer)
    return openai.OpenAI(api_key="k", base_url="http://test/v1", http_client=httpx2.Client(transport=transport))  # fmt: skip


class Point(BaseModel):
    x: int


def test_the_stream_helper_gathers_the_answer() -> None:
    data = stream(None, BEGIN, *EVENTS[1:-1], STOP)
    with (
        client(data, openai_responses.STREAM_TYPE) as sdk,
        sdk.responses.stream(model="m", input="hi") as told,
    ):
        kinds = [event.type for event in told]
        final = told.get_final_response()
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert final.output_text == "Grüße 👋"
    assert [item.type for item in final.output] == ["reasoning", "message", "function_call", "custom_tool_call"]  # fmt: skip
    assert final.usage is not None
    assert final.usage.total_tokens == 5


def test_structured_output_is_parsed() -> None:
    reply = Reply(id="", model="", parts=(Text(text='{"x":1}'),), usage=Usage(3, 2))
    body = wire.dumps(openai_responses.encode_response(reply, asked()))
    with client(body, "application/json") as sdk:
        assert sdk.responses.parse(model="m", input="hi", text_format=Point).output_parsed == Point(x=1)  # fmt: skip


def test_a_call_is_read() -> None:
    reply = Reply(id="", model="", parts=(ToolCall(id="a", name="f", arguments='{"x":1}'),), finish="tool_calls")  # fmt: skip
    with client(wire.dumps(openai_responses.encode_response(reply, asked())), "application/json") as sdk:  # fmt: skip
        (call,) = sdk.responses.create(model="m", input="hi").output
    assert call.type == "function_call"
    assert (call.call_id, call.name, call.arguments) == ("a", "f", '{"x":1}')


def test_a_stream_that_ends_early_is_no_answer() -> None:
    data = stream(None, BEGIN, *EVENTS[1:-1]) + openai_responses.encode_stream_error(UpstreamFailed("no luck"), "x")  # fmt: skip
    with (
        client(data, openai_responses.STREAM_TYPE) as sdk,
        sdk.responses.create(model="m", input="hi", stream=True) as told,
    ):
        last = [event.type for event in told][-1]
    assert last == "response.failed"


def test_an_answer_of_nothing_is_still_one() -> None:
    last = [*events_in(stream(None, Finished("stop")))][-1]
    assert Response.model_validate(last["response"]).output == []
