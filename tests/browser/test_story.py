"""The first day with a gateway, by clicking: from an empty folder to the first call and its traces.
And what two others find on it: a viewer, who can write nothing, and a member, who sees their own."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from openai import AuthenticationError, OpenAI
from openai.types.chat import ChatCompletionMessageParam
from playwright.sync_api import Locator, Page, expect

from tests.browser.steps import check_accessibility, sign_in
from tests.e2e.gateway import CLIENT, HELLO, Gateway, key_of, keyed, request_id, until
from tests.e2e.upstream import Upstream


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Gateway]:
    """Nothing but an empty folder."""
    gateway = Gateway(tmp_path, "--no-worker", "--server", "uvicorn")
    yield gateway
    assert gateway.stop() == 0
    assert "Traceback" not in gateway.output()


@pytest.mark.long
def test_a_first_day(fresh: Gateway, page: Page, upstream: Upstream) -> None:
    printed = fresh.manage("bootstrap")
    fresh.start()
    sign_in_as_printed(page, fresh, printed)
    expect(page.get_by_role("heading", name="Nothing has been asked yet")).to_be_visible()
    page.get_by_role("link", name="Admin", exact=True).click()
    expect_steps(page, done=["Make a key"], left=["Add a connection", "Test it"])

    add_provider(page, "Local", upstream.url)
    add_connection(page, "local-main", provider="Local", key="sk-of-the-provider")
    answer_to_test_all(page)
    page.get_by_role("link", name="OmniRoute").first.click()
    expect_steps(page, done=["Add a connection", "Test it", "Make a key"], left=[])
    make_combo(page, "best", "local/plain")
    key = make_key(page, "laptop")

    go(page, "Logs")
    page.get_by_role("button", name="Live").click()
    expect(page.get_by_role("button", name="Live")).to_have_attribute("aria-pressed", "true")
    assert call(fresh, key, "best") == "Hello from the upstream."
    assert upstream.of("plain")[-1].headers["authorization"] == "Bearer sk-of-the-provider"

    row = page.locator("#rows tr").filter(has_text="local/plain")
    expect(row).to_contain_text("asked for best")
    row.get_by_role("link").first.click()
    expect(page.get_by_role("region", name="Attempts")).to_contain_text("local-main")
    assert key not in page.content()
    check_accessibility(page)

    page.get_by_role("link", name="Overview").click()
    expect(page.locator(".stat", has_text="Requests").locator("strong").first).to_have_text("1")
    for region, name in (("Providers", "local"), ("Keys", "laptop"), ("Combos", "best")):
        expect(page.get_by_role("region", name=region).get_by_role("link")).to_have_text(name)
    page.get_by_role("link", name="Admin", exact=True).click()
    expect(page.get_by_role("heading", name="First steps")).to_have_count(0)
    expect(page.locator(".figure", has_text="Requests today").locator(".number")).to_have_text("1")


def test_a_viewer_is_shown_everything_and_offered_nothing_that_writes(
    page: Page, own_gateway: Callable[..., Gateway]
) -> None:
    gateway = own_gateway("--no-worker", "--server", "uvicorn")
    gateway.apply({"users": [{"username": "vera", "role": "viewer"}]})
    gateway.chat("mk/plain")
    sign_in(page, gateway, "vera")
    forms = 0
    for path in links_of(page.locator("#nav-sidebar-apps")):
        page.goto(gateway.url + path)
        expect_nothing_to_write(page)
        for row in links_of(page.locator("#result_list th"))[:1]:
            page.goto(gateway.url + row)
            expect_nothing_to_write(page)
            forms += 1
    assert forms >= 6
    page.goto(gateway.url + "/")
    for path in links_of(page.get_by_role("navigation", name="Pages")):
        page.goto(gateway.url + path)
        expect_nothing_to_write(page)


def test_a_member_finds_their_own_calls_and_keys_on_every_page(
    page: Page, own_gateway: Callable[..., Gateway]
) -> None:
    gateway = own_gateway("--no-worker", "--server", "uvicorn")
    own = {"name": "anns", "key": key_of("anns"), "owner": "ann", "budgets": {"daily_usd": 5}}
    gateway.apply({"users": [{"username": "ann", "role": "member"}], "api_keys": [own]})
    sign_in(page, gateway, "ann", to="/logs/")
    page.get_by_role("button", name="Live").click()
    expect(page.get_by_role("button", name="Live")).to_have_attribute("aria-pressed", "true")
    until(lambda: CLIENT.get(gateway.url + "/v1/models", headers=keyed(key_of("anns"))).is_success)
    gateway.row(request_id(gateway.chat("well/plain")))
    chat = {"model": "mk/plain", "messages": HELLO}
    mine = gateway.post("/v1/chat/completions", chat, **keyed(key_of("anns")))
    expect(page.locator("#rows tr")).to_have_id(request_id(mine))

    menu = links_of(page.get_by_role("navigation", name="Pages"))
    assert menu == ["/", "/logs/", "/costs/", "/playground/", "/setup/"]
    for path in (*menu, "/account/keys/"):
        page.goto(gateway.url + path)
        expect(page.locator("main")).to_contain_text("anns")
        others = page.locator("main").get_by_text(re.compile(r"\blaptop\b|well/plain"))
        expect(others).to_have_count(0)
    page.goto(gateway.url + "/")
    expect(page.locator(".stat", has_text="Requests").locator("strong").first).to_have_text("1")


# --- Steps -------------------------------------------------------------------------------------


def sign_in_as_printed(page: Page, gateway: Gateway, printed: str) -> None:
    told = re.search(r"Sign in as (\S+) with the password (\S+)", printed)
    assert told is not None
    page.goto(gateway.url)
    page.get_by_label("Username").fill(told[1])
    page.get_by_label("Password").fill(told[2])
    page.get_by_role("button", name="Sign in", exact=True).click()


def expect_steps(page: Page, *, done: list[str], left: list[str]) -> None:
    expect(page.get_by_role("heading", name="First steps")).to_be_visible()
    steps = page.locator(".steps li")
    for words in done:
        expect(steps.filter(has_text=words).get_by_role("img", name="done")).to_be_visible()
    for words in left:
        expect(steps.filter(has_text=words)).to_be_visible()
        expect(steps.filter(has_text=words).get_by_role("img", name="done")).to_have_count(0)


def go(page: Page, name: str) -> None:
    """To a page of Admin's menu."""
    link = page.locator("#nav-sidebar-apps").get_by_role("link")
    link.filter(has_text=re.compile(rf"{name}\s*$")).click()  # after the name of its icon


def links_of(part: Locator) -> list[str]:
    """To pages of ours, each once and in their order."""
    links = part.get_by_role("link").evaluate_all(
        "links => links.map(link => new URL(link.href)).map(url => url.pathname)"
    )
    return list(dict.fromkeys(links))


def expect_nothing_to_write(page: Page) -> None:
    """Filters, searches, and what is one's own, such as a theme or a chat, write nothing."""
    page.wait_for_load_state()
    offered = page.locator(
        "a.addlink, a[href*='/delete/'], input.action-select, [name=_save], [name=action],"
        " main form[method=post]:not([action='/admin/translator/']), #targets-group .add-row"
    )
    assert (page.url, offered.count()) == (page.url, 0)


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()


def add(page: Page, menu: str, what: str) -> None:
    go(page, menu)
    page.get_by_title(f"Add {what}", exact=True).click()


def add_provider(page: Page, name: str, url: str) -> None:
    add(page, "Providers", "provider")
    page.get_by_label("Name").press_sequentially(name)
    for field in ("Id", "Alias"):
        expect(page.get_by_label(field)).to_have_value(name.lower())
    page.get_by_label("Base url").fill(url)
    page.get_by_label("Allow private network").check()
    save(page)
    expect(page.locator("body")).to_contain_text("was added successfully")


def add_connection(page: Page, name: str, *, provider: str, key: str) -> None:
    add(page, "Connections", "connection")
    page.get_by_label("Name").fill(name)
    page.locator(".select2-selection").first.click()
    page.locator(".select2-search__field").fill(provider)
    page.get_by_role("option", name=provider, exact=True).click()
    page.get_by_label("API key").fill(key)
    save(page)
    expect(page.locator("body")).to_contain_text("was added successfully")


def answer_to_test_all(page: Page) -> None:
    page.get_by_role("link", name="Test all").click()
    page.get_by_role("button", name="Test").click()
    expect(page.get_by_role("status")).to_contain_text("2 of 2 tested, 2 answering")


def make_combo(page: Page, name: str, *models: str) -> None:
    add(page, "Combos", "combo")
    page.get_by_label("Name").fill(name)
    for number, model in enumerate(models):
        page.get_by_role("link", name="Add another Target").click()
        page.locator(f"#id_targets-{number}-model").fill(model)
    expect(page.locator("#combo-preview .order code")).to_have_text(list(models))
    save(page)
    expect(page.locator("body")).to_contain_text("was added successfully")


def make_key(page: Page, name: str) -> str:
    add(page, "API keys", "API key")
    page.get_by_label("Name").fill(name)
    save(page)
    said = page.get_by_text(re.compile("shown this once")).inner_text()
    return said.rpartition(" ")[2]


def call(gateway: Gateway, key: str, model: str) -> str | None:
    """With an SDK, as soon as the gateway knows the key and the name: within a second."""
    client = OpenAI(base_url=gateway.url + "/v1", api_key=key, max_retries=0)

    def is_listed() -> bool:
        try:
            return model in [each.id for each in client.models.list()]
        except AuthenticationError:
            return False

    until(is_listed, 5)
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello"}]
    answer = client.chat.completions.create(model=model, messages=messages)
    return answer.choices[0].message.content
