"""Oddities of the streams of OpenAI's Responses API, and of those that are said to be compatible."""

from gateway.formats.types import (
    Citation,
    Opaque,
    Part,
    RedactedThinking,
    Refusal,
    Reply,
    Text,
    Thinking,
    ToolCall,
    Usage,
)
from tests.gateway.formats.wire.case import HELLO, Case, Table, calling

GRAZ = calling("call_a")
NAME = "openai_responses"
THOUGHT = Usage(9, 4, reasoning_tokens=3)
SIGNED = Thinking(text="A greeting.\n\nIt is short.", signature="b3BhcXVl", signed_by=NAME)
WHOLE: tuple[Part, ...] = (Thinking(text="A greeting.", signature="b3BhcXVl", signed_by=NAME), HELLO, GRAZ)  # fmt: skip
CITED = {"type": "url_citation", "url": "https://example.com/a", "title": "A", "start_index": 5, "end_index": 9}  # fmt: skip
SEARCH = {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "Graz"}}  # fmt: skip
CASES = [
    Case("text", "a text"),
    Case("crlf", "lines end with CRLF"),
    Case("comments", "comments keep the connection alive"),
    Case("no_event_field", "events without a name"),
    Case("no_sequence_number", "events without a number"),
    Case("no_in_progress", "the answer begins with what it says"),
    Case("queued", "the answer waits before it begins"),
    Case("done", "the end of OpenAI's chat after that of an answer"),
    Case("no_final_blank_line", "no empty line at the end"),
    Case("no_terminal_event", "the end of the bytes is no end of the answer", failure="broke off"),
    Case("no_terminal_event_but_done", "nor is [DONE]", failure="broke off"),
    Case("obfuscation", "padding, so that sizes tell nothing"),
    Case("no_usage", "no usage is no usage, and not zero", usage=None),
    Case("tool_call", "a call in pieces", (GRAZ,), "tool_calls"),
    Case("custom_tool_call", "a call of a tool that takes text", (ToolCall(id="call_a", name="patch", arguments="*** Begin 🌄", custom=True),), "tool_calls"),
    Case("thinking", "a summary in two parts, and the thoughts themselves encrypted", (SIGNED, HELLO), usage=THOUGHT),
    Case("thinking_encrypted", "thoughts that are encrypted only", (RedactedThinking(data="b3BhcXVl", signed_by=NAME), HELLO), usage=THOUGHT),
    Case("thinking_in_content", "thoughts in full, as open models tell them", (Thinking(text="A greeting."), HELLO), usage=THOUGHT),
    Case("citations", "a citation", (Text(text=HELLO.text, citations=(Citation(format=NAME, value=CITED, url="https://example.com/a", title="A", start=5, end=9),)),)),
    Case("server_tool", "a tool that the provider runs", (Opaque(format=NAME, value=SEARCH), HELLO)),
    Case("items_without_deltas", "items that come whole", WHOLE, "tool_calls"),
    Case("items_at_the_end", "items that only the end tells", WHOLE[1:], "tool_calls"),
    Case("refusal", "a refusal", (Refusal(text="I will not."),), "refusal"),
    Case("incomplete", "an answer that is cut short", finish="length"),
    Case("error_in_stream", "an error in the midst", failure="overloaded"),
    Case("failed", "an answer that failed in the midst", failure="overloaded"),
    Case("made_up", "events that do not exist yet"),
]  # fmt: skip
TABLE = Table(".sse", Reply(id="resp_1", model="m-1", created=1_700_000_000, parts=()), CASES)
