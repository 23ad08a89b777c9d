"""What this process sees of each model at each connection: how busy, how quick, how much used.

Strategies choose by it. Each process balances its own calls, so none asks another about it, and
what a process forgets when it ends is soon seen again. For one thread: that of the event loop.
"""

from collections import OrderedDict, deque
from itertools import islice

HALF_LIFE_S = 60.0
# After so long without a new one, an average is not known any more: what is not chosen because it
# was slow would be slow for ever. Not sooner, or each pause would end in trying all that is slow.
FORGOTTEN_S = 600.0
# A stream that was shorter came in one piece, or nearly so, and has no pace.
LEAST_STREAMING_S = 0.1
BUCKET_S = 60
BUCKETS = 60  # an hour
IDLE_S = float(BUCKETS * BUCKET_S)  # by then there is nothing left to forget
MAX_PAIRS = 10_000  # names that are passed through are anyone's

Pair = tuple[str, str]  # connection, model


class _Average:
    """Amounts by counts; what was added a half-life ago weighs half as much as what is new."""

    __slots__ = ("_amount", "_at", "_count")

    def __init__(self) -> None:
        self._amount = self._count = self._at = 0.0

    def add(self, amount: float, count: float, now: float) -> None:
        age_s = now - self._at
        kept = 0.5 ** (age_s / HALF_LIFE_S) if age_s <= FORGOTTEN_S else 0.0
        self._amount = self._amount * kept + amount
        self._count = self._count * kept + count
        self._at = now

    def value(self, now: float) -> float | None:
        if not self._count or now - self._at > FORGOTTEN_S:
            return None
        return self._amount / self._count


class _Used:
    """Tokens of the last hour, by minutes."""

    __slots__ = ("_minutes", "_total")

    def __init__(self) -> None:
        self._minutes: deque[tuple[int, int]] = deque()
        self._total = 0

    def add(self, tokens: int, now: float) -> None:
        minute = int(now // BUCKET_S)
        before = 0
        if self._minutes and self._minutes[-1][0] == minute:
            before = self._minutes.pop()[1]
        self._minutes.append((minute, before + tokens))
        self._total += tokens

    def total(self, now: float) -> int:
        oldest = int(now // BUCKET_S) - BUCKETS
        while self._minutes and self._minutes[0][0] <= oldest:
            self._total -= self._minutes.popleft()[1]
        return self._total


class _Seen:
    """What there is to know of one pair."""

    __slots__ = ("ended_at", "in_flight", "latency", "pace", "used")

    def __init__(self) -> None:
        self.in_flight = 0
        self.ended_at = 0.0  # the latest that did
        self.latency, self.pace, self.used = _Average(), _Average(), _Used()


class Observed:
    """By pairs of connection and model. `now` is in seconds of a clock that never jumps.

    Each call that began ends, whatever comes of it; one that has not begun cannot: KeyError.

    Args:
        most: Pairs that are kept, not counting those with calls in flight.
    """

    def __init__(self, most: int = MAX_PAIRS) -> None:
        self._most = most
        self._pairs: OrderedDict[Pair, _Seen] = OrderedDict()  # the latest that ended is last

    def began(self, pair: Pair, now: float) -> None:
        seen = self._pairs.get(pair)
        if seen is None:
            self._drop_idle(now)
            seen = self._pairs[pair] = _Seen()
        seen.in_flight += 1

    def first_content(self, pair: Pair, seconds: float, now: float) -> None:
        """So long it took until content came: of an answer in one piece, all of it."""
        self._pairs[pair].latency.add(seconds, 1, now)

    def ended(
        self,
        pair: Pair,
        *,
        tokens: int = 0,
        output_tokens: int = 0,
        seconds_streaming: float = 0.0,
        now: float,
    ) -> None:
        """A call came to its end.

        Args:
            tokens: All that it used.
            output_tokens: Those that came while it streamed, and none that were thought unseen.
            seconds_streaming: From the first content to the last; 0 for an answer in one piece.
        """
        seen = self._pairs[pair]
        self._pairs.move_to_end(pair)
        seen.ended_at = now
        seen.in_flight -= 1
        if tokens:
            seen.used.add(tokens, now)
        if output_tokens and seconds_streaming >= LEAST_STREAMING_S:
            seen.pace.add(output_tokens, seconds_streaming, now)

    def in_flight(self, pair: Pair) -> int:
        seen = self._pairs.get(pair)
        return seen.in_flight if seen else 0

    def latency_s(self, pair: Pair, now: float) -> float | None:
        """Seconds until the first content, lately; None when nothing was measured lately."""
        seen = self._pairs.get(pair)
        return seen.latency.value(now) if seen else None

    def tokens_per_s(self, pair: Pair, now: float) -> float | None:
        """The pace of streams, lately; None when there were none lately."""
        seen = self._pairs.get(pair)
        return seen.pace.value(now) if seen else None

    def used_tokens(self, pair: Pair, now: float) -> int:
        """Of the calls that ended in this minute and the 59 before it."""
        seen = self._pairs.get(pair)
        return seen.used.total(now) if seen else 0

    def __len__(self) -> int:
        return len(self._pairs)

    def _drop_idle(self, now: float) -> None:
        # Two for each that is new: so it shrinks, and no call has much to do.
        for pair, seen in [*islice(self._pairs.items(), 2)]:
            if seen.in_flight:
                self._pairs.move_to_end(pair)
            elif len(self._pairs) >= self._most or now - seen.ended_at > IDLE_S:
                del self._pairs[pair]
