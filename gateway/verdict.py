"""What a failed attempt means: what the call does next, what is at fault, and for how long.

Rules look at the words; where none speaks, the status decides.
"""

import logging
from collections.abc import Iterable, Sequence
from functools import lru_cache
from time import monotonic
from typing import Any, Literal

import regex
from msgspec import Struct

Action = Literal["retry", "next_connection", "next_target", "stop"]
Scope = Literal["connection", "model"]  # a model is always one on a connection
Kind = Literal[
    "rate_limit",  # too much at once
    "credential",  # the key is refused
    "quota",  # the account is spent
    "reserve",  # what is left of it is its owner's
    "model",  # it is not there, or not for this account
    "server",  # out of order, overloaded, out of reach, too slow
    "context_overflow",  # too long for this model
    "client",  # the request itself is wrong
]


# An operator's pattern may be one that takes for ever, and everything else waits meanwhile: so long
# for all of theirs that are searched in one message. They leave the shipped ones their own time.
PATIENCE_S = 0.05

log = logging.getLogger(__name__)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> Any:
    return regex.compile(pattern, regex.IGNORECASE | regex.DOTALL)


class Policy(Struct, frozen=True):
    """How long what has failed is left alone. Times in seconds.

    A breaker opens when the last `breaker_failures` calls have failed, all within
    `breaker_window_s`, and at least `breaker_share` of those that are remembered of that time.
    """

    breaker_failures: int = 5
    breaker_window_s: float = 60
    breaker_share: float = 0.5
    breaker_open_s: float = 30
    cooldown_first_s: float = 1
    cooldown_max_s: float = 120
    cooldown_hint_max_s: float = 3600
    cooldown_auth_s: float = 120  # of a spent account too
    model_lock_first_s: float = 60
    model_lock_max_s: float = 1200


class Rule(Struct, frozen=True):
    """What a provider's words mean. Raises `ValueError` where the pattern is none.

    Args:
        provider: The slug of the one that says so; empty: any.
        status: Of the answer; null: any, and where there is none.
        pattern: A regular expression that is searched in the message, whatever the case.
        kind, scope: Empty: as the status says.
        cooldown_s: Exactly so long (0: not at all); null: as the policy says.
        builtin: Shipped, and not an operator's own.
    """

    action: Action
    provider: str = ""
    status: int | None = None
    pattern: str = ""
    kind: Kind | Literal[""] = ""
    scope: Scope | Literal[""] = ""
    cooldown_s: float | None = None
    builtin: bool = False

    def __post_init__(self) -> None:
        try:
            _compiled(self.pattern)
        except regex.error as error:
            raise ValueError(f"pattern: {error}") from None


class Failure(Struct, frozen=True):
    """What is known of a failed attempt.

    Args:
        status: The upstream's; null where there was no answer. 401 where the credential could not
            even be read.
        hint_s: When to come back, as the provider says.
    """

    status: int | None
    message: str
    is_timeout: bool = False
    hint_s: float | None = None


class Verdict(Struct, frozen=True):
    """`cooldown_s` is a rule's, and exact (0: none); `hint_s` the provider's own, up to a cap."""

    action: Action
    kind: Kind
    scope: Scope = "connection"
    cooldown_s: float | None = None
    hint_s: float | None = None
    cause: str = ""


def arrange(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """The order in which `judge` wants them: an operator's own first, and among them and among the
    shipped ones those of a single provider first; else as they stand."""
    return tuple(sorted(rules, key=lambda rule: (rule.builtin, not rule.provider)))


def judge(rules: Sequence[Rule], provider: str, failure: Failure) -> Verdict:
    """What `failure` at `provider` (its slug) means: as the first rule says that fits it."""
    action, kind, scope = _by_status(failure)
    cooldown_s = None
    until = monotonic() + PATIENCE_S
    for rule in rules:
        if _fits(rule, provider, failure, until):
            action, cooldown_s = rule.action, rule.cooldown_s
            kind, scope = rule.kind or kind, rule.scope or scope
            break
    return Verdict(action, kind, scope, cooldown_s, failure.hint_s, _cause(failure))


def _fits(rule: Rule, provider: str, failure: Failure, until: float) -> bool:
    if rule.provider not in ("", provider) or rule.status not in (None, failure.status):
        return False
    left = PATIENCE_S if rule.builtin else max(until - monotonic(), 0)
    return not rule.pattern or _is_in(rule.pattern, failure.message, left)


def _is_in(pattern: str, message: str, timeout_s: float) -> bool:
    """Is it found within that time?"""
    try:
        return _compiled(pattern).search(message, timeout=timeout_s) is not None
    except TimeoutError:
        log.warning("the error rule %r has no time left for a message, and fits none", pattern)
        return False


def _by_status(failure: Failure) -> tuple[Action, Kind, Scope]:
    if failure.is_timeout:
        return "next_connection", "server", "model"
    match failure.status:
        case 429:
            return "next_connection", "rate_limit", "connection"
        case 401 | 403:
            return "next_connection", "credential", "connection"
        case 402:
            return "next_connection", "quota", "connection"
        case 404 | 410:
            return "next_connection", "model", "model"
        case 400 | 413 | 422:
            return "stop", "client", "model"
    # No answer, 408, 409, 5xx, nonsense in a 200, and statuses that nobody has heard of.
    return "next_connection", "server", "model"


def _cause(failure: Failure) -> str:
    """As a page shows it."""
    return f"{failure.status}: {failure.message}" if failure.status else failure.message
