"""A minute's limits as they are told: to who is refused, and in the headers of who is let in."""

from typing import Literal

from gateway.errors import RateLimited
from gateway.snapshot import Limits
from gateway.state import Room
from gateway.state.rates import Rate

LimitName = Literal["concurrency", "requests", "tokens"]

# Nobody knows when a call ends.
CONCURRENCY_WAIT_S = 1.0


def at_once(limits: Limits, processes: int = 1) -> float:
    """How many calls each of so many processes may run; 0: no limit."""
    # A share below one call would be none at all.
    return max(limits.concurrency // processes, 1) if limits.concurrency else 0


def rooms(
    limits: Limits, requests: tuple[float, Rate], tokens: tuple[float, Rate], now: float
) -> dict[str, Room]:
    """What is left of the limits that there are; each a share of it and what is used of that."""
    return {
        name: Room(int(limit), rate.remaining(share, now), rate.used_s(now))
        for name, limit, (share, rate) in (
            ("requests", limits.rpm, requests),
            ("tokens", limits.tpm, tokens),
        )
        if limit
    }


def rate_limited(
    name: LimitName, limits: Limits, wait_s: float, rooms: dict[str, Room]
) -> RateLimited:
    if name == "concurrency":
        words = f"{limits.concurrency:g} calls at once"
    else:
        words = f"{limits.rpm if name == 'requests' else limits.tpm:g} {name} a minute"
    error = RateLimited(f"the limit of {words} is reached", retry_after_s=wait_s, limit=name)
    error.rooms = rooms
    return error
