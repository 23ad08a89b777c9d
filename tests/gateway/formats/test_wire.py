"""The oddities of real streams and bodies, each in a small fixture of our own under tests/wire/."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import formats
from gateway.errors import UpstreamFailed
from gateway.formats import wire
from gateway.formats.fold import fold
from gateway.formats.types import (
    Asked,
    Citation,
    Event,
    Finish,
    Finished,
    JSONDict,
    Opaque,
    Part,
    Quirks,
    RedactedThinking,
    Reply,
    Started,
    Text,
    Thinking,
    ToolCall,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
)
from tests.gateway.formats.test_streams import cut

WIRE = Path(__file__).parents[2] / "wire"
TOLD = Usage(9, 4)
HELLO = Text(text="Grüß Gott 🌄")
GRAZ = ToolCall(id="call_a", name="weather", arguments='{"city": "Graz"}')
GRAZ_BLOCK = ToolCall(id="toolu_a", name="weather", arguments='{"city": "Graz"}')


@dataclass(frozen=True)
class Case:
    """`name` is the fixture's, `id` what is odd about it."""

    name: str
    id: str
    parts: tuple[Part, ...] = (HELLO,)
    finish: Finish = "stop"
    usage: Usage | None = TOLD
    stop_sequence: str | None = None
    failure: str = ""


OPENAI = [
    Case("usage_chunk", "usage comes in a chunk of its own"),
    Case("usage_in_choice_chunk", "usage comes with the finish"),
    Case("usage_in_every_chunk", "usage comes again and again: the last one holds"),
    Case("usage_twice", "usage comes twice: the last one holds"),
    Case("no_usage", "no usage is no usage, and not zero", usage=None),
    Case("no_done", "no [DONE] after the finish"),
    Case("no_final_blank_line", "no empty line at the end"),
    Case("crlf", "lines end with CRLF"),
    Case("comments", "comments keep the connection alive"),
    Case("event_field", "events have a name"),
    Case("data_without_space", "no space after data:"),
    Case("role_in_every_delta", "each delta tells the role"),
    Case("empty_delta", "deltas that say nothing"),
    Case("choice_without_delta", "the finish comes without a delta"),
    Case("empty_choices_without_usage", "the first chunk tells what filters found"),
    Case("chunks_after_usage", "a chunk comes after the usage"),
    Case("id_changes", "each chunk has an id of its own: the first holds"),
    Case("finish_reason_twice", "two reasons to finish: the first holds"),
    Case("finish_reason_empty", "an empty reason is none"),
    Case("finish_reason_other", "a reason that nobody else knows"),
    Case("finish_with_content", "the last words come with the finish"),
    Case("no_finish_reason", "[DONE] without a reason is an end"),
    Case("no_finish_reason_and_no_done", "neither is none", failure="broke off"),
    Case("error_in_stream", "an error in the midst", failure="overloaded"),
    Case("message_beside_delta", "what was said so far is told again with each delta"),
    Case("message_for_delta", "a message where a delta belongs"),
    Case("content_list", "content in parts", (Thinking(text="A greeting."), HELLO)),
    Case("thinking_in_reasoning", "thoughts in `reasoning`", (Thinking(text="A greeting."), HELLO)),
    Case("tool_call", "a call in pieces", (GRAZ,), "tool_calls"),
    Case("tool_call_whole", "a call in one piece, with the finish", (GRAZ,), "tool_calls"),
    Case("tool_delta_without_index", "two calls without an index", (GRAZ, ToolCall(id="call_b", name="weather", arguments='{"city": "Linz"}')), "tool_calls"),
    Case("tool_delta_empty_id", "an empty id goes on with the call", (GRAZ,), "tool_calls"),
    Case("tool_delta_empty_name", "so does an empty name", (GRAZ,), "tool_calls"),
    Case("tool_arguments_object", "arguments that are no text", (ToolCall(id="call_a", name="weather", arguments='{"city":"Graz"}'),), "tool_calls"),
    Case("stop_with_tool_calls", "calls that end with `stop` and have no id", (ToolCall(id="call_0", name="weather", arguments='{"city": "Graz"}'),), "tool_calls"),
    Case("tool_calls_under_one_index", "two calls under one index", (GRAZ, ToolCall(id="call_b", name="weather", arguments='{"city": "Linz"}')), "tool_calls"),
    Case("legacy_function_call", "a function of 2023", (ToolCall(id="call_0", name="weather", arguments='{"city": "Graz"}'),), "tool_calls"),
    Case("multi_choice", "of several answers the first is read"),
]  # fmt: skip
SERVER_TOOL = (
    Opaque(format="anthropic_messages", value={"type": "server_tool_use", "id": "srvtoolu_a", "name": "web_search", "input": {"query": "Graz"}}),
    Opaque(format="anthropic_messages", value={"type": "web_search_tool_result", "tool_use_id": "srvtoolu_a", "content": []}),
    HELLO,
)  # fmt: skip
COMPACTION = Opaque(
    format="anthropic_messages",
    value={"type": "compaction", "content": "Said before: nothing."},
)
CITED = {"type": "web_search_result_location", "url": "https://example.com/a", "title": "A", "cited_text": "Gott", "encrypted_index": "x"}  # fmt: skip
THOUGHTS = (
    Thinking(text="A greeting.", signature="c2ln", signed_by="anthropic_messages"),
    RedactedThinking(data="b3BhcXVl", signed_by="anthropic_messages"),
    HELLO,
)
ANTHROPIC = [
    Case("text", "a text, and a ping"),
    Case("crlf", "lines end with CRLF"),
    Case("no_event_field", "events without a name"),
    Case("done", "OpenAI's end after Anthropic's"),
    Case("no_final_blank_line", "no empty line at the end"),
    Case("no_message_stop", "no message_stop after the reason to stop"),
    Case("cut_off", "the end of the bytes is no end of the answer", failure="broke off"),
    Case("input_tokens_in_message_delta", "usage is told again at the end", usage=Usage(17, 4, 5)),
    Case("start_has_content", "a block that starts with words"),
    Case("text_without_delta", "a block that is whole at its start"),
    Case("block_not_closed", "a block that is not closed"),
    Case("tool_call", "a call in pieces, the first of them empty", (GRAZ_BLOCK,), "tool_calls"),
    Case("empty_json_delta_later", "a later piece is empty", (GRAZ_BLOCK,), "tool_calls"),
    Case("tool_without_delta", "a call that is whole at its start", (ToolCall(id="toolu_a", name="weather", arguments='{"city":"Graz"}'),), "tool_calls"),
    Case("tool_without_arguments", "a call of no arguments", (ToolCall(id="toolu_a", name="weather", arguments=""),), "tool_calls"),
    Case("thinking", "thoughts, signed and redacted", THOUGHTS),
    Case("citations", "a citation", (Text(text=HELLO.text, citations=(Citation(format="anthropic_messages", value=CITED, url="https://example.com/a", title="A", cited_text="Gott"),)),)),
    Case("server_tool", "the input of a tool that the provider runs", SERVER_TOOL),
    Case("compaction", "a block in pieces that only Anthropic knows", (COMPACTION, HELLO)),
    Case("stop_sequence", "which sequence stopped it", finish="stop_sequence", stop_sequence="🌅"),
    Case("refusal", "a refusal", finish="refusal"),
    Case("pause_turn", "a turn that pauses"),
    Case("error_in_stream", "an error in the midst", failure="overloaded"),
    Case("made_up", "events that do not exist yet"),
]  # fmt: skip
CASES = [
    pytest.param(name, case, id=f"{name}: {case.id}")
    for name, cases in (("openai_chat", OPENAI), ("anthropic_messages", ANTHROPIC))
    for case in cases
]


def stream(name: str, case: Case) -> bytes:
    return (WIRE / name / f"{case.name}.sse").read_bytes()


def read(name: str, *pieces: bytes) -> Reply:
    decoder = formats.by_name(name).StreamDecoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return fold(events + decoder.close())


@pytest.mark.parametrize(("name", "case"), CASES)
def test_what_a_stream_says(name: str, case: Case) -> None:
    if case.failure:
        with pytest.raises(UpstreamFailed, match=case.failure):
            read(name, stream(name, case))
        return
    reply = read(name, stream(name, case))
    assert reply == Reply(
        id="chatcmpl-1" if name == "openai_chat" else "msg_1",
        model="m-1",
        created=1_700_000_000 if name == "openai_chat" else None,
        parts=case.parts,
        finish=case.finish,
        usage=case.usage,
        stop_sequence=case.stop_sequence,
    )


@pytest.mark.parametrize(("name", "case"), CASES)
@settings(max_examples=8)  # each fixture is an example already
@given(places=st.lists(st.integers(0, 10_000), max_size=12))
def test_wherever_it_is_cut(name: str, case: Case, places: list[int]) -> None:
    data = stream(name, case)
    if case.failure:
        with pytest.raises(UpstreamFailed, match=case.failure):
            read(name, *cut(data, places))
    else:
        assert read(name, *cut(data, places)) == read(name, data)


@pytest.mark.parametrize(("name", "case"), [case for case in CASES if not case.values[1].failure])  # type: ignore[union-attr]
@settings(max_examples=8)  # each fixture is an example already
@given(places=st.lists(st.integers(0, 10_000), max_size=12))
def test_a_relay_passes_it_on(name: str, case: Case, places: list[int]) -> None:
    data = stream(name, case)
    relay = formats.by_name(name).Relay(False)
    passed = b"".join(relay.feed(piece) for piece in cut(data, places)) + relay.close()
    assert passed.startswith(data.rstrip(b"\r\n"))
    assert relay.finished
    assert relay.usage == case.usage


def test_each_fixture_has_its_case() -> None:
    for name, cases in (("openai_chat", OPENAI), ("anthropic_messages", ANTHROPIC)):
        assert {case.name for case in cases} == {path.stem for path in (WIRE / name).glob("*.sse")}


# --- Whole bodies ----------------------------------------------------------------------------

NAMES = ("openai_chat", "anthropic_messages")


def body(name: str, what: str) -> JSONDict:
    value: JSONDict = wire.loads((WIRE / name / f"{what}.json").read_bytes())
    return value


@pytest.mark.parametrize("name", NAMES)
def test_a_request_in_its_own_format_keeps_everything(name: str) -> None:
    request, format = body(name, "request"), formats.by_name(name)
    quirks = Quirks(max_tokens_field="max_completion_tokens")
    encoded = format.encode_request(format.decode_request(request), "m-1", quirks)
    assert listed(encoded.body) == listed(request)
    assert encoded.dropped == ()


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_in_its_own_format_keeps_everything(name: str) -> None:
    answer, format = body(name, "response"), formats.by_name(name)
    asked = Asked(model="m-1", id="none", created=0)
    told = format.encode_response(format.decode_response(answer), asked)
    assert told == over_absent(answer, told)


def listed(value: Any) -> Any:
    """The content of messages as a list of parts everywhere."""
    if isinstance(value, list):
        return [listed(item) for item in value]
    if not isinstance(value, dict):
        return value
    content = value.get("content")
    if "role" in value and isinstance(content, str):
        value = value | {"content": [{"type": "text", "text": content}]}
    return {name: listed(item) for name, item in value.items() if item is not None}


def over_absent(before: Any, after: Any) -> Any:
    """`before`, with the counts of zero that `after` tells besides."""
    if isinstance(before, dict) and isinstance(after, dict):
        zeros = {name: 0 for name, value in after.items() if value == 0 and name not in before}
        return {k: over_absent(v, after.get(k)) for k, v in before.items()} | zeros
    return before


# --- A client of 2023 ------------------------------------------------------------------------

FUNCTIONS = Asked(model="m", id="i", created=1, request={"functions": [{"name": "weather"}]})


def test_a_client_that_knows_functions_only_gets_a_function_call() -> None:
    two = Reply(id="i", model="m", parts=(GRAZ, GRAZ), finish="tool_calls")
    choice = formats.by_name("openai_chat").encode_response(two, FUNCTIONS)["choices"][0]
    function = {"name": "weather", "arguments": '{"city": "Graz"}'}
    assert choice["message"]["function_call"] == function
    assert "tool_calls" not in choice["message"]
    assert choice["finish_reason"] == "function_call"


def test_and_so_in_a_stream() -> None:
    encoder = formats.by_name("openai_chat").StreamEncoder(FUNCTIONS)
    events: list[Event] = [
        Started("i", "m"),
        ToolCallStarted(0, "a", "weather"),
        ToolCallDelta(0, "{}"),
        ToolCallStarted(1, "b", "weather"),
        ToolCallDelta(1, "{}"),
        Finished("tool_calls"),
    ]
    out = b"".join(encoder.encode(event) for event in events)
    assert out.count(b"function_call") == 3
    assert b"tool_calls" not in out
    expected = (ToolCall(id="call_0", name="weather", arguments="{}"),)
    assert read("openai_chat", out).parts == expected
