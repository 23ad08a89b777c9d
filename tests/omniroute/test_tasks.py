"""What runs on a clock does its deed, and does no harm when it runs twice."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.models import GatewaySettings
from analytics.models import Heartbeat, RequestRecord
from omniroute import tasks
from omniroute.celery import app
from tests.analytics.rows import log


@pytest.mark.django_db
def test_the_worker_says_that_it_lives() -> None:
    began = timezone.now()
    tasks.beat()
    first = Heartbeat.objects.get(name="worker").time
    assert began <= first <= timezone.now()
    tasks.beat()
    assert Heartbeat.objects.get(name="worker").time > first


@pytest.mark.django_db
def test_as_many_days_are_kept_as_the_settings_say() -> None:
    held = GatewaySettings.load()
    held.retention_days = 3
    held.save()
    log(timezone.now() - timedelta(days=4))
    kept = log(timezone.now() - timedelta(days=2))
    tasks.delete_expired()
    tasks.delete_expired()
    assert list(RequestRecord.objects.values_list("id", flat=True)) == [kept]


@pytest.mark.parametrize("name", sorted(settings.CELERY_BEAT_SCHEDULE))
def test_the_schedule_names_tasks_that_there_are(name: str) -> None:
    app.loader.import_default_modules()
    assert settings.CELERY_BEAT_SCHEDULE[name]["task"] in app.tasks
