"""Which rows of the request log are looked at: the filters of its page, live tail and exports."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from analytics.costs import PICO
from analytics.ids import first_id
from analytics.models import RequestRecord

SPANS = {
    "1h": timedelta(hours=1),
    "": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
}
# What most people look for; the rest waits to be opened.
MAIN = ("range", "outcome", "model", "key")
# Of a row's columns, those that a filter compares with what is asked for.
EXACT = ("provider", "model", "key", "combo", "outcome", "status")


class LogFilters(forms.Form):
    """By their names in a page's address: `/logs/?provider=openai&since=2026-11-01T00:00Z`."""

    range = forms.ChoiceField(
        label=_("Time"),
        required=False,
        choices=[
            ("", _("Last 24 hours")),
            ("1h", _("Last hour")),
            ("7d", _("Last 7 days")),
            ("30d", _("Last 30 days")),
            ("90d", _("Last 90 days")),
        ],
    )
    since = forms.DateTimeField(label=_("From, UTC"), required=False)
    until = forms.DateTimeField(label=_("Until, UTC"), required=False)
    outcome = forms.ChoiceField(
        label=_("Outcome"),
        required=False,
        choices=[("", _("Any")), *((name, name) for name in RequestRecord.Outcome.values)],
    )
    status = forms.IntegerField(label=_("Status"), required=False, min_value=100, max_value=599)
    provider = forms.CharField(label=_("Provider"), required=False, max_length=60)
    model = forms.CharField(label=_("Model"), required=False, max_length=250)
    combo = forms.CharField(label=_("Combo"), required=False, max_length=250)
    key = forms.CharField(label=_("Key"), required=False, max_length=100)
    tag = forms.CharField(label=_("Tag"), required=False, max_length=100)
    cost_min = forms.DecimalField(label=_("Cost from, USD"), required=False, min_value=0)
    cost_max = forms.DecimalField(label=_("Cost to, USD"), required=False, min_value=0)
    ms_min = forms.IntegerField(label=_("Takes from, ms"), required=False, min_value=0)
    ms_max = forms.IntegerField(label=_("Takes to, ms"), required=False, min_value=0)
    error = forms.CharField(label=_("Error has"), required=False, max_length=200)

    use_required_attribute = False

    def __init__(self, asked: QueryDict) -> None:
        super().__init__(asked)
        for name, field in self.fields.items():
            field.widget.attrs |= {"autocomplete": "off"}
            if name in ("provider", "model", "combo", "key"):
                field.widget.attrs["list"] = f"{name}s"
            if name in ("since", "until"):
                field.widget.attrs["placeholder"] = "2026-11-30 14:00"

    def clean(self) -> dict[str, Any]:
        asked = super().clean() or {}
        since, until = asked.get("since"), asked.get("until")
        if since and until and since >= until:
            raise ValidationError({"until": _("This is before the time that it starts from.")})
        return asked

    @property
    def main(self) -> list[forms.BoundField]:
        return [self[name] for name in MAIN]

    @property
    def others(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name not in MAIN]

    @property
    def asks_for_others(self) -> bool:
        return any(self.data.get(field.name) for field in self.others)

    @property
    def mistakes(self) -> list[tuple[forms.BoundField, str]]:
        return [(self[name], str(words)) for name in self.errors for words in self.errors[name]]

    @property
    def query(self) -> str:
        """The address of what is looked at: what is asked for, without what is left empty."""
        return urlencode(
            [(name, value) for name in self.fields if (value := str(self.data.get(name, "")))]
        )

    @property
    def is_narrow(self) -> bool:
        """Is more asked for than a time?"""
        return any(
            value for name, value in self.cleaned_data.items()
            if name not in ("range", "since", "until")
        )  # fmt: skip

    def begins(self, now: datetime) -> datetime:
        """Never everything there is: without a time, the last day."""
        asked = self.cleaned_data
        if asked["since"]:
            found: datetime = asked["since"]
            return found
        return (asked["until"] or now) - SPANS[asked["range"]]

    def within(self, rows: QuerySet[RequestRecord]) -> QuerySet[RequestRecord]:
        """Of `rows`, those of the time asked for, and as `matching`."""
        rows = rows.filter(id__gte=first_id(self.begins(timezone.now()).timestamp()))
        if until := self.cleaned_data["until"]:
            rows = rows.filter(id__lt=first_id(until.timestamp()))
        return self.matching(rows)

    def matching(self, rows: QuerySet[RequestRecord]) -> QuerySet[RequestRecord]:
        """Of `rows`, those that everything asked for holds of, whatever their time."""
        asked = self.cleaned_data
        rows = rows.filter(**{name: asked[name] for name in EXACT if asked[name] not in ("", None)})
        if tag := asked["tag"]:  # which holds nothing that JSON would escape
            rows = rows.filter(tags__icontains=f'"{tag}"')
        if asked["error"]:
            rows = rows.filter(error__icontains=asked["error"])
        bounds = {
            "cost_picousd__gte": _picousd(asked["cost_min"]),
            "cost_picousd__lte": _picousd(asked["cost_max"]),
            "duration_ms__gte": asked["ms_min"],
            "duration_ms__lte": asked["ms_max"],
        }
        return rows.filter(**{name: most for name, most in bounds.items() if most is not None})


def _picousd(usd: Decimal | None) -> int | None:
    """More than a column can hold is asked for as the most that it can."""
    return None if usd is None else min(int(usd * 10**PICO), 2**63 - 1)
