"""What a newcomer does by hand in Admin: sign in, add a provider and a connection, and call it."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.steps import Watch, sign_in
from tests.e2e.gateway import KEY, Gateway, until
from tests.e2e.upstream import Upstream


def test_every_page_is_whole_on_a_machine_without_a_network(
    page: Page, watch: Watch, own_gateway: Callable[..., Gateway]
) -> None:
    gateway = own_gateway("--no-worker", "--server", "uvicorn")
    sign_in(page, gateway)
    models = [
        "providers/provider", "providers/connection", "providers/providermodel", "combos/alias",
        "combos/combo", "accounts/apikey", "accounts/user",
    ]  # fmt: skip
    pages = ["/admin/", "/admin/analytics/requestrecord/", "/admin/accounts/gatewaysettings/"]
    pages += [f"/admin/{model}/{page}" for model in models for page in ("", "add/")]
    for path in [*pages, "/api/docs"]:
        answer = page.goto(gateway.url + path)
        assert answer is not None
        assert answer.status == 200, path
        page.wait_for_load_state("networkidle")
        assert (path, watch.complaints) == (path, [])


def test_a_provider_added_by_hand_answers(
    page: Page, own_gateway: Callable[..., Gateway], upstream: Upstream
) -> None:
    gateway = own_gateway("--no-worker", "--server", "uvicorn")
    sign_in(page, gateway)

    page.goto(gateway.url + "/admin/providers/provider/add/")
    page.locator("#id_name").fill("Local")
    page.locator("#id_slug").fill("local")
    page.locator("#id_alias").fill("local")
    page.locator("#id_base_url").fill(upstream.url)
    page.locator("[name=_save]").click()
    expect(page.locator("body")).to_contain_text("set allow_private_network")
    page.locator("#id_allow_private_network").check()
    page.locator("[name=_save]").click()
    page.wait_for_url("**/admin/providers/provider/")

    page.goto(gateway.url + "/admin/providers/connection/add/")
    page.locator("#id_name").fill("local-main")
    page.locator(".select2-selection").first.click()
    page.locator(".select2-search__field").fill("local")
    page.get_by_role("option", name="Local", exact=True).click()
    page.locator("#id_api_key").fill("sk-by-hand")
    page.locator("[name=_save]").click()
    page.wait_for_url("**/admin/providers/connection/")

    until(lambda: gateway.chat("local/plain").status_code == 200, 2)
    assert upstream.of("plain")[-1].headers["authorization"] == "Bearer sk-by-hand"

    page.goto(gateway.url + "/admin/analytics/requestrecord/")
    until(lambda: gateway.rows("model = 'local/plain'"))
    page.reload()
    expect(page.locator("#result_list, body").first).to_contain_text("local/plain")
    page.goto(gateway.url + "/admin/providers/connection/")
    page.get_by_role("link", name="local-main").click()
    assert "sk-by-hand" not in page.content()
    assert KEY not in page.content()
