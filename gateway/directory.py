"""What can be called now, by name, and what is known of it: worked out once a snapshot.

An account that cools down is back within minutes, and clients read the list once: what it serves
stays in. What only a person can bring back, an account that has to be signed in again, does not.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from msgspec import Struct, field

from gateway import auto
from gateway.pacing import paced
from gateway.snapshot import Connection, Modalities, Principal, Provider, Snapshot
from gateway.spelling import Neighbours

OURS = "omniroute"  # who owns a combo
KEPT = 256  # restrictions of keys


class Entry(Struct, frozen=True, gc=False):
    """A name. What is unknown is null; what stands for several has what all of them have."""

    name: str
    owner: str
    kind: str | None = None
    context_window: int | None = None
    max_output_tokens: int | None = None
    modalities: Modalities | None = None
    has: frozenset[str] = frozenset()
    lacks: frozenset[str] = frozenset()


class Directory(Struct, frozen=True):
    entries: dict[str, Entry]
    neighbours: Neighbours
    # By what a key may call, and by the shape that a client is told them in.
    _allowed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    rows: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def names(self, snapshot: Snapshot, principal: Principal) -> Collection[str]:
        """Those that the key may call, in the order of the list."""
        if principal.allowed is None:
            return self.entries.keys()
        found = self._allowed.get(principal.allowed.pattern)
        if found is None:
            found = tuple(n for n in self.entries if is_allowed(snapshot, principal, n))
            if len(self._allowed) >= KEPT:
                self._allowed.clear()
            self._allowed[principal.allowed.pattern] = found
        return found


def of(snapshot: Snapshot) -> Directory:
    """As things stand: tokens change while a snapshot does not."""
    gone = _signed_out(snapshot)
    found: Directory | None = snapshot.directories.get(gone)
    if found is None:
        found = _Survey(snapshot, gone).directory()
        snapshot.directories.clear()
        snapshot.directories[gone] = found
    return found


def is_allowed(snapshot: Snapshot, principal: Principal, name: str) -> bool:
    """May the key call this? `auto` is whatever it may call, and so needs no leave of its own."""
    if principal.may_call(name, snapshot.aliases.exact.get(name, name)):
        return True
    if name not in auto.NAMES or name in snapshot.combos or name in snapshot.aliases.exact:
        return False
    return any(map(principal.may_call, index(snapshot).auto[name]))


class Index(Struct, frozen=True):
    """What of a snapshot is asked again and again.

    Whether a token holds does not count here: a name means the same before and after a login.

    Args:
        bare: By the name that their providers have for them, models that a connection serves.
        auto: What `auto` and its kin stand for.
        bearing: The connections whose calls carry a token.
    """

    bare: dict[str, tuple[str, ...]]
    auto: dict[str, tuple[str, ...]]
    bearing: tuple[Connection, ...]


def index(snapshot: Snapshot) -> Index:
    if not snapshot.index:
        bearing = (
            connection
            for provider in paced(snapshot.providers.values())
            for connection in provider.connections
            if connection.bearer is not None
        )
        autos = {name: tuple(auto.models(snapshot, name)) for name in auto.NAMES}
        snapshot.index.append(Index(_bare(snapshot), autos, tuple(bearing)))
    found: Index = snapshot.index[0]
    return found


def _bare(snapshot: Snapshot) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    for provider in paced(snapshot.providers.values()):
        for name in provider.served if not auto.is_echo(provider) else ():
            found[name].append(f"{provider.alias}/{name}")
    return {name: tuple(sorted(models)) for name, models in found.items()}


def kind_of(snapshot: Snapshot, name: str) -> str | None:
    """Of `alias/model` or a combo; null where nobody has said."""
    models = combo_models(snapshot, name) if name in snapshot.combos else [name]
    for model in models:
        alias, _, own = model.partition("/")
        provider = snapshot.providers.get(alias)
        if provider is not None and (kind := provider.kind_of(own)) is not None:
            return kind
    return None


def exists(snapshot: Snapshot, model: str) -> bool:
    """May `alias/model` be asked for at all, whether or not a connection is active?"""
    alias, _, name = model.partition("/")
    provider = snapshot.providers.get(alias)
    if provider is None or not name or provider.refusal or name in provider.retired:
        return False
    return (
        provider.passthrough
        or name in provider.models
        or any(name in connection.model_names for connection in provider.connections)
    )


def _signed_out(snapshot: Snapshot) -> frozenset[str]:
    """The connections that have to be signed in again."""
    bearing = index(snapshot).bearing
    return frozenset(each.name for each in bearing if each.bearer and each.bearer.needs_login)


class _Survey:
    """Looks through a snapshot, without the connections `gone`."""

    def __init__(self, snapshot: Snapshot, gone: frozenset[str]) -> None:
        self._snapshot = snapshot
        self._accounts = {
            alias: tuple(each for each in provider.connections if each.name not in gone)
            for alias, provider in snapshot.providers.items()
        }

    def directory(self) -> Directory:
        snapshot, entries = self._snapshot, dict[str, Entry]()
        models = {each.name: each for each in paced(self._models())}
        for name in snapshot.combos:
            if parts := self._parts(name):
                entries[name] = _together(name, parts)
        for alias, target in snapshot.aliases.exact.items():
            parts = self._parts(target)
            if parts and target in snapshot.combos:
                entries[alias] = _together(alias, parts)
            elif parts:
                entries[alias] = _renamed(parts[0], alias)
        for name in auto.NAMES:
            if name not in entries and index(snapshot).auto[name]:
                entries[name] = Entry(name, OURS, "chat")
        entries |= {name: models[name] for name in sorted(models)}
        return Directory(entries, Neighbours(entries))

    def _models(self) -> Iterator[Entry]:
        for alias, provider in self._snapshot.providers.items():
            for name in provider.served_by(self._accounts[alias]):
                yield _entry(provider, name)

    def _parts(self, target: str) -> list[Entry]:
        """What a combo or a model comes to, as far as it can be called."""
        combo = self._snapshot.combos.get(target)
        names = [target] if combo is None else combo_models(self._snapshot, target)
        return [
            _entry(self._snapshot.providers[name.partition("/")[0]], name.partition("/")[2])
            for name in dict.fromkeys(names)
            if self._answers(name)
        ]

    def _answers(self, model: str) -> bool:
        if not exists(self._snapshot, model):
            return False
        alias, _, name = model.partition("/")
        provider = self._snapshot.providers[alias]
        return provider.has_address_for(provider.kind_of(name)) and any(
            _serves(each, name) for each in self._accounts[alias]
        )


def _serves(connection: Connection, name: str) -> bool:
    return not connection.model_names or name in connection.model_names


def combo_models(snapshot: Snapshot, combo: str) -> Iterator[str]:
    """All that a combo and those in it name."""
    for target in snapshot.combos[combo].targets:
        if target.model is not None:
            yield target.model
        elif target.combo in snapshot.combos:
            yield from combo_models(snapshot, target.combo)


def _entry(provider: Provider, name: str) -> Entry:
    model = provider.models.get(name)
    whole = f"{provider.alias}/{name}"
    if model is None:
        return Entry(whole, provider.slug)
    return Entry(
        name=whole,
        owner=provider.slug,
        kind=model.kind,
        context_window=model.context_window,
        max_output_tokens=model.quirks.max_output_tokens,
        modalities=model.modalities,
        has=model.has,
        lacks=model.lacks,
    )


def _renamed(entry: Entry, name: str) -> Entry:
    return Entry(name, *(getattr(entry, each) for each in Entry.__struct_fields__[1:]))


def _together(name: str, parts: list[Entry]) -> Entry:
    return Entry(
        name=name,
        owner=OURS,
        kind=next((part.kind for part in parts if part.kind), None),
        context_window=_least(part.context_window for part in parts),
        max_output_tokens=_least(part.max_output_tokens for part in parts),
        modalities=_common(parts),
        has=frozenset.intersection(*(part.has for part in parts)),
        lacks=frozenset.union(*(part.lacks for part in parts)),
    )


def _least(told: Iterable[int | None]) -> int | None:
    return min((each for each in told if each is not None), default=None)


def _common(parts: list[Entry]) -> Modalities | None:
    told = [part.modalities for part in parts if part.modalities]
    if len(told) < len(parts):
        return None
    goes_in = [each for each in told[0].input if all(each in other.input for other in told)]
    comes_out = [each for each in told[0].output if all(each in other.output for other in told)]
    return Modalities(tuple(goes_in), tuple(comes_out))
