"""What opencode sends, in each of the formats that it may be configured for."""

import pytest

from tests.e2e.clients.asking import CHAT, JSON, MESSAGES, RESPONSES, UPSTREAMS, events, left, post
from tests.e2e.gateway import KEY, Gateway
from tests.e2e.upstream import Upstream

SESSION = {"x_session_id": "ses_1", "x_session_affinity": "ses_1"}
FIRST, SECOND = "Generate a title for this conversation:", "Fix the test."


@pytest.mark.parametrize("provider", UPSTREAMS)
@pytest.mark.parametrize("path", [CHAT, RESPONSES, MESSAGES])
def test_the_call_for_a_title_has_two_user_messages_in_a_row(
    gateway: Gateway, upstream: Upstream, path: str, provider: str
) -> None:
    two = [{"role": "user", "content": FIRST}, {"role": "user", "content": SECOND}]
    body: JSON = {"model": f"{provider}/talk", "stream": True}
    if path == RESPONSES:
        body |= {"input": two, "store": False, "prompt_cache_key": "ses_1", "max_output_tokens": 99}
    else:
        body |= {"messages": two, "max_tokens": 32_000}
    body |= {"stream_options": {"include_usage": True}} if path == CHAT else {}
    key = {"x_api_key": KEY, "anthropic_version": "2023-06-01"} if path == MESSAGES else {}
    sent = left(upstream, post(gateway, path, body, **SESSION, **key))
    told = sent.raw.decode()
    assert told.index(FIRST) < told.index(SECOND)
    assert "x-session-affinity" not in sent.headers


@pytest.mark.parametrize("provider", UPSTREAMS)
def test_the_last_chunk_of_chat_tells_usage(gateway: Gateway, provider: str) -> None:
    body = {"model": f"{provider}/agent", "messages": [{"role": "user", "content": "Weather?"}],
            "stream": True, "stream_options": {"include_usage": True}}  # fmt: skip
    *_, last, done = events(post(gateway, CHAT, body))
    assert done.data == "[DONE]"
    assert (last.data["choices"], last.data["usage"]["total_tokens"]) == ([], 16)


@pytest.mark.parametrize("provider", UPSTREAMS)
@pytest.mark.parametrize("path", [CHAT, RESPONSES, MESSAGES])
def test_a_providers_413_is_one_so_that_it_compacts(
    gateway: Gateway, path: str, provider: str
) -> None:
    told = (
        {"input": "Hi."}
        if path == RESPONSES
        else {"messages": [{"role": "user", "content": "Hi."}]}
    )
    body = {"model": f"{provider}/status-413", "max_tokens": 99, **told}
    assert post(gateway, path, body).status_code == 413
