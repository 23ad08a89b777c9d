"""The playground in a browser: streams, tools, four models at once, stopping, and the request as code."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.steps import Watch, check_accessibility, sign_in
from tests.e2e.gateway import KEY, Gateway, request_id, until
from tests.e2e.scenes import REPORT, TALK, THOUGHT
from tests.e2e.upstream import Upstream

PATH = "/playground/"
WEATHER = """[{"name": "weather", "description": "The weather of a city.", "parameters":
  {"type": "object", "properties": {"city": {"type": "string"}}}}]"""
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
)
HOSTILE = "<script>document.title='owned'</script><img src=x onerror=alert(1)> \u202e\x1b[31mred"


def opened(page: Page, gateway: Gateway, *models: str) -> list[Locator]:
    """The page, with a column for each model."""
    sign_in(page, gateway, to=PATH)
    page.get_by_label("API key").select_option("laptop")
    for at, model in enumerate(models):
        if at:
            page.get_by_role("button", name="Compare with another model").click()
        columns(page).nth(at).get_by_label("Model", exact=True).fill(model)
    return [columns(page).nth(at) for at in range(len(models))]


def columns(page: Page) -> Locator:
    return page.locator("#columns > section")


def send(page: Page, text: str) -> None:
    page.get_by_label("Your message").fill(text)
    page.get_by_role("button", name="Send").click()


def last(column: Locator) -> Locator:
    return column.locator(".message").last


def figure(column: Locator, name: str) -> Locator:
    return column.locator(f".figure-{name}")


def test_an_answer_streams_and_the_conversation_goes_on(
    page: Page, gateway: Gateway, upstream: Upstream
) -> None:
    (column,) = opened(page, gateway, "mk/plain")
    page.locator("#settings summary").click()
    page.get_by_label("System prompt").fill("Be brief.")
    page.get_by_label("Temperature").fill("0.5")
    page.get_by_label("Stop at").fill("END\nFIN")
    page.get_by_label("Reasoning effort").select_option("low")
    send(page, "Say hello.")
    expect(last(column)).to_contain_text(TALK)
    expect(figure(column, "tokens")).to_have_text("11 + 5")
    expect(figure(column, "cost")).to_have_text("$0.000021")
    expect(figure(column, "by")).to_have_text("mk/plain · mk-main")
    expect(figure(column, "first")).to_contain_text(" s")
    check_accessibility(page)

    page.get_by_label("Your message").fill("And again?")
    page.get_by_label("Your message").press("Enter")
    until(lambda: len(upstream.of("plain")[-1].body["messages"]) == 4)
    expect(page.get_by_role("button", name="Send")).to_be_enabled()
    expect(column.locator(".message")).to_have_count(4)
    sent = upstream.of("plain")[-1].body
    assert [message["role"] for message in sent["messages"]] == [
        "system", "user", "assistant", "user",
    ]  # fmt: skip
    assert (sent["temperature"], sent["stop"], sent["reasoning_effort"]) == (
        0.5, ["END", "FIN"], "low",
    )  # fmt: skip
    assert KEY not in page.content()

    page.get_by_role("button", name="New conversation").click()
    expect(column.locator(".message")).to_have_count(0)


def test_a_tool_is_called_and_given_its_results(
    page: Page, gateway: Gateway, upstream: Upstream
) -> None:
    (column,) = opened(page, gateway, "an/thinking-agent")
    page.locator("#settings summary").click()
    page.get_by_label("Tools").fill(WEATHER)
    send(page, "Weather?")
    expect(column.locator(".call .name")).to_have_text(["weather", "weather"])
    expect(column.locator(".call .arguments").first).to_contain_text('"city": "Oslo"')
    check_accessibility(page)
    results = column.get_by_label("Its result")
    results.first.fill("rain")
    give = column.get_by_role("button", name="Give the results")
    give.click()
    expect(results.last).to_be_focused()
    results.last.fill("sun")
    give.click()
    expect(last(column)).to_contain_text(REPORT)
    sent = upstream.of("thinking-agent")[-1].body
    assert sent["tools"][0]["name"] == "weather"
    thinking, *calls = sent["messages"][1]["content"]
    assert (thinking["type"], thinking["thinking"]) == ("thinking", THOUGHT)
    assert [call["input"]["city"] for call in calls] == ["Oslo", "Rome"]
    told = [part["content"] for part in sent["messages"][2]["content"]]
    assert "rain" in str(told[0])
    assert "sun" in str(told[1])


def test_four_models_answer_one_prompt_side_by_side(
    page: Page, gateway: Gateway, watch: Watch
) -> None:
    # Chromium writes a request that is refused into the console, whoever handles it.
    watch.expect("Failed to load resource: the server responded with a status of 400")
    asked = opened(page, gateway, "mk/plain", "an/talk", "gm/thinker", "mk/status-400")
    expect(page.get_by_role("button", name="Compare with another model")).to_be_hidden()
    send(page, "Hello?")
    for column in asked[:3]:
        expect(last(column)).to_contain_text(TALK)
        expect(figure(column, "total")).to_contain_text(" s")
        expect(figure(column, "tokens")).to_have_text("11 + 5")
    expect(figure(asked[0], "cost")).to_have_text("$0.000021")
    expect(figure(asked[1], "cost")).to_have_text("no price known")
    expect(last(asked[2]).get_by_text("Thoughts")).to_be_visible()
    expect(asked[3].get_by_role("alert")).to_contain_text("refused")
    check_accessibility(page)
    asked[3].get_by_role("button", name="Remove this model").click()
    expect(columns(page)).to_have_count(3)


def test_stop_ends_the_call_and_keeps_what_came(
    page: Page, gateway: Gateway, upstream: Upstream
) -> None:
    (column,) = opened(page, gateway, "mk/hangs-mid-stream")
    send(page, "Tell me a long story.")
    expect(last(column)).to_contain_text("Hello from")
    page.get_by_role("button", name="Stop").click()
    expect(column.get_by_role("alert")).to_have_text("Stopped.")
    expect(last(column)).to_contain_text("Hello from")
    expect(figure(column, "tokens")).to_contain_text("(estimated)")
    until(lambda: upstream.of("hangs-mid-stream")[-1].closed)
    column.get_by_label("Model", exact=True).fill("mk/plain")
    column.get_by_role("button", name="Ask again").click()
    expect(last(column)).to_contain_text(TALK)
    expect(column.locator(".message")).to_have_count(2)


def test_what_models_say_is_text_whatever_it_is(page: Page, gateway: Gateway) -> None:
    (column,) = opened(page, gateway, "demo/echo")
    send(page, HOSTILE)
    expect(last(column).locator(".text")).to_contain_text("<script>document.title='owned'</script>")
    expect(column.locator("script, .text img")).to_have_count(0)
    assert page.title() == "Playground · OmniRoute"


def test_what_is_wrong_is_told_at_its_field(page: Page, gateway: Gateway) -> None:
    (column,) = opened(page, gateway, "mk/plain")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#said")).to_have_text("There is nothing to send yet.")
    page.locator("#settings summary").click()
    page.get_by_label("Tools").fill("[{]")
    page.get_by_label("Temperature").fill("7")
    page.locator("#settings summary").click()
    send(page, "Hello?")
    expect(page.locator("#set-tools-error")).to_be_visible()
    expect(page.locator("#set-temperature-error")).to_be_visible()
    expect(column.locator(".message")).to_have_count(0)
    expect(page.get_by_label("Your message")).to_have_value("Hello?")
    check_accessibility(page)


def test_a_picture_goes_along(page: Page, gateway: Gateway, upstream: Upstream) -> None:
    (column,) = opened(page, gateway, "an/talk")
    page.locator("#image").set_input_files(
        {"name": "pixel.png", "mimeType": "image/png", "buffer": PIXEL}
    )
    expect(page.get_by_role("button", name="Remove this picture")).to_be_visible()
    send(page, "What is it?")
    expect(last(column)).to_contain_text(TALK)
    expect(column.get_by_alt_text("Picture")).to_be_visible()
    text, image = upstream.of("talk")[-1].body["messages"][0]["content"]
    assert text["text"] == "What is it?"
    assert base64.b64decode(image["source"]["data"]) == PIXEL


@pytest.mark.parametrize("language", ["curl", "Python"])
def test_the_code_that_is_shown_makes_the_same_request(
    page: Page, gateway: Gateway, upstream: Upstream, language: str
) -> None:
    opened(page, gateway, "mk/plain")
    page.locator("#settings summary").click()
    page.get_by_label("Tools").fill(WEATHER)
    page.get_by_label("Further fields").fill('{"seed": 7, "own": {"a": [null, true]}}')
    page.get_by_label("Your message").fill(asked := 'it\'s "so" $HOME\n`x` \\ é')
    page.locator("#code summary").click()
    page.get_by_role("tab", name=language).click()
    shown = page.locator("#code-text").text_content() or ""
    assert "OMNIROUTE_API_KEY" in shown
    program = ["bash", "-c", shown] if language == "curl" else [sys.executable, "-c", shown]
    variables = {**os.environ, "OMNIROUTE_API_KEY": KEY}
    done = subprocess.run(program, env=variables, capture_output=True, text=True)
    assert "upstream" in done.stdout, done.stderr
    sent = upstream.of("plain")[-1].body
    assert (sent["messages"][-1]["content"], sent["seed"], sent["own"]) == (
        asked, 7, {"a": [None, True]},
    )  # fmt: skip
    assert sent["tools"][0]["function"]["name"] == "weather"


def test_typescript_is_shown_and_copied(page: Page, gateway: Gateway) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened(page, gateway, "mk/plain")
    page.locator("#code summary").click()
    page.get_by_role("tab", name="curl").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("tab", name="TypeScript")).to_be_focused()
    check_accessibility(page)
    page.locator("#copy-code").click()
    expect(page.locator("#copy-code")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("#code-text").text_content()
    assert f'baseURL: "{gateway.url}/v1"' in copied


@pytest.fixture(scope="module")
def keeping(gateway: Gateway) -> None:
    gateway.apply({"settings": {"log_bodies": True}})


@pytest.mark.usefixtures("keeping")
def test_a_logged_conversation_with_tools_goes_on_where_it_was(
    page: Page, gateway: Gateway
) -> None:
    called = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "weather", "arguments": "{}"},
    }
    talk = [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": None, "tool_calls": [called]},
        {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
    ]
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]
    told = {"model": "mk/agent", "messages": talk, "tools": tools, "seed": 3}
    row = until(lambda: _kept(gateway, gateway.post("/v1/chat/completions", told)))
    sign_in(page, gateway, to=PATH)
    page.goto(f"{gateway.url}{PATH}?from={row}")
    column = columns(page).first
    expect(column.locator(".call .name")).to_have_text("weather")
    expect(column.get_by_label("Its result")).to_have_count(0)
    expect(page.locator("#set-further")).to_have_value('{\n  "seed": 3\n}')
    page.get_by_role("button", name="Send").click()
    expect(last(column)).to_contain_text(REPORT)


def _kept(gateway: Gateway, answer: httpx.Response) -> str:
    """The id of a request whose body was kept; nothing where the setting came too late for it."""
    row = gateway.row(request_id(answer))
    return str(row["id"]) if row["request_body"] else ""


@pytest.mark.usefixtures("keeping")
def test_a_logged_request_of_any_format_is_opened_again(
    page: Page, gateway: Gateway, upstream: Upstream
) -> None:
    body = {
        "model": "mk/plain", "max_tokens": 77, "system": "Be brief.",
        "messages": [
            {"role": "user", "content": "One?"}, {"role": "assistant", "content": "Two."},
            {"role": "user", "content": "Three?"},
        ],
    }  # fmt: skip
    row = until(lambda: _kept(gateway, gateway.post("/v1/messages", body)))
    sign_in(page, gateway, to=PATH)
    page.goto(f"{gateway.url}{PATH}?from={row}")
    column = columns(page).first
    expect(column.get_by_label("Model", exact=True)).to_have_value("mk/plain")
    expect(column.locator(".message .text")).to_have_text(["One?", "Two."])
    expect(page.get_by_label("Your message")).to_have_value("Three?")
    expect(page.locator("#set-max_tokens")).to_have_value("77")
    page.get_by_role("button", name="Send").click()
    expect(last(column)).to_contain_text(TALK)
    assert len(upstream.of("plain")[-1].body["messages"]) == 4

    page.goto(f"{gateway.url}{PATH}?from=req_of_somebody")
    expect(page.get_by_role("status").first).to_have_text("There is no such request in your log.")


def test_on_a_phone_nothing_is_cut_off(page: Page, gateway: Gateway) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    (column, _) = opened(page, gateway, "mk/plain", "demo/echo")
    send(page, "x" * 300)
    expect(last(column)).to_contain_text(TALK)
    page.locator("#settings summary").click()
    page.locator("#code summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    check_accessibility(page)


def test_who_has_no_key_is_told_how_to_get_one(
    page: Page, gateway: Gateway, tmp_path: Path
) -> None:
    gateway.apply({"users": [{"username": "keyless", "role": "viewer"}]})
    sign_in(page, gateway, "keyless", to=PATH)
    expect(page.get_by_text("You have no API key")).to_be_visible()
    check_accessibility(page)
