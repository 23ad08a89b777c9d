"""A reserve: what is left of an account for its owner is not taken by calls."""

import pytest

from gateway.formats import openai_chat
from gateway.meters import meters
from gateway.quotas import HELD_S, Quotas
from gateway.routing import Target, resolve
from gateway.state.health import Health
from gateway.verdict import Verdict
from providers.quotas import STALE_S, Known
from tests.gateway.clocks import Clock
from tests.gateway.configured import ANYONE, connection, provider, snapshot

NAMES = (
    "x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens",
    "anthropic-ratelimit-unified-5h-utilization", "anthropic-ratelimit-unified-5h-reset",
)  # fmt: skip


def target(headroom: float = 0.2, model: str = "m") -> Target:
    mine = connection("mine", headroom=headroom)
    route = resolve(
        snapshot(provider("acme", accounts=[mine], meters=meters(NAMES))),
        ANYONE,
        f"acme/{model}",
        openai_chat.NAME,
    )
    return route.targets[0]


class Account:
    """One with a reserve, a process that calls it, and their clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.health = Health(wall=lambda: self.clock.wall)
        self.quotas = Quotas(self.health)

    def answers(self, *, to: Target | None = None, **headers: str) -> None:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        self.quotas.hear(to or target(), told, self.clock.mono, self.clock.wall)

    def tokens(self, remaining: int, reset: str = "30s", to: Target | None = None) -> None:
        self.answers(
            to=to,
            x_ratelimit_limit_tokens="1000",
            x_ratelimit_remaining_tokens=str(remaining),
            x_ratelimit_reset_tokens=reset,
        )

    def reconsider(self, *told: Known, headroom: float = 0.2) -> None:
        reserves = {"mine": headroom} if headroom else {}
        self.quotas.reconsider(reserves, {"mine": told}, self.clock.mono, self.clock.wall)

    def is_kept(self, model: str = "acme/m") -> bool:
        block = self.health.blocked("mine", model, self.clock.mono)
        assert block is None or block.kind == "reserve"
        return block is not None


@pytest.fixture
def account() -> Account:
    return Account()


def test_calls_go_on_until_the_owners_share_is_reached(account: Account) -> None:
    account.tokens(201)
    assert not account.is_kept()
    account.tokens(200)
    assert account.is_kept()
    block = account.health.blocked("mine", "acme/m", account.clock.mono)
    assert block is not None
    assert block.cause == ("20% of the account is left to its owner: of tokens 200 of 1000 remain")


def test_they_go_on_when_it_is_whole_again(account: Account) -> None:
    account.tokens(100, reset="30s")
    account.clock.advance(29)
    assert account.is_kept()
    account.clock.advance(2)
    assert not account.is_kept()


def test_a_limit_of_one_model_keeps_no_other(account: Account) -> None:
    account.tokens(100)
    assert not account.is_kept("acme/other")


def test_a_window_of_the_account_keeps_all_models_for_as_long_as_it_lasts(
    account: Account,
) -> None:
    resets = account.clock.wall + 5 * 3600
    account.answers(
        anthropic_ratelimit_unified_5h_utilization="0.81",
        anthropic_ratelimit_unified_5h_reset=str(int(resets)),
    )
    while account.clock.wall < resets - 60:
        assert account.is_kept("acme/m")
        assert account.is_kept("acme/other")
        account.clock.advance(59)
        account.reconsider()
    account.clock.advance(61)
    account.reconsider()
    assert not account.is_kept()


def test_no_block_lasts_longer_than_the_longest(account: Account) -> None:
    account.tokens(0, reset="7d")
    block = account.health.blocked("mine", "acme/m", account.clock.mono)
    assert block is not None
    assert block.until - block.since == pytest.approx(HELD_S)


def test_an_account_without_a_reserve_is_used_to_its_end(account: Account) -> None:
    account.tokens(0, to=target(headroom=0))
    assert not account.is_kept()


def test_a_reserve_that_is_given_up_ends_at_once(account: Account) -> None:
    account.tokens(150)
    account.reconsider(headroom=0.1)
    assert not account.is_kept()
    account.reconsider(headroom=0.2)
    assert account.is_kept()
    account.reconsider(headroom=0)
    assert not account.is_kept()


def test_credit_that_a_probe_has_seen_counts_and_so_does_its_top_up(account: Account) -> None:
    low = Known("credit", account.clock.wall, unit="USD", limit=100, remaining=15)
    account.reconsider(low)
    assert account.is_kept()
    account.clock.advance(600)
    account.reconsider(Known("credit", account.clock.wall, unit="USD", limit=200, remaining=115))
    assert not account.is_kept()


def test_what_nobody_has_said_for_an_hour_keeps_nobody(account: Account) -> None:
    account.reconsider(Known("credit", account.clock.wall, limit=100, remaining=15))
    account.clock.advance(STALE_S + 1)
    account.reconsider()
    assert not account.is_kept()


def test_older_news_does_not_undo_newer(account: Account) -> None:
    account.clock.advance(100)
    account.tokens(100, reset="300s")
    older = account.clock.wall - 50
    account.reconsider(Known("tokens", older, model="acme/m", limit=1000, remaining=900))
    assert account.is_kept()


def test_a_block_of_another_kind_is_not_lifted_with_a_reserve(account: Account) -> None:
    account.tokens(100, reset="10s")
    refused = Verdict("next_connection", "rate_limit", cooldown_s=100)
    account.health.failed("mine", "", refused, account.clock.mono)
    account.reconsider(headroom=0)
    block = account.health.blocked("mine", "acme/m", account.clock.mono)
    assert block is not None
    assert block.kind == "rate_limit"


def test_of_each_target_the_latest_is_taken_once(account: Account) -> None:
    for remaining in (900, 800):
        account.tokens(remaining, to=target(headroom=0))
    account.tokens(700, to=target(headroom=0, model="other"))
    found = [(each.model, each.known()[0].remaining) for each in account.quotas.take()]
    assert found == [("acme/m", 800), ("acme/other", 700)]
    assert account.quotas.take() == []
