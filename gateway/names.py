"""What the name that a client asks for stands for.

In this order: a combo, an alias, `alias/model`, `auto`, an alias with a `*`, and a model's name
without its provider, where one provider alone comes into question.
"""

from collections.abc import Iterable

from msgspec import Struct

from combos.aliases import Found
from gateway import auto, directory
from gateway.errors import BadRequest, ModelNotFound, NotAllowed
from gateway.snapshot import Principal, Snapshot

KEPT = 10_000  # names that are passed through, or are none, are anyone's
SHOWN = 5  # candidates in a message
MAX_CHARS = 250  # that a column of the log holds


class Named(Struct, frozen=True):
    """`to` is a combo, `alias/model` or `auto`; `by` says how the name came to that, in words, and
    is empty where it is the name itself."""

    to: str
    by: str = ""


class Meaning(Struct, frozen=True):
    """What a name can stand for, whoever asks; several where more than one provider has it.

    `problem` is why there is nothing, and `near` are names like it.
    """

    found: tuple[Named, ...] = ()
    problem: str = ""
    near: tuple[str, ...] = ()


def find(snapshot: Snapshot, principal: Principal, name: str, kind: str) -> Named:
    """What a key that asks for a model of that kind means.

    Raises:
        ModelNotFound: Nothing has that name; the message suggests the closest.
        NotAllowed: The key may not call it.
        BadRequest: Several providers have a model of that name; the message names them.
    """
    if not _can_be_logged(name):
        raise ModelNotFound(f"no model has the name {_short(name)}", param="model")
    meaning = _meaning(snapshot, name)
    found = meaning.found
    if principal.allowed is not None and not principal.may_call(name):
        found = tuple(each for each in found if _is_allowed(snapshot, principal, each.to))
        if not found:
            raise NotAllowed(f"this API key may not call the model {_short(name)}", param="model")
    if len(found) > 1:
        found = _of_kind(snapshot, found, kind) or found
    if not found:
        raise ModelNotFound(_not_found(meaning, principal), param="model")
    if len(found) > 1:
        words = f"{_short(name)} is a model of several providers: {_listed(e.to for e in found)}"
        raise BadRequest(f"{words}; name one of them, or make an alias", param="model")
    return found[0]


def _can_be_logged(name: str) -> bool:
    """What is passed through to a provider would be a call without a row otherwise."""
    return len(name) <= MAX_CHARS and name.isprintable()


def _is_allowed(snapshot: Snapshot, principal: Principal, target: str) -> bool:
    return directory.is_allowed(snapshot, principal, target)


def _of_kind(snapshot: Snapshot, found: tuple[Named, ...], kind: str) -> tuple[Named, ...]:
    return tuple(e for e in found if directory.kind_of(snapshot, e.to) in (None, kind))


def _meaning(snapshot: Snapshot, name: str) -> Meaning:
    meaning: Meaning | None = snapshot.meanings.get(name)
    if meaning is None:
        meaning = _work_out(snapshot, name)
        if len(snapshot.meanings) >= KEPT:
            snapshot.meanings.clear()
        snapshot.meanings[name] = meaning
    return meaning


def _work_out(snapshot: Snapshot, name: str) -> Meaning:
    if name in snapshot.combos:
        return Meaning((Named(name),))
    if name not in snapshot.aliases.exact:
        if directory.exists(snapshot, name):
            return Meaning((Named(name),))
        if problem := _not_offered(snapshot, name):
            return Meaning(problem=problem)
        if name in auto.NAMES:
            return Meaning((Named(name),))
    if (alias := snapshot.aliases.find(name)) is not None:
        return _by_alias(snapshot, alias, name)
    if models := directory.index(snapshot).bare.get(name):
        return Meaning(tuple(Named(model, "the model's own name") for model in models))
    near = directory.of(snapshot).neighbours.of(name)
    return Meaning(problem=f"the model {_short(name)} does not exist", near=tuple(near))


def _by_alias(snapshot: Snapshot, found: Found, name: str) -> Meaning:
    exists = found.model in snapshot.combos or directory.exists(snapshot, found.model)
    if exists and _can_be_logged(found.model):
        return Meaning((Named(found.model, f"the alias {found.alias}"),))
    words = f"{_short(name)} is by the alias {found.alias!r} {_short(found.model)}"
    return Meaning(
        problem=f"{words}: {_not_offered(snapshot, found.model) or 'there is no such model'}"
    )


def _not_offered(snapshot: Snapshot, model: str) -> str:
    """Of what there was once, or will be: which of the two."""
    alias, _, name = model.partition("/")
    provider = snapshot.providers.get(alias)
    if provider is None or not name:
        return ""
    if provider.refusal:
        return f"{model[:MAX_CHARS]}: {provider.refusal}"
    since = provider.retired.get(name)
    return f"the model {_short(model)} is retired since {since}" if since else ""


def _not_found(meaning: Meaning, principal: Principal) -> str:
    near = [name for name in meaning.near if principal.may_call(name)]
    return meaning.problem + (f"; did you mean {', '.join(near)}?" if near else "")


def _listed(names: Iterable[str]) -> str:
    told = list(names)
    more = len(told) - SHOWN
    return ", ".join(told[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _short(name: str) -> str:
    return repr(name[:MAX_CHARS])
