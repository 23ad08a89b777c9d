"""The overview in a browser: from the first steps to the first calls, in light and dark, on a phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import check_accessibility, sign_in
from tests.e2e.gateway import KEY, Gateway, until


@pytest.mark.long
def test_the_first_call_fills_the_overview(page: Page, own_gateway: Callable[..., Gateway]) -> None:
    gateway = own_gateway("--no-worker", "--server", "uvicorn")
    sign_in(page, gateway, to="/")
    expect(page.get_by_role("heading", name="Nothing has been asked yet")).to_be_visible()
    check_accessibility(page)
    copy = page.locator("[data-copy=curl]")
    copy.dblclick()
    expect(copy).not_to_have_text("Copy")
    expect(copy).to_have_text("Copy")  # again, however often it was pressed

    for _ in range(3):
        gateway.post("/v1/chat/completions", HELLO, authorization=f"Bearer {KEY}")
    until(lambda: len(gateway.rows("model = 'mk/plain'")) == 3)
    page.reload()
    requests = page.locator(".stat", has_text="Requests").first
    expect(requests.locator("strong")).to_have_text("3")
    models = page.get_by_role("region", name="Models")
    expect(models.get_by_role("link", name="mk/plain")).to_be_visible()
    check_accessibility(page)

    page.get_by_label("Time", exact=True).select_option("7d")
    page.wait_for_url("**range=7d**")
    expect(requests.locator("strong")).to_have_text("3")
    page.get_by_label("Time", exact=True).select_option("custom")
    expect(page.get_by_label("From")).to_be_visible()
    first, last = (page.get_by_label(end, exact=True).bounding_box() for end in ("From", "To"))
    assert first
    assert last
    assert first["x"] + first["width"] < last["x"]
    page.get_by_label("From").fill("2020-01-01T00:00")
    page.get_by_label("To", exact=True).fill("2020-01-02T00:00")
    page.wait_for_url("**until=2020**")
    expect(requests.locator("strong")).to_have_text("0")

    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 360, "height": 780})
    page.goto(gateway.url + "/")
    expect(page.locator("#stacks")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    check_accessibility(page)
    page.get_by_role("link", name="mk/plain").click()
    page.wait_for_url("**/logs/?model=mk%2Fplain**")


HELLO = {"model": "mk/plain", "messages": [{"role": "user", "content": "Hello"}]}
