"""What may stand in a configuration document, and in the bodies of the management API.

What this version cannot do yet is refused here by name, never taken and ignored.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from accounts.models import THINKING, default_controls
from analytics.alerts.tables import EVENTS, AlertChannel
from combos.models import STRATEGIES
from omniroute.fields import is_storable
from providers.connections import FIELDS
from providers.models import Connection, ErrorRule, Kind, Provider
from providers.models import Strategy as AccountStrategies


def available(names: list[str], what: str) -> AfterValidator:
    """One of `names`; the message of another says what there is in this version."""

    def check(value: str) -> str:
        if value not in names:
            raise ValueError(f"{value!r} is no {what} of this version; {', '.join(names)} are")
        return value

    return AfterValidator(check)


Format = Annotated[str, available(Provider.Format.values, "format")]
Strategy = Annotated[str, available([name for name, _ in STRATEGIES], "strategy")]
AuthType = Annotated[str, available(Connection.Auth.values, "auth type")]
AccountStrategy = Annotated[str, available(AccountStrategies.values, "strategy among accounts")]
Thinking = Annotated[str, available([name for name, _ in THINKING], "way to think")]
Action = Annotated[str, available(ErrorRule.Action.values, "action")]
FailureKind = Annotated[str, available(ErrorRule.Kind.values, "kind of failure")]
ModelKind = Annotated[str, available(Kind.values, "kind of model")]
Scope = Annotated[str, available(ErrorRule.Scope.values, "scope")]
ChannelKind = Annotated[str, available(AlertChannel.Kind.values, "kind of channel")]
Numbers = dict[str, float]


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _is_text(cls, value: Any) -> Any:
        if not is_storable(value):
            raise ValueError("NUL, or half of a character, is no text")
        return value


class ProviderEntry(Entry):
    id: str
    alias: str
    name: str = ""
    base_url: str
    format: Format = "openai_chat"
    tier: Literal["subscription", "api_key", "cheap", "free"] = "api_key"
    account_strategy: AccountStrategy = "fill-first"
    sticky: int = 1
    allow_private_network: bool = False
    passthrough: bool = True
    discovery: bool | None = None
    quirks: dict[str, Any] = Field(default_factory=dict)
    other_formats: dict[Format, str] = Field(default_factory=dict)
    other_kinds: dict[str, dict[str, str]] = Field(default_factory=dict)
    oauth: dict[str, Any] = Field(default_factory=dict)


class AuthEntry(Entry):
    """A secret may be `env:NAME` or `file:PATH`. Masked or absent: the stored one is kept.

    `oauth` takes an `access_token`, a `refresh_token` or both, and when the first `expires`; `aws`
    `access_key_id`, `secret_access_key` and `region`, and of temporary keys the `session_token`;
    `service_account` Google's file as `json`; `client_credentials` `client_id`, `client_secret`.
    """

    type: AuthType = "api_key"
    api_key: str | None = None
    access_token: str | None = None
    refresh_token: str | None = None
    expires: str | None = None
    json_: str | None = Field(default=None, alias="json")
    client_id: str | None = None
    client_secret: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None
    session_token: str | None = None
    region: str | None = None

    @field_validator("expires", mode="before")
    @classmethod
    def _as_written(cls, value: Any) -> Any:
        """YAML makes a time of it, and JSON a number."""
        return value.isoformat() if isinstance(value, datetime) else value and str(value)

    def told(self) -> dict[str, str]:
        return self.model_dump(exclude={"type"}, exclude_none=True, by_alias=True)

    @model_validator(mode="after")
    def _has_only_what_its_type_has(self) -> Self:
        told = self.told()
        strange = [name for name in told if name not in FIELDS[self.type]]
        if strange and self.type != Connection.Auth.NONE:
            raise ValueError(f"{strange[0]} is not of the auth type {self.type!r}")
        return self


class ConnectionEntry(Entry):
    name: str
    provider: str
    auth: AuthEntry = Field(default_factory=AuthEntry)
    base_url: str | None = None
    priority: int = 1
    active: bool = True
    models: list[str] = Field(default_factory=list)
    limits: Numbers = Field(default_factory=dict)
    timeouts: Numbers = Field(default_factory=dict)
    headers: dict[str, str] = Field(default_factory=dict)
    model_map: dict[str, str] = Field(default_factory=dict)
    headroom: float = 0
    probe: bool | None = None
    proxy: str | None = None
    params: dict[str, str] = Field(default_factory=dict)


class ModelEntry(Entry):
    """`id` is alias/model; prices in USD per million tokens, null: unpriced."""

    id: str
    kind: ModelKind = "chat"
    context_window: int | None = None
    max_output_tokens: int | None = None
    input_price: Decimal | None = None
    output_price: Decimal | None = None
    cache_read_price: Decimal | None = None
    cache_write_price: Decimal | None = None
    cache_write_1h_price: Decimal | None = None
    reasoning_price: Decimal | None = None
    price_tiers: list[dict[str, float]] = Field(default_factory=list)
    price_changes: list[dict[str, Any]] = Field(default_factory=list)
    media_prices: dict[str, float] = Field(default_factory=dict)
    capabilities: dict[str, bool] = Field(default_factory=dict)
    quirks: dict[str, Any] = Field(default_factory=dict)
    format: Format | Literal[""] = ""
    active: bool = True


class AliasEntry(Entry):
    alias: str
    model: str


class TargetEntry(Entry):
    model: str | None = None
    combo: str | None = None
    weight: int = 1


class ComboEntry(Entry):
    name: str
    strategy: Strategy = "fill-first"
    tier_strategy: AccountStrategy = "fill-first"
    sticky: int = 1
    hedge_after: float | None = None
    cache: bool = False
    active: bool = True
    targets: list[TargetEntry] = Field(default_factory=list)


class KeyEntry(Entry):
    """`key` is the secret itself, `key_sha256` its hash in hex; without both one is made."""

    name: str
    key: str | None = Field(default=None, min_length=20)
    key_sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    owner: str | None = None
    # Exactly one: a key with one cannot do the other.
    scopes: list[Literal["inference", "manage"]] = Field(
        default=["inference"], min_length=1, max_length=1
    )
    allowed_models: list[str] = Field(default=["*"])
    limits: Numbers = Field(default_factory=dict)
    budgets: Numbers = Field(default_factory=dict)
    soft_budgets: Numbers = Field(default_factory=dict)
    expires: datetime | None = None
    allowed_ips: list[str] = Field(default_factory=list)
    denied_ips: list[str] = Field(default_factory=list)
    controls: list[str] = Field(default_factory=default_controls)
    cache: bool = False
    system_prompt: str = ""
    thinking: Thinking | Literal[""] = ""
    thinking_budget: int | None = None
    active: bool = True


class UserEntry(Entry):
    username: str
    email: str = ""
    role: Literal["administrator", "operator", "viewer", "member"] = "member"
    allowed_models: list[str] = Field(default=["*"])
    budgets: Numbers = Field(default_factory=dict)
    soft_budgets: Numbers = Field(default_factory=dict)
    active: bool = True


class ErrorRuleEntry(Entry):
    """The rules of the document, when it has any, replace all that the operator made."""

    provider: str | None = None
    status: int | None = None
    pattern: str = ""
    action: Action
    kind: FailureKind | Literal[""] = ""
    scope: Scope | Literal[""] = ""
    cooldown: float | None = None
    note: str = ""
    active: bool = True


class AlertChannelEntry(Entry):
    """`url` and `secret` may be `env:NAME` or `file:PATH`. Masked or absent: the stored one is kept;
    a webhook's secret is made where there is none."""

    name: str
    kind: ChannelKind = "webhook"
    url: str | None = None
    secret: str | None = None
    recipients: list[str] = Field(default_factory=list)
    allow_private_network: bool = False
    events: list[str] = Field(default_factory=lambda: list(EVENTS), min_length=1)
    active: bool = True


class SettingsEntry(Entry):
    require_api_key: bool | None = None
    log_bodies: bool | None = None
    retention_days: int | None = Field(default=None, ge=1)
    bodies_days: int | None = Field(default=None, ge=1)
    redacted_fields: list[str] | None = None
    redacted_patterns: list[str] | None = None
    stored_responses_days: int | None = Field(default=None, ge=0)
    ollama_api: bool | None = None
    budgets: Numbers | None = None
    soft_budgets: Numbers | None = None
    allowed_ips: list[str] | None = None
    denied_ips: list[str] | None = None
    system_prompt: str | None = None
    thinking: Thinking | None = None
    thinking_budget: int | None = None
    cache_ttl_s: int | None = None
    max_attempts: int | None = None
    deadline_s: float | None = None
    breaker_failures: int | None = None
    breaker_window_s: float | None = None
    breaker_share: float | None = None
    breaker_open_s: float | None = None
    cooldown_first_s: float | None = None
    cooldown_max_s: float | None = None
    cooldown_hint_max_s: float | None = None
    cooldown_auth_s: float | None = None
    model_lock_first_s: float | None = None
    model_lock_max_s: float | None = None
    alert_error_share: float | None = None
    alert_error_window_s: int | None = None
    alert_error_requests: int | None = None
    alert_journal_mb: int | None = None


class Document(Entry):
    providers: list[ProviderEntry] = Field(default_factory=list)
    models: list[ModelEntry] = Field(default_factory=list)
    connections: list[ConnectionEntry] = Field(default_factory=list)
    aliases: list[AliasEntry] = Field(default_factory=list)
    combos: list[ComboEntry] = Field(default_factory=list)
    users: list[UserEntry] = Field(default_factory=list)
    api_keys: list[KeyEntry] = Field(default_factory=list)
    error_rules: list[ErrorRuleEntry] | None = None
    alert_channels: list[AlertChannelEntry] = Field(default_factory=list)
    settings: SettingsEntry | None = None
