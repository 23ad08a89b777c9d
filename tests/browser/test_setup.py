"""Setup in a browser: choose a tool, make a key, and see its first request come."""

from collections.abc import Callable

import httpx
from playwright.sync_api import Page, expect

from tests.browser.steps import check_accessibility, sign_in
from tests.e2e.gateway import HELLO, Gateway, keyed, until
from tests.e2e.signed_in import Session


def test_a_tool_is_set_up_and_its_first_request_turns_the_page_green(
    page: Page, own_gateway: Callable[..., Gateway]
) -> None:
    gateway = own_gateway("--no-worker", "--server", "uvicorn")
    sign_in(page, gateway, to="/setup/")
    check_accessibility(page)
    page.get_by_label("A key for this tool").fill("laptop")
    page.get_by_role("button", name="Make a key now").click()
    expect(page.locator("#secret")).to_be_visible()
    page.reload()
    page.get_by_label("A key for this tool").fill("laptop")
    page.get_by_role("button", name="Make a key now").click()
    expect(page.locator(".errorlist")).to_contain_text("You have a key of this name.")
    page.get_by_label("A key for this tool").fill("new-laptop")
    page.get_by_role("button", name="Make a key now").click()
    expect(page.locator("#secret")).to_be_visible()
    secret = page.locator("#secret").text_content() or ""
    assert secret.startswith("sk-omni-")
    expect(page.get_by_label("API key").last).to_have_value(
        page.locator("#key option", has_text="new-laptop").get_attribute("value") or ""
    )
    expect(page.locator("#waiting")).to_contain_text("Waiting for the first request")
    expect(page.locator(".snippet").first).to_contain_text(secret)

    page.get_by_label("Tool", exact=True).select_option("Codex")
    page.get_by_label("Model", exact=True).fill("mk/plain")
    page.get_by_label("Model", exact=True).blur()
    expect(page.locator(".snippet").first).to_contain_text('model = "mk/plain"')
    expect(page.locator(".snippet").first).to_contain_text(f'base_url = "{gateway.url}/v1"')
    expect(page.locator(".snippet").last).to_contain_text(secret)
    check_accessibility(page)

    def status(body: object) -> int:
        return gateway.post("/v1/chat/completions", body, **keyed(secret)).status_code

    until(
        lambda: status({"model": "mk/plain"}) == 400
    )  # at first the gateway does not know the key
    expect(page.locator("#waiting")).to_contain_text("was not answered (400)")
    assert status({"model": "mk/plain", "messages": HELLO}) == 200
    expect(page.locator("#waiting")).to_contain_text("It works")
    expect(page.locator("#waiting")).to_have_class("notice good")
    check_accessibility(page)

    page.reload()
    assert secret not in page.content()


def test_on_a_phone_it_can_be_read(page: Page, gateway: Gateway) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    sign_in(page, gateway, to="/setup/")
    for tool in ("Cline", "Continue", "Cursor", "Open WebUI", "Vercel AI SDK"):
        page.get_by_label("Tool", exact=True).select_option(tool)
        expect(page.get_by_role("heading", name=tool, exact=True)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    check_accessibility(page)


def test_without_scripts_it_works_too(gateway: Gateway) -> None:
    session = Session(gateway)
    page: httpx.Response = session.get("/setup/?client=aider&model=mk/plain")
    assert "openai/mk/plain" in page.text
    assert "<noscript>" in page.text
    session.close()
