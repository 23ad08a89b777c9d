"""Oddities of OpenAI's chat streams, and of those that are said to be compatible."""

from gateway.formats.types import Reply, Thinking
from tests.gateway.formats.wire.case import HELLO, Case, Table, calling

GRAZ = calling("call_a")
CASES = [
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
    Case("tool_delta_without_index", "two calls without an index", (GRAZ, calling("call_b", '{"city": "Linz"}')), "tool_calls"),
    Case("tool_delta_empty_id", "an empty id goes on with the call", (GRAZ,), "tool_calls"),
    Case("tool_delta_empty_name", "so does an empty name", (GRAZ,), "tool_calls"),
    Case("tool_arguments_object", "arguments that are no text", (calling("call_a", '{"city":"Graz"}'),), "tool_calls"),
    Case("stop_with_tool_calls", "calls that end with `stop` and have no id", (calling("call_0"),), "tool_calls"),
    Case("tool_calls_under_one_index", "two calls under one index", (GRAZ, calling("call_b", '{"city": "Linz"}')), "tool_calls"),
    Case("legacy_function_call", "a function of 2023", (calling("call_0"),), "tool_calls"),
    Case("multi_choice", "of several answers the first is read"),
]  # fmt: skip
TABLE = Table(".sse", Reply(id="chatcmpl-1", model="m-1", created=1_700_000_000, parts=()), CASES)
