"""From the name that a client asks for to the candidates that could answer, in order."""

import difflib
from collections.abc import Iterator
from urllib.parse import quote

from msgspec import Struct
from yarl import URL

from gateway import formats
from gateway.errors import ModelNotFound, NotAllowed, Unavailable
from gateway.snapshot import Connection, Model, Principal, Provider, Snapshot
from providers import authentication

# A call tries no more candidates than this: what twelve could not answer, the next will not.
MAX_CANDIDATES = 12


class Target(Struct, frozen=True):
    """A model on a connection: all that an attempt needs, prepared once a snapshot."""

    provider: Provider
    connection: Connection
    model: Model
    format: formats.Format  # that is spoken to it
    sent: str  # the model's name as the upstream gets it
    base_url: str
    url: URL
    stream_url: URL
    headers: tuple[tuple[bytes, bytes], ...]  # of the answer: who gave it

    def request_headers(self, url: URL, body: bytes) -> dict[str, str]:
        """What leaves with `body` for `url`. The credential is resolved here, when it is used.

        Raises:
            CredentialUnreadable: Its variable or file is not there.
        """
        return {
            "content-type": "application/json",
            "accept-encoding": "identity",
            **authentication.headers(
                self.format.NAME,
                self.connection.auth,
                self.connection.headers,
                method="POST",
                url=str(url),
                body=body,
            ),
        }


def resolve(
    snapshot: Snapshot, principal: Principal, name: str, client_format: str
) -> tuple[Target, ...]:
    """The candidates for a model, alias or combo, in the order in which they are tried.

    Each is spoken to in the client's format where it knows that.

    Raises:
        ModelNotFound: Nothing has that name; the message suggests the closest.
        NotAllowed: The key may not call it.
        Unavailable: It exists, and no active connection could answer.
    """
    alias_of = snapshot.aliases.get(name, name)
    if not principal.may_call(name, alias_of):
        raise NotAllowed(f"this API key may not call the model {name!r}", param="model")
    candidates = snapshot.routes.get((name, client_format))
    if candidates is None:
        candidates = tuple(_candidates(snapshot, name, client_format))[:MAX_CANDIDATES]
        if len(snapshot.routes) >= 10_000:  # names that are passed through are anyone's
            snapshot.routes.clear()
        snapshot.routes[name, client_format] = candidates
    if not candidates:
        raise Unavailable(f"no active connection serves the model {name!r}", retry_after_s=30)
    return candidates


def _candidates(snapshot: Snapshot, name: str, client_format: str) -> Iterator[Target]:
    if name not in snapshot.combos and not _exists(snapshot, snapshot.aliases.get(name, name)):
        raise _not_found(snapshot, name)
    seen: set[tuple[str, str]] = set()
    for model in _models(snapshot, name):
        for target in _targets(snapshot, model, client_format):
            key = (target.connection.name, target.sent)
            if key not in seen:  # a combo may reach a model by two ways; it is tried once
                seen.add(key)
                yield target


def _models(snapshot: Snapshot, name: str) -> Iterator[str]:
    """The `alias/model` names that `name` stands for. Saving refuses cycles of combos."""
    combo = snapshot.combos.get(name)
    if combo is None:
        yield snapshot.aliases.get(name, name)
        return
    for target in combo.targets:
        if target.model is not None:
            yield target.model
        elif target.combo in snapshot.combos:
            yield from _models(snapshot, target.combo)


def _exists(snapshot: Snapshot, model_id: str) -> bool:
    """May `alias/model` be asked for at all, whether or not a connection is active?"""
    alias, _, name = model_id.partition("/")
    provider = snapshot.providers.get(alias)
    if provider is None or not name:
        return False
    return (
        provider.passthrough
        or name in provider.models
        or any(name in connection.model_names for connection in provider.connections)
    )


def _targets(snapshot: Snapshot, model_id: str, client_format: str) -> Iterator[Target]:
    alias, _, name = model_id.partition("/")
    if not _exists(snapshot, model_id):
        return  # a combo's target that has gone since it was saved
    provider = snapshot.providers[alias]
    model = provider.models.get(name) or Model(model_id, name, quirks=provider.quirks)
    for connection in provider.connections:
        if not connection.model_names or name in connection.model_names:
            yield _target(provider, connection, model, client_format)


def _target(provider: Provider, connection: Connection, model: Model, client_format: str) -> Target:
    spoken = model.format or (
        client_format if client_format in connection.base_urls else provider.format
    )
    format = formats.by_name(spoken)
    base_url = connection.base_urls.get(spoken, connection.base_urls[provider.format])
    sent = connection.model_map.get(model.name, model.name)
    return Target(
        provider=provider,
        connection=connection,
        model=model,
        format=format,
        sent=sent,
        base_url=base_url,
        url=URL(base_url + format.address(sent, stream=False), encoded=True),
        stream_url=URL(base_url + format.address(sent, stream=True), encoded=True),
        headers=(
            (b"x-omniroute-provider", _header(provider.slug)),
            (b"x-omniroute-model", _header(model.id)),
            (b"x-omniroute-connection", _header(connection.name)),
        ),
    )


def _header(text: str) -> bytes:
    """Printable ASCII as it is, the rest percent-encoded: a name cannot add a header."""
    return quote(text, safe=" !#$&'()*+,/:;=?@[]|~").encode()


def _not_found(snapshot: Snapshot, name: str) -> ModelNotFound:
    near = difflib.get_close_matches(name[:250], callable_names(snapshot), n=3, cutoff=0.5)
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    return ModelNotFound(f"the model {name[:250]!r} does not exist{hint}", param="model")


def callable_names(snapshot: Snapshot) -> list[str]:
    """All that can be called now: models with an active connection, aliases and combos of them."""
    models = [
        f"{provider.alias}/{name}"
        for provider in snapshot.providers.values()
        for name in _served(provider)
    ]
    aliases = [a for a, model in snapshot.aliases.items() if _answers(snapshot, model)]
    combos = [
        name
        for name in snapshot.combos
        if any(_answers(snapshot, model) for model in _models(snapshot, name))
    ]
    return [*combos, *aliases, *sorted(models)]


def _served(provider: Provider) -> set[str]:
    """Names of a provider's models that some active connection serves."""
    served: set[str] = set()
    for connection in provider.connections:
        served |= connection.model_names or provider.models.keys()
    return served


def _answers(snapshot: Snapshot, model: str) -> bool:
    alias, _, name = model.partition("/")
    return _exists(snapshot, model) and any(
        not connection.model_names or name in connection.model_names
        for connection in snapshot.providers[alias].connections
    )
