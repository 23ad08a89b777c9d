"""Controls of one request: read exactly, refused by name, and only where the key allows them."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.controls import CONTROLS, NONE, Controls, read
from gateway.errors import BadRequest, GatewayError, NotAllowed

ALL = frozenset(CONTROLS)


def header(name: str, *values: bytes) -> list[tuple[bytes, bytes]]:
    lines = [(b"x-omniroute-" + name.encode(), value) for value in values]
    return [(b"host", b"x"), *lines, (b"accept", b"*/*")]


@dataclass(frozen=True)
class Case:
    name: str
    value: bytes
    said: dict[str, Any]


CASES = [
    Case("no-fallback", b"true", {"no_fallback": True}),
    Case("no-fallback", b" TRUE ", {"no_fallback": True}),
    Case("no-fallback", b"1", {"no_fallback": True}),
    Case("no-fallback", b"false", {}),
    Case("no-cache", b"true", {"no_cache": True}),
    Case("no-cache", b"0", {}),
    Case("max-cost", b"0.05", {"max_cost_picousd": 50_000_000_000}),
    Case("max-cost", b"0", {"max_cost_picousd": 0}),
    Case("max-cost", b"12", {"max_cost_picousd": 12 * 10**12}),
    Case("max-cost", b"0.000000000001", {"max_cost_picousd": 1}),
    Case("connection", b"mine", {"connection": "mine"}),
    Case("connection", b"My account, the 2nd", {"connection": "My account, the 2nd"}),
    Case("connection", b"caf%C3%A9", {"connection": "café"}),
    Case("session", b"7f3a", {"session": "7f3a"}),
    Case("session", b"s" * 200, {"session": "s" * 200}),
    Case("tags", b"team:web", {"tags": ("team:web",)}),
    Case("tags", b"team:web, env/prod ,v1.2_x", {"tags": ("team:web", "env/prod", "v1.2_x")}),
    Case("tags", b"a,a,b", {"tags": ("a", "b")}),
    Case("tags", b",".join([b"%d" % n for n in range(10)]), {"tags": tuple("0123456789")}),
    Case("tags", b"t" * 50, {"tags": ("t" * 50,)}),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}: {case.value[:30]!r}")
def test_what_a_header_says(case: Case) -> None:
    assert read(header(case.name, case.value), ALL) == Controls(**case.said)


WRONG = [
    ("no-fallback", b""),
    ("no-fallback", b"yes"),
    ("no-cache", b"2"),
    ("max-cost", b""),
    ("max-cost", b"-1"),
    ("max-cost", b"+1"),
    ("max-cost", b"1e9"),
    ("max-cost", b".5"),
    ("max-cost", b"1."),
    ("max-cost", b"$1"),
    ("max-cost", b"1,5"),
    ("max-cost", b"nan"),
    ("max-cost", b"\xd9\xa1"),
    ("max-cost", b"0.0000000000001"),
    ("max-cost", b"1" * 10),
    ("connection", b""),
    ("connection", b"a\tb"),
    ("connection", b"a%0Ab"),
    ("connection", b"caf\xe9"),
    ("session", b"s" * 201),
    ("tags", b""),
    ("tags", b"a,,b"),
    ("tags", b"a b"),
    ("tags", b"caf\xe9"),
    ("tags", b"t" * 51),
    ("tags", b",".join([b"%d" % n for n in range(11)])),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_bad_value_is_refused_by_the_headers_name(name: str, value: bytes) -> None:
    with pytest.raises(BadRequest) as refused:
        read(header(name, value), ALL)
    assert refused.value.param == f"x-omniroute-{name}"
    assert str(refused.value).startswith(f"x-omniroute-{name}: ")


def test_lines_of_one_name_are_one_list() -> None:
    assert read(header("tags", b"a, b", b"c"), ALL) == Controls(tags=("a", "b", "c"))
    with pytest.raises(BadRequest):
        read(header("max-cost", b"1", b"2"), ALL)


GOOD = {case.name: case.value for case in CASES}
GOOD |= {"no-fallback": b"true", "no-cache": b"true"}


@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_that_the_key_may_not_use_is_refused(name: str) -> None:
    with pytest.raises(NotAllowed) as refused:
        read(header(name, GOOD[name]), ALL - {name})
    assert refused.value.status == 403
    assert refused.value.param == f"x-omniroute-{name}"


@pytest.mark.parametrize("name", CONTROLS)
def test_one_that_it_may_use_is_not(name: str) -> None:
    assert read(header(name, GOOD[name]), frozenset([name])) != NONE


def test_a_control_that_is_off_is_not_used() -> None:
    assert read(header("no-cache", b"false"), frozenset()) == NONE


def test_all_of_them_at_once() -> None:
    headers = [(b"x-omniroute-" + name.encode(), value) for name, value in GOOD.items()]
    assert read(headers, ALL) == Controls(
        no_fallback=True,
        no_cache=True,
        max_cost_picousd=1,
        connection="café",
        session="s" * 200,
        tags=("t" * 50,),
    )


@pytest.mark.parametrize("name", ["provider", "cost", "max-costs", "no_cache", "\xe9"])
def test_other_headers_are_left_alone(name: str) -> None:
    assert read([(b"x-omniroute-" + name.encode("latin-1"), b"x")], ALL) is NONE


def test_no_header_asks_for_nothing() -> None:
    assert read([(b"host", b"x"), (b"x-request-id", b"y")], frozenset()) is NONE


@given(name=st.sampled_from(CONTROLS), value=st.binary(max_size=300), allowed=st.booleans())
def test_any_bytes_are_read_or_refused(name: str, value: bytes, allowed: bool) -> None:
    assert outcome(header(name, value), ALL if allowed else frozenset()) in (
        "read",
        f"x-omniroute-{name}",
    )


def outcome(headers: list[tuple[bytes, bytes]], allowed: frozenset[str]) -> str | None:
    """That it was read, or the header at fault."""
    try:
        read(headers, allowed)
    except GatewayError as error:
        return error.param
    return "read"
