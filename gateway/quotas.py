"""What this process hears of its accounts' quotas, and what of them is left to their owners.

An answer costs one entry in a table: its headers are read later, beside the event loop. Only of an
account with a reserve are they read at once, since the next call has to know.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from gateway import ratelimit
from gateway.meters import Meter
from gateway.routing import Target
from gateway.state.health import Health
from gateway.verdict import Scope, Verdict
from providers.quotas import Known

# Between two turns of who takes it; a client may name any model.
MAX_HEARD = 10_000
# A reserve that lasts longer is held so long, and again: no block of `Health` lasts for ever.
HELD_S = 3600.0


class Heard(Struct, frozen=True):
    """The headers of an answer. `at` is in Unix seconds."""

    connection: str
    model: str
    meters: tuple[Meter, ...]
    headers: Mapping[str, str]
    at: float

    def known(self) -> list[Known]:
        read = (meter.read(self.headers, self.model, self.at) for meter in self.meters)
        named = [known for known in read if known is not None]
        return [*named, *ratelimit.known(self.headers, self.at)]


class Quotas:
    """One a process, for the thread of its event loop.

    `now` is on the clock of `Health`, `wall` the same moment in Unix seconds.
    """

    def __init__(self, health: Health) -> None:
        self._health = health
        self._heard: dict[tuple[str, str], Heard] = {}
        # Of accounts with a reserve: what is known, and of which of their models a reserve is held.
        self._known: dict[str, dict[tuple[str, str], Known]] = {}
        self._held: dict[str, set[str]] = {}

    def hear(self, target: Target, headers: Mapping[str, str], now: float, wall: float) -> None:
        """An answer of `target`, whose provider may tell of quotas in `headers`."""
        if not target.provider.meters and ratelimit.NAME not in headers:
            return
        connection = target.connection
        heard = Heard(connection.name, target.model.id, target.provider.meters, headers, wall)
        if target.key in self._heard or len(self._heard) < MAX_HEARD:
            self._heard[target.key] = heard
        if connection.headroom:
            self._learn(connection.name, heard.known())
            self._judge(connection.name, connection.headroom, now, wall)

    def take(self) -> list[Heard]:
        """What was heard since this was last called: of each target the latest."""
        heard, self._heard = self._heard, {}
        return list(heard.values())

    def reconsider(
        self,
        reserves: Mapping[str, float],
        told: Mapping[str, Iterable[Known]],
        now: float,
        wall: float,
    ) -> None:
        """Hold the reserves of these accounts, and no others, by what is known now.

        Args:
            reserves: By the names of connections, the share that is their owner's.
            told: What others have observed.
        """
        for gone in self._held.keys() - reserves.keys():
            for model in self._held.pop(gone):
                self._release(gone, model, now)
        for gone in self._known.keys() - reserves.keys():
            del self._known[gone]
        for connection, share in reserves.items():
            self._learn(connection, told.get(connection, ()))
            self._judge(connection, share, now, wall)

    def _learn(self, connection: str, all_known: Iterable[Known]) -> None:
        mine = self._known.setdefault(connection, {})
        for known in all_known:
            before = mine.get((known.model, known.name))
            if before is None or before.observed <= known.observed:
                mine[known.model, known.name] = known

    def _judge(self, connection: str, share: float, now: float, wall: float) -> None:
        short: dict[str, Known] = {}
        mine = self._known[connection]
        for key, known in list(mine.items()):
            if known.holds_until() <= wall:
                del mine[key]
            elif is_short(known, share):
                longest = short.get(known.model)
                if longest is None or longest.holds_until() < known.holds_until():
                    short[known.model] = known
        for known in short.values():
            self._hold(connection, known, share, now, wall)
        for model in self._held.get(connection, set()) - short.keys():
            self._release(connection, model, now)
        self._held[connection] = set(short)

    def _hold(self, connection: str, known: Known, share: float, now: float, wall: float) -> None:
        lasts_s = min(known.holds_until() - wall, HELD_S)
        block = self._health.blocked(connection, known.model, now)
        if block is not None and block.kind == "reserve":
            missing_s = wall + lasts_s - block.until
            if missing_s <= max(1.0, lasts_s / 50):
                return
        cause = (
            f"{share:.0%} of the account is left to its owner: of {known.name} "
            f"{known.remaining:g} of {known.limit:g} remain"
        )
        scope: Scope = "model" if known.model else "connection"
        verdict = Verdict("next_connection", "reserve", scope, cooldown_s=lasts_s, cause=cause)
        self._health.failed(connection, known.model, verdict, now)

    def _release(self, connection: str, model: str, now: float) -> None:
        block = self._health.blocked(connection, model, now)
        if block is not None and block.kind == "reserve" and block.model == model:
            self._health.clear(now, connection, model)


def is_short(known: Known, share: float) -> bool:
    """Would another call take of what is the owner's?"""
    if known.limit is None or known.remaining is None or known.limit <= 0:
        return False
    return known.remaining <= share * known.limit
