"""Legacy completions: what clients send and what OpenAI's SDK reads."""

from dataclasses import dataclass
from typing import Any

import httpx2
import openai
import pytest
from openai.types import Completion

from gateway import formats
from gateway.errors import BadRequest, ModelNotFound, NotSupported, UpstreamFailed
from gateway.formats import openai_completions, wire
from gateway.formats.types import (
    Asked,
    Event,
    Finished,
    Image,
    Message,
    PartSent,
    Prompt,
    Quirks,
    Refusal,
    RefusalDelta,
    Reply,
    Started,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
    ToolCallStarted,
    Usage,
)

ASKED = Asked(model="called", id="cmpl-1", created=7, include_usage=True)
USAGE = Usage(10, 5, cache_read_tokens=4, reasoning_tokens=2)


def decode(**sent: Any) -> Prompt:
    return openai_completions.decode_request({"model": "m", "prompt": "Once"} | sent)


@pytest.mark.parametrize("prompt", ["Once", ["Once"]], ids=["a string", "a list of one"])
def test_a_prompt_is_what_the_user_says(prompt: Any) -> None:
    assert decode(prompt=prompt).messages == (Message("user", (Text(text="Once"),)),)


def test_parameters_mean_what_they_mean_in_a_chat() -> None:
    prompt = decode(
        stream=True,
        stream_options={"include_usage": True},
        max_tokens=9,
        temperature=0,
        top_p=0.5,
        presence_penalty=1,
        frequency_penalty=-1,
        stop=["a", "b"],
        seed=3,
        user="u",
        n=1,
        best_of=2,
        logit_bias={"50256": -100},
        echo=False,
        suffix=None,
        logprobs=None,
        tools=[{"type": "function", "function": {"name": "f"}}],
    )
    encoded = formats.by_name("openai_chat").encode_request(prompt, "sent", Quirks())
    assert encoded.body == {
        "model": "sent",
        "messages": [{"role": "user", "content": "Once"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 9,
        "temperature": 0,
        "top_p": 0.5,
        "presence_penalty": 1,
        "frequency_penalty": -1,
        "stop": ["a", "b"],
        "seed": 3,
        "user": "u",
    }
    assert encoded.dropped == ("best_of", "logit_bias", "tools")
    assert prompt.include_usage


def test_usage_comes_unasked_in_an_answer_but_not_in_a_stream() -> None:
    assert not decode(stream=True).include_usage


@dataclass(frozen=True)
class Refused:
    id: str
    sent: dict[str, Any]
    param: str
    kind: type[BadRequest] = BadRequest


REFUSED = [
    Refused("no model", {"model": None}, "model"),
    Refused("an empty name", {"model": ""}, "model"),
    Refused("no prompt", {"prompt": None}, "prompt"),
    Refused("an empty prompt", {"prompt": ""}, "prompt"),
    Refused("no prompts", {"prompt": []}, "prompt"),
    Refused("an object", {"prompt": {}}, "prompt"),
    Refused("two prompts", {"prompt": ["a", "b"]}, "prompt", NotSupported),
    Refused("tokens", {"prompt": [1, 2]}, "prompt", NotSupported),
    Refused("prompts of tokens", {"prompt": [[1], [2]]}, "prompt", NotSupported),
    Refused("text to go before", {"suffix": "the end"}, "suffix", NotSupported),
    Refused("the prompt again", {"echo": True}, "echo", NotSupported),
    Refused("two completions", {"n": 2}, "n", NotSupported),
    Refused("probabilities", {"logprobs": 0}, "logprobs", NotSupported),
    Refused("less than nothing", {"max_tokens": -1}, "max_tokens"),
    Refused("a word for a number", {"temperature": "hot"}, "temperature"),
    Refused("a word for yes", {"stream": "yes"}, "stream"),
    Refused("a number to stop at", {"stop": 1}, "stop"),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.id)
def test_wrong_requests_are_refused_by_field(case: Refused) -> None:
    with pytest.raises(BadRequest) as refused:
        decode(**case.sent)
    assert refused.value.param == case.param
    assert type(refused.value) is case.kind


def client(content: bytes, kind: str) -> openai.OpenAI:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=content, headers={"content-type": kind})

    return openai.OpenAI(
        api_key="k",
        base_url="http://gateway.test/v1",
        max_retries=0,
        http_client=httpx2.Client(transport=httpx2.MockTransport(answer)),
    )


def test_the_sdk_reads_an_answer() -> None:
    parts = (
        Thinking(text="Hm"),
        Text(text="upon "),
        ToolCall(id="c", name="f", arguments=""),
        Text(text="a time"),
        Refusal(text="."),
    )
    reply = Reply(id="x", model="y", parts=parts, finish="length", usage=USAGE, created=3)
    body = openai_completions.encode_response(reply, ASKED)
    read = client(wire.dumps(body), "application/json").completions.create(model="m", prompt="Once")
    assert Completion.model_validate(body) == read
    (choice,) = read.choices
    assert (choice.text, choice.finish_reason, choice.logprobs) == ("upon a time.", "length", None)
    assert (read.id, read.model, read.created, read.object) == (
        "x", "called", 3, "text_completion",
    )  # fmt: skip
    assert read.usage is not None
    assert (read.usage.prompt_tokens, read.usage.completion_tokens) == (10, 5)


EVENTS: list[Event] = [
    Started("x", "y", 3),
    ThinkingDelta("Hm"),
    TextDelta('upon "'),
    TextDelta("\n\ndata: [DONE]"),
    ToolCallStarted(0, "c", "f"),
    PartSent(Image(data="AAAA")),
    RefusalDelta("."),
    Finished("stop_sequence", USAGE, "a"),
]


def encode(asked: Asked) -> bytes:
    encoder = openai_completions.StreamEncoder(asked)
    return b"".join(encoder.encode(event) for event in EVENTS)


def test_the_sdk_reads_a_stream() -> None:
    stream = client(encode(ASKED), openai_completions.STREAM_TYPE).completions.create(
        model="m", prompt="Once", stream=True
    )
    *chunks, last = list(stream)
    assert [choice.text for chunk in chunks for choice in chunk.choices] == [
        'upon "', "\n\ndata: [DONE]", ".", "",
    ]  # fmt: skip
    reasons = [choice.finish_reason for chunk in chunks for choice in chunk.choices]
    assert reasons == [None, None, None, "stop"]
    assert {(chunk.id, chunk.created, chunk.model, chunk.object) for chunk in [*chunks, last]} == {
        ("x", 3, "called", "text_completion")
    }
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.total_tokens == 15


def test_usage_that_was_not_asked_for_is_not_streamed() -> None:
    sent = encode(Asked(model="m", id="i", created=1))
    assert b"usage" not in sent
    assert sent.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize(
    ("finish", "told"),
    [("stop", "stop"), ("tool_calls", "stop"), ("refusal", "content_filter")],
)
def test_finishes_are_those_that_the_sdk_knows(finish: Any, told: str) -> None:
    reply = Reply(id="", model="", parts=(), finish=finish)
    body = openai_completions.encode_response(reply, ASKED)
    assert Completion.model_validate(body).choices[0].finish_reason == told
    assert (body["id"], body["created"]) == ("cmpl-1", 7)
    assert "usage" not in body


def test_errors_are_those_of_a_chat() -> None:
    body = openai_completions.encode_error(ModelNotFound("no", param="model"), "r")
    assert body["error"]["code"] == "model_not_found"
    assert b"[DONE]" not in openai_completions.encode_stream_error(UpstreamFailed("x"), "r")


def test_it_is_for_clients_only() -> None:
    assert formats.for_client("openai_completions").NAME == "openai_completions"
    assert "openai_completions" not in formats.FORMATS
    assert all(
        name == format.NAME for name, format in {**formats.FORMATS, **formats.CLIENTS}.items()
    )
