"""What a request says of the length of its answer, for the budget that is reserved."""

import pytest

from gateway import formats
from gateway.formats.types import JSONDict

SAID: list[tuple[str, JSONDict, int | None]] = [
    ("openai_chat", {"max_tokens": 5}, 5),
    ("openai_chat", {"max_tokens": 5, "max_completion_tokens": 7}, 7),
    ("openai_chat", {"max_tokens": True}, None),
    ("openai_completions", {"max_tokens": 5}, 5),
    ("openai_responses", {"max_output_tokens": 5}, 5),
    ("anthropic_messages", {"max_tokens": 5}, 5),
    ("gemini", {"generationConfig": {"maxOutputTokens": 5}}, 5),
    ("gemini", {"generation_config": {"max_output_tokens": 5}}, 5),
    ("gemini", {"generationConfig": ["maxOutputTokens"]}, None),
    ("ollama_chat", {"options": {"num_predict": 5}}, 5),
    ("ollama_chat", {"options": {"num_predict": -1}}, None),  # which is Ollama's "no limit"
]


@pytest.mark.parametrize(("format", "body", "limit"), SAID)
def test_a_limit_is_found_where_the_format_has_it(
    format: str, body: JSONDict, limit: int | None
) -> None:
    assert formats.for_client(format).max_tokens(body) == limit
