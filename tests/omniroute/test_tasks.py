"""What runs on a clock does its deed, and does no harm when it runs twice."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.models import GatewaySettings
from analytics.models import Heartbeat, RequestRecord, TaskRun
from omniroute import task_runs, tasks
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


@pytest.mark.django_db
def test_a_page_says_how_a_task_did() -> None:
    task = app.tasks["omniroute.tasks.beat"]
    task_runs.begin(task=task)
    row = TaskRun.objects.get()
    assert (row.name, row.runs, row.duration_ms) == ("omniroute.tasks.beat", 1, None)
    task_runs.end(task=task)
    task_runs.begin(task=task)
    task_runs.end(task=task)
    row.refresh_from_db()
    assert (row.runs, row.failures) == (2, 0)
    assert row.duration_ms is not None


@pytest.mark.django_db
def test_a_failure_says_where_and_nothing_of_what_was_there() -> None:
    task = app.tasks["omniroute.tasks.beat"]
    task_runs.begin(task=task)
    try:
        raise ValueError("sk-secret")
    except ValueError as error:
        task_runs.fail(sender=task, exception=error)
    row = TaskRun.objects.get()
    assert row.failures == 1
    assert row.failed is not None
    assert row.error.startswith("ValueError in tests/omniroute/test_tasks.py, line ")


def test_a_real_worker_notes_its_runs(transactional_db: None) -> None:
    tasks.beat.apply()  # with the signals of a worker
    assert TaskRun.objects.get(name="omniroute.tasks.beat").runs == 1


def test_every_queue_is_served_by_a_plain_worker() -> None:
    named = {queue.name for queue in app.conf.task_queues}
    routed = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}
    assert routed | {settings.CELERY_TASK_DEFAULT_QUEUE} == named


@pytest.mark.parametrize("name", sorted(settings.CELERY_BEAT_SCHEDULE))
def test_the_schedule_names_tasks_that_there_are(name: str) -> None:
    app.loader.import_default_modules()
    assert settings.CELERY_BEAT_SCHEDULE[name]["task"] in app.tasks


@pytest.mark.parametrize("name", sorted(settings.CELERY_BEAT_SCHEDULE))
def test_who_was_away_finds_one_turn_of_each(name: str) -> None:
    turn: Any = settings.CELERY_BEAT_SCHEDULE[name]
    assert turn["options"]["expires"] <= turn["schedule"]
