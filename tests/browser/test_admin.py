"""Admin by hand: first steps, targets by drag and key, a preview, an import, a history, a viewer."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from omniroute.console import progress
from tests.browser.steps import Watch, check_accessibility, sign_in
from tests.e2e.gateway import Gateway, until


@pytest.fixture
def gateway(own_gateway: Callable[..., Gateway]) -> Gateway:
    return own_gateway("--no-worker", "--server", "uvicorn")


def handle(page: Page, number: int) -> Locator:
    rows = page.locator("#targets-group .form-group:not(.empty-form)")
    return rows.nth(number).locator(".drag-handle")


def drag(page: Page, what: Locator, to: Locator) -> None:
    """In small steps, as a hand does: the list follows the pointer."""
    what.hover()  # scrolls to where nothing is over it
    begin, end = what.bounding_box(), to.bounding_box()
    assert begin is not None
    assert end is not None
    page.mouse.move(begin["x"] + 12, begin["y"] + 12)
    page.mouse.down()
    page.mouse.move(begin["x"] + 12, begin["y"] + 6, steps=3)
    page.mouse.move(end["x"] + 12, end["y"] + 2, steps=12)
    page.mouse.up()


def expect_order(page: Page, *models: str) -> None:
    places = page.locator("#combo-preview .order code")
    expect(places).to_have_text(list(models))


def test_the_first_steps_are_gone_once_a_call_is_answered(page: Page, gateway: Gateway) -> None:
    sign_in(page, gateway)
    page.goto(gateway.url + "/admin/")
    expect(page.get_by_role("heading", name="First steps")).to_be_visible()
    expect(page.locator("#curl")).to_contain_text(f"{gateway.url}/v1/chat/completions")
    page.get_by_role("link", name="Add a connection").click()
    page.wait_for_url("**/admin/providers/connection/add/")
    assert gateway.chat("mk/plain").status_code == 200
    until(lambda: gateway.rows("model = 'mk/plain'"))
    page.goto(gateway.url + "/admin/")
    expect(page.get_by_role("heading", name="First steps")).to_be_hidden()
    expect(page.locator(".figure").first).to_contain_text("1")


def test_targets_are_moved_and_who_would_answer_follows(page: Page, gateway: Gateway) -> None:
    sign_in(page, gateway)
    page.goto(gateway.url + "/admin/combos/combo/add/")
    page.locator("#id_name").fill("best")
    for number, model in enumerate(["mk/plain", "well/plain", "dead/x"]):
        page.get_by_role("link", name="Add another Target").click()
        page.locator(f"#id_targets-{number}-model").fill(model)
    expect_order(page, "mk/plain", "well/plain", "dead/x")

    handle(page, 2).focus()  # by the keyboard, before anything is saved
    page.keyboard.press("ArrowUp")
    expect_order(page, "mk/plain", "dead/x", "well/plain")
    rows = page.locator("#targets-group .form-group:not(.empty-form)")
    rows.nth(0).locator(".delete-template").click()
    expect_order(page, "dead/x", "well/plain")
    assert not gateway.manage("config", "export").count("name: best\n")
    page.locator("[name=_continue]").click()
    page.wait_for_url("**/change/")
    expect_order(page, "dead/x", "well/plain")

    drag(page, handle(page, 1), handle(page, 0))
    expect_order(page, "well/plain", "dead/x")
    page.locator("[name=_continue]").click()
    expect(page.locator("#id_targets-0-model")).to_have_value("well/plain")
    expect_order(page, "well/plain", "dead/x")

    page.goto(page.url.replace("/change/", "/history/"))
    expect(page.locator(".entry").first).to_contain_text("by admin (Admin)")
    first = page.get_by_role("row", name="position").first
    expect(first).to_be_visible()


def test_a_combo_is_found_by_typing_and_can_be_a_target(page: Page, gateway: Gateway) -> None:
    sign_in(page, gateway)
    page.goto(gateway.url + "/admin/combos/combo/add/")
    page.locator("#id_name").fill("best")
    page.get_by_role("link", name="Add another Target").click()
    page.locator(".field-nested .select2-selection").first.click()
    page.locator(".select2-search__field").fill("after-htm")
    page.get_by_role("option", name="after-html").click()
    expect_order(page, "mk/html", "well/plain")
    page.locator("[name=_continue]").click()
    page.wait_for_url("**/change/")
    expect(page.locator("#id_targets-0-nested option:checked")).to_have_text("after-html")
    expect_order(page, "mk/html", "well/plain")


def test_what_an_import_changes_is_seen_before_it_does(page: Page, gateway: Gateway) -> None:
    sign_in(page, gateway)
    page.goto(gateway.url + "/admin/configuration/")
    page.get_by_label("YAML or JSON").fill("aliases:\n- {alias: quick, model: nowhere/m}\n")
    page.get_by_role("button", name="Show what would change").click()
    expect(page.locator("#problems")).to_contain_text("Line 2, aliases[0].model")

    page.get_by_label("YAML or JSON").fill("aliases:\n- {alias: quick, model: mk/plain}\n")
    page.get_by_role("button", name="Show what would change").click()
    expect(page.locator("#changes")).to_contain_text("This would change")
    expect(page.locator("#changes")).to_contain_text("mk/plain")
    assert gateway.chat("quick").status_code == 404
    with page.expect_response("**/admin/configuration/") as answer:
        page.get_by_role("button", name="Apply").click()
    expect(page.locator("#changes")).to_contain_text("Applied")
    assert answer.value.headers["content-type"] == progress.KIND  # told as it went on
    until(lambda: gateway.chat("quick").status_code == 200, 3)

    page.goto(gateway.url + "/admin/auditlog/logentry/")
    expect(page.locator("#result_list tbody tr").first).to_contain_text("quick")
    expect(page.locator("#result_list tbody tr").first).to_contain_text("admin")


def test_an_import_after_the_session_has_ended_leads_to_signing_in(
    page: Page, gateway: Gateway
) -> None:
    sign_in(page, gateway)
    page.goto(gateway.url + "/admin/configuration/")
    page.get_by_label("YAML or JSON").fill("aliases: []\n")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Show what would change").click()
    page.wait_for_url("**/account/login/?next=%2Fadmin%2Fconfiguration%2F")


def test_a_connection_is_duplicated_by_its_button(page: Page, gateway: Gateway) -> None:
    sign_in(page, gateway)
    page.goto(gateway.url + "/admin/providers/connection/")
    page.get_by_role("link", name="mk-main").click()
    expect(page.locator("#id_api_key")).to_be_visible()
    expect(page.locator("#id_secret_access_key")).to_be_hidden()
    page.get_by_role("link", name="Duplicate").first.click()
    expect(page.locator(".admin-page")).to_contain_text("mk-main")
    page.get_by_role("button", name="Duplicate").click()
    expect(page.locator("body")).to_contain_text("mk-main 2 is made")


def test_rows_are_found_from_any_page_by_the_keyboard(page: Page, gateway: Gateway) -> None:
    sign_in(page, gateway)
    page.goto(gateway.url + "/admin/")
    page.keyboard.press("Control+k")
    found = page.locator("#search-input-command")
    expect(found).to_be_focused()
    page.keyboard.type("two-sec")
    expect(page.locator("#command-results-list")).to_contain_text("two-second")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/providers/connection/*/change/")
    expect(page.locator("#id_name")).to_have_value("two-second")


def test_enter_in_the_search_opens_the_first_that_is_found(page: Page, gateway: Gateway) -> None:
    def search(words: str) -> None:
        page.goto(gateway.url + "/admin/")
        page.keyboard.press("Control+k")
        expect(page.locator("#search-input-command")).to_be_focused()
        page.keyboard.type(words)

    sign_in(page, gateway)
    search("two-sec")
    expect(page.locator("#command-results-list")).to_contain_text("two-second")
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/providers/connection/*/change/")

    search("well-main")
    page.keyboard.press("Enter")  # before anything is found
    page.wait_for_url("**/admin/providers/connection/*/change/")
    expect(page.locator("#id_name")).to_have_value("well-main")

    with page.expect_response("**/admin/search/**it"):
        search("nothing-like-it")
    page.keyboard.press("Enter")
    expect(page.locator("#search-input-command")).to_have_value("nothing-like-it")


def test_a_viewer_can_write_nothing(page: Page, watch: Watch, gateway: Gateway) -> None:
    gateway.apply({"users": [{"username": "vera", "role": "viewer"}]})
    sign_in(page, gateway, "vera")
    page.goto(gateway.url + "/admin/providers/connection/")
    expect(page.locator("#result_list")).to_contain_text("mk-main")
    expect(page.locator("input.action-select")).to_have_count(0)
    page.get_by_role("link", name="mk-main").click()
    expect(page.locator("[name=_save]")).to_have_count(0)
    expect(page.locator("#id_name")).to_have_count(0)
    watch.expect("403")
    for path in ("/admin/combos/combo/add/", "/admin/configuration/"):
        answer = page.goto(gateway.url + path)
        assert answer is not None
        assert answer.status == 403


LISTS = (
    "accounts/apikey", "accounts/invitation", "accounts/user", "analytics/alertchannel",
    "analytics/alertdelivery", "analytics/incident", "analytics/requestrecord", "analytics/taskrun",
    "auditlog/logentry", "combos/alias", "combos/combo", "providers/connection",
    "providers/errorrule", "providers/provider", "providers/providermodel",
)  # fmt: skip
FORMS = (
    "accounts/apikey/add", "accounts/gatewaysettings", "accounts/invitation/add",
    "accounts/user/add", "analytics/alertchannel/add", "combos/alias/add", "combos/combo/add",
    "combos/combo/1/change", "providers/connection/add", "providers/connection/1/change",
    "providers/connection/1/history", "providers/errorrule/add", "providers/provider/add",
    "providers/providermodel/add",
)  # fmt: skip
DEEDS = ("configuration", "sign-in", "test-all", "translator")


def test_every_page_of_admin_is_accessible(page: Page, gateway: Gateway) -> None:
    sign_in(page, gateway)
    for path in ("", *LISTS, *FORMS, *DEEDS):
        page.goto(f"{gateway.url}/admin/{path}".rstrip("/") + "/")
        check_accessibility(page)
