"""What a failed attempt means: what the call does next, what is at fault, and for how long."""

from typing import Literal

from msgspec import Struct

Action = Literal["retry", "next_connection", "next_target", "stop"]
Scope = Literal["connection", "model"]  # a model is always one on a connection
Kind = Literal[
    "rate_limit",  # too much at once
    "credential",  # the key is refused
    "quota",  # the account is spent
    "model",  # it is not there, or not for this account
    "server",  # out of order, overloaded, out of reach, too slow
    "context_overflow",  # too long for this model
    "client",  # the request itself is wrong
]


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


class Verdict(Struct, frozen=True):
    """`cooldown_s` is a rule's, and exact (0: none); `hint_s` the provider's own, up to a cap."""

    action: Action
    kind: Kind
    scope: Scope = "connection"
    cooldown_s: float | None = None
    hint_s: float | None = None
    cause: str = ""
