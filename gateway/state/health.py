"""Which connections, and which models on them, are left alone for a while, and why.

A rate limit is a cooldown; a key that is refused, an account that is spent or a model that is not
there is left alone for longer; anything else that goes wrong counts towards a breaker. Nothing is
ever held against a whole provider.

One `Health` a process. What it decides it publishes, and takes in what others have decided: the
words may come late, twice and in any order. What it counts towards a breaker is its own.
"""

import time
from collections.abc import Callable, Iterable
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

from gateway.state.blocks import Block, Cleared, Place, Probe
from gateway.state.breaker import Breaker
from gateway.verdict import Policy, Verdict

Word = Block | Cleared | Probe
Value = TypeVar("Value")
Key = tuple[str, str]  # connection and model; an empty model is the whole connection

# What any client may name is bounded: where a provider takes any model, each may be blocked.
MAX_PLACES = 10_000
# Calls so long ago say nothing of the next one: it begins anew, and the pages forget.
FORGET_S = 1800.0
# A block that was cleared may still be told of, by a process that starts with an old dump; no block
# lasts longer.
REMEMBER_CLEARED_S = 7200.0

TICK_S = 0.001

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Word]).decode


class Entry(Struct, frozen=True):
    """A block as a page shows it: `blocked`, `probing` (one call is trying) or `half_open` (the
    next one will)."""

    block: Block
    state: Literal["blocked", "probing", "half_open"]
    left_s: float
    needs_attention: bool


class Health:
    """Asked for each candidate of each call, and told what came of it; all in one thread.

    `now` is in seconds on a clock that never jumps, and the same one in every call.

    Args:
        publish: Given a word for the other processes; it must not block.
        wall: Unix seconds.
    """

    def __init__(
        self,
        policy: Policy = Policy(),  # noqa: B008  # it is frozen
        publish: Callable[[bytes], None] | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.policy = policy  # may be replaced at any time
        self._publish, self._wall = publish, wall
        self._places: dict[Key, Place] = {}
        self._breakers: dict[Key, Breaker] = {}  # of what has failed of late

    # --- Before a call ---------------------------------------------------------------------

    @property
    def is_clear(self) -> bool:
        """Is nothing known of any connection that would keep a call away?"""
        return not self._places

    def blocked(self, connection: str, model: str, now: float) -> Block | None:
        """What keeps calls away from `model` on `connection`; null where one may go."""
        if not self._places:
            return None
        for key in ((connection, ""), (connection, model)):
            place = self._places.get(key)
            if place is not None and (block := place.block(now)) is not None:
                return block
        return None

    def take_probe(self, connection: str, model: str, now: float) -> bool:
        """Is this call, which `blocked` has just let pass, the one that tries for all? Others are
        kept away until it has succeeded or failed. One that comes to neither gives it back."""
        if not self._places:
            return False
        keys = [k for k in self._keys(connection, model) if self._places[k].is_half_open(now)]
        for key in keys:
            self._say(Probe(*key, self._wall(), taken=True), now)
        return bool(keys)

    def give_back(self, connection: str, model: str, now: float) -> None:
        """The call that `take_probe` said yes to has found out nothing: another may try."""
        for key in self._keys(connection, model):
            if self._places[key].is_probed(now):
                self._say(Probe(*key, self._wall(), taken=False), now)

    # --- After it --------------------------------------------------------------------------

    def has_content(self, connection: str, model: str, now: float, *, began: float) -> None:
        """There is content. What was blocked before the call `began` is over; what was while it
        ran is not: of calls that run at once some still pass while others find the limit."""
        if self._places:
            wall_began = self._wall() - (now - began)
            for key in self._keys(connection, model):
                place, at = self._places[key], wall_began
                if place.blocks and place.left_s(began) <= 0:  # by our own clock it began after it
                    at = max(at, place.blocks[0].since)
                if place.blocks and place.blocks[0].since <= at:
                    self._say(Cleared(*key, at), now)

    def succeeded(self, connection: str, model: str, now: float, *, began: float) -> None:
        """The answer is complete. Not before that is a call one that has not failed: of streams
        that all break in the middle the breaker would never hear two in a row."""
        if self._breakers and (breaker := self._breakers.get((connection, model))) is not None:
            breaker.count(False, now, self.policy)
            if not breaker.has_failed():
                del self._breakers[connection, model]
        self.has_content(connection, model, now, began=began)

    def failed(self, connection: str, model: str, verdict: Verdict, now: float) -> None:
        """The call failed, and means what `verdict` says."""
        kind, scope = verdict.kind, verdict.scope
        key = (connection, model if scope == "model" else "")
        place = self._places.get(key)
        in_a_row = self._in_a_row(place, verdict, now)
        trips = kind == "server" and self._trips(connection, model, now)
        lasts_s = self._lasts_s(verdict, in_a_row, trips)
        if lasts_s > 0:
            since = self._wall()
            if place is not None:  # what is known to be cleared was so earlier, by whatever clock
                since = max(since, place.cleared_at + TICK_S)
            block = Block(*key, kind, verdict.cause, since, since + lasts_s, in_a_row)
            self._say(block, now)

    def _in_a_row(self, place: Place | None, verdict: Verdict, now: float) -> int:
        """The how many-eth it is. Those that were under way when the block began are no further
        ones."""
        longest = place.longest if place is not None else None
        if place is None or longest is None or longest.kind != verdict.kind:
            return 1
        left_s = place.left_s(now)
        if left_s > 0:
            return longest.failures
        return longest.failures + 1 if left_s > -FORGET_S else 1

    def _trips(self, connection: str, model: str, now: float) -> bool:
        """Does this failure open the breaker, or keep a half-open one from closing?"""
        place = self._places.get((connection, model))
        longest = place.longest if place is not None else None
        if place is not None and longest is not None and longest.kind == "server":
            # Those that were under way when it opened do not keep it open for longer.
            return place.left_s(now) <= 0
        breaker = self._breakers.get((connection, model))
        if breaker is None:
            breaker = _kept(self._breakers, (connection, model), Breaker())
        breaker.count(True, now, self.policy)
        return breaker.trips(self.policy)

    def _lasts_s(self, verdict: Verdict, in_a_row: int, trips: bool) -> float:
        policy = self.policy
        if verdict.cooldown_s is not None:
            return verdict.cooldown_s
        hint_s = min(verdict.hint_s or 0.0, policy.cooldown_hint_max_s)
        doubled = 2.0 ** min(in_a_row - 1, 60)
        match verdict.kind:
            case "rate_limit":
                backoff_s = policy.cooldown_first_s * doubled
                return hint_s or min(backoff_s, policy.cooldown_max_s)
            case "credential" | "quota":
                return hint_s or policy.cooldown_auth_s
            case "model":
                return min(policy.model_lock_first_s * doubled, policy.model_lock_max_s)
            case "server":
                return max(hint_s, policy.breaker_open_s if trips else 0.0)
        return 0.0  # the request's own fault

    # --- Together with other processes, and by hand ------------------------------------------

    def clear(
        self,
        now: float,
        connection: str | None = None,
        model: str | None = None,
        said_at: float | None = None,
    ) -> None:
        """An operator's word that all, a connection with its models, or one model on it may be
        called again; an empty `model` means what is held against the connection itself. Of a word
        that comes late, `said_at` is when it was said, in Unix seconds: what is younger stays."""
        for key in {*self._places, *self._breakers}:
            if connection in (None, key[0]) and model in (None, key[1]):
                at = said_at
                if at is None:
                    blocks = self._places[key].blocks if key in self._places else []
                    at = max([self._wall(), *(block.since for block in blocks)])
                self._say(Cleared(*key, at), now)

    def apply(self, data: bytes, now: float) -> None:
        """Take in what another process has published, or `dump` gave. Raises `DecodeError`."""
        for word in _decode(data):
            self._take(word, now)

    def recall(self, blocks: Iterable[Block], now: float) -> None:
        """Take in what was known before this process began; what others know now counts more."""
        for block in blocks:
            if (block.connection, block.model) not in self._places:
                self._take(block, now)

    def dump(self, now: float) -> bytes:
        """All that a process that starts should know, for its `apply`."""
        self._forget(now)
        words: list[Word] = []
        for key, place in self._places.items():
            words += place.blocks
            if place.cleared_at:
                words.append(Cleared(*key, place.cleared_at))
        return _encode(words)

    def entries(self, now: float) -> list[Entry]:
        """What is blocked or waits for a call that tries it, as it stands."""
        self._forget(now)
        wall = self._wall()
        found = []
        for place in self._places.values():
            block = place.block(now)
            shown = block or (place.longest if place.is_half_open(now) else None)
            if shown is not None:
                state: Literal["blocked", "probing", "half_open"] = "half_open"
                if block is not None:
                    state = "probing" if block.probing else "blocked"
                left_s = max(place.left_s(now), 0.0)
                found.append(Entry(shown, state, left_s, shown.needs_attention(wall)))
        return found

    def _say(self, word: Word, now: float) -> None:
        self._take(word, now)
        if self._publish is not None:
            self._publish(_encode([word]))

    def _take(self, word: Word, now: float) -> None:
        key, wall = (word.connection, word.model), self._wall()
        place = self._places.get(key)
        if place is None:
            place = _kept(self._places, key, Place())
        match word:
            case Block():
                place.add(word, now, wall)
            case Cleared():
                place.clear(word.at, now, wall)
                self._breakers.pop(key, None)  # it begins to count anew
            case Probe():
                place.probe(word, now, wall)

    def _keys(self, connection: str, model: str) -> list[Key]:
        return [key for key in ((connection, ""), (connection, model)) if key in self._places]

    def _forget(self, now: float) -> None:
        wall = self._wall()
        for key, place in list(self._places.items()):
            longest = place.longest
            if longest is None:
                is_past = wall - place.cleared_at > REMEMBER_CLEARED_S
            else:
                is_past = place.left_s(now) < -FORGET_S and not longest.needs_attention(wall)
            if is_past:
                del self._places[key]


def _kept(places: dict[Key, Value], key: Key, value: Value) -> Value:
    """`value`, put in the place of the oldest where there are too many."""
    if len(places) >= MAX_PLACES:
        del places[next(iter(places))]
    places[key] = value
    return value
