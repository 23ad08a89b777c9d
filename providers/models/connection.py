"""A connection: an operator's account at a provider, with its credential and its limits."""

import uuid
from typing import Any, ClassVar, Self

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction

from omniroute.fields import NumbersField, StringMapField, StringsField
from omniroute.proxies import check_written
from providers import credentials, placeholders
from providers.headers import check_headers
from providers.models.provider import Provider, check_address

LIMITS = ("rpm", "tpm", "concurrency", "max_wait")
TIMEOUTS = ("connect", "first_byte", "first_content", "idle", "total")


class ConnectionQuerySet(models.QuerySet["Connection"]):
    def active(self) -> Self:
        return self.filter(active=True)


class Connection(models.Model):
    """An account at a provider. Its credential is encrypted, and bound to this row."""

    class Auth(models.TextChoices):
        API_KEY = "api_key", "API key"
        OAUTH = "oauth", "OAuth: signed in"
        AWS = "aws", "AWS access key"
        SERVICE_ACCOUNT = "service_account", "Google service account"
        CLIENT_CREDENTIALS = "client_credentials", "OAuth: client credentials"
        NONE = "none", "None"

    name = models.CharField(max_length=100, unique=True)
    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="connections")
    auth_type = models.CharField(max_length=30, choices=Auth, default=Auth.API_KEY)
    # The identity that stands inside the encrypted credential.
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    credential = models.TextField(blank=True, editable=False)
    base_url = models.CharField(
        max_length=500, blank=True, help_text="Empty: the provider's address."
    )
    priority = models.IntegerField(default=1, help_text="Lower is tried first.")
    active = models.BooleanField(default=True)
    # Switched off because the variable that it refers to is gone, and not by an operator.
    awaits_variable = models.BooleanField(default=False, editable=False)
    model_names = StringsField(
        "models", help_text='Empty: all that the provider has. Such as ["m1", "m2"].'
    )
    limits = NumbersField(
        names=LIMITS,
        help_text='Such as {"rpm": 600, "concurrency": 50, "max_wait": 10}: a call may wait so many '
        "seconds for its turn.",
    )
    timeouts = NumbersField(
        names=TIMEOUTS, help_text='Seconds. Such as {"connect": 5, "first_byte": 60}.'
    )
    headers = StringMapField(help_text='Added to every call: {"x-team": "search"}.')
    model_map = StringMapField(help_text='Asked to sent: {"gpt-4o": "gpt-4o-2024-11-20"}.')
    headroom = models.FloatField(
        default=0,
        validators=[MinValueValidator(0), MaxValueValidator(0.95)],
        help_text="Share of the account's limits that is left to its owner, 0 to 0.95.",
    )
    probe = models.BooleanField(
        "probes",
        null=True,
        blank=True,
        choices=[(None, "as its provider allows"), (True, "on"), (False, "off")],
        help_text="Ask it now and then whether it answers, and for its quotas: by what costs nothing "
        "there, such as the list of models.",
    )
    proxy = models.CharField(
        max_length=300,
        blank=True,
        help_text="http://host:port or socks5://host:port; with a password, env:NAME or file:/path.",
    )
    params = StringMapField(
        "parameters",
        help_text='What the provider\'s address asks for: {"resource": "my-azure-resource"}.',
    )

    objects = ConnectionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["priority", "name"]
        permissions: ClassVar = [("change_credential", "Can replace a stored credential")]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.active:
            self.awaits_variable = False
        with transaction.atomic():  # with its token, which `providers.oauth.tokens` keeps up
            super().save(*args, **kwargs)

    @property
    def written_base_url(self) -> str:
        """Its own or its provider's, and its parameters in it; `{region}` may be left."""
        return placeholders.fill_known(self.base_url or self.provider.base_url, self.params)

    @property
    def effective_base_url(self) -> str:
        """The address that is called; what is missing stands in it as `{name}`."""
        return self._whole(self.base_url or self.provider.base_url)

    def _whole(self, url: str) -> str:
        try:
            return placeholders.fill(url, self.all_params(url))
        except ValueError:
            return placeholders.fill_known(url, self.all_params(url))

    def all_params(self, url: str) -> dict[str, str]:
        """Its parameters, and the region that its credential names where `url` asks for that."""
        if "{region}" in url and "region" not in self.params:
            return {**self.params, "region": self.stored_auth().get("region", "")}
        return {**self.params}

    @property
    def base_urls(self) -> dict[str, str]:
        """By format. An address of its own is one of the provider's main format only."""
        others = {} if self.base_url else self.provider.other_formats
        return {
            **{format: self._whole(url) for format, url in others.items()},
            self.provider.format: self.effective_base_url,
        }

    def clean(self) -> None:
        if self.provider_id is None:
            return  # a form says so itself
        if self.provider.refusal and self.active:
            raise ValidationError({"provider": self.provider.refusal})
        placeholders.check(self.params)
        check_written(self.proxy)
        check_headers(self.headers)
        if self.active:
            self._check_address_is_whole()
        if self.base_url or self.params:
            url = self.base_url or self.provider.base_url
            if self.base_url or not self.provider.builtin:
                check_address(url, self.params, self.provider.allow_private_network)

    def _check_address_is_whole(self) -> None:
        """Of a query, what is not said is left out. AWS keys come with their region."""
        url = (self.base_url or self.provider.base_url).partition("?")[0]
        given = {name for name, value in self.params.items() if value}
        if self.auth_type == self.Auth.AWS:
            given.add("region")
        for name in placeholders.names(url):
            if name == "base_url":  # of a provider that is whatever the connection says
                raise ValidationError({"base_url": "a value is missing"})
            if name not in given:
                helps = (each["help"] for each in self.provider.params if each["name"] == name)
                told = f"{name}: a value is missing. {next(helps, '')}"
                raise ValidationError({"params": told.strip()})

    def set_api_key(self, api_key: str) -> None:
        """Encrypt and keep a key; `env:NAME` and `file:PATH` are read when it is used."""
        self.credential = self.sealed({"api_key": api_key.strip()})

    def sealed(self, auth: dict[str, Any]) -> str:
        return credentials.seal(self.uid, auth)

    def read_auth(self) -> dict[str, Any]:
        """The credential in clear: the fields of `connections.FIELDS` that have a value.

        Raises:
            credentials.CredentialUnreadable: No key decrypts it, or it is another row's.
        """
        return credentials.open_sealed(self.uid, self.credential) if self.credential else {}

    @property
    def is_probed(self) -> bool:
        if not self._can_be_probed:
            return False
        return self.provider.is_probed if self.probe is None else self.probe

    @property
    def _can_be_probed(self) -> bool:
        """A vendor without chat has no list that is known how to read, but may tell quotas."""
        if not self.provider.format:
            return bool(self.provider.probes) and not self.base_url
        url = self.effective_base_url
        return bool(url) and not url.startswith("demo:")

    def stored_auth(self) -> dict[str, Any]:
        """The same, and nothing where it cannot be read."""
        try:
            return self.read_auth()
        except credentials.CredentialUnreadable:
            return {}
