"""What Vercel's AI SDK sends, and litellm beside the SDKs that it is built on."""

import pytest

from tests.e2e.clients.asking import CHAT, JSON, MESSAGES, RESPONSES, UPSTREAMS, left, post
from tests.e2e.gateway import HELLO, KEY, Gateway
from tests.e2e.upstream import Upstream

SCHEMA: JSON = {
    "$schema": "http://json-schema.org/draft-07/schema#", "type": "object",
    "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False,
}  # fmt: skip


@pytest.mark.parametrize("provider", UPSTREAMS)
def test_the_ai_sdks_schemas_arrive_and_google_gets_no_edition(
    gateway: Gateway, upstream: Upstream, provider: str
) -> None:
    """From the responses mode, which is its default and says no `store`."""
    tool = {"type": "function", "name": "weather", "parameters": SCHEMA, "strict": False}
    body = {
        "model": f"{provider}/agent", "stream": True, "tools": [tool], "tool_choice": "auto",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "Weather?"}]}],
    }  # fmt: skip
    told = left(upstream, post(gateway, RESPONSES, body)).raw.decode()
    assert ("$schema" in told) == (provider != "gm")
    assert '"additionalProperties":false' in told.replace(": ", ":")


@pytest.mark.parametrize("provider", UPSTREAMS)
def test_an_objects_schema_for_google_has_no_edition_either(
    gateway: Gateway, upstream: Upstream, provider: str
) -> None:
    told = {"name": "response", "schema": SCHEMA, "strict": True}
    asked = {"type": "json_schema", "json_schema": told}
    body = {"model": f"{provider}/person", "messages": HELLO, "response_format": asked}
    sent = left(upstream, post(gateway, CHAT, body)).raw.decode()
    assert ("$schema" in sent) == (provider != "gm")
    assert '"city"' in sent


@pytest.mark.parametrize("path", [CHAT, RESPONSES, MESSAGES])
def test_a_429_names_whole_seconds_that_the_ai_sdk_waits(gateway: Gateway, path: str) -> None:
    told = {"input": "Hi."} if path == RESPONSES else {"messages": HELLO, "max_tokens": 9}
    answer = post(gateway, path, {"model": "mk/status-429", **told})
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 60


def test_litellms_own_client_asks_anthropics_address(gateway: Gateway, upstream: Upstream) -> None:
    body = {"model": "an/talk", "messages": HELLO, "max_tokens": 4096, "stream": False}
    answer = post(gateway, MESSAGES, body, x_api_key=KEY, anthropic_version="2023-06-01")
    assert left(upstream, answer).body == body | {"model": "talk"}
    assert answer.headers["request-id"]
