"""What runs on a clock for providers. Each is safe to run twice, and at the same time."""

from celery import shared_task
from django.utils import timezone

from providers import discovery, probes
from providers.oauth import renewal


@shared_task(ignore_result=True)
def renew_tokens() -> None:
    renewal.renew_due()


@shared_task(ignore_result=True)
def discover_models() -> None:
    """Whose turn it is; each has a task of its own, since one may keep us waiting."""
    for provider in discovery.claim_due(timezone.now()):
        discover_models_of.delay(provider)


@shared_task(ignore_result=True)
def discover_models_of(provider: int) -> None:
    discovery.discover(provider)


@shared_task(ignore_result=True)
def probe_connections() -> None:
    probes.run_due()
