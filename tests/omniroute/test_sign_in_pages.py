"""The pages behind "sign in" and "test all": who sees them, and what they say."""

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from accounts import roles
from providers.models import Connection, Provider, Token
from tests.factories import ConnectionFactory, ProviderFactory, ProviderModelFactory, UserFactory

pytestmark = pytest.mark.django_db

ROW = {
    "flow": "authorization_code or device", "authorize_url": "https://acme.example/authorize",
    "token_url": "https://acme.example/{tenant}/token", "pkce": "S256",
    "device_authorization_url": "https://acme.example/device",
    "client_id_setting": "ACME_OAUTH_CLIENT_ID",
}  # fmt: skip


def signed_in(role: str) -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(UserFactory(username=role, role=role))
    return client


@pytest.fixture
def admin() -> Client:
    return signed_in(roles.ADMINISTRATOR)


@pytest.fixture
def provider() -> Provider:
    return ProviderFactory(
        slug="acme", name="Acme", oauth=ROW, status="restricted",
        status_note="The vendor <b>forbids</b> this.",
    )  # fmt: skip


def test_who_has_no_client_is_told_the_setting(admin: Client, provider: Provider) -> None:
    ProviderFactory(name="Keys only")
    page = admin.get(reverse("sign-ins")).content.decode()
    assert "ACME_OAUTH_CLIENT_ID is not set" in page
    assert "Keys only" not in page
    assert "id=authorize" not in admin.get(reverse("sign-in", args=["acme"])).content.decode()


def test_the_page_warns_asks_and_shows_the_address_to_register(
    admin: Client, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_OAUTH_CLIENT_ID", "mine")
    page = admin.get(reverse("sign-in", args=["acme"]), {"name": 'a"b'}).content.decode()
    for words in (
        "The vendor &lt;b&gt;forbids&lt;/b&gt; this.", 'data-param="tenant"', "id=device",
        "http://127.0.0.1:20128/api/oauth/acme/callback", 'value="a&quot;b"', "id=authorize",
    ):  # fmt: skip
        assert words in page, words
    assert "<script>" not in page.partition('id="sign-in"')[2]


def test_a_provider_without_a_sign_in_has_no_page(admin: Client) -> None:
    ProviderFactory(slug="plain")
    assert admin.get(reverse("sign-in", args=["plain"])).status_code == 404


@pytest.mark.parametrize(
    ("role", "page", "status"),
    [
        (roles.OPERATOR, "sign-ins", 403),
        (roles.VIEWER, "test-all", 403),
        (roles.OPERATOR, "test-all", 200),
        (roles.MEMBER, "test-all", 302),
    ],
)
def test_a_role_sees_what_it_may_do(role: str, page: str, status: int) -> None:
    assert signed_in(role).get(reverse(page)).status_code == status


def test_all_active_connections_are_there_to_be_tested(admin: Client) -> None:
    ConnectionFactory(name="on", api_key="k")
    ConnectionFactory(name="off", api_key="k", active=False)
    page = admin.get(reverse("test-all")).content.decode()
    assert 'data-name="on"' in page
    assert 'data-name="off"' not in page


def test_buttons_lead_there(admin: Client, provider: Provider) -> None:
    row = ConnectionFactory(name="mine", provider=provider, api_key="k")
    plain = ConnectionFactory(name="plain", api_key="k")
    change = "admin:providers_connection_change"
    listed = admin.get(reverse("admin:providers_connection_changelist")).content.decode()
    assert reverse("admin:providers_connection_sign_in") in listed
    assert reverse("admin:providers_connection_test_all") in listed
    again = reverse("admin:providers_connection_sign_in_again", args=[row.pk])
    assert again in admin.get(reverse(change, args=[row.pk])).content.decode()
    assert "sign-in-again" not in admin.get(reverse(change, args=[plain.pk])).content.decode()
    assert admin.get(again)["location"] == "/admin/sign-in/acme/?name=mine"


def test_a_token_is_pasted_into_the_form_and_seen_nowhere(
    admin: Client, provider: Provider
) -> None:
    fields = {
        "name": "mine", "provider": provider.pk, "auth_type": "oauth", "priority": 1,
        "active": "on", "model_names": "[]", "model_map": "{}", "limits": "{}", "timeouts": "{}",
        "headers": "{}", "headroom": "0", "params": "{}", "refresh_token": "rt-canary",
        "access_token": "at-canary", "expires": "2099-01-01T00:00:00Z",
    }  # fmt: skip
    assert admin.post(reverse("admin:providers_connection_add"), fields).status_code == 302
    row = Connection.objects.get()
    assert row.token.opened()["refresh_token"] == "rt-canary"
    pages = [
        reverse("admin:providers_connection_changelist"),
        reverse("admin:providers_connection_change", args=[row.pk]),
    ]
    text = "".join(admin.get(page).content.decode() for page in pages)
    assert "canary" not in text
    assert "token until 2099-01-01" in text
    Token.objects.update(needs_login=True, cause="sign in again: invalid_grant")
    assert "needs login: sign in again" in admin.get(pages[0]).content.decode()


def test_a_proxy_or_a_parameter_that_leads_elsewhere_needs_the_key_again(admin: Client) -> None:
    provider = ProviderFactory(base_url="https://{resource}.example/v1")
    row = ConnectionFactory(
        name="mine", provider=provider, api_key="k", params={"resource": "ours"}
    )
    fields = {
        "name": "mine", "provider": provider.pk, "auth_type": "api_key", "priority": 1,
        "active": "on", "model_names": "[]", "model_map": "{}", "limits": "{}", "timeouts": "{}",
        "headers": "{}", "headroom": "0", "params": '{"resource": "ours"}',
    }  # fmt: skip
    change = reverse("admin:providers_connection_change", args=[row.pk])
    assert admin.post(change, fields).status_code == 302
    for moved in ({"params": '{"resource": "evil"}'}, {"proxy": "http://evil.example:8080"}):
        page = admin.post(change, fields | moved)
        assert b"needs its API key entered again" in page.content
        assert admin.post(change, fields | moved | {"api_key": "k"}).status_code == 302
        fields |= moved


def test_models_are_imported_by_an_action(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = ProviderFactory(slug="acme")
    row = ConnectionFactory(name="mine", provider=provider, api_key="k")
    ProviderModelFactory(provider=provider, name="m1", input_price=1)
    answer = (200, b'{"data": [{"id": "m1"}, {"id": "m2"}]}')
    monkeypatch.setattr("omniroute.http.get", lambda *_, **__: answer)
    done = admin.post(
        reverse("admin:providers_connection_changelist"),
        {"action": "import_models", "_selected_action": [row.pk]},
    )
    assert "mine: 1 model is new; it has no price." in " ".join(
        map(str, get_messages(done.wsgi_request))
    )
    assert [(m.name, m.input_price) for m in provider.offered_models.order_by("name")] == [
        ("m1", 1), ("m2", None),
    ]  # fmt: skip
