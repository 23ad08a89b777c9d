"""Time limits, each apart; rivals; and lines before an account that is full."""

import json
import time
from concurrent.futures import wait
from dataclasses import dataclass

import httpx
import pytest

from tests.e2e.gateway import until
from tests.e2e.routing.configuration import HEDGE_AFTER_S, LIMIT_S
from tests.e2e.routing.conftest import GOOD, Client, Mood, Moody, by


@dataclass(frozen=True)
class Late:
    """The limit of that name is short, the others are long."""

    limit: str
    mood: Mood
    words: str


NEVER_S = 3.0
BEFORE = [
    Late("connect", Mood(), "no connection to the upstream within the time limit"),
    Late("first_byte", Mood(head_s=NEVER_S), "no response within the time limit"),
    Late("first_content", Mood(content_s=NEVER_S), "no content within the time limit"),
    Late("total", Mood(head_s=NEVER_S), "no response within the time limit"),
]


@pytest.mark.parametrize("case", BEFORE, ids=lambda case: case.limit)
def test_who_is_too_late_before_its_content_has_a_successor(client: Client, case: Late) -> None:
    client.feel(**{f"slow_{case.limit}": case.mood})
    answer = client.call(f"late-{case.limit}", stream=True)
    assert by(answer) == "well"
    assert answer.text.endswith("data: [DONE]\n\n")
    late = client.row(answer)["attempts"][0]
    assert (late["status"], late["error"]) == (None, case.words)
    assert LIMIT_S * 1000 <= late["ms"] < 1000


AFTER = [
    Late("idle", Mood(pause_s=NEVER_S), "no further content within the time limit"),
    Late("total", Mood(pause_s=LIMIT_S / 3), "no further content within the time limit"),
]


@pytest.mark.parametrize("case", AFTER, ids=lambda case: case.limit)
def test_who_falls_silent_after_its_first_content_ends_with_an_error(
    client: Client, case: Late
) -> None:
    client.feel(**{f"slow_{case.limit}": case.mood})
    answer = client.call(f"late-{case.limit}", stream=True)
    assert by(answer) == f"slow-{case.limit}"
    *_, last = [event for event in answer.text.split("\n\n") if event]
    assert json.loads(last.removeprefix("data: "))["error"]["message"] == case.words
    row = client.row(answer)
    assert (row["outcome"], row["attempts"][0]["error"]) == ("truncated", case.words)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_silent_target_gets_a_rival(client: Client, moody: Moody, stream: bool) -> None:
    client.feel(lame=Mood(head_s=NEVER_S))
    began = time.monotonic()
    answer = client.call("hedged", stream=stream)
    assert by(answer) == "well"
    assert HEDGE_AFTER_S <= time.monotonic() - began < 1
    assert answer.headers["x-omniroute-attempts"] == "2"
    until(lambda: moody.seen[0].closed, 1)  # nobody listens to it any more
    row = client.row(answer)
    lost, won = row["attempts"]
    assert (lost["connection"], lost["error"]) == ("lame", "another target answered first")
    assert float(lost["cost_usd"]) > 0
    assert (won["connection"], won["status"]) == ("well", 200)
    own = (11 * 1 + 5 * 2) * 10**6  # as the upstream reports it
    assert row["cost_picousd"] == own + round(float(lost["cost_usd"]) * 10**12)


def test_a_client_that_leaves_a_race_leaves_nobody_running(client: Client, moody: Moody) -> None:
    client.feel(lame=Mood(head_s=NEVER_S), well=Mood(head_s=NEVER_S))
    with pytest.raises(httpx.ReadTimeout):
        client.call("hedged", timeout_s=HEDGE_AFTER_S * 2)
    until(lambda: len(moody.seen) == 2 and all(seen.closed for seen in moody.seen), 1)
    row = client.last_row("outcome = 'aborted'")
    attempts = sorted((a["connection"], a["error"]) for a in row["attempts"])
    assert attempts == [("lame", "the client left"), ("well", "the client left")]
    # Both have read the prompt.
    assert row["cost_picousd"] == 2 * row["input_tokens"] * 10**6


def test_who_answers_in_time_has_no_rival(client: Client) -> None:
    assert client.served("hedged", 1) == ["lame"]
    assert client.asked() == ["lame"]


def test_a_full_account_is_passed_over(client: Client) -> None:
    assert client.served("full", 2) == ["shut", "well"]
    alone = client.call("shut/m")
    assert alone.status_code == 429
    assert 50 <= int(alone.headers["retry-after"]) <= 60


def test_keys_have_their_turns_before_a_full_account(client: Client, moody: Moody) -> None:
    client.feel(narrow=Mood(head_s=1))  # in which the others come and stand in line
    calls = [client.begin("narrow/m", key="greedy", user="greedy")]
    until(lambda: len(moody.seen) == 1)
    client.feel(narrow=GOOD)
    calls += [client.begin("narrow/m", key="greedy", user="greedy") for _ in range(4)]
    calls += [client.begin("narrow/m", key="modest", user="modest")]
    wait(calls)
    assert {call.result().status_code for call in calls} == {200}
    order = [seen.body["user"] for seen in moody.seen]
    assert order.count("greedy") == 5
    assert order.index("modest") <= 2
