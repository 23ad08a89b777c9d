"""Writes docs/images: `python -m tests.screenshots`, which is a part of `make docs`. Needs Chromium."""

import base64
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from playwright.sync_api import Browser, Page, StorageState, expect, sync_playwright

import tests.environment  # noqa: F401  # what a developer has in theirs is in no picture
from tests.browser.conftest import QUIET
from tests.browser.steps import sign_in
from tests.e2e.gateway import CLIENT, ROOT, Gateway, request_id, until
from tests.screenshots.team import ADMINISTRATOR, ANSWER, QUESTION, Providers, prepare

Theme = Literal["light", "dark"]
FOLDER = ROOT / "docs/images"
THEMES: tuple[Theme, ...] = ("light", "dark")
DEVICES = {"desktop": (1280, 800), "phone": (390, 844)}
QUALITY = 82  # of WebP: text stays sharp, and a picture is some 30 kB


@dataclass(frozen=True)
class Shot:
    """A page: its address, and what is done there before the picture is taken."""

    name: str
    path: str
    prepare: Callable[[Page], None] = lambda page: None
    is_signed_in: bool = True


def chat(page: Page) -> None:
    columns = page.locator("#columns > section")
    page.get_by_role("button", name="Compare with another model").click()
    for at, model in enumerate(("best", "gemini/gemini-2.5-flash")):
        columns.nth(at).get_by_label("Model", exact=True).fill(model)
    page.get_by_label("Your message").fill(QUESTION)
    page.get_by_role("button", name="Send").click()
    for at in range(2):
        expect(columns.nth(at).locator(".message").last).to_contain_text(ANSWER[-30:])
        expect(columns.nth(at).locator(".figure-by")).to_contain_text("·")
    page.locator("h1").click()
    columns.first.scroll_into_view_if_needed()


def translate(page: Page) -> None:
    page.get_by_role("link", name="anthropic_messages", exact=True).click()
    page.get_by_label("Target model").fill("gemini/gemini-2.5-flash")
    page.get_by_role("button", name="Translate").click()
    expect(page.locator("#result")).to_be_visible()
    page.locator("#result").scroll_into_view_if_needed()


def open_combo(page: Page) -> None:
    page.get_by_role("link", name="best", exact=True).click()
    expect(page.locator("#combo-preview .order")).to_be_visible()


def shots(request: str) -> list[Shot]:
    """`request` is the id of one that is shown in full."""
    return [
        Shot("sign-in", "/account/login/", is_signed_in=False),
        Shot("overview", "/?range=7d"),
        Shot("logs", "/logs/"),
        Shot("log", f"/logs/{request}/"),
        Shot("health", "/health/"),
        Shot("costs", "/costs/"),
        Shot("playground", "/playground/", chat),
        Shot("setup", "/setup/?client=claude-code&model=best"),
        Shot("account", "/account/keys/"),
        Shot("admin", "/admin/"),
        Shot("connections", "/admin/providers/connection/"),
        Shot("combo", "/admin/combos/combo/", open_combo),
        Shot("translator", "/admin/translator/", translate),
        Shot("alerts", "/admin/analytics/incident/"),
    ]


@contextmanager
def team() -> Iterator[Gateway]:
    """A gateway with two weeks behind it."""
    providers = Providers()
    with TemporaryDirectory(prefix="omniroute-pictures-") as folder:
        gateway = Gateway(
            Path(folder), "--server", "uvicorn",
            ADMIN_USERNAME=ADMINISTRATOR, PUBLIC_URL="http://localhost:20128",
        )  # fmt: skip
        prepare(gateway, providers)
        gateway.manage("shell", "-c", "from tests.screenshots import past; past.fill()")
        gateway.start()
        try:
            until(lambda: CLIENT.get(gateway.url + "/readyz").json()["worker"] == "ok", 60)
            yield gateway
        finally:
            gateway.stop()
            providers.close()


def ask(gateway: Gateway) -> str:
    """The id of a request that another model answers than the one that was meant to."""
    messages = [{"role": "user", "content": QUESTION}]
    id = request_id(gateway.chat("best", messages=messages, stream=True))
    gateway.row(id)
    return id


def take(page: Page, shot: Shot, file: Path) -> None:
    page.goto(shot.path)
    shot.prepare(page)
    page.wait_for_load_state("networkidle")
    devtools = page.context.new_cdp_session(page)  # Playwright itself writes no WebP
    told = devtools.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
    file.write_bytes(base64.b64decode(told["data"]))


def take_all(browser: Browser, gateway: Gateway, wanted: list[Shot], state: StorageState) -> None:
    for shot, theme, (device, (width, height)) in product(wanted, THEMES, DEVICES.items()):
        context = browser.new_context(
            base_url=gateway.url,
            viewport={"width": width, "height": height},
            color_scheme=theme,
            timezone_id="UTC",
            storage_state=state if shot.is_signed_in else None,
        )
        take(context.new_page(), shot, FOLDER / f"{shot.name}-{theme}-{device}.webp")
        context.close()


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("Chromium is needed, and not on this machine: docs/images stays as it is")
    FOLDER.mkdir(exist_ok=True)
    with team() as gateway, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        page = browser.new_page()
        sign_in(page, gateway, ADMINISTRATOR, to="/")
        take_all(browser, gateway, shots(ask(gateway)), page.context.storage_state())
        browser.close()


if __name__ == "__main__":
    main()
