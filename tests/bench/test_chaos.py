"""The provider that fails, and what is read of a process before it is killed."""

from collections import Counter

import pytest

from bench import budgets, events, upstream
from bench import faults as provider
from bench.client import Reply
from bench.faults import AFTER, BEFORE, BEFORE_SHARE, CREDENTIAL, Fates
from bench.gateway import Row
from bench.setups import failing

CALLS = 10_000


def test_three_of_ten_calls_fail_before_content_each_way_as_often() -> None:
    fates = Fates("1")
    fallen = Counter(fates.next(stream=True) for _ in range(CALLS))
    before = {how: count for (when, how), count in fallen.items() if when == "before"}
    assert set(before) == set(BEFORE)
    assert abs(sum(before.values()) / CALLS - BEFORE_SHARE) < 0.02
    assert all(abs(n / CALLS - BEFORE_SHARE / len(BEFORE)) < 0.01 for n in before.values())
    assert {how for when, how in fallen if when == "after"} == set(AFTER)


def test_a_plain_answer_does_not_break_in_the_middle() -> None:
    fates = Fates("1")
    assert {fates.next(stream=False)[0] for _ in range(CALLS)} == {"before", ""}


def test_a_seed_and_a_connection_have_their_fates() -> None:
    def fallen(seed: str) -> list[tuple[str, str]]:
        fates = Fates(seed)
        return [fates.next(stream=True) for _ in range(50)]

    assert fallen("1 a") == fallen("1 a") != fallen("1 b")


@pytest.mark.parametrize("how", sorted({*BEFORE} - {"reset"}))
@pytest.mark.parametrize("anthropic", [False, True])
@pytest.mark.parametrize("stream", [False, True])
def test_no_refusal_has_content(how: str, anthropic: bool, stream: bool) -> None:
    said = provider.refusal(how, anthropic, stream)
    assert said.startswith(b"HTTP/1.1 ")
    assert b"hello" not in said


def test_the_setup_has_six_connections_and_leaves_failures_to_the_defaults() -> None:
    configuration = failing("http://127.0.0.1:1").configuration
    keys = [connection["auth"]["api_key"] for connection in configuration["connections"]]
    assert len(set(keys)) == 6
    assert all(key.startswith(CREDENTIAL) for key in keys)
    assert "settings" not in configuration
    assert not any("timeouts" in connection for connection in configuration["connections"])


TABLE = """\
   0: 0100007F:4E20 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1
   1: 0100007F:4E20 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 12 1
   2: 0100007F:4E20 0100007F:C002 01 00000000:00000000 00:00000000 00000000     0        0 13 1
   3: 0100007F:D000 0100007F:18EB 01 00000000:00000000 00:00000000 00000000     0        0 14 1
"""


def test_a_killed_process_had_the_clients_of_its_sockets() -> None:
    assert events.peers(TABLE.splitlines(), {"11", "12", "14"}, 20000) == {0xC001}


ANSWER = upstream.OPENAI_ANSWER.split(b"\r\n\r\n")[1]


@pytest.mark.parametrize(
    ("usd", "rows", "words"),
    [(0.999, 1, None), (1.0001, 1, "are spent of 1"), (0.94, 1, "could be spent"), (0.999, 2, "2 rows")],
    ids=["nearly all", "more than all", "too little", "an answer twice in the log"],
)  # fmt: skip
def test_a_budget_is_spent_to_its_end_and_no_further(
    usd: float, rows: int, words: str | None
) -> None:
    replies = [
        Reply("openai", False, status=200, body=ANSWER, whole=True),
        Reply("openai", False, status=402, whole=True),
    ]
    found = budgets.faults(
        replies, [Row(str(n), "k", "ok", round(usd * 1e12 / rows)) for n in range(rows)]
    )
    assert [words in fault for fault in found if words] == ([True] if words else [])
    assert bool(found) == (words is not None)
