"""`/readyz`: whether this process can do its work, each part named."""

from datetime import timedelta

from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import GatewaySettings
from analytics.models import Heartbeat
from gateway import runtime

WORKER_SILENCE = timedelta(seconds=60)


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 where calls can be answered and accounted for. A silent worker delays only chores."""
    parts = {"database": database(), "state": state(), "journal": journal()}
    ready = all(words == "ok" or words.startswith("ok,") for words in parts.values())
    process = runtime.current()
    if process is not None and process.draining:
        ready, parts["process"] = False, "draining"
    status = {"status": "ready" if ready else "not ready", **parts, "worker": worker()}
    return JsonResponse(status, status=200 if ready else 503)


def database() -> str:
    try:
        GatewaySettings.objects.get(pk=1)
    except (DatabaseError, GatewaySettings.DoesNotExist) as error:
        return f"not available: {type(error).__name__}"
    return "ok"


def state() -> str:
    """Ready also while Redis is away: calls are answered, by this process's share."""
    process = runtime.current()
    if process is None:
        return "not available: this process serves nothing"
    return f"ok, {process.state.words}"


def journal() -> str:
    process = runtime.current()
    if process is None:
        return "not available: this process serves nothing"
    if process.journal.failing:
        return f"waits for the database: {process.journal.backlog_bytes} bytes"
    return "ok"


def worker() -> str:
    try:
        seen = Heartbeat.objects.filter(name="worker").first()
    except DatabaseError:
        return "unknown"
    if seen is None:
        return "never seen"
    silent = timezone.now() - seen.time
    return "ok" if silent < WORKER_SILENCE else f"silent for {round(silent.total_seconds())} s"
