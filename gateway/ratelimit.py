"""`RateLimit` and `RateLimit-Policy`, in which any provider may say what is left of its limits.

    RateLimit-Policy: "fixed window";"api";q=500;w=300
    RateLimit: "api";r=489;t=189

Source: draft-ietf-httpapi-ratelimit-headers-10; https://huggingface.co/docs/hub/rate-limits (read
2026-11), whose policies have two names.
"""

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from omniroute import moments
from providers.quotas import Known

NAME, POLICY = "ratelimit", "ratelimit-policy"
MAX_TEXT = 1000
MAX_ITEMS = 8  # of each header: what a provider names becomes rows
MAX_NAME = 60
# As the meters of other headers have it, where no policy says it.
UNIT = "requests"

_ITEM = re.compile(r'(?:"[^"]*"|[^",])+')
_NAME = re.compile(r'(?:^|;)\s*"([^"]*)"')
_PARAMETER = re.compile(r';\s*([a-z][a-z0-9_]*)=(?:"([^"]*)"|([0-9.-]{1,20}))')


class Item(Struct, frozen=True):
    """A limit or a policy: its names, and the parameters that are told of it."""

    names: tuple[str, ...]
    told: Mapping[str, str]

    def number(self, name: str) -> float | None:
        """Null where it is not told, or is below 0."""
        amount = moments.number(self.told.get(name, ""))
        return amount if amount is not None and amount >= 0 else None

    def seconds(self, name: str) -> float | None:
        amount = self.number(name)
        return None if amount is None else moments.bounded(amount)


def items(text: str) -> Iterator[Item]:
    """Those that have a name, MAX_ITEMS at most."""
    for part in _ITEM.findall(text[:MAX_TEXT])[:MAX_ITEMS]:
        names = tuple(name[:MAX_NAME] for name in _NAME.findall(part.strip()))
        if names and part.isprintable():  # what is not cannot be written down
            yield Item(
                names, {name: quoted or bare for name, quoted, bare in _PARAMETER.findall(part)}
            )


def known(headers: Mapping[str, str], now: float) -> Iterator[Known]:
    """What `headers` say is left of the account's limits. `now` is in Unix seconds."""
    policies = [*items(headers.get(POLICY, ""))]
    for item in items(headers.get(NAME, "")):
        remaining, left_s = item.number("r"), item.seconds("t")
        if remaining is None:
            continue
        name = item.names[-1]
        policy = next((each for each in policies if name in each.names), Item((), {}))
        yield Known(
            name=name or UNIT,
            observed=now,
            unit=policy.told.get("qu", UNIT)[:20],
            limit=policy.number("q"),
            remaining=remaining,
            resets_at=None if left_s is None else now + left_s,
            window_s=policy.seconds("w"),
        )


def used_up(text: str) -> Iterator[float]:
    """Of what nothing is left, the seconds until there is some again."""
    for item in items(text):
        left_s = item.seconds("t")
        if item.number("r") == 0 and left_s is not None:
            yield left_s
