"""Signing in with OpenID Connect, at an issuer on loopback: who comes in, and who does not."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from accounts import invitations, roles
from accounts.models import Invitation, User
from tests.accounts.browsing import browser, is_signed_in, make_user
from tests.providers.oauth.server import CLIENT, SECRET, AuthorizationServer, authorization_server

pytestmark = pytest.mark.django_db

ADA = {
    "sub": "ada-1", "email": "ada@example.com", "email_verified": True,
    "preferred_username": "ada", "given_name": "Ada", "family_name": "Lovelace",
}  # fmt: skip


@pytest.fixture
def issuer(settings: Settings) -> Iterator[AuthorizationServer]:
    with authorization_server() as one:
        one.person, one.needs_secret = dict(ADA), True
        settings.OIDC_ISSUER, settings.OIDC_NAME = one.url, "Acme"
        app = {
            "provider_id": "oidc", "name": "Acme", "client_id": CLIENT, "secret": SECRET,
            "settings": {"server_url": one.url},
        }  # fmt: skip
        settings.SOCIALACCOUNT_PROVIDERS = {"oidc": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}}
        yield one


def begin(client: Client, **query: str) -> str:
    """Where the browser is sent."""
    return client.get(reverse("oidc_login"), query).headers["location"]


def agree(address: str) -> str:
    """The person agrees; the path that their browser comes back to."""
    back = urlsplit(httpx.get(address).headers["location"])
    return f"{back.path}?{back.query}"


def come(client: Client | None = None) -> tuple[Client, Any]:
    client = client or browser()
    return client, client.get(agree(begin(client)))


def test_the_sign_in_page_has_a_link_to_it(issuer: AuthorizationServer) -> None:
    page = browser().get(reverse("account_login")).content.decode()
    assert "Sign in with Acme" in page
    assert reverse("oidc_login") in page


def test_who_has_the_address_here_is_signed_in(issuer: AuthorizationServer) -> None:
    ada = make_user("countess", email="Ada@Example.com")
    client, answer = come()
    assert answer.url == "/"
    assert is_signed_in(client)
    assert SocialAccount.objects.get().user == ada
    assert ada.check_password("correct-horse-9"), "a password that is there stays"


def test_later_the_subject_counts_and_not_the_address(issuer: AuthorizationServer) -> None:
    ada = make_user("countess", email="ada@example.com")
    come()
    make_user("other", email="new@example.com")
    issuer.person["email"] = "new@example.com"
    client, _ = come()
    assert client.session["_auth_user_id"] == str(ada.pk)


def test_an_invitation_makes_a_user_of_its_role_once(issuer: AuthorizationServer) -> None:
    row = Invitation(email="ada@example.com", role=roles.VIEWER)
    invitations.assign(row)
    row.save()
    client, _ = come()
    ada = User.objects.get()
    assert (ada.username, ada.role, ada.email) == ("ada", roles.VIEWER, "ada@example.com")
    assert (ada.first_name, ada.last_name, ada.has_usable_password()) == ("Ada", "Lovelace", False)
    assert is_signed_in(client)
    assert not Invitation.objects.open().exists()


def test_a_newcomer_gets_the_role_of_the_environment(
    issuer: AuthorizationServer, settings: Settings
) -> None:
    settings.OIDC_DEFAULT_ROLE = roles.MEMBER
    make_user("ada", email="somebody@example.com")
    client, _ = come()
    [newcomer] = User.objects.exclude(username="ada")
    assert newcomer.role == roles.MEMBER
    assert newcomer.username != "ada"
    assert is_signed_in(client)


REFUSED: dict[str, dict[str, Any]] = {
    "nobody has invited them": {},
    "the address is not verified": {"email": "boss@example.com", "email_verified": False},
    "nothing says that it is": {"email": "boss@example.com", "email_verified": None},
    "there is no address": {"email": ""},
    "two have it": {"email": "twice@example.com"},
}


@pytest.mark.parametrize("claims", REFUSED.values(), ids=REFUSED)
def test_who_is_not_expected_stays_out(issuer: AuthorizationServer, claims: dict[str, Any]) -> None:
    make_user("boss", roles.ADMINISTRATOR, email="boss@example.com")
    make_user("one", email="twice@example.com"), make_user("two", email="twice@example.com")
    issuer.person |= claims
    client, answer = come()
    assert answer.status_code == 403
    assert not is_signed_in(client)
    assert (User.objects.count(), SocialAccount.objects.count()) == (3, 0)


def test_who_is_switched_off_stays_out(issuer: AuthorizationServer) -> None:
    make_user("ada", email="ada@example.com", is_active=False)
    client, answer = come()
    assert answer.url == reverse("account_inactive")
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    "claims", [{"iss": "https://evil.example"}, {"aud": "another-client"}, {"exp": 1}]
)
def test_a_token_for_somebody_else_signs_nobody_in(
    issuer: AuthorizationServer, claims: dict[str, Any]
) -> None:
    make_user("ada", email="ada@example.com")
    issuer.person |= claims
    client, answer = come()
    assert answer.status_code == 401
    assert not is_signed_in(client)


def test_a_token_that_the_issuer_did_not_sign_neither(issuer: AuthorizationServer) -> None:
    make_user("ada", email="ada@example.com")
    issuer.forging = True
    client, answer = come()
    assert answer.status_code == 401
    assert not is_signed_in(client)


def test_what_another_browser_began_is_not_finished_here(issuer: AuthorizationServer) -> None:
    make_user("ada", email="ada@example.com")
    path = agree(begin(browser()))
    mine = browser()
    assert mine.get(path).status_code == 401
    assert not is_signed_in(mine)


def test_a_way_back_is_good_once(issuer: AuthorizationServer) -> None:
    make_user("ada", email="ada@example.com")
    client = browser()
    path = agree(begin(client))
    client.get(path)
    client.post(reverse("account_logout"))
    assert client.get(path).status_code == 401
    assert not is_signed_in(client)


def test_what_is_asked_for_is_the_gateways_to_say(
    issuer: AuthorizationServer, settings: Settings
) -> None:
    settings.PUBLIC_URL = "https://gateway.example"
    sent = begin(
        browser(),
        process="connect",
        scope="admin",
        auth_params="prompt=none",
        next="//evil.example",
    )
    told = parse_qs(urlsplit(sent).query)
    assert set(told["scope"][0].split()) == {"openid", "profile", "email"}
    assert told["redirect_uri"] == ["https://gateway.example/account/oidc/callback/"]
    assert told["code_challenge_method"] == ["S256"]
    assert "prompt" not in told


def test_nobody_links_an_identity_to_the_account_of_a_browser(issuer: AuthorizationServer) -> None:
    client = browser()
    client.force_login(make_user("bob", email="bob@example.com"))
    client.get(agree(begin(client, process="connect")))
    assert not SocialAccount.objects.exists()


def test_an_issuer_that_is_away_is_told_of(issuer: AuthorizationServer, settings: Settings) -> None:
    settings.OIDC_ISSUER = "http://127.0.0.1:1"
    app = settings.SOCIALACCOUNT_PROVIDERS["oidc"]["APPS"][0]
    app["settings"] = {"server_url": "http://127.0.0.1:1"}
    answer = browser().get(reverse("oidc_login"))
    assert answer.status_code == 502
    assert b"did not answer as it should" in answer.content


def test_another_issuers_document_is_refused(
    issuer: AuthorizationServer, settings: Settings
) -> None:
    settings.OIDC_ISSUER = "https://login.example"
    assert browser().get(reverse("oidc_login")).status_code == 502


def test_a_person_who_declines_is_back_at_the_sign_in(issuer: AuthorizationServer) -> None:
    client = browser()
    state = parse_qs(urlsplit(begin(client)).query)["state"][0]
    answer = client.get(reverse("oidc_callback"), {"error": "access_denied", "state": state})
    assert answer.status_code == 302


def test_no_token_of_the_issuer_is_kept(issuer: AuthorizationServer) -> None:
    make_user("ada", email="ada@example.com")
    come()
    assert not SocialToken.objects.exists()


@pytest.mark.parametrize("name", ["oidc_login", "oidc_callback"])
def test_without_an_issuer_there_is_nothing(name: str) -> None:
    assert browser().get(reverse(name)).status_code == 404
    assert "oidc" not in browser().get(reverse("account_login")).content.decode()
