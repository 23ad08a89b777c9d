"""When to come back: every way in which a provider ever says it, and whatever else it may say."""

from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway import hints
from omniroute import moments

NOW = 1_795_608_000.0  # 2026-11-25T12:00:00Z


@dataclass(frozen=True)
class Case:
    id: str
    expect: float | None
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = b""


def google(delay: str) -> dict[str, Any]:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}
    return {"error": {"code": 429, "message": "slow down", "details": [{"links": []}, info]}}


def said(message: str) -> dict[str, Any]:
    return {"error": {"message": message}}


def openrouter(**headers: str) -> dict[str, Any]:
    named = {"X-RateLimit-" + name: value for name, value in headers.items()}
    return {"error": {"message": "slow down", "code": 429, "metadata": {"headers": named}}}


CASES = [
    Case("nothing is said", None),
    Case("seconds", 7, {"retry-after": "7"}),
    Case("part of a second", 0.5, {"retry-after": "0.5"}),
    Case("at once", 0, {"retry-after": "0"}),
    Case("before now is now", 0, {"retry-after": "-3"}),
    Case("a date", 60, {"retry-after": "Wed, 25 Nov 2026 12:01:00 GMT"}),
    Case("a date that is past", 0, {"retry-after": "Wed, 25 Nov 2026 11:00:00 GMT"}),
    Case("nonsense", None, {"retry-after": "soon"}),
    Case("no number", None, {"retry-after": "nan"}),
    Case("no end", None, {"retry-after": "inf"}),
    Case("as good as for ever", None, {"retry-after": "1e18"}),
    Case("as good as for ever, in milliseconds", None, {"retry-after-ms": "1e18"}),
    Case("a date that no calendar has", None, {"retry-after": "Wed, 99 Nov 99999 12:01:00 GMT"}),
    Case("milliseconds are the finer of two", 1.25, {"retry-after-ms": "1250", "retry-after": "2"}),
    Case("milliseconds that are nonsense do not count", 2, {"retry-after-ms": "x", "retry-after": "2"}),
    Case("OpenAI: of two limits the one that is used up", 360, {
        "x-ratelimit-reset-requests": "120ms", "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-tokens": "6m0s", "x-ratelimit-remaining-tokens": "0",
    }),
    Case("of two that are used up the later one", 90, {
        "x-ratelimit-reset-requests": "1m30s", "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-tokens": "2.5s", "x-ratelimit-remaining-tokens": "0",
    }),
    Case("where none is used up they say nothing", None, {
        "x-ratelimit-reset-requests": "120ms", "x-ratelimit-remaining-requests": "59",
    }),
    Case("where nobody says what is left, the first of them", 1, {
        "x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "2m",
    }),
    Case("Groq: hours, minutes and parts of a second", 3600 + 120 + 3.5, {
        "x-ratelimit-reset-requests": "1h2m3.5s", "x-ratelimit-remaining-requests": "0",
    }),
    Case("Cerebras: plain seconds, by the day", 33011.38, {
        "x-ratelimit-reset-requests-day": "33011.38", "x-ratelimit-remaining-requests-day": "0",
    }),
    Case("Anthropic: RFC 3339", 30, {
        "anthropic-ratelimit-input-tokens-reset": "2026-11-25T12:00:30Z",
        "anthropic-ratelimit-input-tokens-remaining": "0",
        "anthropic-ratelimit-requests-reset": "2026-11-25T12:09:00Z",
        "anthropic-ratelimit-requests-remaining": "49",
    }),
    Case("RFC 3339 in another zone", 30, {"ratelimit-reset": "2026-11-25T13:00:30+01:00"}),
    Case("a time without a zone is UTC", 30, {"ratelimit-reset": "2026-11-25T12:00:30"}),
    Case("Unix seconds", 45, {"x-ratelimit-reset": "1795608045"}),
    Case("Unix milliseconds", 45.5, {"x-ratelimit-reset": "1795608045500"}),
    Case("Unix seconds that are past", 0, {"x-ratelimit-reset": "1795600000"}),
    Case("IETF's draft", 55, {"ratelimit": '"api";r=0;t=55'}),
    Case("IETF's draft: of two limits the one that is used up", 9, {"ratelimit": '"a";r=4;t=55, "b";r=0;t=9'}),
    Case("IETF's draft, not used up", None, {"ratelimit": '"api";r=10;t=55'}),
    Case("retry-after goes before the limits", 3, {"retry-after": "3", "x-ratelimit-reset": "9"}),
    Case("and before the body", 3, {"retry-after": "3"}, google("9s")),
    Case("the body goes before the limits", 9, {"x-ratelimit-reset": "50"}, google("9s")),
    Case("Google: RetryInfo", 12.5, {}, google("12.5s")),
    Case("Google: in an array, as it wraps its streams' errors", 12, {}, [google("12s")]),
    Case("Google: a delay that is none", None, {}, google("-")),
    Case("Google: a delay below 0", None, {}, google("-3s")),
    Case("Google: details that are nonsense", None, {}, {"error": {"details": [None, 5, {"retryDelay": "nans"}]}}),
    Case("an error that is a text", 5, {}, {"error": "retry in 5s"}),
    Case("Google: in the message only", 20.04466179, {}, said("Quota exceeded.\nPlease retry in 20.04466179s.")),
    Case("OpenAI: in the message", 0.12, {}, said("Limit 60, Used 60. Please try again in 120ms. Visit …")),
    Case("Groq: in the message", 432.48, {}, said("Please try again in 7m12.48s. Need more? …")),
    Case("Azure: in the message", 6, {}, said("Please retry after 6 seconds.")),
    Case("in words", 3660, {}, said("try again in 1 hour, 1 minute")),
    Case("in a body that is no JSON", 30, {}, b"<p>Busy. Try again in 30 seconds.</p>"),
    Case("months are no milliseconds", None, {}, said("try again in 3 months")),
    Case("far behind in a long message", None, {}, said("x" * hints.MAX_TEXT + "retry in 5s")),
    Case("ChatGPT: seconds in a field", 7200, {}, {"error": {"type": "usage_limit_reached", "resets_in_seconds": 7200}}),
    Case("a moment in a field", 90, {}, {"error": {"resets_at": NOW + 90}}),
    Case("a field beside the error", 1.5, {}, {"message": "slow down", "retry_after": 1.5}),
    Case("true is no second", None, {}, {"retry_after": True}),
    Case("OpenRouter: headers in the body", 45, {}, openrouter(Limit="1", Remaining="0", Reset="1795608045000")),
    Case("a number as long as a page", None, {}, b'{"retry_after": 1' + b"0" * 400 + b"}"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_when_to_come_back(case: Case) -> None:
    body = case.body if isinstance(case.body, bytes) else msgspec.json.encode(case.body)
    told = hints.retry_after(lambda name: case.headers.get(name, ""), body, NOW)
    assert told == (None if case.expect is None else pytest.approx(case.expect, abs=1e-4))


NAMES = ["retry-after", "retry-after-ms", "ratelimit", *(name for pair in hints._RESETS for name in pair)]  # fmt: skip
TEXT = st.text() | st.from_regex(r"[-+0-9smhdTZ:., eE]{0,30}", fullmatch=True)
HEADERS = st.dictionaries(st.sampled_from(NAMES), TEXT | st.floats().map(str))
FIELDS = st.sampled_from([*hints._FIELDS, "error", "details", "metadata", "headers", "message"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(FIELDS | st.just("Retry-After"), inner),
)


def is_sound(told: float | None) -> bool:
    return told is None or 0 <= told <= moments.LONGEST_S


@given(headers=HEADERS, body=JSON.map(msgspec.json.encode) | st.binary())
@example(headers={"retry-after": "Sun, 01 Jan 0000 00:00:00 +9999999"}, body=b"")
@example(headers={"retry-after": "0001-01-01T00:00:00+23:59"}, body=b"")
def test_whatever_is_said_the_answer_is_none_or_a_time_to_come(
    headers: dict[str, str], body: bytes
) -> None:
    assert is_sound(hints.retry_after(lambda name: headers.get(name, ""), body, NOW))


@given(st.text(alphabet="0123456789.smh ,tryagin", max_size=200))
def test_no_words_mislead(words: str) -> None:
    body = ("try again in " + words).encode() * 50
    assert is_sound(hints.retry_after(lambda name: "", body, NOW))
