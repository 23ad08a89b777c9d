"""What runs on a clock for providers. Each is safe to run twice, and at the same time."""

from celery import shared_task

from providers import probes
from providers.oauth import renewal


@shared_task(ignore_result=True)
def renew_tokens() -> None:
    renewal.renew_due()


@shared_task(ignore_result=True)
def probe_connections() -> None:
    probes.run_due()
