"""The Celery application: `celery -A omniroute worker`, `celery -A omniroute beat`."""

import os

from celery import Celery, signals
from django.conf import settings
from kombu import Queue

from omniroute import task_runs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "omniroute.settings")

signals.task_prerun.connect(task_runs.begin)
signals.task_failure.connect(task_runs.fail)
signals.task_postrun.connect(task_runs.end)

app = Celery("omniroute")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.task_queues = [Queue(name) for name in settings.TASK_QUEUES]
app.autodiscover_tasks()
