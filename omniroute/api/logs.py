"""The request log and what it adds up to."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router
from pydantic import Field

from accounts import roles
from accounts.models import User
from analytics.costs import format_usd
from analytics.ids import first_id
from analytics.models import RequestRecord
from analytics.periods import cover
from analytics.tally import Sums
from analytics.usage import EVERYONE, Usage
from omniroute.api.auth import require

routes = Router()


def item(row: RequestRecord) -> dict[str, Any]:
    return {
        "id": row.id,
        "time": row.time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "key": row.key,
        "client_format": row.client_format,
        "path": row.path,
        "stream": row.stream,
        "requested_model": row.requested_model,
        "combo": row.combo or None,
        "provider": row.provider,
        "model": row.model,
        "connection": row.connection,
        "status": row.status,
        "outcome": row.outcome,
        "error": row.error or None,
        "attempts": row.attempts,
        "usage": {
            "input_tokens": row.input_tokens,
            "output_tokens": row.output_tokens,
            "cache_read_tokens": row.cache_read_tokens,
            "cache_write_tokens": row.cache_write_tokens,
            "reasoning_tokens": row.reasoning_tokens,
            "source": row.usage_source,
        }
        | ({"units": row.units} if row.units else {}),
        "cost_usd": None if row.cost_picousd is None else format_usd(row.cost_picousd),
        "first_byte_ms": row.first_byte_ms,
        "duration_ms": row.duration_ms,
        "dropped": row.dropped,
        "tags": row.tags,
        "cache": row.cache or None,
    }


def visible(request: HttpRequest) -> QuerySet[RequestRecord]:
    """A member sees their own calls; who may view the log sees all."""
    user: User = request.auth  # type: ignore[attr-defined]
    if user.role == roles.MEMBER:
        return RequestRecord.objects.filter(user=user.username)
    require(request, "analytics.view_requestrecord")
    return RequestRecord.objects.all()


def between(
    rows: QuerySet[RequestRecord], since: datetime | None, until: datetime | None
) -> QuerySet[RequestRecord]:
    if since:
        rows = rows.filter(id__gte=first_id(since.timestamp()))
    return rows.filter(id__lt=first_id(until.timestamp())) if until else rows


@routes.get("/logs")
def logs(
    request: HttpRequest,
    limit: Annotated[int, Field(ge=1, le=1000)] = 100,
    before: str = "",
    status: int | None = None,
    outcome: str = "",
    provider: str = "",
    model: str = "",
    key: str = "",
    combo: str = "",
    tag: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> dict[str, Any]:
    """Newest first; `next` is what to give as `before` for the following page."""
    rows = between(visible(request), since, until).order_by("-id")
    wanted = {"outcome": outcome, "provider": provider, "model": model, "key": key, "combo": combo}
    rows = rows.filter(**{name: value for name, value in wanted.items() if value})
    if status is not None:
        rows = rows.filter(status=status)
    if tag:  # which holds nothing that JSON would escape
        rows = rows.filter(tags__icontains=f'"{tag}"')
    if before:
        rows = rows.filter(id__lt=before)
    page = list(rows[: limit + 1])
    return {
        "items": [item(row) for row in page[:limit]],
        "next": page[limit - 1].id if len(page) > limit else None,
    }


@routes.get("/logs/{id}")
def log(request: HttpRequest, id: str) -> dict[str, Any]:
    """One call, by the `x-request-id` of its answer: also who was to be asked, and why."""
    row = get_object_or_404(visible(request), id=id)
    return item(row) | {"trace": row.trace}


@routes.get("/usage")
def usage(
    request: HttpRequest,
    group: Literal["day", "model", "key", "provider", "combo", "tag", "tier"] = "day",
    since: datetime | None = None,
    until: datetime | None = None,
) -> dict[str, Any]:
    """Sums, to the hour, also of what the log has no rows of any more. A request with several tags
    counts for each; one without any is nobody's."""
    sums = Usage(whose(request))
    first, last = moment(since) or EVER[0], moment(until) or EVER[1]
    found: dict[str, Sums]
    if group == "day":
        days = sums.daily("", first, last)
        found = {day.isoformat(): told for (day, _), told in days.items()}
    else:
        found = {name: told for (_, name), told in sums.named(cover(first, last), [group]).items()}
    return {"items": [{group: name} | _told(found[name]) for name in sorted(found)]}


EVER = datetime(2000, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)


def moment(told: datetime | None) -> datetime | None:
    """Without a zone it is of UTC."""
    return told.replace(tzinfo=UTC) if told and told.tzinfo is None else told


def whose(request: HttpRequest) -> str:
    """The user whose usage may be seen; empty: everyone's."""
    user: User = request.auth  # type: ignore[attr-defined]
    if user.role == roles.MEMBER:
        return user.username
    require(request, "analytics.view_requestrecord")
    return EVERYONE


def _told(sums: Sums) -> dict[str, Any]:
    return {
        "requests": sums.requests,
        "errors": sums.failed,
        "unpriced": sums.unpriced,
        "input_tokens": sums.input_tokens,
        "output_tokens": sums.output_tokens,
        "cache_read_tokens": sums.cache_read_tokens,
        "cache_write_tokens": sums.cache_write_tokens,
        "reasoning_tokens": sums.reasoning_tokens,
        "cost_usd": format_usd(sums.cost_picousd),
        "flat_rate_usd": format_usd(sums.flat_picousd),
        "saved_by_cache_usd": format_usd(sums.saved_picousd),
    }
