"""The response cache: the same request of the same tenant is answered as it was before.

Exact and opt-in. Whoever opts in says that an answer given before is as good as a new one, sampled
or not; so a request for several choices (`n`) is kept as any other.
"""

import logging
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from gateway import kept as answers
from gateway.errors import BadRequest
from gateway.formats import wire
from gateway.formats.types import JSONDict
from gateway.kept import Kept
from gateway.state import State

HEADER = "x-omniroute-cache"
# Part of every key: a `Kept` of another shape is not even looked at.
VERSION = 1

# Below these names the order of an object's keys is part of what is asked: models write the
# properties of a schema in the order in which the schema has them.
# Source: https://platform.openai.com/docs/guides/structured-outputs#key-ordering (read 2026-11)
ORDERED = frozenset({"properties"})

# What ties a request to something that changes elsewhere, or makes it do more than answer.
STATEFUL = ("previous_response_id", "conversation", "background", "container", "mcp_servers")

log = logging.getLogger(__name__)


def wants_cache(principal: bool, combo: bool, header: bytes | None, no_cache: bool) -> bool:
    """Whether a request is looked up and its answer kept.

    The key or the combo opts in, or the header `x-omniroute-cache: on`, which says `off` as well;
    `no_cache` (the header `x-omniroute-no-cache`) has the last word.

    Raises:
        BadRequest: The header has another value.
    """
    asked = None if header is None else _on_or_off(header)
    if no_cache:
        return False
    return principal or combo if asked is None else asked


def _on_or_off(header: bytes) -> bool:
    value = header.strip().lower()
    if value not in (b"on", b"off"):
        raise BadRequest(f'{HEADER}: "on" or "off" is expected', param=HEADER)
    return value == b"on"


def key(
    tenant: int,
    client_format: str,
    model: str,
    request: JSONDict,
    *,
    content_type: str,
    beside: Sequence[str] = (),
) -> str | None:
    """Under what the answer is kept; None where an old answer is no answer.

    Nothing of the request is left out. `user`, `metadata` and their like change no word of an
    answer, but the Responses API says them again in it, and an application that has one key for
    all its users has nothing else to keep them apart by.

    Args:
        tenant: The API key's row; 0 is everybody without one.
        model: As asked for: an alias or a combo may mean another one before the answer is stale.
        request: Whole, with what it was completed by and what it referred to.
        content_type: Of the answer. In Gemini's format the address, and not the request, says
            whether this is a stream, and in which framing.
        beside: What changes the answer and stands in headers, each with its name.
    """
    if is_stateful(client_format, request):
        return None
    try:
        told = wire.dumps(
            [tenant, client_format, content_type, model, list(beside), normalised(request)]
        )
    except (BadRequest, RecursionError):  # nested too deeply
        return None
    return f"cache:{VERSION}:{sha256(told).hexdigest()}"


def is_stateful(client_format: str, request: JSONDict) -> bool:
    """Whether the request asks for more than an answer, or for one that depends on others.

    An answer that is stored has an id that is its own, and can be deleted by it. The Responses
    API stores unless told not to.
    """
    store = request.get("store")
    if store or (store is None and client_format == "openai_responses"):
        return True
    if any(request.get(name) for name in STATEFUL):
        return True
    tools = request.get("tools")
    return isinstance(tools, list) and any(
        isinstance(tool, dict) and tool.get("type") == "mcp" for tool in tools
    )


def normalised(value: Any, ordered: bool = False) -> Any:
    """The same JSON with its keys sorted, but where their order means something."""
    if isinstance(value, dict):
        names = value if ordered else sorted(value)
        return {name: normalised(value[name], name in ORDERED) for name in names}
    if isinstance(value, list):
        return [normalised(item) for item in value]
    return value


async def find(state: State, key: str) -> Kept | None:
    """What is kept. A store that fails and a record that cannot be read are a miss."""
    try:
        data = await state.read(key)
    except Exception as error:  # the call goes on without it, whatever it is
        log.warning("the response cache cannot be read: %s", type(error).__name__)
        return None
    return None if data is None else answers.decode(data)


async def keep(state: State, key: str, kept: Kept, ttl_s: float) -> None:
    """Keep a good answer for so long. A store that fails keeps nothing."""
    if kept.status != 200 or ttl_s <= 0:
        return
    try:
        await state.write(key, answers.encode(kept), ttl_s)
    except Exception as error:  # the client has its answer, or soon will
        log.warning("an answer is not cached: %s", type(error).__name__)
