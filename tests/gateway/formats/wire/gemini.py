"""Oddities of the streams of Google's Gemini, at AI Studio and at Vertex."""

from gateway.formats.types import Citation, Image, Opaque, Part, Reply, Text, Thinking, Usage
from tests.gateway.formats.wire.case import HELLO, Case, Table, calling

NAME = "gemini"
GRAZ = calling("call_a", '{"city":"Graz"}')
LINZ = calling("call_b", '{"city":"Linz"}')
UNNAMED = calling("call_gemini_r1_0", '{"city":"Graz"}')
SIGNATURE = Thinking(text="", signature="c2ln", signed_by=NAME)
THOUGHT = Usage(9, 7, reasoning_tokens=3)
CODE: tuple[Part, ...] = (
    Opaque(format=NAME, value={"executableCode": {"language": "PYTHON", "code": "print(6 * 7)"}}),
    Opaque(format=NAME, value={"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "42\n"}}),
    HELLO,
)
CITED = {
    "segment": {"startIndex": 7, "endIndex": 11, "text": "Gott"},
    "chunk": {"web": {"uri": "https://example.com/a", "title": "A"}},
}
CITATION = Citation(format=NAME, value=CITED, url="https://example.com/a", title="A", cited_text="Gott", start=5, end=9)  # fmt: skip
CASES = [
    Case("text", "a text"),
    Case("crlf", "lines end with CRLF, as Google's do"),
    Case("comments", "comments keep the connection alive"),
    Case("done", "OpenAI's end after Google's"),
    Case("no_final_blank_line", "no empty line at the end"),
    Case("usage_in_every_chunk", "usage comes again and again: the last one holds"),
    Case("usage_without_counts", "usage that counts nothing yet"),
    Case("no_usage", "no usage is no usage, and not zero", usage=None),
    Case("empty_text_part", "texts that say nothing"),
    Case("several_parts", "all parts in one chunk", (Thinking(text="A greeting."), HELLO, GRAZ, LINZ), "tool_calls"),
    Case("no_role", "nobody says whose the parts are"),
    Case("no_index", "nobody says whose the candidate is"),
    Case("multi_choice", "of several candidates the first is read"),
    Case("chunk_without_candidates", "usage comes in chunks of its own"),
    Case("prompt_blocked", "a prompt that is not answered has no candidate and no finish", (), "content_filter", Usage(9)),
    Case("finish_without_parts", "the finish comes with a content of no parts", finish="length"),
    Case("finish_without_content", "the finish comes without a content"),
    Case("finish_with_call", "the finish comes with a call, which has no id", (UNNAMED,), "tool_calls"),
    Case("chunks_after_finish", "a text comes after the finish"),
    Case("finish_revoked", "two reasons to finish: the last holds", finish="content_filter"),
    Case("no_finish_reason", "the end of the bytes is no end of the answer", failure="broke off"),
    Case("tool_call", "a call that is signed", (SIGNATURE, GRAZ), "tool_calls"),
    Case("tool_call_without_arguments", "a call of no arguments", (calling("call_gemini_r1_0", "{}"),), "tool_calls"),
    Case("tool_call_in_pieces", "a call in pieces, each at its path", (GRAZ,), "tool_calls"),
    Case("thinking", "thoughts, signed with the text that follows", (Thinking(text="A greeting.", signature="c2ln", signed_by=NAME), HELLO), usage=THOUGHT),
    Case("signature_in_empty_text_part", "a signature of nothing, at the end", (HELLO, SIGNATURE), usage=THOUGHT),
    Case("code_execution", "code that the provider ran", CODE, usage=Usage(14, 4)),
    Case("image", "an image", (Image(data="iVBORw0KGgo=", media_type="image/png"), HELLO)),
    Case("citations", "a citation, whose place is in bytes", (Text(text=HELLO.text, citations=(CITATION,)),)),
    Case("error_in_stream", "an error in the midst", failure="overloaded"),
    Case("error_without_data", "an error that is no event, after a finish", failure="overloaded"),
    Case("error_in_array", "an error in a list", failure="overloaded"),
    Case("made_up", "fields that do not exist yet"),
]  # fmt: skip
TABLE = Table(".sse", Reply(id="r1", model="m-1", parts=()), CASES)
