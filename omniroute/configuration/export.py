"""The configuration as a document that `apply` reads."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.db.models import Model, Q, QuerySet

from accounts.models import ApiKey, GatewaySettings, User, default_controls
from accounts.roles import any_model
from analytics.alerts.tables import AlertChannel, SecretUnreadable
from combos.models import Alias, Combo
from omniroute.configuration.schema import SettingsEntry
from omniroute.configuration.write import rule_fields
from omniroute.references import REFERENCES
from providers.connections import MASK, SECRETS
from providers.credentials import CredentialUnreadable
from providers.models import Connection, ErrorRule, Provider, ProviderModel
from providers.oauth import tokens


def document(*, secrets: bool = False) -> dict[str, Any]:
    """All that the operator configured; what the catalogue brings is left out.

    Args:
        secrets: With the credentials in clear, and the hashes of API keys, which is all that is
            kept of them.

    Raises:
        CredentialUnreadable: A stored credential cannot be decrypted.
    """
    sections: dict[str, Any] = {
        "providers": [provider(row) for row in _own_providers()],
        "models": [model(row) for row in _own_models()],
        "connections": [
            connection(row, secrets)
            for row in Connection.objects.select_related("provider").exclude(
                provider__slug="demo", name="demo"
            )
        ],
        "combos": [combo(row) for row in Combo.objects.prefetch_related("targets__nested")],
        "aliases": [alias(row) for row in Alias.objects.all()],
        "users": [user(row) for row in User.objects.order_by("username")],
        "api_keys": [key(row, secrets) for row in ApiKey.objects.select_related("owner")],
        "alert_channels": [alert_channel(row, secrets) for row in AlertChannel.objects.all()],
        "error_rules": [
            _told(**rule_fields(row))
            for row in ErrorRule.objects.filter(builtin=False).select_related("provider")
        ],
    }
    return {name: rows for name, rows in sections.items() if rows} | {"settings": settings()}


def settings() -> dict[str, Any]:
    row = GatewaySettings.load()
    return _told(**{name: getattr(row, name) for name in SettingsEntry.model_fields})


def _own_providers() -> Any:
    decided = ~Q(account_strategy="fill-first") | ~Q(sticky=1) | ~Q(discovery=None)
    return Provider.objects.filter(Q(builtin=False) | decided)


def _own_models() -> Any:
    own = Q(provider__builtin=False) | Q(customised=True)
    found = ProviderModel.objects.filter(own, discovered_on=None)
    return found.select_related("provider")


def _told(**fields: Any) -> dict[str, Any]:
    """Without what is empty, which is what its absence means."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def _unless(value: Any, default: Any) -> Any:
    return None if value == default else value


def provider(row: Provider) -> dict[str, Any]:
    return {
        "id": row.slug,
        "alias": row.alias,
        "name": row.name,
        "base_url": row.base_url,
        "format": row.format,
        "tier": row.tier,
        "allow_private_network": row.allow_private_network,
        "passthrough": row.passthrough,
    } | _told(
        account_strategy=_unless(row.account_strategy, "fill-first"),
        sticky=_unless(row.sticky, 1),
        discovery=row.discovery,
        quirks=row.quirks,
        other_formats=row.other_formats,
        other_kinds=row.other_kinds,
        oauth=row.oauth,
    )


def _number(price: Decimal | None) -> float | None:
    return None if price is None else float(price)


def model(row: ProviderModel) -> dict[str, Any]:
    return {"id": str(row)} | _told(
        kind=_unless(row.kind, "chat"),
        context_window=row.context_window,
        max_output_tokens=row.max_output_tokens,
        input_price=_number(row.input_price),
        output_price=_number(row.output_price),
        cache_read_price=_number(row.cache_read_price),
        cache_write_price=_number(row.cache_write_price),
        cache_write_1h_price=_number(row.cache_write_1h_price),
        reasoning_price=_number(row.reasoning_price),
        price_tiers=row.price_tiers,
        price_changes=row.price_changes,
        media_prices=row.media_prices,
        capabilities=row.capabilities,
        quirks=row.quirks,
        format=row.format,
        active=None if row.active else False,
    )


def connection(row: Connection, secrets: bool = False) -> dict[str, Any]:
    return {"name": row.name, "provider": row.provider.slug, "auth": _auth(row, secrets)} | _told(
        base_url=row.base_url,
        priority=row.priority,
        active=None if row.active else False,
        models=row.model_names,
        limits=row.limits,
        timeouts=row.timeouts,
        headers=row.headers if secrets else dict.fromkeys(row.headers, MASK),
        model_map=row.model_map,
        headroom=row.headroom or None,
        probe=row.probe,
        proxy=row.proxy,
        params=row.params,
    )


def _auth(row: Connection, secrets: bool) -> dict[str, Any]:
    """As it was entered; with `secrets`, the token that has come of it since."""
    auth: dict[str, Any] = {"type": row.auth_type}
    told = row.read_auth()
    if secrets and row.auth_type == Connection.Auth.OAUTH:
        told = tokens.in_use(row) or told
    for name, value in told.items():
        # A reference says where the secret is, and is none itself.
        plain = secrets or name not in SECRETS or value.startswith(REFERENCES)
        auth[name] = value if plain else MASK
    return auth


def combo(row: Combo) -> dict[str, Any]:
    return {
        "name": row.name,
        "strategy": row.strategy,
        "targets": [
            _told(
                model=target.model,
                combo=target.nested.name if target.nested else None,
                weight=target.weight if target.weight != 1 else None,
            )
            for target in row.targets.all()
        ],
    } | _told(
        tier_strategy=_unless(row.tier_strategy, "fill-first"),
        sticky=_unless(row.sticky, 1),
        hedge_after=row.hedge_after,
        cache=row.cache or None,
        active=None if row.active else False,
    )


def alias(row: Alias) -> dict[str, Any]:
    return {"alias": row.alias, "model": row.model}


def user(row: User) -> dict[str, Any]:
    return {"username": row.username, "role": row.role} | _told(
        email=row.email,
        allowed_models=_unless(row.allowed_models, any_model()),
        budgets=row.budgets,
        soft_budgets=row.soft_budgets,
        active=None if row.is_active else False,
    )


def key(row: ApiKey, secrets: bool = False) -> dict[str, Any]:
    fields = {"name": row.name} | _told(
        key_sha256=row.sha256 if secrets else None,
        owner=row.owner.username if row.owner else None,
        scopes=[row.scope],
        allowed_models=row.allowed_models,
        limits=row.limits,
        budgets=row.budgets,
        soft_budgets=row.soft_budgets,
        expires=row.expires.isoformat() if row.expires else None,
        allowed_ips=row.allowed_ips,
        denied_ips=row.denied_ips,
        cache=row.cache or None,
        system_prompt=row.system_prompt,
        thinking=row.thinking,
        thinking_budget=row.thinking_budget,
        active=None if row.active else False,
    )
    # An empty list means none here, and not the default.
    if row.controls != default_controls():
        fields["controls"] = row.controls
    return fields


def alert_channel(row: AlertChannel, secrets: bool = False) -> dict[str, Any]:
    """A URL is a secret too: whoever knows it can write there."""
    try:
        kept = row.opened() if secrets else row.kept()
    except SecretUnreadable as error:
        raise CredentialUnreadable(f"{row.name}: {error}") from None
    told = {
        name: value if secrets or str(value).startswith(REFERENCES) else MASK
        for name, value in kept.items()
    }
    return {"name": row.name, "kind": row.kind, **told} | _told(
        recipients=list(filter(None, row.recipients.split(", "))),
        allow_private_network=row.allow_private_network or None,
        events=row.events,
        active=None if row.active else False,
    )


# By model: its section, an entry of it, and what an entry reads beside its row.
SECTIONS: dict[type[Model], tuple[str, Callable[[Any], dict[str, Any]], tuple[str, ...]]] = {
    Provider: ("providers", provider, ()),
    ProviderModel: ("models", model, ("provider",)),
    Connection: ("connections", connection, ("provider",)),
    Combo: ("combos", combo, ("targets__nested",)),
    Alias: ("aliases", alias, ()),
    User: ("users", user, ()),
    ApiKey: ("api_keys", key, ("owner",)),
    AlertChannel: ("alert_channels", alert_channel, ()),
}


def selected(rows: QuerySet[Any]) -> dict[str, Any]:
    """Some rows of one model as a document; secrets are masked, and kept where it is applied.

    Raises:
        CredentialUnreadable: A stored credential cannot be decrypted.
    """
    section, entry, read = SECTIONS[rows.model]
    return {section: [entry(row) for row in rows.prefetch_related(*read)]}
