"""What is counted while calls run: rates, calls at once, budgets.

One interface; in memory for one process or a share of several. Its methods are `async` because a
store that several machines share is across a network.
"""

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from gateway.snapshot import Limits


class Claim(Struct, frozen=True):
    """What a call asks for before it is made.

    `subject` is whom the limits are counted for (`key:laptop`, `connection:mock-main`), `budgets`
    the limits by name (`daily_usd`) of each subject that pays. `tokens` and `picousd` are
    estimates, put right when the call is settled.
    """

    subject: str
    limits: Limits
    budgets: tuple[tuple[str, Mapping[str, float]], ...] = ()
    tokens: int = 0
    picousd: int = 0


class Room(Struct, frozen=True):
    """What is left of a limit a minute, and the seconds until it is whole again."""

    limit: int
    remaining: int
    reset_s: float


class Lease(Protocol):
    """A claim that was granted."""

    async def cover(self, picousd: int) -> None:
        """Reserve as much as a dearer target needs, where that is more than is reserved.

        Raises:
            BudgetSpent: A budget has no room for the difference; what was reserved stays so.
        """

    def settle(self, tokens: int, picousd: int) -> None:
        """Put the estimates right and give back what is held. Once; later calls do nothing."""

    def rooms(self) -> dict[str, Room]:
        """What is left of the subject's `requests` and `tokens`, where those are limited."""


class State(Protocol):
    async def claim(self, claim: Claim) -> Lease:
        """Take what the claim asks for, all of it or nothing.

        Raises:
            BudgetSpent: A budget has no room for the estimate.
            RateLimited: A limit has none; it says for how long.
        """
