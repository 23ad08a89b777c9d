"""The request log in a browser: live, filtered, in full; and what clients send does nothing to it."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import Watch, check_accessibility, sign_in
from tests.e2e.gateway import CLIENT, KEY, Gateway, keyed, request_id, until

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> \u202eleft \x1b[31mred \x00 "


@pytest.fixture
def gateway(own_gateway: Callable[..., Gateway]) -> Gateway:
    gateway = own_gateway("--no-worker", "--server", "uvicorn")
    gateway.apply({"settings": {"log_bodies": True, "redacted_fields": ["secret"]}})
    until(lambda: gateway.row(request_id(gateway.chat("mk/plain")))["request_body"], 10)
    return gateway


def test_requests_appear_as_they_end_and_filters_stand_in_the_address(
    page: Page, gateway: Gateway
) -> None:
    sign_in(page, gateway, to="/logs/")
    check_accessibility(page)
    live = page.get_by_role("button", name="Live")
    live.click()
    expect(live).to_have_attribute("aria-pressed", "true")
    new = request_id(gateway.chat("after-500"))
    expect(page.locator(f"#{new}")).to_contain_text("asked for after-500")
    expect(page.locator("#rows tr").first).to_have_id(new)

    page.get_by_label("Model", exact=True).fill("well/plain")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**/logs/?model=well%2Fplain")
    expect(page.locator("#rows tr")).to_have_count(1)
    gateway.chat("mk/plain")
    also = request_id(gateway.chat("after-500"))
    expect(page.locator(f"#{also}")).to_be_visible()
    expect(page.locator("#rows tr")).to_have_count(2)
    page.reload()
    expect(page.locator("#rows tr")).to_have_count(2)

    page.get_by_text("More filters").click()
    page.get_by_label("From, UTC").fill("yesterday")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("alert")).to_have_text(re.compile("From, UTC: Enter a valid date/time"))
    page.go_back()
    expect(page.locator("#rows tr")).to_have_count(2)


def test_a_request_in_full_says_who_was_tried_and_why(page: Page, gateway: Gateway) -> None:
    id = request_id(gateway.chat("after-500"))
    gateway.row(id)
    sign_in(page, gateway, to="/logs/")
    page.locator(f"#{id} a").click()
    attempts = page.get_by_role("region", name="Attempts").get_by_role("row")
    expect(attempts.nth(1)).to_contain_text("mk/status-500")
    expect(attempts.nth(2)).to_contain_text("well/plain")
    expect(page.get_by_role("region", name="Price")).to_contain_text("$0.000011")
    expect(page.get_by_role("region", name="curl")).to_contain_text("$OMNIROUTE_API_KEY")
    check_accessibility(page)
    assert KEY not in page.content()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_a_client_sends_is_text_on_every_page(
    page: Page, gateway: Gateway, theme: str
) -> None:
    body = {
        "model": "mk/plain",
        "secret": "the canary sings",
        "messages": [{"role": "user", "content": HOSTILE + "x " * 500_000}],
    }
    chat = gateway.url + "/v1/chat/completions"
    raw = json.dumps(body, ensure_ascii=False).encode()
    long = request_id(CLIENT.post(chat, content=raw, headers=keyed()))
    named = request_id(CLIENT.post(chat, json=body | {"model": HOSTILE}, headers=keyed()))
    binary = json.dumps(body | {"model": HOSTILE}).encode().replace(b"alert", b"\xff\xfe\xc3")
    broken = request_id(CLIENT.post(chat, content=binary, headers=keyed()))
    sign_in(page, gateway, to="/logs/")
    page.get_by_label("Theme").select_option(theme)
    for id in (long, named, broken):
        gateway.row(id)
        page.goto(f"{gateway.url}/logs/{id}/")
        expect(page.get_by_role("heading", name="Request", exact=True)).to_be_visible()
        assert page.locator("main script, main img").count() == 0
        assert "the canary sings" not in page.content()
        assert not {"\u202e", "\x1b", "\x00"} & set(page.content())
        check_accessibility(page)
    page.goto(f"{gateway.url}/logs/{long}/")
    asked = page.get_by_role("region", name="What was asked")
    expect(asked).to_contain_text("<script>alert(1)</script>")
    expect(asked).to_contain_text("[redacted]")
    expect(page.get_by_text("It was longer; its beginning is kept.")).to_be_visible()
    page.goto(gateway.url + "/logs/")
    expect(page.locator("#rows")).to_contain_text("⟨U+202E⟩")
    assert page.locator("main img").count() == 0


def test_a_member_sees_own_requests_and_no_admin(
    page: Page, gateway: Gateway, watch: Watch
) -> None:
    gateway.apply({"users": [{"username": "ann", "role": "member"}]})
    other = request_id(gateway.chat("mk/plain"))
    gateway.row(other)
    sign_in(page, gateway, "ann", to="/logs/")
    expect(page.get_by_text("No requests in this time")).to_be_visible()
    expect(page.get_by_role("link", name="Admin")).to_have_count(0)
    watch.expect("404")
    answer = page.goto(f"{gateway.url}/logs/{other}/")
    assert answer is not None
    assert answer.status == 404
