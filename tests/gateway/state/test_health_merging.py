"""Processes that have heard the same words agree, whatever came late, twice or in which order."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gateway.state.blocks import Block, Cleared, Probe
from gateway.state.health import Health

WALL, NOW = 1_000_000.0, 500.0

SINCE = st.integers(-20, 0).map(lambda ago: WALL + ago)
BLOCKS = st.builds(
    lambda kind, cause, since, lasts: Block("c", "", kind, cause, since, since + lasts),
    st.sampled_from(["rate_limit", "credential"]),
    st.sampled_from("ab"),
    SINCE,
    st.integers(1, 40),
)
CLEARED = st.builds(Cleared, st.just("c"), st.just(""), SINCE)
PROBES = st.builds(Probe, st.just("c"), st.just(""), SINCE, st.booleans())
WORDS = st.lists(BLOCKS | CLEARED | PROBES, max_size=8)


def told(words: list[Block | Cleared | Probe]) -> Health:
    health = Health(wall=lambda: WALL)
    for word in words:
        health.apply(msgspec.json.encode([word]), NOW)
    return health


@given(WORDS, st.data())
def test_in_any_order_and_any_number_of_times(
    words: list[Block | Cleared | Probe], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(words)) + data.draw(st.lists(st.sampled_from(words))) if words else []  # fmt: skip
    one, other = told(words), told(shuffled)
    assert one.blocked("c", "m", NOW) == other.blocked("c", "m", NOW)
    assert one.entries(NOW) == other.entries(NOW)


@given(WORDS)
def test_the_longest_of_what_began_after_the_last_clearing_counts(
    words: list[Block | Cleared | Probe],
) -> None:
    cleared_at = max((word.at for word in words if isinstance(word, Cleared)), default=0.0)
    after = [word for word in words if isinstance(word, Block) and word.since > cleared_at]
    until = max((block.until for block in after), default=0.0)
    block = told([word for word in words if not isinstance(word, Probe)]).blocked("c", "m", NOW)
    assert (block.until if block else None) == (until if until > WALL else None)
