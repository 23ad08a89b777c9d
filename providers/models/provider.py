"""A provider: a service that answers, and what the catalogue or an operator says of it."""

from collections.abc import Mapping
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models

from omniroute.addresses import check_base_url
from omniroute.fields import StringMapField, StringsField
from providers import placeholders, served
from providers.endpoints import OtherKindsField


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
