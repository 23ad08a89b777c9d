"""The frame of our own pages, in a browser: themes, a phone, the keyboard."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import check_accessibility, sign_in
from tests.e2e.gateway import Gateway


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_frame_is_accessible_in_both_themes(page: Page, gateway: Gateway, theme: str) -> None:
    page.goto(gateway.url + "/account/login/")
    check_accessibility(page)
    sign_in(page, gateway, to="/logs/")
    page.get_by_label("Theme").select_option(theme)
    check_accessibility(page)


def test_the_theme_is_the_same_in_admin(page: Page, gateway: Gateway) -> None:
    sign_in(page, gateway, to="/logs/")
    page.get_by_label("Theme").select_option("dark")
    page.get_by_role("link", name="Admin", exact=True).click()
    page.wait_for_url("**/admin/")
    expect(page.locator("html")).to_have_class("dark")
    page.goto(gateway.url + "/logs/")
    expect(page.get_by_label("Theme")).to_have_value("dark")


def test_on_a_phone_the_menu_opens_on_demand(page: Page, gateway: Gateway) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    sign_in(page, gateway, to="/logs/")
    logs = page.get_by_role("navigation").get_by_role("link", name="Logs")
    expect(logs).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    expect(logs).to_be_visible()
    check_accessibility(page)
    page.keyboard.press("Escape")
    expect(logs).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_who_signs_out_sees_no_page_any_more(page: Page, gateway: Gateway) -> None:
    sign_in(page, gateway, to="/logs/")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/account/login/")
    page.goto(gateway.url + "/logs/")
    page.wait_for_url("**/account/login/?next=/logs/")
