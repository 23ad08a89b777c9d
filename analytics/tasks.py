from celery import shared_task

from analytics.alerts import delivery


@shared_task(ignore_result=True)
def deliver_alerts() -> None:
    """Send what waits to be told."""
    delivery.deliver_due()
