"""Oddities of Cohere's streams."""

from gateway.formats.types import Citation, Reply, Text, Thinking, Usage
from tests.gateway.formats.wire.case import HELLO, Case, Table, calling

NAME = "cohere_chat"
GRAZ = calling("weather_a")
CITED = {
    "start": 5,
    "end": 9,
    "text": "Gott",
    "sources": [
        {
            "type": "document",
            "id": "d",
            "document": {"id": "d", "url": "https://example.com/a", "title": "A", "text": "Gott"},
        }
    ],
    "type": "TEXT_CONTENT",
    "content_index": 0,
}
CITATION = Citation(format=NAME, value=CITED, url="https://example.com/a", title="A", start=5, end=9)  # fmt: skip
CASES = [
    Case("text", "a text, and an end without [DONE]"),
    Case("done", "[DONE] after the end"),
    Case("crlf", "lines end with CRLF"),
    Case("comments", "comments keep the connection alive"),
    Case("no_event_field", "events without a name"),
    Case("no_final_blank_line", "no empty line at the end"),
    Case("no_message_end", "the end of the bytes is no end of the answer", failure="broke off"),
    Case("no_message_end_but_done", "nor is [DONE]", failure="broke off"),
    Case("no_usage", "no usage is no usage, and not zero", usage=None),
    Case("no_billed_units", "where nothing is billed, what was read and written is counted"),
    Case("start_has_content", "a content that starts with words"),
    Case("tool_call", "a plan, and a call in pieces", (Thinking(text="I will look."), GRAZ), "tool_calls"),
    Case("tool_call_whole", "a call that is whole at its start", (GRAZ,), "tool_calls"),
    Case("tool_call_without_arguments", "a call of no arguments", (calling("weather_a", ""),), "tool_calls"),
    Case("several_tool_calls", "two calls", (GRAZ, calling("weather_b", '{"city": "Linz"}')), "tool_calls"),
    Case("thinking", "thoughts, and more cached than is billed", (Thinking(text="A greeting."), HELLO), usage=Usage(9, 4, 9, reasoning_tokens=3)),
    Case("citations", "a citation", (Text(text=HELLO.text, citations=(CITATION,)),)),
    Case("stop_sequence", "a sequence stopped it, and which is not told", finish="stop_sequence"),
    Case("max_tokens", "an answer that is cut short", finish="length"),
    Case("error_in_stream", "an error at the end", failure="overloaded"),
    Case("error_without_type", "an error that is no event", failure="overloaded"),
    Case("made_up", "events that do not exist yet"),
]  # fmt: skip
TABLE = Table(".sse", Reply(id="a1", model="", parts=()), CASES)
