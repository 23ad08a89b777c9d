from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts import keys
from accounts.models import ApiKey, GatewaySettings, User
from omniroute.actions import Activatable, confirmed

admin.site.unregister(Group)  # what a person may do follows from the role alone


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "role", "is_active", "last_login")
    list_filter = ("role", "is_active")
    search_fields = ("username", "email")
    readonly_fields = ("last_login", "date_joined")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password", "email", "role", "is_active")}),
        ("Budgets", {"classes": ("collapse",), "fields": ("budgets", "soft_budgets")}),
        ("Dates", {"classes": ("collapse",), "fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("username", "role", "password1", "password2")}),)


@admin.register(ApiKey)
class ApiKeyAdmin(Activatable, ModelAdmin):
    """The key itself is shown once, in a message after it is made; here is what is kept of it."""

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
        ("Budgets of all keys together", {"fields": ("budgets", "soft_budgets")}),
        ("From where", {"classes": ("collapse",), "fields": ("allowed_ips", "denied_ips")}),
        (
            "What becomes of requests",
            {"classes": ("collapse",), "fields": ("system_prompt", "thinking", "thinking_budget")},
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
