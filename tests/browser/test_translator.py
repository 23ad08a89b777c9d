"""The translator page in a browser: an example, a paste, an error; nothing leaves this machine."""

import json
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.steps import sign_in
from tests.e2e.gateway import UPSTREAM_KEY, Gateway
from tests.e2e.upstream import Upstream


def test_what_is_pasted_is_translated_and_sent_nowhere(
    page: Page, own_gateway: Callable[..., Gateway], upstream: Upstream
) -> None:
    gateway = own_gateway("--no-worker", "--server", "uvicorn")
    sign_in(page, gateway)
    before = len(upstream.seen)
    result = page.locator("#result")

    page.get_by_role("link", name="Translator").click()
    page.get_by_role("link", name="anthropic_messages", exact=True).click()
    page.get_by_label("Target model").fill("two/m")
    page.get_by_role("button", name="Translate").click()
    expect(result).to_contain_text(f"POST {upstream.url}/chat/completions")
    expect(result).to_contain_text("authorization: [key]")
    expect(result).to_contain_text("two/m on two-second")
    expect(page.get_by_role("region", name="What goes on")).to_contain_text('"tool_call_id"')
    expect(result).to_be_in_viewport()
    assert UPSTREAM_KEY not in page.content()

    page.get_by_label("Text").fill('{"model": "x", "messages": [{"role": "user"')
    page.get_by_role("button", name="Translate").click()
    expect(result).to_contain_text("400 the body is not JSON")

    page.get_by_role("link", name="Stream", exact=True).click()
    page.get_by_label("Format of the client").select_option("anthropic_messages")
    chunk = {"choices": [{"index": 0, "delta": {"content": "<script>1</script>"}}]}
    page.get_by_label("Text").fill(f"data: {json.dumps(chunk)}\n\n")
    page.get_by_role("button", name="Translate").click()
    expect(result).to_contain_text("The stream breaks")
    expect(result).to_contain_text('TextDelta        {"text": "<script>1</script>"}')
    expect(page.get_by_role("region", name="What goes on")).to_contain_text("event: error")

    assert len(upstream.seen) == before
