"""Oddities of Ollama's streams, old servers' among them."""

from gateway.formats.types import Image, Reply, Thinking, Usage
from tests.gateway.formats.wire.case import HELLO, Case, Table, calling

GRAZ = calling("call_a", '{"city":"Graz"}')
LINZ = calling("call_b", '{"city":"Linz"}')
WELS = calling("call_c", '{"city":"Wels"}')
UNNAMED = calling("call_e1c8bf6a058ab34e6ef3bc99", '{"city":"Graz"}')
CASES = [
    Case("text", "a text"),
    Case("crlf", "lines end with CRLF"),
    Case("empty_lines", "empty lines between"),
    Case("no_final_line_end", "the last line has no end"),
    Case("no_done", "the end of the bytes is no end of the answer", failure="broke off"),
    Case("done_with_content", "the last words come with the end"),
    Case("no_done_reason", "an end without a reason"),
    Case("after_done", "what comes after the end is not read"),
    Case("no_counts", "no usage is no usage, and not zero", usage=None),
    Case("no_prompt_count", "a prompt that was cached whole is not counted", usage=Usage(0, 4)),
    Case("length", "an answer that is cut short", finish="length"),
    Case("tool_call", "a call, whole, comes with the end", (GRAZ,), "tool_calls"),
    Case("tool_call_before_done", "a call comes before the end", (GRAZ,), "tool_calls"),
    Case("tool_call_without_id", "a call without an id gets one", (UNNAMED,), "tool_calls"),
    Case("several_tool_calls", "three calls in two lines", (GRAZ, LINZ, WELS), "tool_calls"),
    Case("text_and_tool_call", "a call comes with the last words", (HELLO, GRAZ), "tool_calls"),
    Case("thinking", "thoughts", (Thinking(text="A greeting."), HELLO)),
    Case("images", "an image", (Image(data="iVBORw0KGgo=", media_type="image/png"), HELLO)),
    Case("error_in_stream", "an error in the midst", failure="overloaded"),
    Case("error_with_status", "an error, and its status beside it", failure="overloaded"),
    Case("made_up", "fields and lines that do not exist yet"),
]
TABLE = Table(".ndjson", Reply(id="", model="m-1", created=1_700_000_000, parts=()), CASES)
