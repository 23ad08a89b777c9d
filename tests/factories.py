"""Rows for tests, each valid as it is; a test names only the fields that it is about."""

from typing import Any

import factory

from accounts import roles
from accounts.models import User
from combos.models import Combo, ComboTarget
from providers.models import Connection, Provider, ProviderModel


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence("user-{}".format)
    role = roles.ADMINISTRATOR
    password = factory.django.Password("correct-horse-9")


class ProviderFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Provider

    slug = factory.Sequence("provider-{}".format)
    alias = factory.SelfAttribute("slug")
    name = factory.SelfAttribute("slug")
    base_url = "https://models.example/v1"


class ProviderModelFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = ProviderModel

    provider = factory.SubFactory(ProviderFactory)
    name = factory.Sequence("model-{}".format)


class ConnectionFactory(factory.django.DjangoModelFactory):
    """With a key, if `api_key` is given."""

    class Meta:
        model = Connection

    provider = factory.SubFactory(ProviderFactory)
    name = factory.Sequence("connection-{}".format)

    @classmethod
    def _create(cls, model_class: Any, *args: Any, api_key: str = "", **fields: Any) -> Connection:
        row = Connection(**fields)
        if api_key:
            row.set_api_key(api_key)
        row.save()
        return row


class ComboFactory(factory.django.DjangoModelFactory):
    """With `targets`, names of models, in order."""

    class Meta:
        model = Combo
        skip_postgeneration_save = True

    name = factory.Sequence("combo-{}".format)

    @factory.post_generation
    def targets(self: Combo, create: bool, models: list[str] | None, **_: Any) -> None:
        for position, model in enumerate(models or []):
            ComboTarget.objects.create(combo=self, position=position, model=model)
