"""Who may call, from where, and what a call takes from whose limits and budgets."""

import asyncio
import ipaddress
from dataclasses import dataclass
from typing import Any

import pytest

from analytics.costs import Prices
from gateway import admission
from gateway.errors import BudgetSpent, GatewayError, KeyRejected, NotAllowed, RateLimited
from gateway.snapshot import Budgets, Connection, Limits, Networks, Principal, Timeouts
from gateway.soft_budgets import payers
from gateway.state import Lease, Room
from gateway.state.memory import MemoryState
from tests.gateway.clocks import Clock

NOW = 1_700_000_000.0
USD = 10**12


@pytest.fixture
def state() -> MemoryState:
    clock = Clock()
    return MemoryState(clock=lambda: clock.mono, wall=lambda: clock.wall)


# --- The principal -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Visit:
    id: str
    ip: str = "192.0.2.7"
    networks: tuple[str, ...] = ()
    expires: float | None = None
    refused: type[GatewayError] | None = None


VISITS = [
    Visit("a key without conditions"),
    Visit("a key that expires later", expires=NOW + 0.001),
    Visit("an expired key", expires=NOW, refused=KeyRejected),
    Visit("an allowed address", networks=("192.0.2.7/32",)),
    Visit("an allowed network", networks=("10.0.0.0/8", "192.0.2.0/24")),
    Visit("another address", networks=("192.0.2.8/32",), refused=NotAllowed),
    Visit("IPv4 as a socket for both sees it", "::ffff:192.0.2.7", ("192.0.2.0/24",)),
    Visit("and from elsewhere", "::ffff:192.0.3.7", ("192.0.2.0/24",), refused=NotAllowed),
    Visit("IPv6", "2001:db8::1", ("2001:db8::/32",)),
    Visit("IPv6 where only IPv4 is allowed", "2001:db8::1", ("0.0.0.0/0",), refused=NotAllowed),
    Visit("a link-local address with its zone", "fe80::1%eth0", ("fe80::/10",)),
    Visit("no address", "", ("0.0.0.0/0", "::/0"), refused=NotAllowed),
    Visit("nonsense", "192.0.2.7.evil", ("192.0.2.0/24",), refused=NotAllowed),
    Visit("nonsense where any address will do", "unix:"),
    Visit("expired and from elsewhere", "10.0.0.1", ("192.0.2.0/24",), NOW - 1, KeyRejected),
]


@pytest.mark.parametrize("case", VISITS, ids=lambda case: case.id)
def test_a_key_is_good_until_it_expires_and_where_it_is_allowed(case: Visit) -> None:
    principal = Principal(
        name="laptop",
        expires=case.expires,
        networks=Networks(allowed=tuple(map(ipaddress.ip_network, case.networks))),
    )
    if case.refused is None:
        admission.check_principal(principal, case.ip, NOW)
        return
    with pytest.raises(case.refused):
        admission.check_principal(principal, case.ip, NOW)


# --- The estimate ------------------------------------------------------------------------------

PRICES = Prices(input=3, output=15, cache_read=1, cache_write=4)


@pytest.mark.parametrize(
    ("prompt", "asked", "prices", "expect"),
    [
        (100, 50, PRICES, (150, 100 * 3 + 50 * 15)),
        (100, None, PRICES, (1100, 100 * 3 + 1000 * 15)),
        (100, 0, PRICES, (100, 100 * 3)),
        (100, -5, PRICES, (1100, 100 * 3 + 1000 * 15)),
        (100, 10**400, PRICES, (1_000_100, 300 + 15_000_000)),
        (100, 50, None, (150, 0)),
        (100, 50, Prices(0, 0, 0, 0), (150, 0)),
    ],
    ids=["bounded", "unbounded", "nothing", "negative", "absurd", "unpriced", "free"],
)
def test_an_estimate_is_the_prompt_and_as_much_answer_as_may_come(
    prompt: int, asked: int | None, prices: Prices | None, expect: tuple[int, int]
) -> None:
    assert admission.estimate(prompt, asked, prices) == expect


# --- Admission ---------------------------------------------------------------------------------


async def admit(
    state: MemoryState,
    principal: Principal,
    tokens: int,
    picousd: int,
    total: Budgets = Budgets(),  # noqa: B008  # it is frozen
) -> Lease | None:
    claim = admission.of_key(principal, payers(principal, total), tokens, picousd)
    return None if claim is None else await state.claim(claim)


@pytest.mark.parametrize(
    "principal", [Principal(name=""), Principal(name="laptop", user="ops")], ids=["nobody", "a key"]
)
async def test_who_has_neither_limit_nor_budget_needs_no_lease(
    state: MemoryState, principal: Principal
) -> None:
    assert await admit(state, principal, 10**9, 10**18) is None


@dataclass(frozen=True)
class Case:
    id: str
    key: dict[str, Any]  # what the principal has
    fit: int  # calls of 100 tokens at 1 USD
    refused: type[GatewayError]
    words: str


CASES = [
    Case("a limit", {"limits": Limits(rpm=3)}, 3, RateLimited, "3 requests a minute"),
    Case("a budget of the key's", {"budgets": Budgets({"daily_usd": 2})}, 2, BudgetSpent, "the key's daily_usd"),
    Case("a budget of its owner's", {"user_budgets": Budgets({"weekly_tokens": 500})}, 5, BudgetSpent, "the user's weekly_tokens"),
    Case("the budget before the limit", {"limits": Limits(rpm=2), "budgets": Budgets({"daily_requests": 2})}, 2, BudgetSpent, "daily_requests"),
    Case("the key's before its owner's", {"budgets": Budgets({"daily_usd": 2}), "user_budgets": Budgets({"daily_usd": 2})}, 2, BudgetSpent, "the key's"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
async def test_calls_are_let_in_until_something_is_used_up(state: MemoryState, case: Case) -> None:
    principal = Principal(name="laptop", user="ops", **case.key)
    for _ in range(case.fit):
        assert await admit(state, principal, 100, USD) is not None
    with pytest.raises(case.refused, match=case.words):
        await admit(state, principal, 100, USD)


async def test_keys_of_one_user_share_the_users_budget_and_nothing_else(
    state: MemoryState,
) -> None:
    def key(name: str, user: str) -> Principal:
        # As the snapshot builds them: each key has a copy of its own.
        return Principal(
            name=name, user=user, limits=Limits(rpm=2), user_budgets=Budgets({"daily_requests": 3})
        )

    await admit(state, key("laptop", "ops"), 1, 0)
    await admit(state, key("laptop", "ops"), 1, 0)
    await admit(state, key("phone", "ops"), 1, 0)
    with pytest.raises(BudgetSpent, match="the user's"):
        await admit(state, key("phone", "ops"), 1, 0)
    await admit(state, key("phone", "dev"), 1, 0)


async def test_all_keys_share_the_total_budget(state: MemoryState) -> None:
    total = Budgets({"daily_requests": 2})
    await admit(state, Principal(name="laptop"), 1, 0, total)
    await admit(state, Principal(name="phone"), 1, 0, total)
    with pytest.raises(BudgetSpent, match="the total's daily_requests budget"):
        await admit(state, Principal(name="tablet"), 1, 0, total)


async def test_a_hundred_parallel_calls_on_a_budget_for_ten_are_ten_whatever_they_cost(
    state: MemoryState,
) -> None:
    """Each reserves 1 USD and costs as much or less; spent and running never exceed the budget."""
    principal = Principal(name="laptop", budgets=Budgets({"daily_usd": 10}))
    spent = running = let_in = 0

    async def call(number: int) -> None:
        nonlocal spent, running, let_in
        try:
            lease = await admit(state, principal, 100, USD)
        except BudgetSpent:
            return
        assert lease is not None
        let_in, running = let_in + 1, running + USD
        assert spent + running <= 10 * USD
        for _ in range(number % 5):
            await asyncio.sleep(0)
        cost = USD if number % 2 else 0
        lease.settle(100, cost)
        spent, running = spent + cost, running - USD

    await asyncio.gather(*(call(number) for number in range(100)))
    assert running == 0
    assert let_in >= 10
    for number in range(1, 60, 2):
        await call(number)
    assert spent == 10 * USD


# --- An account at a provider ------------------------------------------------------------------


def account(name: str, limits: Limits) -> Connection:
    return Connection(
        name=name,
        auth={},
        base_urls={},
        headers={},
        timeouts=Timeouts(),
        limits=limits,
        model_names=frozenset(),
        model_map={},
    )


async def take_connection(state: MemoryState, connection: Connection, tokens: int) -> Lease | None:
    claim = admission.of_connection(connection, tokens)
    return None if claim is None else await state.claim(claim)


async def test_an_account_without_limits_needs_no_lease(state: MemoryState) -> None:
    assert await take_connection(state, account("main", Limits()), 10**9) is None


async def test_an_account_that_is_full_is_refused_until_a_call_ends(state: MemoryState) -> None:
    main, spare = account("main", Limits(concurrency=1)), account("spare", Limits(concurrency=1))
    lease = await take_connection(state, main, 100)
    assert lease is not None
    with pytest.raises(RateLimited):
        await take_connection(state, main, 100)
    assert await take_connection(state, spare, 100) is not None
    lease.settle(0, 0)
    assert await take_connection(state, main, 100) is not None


# --- Headers -----------------------------------------------------------------------------------


def test_headers_are_openais() -> None:
    rooms = {"requests": Room(60, 59, 1.0), "tokens": Room(100_000, 98_900, 0.66)}
    assert admission.rate_headers(rooms) == [
        (b"x-ratelimit-limit-requests", b"60"),
        (b"x-ratelimit-remaining-requests", b"59"),
        (b"x-ratelimit-reset-requests", b"1s"),
        (b"x-ratelimit-limit-tokens", b"100000"),
        (b"x-ratelimit-remaining-tokens", b"98900"),
        (b"x-ratelimit-reset-tokens", b"660ms"),
    ]
    assert admission.rate_headers({}) == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, b"0ms"),
        (0.0004, b"1ms"),
        (2.007, b"2.007s"),  # times 1000 it is 2007.0000000000002
        (0.35, b"350ms"),
        (0.9999, b"1s"),
        (1.2, b"1.2s"),
        (12.345, b"12.345s"),
        (59.9999, b"1m0s"),
        (60, b"1m0s"),
        (60.2, b"1m1s"),
        (119.7, b"2m0s"),
        (360, b"6m0s"),
        (3599.5, b"1h0m0s"),
        (5400, b"1h30m0s"),
    ],
)
def test_a_reset_is_written_as_openai_writes_it(seconds: float, text: bytes) -> None:
    assert admission.duration(seconds) == text
