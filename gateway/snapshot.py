"""The configuration as the data plane sees it: frozen, and whole.

Built from the ORM off the event loop. A request keeps the snapshot that it started with. A row
that cannot be used is left out and named in `problems`; it never takes the gateway down.
"""

import fnmatch
import ipaddress
import logging
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from typing import Any, Literal, TypeVar

import msgspec
from django.db import models, transaction
from msgspec import Struct, field

from accounts.models import CONTROLS, ApiKey, GatewaySettings
from analytics.costs import Prices
from combos import models as combos
from combos.aliases import Aliases
from gateway import endpoints, prices, verdict
from gateway.bearers import Bearer, Bearers
from gateway.endpoints import Endpoint
from gateway.formats.thinking import Thinking
from gateway.formats.types import Quirks
from gateway.meters import Meter, meters
from gateway.pacing import paced
from gateway.redaction import Redaction, redaction_of
from gateway.verdict import Policy, Rule
from providers import models as providers
from providers import placeholders
from providers.connections import missing_from
from providers.credentials import CredentialUnreadable

log = logging.getLogger(__name__)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Timeouts(Struct, frozen=True, gc=False):
    """Seconds. `total` bounds one attempt, from connecting to the last byte."""

    connect: float = 5
    first_byte: float = 60
    first_content: float = 120
    idle: float = 60
    total: float = 600


class Limits(Struct, frozen=True, gc=False):
    """A minute's requests and tokens, and calls at once; null is no limit.

    A call may wait up to `max_wait` seconds for its turn.
    """

    rpm: float | None = None
    tpm: float | None = None
    concurrency: float | None = None
    max_wait: float = 0

    @property
    def is_none(self) -> bool:
        return self.rpm is None and self.tpm is None and self.concurrency is None


class Networks(Struct, frozen=True):
    """From where calls may come. What is denied stays so, whatever is allowed."""

    allowed: tuple[Network, ...] = ()  # (): from anywhere
    denied: tuple[Network, ...] = ()

    @property
    def is_open(self) -> bool:
        return not self.allowed and not self.denied


class Budgets(Struct, frozen=True):
    """By name (`daily_usd`). Beyond a hard one calls are refused, beyond a soft one it is told."""

    hard: dict[str, float] = field(default_factory=dict)
    soft: dict[str, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.hard or self.soft)


class Principal(Struct, frozen=True):
    """Who calls: a key, or nobody in particular where no key is required."""

    name: str
    id: int = 0  # of its row
    user: str = ""
    scope: str = "inference"
    allowed: re.Pattern[str] | None = None  # null: every model
    limits: Limits = Limits()
    budgets: Budgets = Budgets()
    user_budgets: Budgets = Budgets()
    expires: float | None = None  # Unix seconds
    networks: Networks = Networks()
    controls: frozenset[str] = frozenset()  # headers that its requests may carry
    cache: bool = False
    system_prompt: str = ""  # its own, or the settings'
    thinking: Thinking | None = None  # null: as the request says

    def may_call(self, *names: str) -> bool:
        return self.allowed is None or any(self.allowed.fullmatch(name) for name in names)


class Modalities(Struct, frozen=True, gc=False):
    """What goes in and what comes out: text, image, …"""

    input: tuple[str, ...]
    output: tuple[str, ...]


class Model(Struct, frozen=True, gc=False):
    id: str  # alias/model
    name: str  # as the provider expects it
    kind: str | None = "chat"  # null: nobody has said
    prices: Prices | None = None
    context_window: int | None = None
    modalities: Modalities | None = None
    has: frozenset[str] = frozenset()  # capabilities that it is known to have,
    lacks: frozenset[str] = frozenset()  # and not to have
    quirks: Quirks = Quirks()
    format: str = ""  # where it is not its provider's
    is_listed: bool = True  # its provider still has it in its list, as far as that was asked


class Connection(Struct, frozen=True, gc=False):
    name: str
    auth: dict[str, Any]
    base_urls: dict[str, str]  # by the format that is spoken there
    headers: dict[str, str]
    timeouts: Timeouts
    limits: Limits
    model_names: frozenset[str]
    model_map: dict[str, str]
    # By kind, the addresses beside those that its provider has for other kinds than chat.
    other_urls: dict[str, str] = field(default_factory=dict)
    is_elsewhere: bool = False  # its address is not its provider's
    proxy: str = ""
    headroom: float = 0.0  # the share of its quotas that is its owner's
    # Of one whose calls carry a token that is renewed; it changes while the snapshot stands.
    bearer: Bearer | None = None


class Provider(Struct, frozen=True):
    slug: str
    alias: str
    format: str
    tier: str
    allow_private_network: bool
    passthrough: bool
    quirks: Quirks
    account_strategy: str
    sticky: int
    models: dict[str, Model]  # by name
    connections: tuple[Connection, ...]  # in the order in which they are tried
    endpoints: dict[str, Endpoint] = field(default_factory=dict)  # by kind, of those beside chat
    key_headers: dict[str, tuple[str, str]] = field(default_factory=dict)  # by format
    retired: dict[str, str] = field(default_factory=dict)  # its models' names, and since when
    refusal: str = ""  # why it cannot be called at all
    meters: tuple[Meter, ...] = ()  # of quotas, in the headers of its answers

    @property
    def served(self) -> list[str]:
        """Names of its models that some active connection serves."""
        return self.served_by(self.connections)

    def served_by(self, accounts: Iterable[Connection]) -> list[str]:
        """Names of its models that one of those connections serves."""
        names: dict[str, None] = {}
        are_all = False
        for account in accounts:
            if account.model_names:
                names |= dict.fromkeys(sorted(account.model_names))
            elif not are_all:
                are_all = True
                names |= dict.fromkeys(n for n, model in self.models.items() if model.is_listed)
        return [name for name in names if self.has_address_for(self.kind_of(name))]

    def kind_of(self, name: str) -> str | None:
        """The kind of one of its models; null where nobody has said."""
        model = self.models.get(name)
        return model.kind if model else None

    def has_address_for(self, kind: str | None) -> bool:
        if kind == "chat":
            return bool(self.format)  # some answer no chat
        return kind is None or kind in self.endpoints


class ComboTarget(Struct, frozen=True):
    """Exactly one of `model` (alias/model) and `combo` (its name) is set."""

    model: str | None
    combo: str | None
    weight: int


class Combo(Struct, frozen=True):
    name: str
    strategy: str
    tier_strategy: str
    sticky: int
    hedge_after: float | None
    cache: bool
    targets: tuple[ComboTarget, ...]


Kind = Literal["provider", "model", "connection", "combo", "API key", "error rule"]


class Problem(Struct, frozen=True):
    """A row that was left out, and why."""

    kind: Kind
    name: str
    reason: str


class Snapshot(Struct, frozen=True):
    version: int
    require_api_key: bool
    log_bodies: bool
    stored_responses_days: int
    ollama_api: bool
    budgets: Budgets  # of all keys together
    networks: Networks
    cache_ttl_s: float
    max_attempts: int
    deadline_s: float
    policy: Policy
    anyone: Principal  # where no key is required
    rules: tuple[Rule, ...]
    keys: dict[str, Principal]  # by the SHA-256 of the key, in hex
    providers: dict[str, Provider]  # by alias
    aliases: Aliases
    combos: dict[str, Combo]
    problems: tuple[Problem, ...]
    redaction: Redaction = Redaction()  # of what is kept of prompts and answers
    # What has been worked out of it so far, which dies with it: by `gateway.directory`, once and by
    # the connections that are signed out; by `gateway.names`, by name; and by `gateway.routing`, by
    # what was asked for and the client's format.
    index: list[Any] = field(default_factory=list)
    directories: dict[frozenset[str], Any] = field(default_factory=dict)
    meanings: dict[str, Any] = field(default_factory=dict)
    routes: dict[tuple[str, str, str], Any] = field(default_factory=dict)

    def with_combo(self, name: str, combo: Combo) -> "Snapshot":
        """As it would be with that one, for a look ahead; nothing has been worked out of it yet."""
        combos = self.combos | {name: combo}
        fresh: dict[str, Any] = {
            "index": [], "directories": {}, "meanings": {}, "routes": {},
        }  # fmt: skip
        return msgspec.structs.replace(self, combos=combos, **fresh)


def build(bearers: Bearers | None = None) -> Snapshot:
    """Read the whole configuration. Raises `DatabaseError` where that is impossible.

    Tokens that change by themselves are held in `bearers`, which outlive the snapshot.
    """
    problems: list[Problem] = []
    bearers = Bearers() if bearers is None else bearers
    # One transaction, so that the version belongs to the rows.
    with transaction.atomic():
        bearers.load()
        settings = GatewaySettings.load()
        return Snapshot(
            version=settings.version,
            require_api_key=settings.require_api_key,
            log_bodies=settings.log_bodies,
            redaction=redaction_of(settings.redacted_fields, settings.redacted_patterns),
            stored_responses_days=settings.stored_responses_days,
            ollama_api=settings.ollama_api,
            budgets=Budgets(settings.budgets, settings.soft_budgets),
            networks=networks_of(settings),
            cache_ttl_s=settings.cache_ttl_s,
            max_attempts=settings.max_attempts,
            deadline_s=settings.deadline_s,
            policy=Policy(**{name: getattr(settings, name) for name in Policy.__struct_fields__}),
            anyone=Principal(
                name="",
                controls=frozenset(CONTROLS) - {"connection"},
                system_prompt=settings.system_prompt,
                thinking=_thinking(settings),
            ),
            rules=verdict.arrange(_each("error rule", _rules(), _rule, problems)),
            keys=dict(_each("API key", ApiKey.objects.usable(), partial(_key, settings), problems)),
            providers=dict(_providers(problems, bearers)),
            aliases=Aliases(dict(combos.Alias.objects.values_list("alias", "model"))),
            combos=dict(
                _each(
                    "combo",
                    combos.Combo.objects.filter(active=True).prefetch_related("targets__nested"),
                    _combo,
                    problems,
                )
            ),
            problems=tuple(problems),
        )


Row = TypeVar("Row", bound=models.Model)
Built = TypeVar("Built")


def _each(
    kind: Kind, rows: Iterable[Row], make: Callable[[Row], Built], problems: list[Problem]
) -> Iterator[Built]:
    for row in paced(rows):
        try:
            yield make(row)
        except (ValueError, TypeError, CredentialUnreadable) as error:
            # str(error) of these says what is wrong with the row and never holds its secret.
            problems.append(Problem(kind, str(row), str(error)))
            log.warning("%s %s is left out: %s", kind, row, error)


def _key(settings: GatewaySettings, row: ApiKey) -> tuple[str, Principal]:
    owner = row.owner
    return row.sha256, Principal(
        name=row.name,
        id=row.pk,
        user=owner.username if owner else "",
        scope=row.scope,
        allowed=_globs(row.allowed_models, owner.allowed_models if owner else ["*"]),
        limits=msgspec.convert(row.limits, Limits),
        budgets=Budgets(row.budgets, row.soft_budgets),
        user_budgets=Budgets(owner.budgets, owner.soft_budgets) if owner else Budgets(),
        expires=row.expires.timestamp() if row.expires else None,
        networks=networks_of(row),
        controls=frozenset(row.controls),
        cache=row.cache,
        system_prompt=row.system_prompt or settings.system_prompt,
        thinking=_thinking(row if row.thinking else settings),
    )


def networks_of(row: ApiKey | GatewaySettings) -> Networks:
    allowed, denied = (
        tuple(ipaddress.ip_network(text, strict=False) for text in texts)
        for texts in (row.allowed_ips, row.denied_ips)
    )
    return Networks(allowed, denied)


def _thinking(row: ApiKey | GatewaySettings) -> Thinking | None:
    if row.thinking == "passthrough":
        return None
    told = {"mode": row.thinking, "budget_tokens": row.thinking_budget or 0}
    return msgspec.convert(told, Thinking)


def _rules() -> Iterable[providers.ErrorRule]:
    return providers.ErrorRule.objects.filter(active=True).select_related("provider")


def _rule(row: providers.ErrorRule) -> Rule:
    names = ("status", "pattern", "action", "kind", "scope", "cooldown_s", "builtin")
    fields = {name: getattr(row, name) for name in names}
    return msgspec.convert(fields | {"provider": row.provider.slug if row.provider else ""}, Rule)


def _globs(*lists: list[str]) -> re.Pattern[str] | None:
    """What every one of the lists allows; null: everything."""
    bounds = [
        "|".join(fnmatch.translate(pattern) for pattern in patterns) or r"(?!)"
        for patterns in lists
        if "*" not in patterns
    ]
    if not bounds:
        return None
    return re.compile("".join(f"(?={bound})" for bound in bounds) + "(?s:.*)")


def _providers(problems: list[Problem], bearers: Bearers) -> Iterator[tuple[str, Provider]]:
    """Thousands of models and connections: each table is read once, and no row of it twice."""
    rows = {row.pk: row for row in providers.Provider.objects.defer(*_UNUSED)}
    places = {pk: endpoints.of(row) for pk, row in rows.items()}
    models: dict[int, list[Model]] = defaultdict(list)
    retired: dict[int, dict[str, str]] = defaultdict(dict)
    for row in _of(rows, providers.ProviderModel.objects.order_by("name")):
        if row.active:
            models[row.provider_id] += _each("model", [row], _model, problems)
        elif row.retired_on and not row.active:
            retired[row.provider_id][row.name] = str(row.retired_on)
    accounts: dict[int, list[Connection]] = defaultdict(list)
    for account in _of(rows, providers.Connection.objects.active()):
        made = _each("connection", [account], partial(_connection, bearers, places), problems)
        accounts[account.provider_id] += made

    def provider(row: providers.Provider) -> tuple[str, Provider]:
        return row.alias, Provider(
            slug=row.slug,
            alias=row.alias,
            format=row.format,
            tier=row.tier,
            allow_private_network=row.allow_private_network,
            passthrough=row.passthrough,
            quirks=msgspec.convert(row.quirks, Quirks),
            account_strategy=row.account_strategy,
            sticky=row.sticky,
            models={model.name: model for model in models[row.pk]},
            endpoints=places[row.pk],
            connections=tuple(accounts[row.pk]),
            key_headers={f: (name, text) for f, (name, text) in row.key_headers.items()},
            retired=retired[row.pk],
            refusal=row.refusal,
            meters=meters(tuple(row.rate_limit_headers)),
        )

    return _each("provider", rows.values(), provider, problems)


# What of a provider no call needs.
_UNUSED = ("oauth", "terms", "auth_types", "params", "probes")

Owned = TypeVar("Owned", providers.ProviderModel, providers.Connection)


def _of(owners: dict[int, providers.Provider], rows: models.QuerySet[Owned]) -> Iterator[Owned]:
    """The rows, each with its owner, which is not read again for it."""
    for row in paced(rows.iterator(chunk_size=100)):
        row._state.fields_cache["provider"] = owners[row.provider_id]
        yield row


def _model(row: providers.ProviderModel) -> Model:
    owner = row.provider
    quirks = {**owner.quirks, "max_output_tokens": row.max_output_tokens, **row.quirks}
    return Model(
        id=f"{owner.alias}/{row.name}",
        name=row.name,
        kind=row.kind,
        prices=prices.of(row),
        context_window=row.context_window,
        modalities=_modalities(row),
        has=frozenset(name for name, has in row.capabilities.items() if has),
        lacks=frozenset(name for name, has in row.capabilities.items() if not has),
        quirks=msgspec.convert(quirks, Quirks),
        format=row.format,
        is_listed=row.vanished_on is None,
    )


def _modalities(row: providers.ProviderModel) -> Modalities | None:
    told = row.modalities
    return _same(tuple(told["in"]), tuple(told["out"])) if told else None


_same = lru_cache(maxsize=256)(Modalities)  # of thousands of models there are a dozen


def _connection(
    bearers: Bearers, places: dict[int, dict[str, Endpoint]], row: providers.Connection
) -> Connection:
    if row.provider.refusal:
        raise ValueError(row.provider.refusal)
    bearer = bearers.of(row)
    auth = row.read_auth() if bearer is None else {}
    if bearer is None and (missing := missing_from(row.auth_type, auth)):
        raise ValueError(f"the credential lacks {', '.join(missing)}")
    base_urls = {format: _address(url) for format, url in row.base_urls.items()}
    share = 1 - row.headroom
    return Connection(
        name=row.name,
        auth=auth,
        base_urls=base_urls,
        headers=_headers(row),
        timeouts=msgspec.convert(row.timeouts, Timeouts),
        limits=_shared(row.limits, share),
        model_names=frozenset(row.model_names),
        model_map=row.model_map,
        other_urls=_other_urls(row, places[row.provider_id]),
        is_elsewhere=bool(row.base_url),
        proxy=row.proxy,
        headroom=row.headroom,
        bearer=bearer,
    )


def _other_urls(row: providers.Connection, places: dict[str, Endpoint]) -> dict[str, str]:
    """Without those that need what the connection does not say: it serves chat all the same."""
    told = {kind: each.base_url for kind, each in places.items() if each.base_url}
    filled = {kind: placeholders.fill_known(url, row.all_params(url)) for kind, url in told.items()}
    return {kind: _address(url) for kind, url in filled.items() if not placeholders.names(url)}


def _address(url: str) -> str:
    """Raises `ValueError` where something of it is not said."""
    if missing := placeholders.names(url):
        raise ValueError(f"the address needs a {missing[0]}, which the connection does not name")
    path, mark, query = url.partition("?")
    return path.rstrip("/") + mark + query


def _headers(row: providers.Connection) -> dict[str, str]:
    """The provider's, where the connection says what they need; and its own."""
    theirs = {
        name: placeholders.fill_known(text, row.params)
        for name, text in row.provider.headers.items()
        if all(row.params.get(needed) for needed in placeholders.names(text))
    }
    return {**theirs, **{name.lower(): value for name, value in row.headers.items()}}


def _shared(limits: dict[str, float], share: float) -> Limits:
    """What is left of an account's limits when its owner has kept back the rest."""
    counted = {name: n if name == "max_wait" else n * share for name, n in limits.items()}
    return msgspec.convert(counted, Limits)


def _combo(row: combos.Combo) -> tuple[str, Combo]:
    targets = tuple(
        ComboTarget(
            target.model or None, target.nested.name if target.nested else None, target.weight
        )
        for target in row.targets.all()
    )
    return row.name, Combo(
        name=row.name,
        strategy=row.strategy,
        tier_strategy=row.tier_strategy,
        sticky=row.sticky,
        hedge_after=row.hedge_after,
        cache=row.cache,
        targets=targets,
    )
