"""What a page says of background tasks: when each ran last, for how long, and how it failed.

A database that does not answer keeps no task from running.
"""

import logging
import traceback
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

ROOT = Path(__file__).parent.parent


def _at_leisure(deed: Callable[..., None]) -> Callable[..., None]:
    @wraps(deed)
    def done(**told: Any) -> None:
        from django.db import DatabaseError

        try:
            deed(**told)
        except DatabaseError as error:
            log.warning("a task's run is not noted: %s", type(error).__name__)

    return done


@_at_leisure
def begin(task: Any, **_: Any) -> None:
    from django.db.models import F
    from django.utils import timezone

    from analytics.models import TaskRun

    now = timezone.now()
    TaskRun.objects.get_or_create(name=task.name, defaults={"started": now})
    TaskRun.objects.filter(name=task.name).update(started=now, duration_ms=None, runs=F("runs") + 1)


@_at_leisure
def end(task: Any, **_: Any) -> None:
    from django.utils import timezone

    from analytics.models import TaskRun

    for row in TaskRun.objects.filter(name=task.name):
        took_ms = round((timezone.now() - row.started).total_seconds() * 1000)
        TaskRun.objects.filter(name=task.name).update(duration_ms=max(took_ms, 0))


@_at_leisure
def fail(sender: Any, exception: BaseException, **_: Any) -> None:
    from django.db.models import F
    from django.utils import timezone

    from analytics.models import TaskRun

    TaskRun.objects.filter(name=sender.name).update(
        failures=F("failures") + 1, failed=timezone.now(), error=words(exception)[:200]
    )


def words(error: BaseException) -> str:
    """What failed, and where. Not the exception's own text, which may hold anything."""
    ours = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(ROOT)
        and ".venv" not in Path(frame.filename).relative_to(ROOT).parts
    ]
    if not ours:
        return type(error).__name__
    place = Path(ours[-1].filename).relative_to(ROOT)
    return f"{type(error).__name__} in {place}, line {ours[-1].lineno}"
