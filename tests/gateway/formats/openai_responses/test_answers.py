"""Whole answers of the Responses API, both ways; errors; what a later turn needs of them."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import errors, formats
from gateway.errors import GatewayError, UpstreamFailed
from gateway.formats import anthropic_messages, openai_responses, wire
from gateway.formats.types import (
    Asked,
    Citation,
    Finish,
    Image,
    JSONDict,
    Part,
    Quirks,
    RedactedThinking,
    Refusal,
    Reply,
    Text,
    Thinking,
    ToolCall,
    Usage,
)

USAGE = {
    "input_tokens": 10,
    "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 1},
    "output_tokens": 5,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 15,
}
COUNTS = Usage(10, 5, 4, 1, 2)
URL = {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 2}
OUTPUT: list[JSONDict] = [
    {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm"}], "encrypted_content": "gAAA"},
    {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search"}},
    {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "phase": "final_answer", "content": [
        {"type": "output_text", "text": "so", "annotations": [URL], "logprobs": [{"token": "so"}]},
        {"type": "refusal", "refusal": "no"},
    ]},
    {"id": "fc_1", "type": "function_call", "call_id": "a", "name": "f", "arguments": "{}", "status": "completed", "namespace": "crm"},
    {"id": "ctc_1", "type": "custom_tool_call", "call_id": "b", "name": "p", "input": "x"},
    {"id": "ig_1", "type": "image_generation_call", "status": "completed", "result": "AAAA", "output_format": "jpeg"},
]  # fmt: skip
BODY: JSONDict = {
    "id": "resp_1",
    "object": "response",
    "created_at": 7,
    "status": "completed",
    "model": "m",
    "output": OUTPUT,
    "usage": USAGE | {"cost": 5},
    "error": None,
    "incomplete_details": None,
    "billing": {"payer": "developer"},
}


def asked(**request: Any) -> Asked:
    return Asked(model="m", id="x", created=7, request=request)


def answer(*parts: Part, finish: Finish = "stop", **more: Any) -> Reply:
    return Reply(id="msg_9", model="theirs", parts=parts, finish=finish, usage=COUNTS, **more)


def test_an_answer_comes_back_as_it_was() -> None:
    reply = openai_responses.decode_response(BODY)
    assert openai_responses.encode_response(reply, asked()).items() >= BODY.items()


def test_what_an_answer_says() -> None:
    reply = openai_responses.decode_response(BODY)
    assert (reply.id, reply.model, reply.created, reply.usage) == ("resp_1", "m", 7, COUNTS)
    assert reply.finish == "tool_calls"
    thought, search, text, refusal, call, custom, image = reply.parts
    assert thought == Thinking(text="Hm", signature="gAAA", signed_by="openai_responses")
    assert isinstance(text, Text)
    assert (text.text, text.citations[0].url, text.citations[0].end) == ("so", "u", 2)
    assert refusal == Refusal(text="no")
    assert call == ToolCall(id="a", name="crm__f", arguments="{}")
    assert custom == ToolCall(id="b", name="p", arguments="x", custom=True)
    assert image == Image(data="AAAA", media_type="image/jpeg")
    assert search.value["id"] == "ws_1"  # type: ignore[attr-defined]


ENDS: list[tuple[JSONDict, Finish]] = [
    ({"status": "completed"}, "stop"),
    ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
    ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "content_filter"),
    ({"status": "incomplete", "incomplete_details": {"reason": "made_up"}}, "length"),
    ({"status": "incomplete"}, "length"),
    ({"status": "queued"}, "stop"),
    ({}, "stop"),
]  # fmt: skip


@pytest.mark.parametrize(("end", "finish"), ENDS, ids=[str(row[0]) for row in ENDS])
def test_how_an_answer_ended(end: JSONDict, finish: Finish) -> None:
    assert openai_responses.decode_response({"output": []} | end).finish == finish


NONE: list[tuple[str, JSONDict, int]] = [
    ("an error object", {"error": {"message": "no luck", "code": "server_error"}}, 200),
    ("a failure", {"status": "failed", "error": {"message": "no luck", "code": "rate_limit_exceeded"}, "output": []}, 429),
    ("an error in words", {"error": "no luck"}, 200),
    ("another format's answer", {"choices": [], "model": "no luck"}, 200),
    ("a cancelled answer", {"status": "cancelled", "output": [], "model": "no luck"}, 200),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status"), [row[1:] for row in NONE], ids=[row[0] for row in NONE])  # fmt: skip
def test_what_is_no_answer_is_the_upstreams_failure(body: JSONDict, status: int) -> None:
    for read in (
        lambda: openai_responses.decode_response(body),
        lambda: openai_responses.sniff_response(json.dumps(body).encode()),
    ):
        with pytest.raises(UpstreamFailed) as caught:
            read()
        assert caught.value.upstream_status == status


def test_what_is_sniffed_of_a_relayed_answer() -> None:
    assert openai_responses.sniff_response(json.dumps(BODY).encode()) == COUNTS
    assert openai_responses.sniff_response(b'{"output":[],"usage":null}') is None
    odd = json.dumps(BODY | {"metadata": "\ud83d"}).encode()  # which the strict parser refuses
    assert openai_responses.sniff_response(odd) == COUNTS


# --- For a client ----------------------------------------------------------------------------


def test_an_answer_repeats_its_request() -> None:
    tools = [{"type": "function", "name": "f", "parameters": {}, "strict": True}]
    body = openai_responses.encode_response(
        answer(Text(text="hi")),
        asked(
            instructions="s", tools=tools, tool_choice="required", temperature=0.5, store=False,
            reasoning={"effort": "low"}, text={"verbosity": "low"}, metadata={"a": "b"},
            previous_response_id="resp_0", max_output_tokens=5, service_tier="auto", made_up=1,
        ),
    )  # fmt: skip
    assert body == {
        "id": "resp_x",
        "object": "response",
        "created_at": 7,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": "m",
        "output": [
            {"id": "msg_x_0", "type": "message", "status": "completed", "role": "assistant", "content": [
                {"type": "output_text", "text": "hi", "annotations": [], "logprobs": []},
            ]},
        ],
        "usage": USAGE,
        "background": False,
        "instructions": "s",
        "max_output_tokens": 5,
        "max_tool_calls": None,
        "metadata": {"a": "b"},
        "parallel_tool_calls": True,
        "previous_response_id": "resp_0",
        "prompt_cache_key": None,
        "reasoning": {"effort": "low", "summary": None},
        "safety_identifier": None,
        "service_tier": "default",
        "store": False,
        "temperature": 0.5,
        "text": {"format": {"type": "text"}, "verbosity": "low"},
        "tool_choice": "required",
        "tools": tools,
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "user": None,
    }  # fmt: skip


PATCH = {"type": "custom", "name": "apply_patch"}
SPACE = {"type": "namespace", "name": "crm", "tools": [{"type": "function", "name": "f"}, PATCH]}
CITED = Citation(format="anthropic_messages", value={}, url="u", title="t")
ITEMS: list[tuple[str, tuple[Part, ...], list[JSONDict]]] = [
    ("text and refusal in one message", (Text(text="a"), Refusal(text="b")), [
        {"id": "msg_x_0", "type": "message", "status": "completed", "role": "assistant", "content": [
            {"type": "output_text", "text": "a", "annotations": [], "logprobs": []}, {"type": "refusal", "refusal": "b"},
        ]},
    ]),
    ("a citation", (Text(text="abc", citations=(CITED,)),), [
        {"id": "msg_x_0", "type": "message", "status": "completed", "role": "assistant", "content": [
            {"type": "output_text", "text": "abc", "annotations": [URL | {"end_index": 3}], "logprobs": []},
        ]},
    ]),
    ("a call", (ToolCall(id="a", name="g", arguments="{}"),), [
        {"id": "fc_x_0", "type": "function_call", "status": "completed", "call_id": "a", "name": "g", "arguments": "{}"},
    ]),
    ("a call of a function that stands for a custom tool", (ToolCall(id="a", name="apply_patch", arguments='{"input":"x"}'),), [
        {"id": "ctc_x_0", "type": "custom_tool_call", "status": "completed", "call_id": "a", "name": "apply_patch", "input": "x"},
    ]),
    ("calls of what stands in a namespace", (ToolCall(id="a", name="crm__f", arguments="{}"), ToolCall(id="b", name="crm__apply_patch", arguments='{"input":"x"}')), [
        {"id": "fc_x_0", "type": "function_call", "status": "completed", "call_id": "a", "name": "f", "namespace": "crm", "arguments": "{}"},
        {"id": "ctc_x_1", "type": "custom_tool_call", "status": "completed", "call_id": "b", "name": "apply_patch", "namespace": "crm", "input": "x"},
    ]),
    ("a signed thought", (Thinking(text="Hm", signature="s", signed_by="anthropic_messages"),), [
        {"id": "rs_x_0", "type": "reasoning", "status": "completed", "summary": [{"type": "summary_text", "text": "Hm"}], "encrypted_content": "omniroute:anthropic_messages:s"},
    ]),
    ("a thought that nobody signed", (Thinking(text="Hm"),), [
        {"id": "rs_x_0", "type": "reasoning", "status": "completed", "summary": [{"type": "summary_text", "text": "Hm"}], "encrypted_content": "omniroute:nobody:"},
    ]),
    ("a thought that only its signer can read", (RedactedThinking(data="d", signed_by="gemini"),), [
        {"id": "rs_x_0", "type": "reasoning", "status": "completed", "summary": [], "encrypted_content": "omniroute:gemini:d"},
    ]),
    ("an image", (Image(data="AAAA", media_type="image/webp"),), [
        {"id": "ig_x_0", "type": "image_generation_call", "status": "completed", "result": "AAAA", "output_format": "webp"},
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("parts", "items"), [row[1:] for row in ITEMS], ids=[row[0] for row in ITEMS])  # fmt: skip
def test_the_items_of_an_answer(parts: tuple[Part, ...], items: list[JSONDict]) -> None:
    body = openai_responses.encode_response(answer(*parts), asked(tools=[PATCH, SPACE]))
    assert body["output"] == items


@pytest.mark.parametrize(
    ("finish", "reason"),
    [("length", "max_output_tokens"), ("content_filter", "content_filter"), ("refusal", "content_filter")],
)  # fmt: skip
def test_an_answer_that_was_cut_short(finish: Finish, reason: str) -> None:
    body = openai_responses.encode_response(answer(Text(text="a"), finish=finish), asked())
    assert (body["status"], body["incomplete_details"]) == ("incomplete", {"reason": reason})
    assert body["output"][-1]["status"] == "incomplete"


THOUGHTS: list[Part] = [
    Thinking(text="Hm", signature="s", signed_by="anthropic_messages"),
    Thinking(text="", signature="s", signed_by="anthropic_messages"),
    Thinking(text="two\n\nparts", signature="s:with:colons", signed_by="gemini"),
    RedactedThinking(data="d", signed_by="anthropic_messages"),
    Thinking(text="unsigned"),
]


@pytest.mark.parametrize("thought", THOUGHTS, ids=str)
def test_thoughts_come_back_to_those_who_signed_them(thought: Part) -> None:
    """The client sends an answer's items back with its next request."""
    body = openai_responses.encode_response(answer(thought, Text(text="so")), asked())
    items = json.loads(wire.dumps(openai_responses.history({"input": "hi"}, body)))
    prompt = openai_responses.decode_request({"model": "m", "input": items})
    assert prompt.messages[1].parts[0] == thought


def test_a_claude_thought_reaches_claude_again() -> None:
    body = openai_responses.encode_response(
        answer(
            Thinking(text="Hm", signature="s", signed_by="anthropic_messages"),
            ToolCall(id="a", name="f", arguments="{}"),
        ),
        asked(),
    )
    items = [*body["output"], {"type": "function_call_output", "call_id": "a", "output": "1"}]
    prompt = openai_responses.decode_request({"model": "m", "input": items})
    sent = anthropic_messages.encode_request(prompt, "m", Quirks()).body
    assert sent["messages"][0]["content"] == [
        {"type": "thinking", "thinking": "Hm", "signature": "s"},
        {"type": "tool_use", "id": "a", "name": "f", "input": {}},
    ]


# --- Errors ----------------------------------------------------------------------------------


ERRORS: list[tuple[GatewayError, str]] = [
    (UpstreamFailed("broke off"), "server_error"),
    (UpstreamFailed("slow down", upstream_status=429), "rate_limit_exceeded"),
    (errors.RateLimited("slow down", retry_after_s=1), "rate_limit_exceeded"),
    (errors.BadRequest("what?"), "invalid_prompt"),
    (errors.UpstreamTimeout("too slow"), "server_error"),
]


@pytest.mark.parametrize(("error", "code"), ERRORS, ids=[row[1] for row in ERRORS])
def test_a_broken_stream_ends_with_a_failed_response(error: GatewayError, code: str) -> None:
    sent = openai_responses.encode_stream_error(error, "x")
    name, data = sent.decode().rstrip("\n").split("\n")
    assert name == "event: response.failed"
    event = json.loads(data.removeprefix("data: "))
    assert event["type"] == "response.failed"
    assert event["response"]["id"] == "resp_x"
    assert event["response"]["status"] == "failed"
    assert event["response"]["error"] == {"code": code, "message": str(error)}
    with pytest.raises(UpstreamFailed, match=str(error).rstrip("?")):
        openai_responses.StreamDecoder().feed(sent)


def test_an_error_has_openais_body() -> None:
    body = openai_responses.encode_error(errors.BadRequest("input: x", param="input"), "x")
    assert body == {
        "error": {
            "message": "input: x",
            "type": "invalid_request_error",
            "param": "input",
            "code": None,
        }
    }


# --- A later turn ----------------------------------------------------------------------------


def test_the_items_of_an_input_have_ids() -> None:
    items = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "so", "id": "msg_mine"},
        {"type": "function_call_output", "call_id": "a", "output": "1", "id": None},
        {"type": "something_new"},
        {"type": "item_reference", "id": "msg_0"},
    ]
    assert openai_responses.input_items({"input": items}, "resp_x") == [
        {"type": "message", "id": "msg_x_in_0", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        {"type": "message", "id": "msg_mine", "role": "assistant", "content": [{"type": "output_text", "text": "so"}]},
        {"type": "function_call_output", "id": "fco_x_in_2", "call_id": "a", "output": "1"},
        {"type": "something_new", "id": "item_x_in_3"},
        {"type": "item_reference", "id": "msg_0"},
    ]  # fmt: skip
    assert openai_responses.input_items({}, "resp_x") == []


def test_the_next_turn_begins_with_the_input_and_the_output() -> None:
    request = {"model": "m", "input": "hi"}
    said = openai_responses.history(request, BODY)
    assert said[1:] == OUTPUT
    following = openai_responses.decode_request({"model": "m", "input": [*said, {"role": "user", "content": "and?"}]})  # fmt: skip
    assert [message.role for message in following.messages] == ["user", "assistant", "user"]
    again = openai_responses.history({"input": said}, BODY | {"id": "resp_2"})
    assert again[: len(said)] == said


# --- Whatever comes --------------------------------------------------------------------------

ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, 2**70, 1.5, "", "text", "\ud83d", [], {}, [None], [{}], {"x": 1}, {"type": "text"}]
)  # fmt: skip


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()  # fmt: skip
    return [at, *(place for key, item in inner for place in places(item, (*at, key)))]


def replaced(value: Any, at: tuple[Any, ...], new: Any) -> Any:
    if not at:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[at[0]] = replaced(value[at[0]], at[1:], new)
    return copy


@given(at=st.sampled_from(places(BODY)[1:]), new=ODD)
def test_an_answer_that_is_odd_in_one_place_is_read_or_refused(
    at: tuple[Any, ...], new: Any
) -> None:
    body = replaced(BODY, at, new)
    with suppress(UpstreamFailed):
        reply = openai_responses.decode_response(body)
        for target in formats.FORMATS.values():
            wire.dumps(target.encode_response(reply, asked()))
    with suppress(UpstreamFailed):
        openai_responses.sniff_response(wire.dumps(body))


@given(data=st.binary(max_size=300))
def test_no_bytes_raise_anything_but_an_upstream_error(data: bytes) -> None:
    with suppress(UpstreamFailed):
        openai_responses.sniff_response(data)
    with suppress(UpstreamFailed):
        openai_responses.StreamDecoder().feed(data)


@pytest.mark.parametrize("target", formats.FORMATS.values(), ids=lambda target: target.NAME)
@pytest.mark.parametrize("name", ["usage", "error", "made_up"])
def test_an_answer_nested_thousands_deep_is_no_answer(target: formats.Format, name: str) -> None:
    deep = b'{"a":' * 5000 + b"1" + b"}" * 5000
    with pytest.raises(UpstreamFailed):
        target.sniff_response(b'{"%b":%b}' % (name.encode(), deep))
    with pytest.raises(UpstreamFailed):
        target.StreamDecoder().feed(b'data: {"type":"x","%b":%b}\n\n' % (name.encode(), deep))
