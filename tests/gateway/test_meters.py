"""What headers of answers tell of quotas, by the names that the catalogue has of them."""

import math
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.meters import meters
from omniroute import moments
from providers.quotas import Known

NOW = 1_800_000_000.0
MODEL = "acme/m"


@dataclass(frozen=True)
class Case:
    id: str
    headers: dict[str, str]
    known: list[Known]
    names: list[str] = field(default_factory=list)  # where they are not those of the headers


def known(name: str, limit: float | None, remaining: float, **more: object) -> Known:
    fields = {"unit": "requests", "window_s": 60.0, "model": MODEL} | more
    if (left_s := fields.pop("left_s", None)) is not None:
        fields["resets_at"] = NOW + left_s  # type: ignore[operator]
    return Known(name, NOW, limit=limit, remaining=remaining, **fields)  # type: ignore[arg-type]


CASES = [
    Case(
        "OpenAI's, and those who follow it",
        {
            "x-ratelimit-limit-requests": "500", "x-ratelimit-remaining-requests": "499",
            "x-ratelimit-reset-requests": "120ms", "x-ratelimit-limit-tokens": "30000",
            "x-ratelimit-remaining-tokens": "29000", "x-ratelimit-reset-tokens": "6m0s",
        },
        [
            known("requests", 500, 499, left_s=0.12),
            known("tokens", 30000, 29000, left_s=360.0, unit="tokens"),
        ],
    ),
    Case(
        "Anthropic's",
        {
            "anthropic-ratelimit-input-tokens-limit": "50000",
            "anthropic-ratelimit-input-tokens-remaining": "40000",
            "anthropic-ratelimit-input-tokens-reset": "2027-01-15T08:01:00Z",
        },
        [known("input tokens", 50000, 40000, left_s=60.0, unit="tokens")],
    ),
    Case(
        "a Claude subscription's windows: of the account, and as a share",
        {
            "anthropic-ratelimit-unified-5h-utilization": "0.75",
            "anthropic-ratelimit-unified-5h-reset": "1800003600",
            "anthropic-ratelimit-unified-7d-utilization": "1.02",
            "anthropic-ratelimit-unified-status": "allowed",
        },
        [
            known("5h", 100, 25, left_s=3600.0, unit="%", model="", window_s=18000.0),
            known("7d", 100, 0, unit="%", model="", window_s=604800.0),
        ],
    ),
    Case(
        "Codex's windows, whose length is told",
        {
            "x-codex-primary-used-percent": "12.5", "x-codex-primary-window-minutes": "300",
            "x-codex-primary-reset-after-seconds": "1800",
        },
        [known("primary", 100, 87.5, left_s=1800.0, unit="%", model="", window_s=18000.0)],
    ),
    Case(
        "OpenRouter's, in milliseconds since 1970",
        {
            "x-ratelimit-limit": "20", "x-ratelimit-remaining": "3",
            "x-ratelimit-reset": "1800000030000",
        },
        [known("requests", 20, 3, left_s=30.0, model="")],
    ),
    Case(
        "Cerebras's, by the day",
        {
            "x-ratelimit-limit-requests-day": "14400",
            "x-ratelimit-remaining-requests-day": "14000",
            "x-ratelimit-reset-requests-day": "33011.4",
        },
        [known("requests day", 14400, 14000, left_s=33011.4, window_s=86400.0)],
    ),
    Case(
        "a limit that nobody tells",
        {"x-ratelimit-remaining-tokens": "7"},
        [known("tokens", None, 7, unit="tokens")],
    ),
    Case("nonsense", {"x-ratelimit-remaining-requests": "many"}, []),
    Case("nothing", {}, [], ["x-ratelimit-remaining-requests", "retry-after"]),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_headers_are_read(case: Case) -> None:
    found = [meter.read(case.headers, MODEL, NOW) for meter in meters(tuple(case.names or case.headers))]  # fmt: skip
    assert [each for each in found if each is not None] == case.known


def test_names_that_tell_of_no_quota_make_no_meter() -> None:
    assert meters(("retry-after", "request-id", "ratelimit-policy")) == ()


ALL = sorted({name for case in CASES for name in case.headers})
VALUES = st.one_of(st.text(max_size=20), st.floats().map(str), st.integers().map(str))


@example(
    headers={"x-codex-primary-used-percent": "-1e308", "x-codex-primary-window-minutes": "1e308"}
)
@given(headers=st.dictionaries(st.sampled_from(ALL), VALUES))
def test_whatever_a_provider_sends_is_read_or_left(headers: dict[str, str]) -> None:
    for meter in meters(tuple(ALL)):
        read = meter.read(headers, MODEL, NOW)
        if read is not None:
            told = (read.limit, read.remaining, read.resets_at, read.window_s)
            assert all(math.isfinite(amount) for amount in told if amount is not None)
            assert (read.resets_at or NOW) - NOW <= moments.LONGEST_S
            assert (read.window_s or 0.0) <= moments.LONGEST_S
