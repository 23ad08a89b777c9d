"""Every row of the catalogue that can be asked for chat, with a connection as an operator makes it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateway.snapshot import Snapshot, build
from providers import catalogue, rows
from providers.models import Connection, Provider
from providers.rows import ModelRow, ProviderRow

KEY = "sk-secret-of-the-operator"
REGION = "eu-west-1"
ANY_URL = "https://any.example/v1"
UNLISTED = "a-model-that-no-list-names"


@dataclass(frozen=True)
class Case:
    """A row, and one of the formats that it is asked in."""

    row: ProviderRow
    format: str

    @property
    def id(self) -> str:
        return f"{self.row.id}-{self.format}"

    @property
    def base_url(self) -> str:
        """As the file has it, with the connection's values."""
        url = self.row.base_url
        if self.format != self.row.format:
            url = next(u for f, u in self.row.other_formats.items() if f.value == self.format)
        for name, value in params(self.row).items():
            url = url.replace(f"{{{name}}}", value)
        return url.replace("{base_url}", ANY_URL)

    @property
    def model(self) -> str:
        return self.listed.name if self.listed else UNLISTED

    @property
    def listed(self) -> ModelRow | None:
        """One that is asked in that format; null where any name will do."""
        chats = [m for m in self.row.models if m.kind == "chat" and not m.retired]
        fitting = [m for m in chats if m.format == self.format]
        return next(iter(fitting or [m for m in chats if not m.format]), None)

    @property
    def quirks(self) -> dict[str, Any]:
        return self.row.quirks | (self.listed.quirks if self.listed else {})


def cases() -> Iterator[Case]:
    for row in rows.read():
        if row.format and row.status != "retired" and row.id != "demo":
            yield Case(row, row.format.value)
            yield from (Case(row, format.value) for format in row.other_formats)


def params(row: ProviderRow) -> dict[str, str]:
    return {p.name: REGION if p.name == "region" else f"my-{p.name}" for p in row.params}


def connected() -> Snapshot:
    """The configuration with a connection to each of them."""
    catalogue.load()
    told = {row.id: row for row in rows.read()}
    for provider in Provider.objects.exclude(slug="demo"):
        if not provider.refusal:
            connect(provider, told[provider.slug])
    return build()


def connect(provider: Provider, row: ProviderRow) -> None:
    connection = Connection(name=provider.slug, provider=provider)
    if "{base_url}" in row.base_url:
        connection.base_url = ANY_URL
    listed = [model for model in row.models if not model.retired]
    if not any(model.kind == "chat" for model in listed):
        connection.model_names = [UNLISTED, *(model.name for model in listed)]
    if "aws" in row.auth:
        connection.auth_type = Connection.Auth.AWS
        keys = {"access_key_id": "AKIAEXAMPLE", "secret_access_key": KEY, "region": REGION}
        connection.credential = connection.sealed(keys)
    elif row.auth == ["none"]:
        connection.auth_type = Connection.Auth.NONE
    else:  # a token that signing in gives is carried as a key is
        connection.set_api_key(KEY)
    connection.params = params(row)
    connection.save()
