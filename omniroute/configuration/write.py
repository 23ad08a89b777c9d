"""One entry into the database. Each function finds the row by its name, makes or changes it, and
says what changed; it raises Django's `ValidationError` where the entry cannot be."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from msgspec import Struct, structs

from accounts import keys
from accounts.models import ApiKey, GatewaySettings, User
from analytics.alerts import channels
from analytics.models import AlertChannel
from combos.models import Alias, Combo, ComboTarget, check_kinds, check_nesting
from omniroute.configuration import schema
from omniroute.configuration.errors import of_row
from providers.connections import (
    MASK,
    has_secret,
    merged_auth,
    merged_headers,
    require_key_for_new_place,
    require_keys_stay,
)
from providers.models import Connection, ErrorRule, Provider, ProviderModel

# What of a provider of the catalogue an operator decides.
DECIDED = ("account_strategy", "sticky", "discovery")


class Change(Struct, frozen=True):
    """`fields` are those that changed; `secret` was made, and is shown this once: an API key, or
    what signs a webhook."""

    kind: str
    name: str
    created: bool
    fields: tuple[str, ...] = ()
    secret: str | None = None

    def with_field(self, name: str) -> "Change":
        return structs.replace(self, fields=(*self.fields, name))

    def __str__(self) -> str:
        if self.created:
            return f"{self.kind} {self.name}: created"
        if not self.fields:
            return f"{self.kind} {self.name}: unchanged"
        return f"{self.kind} {self.name}: changed {', '.join(self.fields)}"


def _write(kind: str, name: str, row: models.Model, /, **values: Any) -> Change:
    """Validate and save `row` with `values` where they differ."""
    created = row._state.adding
    changed = tuple(field for field, value in values.items() if getattr(row, field) != value)
    for field in changed:
        setattr(row, field, values[field])
    row.full_clean()
    if created or changed:
        row.save()
    return Change(kind, name, created, changed)


def provider(entry: schema.ProviderEntry) -> Change:
    row = Provider.objects.filter(slug=entry.id).first() or Provider(slug=entry.id)
    values = entry.model_dump(exclude={"id"}) | {"name": entry.name or entry.id}
    if row.builtin:
        facts = [name for name in values if name not in DECIDED]
        if any(getattr(row, name) != values[name] for name in facts):
            raise ValidationError({"slug": f"{entry.id} is built in; another id is needed"})
    elif row.pk:
        moved = Provider(**values, endpoints=row.endpoints, other_bases=row.other_bases)
        require_keys_stay(row, moved)
    return _write("provider", entry.id, row, **values)


def model(entry: schema.ModelEntry) -> Change:
    alias, _, name = entry.id.partition("/")
    owner = Provider.objects.filter(alias=alias).first()
    if owner is None or not name:
        raise ValidationError({"id": f"{entry.id!r}: no provider has the alias {alias!r}"})
    row = owner.offered_models.filter(name=name).first() or ProviderModel(provider=owner, name=name)
    # What an operator writes is theirs: neither the catalogue nor discovery touches it any more.
    values = entry.model_dump(exclude={"id"}) | {"discovered_on": None, "vanished_on": None}
    return _write("model", entry.id, row, **values, customised=owner.builtin)


def connection(entry: schema.ConnectionEntry) -> Change:
    owner = Provider.objects.filter(slug=entry.provider).first()
    if owner is None:
        raise ValidationError({"provider": f"there is no provider {entry.provider!r}"})
    row = Connection.objects.filter(name=entry.name).first() or Connection(
        name=entry.name, provider=owner
    )
    told = entry.auth.told()
    entered = {name: value for name, value in told.items() if value != MASK}
    if row.pk:
        require_key_for_new_place(
            row,
            owner,
            entry.base_url or "",
            entry.params,
            entry.proxy or "",
            has_key=has_secret(entered),
            headers=entry.headers,
        )
    values: dict[str, Any] = {
        "provider": owner,
        "auth_type": entry.auth.type,
        "base_url": entry.base_url or "",
        "priority": entry.priority,
        "active": entry.active,
        "model_names": entry.models,
        "limits": entry.limits,
        "timeouts": entry.timeouts,
        "headers": merged_headers(row.headers, entry.headers),
        "model_map": entry.model_map,
        "headroom": entry.headroom,
        "probe": entry.probe,
        "proxy": entry.proxy or "",
        "params": entry.params,
    }
    values |= _credential(row, entry.auth.type, entered)
    change = _write("connection", entry.name, row, **values)
    named = tuple("auth" if field == "credential" else field for field in change.fields)
    return Change(change.kind, change.name, change.created, named)


def _credential(row: Connection, auth_type: str, entered: dict[str, str]) -> dict[str, str]:
    """The credential, where it is another one than before."""
    if auth_type == Connection.Auth.NONE:
        return {"credential": ""}
    if row.credential and row.auth_type == auth_type and not entered:
        return {}
    stored = row.stored_auth()
    try:
        auth = merged_auth(auth_type, stored, entered)
    except ValidationError as error:
        [(name, words)] = error.message_dict.items()
        raise ValidationError({"auth": f"{name}: {words[0]}"}) from None
    return {"credential": row.sealed(auth)} if auth != stored else {}


def alias(entry: schema.AliasEntry) -> Change:
    row = Alias.objects.filter(alias=entry.alias).first() or Alias(alias=entry.alias)
    return _write("alias", entry.alias, row, model=entry.model)


def combo(entry: schema.ComboEntry) -> Change:
    """The combo itself; `targets` follow once every combo that they may name is there."""
    row = Combo.objects.filter(name=entry.name).first() or Combo(name=entry.name)
    return _write("combo", entry.name, row, **entry.model_dump(exclude={"name", "targets"}))


def targets(entry: schema.ComboEntry) -> bool:
    """Replace a combo's targets where they differ; whether they did."""
    row = Combo.objects.get(name=entry.name)
    present = [
        (target.model or None, target.nested.name if target.nested else None, target.weight)
        for target in row.targets.select_related("nested")
    ]
    wanted = [(target.model, target.combo, target.weight) for target in entry.targets]
    if present == wanted:
        return False
    for old in row.targets.all():
        old.delete()
    problems: dict[str, list[str]] = {}
    for position, target in enumerate(entry.targets):
        try:
            _target(row, position, target)
        except ValidationError as error:
            for path, words in of_row(error, f"targets[{position}]"):
                problems.setdefault(path, []).append(words)
    if problems:
        raise ValidationError(problems)
    written = row.targets.select_related("nested")
    try:
        check_kinds(
            row,
            [target.model for target in written if target.model],
            [target.nested for target in written if target.nested],
        )
    except ValidationError as error:
        raise ValidationError({"targets": error.messages}) from None
    return True


def _target(row: Combo, position: int, entry: schema.TargetEntry) -> None:
    nested = None
    if entry.combo:
        nested = Combo.objects.filter(name=entry.combo).first()
        if nested is None:
            raise ValidationError({"nested": f"there is no combo {entry.combo!r}"})
        check_nesting(row.pk, nested)
    target = ComboTarget(
        combo=row,
        position=position,
        model=entry.model or "",
        nested=nested,
        weight=entry.weight,
    )
    target.full_clean()
    target.save()


def user(entry: schema.UserEntry) -> Change:
    row = User.objects.filter(username=entry.username).first()
    if row is None:
        row = User(username=entry.username)
        row.set_unusable_password()  # until an administrator sets one
    return _write(
        "user",
        entry.username,
        row,
        email=entry.email,
        role=entry.role,
        allowed_models=entry.allowed_models,
        budgets=entry.budgets,
        soft_budgets=entry.soft_budgets,
        is_active=entry.active,
    )


def api_key(entry: schema.KeyEntry) -> Change:
    owner = None
    if entry.owner is not None:
        owner = User.objects.filter(username=entry.owner).first()
        if owner is None:
            raise ValidationError({"owner": f"there is no user {entry.owner!r}"})
    row = ApiKey.objects.filter(name=entry.name).first() or ApiKey(name=entry.name, owner=owner)
    values: dict[str, Any] = {
        "owner": owner,
        "scope": entry.scopes[0],
        **entry.model_dump(exclude={"name", "key", "key_sha256", "owner", "scopes"}),
    }
    made = None
    if entry.key:
        values |= {"sha256": keys.hash_key(entry.key), "prefix": entry.key[: keys.SHOWN]}
    elif entry.key_sha256:
        values |= {"sha256": entry.key_sha256}
    elif row._state.adding:
        made = keys.assign(row)
    change = _write("API key", entry.name, row, **values)
    return Change(change.kind, change.name, change.created, change.fields, made)


def error_rules(entries: list[schema.ErrorRuleEntry]) -> Change:
    """Replace the operator's own rules where they differ; those that are shipped stay."""
    own = ErrorRule.objects.filter(builtin=False).select_related("provider")
    wanted = [entry.model_dump() for entry in entries]
    if [rule_fields(row) for row in own] == wanted:
        return Change("error rules", "", created=False)
    for old in own:
        old.delete()
    problems: dict[str, list[str]] = {}
    for position, entry in enumerate(entries):
        try:
            _error_rule(position, entry)
        except ValidationError as error:
            for path, words in of_row(error, f"[{position}]"):
                problems.setdefault(path, []).append(words)
    if problems:
        raise ValidationError(problems)
    return Change("error rules", "", created=False, fields=("error_rules",))


def rule_fields(row: ErrorRule) -> dict[str, Any]:
    """As an `ErrorRuleEntry` has them."""
    return {
        "provider": row.provider.slug if row.provider else None,
        "status": row.status,
        "pattern": row.pattern,
        "action": row.action,
        "kind": row.kind,
        "scope": row.scope,
        "cooldown": row.cooldown_s,
        "note": row.note,
        "active": row.active,
    }


def _error_rule(position: int, entry: schema.ErrorRuleEntry) -> None:
    owner = None
    if entry.provider is not None:
        owner = Provider.objects.filter(slug=entry.provider).first()
        if owner is None:
            raise ValidationError({"provider": f"there is no provider {entry.provider!r}"})
    values = entry.model_dump(exclude={"provider", "cooldown"})
    row = ErrorRule(provider=owner, cooldown_s=entry.cooldown, position=position, **values)
    row.full_clean()
    row.save()


def alert_channel(entry: schema.AlertChannelEntry) -> Change:
    row = AlertChannel.objects.filter(name=entry.name).first() or AlertChannel(name=entry.name)
    told = {"url": entry.url, "secret": entry.secret}
    entered = {name: value for name, value in told.items() if value != MASK}
    kept = row.kept()
    try:
        recipients = channels.recipients(entry.recipients)
    except ValidationError as error:
        raise ValidationError({"recipients": error.messages}) from None
    values: dict[str, Any] = {
        "kind": entry.kind,
        "recipients": recipients,
        "allow_private_network": entry.allow_private_network,
        "events": entry.events,
        "active": entry.active,
    }
    wanted = AlertChannel(uid=row.uid, sealed=row.sealed, host=row.host, **values)
    made = channels.enter(wanted, entered)
    values |= {"sealed": wanted.sealed, "host": wanted.host}
    new = [name for name in ("url", "secret") if wanted.kept().get(name) != kept.get(name)]
    change = _write("alert channel", entry.name, row, **values)
    fields = (*(name for name in change.fields if name not in ("sealed", "host")), *new)
    return Change(change.kind, change.name, change.created, fields, made or None)


def settings(entry: schema.SettingsEntry) -> Change:
    values = entry.model_dump(exclude_unset=True)  # null is said, and empties what may be empty
    return _write("settings", "", GatewaySettings.load(), **values)
