"""A row of each kind, and a user of each role, for tests of who may do what."""

from base64 import b64encode

from django.test import Client

from accounts import invitations, keys, roles
from accounts.models import Invitation, User
from analytics.models import AlertChannel
from combos.models import Alias
from providers.models import ErrorRule
from tests.accounts.browsing import browser, make_user
from tests.factories import ComboFactory, ConnectionFactory, ProviderFactory, ProviderModelFactory

EVERY_ROLE = (roles.ADMINISTRATOR, roles.OPERATOR, roles.VIEWER, roles.MEMBER)
# Each is in a row, and on no page and in no answer.
SECRETS = (
    *("canary-of-the-key", "canary-of-the-header", "canary-of-the-hook"),
    "whsec_" + b64encode(b"canary of what signs a webhook").decode(),
)


def one_of_each() -> None:
    """The users are named as their roles are."""
    for role in EVERY_ROLE:
        make_user(role, role)
    local = ProviderFactory(slug="local", name="local")
    ConnectionFactory(
        name="main", provider=local, api_key=SECRETS[0], headers={"x-secret": SECRETS[1]}
    )
    ProviderModelFactory(provider=local, name="m")
    ComboFactory(name="best", targets=["local/m"])
    Alias.objects.create(alias="quick", model="local/m")
    ErrorRule.objects.create(status=429, action="stop")
    keys.mint(name="laptop", owner=User.objects.get(username="administrator"))[0].save()
    invited = Invitation(email="new@example.com")
    invitations.assign(invited)
    invited.save()
    channel = AlertChannel(name="ops", events=["budget_100"])
    channel.seal({"url": f"https://hooks.example/{SECRETS[2]}", "secret": SECRETS[3]})
    channel.save()


def of(name: str) -> Client:
    """The browser of a user, who is signed in."""
    client = browser()
    client.force_login(User.objects.get(username=name))
    return client
