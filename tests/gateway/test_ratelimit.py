"""The IETF's draft of rate-limit headers, which any provider may send."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import ratelimit
from omniroute import moments
from providers.quotas import Known

NOW = 1_800_000_000.0


def known(name: str, remaining: float, left_s: float | None = None, **more: object) -> Known:
    resets_at = None if left_s is None else NOW + left_s
    fields = {"unit": "requests"} | more
    return Known(name, NOW, remaining=remaining, resets_at=resets_at, **fields)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Case:
    id: str
    limit: str
    policy: str
    known: list[Known]


CASES = [
    Case(
        "Hugging Face's", '"api";r=489;t=189', '"fixed window";"api";q=500;w=300',
        [known("api", 489, 189, limit=500, window_s=300)],
    ),
    Case(
        "the draft's own, with two policies",
        '"burst";r=50;t=30,"daily";r=900;t=4000',
        '"burst";q=100;w=60,"daily";q=1000;w=86400;qu="tokens"',
        [
            known("burst", 50, 30, limit=100, window_s=60),
            known("daily", 900, 4000, limit=1000, window_s=86400, unit="tokens"),
        ],
    ),
    Case("without a policy", '"api";r=3;t=7', "", [known("api", 3, 7)]),
    Case("without a time", '"api";r=3', '"api";q=5;w=60', [known("api", 3, limit=5, window_s=60)]),
    Case("spaces, and a comma in a name", ' "a, b" ; r=1 ; t=2 , "c";r=4', "", [known("a, b", 1, 2), known("c", 4)]),
    Case("a partition is nobody's business", '"api";r=3;pk=:dHJpYWw=:;t=7', "", [known("api", 3, 7)]),
    Case("nothing that remains", '"api";t=7', '"api";q=5', []),
    Case("below nothing", '"api";r=-3;t=7', "", []),
    Case("as good as for ever", '"api";r=3;t=999999999999', "", [known("api", 3)]),
    Case("an older draft's", "limit=10, remaining=5, reset=3", "10;w=60", []),
    Case("no header", "", '"api";q=500;w=300', []),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_what_is_left_is_read(case: Case) -> None:
    headers = {"ratelimit": case.limit, "ratelimit-policy": case.policy}
    assert [*ratelimit.known(headers, NOW)] == case.known


def test_a_provider_names_no_more_limits_than_a_few() -> None:
    many = ", ".join(f'"limit-{n}";r=1' for n in range(100))
    assert len([*ratelimit.known({"ratelimit": many}, NOW)]) == ratelimit.MAX_ITEMS


ODD = st.text(alphabet='"apiqu;r=0t9w., -\\\x00\ud800', max_size=80)


@given(limit=ODD, policy=ODD)
def test_whatever_a_provider_sends_is_read_or_left(limit: str, policy: str) -> None:
    for each in ratelimit.known({"ratelimit": limit, "ratelimit-policy": policy}, NOW):
        assert each.remaining is not None
        assert each.remaining >= 0
        assert (each.name + each.unit).isprintable()
        assert len(each.name) <= ratelimit.MAX_NAME
        assert (each.resets_at or NOW) - NOW <= moments.LONGEST_S
    assert all(0 <= left_s <= moments.LONGEST_S for left_s in ratelimit.used_up(limit))
