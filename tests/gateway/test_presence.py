"""What a process says of itself, and what becomes of one that is silent."""

from datetime import timedelta

import pytest
from django.utils import timezone

from analytics.models import GatewayProcess
from gateway.presence import FORGOTTEN, Condition, Presence

pytestmark = pytest.mark.django_db


def condition(active: int = 0) -> Condition:
    return Condition(active, False, "in memory", 12, False, {"key:laptop": (1, 2, 3)})


def test_a_process_says_how_it_is_and_takes_its_leave() -> None:
    presence = Presence(lambda: condition(active=4))
    presence.tell()
    presence.tell()
    [row] = GatewayProcess.objects.alive()
    assert (row.active, row.state, row.reserved) == (4, "in memory", {"key:laptop": [1, 2, 3]})
    presence.leave()
    assert not GatewayProcess.objects.exists()


def test_one_that_died_is_not_alive_and_then_forgotten() -> None:
    dead, other = Presence(condition), Presence(condition)
    dead.tell()
    GatewayProcess.objects.update(seen=timezone.now() - timedelta(minutes=1))
    other.tell()
    assert GatewayProcess.objects.count() == 2
    assert GatewayProcess.objects.alive().count() == 1
    GatewayProcess.objects.update(seen=timezone.now() - FORGOTTEN - timedelta(seconds=1))
    other.tell()
    assert GatewayProcess.objects.count() == 1
