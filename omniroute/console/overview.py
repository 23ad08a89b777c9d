"""The overview: what was asked for, what it cost, and how fast the answers were."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from analytics import spread
from analytics.costs import PICO, format_usd
from analytics.models import DailyUsage, RequestRecord
from analytics.overview import (
    MEASURES,
    PERCENTS,
    STACKS,
    Bar,
    Overview,
    Percentiles,
    overview,
    percentiles,
)
from analytics.tally import Sums
from omniroute.console import first_call
from omniroute.console.access import allowed, usage_of, user_of
from omniroute.console.exports import to_csv
from omniroute.console.range_form import RangeForm
from omniroute.console.readable import visible

WEEKDAYS = (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))
LEVELS = 5  # of a heatmap's colours
TITLES = {
    "provider": _("Providers"),
    "model": _("Models"),
    "key": _("Keys"),
    "combo": _("Combos"),
    "tag": _("Tags"),
}
# Which of the percentiles the page tells, and its files.
TIMES = [
    *((measure, percent) for measure in ("duration_ms", "first_byte_ms") for percent in PERCENTS),
    ("tokens_per_s", 50),
]
COLUMNS = (
    "what", "start", "name", "requests", "errors", "unpriced", "input_tokens", "output_tokens",
    "cost_usd", "flat_rate_usd", "saved_by_cache_usd", *(f"{name}_p{at}" for name, at in TIMES),
)  # fmt: skip


@require_safe
@allowed()
def page(request: HttpRequest) -> HttpResponse:
    form = _form(request)
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        seen = _look(request, form)
        context |= {
            "seen": seen,
            "charts": charts(seen, form.cleaned_data["measure"]),
            "tops": tops(seen),
            "heatmap": heatmap(seen.heatmap),
            "saved": seen.total.saved_picousd + seen.total.flat_picousd,
            "chart_title": form.chart_title,
            "exports": urlencode(form.told()),
            "is_new": not seen.total.requests and not _has_any(),
            "curl": first_call.curl(),
        }
    return render(request, "overview/page.html", context)


@require_safe
@allowed()
def export(request: HttpRequest, kind: str) -> HttpResponse:
    """What the page shows, as a file; the address has the page's own parameters."""
    form = _form(request)
    if not form.is_valid():
        return JsonResponse({"error": form.errors}, status=400)
    seen = _look(request, form)
    answer: HttpResponse
    if kind == "csv":
        text = to_csv(COLUMNS, exported(seen))
        answer = HttpResponse(text, content_type="text/csv; charset=utf-8")
    else:
        told = [dict(zip(COLUMNS, row, strict=True)) for row in exported(seen)]
        answer = JsonResponse({"items": told})
    answer["Content-Disposition"] = f'attachment; filename="overview.{kind}"'
    return answer


def _form(request: HttpRequest) -> RangeForm:
    return RangeForm(request.GET, zone=request.COOKIES.get("zone", ""), now=timezone.now())


def _look(request: HttpRequest, form: RangeForm) -> Overview:
    told = form.cleaned_data
    user = usage_of(user_of(request))
    return overview(form.period, user=user, stack=told["stack"], measure=told["measure"])


def _has_any() -> bool:
    return RequestRecord.objects.exists() or DailyUsage.objects.exists()


def charts(seen: Overview, measure: str) -> dict[str, Any]:
    """For the page's script: what the charts draw. Money is in USD here, for the eye only."""
    size, unit = MEASURES[measure], 10**PICO if measure == "cost" else 1
    stacks: list[dict[str, Any]] = [
        {"label": visible(name), "data": [size(sums) / unit for sums in row]}
        for name, row in seen.stacks.items()
    ]
    if seen.rest is not None and any(map(size, seen.rest)):
        rest = [size(sums) / unit for sums in seen.rest]
        stacks.append({"label": str(_("others")), "data": rest, "rest": True})
    return {
        "measure": measure,
        "bars": list(seen.bars),
        "stacks": stacks,
        "times": [
            {"label": label, "data": [_seconds(bar, place, at) for bar in seen.bars.values()]}
            for label, place, at in (
                (str(_("answer, median")), 0, 50),
                (str(_("answer, 95%")), 0, 95),
                (str(_("first token, median")), 1, 50),
                (str(_("first token, 95%")), 1, 95),
            )
        ],
    }


def _seconds(bar: Bar, place: int, at: int) -> float | None:
    ms = spread.percentile(bar.spreads[place], at)
    return None if ms is None else round(ms / 1000, 3)


def tops(seen: Overview) -> list[dict[str, Any]]:
    """The tables, each row with the address of its requests in the log."""
    span = {"since": _moment(seen.period.since), "until": _moment(seen.period.until)}
    logs = reverse("logs")
    return [
        {
            "title": TITLES[stack],
            "rows": [
                {
                    "name": row.name,
                    "sums": row.sums,
                    "logs": f"{logs}?{urlencode({stack: row.name} | span)}",
                }
                for row in seen.top[stack]
            ],
        }
        for stack in STACKS
    ]


def heatmap(hours: list[list[int]]) -> list[dict[str, Any]]:
    """By weekday; a level is a fifth of the busiest hour, and 0 is nothing."""
    most = max(map(max, hours)) or 1
    return [
        {
            "day": day,
            "hours": [
                {"hour": hour, "requests": count, "level": -(-count * LEVELS // most)}
                for hour, count in enumerate(row)
            ],
        }
        for day, row in zip(WEEKDAYS, hours, strict=True)
    ]


def exported(seen: Overview) -> Iterator[tuple[Any, ...]]:
    """The totals, the bars of the charts, the hours of the week, and the tables."""
    yield _row("total", _moment(seen.period.since), "", seen.total, seen.percentiles)
    yield _row("before", _moment(seen.period.before.since), "", seen.before)
    for place, (start, bar) in enumerate(seen.bars.items()):
        yield _row("bar", start, "", bar.sums, percentiles(bar.spreads))
        for name, row in seen.stacks.items():
            yield _row("bar", start, name, row[place])
    for day, hours in zip(WEEKDAYS, seen.heatmap, strict=True):
        for hour, requests in enumerate(hours):
            told = ("hour", "", f"{day} {hour:02}:00", requests)
            yield told + ("",) * (len(COLUMNS) - len(told))
    for stack in STACKS:
        for named in seen.top[stack]:
            yield _row(stack, _moment(seen.period.since), named.name, named.sums)


def _row(
    what: str, start: str, name: str, sums: Sums, times: Percentiles | None = None
) -> tuple[Any, ...]:
    money = (sums.billed_picousd, sums.flat_picousd, sums.saved_picousd)
    return (
        what, start, name, sums.requests, sums.failed, sums.unpriced, sums.input_tokens,
        sums.output_tokens, *map(format_usd, money), *_times(times),
    )  # fmt: skip


def _times(measured: Percentiles | None) -> Iterator[Any]:
    """Empty where nothing was measured, or is told of it."""
    for name, at in TIMES:
        value = measured[name][at] if measured else None
        yield "" if value is None else round(value, 1)


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="minutes").replace("+00:00", "Z")
