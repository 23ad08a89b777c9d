"""Channels, incidents and deliveries in Admin. A channel's address and secret go in and never come
out; one that is generated is shown once."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminPasswordWidget

from analytics.alerts import channels, delivery
from analytics.alerts.tables import EVENTS, AlertChannel, AlertDelivery, Incident
from omniroute.actions import Activatable, ask_for_one, confirmed

SECRETS = ("url", "secret")


def _secret(label: str, help_text: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        help_text=help_text,
        widget=UnfoldAdminPasswordWidget(
            attrs={"autocomplete": "new-password"}, render_value=False
        ),
    )


class AlertChannelForm(forms.ModelForm):
    """Secrets go in and never come out; blank keeps the stored ones."""

    url = _secret(
        "URL",
        "Where messages are posted. Not shown once it is stored; blank keeps it. Or env:NAME, file:/path.",
    )
    secret = _secret(
        "Secret",
        "Of a webhook: whsec_ and base64. Blank keeps it, or makes one that is shown once.",
    )
    events = forms.MultipleChoiceField(
        choices=list(EVENTS.items()), widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    made_secret = ""

    def clean_recipients(self) -> str:
        return channels.recipients(self.cleaned_data["recipients"].split(","))

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # by which the row is as it was entered
        if "kind" not in self.fields or self.errors:
            return
        try:
            self.made_secret = channels.enter(self.instance, self.cleaned_data)
        except ValidationError as error:
            self.add_error(None, error)


@admin.register(AlertChannel)
class AlertChannelAdmin(Activatable, ModelAdmin):
    """Where messages go is a secret: who may not know those decides what is told, and whether."""

    form = AlertChannelForm
    empty_words = "Nobody is told of anything yet: add a webhook, Slack or an e-mail address."
    list_display = ("name", "kind", "place", "told", "active")
    list_filter = ("active", "kind")
    search_fields = ("name",)
    actions = ("send_test", "activate", "deactivate")
    actions_row = ("test_one",)
    actions_detail = ("test_one",)
    conditional_fields = {
        "url": "kind != 'email'",
        "allow_private_network": "kind != 'email'",
        "secret": "kind == 'webhook'",
        "recipients": "kind == 'email'",
    }
    fieldsets = (
        (
            None,
            {"fields": ("name", "kind", *SECRETS, "allow_private_network", "recipients", "active")},
        ),
        ("What is told", {"fields": ("events",)}),
    )

    @admin.display(description="To")
    def place(self, row: AlertChannel) -> str:
        return row.recipients if row.kind == AlertChannel.Kind.EMAIL else row.host

    @admin.display(description="Events")
    def told(self, row: AlertChannel) -> str:
        return "all" if set(row.events) == set(EVENTS) else ", ".join(row.events)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        if not self._may_know(request):
            for name in SECRETS:  # off the page is not enough: it could be sent
                form.base_fields.pop(name, None)
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if self._may_know(request):
            return ()
        return ("kind", "allow_private_network", "recipients")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if self._may_know(request):
            return self.fieldsets
        first, *others = self.fieldsets
        fields = tuple(name for name in first[1]["fields"] if name not in SECRETS)
        return ((None, {"fields": fields}), *others)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A new channel is told all, as one of a file is that names no events."""
        told: dict[str, Any] = super().get_changeform_initial_data(request)
        return {"events": list(EVENTS)} | told

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may_know(request) and super().has_add_permission(request)

    def _may_know(self, request: HttpRequest) -> bool:
        return request.user.has_perm("analytics.change_credential")

    def save_model(self, request: HttpRequest, obj: AlertChannel, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if form.made_secret:
            said = f"The secret of {obj.name}, shown this once: {form.made_secret}"
            self.message_user(request, said, messages.WARNING)

    @action(description="Test", url_path="test-one", permissions=["change"])
    def test_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        question = "Send a test message now?"
        return ask_for_one(self, request, object_id, "send_test", question, "Send")

    @admin.action(description="Send a test message", permissions=["change"])
    @confirmed("Send a test message to these now?", "Send")
    def send_test(self, request: HttpRequest, chosen: QuerySet[AlertChannel]) -> None:
        for row in chosen:
            sent = delivery.test(row)
            if sent.status == AlertDelivery.Status.DELIVERED:
                self.message_user(request, f"{row}: the test is delivered.", messages.SUCCESS)
            else:
                said = f"{row}: the test is not delivered: {sent.error}"
                self.message_user(request, said, messages.ERROR)


class _ReadOnly(ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Incident)
class IncidentAdmin(_ReadOnly):
    """What is wrong, and what was in the last 30 days."""

    empty_words = "Nothing is wrong, as far as the worker can see."
    list_display = ("text", "event", "opened", "resolved")
    list_filter = ("event", ("resolved", admin.EmptyFieldListFilter))
    search_fields = ("text",)
    list_per_page = 50


@admin.register(AlertDelivery)
class AlertDeliveryAdmin(_ReadOnly):
    """Each message of the last 30 days: whether it is there, and why not."""

    empty_words = "No message was sent yet: a channel's page has a button that sends a test."
    list_display = (
        "created", "channel", "state", "incident", "status", "attempts", "next_try", "error",
    )  # fmt: skip
    list_filter = ("status", "state", "channel")
    list_select_related = ("channel", "incident")
    list_per_page = 50

    @admin.display(description="Next try", ordering="next_at")
    def next_try(self, row: AlertDelivery) -> datetime | None:
        return row.next_at if row.status == row.Status.WAITING else None
