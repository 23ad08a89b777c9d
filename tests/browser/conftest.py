"""A browser that reaches this machine only, and whose console stays empty."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, WebSocket, expect, sync_playwright

from tests.browser.steps import Watch
from tests.e2e.conftest import gateway, own_gateway, prepared, upstream

__all__ = ["gateway", "own_gateway", "prepared", "upstream"]

# Some pages look again every five seconds, and a machine may be busy.
expect.set_options(timeout=20_000)

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    # Chromium's own services look for the internet, which is none of a test's business.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # Whatever a page asks of another host does not get there, by no protocol.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


# Of a module, and not of the session: while it lives, its event loop is the thread's.
@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def watch() -> Watch:
    """What the pages of the test have asked for and complained of; `watch.expect` allows a complaint."""
    return Watch()


@pytest.fixture
def page(browser: Browser, watch: Watch, own_gateway: object) -> Iterator[Page]:
    """A page of a fresh browser. The test fails for a request to another host, for an error in the
    console, and for an exception that no script catches, in it and in every page that it opens.

    `own_gateway` stands here so that it ends after the page: a page that still loads something from a
    gateway that has gone would complain.
    """
    context = browser.new_context()
    context.set_default_timeout(20_000)

    def opened(page: Page) -> None:
        def connected(socket: WebSocket) -> None:
            watch.asked_for(socket.url)

        page.on("websocket", connected)

    context.on("page", opened)
    context.on("request", lambda request: watch.asked_for(request.url))
    context.on("console", lambda m: watch.complained(m.text) if m.type == "error" else None)
    context.on("weberror", lambda error: watch.complained(str(error.error)))
    yield context.new_page()
    context.close()
    watch.check()
