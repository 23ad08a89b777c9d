"""Estimates: the right size for each kind of text, and never the bytes of a picture."""

import base64
import time
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import tokens
from gateway.formats.types import Reply, Text, ToolCall


@dataclass(frozen=True)
class Case:
    id: str
    text: str
    least: int
    most: int


TEXTS = [
    Case("nothing is nothing", "", 0, 0),
    Case("a blank is something", " ", 1, 1),
    Case("prose is four to five characters a token", "The quick brown fox jumps. " * 100, 520, 800),
    Case("Chinese is a token a character", "今天天气很好我们去公园" * 100, 1000, 1200),
    Case("Korean is a token a syllable", "안녕하세요" * 100, 450, 550),
    Case("Cyrillic is two characters a token", "Привет" * 100, 280, 320),
    Case("an emoji is two", "🌍" * 50, 90, 110),
    Case("JSON is denser than prose", '{"a":{"b":[1,2]}}' * 100, 800, 1300),
    Case("indentation is free", "x" + " " * 1000, 1, 2),
    Case("half a surrogate pair counts", "\ud83d" * 10, 5, 20),
]


@pytest.mark.parametrize("case", TEXTS, ids=lambda case: case.id)
def test_a_text_is_estimated_by_its_kind(case: Case) -> None:
    assert case.least <= tokens.estimate_text(case.text) <= case.most


def asked(*content: dict[str, Any]) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": list(content)}]}


PICTURE = base64.b64encode(bytes(range(256)) * 400).decode()
MEDIA = {
    "an OpenAI image": {
        "type": "image_url",
        "image_url": {"url": "data:image/png;base64," + PICTURE},
    },
    "an image by address": {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}},
    "an OpenAI file": {"type": "file", "file": {"file_data": PICTURE, "filename": "a.pdf"}},
    "a sound": {"type": "input_audio", "input_audio": {"data": PICTURE, "format": "wav"}},
    "an Anthropic image": {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": PICTURE},
    },
}


@pytest.mark.parametrize("part", MEDIA.values(), ids=MEDIA.keys())
def test_media_cost_a_flat_rate_whatever_their_bytes(part: dict[str, Any]) -> None:
    assert tokens.estimate_body(asked(part)) == tokens.MEDIA_TOKENS + tokens.MESSAGE_TOKENS


def test_long_text_without_a_blank_is_no_picture() -> None:
    chinese = "今天天气很好" * 10_000
    estimate = tokens.estimate_body({"messages": [{"role": "user", "content": chinese}]})
    assert estimate == pytest.approx(60_000, rel=0.01)


def test_a_document_of_plain_text_counts_as_text() -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "word " * 5000}
    assert tokens.estimate_body(asked({"type": "document", "source": source})) > 4000


def test_encrypted_thoughts_and_signatures_count_nothing() -> None:
    said = asked(
        {"type": "redacted_thinking", "data": PICTURE},
        {"type": "thinking", "thinking": "Hm", "signature": PICTURE},
    )
    assert tokens.estimate_body(said) < 10


def test_tools_and_the_form_of_the_answer_count() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    plain = asked({"type": "text", "text": "hi"})
    openai = plain | {"tools": [{"type": "function", "function": {"parameters": schema}}]}
    anthropic = plain | {"tools": [{"name": "f", "input_schema": schema}]}
    formed = plain | {"response_format": {"type": "json_schema", "json_schema": schema}}
    base = tokens.estimate_body(plain)
    assert tokens.estimate_body(openai) > base + tokens.TOOL_TOKENS
    assert tokens.estimate_body(anthropic) > base + tokens.TOOL_USE_TOKENS
    assert tokens.estimate_body(formed) > base


def test_the_arguments_of_a_call_count_in_both_formats() -> None:
    arguments = {"query": "word " * 200}
    block = {"type": "tool_use", "id": "a", "name": "f", "input": arguments}
    assert tokens.estimate_body(asked(block)) > 150


def test_a_reply_is_as_long_as_what_the_model_wrote() -> None:
    parts = (Text(text="four"), ToolCall(id="a", name="f", arguments="{}"))
    assert tokens.reply_chars(Reply(id="r", model="m", parts=parts)) == 6


def test_a_megabyte_is_estimated_in_milliseconds() -> None:
    """The bound is ten times what it takes, since other tests run beside this one."""
    for text in ("a plain sentence of text. " * 40_000, "今天天气很好" * 58_000):
        body = {"messages": [{"role": "user", "content": text}]}
        best = 1.0
        for _ in range(5):
            start = time.process_time()
            tokens.estimate_body(body)
            best = min(best, time.process_time() - start)
        assert best < 0.1


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["messages", "role", "content", "type", "data", "url", "input"]), inner
        )
    ),
    max_leaves=15,
)


@given(body=st.dictionaries(st.sampled_from(["messages", "system", "tools", "functions"]), JSON))
def test_whatever_the_body_holds_there_is_an_estimate(body: dict[str, Any]) -> None:
    assert tokens.estimate_body(body) >= 0
