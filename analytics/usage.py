"""What requests came to, out of the rollups and of what is not in them yet."""

from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime
from typing import Any

from django.db.models import Q, Sum

from analytics import rollups, spread
from analytics.periods import Piece, cover
from analytics.rollups import Tail
from analytics.spread import Spread
from analytics.tally import MEASURES, NOTHING, SPREADS, Place, Sums

EVERYONE = ""


class Usage:
    """Of one user, or of everyone. What no rollup holds yet is looked up once, when it is made."""

    def __init__(self, user: str = EVERYONE, tail: Tail | None = None) -> None:
        self.user = user
        self._tail = rollups.tail() if tail is None else tail

    @property
    def missing(self) -> int:
        """Requests that wait to be counted, and that none of these sums have."""
        return self._tail.missing

    def named(
        self, pieces: Iterable[Piece], dimensions: Collection[str]
    ) -> dict[tuple[str, str], Sums]:
        """Sums by dimension and name."""
        found: dict[tuple[str, str], Sums] = {}
        for piece in pieces:
            rows = self._rows(piece, dimensions).values("dimension", "name").annotate(**_SUMS)
            for dimension, name, *more in rows.values_list("dimension", "name", *_SUMS):
                sums = found.get((dimension, name), NOTHING)
                found[dimension, name] = sums.plus(map(int, more))
            for place, more in self._late(piece, dimensions):
                key = place.dimension, place.name
                found[key] = found.get(key, NOTHING).plus(more)
        return found

    def total(self, pieces: Iterable[Piece]) -> Sums:
        return self.named(pieces, [""]).get(("", ""), NOTHING)

    def daily(
        self, dimension: str, since: datetime, until: datetime
    ) -> dict[tuple[date, str], Sums]:
        """Sums by day of UTC and name, to the hour."""
        found: dict[tuple[date, str], Sums] = {}
        for piece in cover(since, until):
            for start, name, sums in self.over_time(piece, dimension):
                key = start.date(), name
                found[key] = found.get(key, NOTHING).plus(sums)
        return found

    def over_time(
        self, piece: Piece, dimension: str, names: Collection[str] | None = None
    ) -> Iterator[tuple[datetime, str, Sums]]:
        """Sums by span and name, in no order; a span may come twice."""
        rows = self._rows(piece, [dimension])
        if names is not None:
            rows = rows.filter(name__in=names)
        for start, name, *sums in rows.values_list("start", "name", *MEASURES):
            yield start, name, Sums._make(sums)
        for place, sums in self._late(piece, [dimension]):
            if names is None or place.name in names:
                yield place.start, place.name, sums

    def requests(self, piece: Piece) -> Iterator[tuple[datetime, int]]:
        """How many there were in all, by span; one may come twice."""
        yield from self._rows(piece, [""]).values_list("start", "requests")
        for place, sums in self._late(piece, [""]):
            yield place.start, sums.requests

    def spreads(self, piece: Piece) -> Iterator[tuple[datetime, Sums, tuple[Spread, ...]]]:
        """Sums and spreads of all together, by span; one may come twice."""
        rows = self._rows(piece, [""]).values_list("start", *MEASURES, *SPREADS)
        for start, *told in rows:
            yield start, Sums._make(told[: len(MEASURES)]), tuple(told[len(MEASURES) :])
        for place, sums in self._late(piece, [""]):
            yield place.start, sums, self._tail.spreads.get((place.start, place.user), ())

    def _rows(self, piece: Piece, dimensions: Collection[str]) -> Any:
        span = Q(start__gte=piece.since, start__lt=piece.until)
        return piece.table.objects.filter(span, user=self.user, dimension__in=dimensions)

    def _late(self, piece: Piece, dimensions: Collection[str]) -> Iterator[tuple[Place, Sums]]:
        for place, sums in self._tail.sums.items():
            is_asked_for = place.user == self.user and place.dimension in dimensions
            if is_asked_for and piece.since <= place.start < piece.until:
                yield place, sums


_SUMS = {f"sum_{name}": Sum(name) for name in MEASURES}


def add_spreads(total: tuple[Spread, ...], more: tuple[Spread, ...]) -> None:
    for kept, new in zip(total, more, strict=False):
        spread.add(kept, new)
