from typing import Any

from allauth.account.decorators import reauthentication_required
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts import invitations, keys, second_factor, sessions
from accounts.models import ApiKey, GatewaySettings, Invitation, User
from omniroute.actions import Activatable, confirmed

admin.site.unregister(Group)  # what a person may do follows from the role alone
# Their pages would show secrets, and change factors and sessions without a word to anybody.
for _model in list(admin.site._registry):
    if _model.__module__.startswith("allauth."):
        admin.site.unregister(_model)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "role", "is_active", "last_login")
    list_per_page = 50
    list_filter = ("role", "is_active")
    search_fields = ("username", "email")
    readonly_fields = ("second_factors", "last_login", "date_joined")
    filter_horizontal = ()
    actions = ("reset_second_factor", "sign_out")
    fieldsets = (
        (
            None,
            {"fields": ("username", "password", "email", "role", "is_active", "second_factors")},
        ),
        ("What their keys may", {"fields": ("allowed_models", "budgets", "soft_budgets")}),
        ("Dates", {"classes": ("collapse",), "fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("username", "email", "role", "password1", "password2")}),)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Nobody takes their own role away: so one administrator is always left."""
        own = ("role", "is_active") if obj is not None and obj == request.user else ()
        return (*super().get_readonly_fields(request, obj), *own)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and obj != request.user

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        super().delete_queryset(request, queryset.exclude(username=request.user.get_username()))

    @admin.display(description="Second factors")
    def second_factors(self, row: User) -> str:
        return ", ".join(second_factor.names(row)) or "none"

    @admin.action(description="Reset the second factor", permissions=["change"])
    @confirmed("Reset their second factors? A password alone signs them in then.", "Reset")
    @method_decorator(reauthentication_required(app="allauth.mfa"))
    def reset_second_factor(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        for row in chosen:
            taken = second_factor.reset(row)
            said = f"{row}: {taken} removed; a password alone signs in until another is set up."
            self.message_user(request, said, messages.WARNING)

    @admin.action(description="Sign out everywhere", permissions=["change"])
    @confirmed("Sign these users out everywhere?", "Sign out")
    def sign_out(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        for row in chosen:
            here = request.session.session_key if row == request.user else None
            ended = sessions.end_all(row, keep=here)
            told = ngettext(
                "%(user)s: %(n)d session ended", "%(user)s: %(n)d sessions ended", ended
            )
            self.message_user(request, told % {"user": row, "n": ended}, messages.SUCCESS)


@admin.register(Invitation)
class InvitationAdmin(ModelAdmin):
    """The link is shown once, in a message after it is made. To withdraw one is to delete it."""

    list_display = ("__str__", "role", "shown_state", "invited_by", "created", "expires")
    list_filter = ("role",)
    list_select_related = ("invited_by", "user")
    search_fields = ("email",)
    fields = ("email", "role", "expires")

    @admin.display(description="State")
    def shown_state(self, row: Invitation) -> str:
        return row.state

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # another one is made instead

    def save_model(self, request: HttpRequest, obj: Invitation, form: Any, change: bool) -> None:
        obj.invited_by = request.user  # type: ignore[assignment]  # Admin lets nobody else in
        link = invitations.assign(obj)
        super().save_model(request, obj, form, change)
        # Not before it is saved, and the mail server's time is none of the transaction's.
        transaction.on_commit(lambda: self._hand_over(request, obj, link))

    def _hand_over(self, request: HttpRequest, row: Invitation, link: str) -> None:
        sent = f"It was sent to {row.email}. " if invitations.send(row, link) else ""
        said = f"{sent}The link, which is good once and shown this once: {link}"
        self.message_user(request, said, messages.WARNING)


@admin.register(ApiKey)
class ApiKeyAdmin(Activatable, ModelAdmin):
    """The key itself is shown once, in a message after it is made; here is what is kept of it."""

    empty_words = (
        "A client calls with a key: make one, and give it to the client. It is shown once."
    )
    list_display = ("name", "shown", "owner", "scope", "active", "expires", "created")
    list_per_page = 50
    list_filter = ("active", "scope")
    list_select_related = ("owner",)
    search_fields = ("name", "prefix")
    autocomplete_fields = ("owner",)
    readonly_fields = ("shown", "created")
    actions = ("activate", "deactivate", "replace")
    fieldsets = (
        (None, {"fields": ("name", "shown", "owner", "scope", "active")}),
        ("What it may", {"fields": ("allowed_models", "limits", "budgets", "soft_budgets")}),
        (
            "What becomes of its requests",
            {
                "classes": ("collapse",),
                "fields": ("controls", "cache", "system_prompt", "thinking", "thinking_budget"),
            },
        ),
        (
            "When and from where",
            {
                "classes": ("collapse",),
                "fields": ("expires", "allowed_ips", "denied_ips", "created"),
            },
        ),
    )

    @admin.display(description="Key")
    def shown(self, row: ApiKey) -> str:
        return f"{row.prefix}…" if row.prefix else "made when you save"

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        made = None if change else keys.assign(obj)
        super().save_model(request, obj, form, change)
        if made:
            self._show(request, obj, made)

    @admin.action(description="Replace the key: the old one stops working", permissions=["change"])
    @confirmed("Replace these keys? The old ones stop working at once.", "Replace")
    def replace(self, request: HttpRequest, chosen: QuerySet[ApiKey]) -> None:
        for row in chosen:
            made = keys.assign(row)
            row.save()
            self._show(request, row, made)

    def _show(self, request: HttpRequest, row: ApiKey, key: str) -> None:
        self.message_user(
            request, f"The key of {row.name}, shown this once: {key}", messages.WARNING
        )


@admin.register(GatewaySettings)
class GatewaySettingsAdmin(ModelAdmin):
    fieldsets = (
        (None, {"fields": ("require_api_key", "log_bodies", "ollama_api")}),
        ("What is kept", {"fields": ("retention_days", "stored_responses_days", "cache_ttl_s")}),
        ("Prompts and answers", {"fields": ("bodies_days", "redacted_fields", "redacted_patterns")}),
        ("Budgets of all keys together", {"fields": ("budgets", "soft_budgets")}),
        ("From where", {"classes": ("collapse",), "fields": ("allowed_ips", "denied_ips")}),
        (
            "What becomes of requests",
            {"classes": ("collapse",), "fields": ("system_prompt", "thinking", "thinking_budget")},
        ),
        (
            "Alerts",
            {
                "classes": ("collapse",),
                "fields": (
                    "alert_error_share", "alert_error_window_s", "alert_error_requests",
                    "alert_journal_mb",
                ),
            },
        ),
        ("Attempts", {"classes": ("collapse",), "fields": ("max_attempts", "deadline_s")}),
        (
            "Breaker",
            {
                "classes": ("collapse",),
                "fields": (
                    "breaker_failures", "breaker_window_s", "breaker_share", "breaker_open_s",
                ),
            },
        ),
        (
            "Cooldowns",
            {
                "classes": ("collapse",),
                "fields": (
                    "cooldown_first_s", "cooldown_max_s", "cooldown_hint_max_s", "cooldown_auth_s",
                    "model_lock_first_s", "model_lock_max_s",
                ),
            },
        ),
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return redirect("admin:accounts_gatewaysettings_change", GatewaySettings.load().pk)
