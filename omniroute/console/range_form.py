"""The choices at the head of the overview: the span of time, its zone, and what charts show."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.overview import MEASURES, STACKS
from analytics.periods import Period, period

LENGTHS: dict[str, tuple[timedelta, Any]] = {
    "1h": (timedelta(hours=1), gettext_lazy("Last hour")),
    "6h": (timedelta(hours=6), gettext_lazy("Last 6 hours")),
    "24h": (timedelta(days=1), gettext_lazy("Last 24 hours")),
    "7d": (timedelta(days=7), gettext_lazy("Last 7 days")),
    "30d": (timedelta(days=30), gettext_lazy("Last 30 days")),
    "90d": (timedelta(days=90), gettext_lazy("Last 90 days")),
    "1y": (timedelta(days=365), gettext_lazy("Last year")),
}
CUSTOM = "custom"
LONGEST = timedelta(days=3660)

_MOMENT = "%Y-%m-%dT%H:%M"  # as a browser's field has it


def _moment(label: Any) -> forms.DateTimeField:
    widget = forms.DateTimeInput({"type": "datetime-local"}, format=_MOMENT)
    return forms.DateTimeField(
        label=label, required=False, input_formats=[_MOMENT, f"{_MOMENT}:%S"], widget=widget
    )


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


class RangeForm(forms.Form):
    """What is not told is as it is in `DEFAULTS`. Valid, it has a `period`."""

    range = forms.ChoiceField(
        label=gettext_lazy("Time"),
        choices=[
            *((name, label) for name, (_, label) in LENGTHS.items()),
            (CUSTOM, gettext_lazy("From … to …")),
        ],
    )
    since = _moment(gettext_lazy("From"))
    until = _moment(gettext_lazy("To"))
    zone = forms.CharField(label=gettext_lazy("Time zone"), max_length=60)
    stack = forms.ChoiceField(
        label=gettext_lazy("By"),
        choices=list(
            zip(
                STACKS,
                map(gettext_lazy, ("Provider", "Model", "Key", "Combo", "Tag")),
                strict=True,
            )
        ),
    )
    measure = forms.ChoiceField(
        label=gettext_lazy("Chart"),
        choices=list(
            zip(
                MEASURES,
                map(gettext_lazy, ("Requests", "Tokens", "Cost", "Errors")),
                strict=True,
            )
        ),
    )

    def __init__(self, told: QueryDict, *, zone: str, now: datetime) -> None:
        # What a browser remembers may be what was mistyped there.
        remembered = zone if _zone(zone) else "UTC"
        defaults = {"range": "24h", "zone": remembered, "stack": "model", "measure": "requests"}
        super().__init__(defaults | told.dict(), label_suffix="")
        self.period: Period
        self._now = now

    @property
    def chart_title(self) -> str:
        """Such as `Requests by model`."""
        labels = [
            dict(self.fields[name].choices)[self.cleaned_data[name]]  # type: ignore[attr-defined]
            for name in ("measure", "stack")
        ]
        return _("%(measure)s by %(stack)s") % {
            "measure": labels[0],
            "stack": str(labels[1]).lower(),
        }

    def told(self) -> dict[str, str]:
        """As the parameters of an address."""
        return {name: str(self.data[name]) for name in self.fields if self.data.get(name)}

    def clean_zone(self) -> ZoneInfo:
        zone = _zone(self.cleaned_data["zone"])
        if zone is None:
            raise ValidationError(_("There is no such time zone, as in Europe/Vienna."))
        return zone

    def clean(self) -> None:
        told = self.cleaned_data
        zone = told.get("zone")
        if zone is None or "range" not in told or self.errors:
            return
        if told["range"] != CUSTOM:
            length, _label = LENGTHS[told["range"]]
            self.period = period(self._now - length, self._now, self._now, zone)
            return
        ends = {}
        for name in ("since", "until"):
            if told[name] is None:
                self.add_error(name, _("A range of your own needs both ends."))
            else:  # what stands in the field is of the zone, whatever Django took it for
                ends[name] = told[name].replace(tzinfo=zone).astimezone(UTC)
        if len(ends) < 2:
            return
        if not timedelta(0) < ends["until"] - ends["since"] <= LONGEST:
            self.add_error("until", _("The end comes after the beginning, by ten years at most."))
            return
        self.period = period(ends["since"], ends["until"], self._now, zone)
