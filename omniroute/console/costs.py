"""Limits and costs: what is left of budgets and accounts, what a month cost, and would have cost."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import F, Q
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from analytics import months, whatif
from analytics.costs import PICO, Prices, format_usd
from analytics.months import Month
from analytics.tally import Sums
from analytics.whatif import Compared
from gateway import prices
from omniroute.console.access import allowed, usage_of, user_of
from omniroute.console.budgets import standings
from omniroute.console.exports import to_csv
from omniroute.console.readable import visible
from providers import quotas
from providers.models import ProviderModel, Quota

BUDGETS = 50  # a page
LISTED = 50  # names in a table, and accounts
OFFERED = 500  # models to choose from; any may be written
COLUMNS = (
    "what", "day", "name", "requests", "unpriced", "input_tokens", "output_tokens", "cost_usd",
    "flat_rate_usd", "other_least_usd", "other_most_usd",
)  # fmt: skip


class CostsForm(forms.Form):
    """What is not told is this month by model. Valid, it has `first` and, of another model, `prices`."""

    month = forms.CharField(
        label=gettext_lazy("Month (UTC)"),
        max_length=20,
        widget=forms.TextInput({"type": "month", "placeholder": "2026-11"}),
    )
    by = forms.ChoiceField(
        label=gettext_lazy("By"),
        choices=list(zip(months.BY, map(gettext_lazy, ("Provider", "Model", "Key")), strict=True)),
    )
    other = forms.CharField(
        label=gettext_lazy("What if it had been"),
        required=False,
        max_length=250,
        widget=forms.TextInput({"list": "models", "placeholder": "openai/gpt-5-mini"}),
    )

    def __init__(self, told: QueryDict, *, today: date) -> None:
        super().__init__({"month": f"{today:%Y-%m}", "by": "model"} | told.dict(), label_suffix="")
        self.prices: Prices | None = None

    @property
    def first(self) -> date:
        return self.cleaned_data["month"]  # type: ignore[no-any-return]

    @property
    def query(self) -> str:
        told = {name: str(self.data[name]) for name in self.fields if self.data.get(name)}
        return urlencode(told)

    def clean_month(self) -> date:
        try:
            first = datetime.strptime(self.cleaned_data["month"], "%Y-%m").date()
            months.following(first)  # there is none after the last of the year 9999
        except (ValueError, OverflowError):
            raise ValidationError(_("A month is written as 2026-11.")) from None
        return first

    def clean_other(self) -> str:
        name: str = self.cleaned_data["other"].strip()
        if name:
            self.prices = _prices_of(name)
        return name


def _prices_of(name: str) -> Prices:
    """Raises `ValidationError`."""
    alias, _slash, model = name.partition("/")
    rows = ProviderModel.objects.filter(provider__alias=alias, name=model)
    row = rows.select_related("provider").first()
    if row is None:
        raise ValidationError(_("There is no such model. It is written as alias/model."))
    try:
        told = prices.of(row)
    except ValueError:
        told = None
    if told is None:
        raise ValidationError(_("This model has no price for tokens."))
    return told


@require_safe
@allowed()
def page(request: HttpRequest) -> HttpResponse:
    user, form = user_of(request), _form(request)
    whose = usage_of(user)
    budgets = Paginator(standings(user), BUDGETS).get_page(request.GET.get("page", "1"))
    sees_accounts = user.has_perm("providers.view_connection")
    context: dict[str, Any] = {
        "form": form,
        "budgets": budgets,
        "sees_accounts": sees_accounts,
        "accounts": _accounts() if sees_accounts else [],
        "models": _offered(),
    }
    if form.is_valid():
        month = months.month(form.first, form.cleaned_data["by"], whose)
        context |= {
            "month": month,
            "listed": month.names[:LISTED],
            "unlisted": len(month.names[LISTED:]),
            "days": list(_days(month)),
            "chart": chart(month),
            "exports": form.query,
            **_what_if(form, whose),
        }
    return render(request, "costs/page.html", context)


@require_safe
@allowed()
def export(request: HttpRequest, kind: str) -> HttpResponse:
    """The month by day and name, as a file; the address has the page's own parameters."""
    form = _form(request)
    if not form.is_valid():
        return JsonResponse({"error": form.errors}, status=400)
    rows = exported(form, usage_of(user_of(request)))
    answer: HttpResponse
    if kind == "csv":
        answer = HttpResponse(to_csv(COLUMNS, rows), content_type="text/csv; charset=utf-8")
    else:
        answer = JsonResponse({"items": [dict(zip(COLUMNS, row, strict=True)) for row in rows]})
    answer["Content-Disposition"] = f'attachment; filename="costs-{form.first:%Y-%m}.{kind}"'
    return answer


def _form(request: HttpRequest) -> CostsForm:
    return CostsForm(request.GET, today=timezone.now().date())


def _what_if(form: CostsForm, whose: str) -> dict[str, Any]:
    if form.prices is None:
        return {}
    rows = whatif.compared(months.daily(form.first, "model", whose), form.prices)
    return {
        "other": form.cleaned_data["other"],
        "compared": rows[:LISTED],
        "compared_total": whatif.total(rows),
    }


def _accounts() -> list[dict[str, Any]]:
    """Quotas of which a share is known, the least left first."""
    now = timezone.now()
    rows = (
        Quota.objects.filter(Q(resets_at=None) | Q(resets_at__gt=now), limit__gt=0)
        .exclude(remaining=None)
        .filter(connection__active=True)
        .select_related("connection")
        .annotate(share=F("remaining") / F("limit"))
        .order_by("share", "connection__name")[:LISTED]
    )
    return [
        {
            "row": row,
            "percent": max(0, min(round(100 * row.share), 100)),
            "kept": round(100 * row.connection.headroom),
            "stale": quotas.known(row).is_stale(now.timestamp()),
        }
        for row in rows
    ]


def _offered() -> list[str]:
    rows = ProviderModel.objects.filter(
        active=True, input_price__isnull=False, provider__connections__active=True
    ).select_related("provider")
    return [str(row) for row in rows.distinct()[:OFFERED]]


def _days(month: Month) -> Iterator[dict[str, Any]]:
    """Those on which there was something."""
    for day, sums in month.days.items():
        if sums.requests:
            parts = [told[day].billed_picousd for told in month.stacks.values()]
            rest = month.rest(day).billed_picousd
            yield {"day": day, "parts": parts, "rest": rest, "total": sums.billed_picousd}


def chart(month: Month) -> dict[str, Any]:
    """For the page's script; in USD, for the eye only."""
    unit = 10**PICO
    stacks: list[dict[str, Any]] = [
        {"label": visible(name), "data": [sums.billed_picousd / unit for sums in told.values()]}
        for name, told in month.stacks.items()
    ]
    rest = [month.rest(day).billed_picousd / unit for day in month.days]
    if any(rest):
        stacks.append({"label": str(_("others")), "data": rest, "rest": True})
    return {"bars": [day.isoformat() for day in month.days], "stacks": stacks}


def exported(form: CostsForm, whose: str) -> Iterator[tuple[Any, ...]]:
    by = form.cleaned_data["by"]
    for (day, name), sums in months.daily(form.first, by, whose).items():
        yield _row("day", day.isoformat(), name, sums)
    if form.prices is not None:
        rows = whatif.compared(months.daily(form.first, "model", whose), form.prices)
        yield from (_compared_row(row) for row in rows)


def _row(what: str, day: str, name: str, sums: Sums, *other: str) -> tuple[Any, ...]:
    return (
        what, day, name, sums.requests, sums.unpriced, sums.input_tokens, sums.output_tokens,
        format_usd(sums.billed_picousd), format_usd(sums.flat_picousd), *(other or ("", "")),
    )  # fmt: skip


def _compared_row(row: Compared) -> tuple[Any, ...]:
    return _row("what if", "", row.name, row.sums, format_usd(row.least), format_usd(row.most))
