"""Times and amounts as other services write them; a leaf that any room may import."""

import email.utils
import math
import re
from datetime import UTC, datetime

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_UNIT = "ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?"
_AMOUNT = rf"\d{{1,9}}(?:\.\d{{1,9}})?\s?(?:{_UNIT})(?![a-z])"
DURATION = rf"(?:{_AMOUNT}[\s,]{{0,2}}){{1,5}}"  # Go's "6m0s" too
_DURATION = re.compile(DURATION, re.IGNORECASE)
_PART = re.compile(rf"([\d.]+)\s?({_UNIT})(?![a-z])", re.IGNORECASE)

# From here on a number is a moment and not a duration: the one in Unix seconds, the other in ms.
_EPOCH_S, _EPOCH_MS = 1e9, 1e11

# Fifty years. What is told to last longer is told by mistake; calendars end, and columns do.
LONGEST_S = 1_576_800_000.0
_LATEST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


def seconds_until(told: object, now: float) -> float | None:
    """From `now` to what is told, a number, a duration, or a moment in any notation: 0 to LONGEST_S."""
    if isinstance(told, bool) or not isinstance(told, int | float | str):
        return None
    amount = number(told)
    if amount is None:
        text = str(told).strip()[:100]
        amount = duration(text) if _DURATION.fullmatch(text) else _moment(text)
    elif amount >= _EPOCH_MS:
        amount /= 1000
    if amount is None:
        return None
    return bounded(max(amount - now if amount >= _EPOCH_S else amount, 0.0))


def bounded(seconds: float) -> float | None:
    """Null for what is longer than LONGEST_S."""
    return seconds if seconds <= LONGEST_S else None


def dated(unix: float | None) -> float | None:
    """Unix seconds from 1970 to 9999; null for what a calendar does not have."""
    return unix if unix is not None and 0 <= unix < _LATEST else None


def number(told: object) -> float | None:
    """Null for what is none, or is not finite."""
    if isinstance(told, bool) or not isinstance(told, int | float | str):
        return None
    try:
        amount = float(told)
    except (ValueError, OverflowError):  # JSON's numbers know no bounds
        return None
    return amount if math.isfinite(amount) else None


def duration(text: str) -> float | None:
    """Seconds of what DURATION matches, up to LONGEST_S."""
    return bounded(
        sum(
            float(amount)
            * _UNITS["ms" if unit.lower().startswith(("ms", "mil")) else unit[0].lower()]
            for amount, unit in _PART.findall(text)
        )
    )


def _moment(text: str) -> float | None:
    """Unix seconds of an RFC 3339 time, or of HTTP's."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        parsed = email.utils.parsedate_tz(text)
        try:
            return float(email.utils.mktime_tz(parsed)) if parsed else None
        except (ValueError, OverflowError):
            return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
