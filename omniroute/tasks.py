"""What runs on a clock and joins rooms. Each is safe to run twice."""

from celery import shared_task
from django.utils import timezone

from accounts.models import GatewaySettings
from analytics import partitions, rollups, stored
from analytics.alerts import incidents
from analytics.models import Heartbeat
from analytics.retention import delete_bodies, delete_older
from omniroute import conditions
from providers import quotas


@shared_task(ignore_result=True)
def beat() -> None:
    """Say that beat and worker live: this ran only because both do."""
    Heartbeat.objects.update_or_create(name="worker", defaults={"time": timezone.now()})


@shared_task(ignore_result=True)
def roll_up() -> None:
    """Add what the log has got to its sums."""
    rollups.roll_up(timezone.now())


@shared_task(ignore_result=True)
def delete_expired() -> None:
    settings, now = GatewaySettings.load(), timezone.now()
    partitions.prepare(now)
    rollups.prune(now)
    delete_older(now, settings.retention_days)
    delete_bodies(now, settings.bodies_days)
    stored.delete_older(now, settings.stored_responses_days)
    quotas.forget(now)
    incidents.forget(now)


@shared_task(ignore_result=True)
def look_for_trouble() -> None:
    """Open and close incidents by what is wrong now."""
    now = timezone.now()
    incidents.follow(conditions.found(now), now)
