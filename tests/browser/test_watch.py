"""Health, and limits and costs, in a browser: what keeps calls away is seen and cleared, and money adds up."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.steps import Watch, check_accessibility, sign_in
from tests.e2e.gateway import KEY, Gateway, until


def on_a_phone_in_the_dark(page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 360, "height": 780})
    # A chart follows the window a frame later.
    page.wait_for_function("document.documentElement.scrollWidth === 360")
    check_accessibility(page)


def test_a_cooldown_is_seen_as_it_comes_and_cleared(
    page: Page, own_gateway: Callable[..., Gateway]
) -> None:
    gateway = own_gateway("--no-worker", "--server", "uvicorn")
    gateway.apply({"settings": {"cooldown_auth_s": 3600}})
    sign_in(page, gateway, to="/health/")
    processes = page.get_by_role("region", name="Gateway processes")
    expect(processes.get_by_role("row")).to_have_count(2)
    expect(processes).to_contain_text("in memory")
    connections = page.get_by_role("region", name="Connections")
    expect(connections.get_by_role("row").nth(1)).to_contain_text("an-main")

    page.get_by_label("Connection or provider").focus()
    page.keyboard.type("mk")
    assert gateway.chat("mk/status-401").status_code >= 400
    clear = page.get_by_role("button", name="Clear mk-main")
    expect(clear).to_be_visible()  # it looks again by itself, and what is typed stays
    expect(page.get_by_label("Connection or provider")).to_be_focused()
    expect(page.get_by_label("Connection or provider")).to_have_value("mk")
    expect(connections.get_by_role("row").nth(1)).to_contain_text("needs login")
    check_accessibility(page)
    clear.focus()
    with page.expect_response("**/health/**"):
        pass
    expect(clear).to_be_focused()
    clear.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("mk-main: 1 cooldown or breaker cleared")
    assert gateway.chat("mk/plain").status_code == 200

    page.get_by_role("link", name="Clear all").click()
    check_accessibility(page)
    page.get_by_role("button", name="Clear all").click()
    expect(page.get_by_role("status")).to_contain_text("All connections")
    on_a_phone_in_the_dark(page)


def test_a_page_that_is_kept_open_says_when_it_is_not_of_now(
    page: Page, watch: Watch, own_gateway: Callable[..., Gateway]
) -> None:
    gateway = own_gateway("--no-worker", "--server", "uvicorn")
    sign_in(page, gateway, to="/health/?only=attention")
    old = page.get_by_role("alert")
    expect(old).to_be_hidden()
    watch.expect("Failed to load resource|ERR_|Failed to fetch")
    gateway.kill()
    expect(old).to_contain_text("is not of now")
    expect(page.get_by_role("region", name="Gateway processes")).to_be_visible()
    check_accessibility(page)
    gateway.start()
    expect(old).to_be_hidden()

    page.context.clear_cookies()
    page.wait_for_url("**/account/login/?next=/health/%3Fonly%3Dattention")
    expect(page.get_by_label("Password")).to_be_visible()


def test_a_month_is_compared_with_another_model(
    page: Page, own_gateway: Callable[..., Gateway]
) -> None:
    gateway = own_gateway("--no-worker", "--server", "uvicorn")
    key = {"name": "laptop", "key": KEY, "budgets": {"monthly_usd": 5, "daily_requests": 2}}
    gateway.apply({"api_keys": [key]})
    gateway.manage("check")  # by when the budgets have been seen
    for _ in range(2):
        assert gateway.chat("mk/plain").status_code == 200
    until(lambda: len(gateway.rows("model = 'mk/plain'")) == 2)
    sign_in(page, gateway, to="/costs/")
    fullest = page.get_by_role("region", name="Budgets").get_by_role("row").nth(1)

    def is_told() -> bool:  # as the process has read it from the log, some moments ago
        page.reload()
        return "100%" in fullest.inner_text()

    until(is_told)
    expect(fullest).to_contain_text("daily requests")
    page.get_by_label("What if it had been").fill("no/such")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".errorlist")).to_contain_text("There is no such model")
    page.get_by_label("What if it had been").fill("well/plain")
    page.get_by_role("button", name="Show").click()
    compared = page.get_by_role("region", name="The same tokens at the prices of well/plain")
    expect(compared.get_by_role("row").nth(1)).to_contain_text("mk/plain")
    expect(compared.get_by_role("row").nth(1).get_by_role("cell").last).to_have_text("$0")
    check_accessibility(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as CSV").click()
    assert "mk/plain" in download.value.path().read_text()
    on_a_phone_in_the_dark(page)
