"""What keeps calls from a connection, or from a model on it, and how two processes' word of it
become one."""

from msgspec import Struct, structs

from gateway.verdict import Kind

# A probe that nobody has heard of for so long is lost; the next call may try.
PROBE_S = 60.0


class Block(Struct, frozen=True, tag=True):
    """No calls from `since` to `until` (Unix seconds).

    `model` is empty where the whole connection is meant. `failures` counts those in a row that
    led to a block. While `probing`, its time is over and one call is trying.
    """

    connection: str
    model: str
    kind: Kind
    cause: str
    since: float
    until: float
    failures: int = 1
    probing: bool = False

    @property
    def ends_with_probe(self) -> bool:
        """Does one call try first when its time is over? A rate limit's end is the provider's
        word, or a guess of a second: then all may come back. So is that of an owner's reserve."""
        return self.kind not in {"rate_limit", "reserve"}

    def needs_attention(self, wall: float) -> bool:
        """Time alone has not put it right: a key or an account wants its owner."""
        return self.kind in {"credential", "quota"} and (self.failures > 1 or wall >= self.until)


class Cleared(Struct, frozen=True, tag=True):
    """Whatever began up to `at` is over: a call that was begun then has succeeded, or an operator
    says so."""

    connection: str
    model: str
    at: float


class Probe(Struct, frozen=True, tag=True):
    """A call goes to see whether a block is over (`taken`), or has come to nothing."""

    connection: str
    model: str
    at: float
    taken: bool


class Place:
    """A connection, or a model on one: the blocks that may still count, and who probes.

    Words of other processes come late, twice and in any order, and what comes of them must not
    depend on it. So beside the block that lasts longest those are kept that began after it: they
    stay when it is cleared.

    `now` is on this process's own clock, `wall` and what is in the words in Unix seconds.
    """

    __slots__ = ("_probe", "_probed_until", "_until", "blocks", "cleared_at")

    def __init__(self) -> None:
        self.blocks: list[Block] = []  # the longest first
        self.cleared_at = 0.0
        self._until = 0.0
        self._probe = (0.0, True)  # the last word of one: when, and if it came to nothing
        self._probed_until = 0.0

    @property
    def longest(self) -> Block | None:
        return self.blocks[0] if self.blocks else None

    def add(self, block: Block, now: float, wall: float) -> None:
        if block.since > self.cleared_at:
            self._keep([*self.blocks, block], now, wall)

    def clear(self, at: float, now: float, wall: float) -> None:
        self.cleared_at = max(self.cleared_at, at)
        self._keep([block for block in self.blocks if block.since > at], now, wall)

    def probe(self, probe: Probe, now: float, wall: float) -> None:
        if (probe.at, not probe.taken) > self._probe:
            self._probe = (probe.at, not probe.taken)
            self._probed_until = now + PROBE_S - max(wall - probe.at, 0.0) if probe.taken else 0.0

    def _keep(self, blocks: list[Block], now: float, wall: float) -> None:
        self.blocks = []
        for block in sorted(blocks, key=_strength, reverse=True):
            if not self.blocks or block.since > self.blocks[-1].since:
                self.blocks.append(block)
        if self.blocks:
            longest = self.blocks[0]
            # Clocks of two machines differ: nobody waits longer than was meant.
            self._until = now + min(longest.until - wall, longest.until - longest.since)

    def left_s(self, now: float) -> float:
        """Seconds until the longest block is over, or, below 0, since it was."""
        return self._until - now

    def is_probed(self, now: float) -> bool:
        """Is a call trying? Once what it met is a block of its own, it no longer is."""
        return now < self._probed_until and self.blocks[0].since < self._probe[0]

    def is_half_open(self, now: float) -> bool:
        """The time is over, and one call is to try before the others."""
        return bool(self.blocks) and self.blocks[0].ends_with_probe and now >= self._until

    def block(self, now: float) -> Block | None:
        """What keeps a call away now."""
        if not self.blocks:
            return None
        longest = self.blocks[0]
        if now < self._until:
            return longest
        if self.is_probed(now):
            return structs.replace(longest, probing=True)
        return None


def _strength(block: Block) -> tuple[float, float, int, str, str]:
    return block.until, block.since, block.failures, block.kind, block.cause
