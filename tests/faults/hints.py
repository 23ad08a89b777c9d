"""How providers say, with a 429, when to come back: headers and bodies as their documentation has them.

Source: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3,
https://platform.openai.com/docs/guides/rate-limits, https://openrouter.ai/docs/api-reference/limits,
https://docs.anthropic.com/en/api/rate-limits, https://cloud.google.com/apis/design/errors
(read 2026-11)
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from tests.matrix.scenarios import JSONDict

REFUSED = "Too many requests"


@dataclass(frozen=True)
class Hint:
    """`headers` are made of the present time; `details` are Google's; `seconds` is what is meant.
    `of_model`: its words name a limit of the model, not of the account."""

    id: str
    about: str
    seconds: float
    upstream: str = "openai_chat"
    headers: Callable[[datetime], dict[str, str]] = lambda now: {}
    message: str = REFUSED
    details: list[JSONDict] = field(default_factory=list)
    of_model: bool = False


def _limits(prefix: str, **told: str) -> Callable[[datetime], dict[str, str]]:
    names = {name.replace("_", "-"): value for name, value in told.items()}
    return lambda now: {f"{prefix}-{name}": value for name, value in names.items()}


def _date(now: datetime, seconds: float) -> str:
    return format_datetime(now + timedelta(seconds=seconds), usegmt=True)


def _rfc3339(now: datetime, seconds: float) -> str:
    return (now + timedelta(seconds=seconds)).isoformat(timespec="seconds").replace("+00:00", "Z")


def _anthropic(now: datetime) -> dict[str, str]:
    """The output's tokens are spent, of the rest there is plenty."""
    return {
        "anthropic-ratelimit-requests-limit": "1000",
        "anthropic-ratelimit-requests-remaining": "990",
        "anthropic-ratelimit-requests-reset": _rfc3339(now, 1),
        "anthropic-ratelimit-output-tokens-limit": "8000",
        "anthropic-ratelimit-output-tokens-remaining": "0",
        "anthropic-ratelimit-output-tokens-reset": _rfc3339(now, 40),
    }


_RETRY_INFO: list[JSONDict] = [
    {
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        "violations": [{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel"}],
    },
    {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "17s"},
]

HINTS = (
    Hint("retry-after", "`retry-after: 11`", 11, headers=lambda now: {"retry-after": "11"}),
    Hint(
        "retry-after-date", "`retry-after` with a date", 30,
        headers=lambda now: {"retry-after": _date(now, 30)},
    ),
    Hint(
        "retry-after-ms", "`retry-after-ms: 8500`", 8.5,
        headers=lambda now: {"retry-after-ms": "8500"},
    ),
    Hint(
        "reset-requests", "`x-ratelimit-reset-requests: 20s`, none remaining", 20,
        headers=_limits(
            "x-ratelimit",
            remaining_requests="0", reset_requests="20s",
            remaining_tokens="149000", reset_tokens="6ms",
        ),
    ),
    Hint(
        "reset-tokens", "`x-ratelimit-reset-tokens: 1m30.5s`, none remaining", 90.5,
        headers=_limits(
            "x-ratelimit",
            remaining_requests="59", reset_requests="1s",
            remaining_tokens="0", reset_tokens="1m30.5s",
        ),
    ),
    Hint(
        "reset-epoch", "`x-ratelimit-reset` in milliseconds since 1970", 25,
        headers=lambda now: {
            "x-ratelimit-remaining": "0",
            "x-ratelimit-reset": f"{(now.timestamp() + 25) * 1000:.0f}",
        },
    ),
    Hint(
        "anthropic-reset", "`anthropic-ratelimit-output-tokens-reset`, none remaining", 40,
        upstream="anthropic_messages", headers=_anthropic,
    ),
    Hint(
        "retry-info", "Google's `RetryInfo` in the error's details", 17, upstream="gemini",
        details=_RETRY_INFO,
    ),
    Hint(
        "message", "“Please try again in 20s.” in the message", 20,
        message=f"{REFUSED}: Rate limit reached for m on requests per min (RPM): Limit 3, Used 3, "
        "Requested 1. Please try again in 20s.",
        of_model=True,
    ),
)  # fmt: skip


def is_told(hint: Hint, told: str) -> bool:
    """Is `told`, a `retry-after` of ours in whole seconds, what the provider asked for?

    Two seconds may have passed since, and ours is rounded up.
    """
    return told.isdigit() and hint.seconds - 2 <= int(told) <= hint.seconds + 1


def now() -> datetime:
    return datetime.now(UTC)
