"""What gateway processes know that alerts are about: a worker is another process."""

from msgspec import Struct

from analytics.models import GatewayProcess


class OpenBreaker(Struct, frozen=True):
    """Of a model on a connection; open, or waiting for a call that tries, since `since` (Unix
    seconds)."""

    connection: str
    model: str
    cause: str
    since: float


def breakers() -> list[OpenBreaker]:
    """Each once, since whenever any process has known of it."""
    found: dict[tuple[str, str], OpenBreaker] = {}
    for told in GatewayProcess.objects.alive().values_list("breakers", flat=True):
        for each in (OpenBreaker(**breaker) for breaker in told):
            place = each.connection, each.model
            if place not in found or each.since < found[place].since:
                found[place] = each
    return list(found.values())


def longest_journal() -> int:
    """In bytes that wait for the database, of the process where that is most."""
    waiting = GatewayProcess.objects.alive().values_list("journal_bytes", flat=True)
    return max(waiting, default=0)
