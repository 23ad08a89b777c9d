"""What can be called: providers, their models, and the operator's accounts there."""

import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, Self

import regex
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models, transaction
from django.utils.translation import ngettext

from omniroute.addresses import check_base_url
from omniroute.fields import FlagsField, NumbersField, StringMapField, StringsField
from omniroute.proxies import check_written
from providers import credentials, placeholders, pricing, served
from providers.endpoints import OtherKindsField
from providers.headers import check_headers
from providers.oauth.tables import SignIn as SignIn
from providers.oauth.tables import Token as Token
from providers.tables import Clearing as Clearing
from providers.tables import ConnectionState as ConnectionState
from providers.tables import Quota as Quota

LIMITS = ("rpm", "tpm", "concurrency", "max_wait")
TIMEOUTS = ("connect", "first_byte", "first_content", "idle", "total")
CAPABILITIES = ("tools", "parallel_tools", "images", "audio", "files", "schema", "thinking")


class Strategy(models.TextChoices):
    """How candidates are ordered; `combos.strategies` does it."""

    FILL_FIRST = "fill-first", "fill-first: in order, until exhausted"
    ROUND_ROBIN = "round-robin", "round-robin: each in its turn"
    POWER_OF_TWO = (
        "power-of-two-choices",
        "power-of-two-choices: of two at random the one with less to do",
    )
    RANDOM = "random", "random: by weight"
    LEAST_USED = "least-used", "least-used: fewest tokens in the last hour"
    COST = "cost-optimized", "cost-optimized: the cheapest for this request"
    FASTEST = "fastest", "fastest: by time to first token and tokens a second"


# An alias stands before the slash of `alias/model`.
name_part = RegexValidator(r"^[a-z0-9][a-z0-9._-]*$", "lower-case letters, digits, . _ and - only")


class Provider(models.Model):
    """A service that answers, in one wire format at one address."""

    class Format(models.TextChoices):
        OPENAI_CHAT = "openai_chat", "OpenAI Chat Completions"
        OPENAI_RESPONSES = "openai_responses", "OpenAI Responses"
        ANTHROPIC_MESSAGES = "anthropic_messages", "Anthropic Messages"
        GEMINI = "gemini", "Gemini"
        BEDROCK_CONVERSE = "bedrock_converse", "Bedrock Converse"
        COHERE_CHAT = "cohere_chat", "Cohere Chat"
        OLLAMA_CHAT = "ollama_chat", "Ollama Chat"

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        RESTRICTED = "restricted", "Restricted by its vendor"
        RETIRED = "retired", "Retired"

    class Tier(models.TextChoices):
        SUBSCRIPTION = "subscription", "Subscription"
        API_KEY = "api_key", "API key"
        CHEAP = "cheap", "Cheap"
        FREE = "free", "Free"

    slug = models.CharField("id", max_length=60, unique=True, validators=[name_part])
    alias = models.CharField(
        max_length=30,
        unique=True,
        validators=[name_part],
        help_text="Its models are called alias/model.",
    )
    name = models.CharField(max_length=100)
    base_url = models.CharField(
        max_length=500,
        help_text="With the version segment, such as http://127.0.0.1:11434/v1; {region} is the "
        "connection's.",
    )
    # Empty: it answers no chat in a format of ours.
    format = models.CharField(max_length=30, choices=Format, default=Format.OPENAI_CHAT, blank=True)
    other_formats = StringMapField(
        help_text="Further formats that it speaks, and where: a client of one is not translated. "
        'Such as {"openai_responses": "https://api.openai.com/v1"}.'
    )
    other_kinds = OtherKindsField(
        help_text="Where it serves other kinds of model than chat, and in which format, where that "
        "is not what its format implies. Such as "
        '{"embedding": {"format": "voyage_embeddings", "path": "/embeddings"}}; a base_url is '
        "the provider's unless told."
    )
    tier = models.CharField(max_length=20, choices=Tier, default=Tier.API_KEY)
    account_strategy = models.CharField(
        max_length=30,
        choices=Strategy,
        default=Strategy.FILL_FIRST,
        help_text="Among several connections to it.",
    )
    sticky = models.PositiveIntegerField(
        default=1,
        validators=[MinValueValidator(1)],
        help_text="Round-robin: so many calls in a row go to one connection.",
    )
    allow_private_network = models.BooleanField(
        default=False, help_text="Loopback and private addresses are refused otherwise."
    )
    builtin = models.BooleanField(default=False, editable=False)
    passthrough = models.BooleanField(
        default=True, help_text="Any model name may be sent, not only those listed."
    )
    discovery = models.BooleanField(
        "discover models",
        null=True,
        blank=True,
        choices=[(None, "as usual for it"), (True, "yes"), (False, "no")],
        help_text="A few times a day it is asked for its list of models, and what is new is added, "
        "without a price. Usual is yes, unless its list holds what cannot be called.",
    )
    # Facts that encode_request and upstream.py go by; the names are `gateway.formats.Quirks`.
    quirks = models.JSONField(default=dict, blank=True)
    # How it gives out tokens; the names are `providers.oauth.row.Row`.
    oauth = models.JSONField(default=dict, blank=True)
    env_var = models.CharField(max_length=60, blank=True, editable=False)
    docs_url = models.URLField(blank=True, editable=False)
    # What follows are the catalogue's facts; a provider of the operator's own has none of them.
    status = models.CharField(max_length=20, choices=Status, default=Status.ACTIVE, editable=False)
    status_note = models.CharField(max_length=300, blank=True, editable=False)
    retired_on = models.DateField(null=True, blank=True, editable=False)
    category = models.CharField(max_length=20, blank=True, editable=False)
    auth_types = StringsField(editable=False)  # of `Connection.Auth`; empty: any
    # Name and template of the header with the key, by format, where it is not the format's own.
    key_headers = models.JSONField(default=dict, blank=True, editable=False)
    headers = StringMapField(editable=False)  # that every call carries; may have {params}
    params = models.JSONField(default=list, blank=True, editable=False)  # `catalogue.ParamRow`
    other_bases = StringMapField(editable=False)  # addresses of what no format of ours is for
    endpoints = models.JSONField(default=list, blank=True, editable=False)  # `EndpointRow`
    discovery_default = models.BooleanField(default=True, editable=False)
    rate_limit_headers = StringsField(editable=False)
    probes = models.JSONField(default=list, blank=True, editable=False)  # `rows.ProbeRow`
    terms = models.JSONField(default=dict, blank=True, editable=False)  # `catalogue.TermsRow`
    checked_on = models.DateField(null=True, blank=True, editable=False)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def kinds(self) -> list[str]:
        """What it can be asked for through this gateway: `chat`, …"""
        return served.kinds(self.format, self.endpoints, self.other_kinds)

    @property
    def refusal(self) -> str:
        """Why it cannot be called, for a person; empty where it can."""
        if self.status == self.Status.RETIRED:
            since = f" since {self.retired_on}" if self.retired_on else ""
            return f"{self.name} is retired{since}. {self.status_note}".strip()
        if not self.kinds:
            spoken = ", ".join(sorted({row["dialect"] for row in self.endpoints}))
            return f"{self.name} is not supported yet: it speaks {spoken}"
        return ""

    @property
    def lists_models(self) -> bool:
        """Can it be asked what it has? One of the operator's own is tried."""
        return not self.builtin or any(row["kind"] == "models" for row in self.endpoints)

    @property
    def is_discovered(self) -> bool:
        """Is its list asked for by the clock?"""
        wanted = self.discovery_default if self.discovery is None else self.discovery
        return wanted and self.lists_models and not self.refusal

    @property
    def other_urls(self) -> list[str]:
        """Addresses for other kinds of model than chat, and for what no format of ours is for."""
        told = [each.get("base_url", "") for each in self.other_kinds.values()]
        firsts = [row["first"] for row in self.probes if row.get("first")]
        rows = (*self.endpoints, *self.probes, *firsts)
        whole = [row["path"] for row in rows if "://" in row["path"]]
        return [url for url in (*told, *self.other_bases.values(), *whole) if url]

    def key_header(self, format: str) -> tuple[str, str] | None:
        """Name and template of the header with the key; null: the format's own."""
        told = self.key_headers.get(format)
        return (told[0], told[1]) if told else None

    @property
    def is_probed(self) -> bool:
        """Are its accounts asked on a clock unless somebody says otherwise? Where it costs nothing,
        as the catalogue knows, and nobody warns of using them by a machine."""
        has_list = bool(self.format) and any(row["kind"] == "models" for row in self.endpoints)
        return self.builtin and (bool(self.probes) or has_list) and not self.warning

    @property
    def warning(self) -> str:
        """What an operator should know before they use an account there; empty: nothing special."""
        if self.status == self.Status.RESTRICTED:
            return " ".join(filter(None, (self.status_note, self.terms.get("summary", ""))))
        risky = self.terms.get("level") in ("medium", "high")
        return str(self.terms["summary"]) if risky else ""

    def clean(self) -> None:
        from providers.oauth import row  # which reads this one

        try:
            row.of(self)
        except ValueError as error:
            raise ValidationError({"oauth": str(error)}) from None
        unknown = sorted(set(self.other_formats) - set(self.Format.values))
        if unknown:
            raise ValidationError({"other_formats": f"{unknown[0]!r} is no format"})
        if not self.builtin:
            for url in (self.base_url, *self.other_formats.values()):
                check_address(url, {}, self.allow_private_network)
            for kind, told in self.other_kinds.items():
                self._check_kind(kind, told)

    def _check_kind(self, kind: str, told: Mapping[str, str]) -> None:
        try:
            if told.get("base_url"):
                check_base_url(told["base_url"], self.allow_private_network)
        except ValidationError as error:
            raise ValidationError({"other_kinds": f"{kind}: {error.messages[0]}"}) from None


class LoadedCatalogue(models.Model):
    """One row: which state of the catalogue's files the rows of providers and models are from.

    Loading writes in bulk, which nobody hears of; that this row is saved says it to all.
    """

    digest = models.CharField(max_length=64, blank=True)

    class Meta:
        default_permissions: ClassVar = ()

    def __str__(self) -> str:
        return self.digest


def check_address(url: str, params: Mapping[str, str], allow_private: bool) -> None:
    """Refuse a base URL that cannot be one, whatever will stand in its places.

    Raises:
        ValidationError: For the field `base_url`.
    """
    path, _ = placeholders.split_query(url)
    anything = dict.fromkeys(placeholders.names(path), "any")
    check_base_url(placeholders.fill(path, anything | dict(params)), allow_private)


class Kind(models.TextChoices):
    """What a model makes; each kind is called at addresses of its own."""

    CHAT = "chat", "Chat"
    EMBEDDING = "embedding", "Embeddings"
    RERANK = "rerank", "Reranking"
    MODERATION = "moderation", "Moderation"
    SPEECH = "speech", "Speech"
    IMAGE = "image", "Images"
    TRANSCRIPTION = "transcription", "Transcription"


class ProviderModel(models.Model):
    """A model of a provider. A price that is null is unknown: such a call is logged unpriced."""

    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="offered_models")
    name = models.CharField("model", max_length=200, help_text="As the provider expects it.")
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.CHAT)
    # `in` and `out`: text, image, audio, video, pdf, embedding, score.
    modalities = models.JSONField(default=dict, blank=True, editable=False)
    context_window = models.PositiveIntegerField(null=True, blank=True)
    max_output_tokens = models.PositiveIntegerField(null=True, blank=True)
    input_price = models.DecimalField(
        "input $/Mtok", max_digits=14, decimal_places=6, null=True, blank=True
    )
    output_price = models.DecimalField(
        "output $/Mtok", max_digits=14, decimal_places=6, null=True, blank=True
    )
    cache_read_price = models.DecimalField(
        "cache read $/Mtok", max_digits=14, decimal_places=6, null=True, blank=True
    )
    cache_write_price = models.DecimalField(
        "cache write $/Mtok", max_digits=14, decimal_places=6, null=True, blank=True
    )
    cache_write_1h_price = models.DecimalField(
        "cache write $/Mtok, kept an hour", max_digits=14, decimal_places=6, null=True, blank=True
    )
    reasoning_price = models.DecimalField(
        "reasoning $/Mtok", max_digits=14, decimal_places=6, null=True, blank=True
    )
    price_tiers = models.JSONField(
        default=list,
        blank=True,
        help_text="Prices of a request with more tokens than `over`; what is not named stays. Such "
        'as [{"over": 200000, "input": 2.5, "output": 15}].',
    )
    price_changes = models.JSONField(
        default=list,
        blank=True,
        help_text="Prices from a day on, in place of all those above. Such as "
        '[{"from": "2027-01-01", "input": 2, "output": 8}].',
    )
    media_prices = models.JSONField(
        default=dict,
        blank=True,
        help_text='USD for what is not counted in tokens. Such as {"per_image": 0.04}.',
    )
    # The day of a price list that an operator has applied; an older catalogue leaves it alone.
    priced_on = models.DateField(null=True, blank=True, editable=False)
    dimensions = models.PositiveIntegerField(null=True, blank=True, editable=False)
    retired_on = models.DateField(null=True, blank=True, editable=False)
    capabilities = FlagsField(
        names=CAPABILITIES,
        help_text='What it can and cannot do; what is not named is tried. Such as {"images": false}.',
    )
    # As those of its provider, and stronger.
    quirks = models.JSONField(default=dict, blank=True)
    # Where it is served in another format than its provider's.
    format = models.CharField(max_length=30, choices=Provider.Format, blank=True)
    active = models.BooleanField(default=True)
    # Of a row that `providers.discovery` made: since when it is listed, and is no more.
    discovered_on = models.DateField(null=True, blank=True, editable=False)
    vanished_on = models.DateField(null=True, blank=True, editable=False)
    # Set where an operator changed a catalogue row: the catalogue then leaves it alone.
    customised = models.BooleanField(default=False, editable=False)

    class Meta:
        ordering: ClassVar = ["provider__alias", "name"]
        verbose_name = "model"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["provider", "name"], name="one_row_a_model"),
        ]

    def __str__(self) -> str:
        return f"{self.provider.alias}/{self.name}"

    @property
    def origin(self) -> str:
        """Who says that there is such a model: `catalogue`, `operator` or `discovery`."""
        if self.discovered_on is not None:
            return "discovery"
        return "catalogue" if self.provider.builtin and not self.customised else "operator"

    def adopt(self) -> None:
        """It is an operator's from now on: neither the catalogue nor discovery touches it."""
        self.customised = self.provider.builtin
        self.discovered_on = self.vanished_on = None

    def clean(self) -> None:
        for field in pricing.COLUMNS.values():
            price: Decimal | None = getattr(self, field)
            if price is not None and price < 0:
                raise ValidationError({field: "a price is 0 or more"})
        for name in ("price_tiers", "price_changes", "media_prices"):
            try:
                pricing.check(name, getattr(self, name))
            except ValueError as error:
                raise ValidationError({name: str(error)}) from None


class ModelList(models.Model):
    """When a provider is asked for its list of models, and what came of it last."""

    provider = models.OneToOneField(Provider, on_delete=models.CASCADE, related_name="model_list")
    due = models.DateTimeField()
    asked = models.DateTimeField(null=True)
    listed = models.PositiveIntegerField(null=True)
    problem = models.CharField(max_length=300, blank=True)
    changed = models.DateTimeField(null=True)  # when discovery last wrote models

    class Meta:
        default_permissions: ClassVar = ()

    def __str__(self) -> str:
        return f"models of {self.provider}"

    @property
    def words(self) -> str:
        """For a person."""
        if self.asked is None:
            return "not asked yet"
        when = f"{self.asked:%Y-%m-%d %H:%M} UTC"
        if self.problem:
            return f"{when}: {self.problem}"
        listed = self.listed or 0
        return f"{when}: " + ngettext("%(n)d model", "%(n)d models", listed) % {"n": listed}


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
        if self.base_url or self.params:
            url = self.base_url or self.provider.base_url
            if self.base_url or not self.provider.builtin:
                check_address(url, self.params, self.provider.allow_private_network)

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


class ErrorRule(models.Model):
    """What is done about a failure. The first that fits decides; a provider's own come first."""

    class Action(models.TextChoices):
        RETRY = "retry", "retry here"
        NEXT_CONNECTION = "next_connection", "next connection"
        NEXT_TARGET = "next_target", "next target"
        STOP = "stop", "stop: the client gets the error"

    class Kind(models.TextChoices):
        RATE_LIMIT = "rate_limit", "rate limit"
        CREDENTIAL = "credential", "credential: the key is refused"
        QUOTA = "quota", "quota: the account is spent"
        MODEL = "model", "model: it is not there"
        SERVER = "server", "server: out of order, overloaded"
        CONTEXT_OVERFLOW = "context_overflow", "too long for this model"
        CLIENT = "client", "client: the request itself is wrong"

    class Scope(models.TextChoices):
        CONNECTION = "connection", "the connection"
        MODEL = "model", "this model on the connection"

    provider = models.ForeignKey(
        Provider,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="error_rules",
        help_text="Empty: any.",
    )
    status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Empty: any.")
    pattern = models.CharField(
        max_length=300,
        blank=True,
        help_text="A regular expression, searched in the provider's message; case does not matter.",
    )
    action = models.CharField(max_length=20, choices=Action)
    kind = models.CharField(
        max_length=20, choices=Kind, blank=True, help_text="Empty: as the status says."
    )
    scope = models.CharField(
        "what cools down",
        max_length=12,
        choices=Scope,
        blank=True,
        help_text="Empty: as the status says.",
    )
    cooldown_s = models.FloatField(
        "cooldown, seconds",
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="Empty: as the settings say. 0: none.",
    )
    position = models.PositiveIntegerField(default=0)
    note = models.CharField(max_length=200, blank=True)
    active = models.BooleanField(default=True)
    # One that an operator changes becomes their own.
    builtin = models.BooleanField("shipped", default=False, editable=False)

    class Meta:
        ordering: ClassVar = ["position", "pk"]

    def __str__(self) -> str:
        of = self.provider.slug if self.provider else "any provider"
        return f"{of}, {self.status or 'any status'}: {self.get_action_display()}"

    def clean(self) -> None:
        try:
            regex.compile(self.pattern)
        except regex.error as error:
            raise ValidationError({"pattern": f"no regular expression: {error}"}) from None
        if self.status is None and not self.pattern:
            raise ValidationError("a rule names a status, a pattern, or both")
