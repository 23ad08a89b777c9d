"""What fails is left alone, for as long as it says, and nobody else with it."""

import time

from tests.e2e.gateway import until
from tests.e2e.routing.configuration import BREAKER_OPEN_S
from tests.e2e.routing.conftest import Client, Mood, by

GOOD = Mood()


def test_a_429_cools_that_account_down_and_nobody_else(client: Client) -> None:
    client.feel(cool_a=Mood(status=429, headers="Retry-After-Ms: 400\r\n", words="slow down"))
    first = client.call("cool/m")
    told_at = time.monotonic()
    client.feel(cool_a=GOOD)
    assert (by(first), first.headers["x-omniroute-attempts"]) == ("cool-b", "2")
    second = client.call("cool/m")
    assert (by(second), second.headers["x-omniroute-attempts"]) == ("cool-b", "1")
    assert client.asked() == ["cool-a", "cool-b", "cool-b"]
    failed, answered = client.row(first)["attempts"]
    assert (failed["connection"], failed["status"], failed["error"]) == ("cool-a", 429, "slow down")
    assert (answered["connection"], answered["status"]) == ("cool-b", 200)
    trace = client.row(second)["trace"]
    assert [each["connection"] for each in trace["order"]] == ["cool-b"]
    excluded = trace["excluded"][0]
    assert (excluded["connection"], excluded["why"]) == ("cool-a", "limit")
    assert "429: slow down" in excluded["reason"]
    until(lambda: by(client.call("cool/m")) == "cool-a", 2)
    assert time.monotonic() - told_at > 0.3


def test_when_all_cool_down_it_is_told_until_when(client: Client) -> None:
    busy = Mood(status=429, headers="Retry-After: 33\r\n")
    client.feel(cold_a=busy, cold_b=Mood(status=429, headers="Retry-After: 44\r\n"))
    for tried in (2, 0):  # at first by asking them
        refused = client.call("cold/m")
        assert refused.status_code == 429
        assert refused.json()["error"]["code"] == "rate_limit_exceeded"
        assert 30 <= int(refused.headers["retry-after"]) <= 33
        assert len(client.asked()) == tried


def test_a_refused_key_is_left_alone_and_another_account_answers(client: Client) -> None:
    client.feel(key_a=Mood(status=401, words="wrong key"))
    assert client.served("key/m", 3) == ["key-b"] * 3
    assert client.asked() == ["key-a", "key-b", "key-b", "key-b"]
    trace = client.row(client.call("key/m"))["trace"]
    assert [(each["connection"], each["why"]) for each in trace["excluded"]] == [
        ("key-a", "blocked")
    ]


def test_a_breaker_opens_and_one_call_closes_it(client: Client) -> None:
    client.feel(brk=Mood(status=500))
    assert client.served("breaks", 5) == ["well"] * 5
    assert client.asked() == ["brk", "well"] * 5
    opened = time.monotonic()
    assert client.served("breaks", 2) == ["well"] * 2
    assert client.asked() == ["well", "well"]
    refused = client.call("brk/m")
    assert (refused.status_code, refused.json()["error"]["type"]) == (503, "service_unavailable")
    assert refused.headers["retry-after"] == "1"
    # When its time is over, one call goes to see, and the others do not wait for what it finds.
    client.feel(brk=Mood(head_s=0.2))
    time.sleep(max(opened + BREAKER_OPEN_S + 0.02 - time.monotonic(), 0))
    probe = client.begin("breaks")
    until(lambda: client.asked() == ["brk"])
    assert client.served("breaks", 1) == ["well"]
    assert by(probe.result()) == "brk"
    client.feel(brk=GOOD)
    assert client.served("breaks", 2) == ["brk"] * 2


def test_what_stumbles_is_asked_once_more_where_there_is_no_other(client: Client) -> None:
    client.feel(alone=Mood(status=503))
    refused = client.call("alone/m")
    assert refused.status_code == 502
    assert client.asked() == ["alone", "alone"]
    assert len(client.row(refused)["attempts"]) == 2
