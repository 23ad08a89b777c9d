"""Who is asked, and that one can see why."""

import time
from typing import Any

import pytest

from tests.e2e.routing.conftest import Client, Mood, by

LONG = [{"role": "user", "content": "word " * 2000}]


def test_round_robin_goes_around(client: Client) -> None:
    assert client.served("round-robin", 4) == ["rou-a", "rou-b"] * 2


def test_a_sticky_round_robin_stays_for_its_count(client: Client) -> None:
    assert client.served("sticky", 6) == ["rou-a", "rou-a", "rou-b", "rou-b", "rou-a", "rou-a"]


def test_accounts_of_one_provider_have_turns(client: Client) -> None:
    assert client.served("many/m", 4) == ["many-a", "many-b"] * 2


def test_turns_within_turns_reach_everybody(client: Client) -> None:
    assert client.served("nested", 4) == ["rou-a", "many-a", "rou-b", "many-b"]


def test_random_reaches_everybody(client: Client) -> None:
    assert {*client.served("random", 30)} == {"ran-a", "ran-b"}


def test_of_two_the_idle_one_is_chosen(client: Client) -> None:
    client.feel(pow_a=Mood(head_s=0.4), pow_b=Mood(head_s=0.4))
    busy = client.begin("power-of-two-choices")
    while not (asked := client.asked()):
        time.sleep(0.01)
    client.feel(pow_a=Mood(), pow_b=Mood())
    other = {"pow-a": "pow-b", "pow-b": "pow-a"}[asked[0]]
    assert client.served("power-of-two-choices", 5) == [other] * 5
    assert by(busy.result()) == asked[0]


def test_the_least_used_is_next(client: Client) -> None:
    assert client.served("least-used", 4) == ["lea-a", "lea-b"] * 2


def test_the_fastest_is_found_and_kept(client: Client) -> None:
    client.feel(fas_a=Mood(head_s=0.1))
    assert client.served("fastest", 5) == ["fas-a", "fas-b", "fas-b", "fas-b", "fas-b"]


def test_tiers_follow_each_other(client: Client) -> None:
    busy = Mood(status=429, headers="Retry-After: 60\r\n")
    reached = []
    for tier in (3, 2, 1, 0):
        reached += client.served("tiers", 1)
        client.feel(**{f"tier_{tier}": busy})
    assert reached == ["tier-3", "tier-2", "tier-1", "tier-0"]


@pytest.mark.parametrize(
    ("request_", "cheapest"),
    [({"max_tokens": 4000}, "writes"), ({"max_tokens": 10, "messages": LONG}, "reads")],
    ids=["a long answer", "a long prompt"],
)
def test_the_cheapest_is_that_of_the_request(
    client: Client, request_: dict[str, Any], cheapest: str
) -> None:
    answer = client.call("cheapest", **request_)
    assert by(answer) == cheapest
    order = client.row(answer)["trace"]["order"]
    assert order[0]["connection"] == cheapest
    assert order[0]["score"] < order[1]["score"]


# --- auto -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("auto", ["mkt-plan", "mkt-fair", "mkt-dear", "mkt-gift"]),
        ("auto:cheap", ["mkt-gift", "mkt-fair", "mkt-dear", "mkt-plan"]),
        ("auto:free", ["mkt-gift"]),
    ],
)
def test_auto_stands_for_what_the_key_may_use(client: Client, name: str, order: list[str]) -> None:
    answer = client.call(name, key="shopper")
    assert by(answer) == order[0]
    trace = client.row(answer)["trace"]
    assert [each["connection"] for each in trace["order"]] == order
    assert {each["why"] for each in trace["excluded"]} <= {"key"}


def test_auto_fast_measures_each_of_the_first_tier_and_keeps_the_fastest(client: Client) -> None:
    assert client.served("auto:fast", 2, key="shopper") == ["mkt-plan"] * 2


def test_auto_is_listed_and_is_not_the_built_in_echo(client: Client) -> None:
    shopper = client.models("shopper")
    assert {"auto", "auto:cheap", "auto:fast", "auto:free"} < {*shopper}
    assert {name for name in shopper if "/" in name} == {
        "mkt-plan/m", "mkt-dear/m", "mkt-fair/m", "mkt-gift/m"
    }  # fmt: skip
    assert "demo/echo" in client.models("laptop")
    asked = client.row(client.call("auto:cheap"))["trace"]
    assert "demo" not in str(asked)


# --- What a request says of itself ------------------------------------------------------------


def test_a_session_stays_on_its_connection(client: Client) -> None:
    def at(session: str, calls: int) -> set[str]:
        return {*client.served("round-robin", calls, headers={"x-omniroute-session": session})}

    homes = [at(f"session-{n}", 3) for n in range(8)]
    assert [len(home) for home in homes] == [1] * 8
    assert set.union(*homes) == {"rou-a", "rou-b"}


def test_a_connection_may_be_asked_for(client: Client) -> None:
    headers = {"x-omniroute-connection": "many-b"}
    assert client.served("many/m", 3, headers=headers) == ["many-b"] * 3
    unknown = client.call("many/m", headers={"x-omniroute-connection": "elsewhere"})
    assert (unknown.status_code, unknown.json()["error"]["param"]) == (
        400, "x-omniroute-connection"
    )  # fmt: skip


def test_no_fallback_is_one_target(client: Client) -> None:
    client.feel(weak=Mood(status=401))
    alone = client.call("fallback", headers={"x-omniroute-no-fallback": "true"})
    assert alone.status_code == 502
    assert client.asked() == ["weak"]


def test_what_may_cost_too_much_is_refused(client: Client) -> None:
    headers = {"x-omniroute-max-cost": "0.000001"}
    dear = client.call("reads/m", headers=headers)
    assert dear.status_code == 400
    assert dear.json()["error"]["param"] == "x-omniroute-max-cost"
    assert client.asked() == []


def test_what_the_budget_is_too_small_for_is_passed_over_for_what_is_free(client: Client) -> None:
    assert client.served("thrifty", 1, key="poor") == ["gratis"]
    assert client.call("well/m", key="poor").status_code == 402
    assert client.asked() == ["gratis"]
