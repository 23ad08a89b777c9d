"""The response cache: which requests are the same, who wants it, and what is found again."""

import json
import random
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway import cache
from gateway.cache import wants_cache
from gateway.errors import BadRequest
from gateway.formats import wire
from gateway.formats.types import JSONDict
from gateway.kept import Kept
from gateway.state.memory import MemoryState
from tests.gateway.clocks import Clock

JSON = "application/json"
EVENTS = "text/event-stream"
CHAT: JSONDict = {"model": "best", "messages": [{"role": "user", "content": "hi"}]}
KEPT = Kept(200, JSON, False, (b"{}",), ((b"x-omniroute-model", b"mk/m1"),), None, 1000.0)


def key(request: JSONDict, client_format: str = "openai_chat") -> str | None:
    return cache.key(1, client_format, "best", request, content_type=JSON)


# --- Which requests are the same ---------------------------------------------------------------

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
requests = st.dictionaries(st.text(), values, max_size=5).filter(
    lambda request: not cache.is_stateful("openai_chat", request)
)


def shuffled(value: Any, rng: random.Random) -> Any:
    """The same with all its keys in another order."""
    if isinstance(value, dict):
        items = [(name, shuffled(told, rng)) for name, told in value.items()]
        rng.shuffle(items)
        return dict(items)
    return [shuffled(item, rng) for item in value] if isinstance(value, list) else value


def changed(value: Any, rng: random.Random, to: Any) -> Any:
    """The same with one thing in it replaced, removed or added."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        name = rng.choice(sorted(value))
        rest = {other: told for other, told in value.items() if other != name}
        return rest if rng.random() < 0.2 else rest | {name: changed(value[name], rng, to)}
    if isinstance(value, list) and value and rng.random() < 0.8:
        at = rng.randrange(len(value))
        return [*value[:at], changed(value[at], rng, to), *value[at + 1 :]]
    if isinstance(value, dict):
        return value | {"new": to}
    return [*value, to] if isinstance(value, list) else to


def meaning(request: JSONDict) -> str:
    return json.dumps(request, sort_keys=True)


@given(requests, st.randoms(use_true_random=False))
def test_the_order_of_keys_makes_no_other_request(request: JSONDict, rng: random.Random) -> None:
    assume("properties" not in meaning(request))
    assert key(shuffled(request, rng)) == key(request) is not None


@given(requests, st.randoms(use_true_random=False), values)
def test_any_other_change_makes_another_request(
    request: JSONDict, rng: random.Random, to: Any
) -> None:
    other = changed(request, rng, to)
    assume(meaning(other) != meaning(request))
    assert key(other) != key(request)


def test_requests_are_the_same_however_their_json_is_written() -> None:
    spaced = wire.loads(b'{ "messages" : [{"content":"h\\u0069","role":"user"}],\n"model":"best" }')
    assert key(spaced) == key(CHAT)


def test_the_properties_of_a_schema_have_an_order() -> None:
    def asking(*properties: str) -> JSONDict:
        schema = {"type": "object", "properties": {name: {"type": "string"} for name in properties}}
        return CHAT | {"response_format": {"type": "json_schema", "json_schema": schema}}

    assert key(asking("reasons", "verdict")) != key(asking("verdict", "reasons"))
    again = shuffled(asking("reasons"), random.Random(1))
    assert key(again) == key(asking("reasons"))


def test_half_a_surrogate_pair_is_no_hindrance() -> None:
    assert key(CHAT | {"user": "\ud83d"}) not in (None, key(CHAT | {"user": "\ud83e"}))


def test_who_asks_for_what_in_which_form_is_part_of_the_key() -> None:
    def found(
        tenant: int = 1,
        client_format: str = "gemini",
        model: str = "best",
        content_type: str = JSON,
        beside: tuple[str, ...] = (),
    ) -> str | None:
        return cache.key(
            tenant, client_format, model, CHAT, content_type=content_type, beside=beside
        )

    keys = [
        found(),
        found(tenant=0),
        found(client_format="ollama_chat"),
        found(model="mk/m1"),
        found(content_type=EVENTS),
        found(beside=("anthropic-beta: a", "b")),
        found(beside=("anthropic-beta: a,b",)),
    ]
    assert len({*keys, found()}) == len(keys)


@dataclass(frozen=True)
class Case:
    id: str
    request: JSONDict
    is_cached: bool
    client_format: str = "openai_chat"


CASES = [
    Case("several choices", {"n": 3}, True),
    Case("a stream", {"stream": True}, True),
    Case("a user", {"user": "ada", "metadata": {"a": "b"}}, True),
    Case("tools of the client's", {"tools": [{"type": "function"}, "odd"]}, True),
    Case("a stored completion", {"store": True}, False),
    Case("a completion that is not stored", {"store": False}, True),
    Case("a response, which is stored", {}, False, "openai_responses"),
    Case("null is not told", {"store": None}, False, "openai_responses"),
    Case("a response that is not stored", {"store": False}, True, "openai_responses"),
    Case("a turn after another", {"store": False, "previous_response_id": "r"}, False, "openai_responses"),
    Case("the first turn", {"store": False, "previous_response_id": None}, True, "openai_responses"),
    Case("a conversation", {"store": False, "conversation": {"id": "c"}}, False, "openai_responses"),
    Case("in the background", {"store": False, "background": True}, False, "openai_responses"),
    Case("a tool that the provider runs elsewhere", {"tools": [{"type": "mcp"}]}, False),
    Case("the same in Anthropic's words", {"mcp_servers": [{"name": "x"}]}, False, "anthropic_messages"),
    Case("a container", {"container": "c"}, False, "anthropic_messages"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_only_a_request_that_stands_alone_is_cached(case: Case) -> None:
    assert (key(CHAT | case.request, case.client_format) is not None) is case.is_cached


def test_a_request_that_is_nested_too_deeply_to_compare_is_not_cached() -> None:
    deep: Any = "x"
    for _ in range(3000):
        deep = [deep]
    assert key(CHAT | {"metadata": deep}) is None


# --- Who wants it ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("principal", "combo", "header", "no_cache", "wanted"),
    [
        (False, False, None, False, False),
        (True, False, None, False, True),
        (False, True, None, False, True),
        (False, False, b"on", False, True),
        (False, False, b" ON", False, True),
        (True, True, b"off", False, False),
        (True, True, None, True, False),
        (False, False, b"on", True, False),
    ],
)
def test_the_cache_is_for_those_who_ask_for_it(
    principal: bool, combo: bool, header: bytes | None, no_cache: bool, wanted: bool
) -> None:
    assert wants_cache(principal, combo, header, no_cache) is wanted


@pytest.mark.parametrize("header", [b"", b"yes", b"on, off", b"\xff"])
@pytest.mark.parametrize("no_cache", [False, True])
def test_a_header_that_says_neither_is_refused_by_its_name(header: bytes, no_cache: bool) -> None:
    with pytest.raises(BadRequest, match="x-omniroute-cache") as refusal:
        wants_cache(True, True, header, no_cache)
    assert refusal.value.param == "x-omniroute-cache"


# --- What is found again -----------------------------------------------------------------------


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def state(clock: Clock) -> MemoryState:
    return MemoryState(clock=lambda: clock.mono, wall=lambda: clock.wall)


async def test_an_answer_is_found_until_its_time_is_over(state: MemoryState, clock: Clock) -> None:
    assert await cache.find(state, "k") is None
    await cache.keep(state, "k", KEPT, 60)
    clock.advance(59)
    assert await cache.find(state, "k") == KEPT
    clock.advance(1)
    assert await cache.find(state, "k") is None


@pytest.mark.parametrize(("status", "ttl_s"), [(400, 60), (500, 60), (200, 0)])
async def test_nothing_but_a_good_answer_is_kept(
    state: MemoryState, status: int, ttl_s: float
) -> None:
    kept = Kept(status, JSON, False, (b"{}",), (), None, 0)
    await cache.keep(state, "k", kept, ttl_s)
    assert await state.read("k") is None


async def test_a_record_that_cannot_be_read_is_a_miss_and_is_replaced(state: MemoryState) -> None:
    await state.write("k", b"\x93\x01\x02", 60)
    assert await cache.find(state, "k") is None
    await cache.keep(state, "k", KEPT, 60)
    assert await cache.find(state, "k") == KEPT


class Away(MemoryState):
    async def read(self, key: str) -> bytes | None:
        raise ConnectionError

    async def write(self, key: str, value: bytes, ttl_s: float) -> None:
        raise TimeoutError


async def test_a_store_that_fails_is_a_miss(caplog: pytest.LogCaptureFixture) -> None:
    await cache.keep(Away(), "k", KEPT, 60)
    assert await cache.find(Away(), "k") is None
    assert [record.getMessage() for record in caplog.records] == [
        "an answer is not cached: TimeoutError",
        "the response cache cannot be read: ConnectionError",
    ]
