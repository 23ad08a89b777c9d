"""Second factors, invitations and own keys, as people meet them in a browser."""

import base64
import hmac
import re
import struct
import time
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.steps import check_accessibility, sign_in
from tests.e2e.gateway import CLIENT, PASSWORD, Gateway, keyed, until


def totp(secret: str) -> str:
    """After RFC 6238."""
    digest = hmac.digest(
        base64.b32decode(secret), struct.pack(">Q", int(time.time()) // 30), "sha1"
    )
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4]) & 0x7FFFFFFF) % 10**6:06}"


def confirm(page: Page) -> None:
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()


def leave(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/account/login/")


def expect_no_overflow(page: Page) -> None:
    width, shown = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width <= shown


def enter(page: Page) -> None:
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_an_app_is_set_up_and_a_recovery_code_stands_in_for_it(
    page: Page, own_gateway: Callable[..., Gateway]
) -> None:
    gateway = own_gateway("--no-worker", "--server", "uvicorn")
    sign_in(page, gateway, to="/account/second-factor/")
    check_accessibility(page)
    page.get_by_role("link", name="Set up an app").click()
    check_accessibility(page)
    confirm(page)
    expect(page.get_by_alt_text("QR code of the secret below")).to_be_visible()
    check_accessibility(page)
    secret = page.locator("#totp-secret").inner_text()
    for _ in range(2):  # the first code's half minute may be over when it arrives
        page.get_by_label("The code that the app shows").fill(totp(secret))
        page.get_by_role("button", name="Set up").click()
        page.wait_for_load_state()
        if page.locator("#recovery-codes").count():
            break
    codes = page.locator("#recovery-codes").inner_text().split()
    assert len(codes) == 10
    check_accessibility(page)
    leave(page)
    enter(page)
    check_accessibility(page)
    page.get_by_label("Code of your app, or a recovery code").fill(codes[0])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(gateway.url + "/**")
    page.goto(gateway.url + "/account/sessions/")
    expect(page.get_by_text("this one")).to_be_visible()
    check_accessibility(page)


def test_a_passkey_signs_in_after_the_password_and_without_one(
    page: Page, own_gateway: Callable[..., Gateway]
) -> None:
    gateway = own_gateway("--no-worker", "--server", "uvicorn")
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
                "hasUserVerification": True, "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )  # fmt: skip
    gateway.url = gateway.url.replace("127.0.0.1", "localhost")  # a passkey belongs to a name
    sign_in(page, gateway, to="/account/second-factor/")
    page.get_by_role("link", name="Add a passkey").click()
    confirm(page)
    check_accessibility(page)
    page.get_by_role("textbox", name="Name").fill("This laptop")
    page.get_by_role("button", name="Add").click()
    page.wait_for_url("**/recovery-codes/")
    page.goto(gateway.url + "/account/second-factor/webauthn/")
    expect(page.get_by_role("row", name=re.compile("This laptop"))).to_contain_text(
        "signs in alone"
    )
    check_accessibility(page)

    leave(page)
    enter(page)
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(lambda url: "/account/" not in url)

    page.goto(gateway.url + "/account/keys/")
    leave(page)
    check_accessibility(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(lambda url: "/account/" not in url)


def test_an_invited_member_makes_a_key_and_calls_with_it(
    page: Page, own_gateway: Callable[..., Gateway]
) -> None:
    gateway = own_gateway("--no-worker", "--server", "uvicorn")
    sign_in(page, gateway, to="/admin/accounts/invitation/add/")
    page.locator("[name=_save]").click()
    said = page.get_by_text(re.compile("shown this once")).inner_text()
    link = re.findall(r"http://\S+/account/join/\S+", said)[0]
    page.context.clear_cookies()

    page.goto(link)
    check_accessibility(page)
    page.get_by_label("Username").fill("mia")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password confirmation").fill(PASSWORD)
    page.get_by_role("button", name="Join").click()
    page.wait_for_url(lambda url: "/join/" not in url)
    page.goto(gateway.url + "/account/keys/")
    expect(page.get_by_text("No key yet")).to_be_visible()
    page.set_viewport_size({"width": 360, "height": 740})
    expect_no_overflow(page)
    page.get_by_role("textbox", name="Name").fill("laptop")
    page.get_by_role("button", name="Make the key").click()
    key = page.locator("#made-key").inner_text()
    expect_no_overflow(page)
    shown = page.get_by_role("region", name="API keys").locator("code").bounding_box()
    assert shown is not None
    assert shown["height"] < 30  # one line
    check_accessibility(page)

    models = gateway.url + "/v1/models"
    until(lambda: CLIENT.get(models, headers=keyed(key)).status_code == 200, 5)
    page.get_by_text("Revoke", exact=True).click()
    page.get_by_role("button", name="Revoke mia/laptop now").click()
    expect(page.get_by_text("mia/laptop is revoked")).to_be_visible()
    until(lambda: CLIENT.get(models, headers=keyed(key)).status_code == 401, 5)
