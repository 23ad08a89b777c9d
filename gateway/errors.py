"""What can go wrong in a call, as one tree; each format has its own words for it.

GatewayError
├── BadRequest                400, names the field
│   ├── NotSupported          400, a field whose loss would change the meaning
│   │   └── NotFetched        400, a file given by URL that could not be had
│   └── IdempotencyMismatch   422, another request under the same Idempotency-Key
├── BadHost                   400
├── KeyRejected               401
├── BudgetSpent               402
├── NotAllowed                403
├── NotFound                  404, an address that does not exist
│   └── ModelNotFound         404, with the closest names
├── MethodNotAllowed          405
├── RequestTimeout            408, the body came too slowly
├── Conflict                  409
│   ├── IdempotencyInProgress 409, the first request with the key has no answer yet
│   └── AnswerNotKept         409, it had one, which was too large to be kept
├── TooLarge                  413
├── UnsupportedEncoding       415, the body is compressed
├── UpgradeRequired           426, to a client that wants a WebSocket
├── RateLimited               429
├── Unavailable               503, nothing could be tried
│   └── StorageUnavailable    503, the journal cannot be written
└── UpstreamFailed            502, one attempt or, at the end, all of them
    ├── UpstreamRefused       the upstream's own status: 400, 413 and 422 are the client's
    ├── CredentialFailed      the account's credential cannot be read
    └── UpstreamTimeout       504
"""

from typing import Any

# Statuses by which an upstream says that the request itself is wrong: no other target would
# answer differently, so the client gets them as they are.
CLIENT_FAULTS = frozenset({400, 413, 422})
DEFAULT_RETRY_AFTER_S = 5.0


class GatewayError(Exception):
    """Anything that ends a call without an answer. The message is shown to the client."""

    status = 500

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        retry_after_s: float | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.param = param  # the request field at fault, where there is one
        self.retry_after_s = retry_after_s
        self.details = details or {}  # further members of the error body

    @property
    def come_back_s(self) -> float | None:
        """When to try again, told with every 429 and 503: some clients do not without it."""
        if self.retry_after_s is None and self.status in {429, 503}:
            return DEFAULT_RETRY_AFTER_S
        return self.retry_after_s


class BadRequest(GatewayError):
    status = 400


class NotSupported(BadRequest):
    """Dropping this would change what was asked for."""


class NotFetched(NotSupported):
    """A file that this target wants the bytes of could not be had; another may take its URL."""


class IdempotencyMismatch(BadRequest):
    """The key was used for another request: which of the two is meant, nobody knows."""

    status = 422


class BadHost(GatewayError):
    status = 400


class KeyRejected(GatewayError):
    status = 401


class BudgetSpent(GatewayError):
    status = 402


class NotAllowed(GatewayError):
    status = 403


class NotFound(GatewayError):
    status = 404


class ModelNotFound(NotFound):
    pass


class MethodNotAllowed(GatewayError):
    status = 405


class RequestTimeout(GatewayError):
    status = 408


class Conflict(GatewayError):
    status = 409


class IdempotencyInProgress(Conflict):
    """The first request with the same key runs still."""


class AnswerNotKept(Conflict):
    """The request was answered, and must not be done again to have the answer again."""


class TooLarge(GatewayError):
    status = 413


class UnsupportedEncoding(GatewayError):
    status = 415


class UpgradeRequired(GatewayError):
    status = 426


class RateLimited(GatewayError):
    """`limit` is what ran out: `requests`, `tokens` or `concurrency`."""

    status = 429

    def __init__(self, message: str, *, retry_after_s: float, limit: str = "requests") -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.limit = limit
        self.rooms: dict[str, Any] = {}  # what is left of the key's limits, for the headers


class Unavailable(GatewayError):
    status = 503


class StorageUnavailable(Unavailable):
    pass


class UpstreamFailed(GatewayError):
    """An attempt failed. `upstream_status` is null where no status line was received."""

    status = 502

    def __init__(
        self,
        message: str,
        *,
        upstream_status: int | None = None,
        retry_after_s: float | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message, retry_after_s=retry_after_s, details=details)
        self.upstream_status = upstream_status


class UpstreamRefused(UpstreamFailed):
    """The upstream answered with an error status.

    `body` is its JSON as received, in `format`, for a client that speaks the same. Where
    `is_clients_fault`, no other target is tried and the client sees the status.
    """

    def __init__(
        self,
        message: str,
        *,
        upstream_status: int,
        body: bytes = b"",
        format: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, upstream_status=upstream_status, retry_after_s=retry_after_s)
        self.body, self.format = body, format
        if self.is_clients_fault:
            self.status = upstream_status

    @property
    def is_clients_fault(self) -> bool:
        return self.upstream_status in CLIENT_FAULTS


class CredentialFailed(UpstreamFailed):
    """Nobody was asked."""


class UpstreamTimeout(UpstreamFailed):
    status = 504
