"""What tests of pages do and look at over and over."""

import re
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page

from tests.e2e.gateway import PASSWORD, Gateway

_AXE = Path(__file__).parent / "vendor/axe.min.js"


class Watch:
    """The hosts that pages have asked, and what stood in their consoles."""

    def __init__(self) -> None:
        self.hosts: set[str] = set()
        self.complaints: list[str] = []
        self._expected: list[str] = []

    def asked_for(self, url: str) -> None:
        address = httpx.URL(url)
        if address.scheme not in ("data", "blob", "about"):
            self.hosts.add(address.host)

    def complained(self, text: str) -> None:
        self.complaints.append(text)

    def expect(self, pattern: str) -> None:
        """A complaint that the test provokes, such as that of a 403."""
        self._expected.append(pattern)

    def check(self) -> None:
        assert self.hosts <= {"127.0.0.1", "localhost"}
        unexpected = [
            text
            for text in self.complaints
            if not any(re.search(pattern, text) for pattern in self._expected)
        ]
        assert unexpected == [], unexpected


def sign_in(page: Page, gateway: Gateway, username: str = "admin", *, to: str = "/admin/") -> None:
    """And on to the page `to`."""
    gateway.give_password(username)
    page.goto(gateway.url + to)
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**" + to)


def check_accessibility(page: Page) -> None:
    """axe-core finds nothing serious on the page as it stands, by WCAG 2.2 A and AA."""
    page.evaluate(_AXE.read_text())
    found: list[dict[str, Any]] = page.evaluate(
        """async () => (await axe.run(document, {
          resultTypes: ["violations"],
          runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
        })).violations"""
    )
    serious = [
        f"{rule['id']}: {rule['help']}: {node['html'][:200]}: {node['failureSummary']}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]
    assert serious == [], "\n".join(serious)
