"""What processes tell each other through Redis, where there is Redis: names, and telling from
anywhere.

A gateway process tells through its state. Everything else that changes the configuration (Admin's
threads, Celery, a command) does by `announce`.
"""

import logging
import threading
from typing import Any

from django.conf import settings

log = logging.getLogger(__name__)

CONFIGURATION = "configuration"
HEALTH = "health"
LOG = "log"

TIMEOUT_S = 0.25
NOBODY = b"0" * 16  # in the place of the telling process's name

_pending = threading.Lock()


def channel(url: str, name: str) -> str:
    """Channels are the same in all of a server's databases, so each has its number in the name."""
    from redis.connection import parse_url  # only who has a Redis pays for its client's memory

    options: dict[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]
    return f"omniroute:{options.get('db', 0)}:{name}"


def announce() -> None:
    """Tell every gateway process, from a thread, that the configuration has changed.

    Nobody waits for it, and nothing fails without Redis: processes also look for themselves.
    """
    # Many rows of one transaction change together; they need to be told of once.
    if settings.REDIS_URL and _pending.acquire(blocking=False):
        # No daemon: a command that ends at once still tells of what it has changed.
        threading.Thread(target=_publish, name="announce").start()


def _publish() -> None:
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    _pending.release()  # first: what changes from here on is another change
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL,
            socket_connect_timeout=TIMEOUT_S,
            socket_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        ) as client:
            client.publish(channel(settings.REDIS_URL, CONFIGURATION), NOBODY)
    except (redis.RedisError, OSError) as error:
        log.debug("a change is not announced: %s", type(error).__name__)
