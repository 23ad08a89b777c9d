"""The translator page: what would become of a request, an answer or a stream, and no secret."""

import base64
import html
import json
import re
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from django.test import Client
from django.urls import reverse

from accounts import roles
from gateway.formats import FORMATS, by_name
from gateway.formats.types import (
    Event,
    Finished,
    Image,
    JSONDict,
    Message,
    Prompt,
    Started,
    TextDelta,
)
from omniroute.console import examples, translation
from omniroute.console.readable import MAX_CHARS, listed, plain, pretty
from omniroute.console.translation import (
    Upstream,
    explain_request,
    explain_response,
    explain_stream,
)
from tests.factories import (
    ComboFactory,
    ConnectionFactory,
    ProviderFactory,
    ProviderModelFactory,
    UserFactory,
)

SECRET = "sk-up-canary-8d2c"
HIDDEN = "header-canary-51"


def signed_in(role: str) -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(UserFactory(username=role, role=role))
    return client


@pytest.fixture
def viewer(db: None) -> Client:
    return signed_in(roles.VIEWER)


@pytest.fixture
def configured(db: None) -> None:
    """`claude/m1` in Anthropic's format, `local/m2` in OpenAI's, and `best` of both."""
    for slug, format, model in (
        ("claude", "anthropic_messages", "m1"),
        ("local", "openai_chat", "m2"),
    ):
        provider = ProviderFactory(slug=slug, format=format, base_url=f"https://{slug}.example/v1")
        ProviderModelFactory(provider=provider, name=model)
        ConnectionFactory(
            name=f"{slug}-main", provider=provider, api_key=SECRET, headers={"X-Team": HIDDEN}
        )
    ComboFactory(name="best", targets=["claude/m1", "local/m2"])


CHAT: dict[str, Any] = {"model": "x", "messages": [{"role": "user", "content": "Grüß dich"}]}


def paste(client: Client, kind: str, pasted: object, **fields: Any) -> str:
    """What the page shows, as text."""
    sent = {
        "text": pasted if isinstance(pasted, str) else json.dumps(pasted),
        "source": "openai_chat",
        "target": "anthropic_messages",
        "model": "" if kind != "request" else "claude/m1",
    }
    answer = client.post(reverse("translator", args=[kind]), sent | fields)
    assert answer.status_code == 200
    return html.unescape(re.sub(r"<[^>]*>", "", answer.content.decode()))


# --- Who may see it --------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role", "status"),
    [(roles.ADMINISTRATOR, 200), (roles.OPERATOR, 200), (roles.VIEWER, 200), (roles.MEMBER, 302)],
)
def test_who_may_see_the_configuration_may_translate(role: str, status: int) -> None:
    assert signed_in(role).get("/admin/translator/").status_code == status


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["", "response/", "stream/"])
def test_a_stranger_is_sent_to_sign_in(path: str) -> None:
    client = Client(headers={"host": "localhost"})
    answer = client.get(f"/admin/translator/{path}", follow=True)
    assert answer.redirect_chain[-1][0].startswith("/account/login/")
    assert client.post(f"/admin/translator/{path}", {"text": "{}"}).status_code == 302


def test_a_form_of_another_site_is_refused(viewer: Client) -> None:
    strict = Client(enforce_csrf_checks=True, headers={"host": "localhost"})
    strict.cookies = viewer.cookies
    assert strict.post("/admin/translator/request/", {"text": "{}"}).status_code == 403


def test_the_sidebar_leads_to_it(viewer: Client) -> None:
    assert b'href="/admin/translator/"' in viewer.get(reverse("admin:index")).content


def test_there_are_three_kinds(viewer: Client) -> None:
    assert viewer.get("/admin/translator/poem/").status_code == 404


# --- Requests --------------------------------------------------------------------------------


@pytest.mark.usefixtures("configured")
def test_a_request_is_shown_as_it_is_read_and_as_it_would_be_sent(viewer: Client) -> None:
    shown = paste(viewer, "request", CHAT | {"logit_bias": {"1": 2}})
    assert '"type": "Prompt"' in shown
    assert "Grüß dich" in shown
    assert '"max_tokens": 8192' in shown  # which only Anthropic's format demands
    assert "POST https://claude.example/v1/messages" in shown
    assert "logit_bias" in shown.partition("Dropped")[2].partition("If that fails")[0]
    assert "there is no other candidate" in shown


@pytest.mark.usefixtures("configured")
def test_one_format_on_both_ends_is_relayed_under_another_name(viewer: Client) -> None:
    shown = paste(viewer, "request", CHAT | {"novelty": 1}, model="local/m2")
    assert "Both ends speak openai_chat" in shown
    sent = shown.partition("What would be sent")[2].partition("bytes")[0]
    assert '"model": "m2"' in sent
    assert '"novelty": 1' in sent


@pytest.mark.usefixtures("configured")
def test_a_combo_shows_its_first_candidate_and_names_the_others(viewer: Client) -> None:
    shown = paste(viewer, "request", CHAT, model="best")
    assert "claude/m1 on claude-main (anthropic_messages)" in shown
    assert "local/m2 on local-main (openai_chat)" in shown.partition("If that fails")[2]


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"model": "x"}', "messages: a value is missing"),
        ('{"model": "x", "messages": "hi"}', "messages: an array is expected"),
        ('{"model": ', "the body is not JSON"),
        ("[1]", "the body must be a JSON object"),
        (CHAT | {"n": 2}, "n: this provider gives one answer a call"),
        ("[" * 90_000, "the body is not JSON: nested too deeply"),
    ],
    ids=["missing", "of another type", "no JSON", "no object", "not expressible", "deep"],
)
def test_a_wrong_request_shows_the_clients_error(viewer: Client, text: Any, words: str) -> None:
    shown = paste(viewer, "request", text)
    assert f"400 {words}" in shown
    assert '"type": "invalid_request_error"' in shown
    assert "Where it would go" not in shown


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"model": "clade/m1"}, "the model 'clade/m1' does not exist; did you mean claude/m1"),
        ({"model": ""}, "This field is required."),
        ({"source": "telegram"}, "telegram is not one of the available choices"),
        ({"text": ""}, "This field is required."),
        ({"text": "é" * 500_001}, "At most 1 MB can be pasted here."),
    ],
    ids=["unknown model", "no model", "unknown format", "no text", "too long"],
)
def test_a_field_that_is_wrong_says_so(viewer: Client, fields: Any, words: str) -> None:
    shown = paste(viewer, "request", CHAT, **fields)
    assert words in shown
    assert "The neutral form" not in shown


@pytest.mark.usefixtures("configured")
def test_no_secret_is_on_the_page(viewer: Client) -> None:
    for model in ("claude/m1", "local/m2", "best"):
        shown = paste(viewer, "request", CHAT, model=model)
        assert SECRET not in shown
        assert HIDDEN not in shown
        assert "x-team: [hidden]" in shown
        assert re.search(r"(x-api-key|authorization): \[key\]", shown)


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize("kind", ["request", "response", "stream"])
def test_what_is_pasted_stays_text(viewer: Client, kind: str) -> None:
    text = json.dumps(CHAT | {"messages": [{"role": "user", "content": "</pre><script>alert(1)"}]})
    answer = viewer.post(
        reverse("translator", args=[kind]),
        {"text": text, "source": "openai_chat", "target": "openai_chat", "model": "local/m2"},
    )
    assert b"alert(1)" in answer.content
    assert b"<script>alert" not in answer.content


def test_a_key_that_is_not_there_is_said_and_nothing_breaks(
    viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = ProviderFactory(slug="local")
    ProviderModelFactory(provider=provider, name="m")
    ConnectionFactory(provider=provider, api_key="env:TRANSLATOR_KEY")
    monkeypatch.delenv("TRANSLATOR_KEY", raising=False)
    shown = paste(viewer, "request", CHAT, model="local/m")
    assert "the environment variable TRANSLATOR_KEY is not set" in shown


class Addressed:
    """OpenAI's format, as if its address said the model and whether to stream."""

    NAME = "addressed"

    def __getattr__(self, name: str) -> Any:
        return getattr(FORMATS["openai_chat"], name)

    def check_request(self, body: JSONDict) -> None:
        assert "model" not in body

    def decode_request(self, body: JSONDict) -> Prompt:
        prompt = FORMATS["openai_chat"].decode_request(body | {"model": "x"})
        return msgspec.structs.replace(prompt, model="")


@pytest.mark.parametrize(("stream", "address"), [(False, "https://a/one"), (True, "https://a/s")])
def test_what_an_address_says_is_taken_from_the_page(stream: bool, address: str) -> None:
    text = json.dumps({"messages": CHAT["messages"]})
    upstream = Upstream(
        format=by_name("openai_chat"), model="m", url="https://a/one", stream_url="https://a/s"
    )
    explained = explain_request(Addressed(), text, upstream, stream=stream)
    assert explained.address == address
    assert '"model": "m"' in explained.neutral
    assert ('"stream": true' in explained.body) is stream


# --- Answers and streams ---------------------------------------------------------------------


def test_an_answer_is_shown_as_the_client_would_get_it(viewer: Client) -> None:
    shown = paste(viewer, "response", examples.example("response", "openai_chat"), model="mine")
    neutral, _, got = shown.partition("What the client would get")
    assert '"type": "Reply"' in neutral
    assert '"stop_reason": "tool_use"' in got
    assert '"model": "mine"' in got


@pytest.mark.parametrize("text", ["<html>502</html>", "[]", '{"error": {"message": "busy"}}'])
def test_an_answer_that_is_none_becomes_the_clients_error(viewer: Client, text: str) -> None:
    shown = paste(viewer, "response", text)
    assert '"type": "api_error"' in shown
    assert "What the client would get: an error" in shown


def test_an_answer_in_one_format_is_relayed() -> None:
    text = examples.example("response", "openai_chat")
    openai = by_name("openai_chat")
    explained = explain_response(openai, text, openai)
    assert explained.relayed
    assert explained.body == text


def test_a_stream_from_a_textarea_is_read(viewer: Client) -> None:
    lines = examples.example("stream", "openai_chat").strip().replace("\n", "\r\n")
    shown = paste(viewer, "stream", lines)
    assert "The events in it (7)" in shown
    assert 'TextDelta        {"text": "Paris is cloudy. "}' in shown
    assert "event: message_stop" in shown


def test_a_stream_in_one_format_is_relayed(viewer: Client) -> None:
    text = examples.example("stream", "anthropic_messages")
    fields = {"source": "anthropic_messages", "target": "anthropic_messages"}
    shown = paste(viewer, "stream", text, **fields)
    assert "it is relayed as it is" in shown
    assert "event: message_stop" in shown.partition("What the client would get")[2]


BEGUN = 'data: {"choices":[{"index":0,"delta":{"content":"Hel"}}]}\n\n'


@dataclass(frozen=True)
class Broken:
    id: str
    text: str
    status: int | None
    message: str
    events: int


BROKEN = [
    Broken("before any content", 'data: {"error":{"message":"busy"}}\n\n', 502, "busy", 0),
    Broken("after some", BEGUN + 'data: {"error":{"message":"busy"}}\n\n', None, "busy", 2),
    Broken("without its end", BEGUN, None, "the upstream's stream broke off", 2),
    Broken("an empty one", "\n", 502, "the upstream's stream broke off", 0),
]


@pytest.mark.parametrize("target", sorted(FORMATS))
@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.id)
def test_a_broken_stream_shows_what_came_and_what_ends_it(case: Broken, target: str) -> None:
    explained = explain_stream(by_name("openai_chat"), case.text.encode(), by_name(target))
    assert explained.failure is not None
    assert (explained.failure.status, explained.failure.message) == (case.status, case.message)
    assert explained.events == case.events
    assert bool(explained.body) is (case.status is None)
    assert "message_stop" not in explained.body
    assert "[DONE]" not in explained.body


class Binary:
    """OpenAI's format, as if it were framed in binary."""

    STREAM_TYPE = "application/vnd.amazon.eventstream"

    def __getattr__(self, name: str) -> Any:
        return getattr(FORMATS["openai_chat"], name)


def test_a_binary_stream_is_pasted_as_base64(
    viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FORMATS, "framed", Binary())
    content = viewer.get("/admin/translator/stream/").content.decode()
    assert re.search(r"Streams of .*\bframed are binary", content)
    text = base64.encodebytes(examples.example("stream", "openai_chat").encode()).decode()
    assert "event: message_stop" in paste(viewer, "stream", text, source="framed")
    refused = paste(viewer, "stream", "data: {}", source="framed")
    assert "is binary; paste it as base64" in refused


# --- Examples --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.parametrize("kind", ["request", "response", "stream"])
def test_every_format_has_an_example_that_can_be_translated_to_every_other(
    kind: str, name: str
) -> None:
    text, format = examples.example(kind, name), by_name(name)
    for other in FORMATS.values():
        if kind == "request":
            upstream = Upstream(
                format=other, model="m", url="https://a.example/", stream_url="https://a.example/s"
            )
            explained = explain_request(format, text, upstream)
        elif kind == "response":
            explained = explain_response(format, text, other)
        else:
            data = translation.stream_bytes(format, text)
            explained = explain_stream(format, data, other)
        assert explained.failure is None
        assert "Paris" in explained.neutral
        assert explained.unread == ""
        assert explained.body


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize("name", sorted(FORMATS))
def test_an_example_fills_the_form(viewer: Client, name: str) -> None:
    content = viewer.get(f"/admin/translator/request/?example={name}").content.decode()
    assert f'<option value="{name}" selected>' in content
    assert "You know the weather." in content
    assert '<option value="best">' in content


# --- Reading ---------------------------------------------------------------------------------


def test_defaults_are_left_out_and_types_are_named() -> None:
    prompt = Prompt(format="openai_chat", model="m", messages=(Message("user", ()),))
    assert plain(prompt) == {
        "type": "Prompt",
        "format": "openai_chat",
        "model": "m",
        "messages": [{"type": "Message", "role": "user", "parts": []}],
    }


def test_long_base64_is_cut_visibly() -> None:
    shown = plain(Image(data="QUJD" * 1000, media_type="image/png"))
    assert shown["data"] == "QUJD" * 12 + "… [4,000 characters]"


def test_what_would_fill_the_page_is_cut_visibly() -> None:
    assert pretty(["a b"] * 300_000).endswith("… [the rest is cut from this page]")
    assert len(pretty(["a b"] * 300_000)) < MAX_CHARS + 100
    nested: list[Any] = []
    for _ in range(500):
        nested = [nested]
    assert "… [nested more deeply]" in pretty(nested)


def test_half_a_character_can_be_shown() -> None:
    assert json.loads(pretty({"a": "\ud83d"})) == {"a": "\ud83d"}


def test_events_are_a_line_each() -> None:
    events: list[Event] = [Started("1", "m"), TextDelta("a\nb"), Finished("stop")]
    assert listed(events).splitlines() == [
        'Started          {"id": "1", "model": "m"}',
        'TextDelta        {"text": "a\\nb"}',
        'Finished         {"finish": "stop"}',
    ]
