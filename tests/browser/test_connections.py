"""Signing in at a provider and testing all connections, by hand in Admin."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import sign_in
from tests.e2e.gateway import Gateway, until
from tests.providers.oauth.server import CLIENT, AuthorizationServer, authorization_server


@pytest.fixture
def server() -> Iterator[AuthorizationServer]:
    with authorization_server() as one:
        yield one


@pytest.fixture
def gateway(own_gateway: Callable[..., Gateway], server: AuthorizationServer) -> Gateway:
    gateway = own_gateway("--no-worker", "--server", "uvicorn", TEST_OAUTH_CLIENT_ID=CLIENT)
    row = {"id": "acme", "alias": "acme", "name": "Acme", "base_url": server.api,
           "allow_private_network": True, "oauth": server.row()}  # fmt: skip
    gateway.apply({"providers": [row]})
    return gateway


def test_who_signs_in_by_button_can_call_at_once(
    page: Page, gateway: Gateway, server: AuthorizationServer
) -> None:
    sign_in(page, gateway)
    page.goto(gateway.url + "/admin/providers/connection/")
    page.get_by_role("link", name="Sign in", exact=True).first.click()
    page.get_by_role("row", name=re.compile("Acme")).get_by_role("link", name="Sign in").click()

    page.get_by_label("Connection").fill("mine")
    page.locator("#authorize").click()
    link = page.get_by_role("link", name=re.compile("^Go to the provider"))
    expect(link).to_be_visible()
    with page.context.expect_page() as opened:
        link.click()
    opened.value.wait_for_url("**/admin/providers/connection/*/change/")
    expect(opened.value.locator("body")).to_contain_text("mine is signed in.")
    until(lambda: gateway.chat("acme/m1").status_code == 200, 3)

    page.get_by_label("Connection").fill("by-code")
    page.locator("#device").click()
    code = page.locator("#user-code")
    expect(code).to_have_text(re.compile("[0-9A-F]{6}"))
    next(iter(server.devices.values())).approved = True
    expect(page.locator("#said")).to_have_text("by-code is signed in.")


def test_all_are_tested_and_each_says_how_it_went(page: Page, gateway: Gateway) -> None:
    sign_in(page, gateway)
    page.goto(gateway.url + "/admin/providers/connection/")
    page.get_by_role("link", name="Test all").click()
    page.locator("#start").click()
    said = page.locator("#said")
    expect(said).to_have_text(re.compile(r"(\d+) of \1 tested, \d+ answer"))
    main = page.get_by_role("row", name=re.compile("mk-main"))
    expect(main.locator(".result")).to_have_text(re.compile(r"answers, with 1 model \("))
    dead = page.get_by_role("row", name=re.compile("dead-main"))
    expect(dead.locator(".result")).to_have_text(re.compile("cannot be reached"))
