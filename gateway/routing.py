"""From the name that a client asks for to the candidates that could answer, in order."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct
from yarl import URL

from combos.models import PRIORITY_TIERS
from gateway import auto, formats, names
from gateway.directory import exists
from gateway.endpoints import Endpoint
from gateway.errors import BadRequest, Unavailable
from gateway.formats.kinds import CHAT, KINDS, AnyUpstream, Kind, described, kind_of, noun
from gateway.names import Named
from gateway.snapshot import Combo, Connection, Model, Principal, Provider, Snapshot
from providers import authentication


class Target(Struct, frozen=True, eq=False):
    """A model on a connection: all that an attempt needs, prepared once a snapshot."""

    provider: Provider
    connection: Connection
    model: Model
    format: AnyUpstream  # that is spoken to it
    sent: str  # the model's name as the upstream gets it
    beside: str  # the chat format whose key header is its own too
    base_url: str
    url: URL
    stream_url: URL
    headers: tuple[tuple[bytes, bytes], ...]  # of the answer: who gave it
    key: tuple[str, str]  # connection and model: what is counted of it is counted for this

    def request_headers(
        self, url: URL, body: bytes, content_type: str = "application/json", method: str = "POST"
    ) -> dict[str, str]:
        """What leaves with `body` for `url`. The credential is resolved here, when it is used.

        Raises:
            CredentialUnreadable: Its variable or file is not there.
        """
        bearer = self.connection.bearer
        return {
            **({"content-type": content_type} if content_type else {}),
            "accept-encoding": "identity",
            **authentication.headers(
                self.format.NAME,
                self.connection.auth if bearer is None else bearer.auth,
                self.connection.headers,
                method=method,
                url=url,
                body=body,
                key_header=self.provider.key_headers.get(self.beside),
            ),
        }


class Group(Struct, frozen=True, eq=False):
    """Candidates among which a strategy chooses: a combo's targets, or a provider's accounts."""

    turn: str  # whose turn round-robin counts: `combo:best`
    strategy: str
    members: tuple["Group | Target", ...]
    weights: tuple[int, ...]
    inner: str = ""  # within a tier, of `priority-tiers`
    sticky: int = 1  # how many calls in a row are one turn

    @property
    def takes_turns(self) -> bool:
        return len(self.members) > 1 and "round-robin" in (self.strategy, self.inner)

    def visits(self, calls: int) -> int:
        """How many of so many calls have gone to the member whose turn it is. Groups in it go by
        this: if each second call is theirs, by all calls it would be the same one's turn always."""
        rounds = calls // (self.sticky * len(self.members))
        return rounds * self.sticky + calls % self.sticky


class Route(Struct, frozen=True, eq=False):
    """All that a name stands for, prepared once a snapshot.

    `targets` are the candidates in configured order. `turns`: whose turns a choice among them has
    to know. `is_open`: they are whatever the key may call, and not what somebody named.
    """

    named: Named
    root: Group
    targets: tuple[Target, ...]
    turns: tuple[str, ...]
    is_picky: bool = False  # some of them are known to lack something
    is_fixed: bool = False  # no strategy changes their order
    least_context: int | None = None  # of those whose context is known
    is_open: bool = False
    combo: str = ""  # its name, or `auto`, where it stands for several models
    hedge_after: float | None = None
    cache: bool = False

    def first_for(self, principal: Principal) -> Target | None:
        """The first that the key may call, whether or not it can answer now."""
        for target in self.targets:
            if not self.is_open or principal.may_call(target.model.id):
                return target
        return None


def resolve(snapshot: Snapshot, principal: Principal, name: str, client_format: str) -> Route:
    """The candidates for what a client asks for by that name.

    Each is spoken to in the client's format where it knows that.

    Raises:
        ModelNotFound: Nothing has that name; the message suggests the closest.
        NotAllowed: The key may not call it.
        BadRequest: It is of another kind than that address is for; the message says which.
        Unavailable: It exists, and no active connection could answer.
    """
    named = names.find(snapshot, principal, name, kind_of(client_format))
    key = named.to, named.by, client_format
    route: Route | None = snapshot.routes.get(key)
    if route is None:
        route = _Roads(snapshot, client_format).route(named)
        if len(snapshot.routes) >= 10_000:  # names that are passed through are anyone's
            snapshot.routes.clear()
        snapshot.routes[key] = route
    if not route.targets:
        raise Unavailable(f"no active connection serves the model {name!r}", retry_after_s=30)
    return route


class _Roads:
    """Builds a route; what is reached by two ways stands where it is reached first."""

    def __init__(self, snapshot: Snapshot, client_format: str) -> None:
        self._snapshot, self._format = snapshot, client_format
        self._kind = kind_of(client_format)
        self._seen: set[tuple[str, str]] = set()
        self._misfit = ""  # why a model could not be called here

    def route(self, named: Named) -> Route:
        route = self._route(named)
        if self._misfit and not route.targets:
            raise BadRequest(self._misfit, param="model")
        return route

    def _route(self, named: Named) -> Route:
        snapshot, name = self._snapshot, named.to
        combo = snapshot.combos.get(name)
        if combo is not None:
            group = self._combo(combo)
            return _route(
                named, group, combo=name, hedge_after=combo.hedge_after, cache=combo.cache
            )
        if exists(snapshot, name):
            return _route(named, self._accounts(name))
        if self._kind != CHAT:
            raise BadRequest(f"{name} stands for {described(CHAT)}", param="model")
        return _route(named, self._auto(name), combo=name, is_open=True)

    def _combo(self, combo: Combo) -> Group:
        """Saving refuses cycles of combos."""
        members: list[Group | Target] = []
        weights: list[int] = []
        for target in combo.targets:
            if target.model is not None:
                group = self._accounts(target.model)
            elif target.combo in self._snapshot.combos:
                group = self._combo(self._snapshot.combos[target.combo])
            else:
                continue  # it is switched off
            # Tiers are those of providers, whatever combo they stand in.
            found = _accounts_in(group) if combo.strategy == PRIORITY_TIERS else [group]
            members += found
            weights += [target.weight] * len(found)
        return Group(
            turn=f"combo:{combo.name}",
            strategy=combo.strategy,
            inner=combo.tier_strategy if combo.strategy == PRIORITY_TIERS else "",
            sticky=combo.sticky,
            members=tuple(members),
            weights=tuple(weights),
        )

    def _auto(self, name: str) -> Group:
        strategy, inner = auto.STRATEGIES[name]
        members = tuple(self._accounts(model) for model in auto.models(self._snapshot, name))
        return Group(name, strategy, members, (1,) * len(members), inner)

    def _accounts(self, model_id: str) -> Group:
        """A model on all of its provider's connections that serve it."""
        snapshot = self._snapshot
        alias, _, name = model_id.partition("/")
        if not exists(snapshot, model_id):
            return Group("", "fill-first", (), ())  # a combo's target that has gone since
        provider = snapshot.providers[alias]
        model = provider.models.get(name) or Model(
            model_id, name, quirks=provider.quirks, kind=None
        )
        if not self._serves(provider, model):
            return Group("", "fill-first", (), ())
        targets = tuple(
            _target(provider, connection, model, self._format)
            for connection in provider.connections
            if not connection.model_names or name in connection.model_names
            if is_reached(provider, connection, self._kind)
            if self._is_new(connection, model)
        )
        return Group(
            turn=f"provider:{alias}",
            strategy=provider.account_strategy,
            sticky=provider.sticky,
            members=targets,
            weights=(1,) * len(targets),
        )

    def _serves(self, provider: Provider, model: Model) -> bool:
        """Of a model whose kind nobody has said it is the client's to know."""
        misfit = ""
        if model.kind not in (None, self._kind):
            misfit = f"{model.id} is {described(model.kind)}"
        elif not provider.has_address_for(self._kind):
            misfit = f"{model.id}: its provider has no address for {noun(self._kind)}"
        self._misfit = self._misfit or misfit
        return not misfit

    def _is_new(self, connection: Connection, model: Model) -> bool:
        key = (connection.name, connection.model_map.get(model.name, model.name))
        new = key not in self._seen
        self._seen.add(key)
        return new


def _route(named: Named, root: Group, **more: Any) -> Route:
    root = _pruned(root)
    targets = tuple(leaves(root))
    turns = dict.fromkeys(_turns(root))
    contexts = [t.model.context_window for t in targets if t.model.context_window is not None]
    return Route(
        named=named,
        root=root,
        targets=targets,
        turns=tuple(turns),
        is_picky=any(target.model.lacks for target in targets),
        is_fixed=_is_fixed(root),
        least_context=min(contexts, default=None),
        **more,
    )


def _is_fixed(group: Group) -> bool:
    if group.strategy != "fill-first" and len(group.members) > 1:
        return False
    return all(_is_fixed(member) for member in group.members if isinstance(member, Group))


def _pruned(group: Group) -> Group:
    """Without groups of one in it: they leave nothing to choose."""
    return msgspec.structs.replace(group, members=tuple(map(_plain, group.members)))


def _plain(member: "Group | Target") -> "Group | Target":
    if isinstance(member, Target):
        return member
    return _plain(member.members[0]) if len(member.members) == 1 else _pruned(member)


def leaves(member: Group | Target) -> list[Target]:
    if isinstance(member, Target):
        return [member]
    return [target for inner in member.members for target in leaves(inner)]


def _accounts_in(group: Group) -> list[Group]:
    """The groups of one provider's accounts that it is made of."""
    inner = [member for member in group.members if isinstance(member, Group)]
    return [found for member in inner for found in _accounts_in(member)] if inner else [group]


def _turns(group: Group) -> Iterator[str]:
    """Those that are counted; whoever stands within one goes by its count."""
    if group.takes_turns:
        yield group.turn
        return
    for member in group.members:
        if isinstance(member, Group):
            yield from _turns(member)


def is_reached(provider: Provider, connection: Connection, kind: str) -> bool:
    """Is a kind of model served where this connection goes?"""
    if kind == CHAT:
        return True
    return _base_url(provider.endpoints[kind], kind, connection) is not None


def _target(provider: Provider, connection: Connection, model: Model, client_format: str) -> Target:
    sent = connection.model_map.get(model.name, model.name)
    kind = kind_of(client_format)
    if kind == CHAT:
        spoken = model.format or (
            client_format if client_format in connection.base_urls else provider.format
        )
        format: AnyUpstream = formats.by_name(spoken)
        beside = spoken
        base_url = connection.base_urls.get(spoken, connection.base_urls[provider.format])
        path = format.address(sent, stream=False)
        stream_path = format.address(sent, stream=True)
    else:
        endpoint = provider.endpoints[kind]
        format, beside = _spoken(KINDS[kind], endpoint, client_format), endpoint.beside
        base_url = _base_url(endpoint, kind, connection) or ""
        path = stream_path = _path(format, endpoint, sent)
    return Target(
        provider=provider,
        connection=connection,
        model=model,
        format=format,
        sent=sent,
        beside=beside,
        base_url=base_url,
        url=whole_url(base_url, path),
        stream_url=whole_url(base_url, stream_path),
        headers=(
            (b"x-omniroute-provider", _header(provider.slug)),
            (b"x-omniroute-model", _header(model.id)),
            (b"x-omniroute-connection", _header(connection.name)),
        ),
        key=(connection.name, model.id),
    )


def _spoken(kind: Kind, endpoint: Endpoint, client_format: str) -> AnyUpstream:
    """The client's format where the provider speaks that too."""
    also = frozenset() if endpoint.alone else kind.also.get(endpoint.format, frozenset())
    return kind.upstreams[client_format if client_format in also else endpoint.format]


def _base_url(endpoint: Endpoint, kind: str, connection: Connection) -> str | None:
    """An account with an address of its own is asked there for everything."""
    if endpoint.base_url and not connection.is_elsewhere:
        return connection.other_urls.get(kind)
    return connection.base_urls.get(endpoint.beside)


def _path(format: AnyUpstream, endpoint: Endpoint, sent: str) -> str:
    if endpoint.path and endpoint.format == format.NAME:
        return endpoint.path.replace("{model}", quote(sent, safe="/:@"))
    return format.address(sent, stream=False)


def whole_url(base_url: str, address: str) -> URL:
    """Where a request goes; a query of the base URL's (Azure's `api-version`) comes last."""
    path, _, query = base_url.partition("?")
    if query:
        query = ("&" if "?" in address else "?") + query
    return URL(path + address + query, encoded=True)


def _header(text: str) -> bytes:
    """Printable ASCII as it is, the rest percent-encoded: a name cannot add a header."""
    return quote(text, safe=" !#$&'()*+,/:;=?@[]|~").encode()
