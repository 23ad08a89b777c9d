"""Since when breakers have been open, for alerts: other processes read it in the database."""

from collections.abc import Iterable
from typing import Any

from msgspec import structs

from analytics.alerts.processes import OpenBreaker
from gateway.state.health import Entry

MAX_TOLD = 500
MAX_CAUSE = 300


class OpenBreakers:
    """One a process, for one thread.

    Each time that a call has tried in vain a breaker opens anew. Here it is open since the first of
    these times, until a call succeeds.
    """

    def __init__(self) -> None:
        self._since: dict[tuple[str, str], float] = {}

    def of(self, entries: Iterable[Entry]) -> list[dict[str, Any]]:
        """Those among what keeps calls away, as `OpenBreaker` has them."""
        found = {
            (entry.block.connection, entry.block.model): entry.block
            for entry in entries
            if entry.block.kind == "server"
        }
        self._since = {place: self._since.get(place, block.since) for place, block in found.items()}
        return [
            structs.asdict(OpenBreaker(*place, block.cause[:MAX_CAUSE], self._since[place]))
            for place, block in list(found.items())[:MAX_TOLD]
        ]
