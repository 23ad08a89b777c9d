"""Oddities of Bedrock's streams; `messages` shows what stands in the fixtures."""

from gateway.formats.types import (
    Citation,
    Image,
    Opaque,
    Part,
    RedactedThinking,
    Reply,
    Text,
    Thinking,
    Usage,
)
from tests.gateway.formats.wire.case import HELLO, Case, Table, calling

NAME = "bedrock_converse"
CLAUDE = "anthropic_messages"  # whose signatures these are, here too
GRAZ = calling("tooluse_a")
CITED = {"title": "A", "location": {"web": {"url": "https://example.com/a", "domain": "example.com"}}, "sourceContent": [{"text": "Gott"}]}  # fmt: skip
CITATION = Citation(format=NAME, value=CITED, url="https://example.com/a", title="A", cited_text="Gott")  # fmt: skip
GROUNDED: tuple[Part, ...] = (
    Opaque(format=NAME, value={"toolUse": {"toolUseId": "srv_a", "name": "nova_grounding", "type": "server_tool_use", "input": {"query": "Graz"}}}),
    Opaque(format=NAME, value={"toolResult": {"toolUseId": "srv_a", "type": "nova_grounding_result", "status": "success", "content": [{"text": "sunny"}]}}),
    HELLO,
)  # fmt: skip
CASES = [
    Case("text", "a text"),
    Case("no_message_start", "the answer begins with what it says"),
    Case("delta_without_start", "blocks that neither start nor stop"),
    Case("start_before_delta", "a block of text that has a start, which says nothing"),
    Case("empty_text_delta", "deltas that say nothing"),
    Case("no_metadata", "no usage is no usage, and not zero", usage=None),
    Case("metadata_before_stop", "usage comes before the reason to stop"),
    Case("no_stop", "the end of the bytes is no end of the answer", failure="broke off"),
    Case("cache", "what came from a cache and went there is input", usage=Usage(9, 4, 3, 2)),
    Case("tool_call", "a call in pieces, the first of them empty", (GRAZ,), "tool_calls"),
    Case("tool_call_without_arguments", "a call of no arguments", (calling("tooluse_a", "{}"),), "tool_calls"),
    Case("tool_calls_interleaved", "two calls at a time", (GRAZ, calling("tooluse_b", '{"city": "Linz"}')), "tool_calls"),
    Case("thinking", "thoughts, signed", (Thinking(text="A greeting.", signature="c2ln", signed_by=CLAUDE), HELLO)),
    Case("thinking_redacted", "thoughts that Anthropic alone can read", (RedactedThinking(data="opaque", signed_by=CLAUDE), HELLO)),
    Case("thinking_unsigned", "thoughts of a model that signs none", (Thinking(text="A greeting."), HELLO)),
    Case("citations", "a citation, before the text that it is of", (Text(text=HELLO.text, citations=(CITATION,)),)),
    Case("server_tool", "a tool that the provider runs, and what it gave", GROUNDED),
    Case("image", "an image", (Image(data="iVBORw0KGgo=", media_type="image/png"), HELLO)),
    Case("stop_sequence", "which sequence stopped it", finish="stop_sequence", stop_sequence="🌅"),
    Case("guardrail", "a guardrail", finish="content_filter"),
    Case("error_in_stream", "an exception in the midst", failure="overloaded"),
    Case("error_in_headers", "an error that has no payload", failure="overloaded"),
    Case("made_up", "events and deltas that do not exist yet"),
]  # fmt: skip
TABLE = Table(".b64", Reply(id="", model="", parts=()), CASES)
