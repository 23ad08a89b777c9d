"""Oddities of Anthropic's streams, and of those that are said to be compatible."""

from gateway.formats.types import (
    Citation,
    Opaque,
    RedactedThinking,
    Reply,
    Text,
    Thinking,
    Usage,
)
from tests.gateway.formats.wire.case import HELLO, Case, Table, calling

GRAZ = calling("toolu_a")
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
CASES = [
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
    Case("tool_call", "a call in pieces, the first of them empty", (GRAZ,), "tool_calls"),
    Case("empty_json_delta_later", "a later piece is empty", (GRAZ,), "tool_calls"),
    Case("tool_without_delta", "a call that is whole at its start", (calling("toolu_a", '{"city":"Graz"}'),), "tool_calls"),
    Case("tool_without_arguments", "a call of no arguments", (calling("toolu_a", ""),), "tool_calls"),
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
TABLE = Table(".sse", Reply(id="msg_1", model="m-1", parts=()), CASES)
