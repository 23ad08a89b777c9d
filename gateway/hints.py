"""When a provider that refuses a call says to come back: in which header or words it ever says so."""

import re
from collections.abc import Callable, Iterator

from gateway import ratelimit
from gateway.formats import wire
from omniroute import moments

Header = Callable[[str], str]  # the value of a header by its name in lower case; empty: not there

# The header that says when a limit is whole again, and the one that says what is left of it.
_RESETS = (
    ("x-ratelimit-reset-requests", "x-ratelimit-remaining-requests"),  # OpenAI, Groq, Venice
    ("x-ratelimit-reset-tokens", "x-ratelimit-remaining-tokens"),
    ("x-ratelimit-reset-requests-day", "x-ratelimit-remaining-requests-day"),  # Cerebras
    ("x-ratelimit-reset-tokens-minute", "x-ratelimit-remaining-tokens-minute"),
    ("anthropic-ratelimit-requests-reset", "anthropic-ratelimit-requests-remaining"),
    ("anthropic-ratelimit-tokens-reset", "anthropic-ratelimit-tokens-remaining"),
    ("anthropic-ratelimit-input-tokens-reset", "anthropic-ratelimit-input-tokens-remaining"),
    ("anthropic-ratelimit-output-tokens-reset", "anthropic-ratelimit-output-tokens-remaining"),
    ("x-ratelimit-reset", "x-ratelimit-remaining"),  # OpenRouter, Together
    ("ratelimit-reset", "ratelimit-remaining"),  # Replicate
)
# Fields of an error's body: Google's RetryInfo, and others' own.
_FIELDS = ("retryDelay", "retry_after", "resets_in_seconds", "resets_at")

_WORDS = re.compile(
    rf"(?:try again|retry|wait)(?: in| after| for)? ({moments.DURATION})", re.IGNORECASE
)

MAX_TEXT = 10_000


def retry_after(header: Header, body: bytes, now: float) -> float | None:
    """Seconds until a call may be made again, 0 or more; null where nothing says so.

    What is meant as an answer to this goes before the state of the limits, and of those the ones
    that are used up count. `now` is in Unix seconds.

    Sources: RFC 9110, section 10.2.3; headers and message texts as recorded traffic and public reports
    have them.
    """
    milliseconds = moments.number(header("retry-after-ms"))
    if milliseconds is not None:
        return moments.bounded(max(milliseconds, 0.0) / 1000)
    for told in (moments.seconds_until(header("retry-after"), now), _in_body(body, now)):
        if told is not None:
            return told
    return _reset(header, now)


def _reset(header: Header, now: float) -> float | None:
    """When what is used up is there again; where nothing says what is left, the first of all."""
    used_up, unknown = [], []
    for reset, remaining in _RESETS:
        seconds = moments.seconds_until(header(reset), now)
        left = header(remaining).strip()
        if seconds is not None and not left:
            unknown.append(seconds)
        elif seconds is not None and moments.number(left) == 0:
            used_up.append(seconds)
    used_up += ratelimit.used_up(header(ratelimit.NAME))
    return max(used_up) if used_up else min(unknown, default=None)


def _in_body(body: bytes, now: float) -> float | None:
    try:
        value = wire.loads(body)
    except ValueError:
        value = None
    for told in _told(value[0] if isinstance(value, list) and value else value, now):
        if told is not None:
            return told
    words = _WORDS.search(body[:MAX_TEXT].decode(errors="replace"))
    return moments.duration(words[1]) if words is not None else None


def _told(value: object, now: float) -> Iterator[float | None]:
    """What stands wherever an error's body could say it."""
    error = _member(value, "error")
    details = _member(error, "details")
    for place in (*(details if isinstance(details, list) else ()), error, value):
        for name in _FIELDS:
            yield moments.seconds_until(_member(place, name), now)
    # OpenRouter puts the headers that it has in mind into the body.
    headers = _member(_member(error, "metadata"), "headers")
    if isinstance(headers, dict):
        told = {name.lower(): str(value) for name, value in headers.items()}
        yield _reset(lambda name: told.get(name, ""), now)


def _member(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None
