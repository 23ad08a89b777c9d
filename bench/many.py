"""Many rows of everything that Admin lists, for whoever measures or counts what that costs.

`first` is how many there are already, `upto` how many there are to be.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from django.db.models import Model

from accounts.models import ApiKey, User
from analytics import records
from analytics.ids import new_id
from analytics.models import RequestRecord
from combos.models import Alias, Combo, ComboTarget
from providers.models import ErrorRule, Provider

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp()


def users(first: int, upto: int, name: str = "person") -> list[User]:
    return User.objects.bulk_create(
        User(username=f"{name}-{n}", role="member") for n in range(first, upto)
    )


def keys(first: int, upto: int) -> None:
    owners = users(first, upto, "owner")
    ApiKey.objects.bulk_create(
        ApiKey(name=f"k-{n}", owner=owner, sha256=f"{n:064}")
        for n, owner in enumerate(owners, first)
    )


def aliases(first: int, upto: int) -> None:
    Alias.objects.bulk_create(Alias(alias=f"a-{n}", model="mk/m") for n in range(first, upto))


def combos(first: int, upto: int) -> None:
    Combo.objects.bulk_create(Combo(name=f"c-{n:05}") for n in range(first, upto))
    made = list(Combo.objects.order_by("name"))[first:]
    inner = made[0]
    ComboTarget.objects.bulk_create(
        target
        for row in made[1:]
        for target in (ComboTarget(combo=row, model="mk/m"), ComboTarget(combo=row, nested=inner))
    )


def rules(first: int, upto: int) -> None:
    owner, _ = Provider.objects.get_or_create(
        slug="mk", alias="mk", name="mk", base_url="https://x"
    )
    ErrorRule.objects.bulk_create(
        ErrorRule(provider=owner, status=429, action="stop", position=n) for n in range(first, upto)
    )


def requests(first: int, upto: int) -> None:
    rows = (
        records.Record(
            id=new_id(NOON + n), time=records.timestamp(NOON + n), key="laptop", user="ops",
            client_format="openai_chat", path="/v1/chat/completions", provider="mk", status=200,
            outcome="ok",
        )
        for n in range(first, upto)
    )  # fmt: skip
    records.insert([records.encode(row) for row in rows])


LISTS: list[tuple[type[Model], Callable[[int, int], object]]] = [
    (User, users),
    (ApiKey, keys),
    (Alias, aliases),
    (Combo, combos),
    (ErrorRule, rules),
    (RequestRecord, requests),
]
