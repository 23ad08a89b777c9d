"""What is counted while calls run: rates, calls at once, budgets; and what is known between calls.

One interface; in memory for one process or a share of several. Its methods are `async` because a
store that several machines share is across a network.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from gateway.snapshot import Limits
from gateway.state.budgets import Amounts, Logged


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
    is_shared: bool  # with other processes, of whatever machine
    processes: int  # among how many limits and budgets are divided, where each counts by itself

    @property
    def words(self) -> str:
        """Where it is counted, for whoever asks how the process is."""

    @property
    def degraded(self) -> str:
        """Why this process counts by itself though the store is shared; "" where it does not."""

    async def start(self) -> None:
        """On the event loop that everything else is called on. A store that is away is no error."""

    async def close(self) -> None:
        """Say what is not said yet, and let go."""

    async def claim(self, claim: Claim) -> Lease:
        """Take what the claim asks for, all of it or nothing.

        Raises:
            BudgetSpent: A budget has no room for the estimate.
            RateLimited: A limit has none; it says for how long.
        """

    def reserved(self) -> dict[str, Amounts]:
        """What this process's running calls have reserved of budgets, by subject."""

    def load(self, logged: Logged) -> None:
        """Take over what the log says has been spent; from any thread."""

    async def turn(self, names: Sequence[str], step: int = 1) -> list[int]:
        """How often each name's turn was asked for before, counted up by this asking; a `step` of
        0 looks and counts nothing."""

    # Records: by key, for `ttl_s` seconds at most. Room is bounded: one may be gone earlier.

    async def read(self, key: str) -> bytes | None:
        """What was written last; None where there is nothing, or not any more."""

    async def write(self, key: str, value: bytes, ttl_s: float) -> None:
        """In the place of what is there."""

    async def take(self, key: str, value: bytes, ttl_s: float) -> bytes | None:
        """Write where there is nothing.

        Returns:
            What was there already, and stays; None where `value` was written.
        """

    async def drop(self, key: str) -> None:
        """No error where there is nothing."""

    # Between processes: at most once, in the sender's order, and lost while the store is away.

    def broadcast(self, channel: str, data: bytes) -> None:
        """Tell every other process that subscribes to the channel; at once, and waiting for none."""

    def subscribe(self, channel: str, callback: Callable[[bytes], None]) -> None:
        """Call back, on the event loop, with what others broadcast; before the state is started."""
