"""In which headers of its answers a provider says what is left of an account's limits."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from msgspec import Struct

from omniroute import moments
from providers.quotas import Known

# Parts of a header's name that say nothing of what is limited.
_EMPTY = frozenset({"x", "anthropic", "modelscope", "ratelimit", "unified", "codex", "per"})
_WINDOWS = {
    "minute": 60.0, "min": 60.0, "1m": 60.0, "hour": 3600.0, "1h": 3600.0, "5h": 18_000.0,
    "day": 86_400.0, "1d": 86_400.0, "7d": 604_800.0,
}  # fmt: skip
# Where neither a name nor a header says it: limits of requests and tokens are by the minute.
_USUAL_S = 60.0
_PERCENT = 100.0


class Meter(Struct, frozen=True):
    """One limit, and the headers that tell of it; an empty one is not there.

    `used` is told of some in place of what remains, as a share of the whole: `whole` is 1 or 100.
    `of_model`: it is a limit of one model and not of the whole account.
    """

    name: str
    unit: str
    window_s: float
    of_model: bool = False
    limit: str = ""
    remaining: str = ""
    used: str = ""
    whole: float = 1.0
    reset: str = ""
    window_minutes: str = ""

    def read(self, headers: Mapping[str, str], model: str, now: float) -> Known | None:
        """What `headers` say; null where they say nothing of it. `now` is in Unix seconds."""
        limit = moments.number(headers.get(self.limit, ""))
        remaining = moments.number(headers.get(self.remaining, ""))
        if self.used:
            used = moments.number(headers.get(self.used, ""))
            limit = _PERCENT
            remaining = None if used is None else _left(used / self.whole)
        if remaining is None:
            return None
        left_s = moments.seconds_until(headers.get(self.reset, ""), now)
        minutes = moments.number(headers.get(self.window_minutes, "")) or 0.0
        return Known(
            name=self.name,
            observed=now,
            model=model if self.of_model else "",
            unit=self.unit,
            limit=limit,
            remaining=remaining,
            resets_at=None if left_s is None else now + left_s,
            window_s=minutes * 60 if 0 < minutes * 60 <= moments.LONGEST_S else self.window_s,
        )


@lru_cache(maxsize=1024)
def meters(names: tuple[str, ...]) -> tuple[Meter, ...]:
    """The limits that headers of these names tell of, by what such names have in common.

    Sources: the catalogue's; OpenAI's, Anthropic's and Codex's conventions, which others follow.
    """
    known = frozenset(name.lower() for name in names)
    found = (_meter(name, known) for name in sorted(known))
    return tuple(meter for meter in found if meter is not None)


def _meter(name: str, known: frozenset[str]) -> Meter | None:
    def beside(word: str, other: str) -> str:
        sibling = name.replace(word, other)
        return sibling if sibling in known else ""

    if "remaining" in name:
        words = _words(name, "remaining")
        return Meter(
            name=" ".join(words) or "requests",
            unit="tokens" if any("token" in word for word in words) else "requests",
            window_s=_window_s(words),
            of_model=bool(words),
            limit=beside("remaining", "limit"),
            remaining=name,
            reset=beside("remaining", "reset"),
        )
    if name.endswith("-utilization"):
        words = _words(name, "utilization")
        reset = beside("-utilization", "-reset")
        return Meter(" ".join(words), "%", _window_s(words), used=name, reset=reset)
    if name.endswith("-used-percent"):
        words = _words(name, "used", "percent")
        return Meter(
            name=" ".join(words),
            unit="%",
            window_s=_window_s(words),
            used=name,
            whole=_PERCENT,
            reset=beside("-used-percent", "-reset-after-seconds"),
            window_minutes=beside("-used-percent", "-window-minutes"),
        )
    return None


def _left(share: float) -> float:
    """Of a hundred, where that share is used."""
    return min(max(_PERCENT * (1 - share), 0.0), _PERCENT)


def _words(name: str, *without: str) -> list[str]:
    return [word for word in name.split("-") if word not in _EMPTY and word not in without]


def _window_s(words: Iterable[str]) -> float:
    return next((_WINDOWS[word] for word in words if word in _WINDOWS), _USUAL_S)
