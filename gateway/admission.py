"""Whether a call may be made: by whom, from where, and with what is left of limits and budgets."""

import ipaddress
import math
from collections.abc import Mapping

from analytics.costs import Prices, cost_picousd
from gateway.errors import KeyRejected, NotAllowed
from gateway.exchange import Headers
from gateway.formats.types import Usage
from gateway.snapshot import Budgets, Connection, Networks, Principal
from gateway.state import Claim, Room

# Reserved for an answer whose length the client does not bound; settled to what it was.
DEFAULT_OUTPUT_TOKENS = 1000
# No model writes more at once, whatever number a client asks for.
MAX_OUTPUT_TOKENS = 1_000_000
NO_UNITS: Mapping[str, int] = {}


def check_principal(principal: Principal, client_ip: str, now: float) -> None:
    """Raises `KeyRejected` for an expired key, `NotAllowed` for an address it may not come from."""
    if principal.expires is not None and principal.expires <= now:
        raise KeyRejected("the API key is not valid")
    if not _is_welcome(client_ip, principal.networks):
        raise NotAllowed("this API key may not be used from this address")


def check_address(networks: Networks, client_ip: str) -> None:
    """Raises `NotAllowed` where nobody may call from."""
    if not _is_welcome(client_ip, networks):
        raise NotAllowed("this gateway may not be called from this address")


def _is_welcome(client_ip: str, networks: Networks) -> bool:
    if networks.is_open:
        return True
    try:
        address = ipaddress.ip_address(client_ip)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        # A socket that listens on :: sees an IPv4 client as ::ffff:192.0.2.1.
        address = address.ipv4_mapped or address
    if any(address in network for network in networks.denied):
        return False
    return not networks.allowed or any(address in network for network in networks.allowed)


def estimate(
    prompt_tokens: int,
    max_tokens: int | None,
    prices: Prices | None,
    units: Mapping[str, int] = NO_UNITS,
) -> tuple[int, int]:
    """What a call may come to, in tokens and 10⁻¹² USD; a model without price costs nothing."""
    output = output_tokens(max_tokens)
    cost = cost_picousd(Usage(prompt_tokens, output, units=dict(units)), prices)
    return prompt_tokens + output, cost or 0


def output_tokens(max_tokens: int | None) -> int:
    """How long an answer may become, of a client that bounds it or does not; 0 of one that has no
    tokens, as a vector."""
    if max_tokens is None or max_tokens < 0:
        return DEFAULT_OUTPUT_TOKENS
    return min(max_tokens, MAX_OUTPUT_TOKENS)


def of_key(
    principal: Principal, paying: tuple[tuple[str, Budgets], ...], tokens: int, picousd: int
) -> Claim | None:
    """What a call may take from the key's limits, and from the budgets it is paid from; null where
    nothing is limited."""
    budgets = tuple([(subject, each.hard) for subject, each in paying if each.hard])
    if principal.limits.is_none and not budgets:
        return None
    return Claim(f"key:{principal.name}", principal.limits, budgets, tokens, picousd)


def of_connection(connection: Connection, tokens: int) -> Claim | None:
    """What a call takes from an account's own limits; null where it has none."""
    if connection.limits.is_none:
        return None
    return Claim(f"connection:{connection.name}", connection.limits, (), tokens)


def rate_headers(rooms: Mapping[str, Room]) -> Headers:
    """OpenAI's `x-ratelimit-*`, for the limits that the key has.

    Source: https://platform.openai.com/docs/guides/rate-limits (read 2026-11)
    """
    headers: Headers = []
    for name, room in rooms.items():
        kind = name.encode()
        headers += [
            (b"x-ratelimit-limit-" + kind, b"%d" % room.limit),
            (b"x-ratelimit-remaining-" + kind, b"%d" % room.remaining),
            (b"x-ratelimit-reset-" + kind, duration(room.reset_s)),
        ]
    return headers


def duration(seconds: float) -> bytes:
    """As OpenAI writes it: `350ms`, `1.5s`, `6m0s`. Rounded up: what it says is enough."""
    # The last digit of a float is no reason for one more millisecond.
    ms = math.ceil(seconds * 1000 - 1e-3)
    if ms < 1000:
        return b"%dms" % ms
    if ms < 60_000:
        return b"%gs" % (ms / 1000)
    minutes, rest = divmod(-(-ms // 1000), 60)
    hours = b"%dh" % (minutes // 60) if minutes >= 60 else b""
    return b"%b%dm%ds" % (hours, minutes % 60, rest)
