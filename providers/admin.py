from itertools import chain
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin

from omniroute.actions import Activatable
from providers import listing
from providers.connection_form import CREDENTIAL, ConnectionForm
from providers.connections import FIELDS, LEADS, PROVIDER_LEADS, require_keys_stay
from providers.credentials import CredentialUnreadable
from providers.models import Connection, ErrorRule, ModelList, Provider, ProviderModel
from providers.probing import test_connection

# What the catalogue knows of a provider, for reading.
FACTS = ("state", "endpoints_served", "auth_types", "parameters", "docs_url", "checked_on")
# What of a provider of the catalogue an operator decides.
DECIDED = ("account_strategy", "sticky", "discovery")


class QuirksForm(forms.ModelForm):
    def clean_quirks(self) -> dict[str, Any]:
        """Emptied, they are none, and not null."""
        return self.cleaned_data["quirks"] or {}


class ProviderForm(QuirksForm):
    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # by which the row is as it was entered
        if self.instance.pk and not self.errors:
            stored = Provider.objects.get(pk=self.instance.pk)
            try:
                require_keys_stay(stored, self.instance)
            except ValidationError as error:
                self.add_error(None, error)


@admin.register(Provider)
class ProviderAdmin(ModelAdmin):
    """Of those of the catalogue only what the operator decides can be changed: the rest is facts."""

    form = ProviderForm
    empty_words = "The catalogue is not loaded: the command bootstrap does it. Your own provider can be added at once."
    list_display = ("name", "alias", "format", "tier", "status", "base_url", "builtin")
    list_per_page = 50
    list_filter = ("builtin", "format", "tier", "status", "category")
    search_fields = ("name", "slug", "alias")
    prepopulated_fields = {"slug": ("name",), "alias": ("name",)}
    actions = ("duplicate",)
    fieldsets = (
        (None, {"fields": ("name", "slug", "alias", "base_url", "format")}),
        ("Of the catalogue", {"fields": FACTS}),
        ("Network", {"fields": ("allow_private_network",)}),
        (
            "Advanced",
            {
                "classes": ("collapse",),
                "fields": (
                    "tier",
                    "account_strategy",
                    "sticky",
                    "passthrough",
                    "discovery",
                    "listed",
                    "other_formats",
                    "other_kinds",
                    "quirks",
                ),
            },
        ),
    )

    @admin.display(description="State")
    def state(self, row: Provider) -> str:
        return " ".join(filter(None, (row.refusal or row.get_status_display(), row.warning)))

    @admin.display(description="Can be asked for")
    def endpoints_served(self, row: Provider) -> str:
        return ", ".join(row.kinds) or "nothing yet"

    @admin.display(description="Its list of models")
    def listed(self, row: Provider) -> str:
        if not row.lists_models:
            return "it has none that could be read"
        told = ModelList.objects.filter(provider=row.pk).first()
        return told.words if told else "not asked yet"

    @admin.display(description="A connection says")
    def parameters(self, row: Provider) -> str:
        told = (f"{param['name']}: {param['help']}" for param in row.params)
        return " ".join(told) or "nothing but its credential"

    def get_fieldsets(self, request: HttpRequest, obj: Provider | None = None) -> Any:
        if obj and obj.builtin:
            return self.fieldsets
        return tuple(section for section in self.fieldsets if section[1]["fields"] != FACTS)

    def get_readonly_fields(self, request: HttpRequest, obj: Provider | None = None) -> Any:
        if not (obj and obj.builtin):
            # Where the keys of its connections go is for those who may know them.
            moves = obj is None or request.user.has_perm("providers.change_credential")
            return (*FACTS, "listed", *(() if moves else PROVIDER_LEADS))
        named = [name for _title, section in self.fieldsets for name in section["fields"]]
        return tuple(name for name in named if name not in DECIDED)

    def has_delete_permission(self, request: HttpRequest, obj: Provider | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj and obj.builtin)

    def get_prepopulated_fields(self, request: HttpRequest, obj: Provider | None = None) -> Any:
        return {} if obj else self.prepopulated_fields

    @admin.action(description="Duplicate", permissions=["add"])
    def duplicate(self, request: HttpRequest, chosen: QuerySet[Provider]) -> None:
        for row in chosen:
            offered = list(row.offered_models.all())
            row.pk, row.builtin, row.env_var = None, False, ""
            row.slug = free_name(Provider, "slug", row.slug, "-")
            row.alias = free_name(Provider, "alias", row.alias, "-")
            row.name = f"{row.name} (copy)"
            row.save()
            for model in offered:
                model.pk, model.provider = None, row
                model.save()
            self.message_user(request, f"{row.name} is made.", messages.SUCCESS)


@admin.register(ProviderModel)
class ProviderModelAdmin(Activatable, ModelAdmin):
    form = QuirksForm
    empty_words = "Models come with the catalogue, or with a connection: choose it in its list, and import its models."
    list_display = (
        "__str__", "kind", "input_price", "output_price", "context_window", "from_where", "active",
    )  # fmt: skip
    list_per_page = 50
    list_filter = (
        "active",
        "kind",
        ("discovered_on", admin.EmptyFieldListFilter),
        ("vanished_on", admin.EmptyFieldListFilter),
        "provider",
    )
    list_select_related = ("provider",)
    search_fields = ("name", "provider__alias", "provider__name")
    autocomplete_fields = ("provider",)
    actions = ("activate", "deactivate")

    @admin.display(description="From")
    def from_where(self, row: ProviderModel) -> str:
        gone = f", not listed since {row.vanished_on}" if row.vanished_on else ""
        return row.origin + gone

    def save_model(self, request: HttpRequest, obj: ProviderModel, form: Any, change: bool) -> None:
        obj.adopt()
        super().save_model(request, obj, form, change)


@admin.register(ErrorRule)
class ErrorRuleAdmin(Activatable, ModelAdmin):
    """The first that fits decides: in the order of the list, which is that of `verdict.arrange`."""

    empty_words = "A rule says what is done about a failure, by its status or its words."
    list_display = (
        "of", "status", "pattern", "action", "kind", "scope", "cooldown_s", "builtin", "active",
    )  # fmt: skip
    ordering = ("builtin", ExpressionWrapper(Q(provider=None), BooleanField()), "position", "pk")
    list_per_page = 50
    list_filter = ("active", "action", "provider")
    list_select_related = ("provider",)
    search_fields = ("pattern", "provider__slug", "provider__name")
    autocomplete_fields = ("provider",)
    ordering_field = "position"
    hide_ordering_field = True
    actions = ("activate", "deactivate")

    def has_delete_permission(self, request: HttpRequest, obj: ErrorRule | None = None) -> bool:
        # The next start would bring it back: it is switched off instead.
        return super().has_delete_permission(request, obj) and not (obj and obj.builtin)

    @admin.display(description="Provider")
    def of(self, row: ErrorRule) -> str:
        return row.provider.slug if row.provider else "any"

    def save_model(self, request: HttpRequest, obj: ErrorRule, form: Any, change: bool) -> None:
        """A shipped rule that is changed is the operator's own from now on. As it was it stays
        beside it, switched off, so that no start brings it back."""
        shipped = None
        if obj.builtin and set(form.changed_data) - {"position", "active"}:
            shipped = ErrorRule.objects.get(pk=obj.pk)
            shipped.pk, shipped.active, obj.builtin = None, False, False
        super().save_model(request, obj, form, change)
        if shipped is not None:
            shipped._state.adding = True
            shipped.save()


@admin.register(Connection)
class ConnectionAdmin(Activatable, ModelAdmin):
    form = ConnectionForm
    list_display = ("name", "provider", "priority", "active", "key")
    list_per_page = 50
    list_filter = ("active", "provider")
    list_select_related = ("provider", "token")
    search_fields = ("name", "provider__slug", "provider__name")
    autocomplete_fields = ("provider",)
    conditional_fields = {
        name: f"auth_type == '{auth_type}'" for auth_type, names in FIELDS.items() for name in names
    }
    actions: tuple[str, ...] = (
        *("test", "import_models"),
        *("activate", "deactivate", "duplicate"),
    )
    fieldsets = (
        (None, {"fields": ("name", "provider", "auth_type", *CREDENTIAL, "priority", "active")}),
        ("Models", {"classes": ("collapse",), "fields": ("model_names", "model_map")}),
        (
            "Limits",
            {"classes": ("collapse",), "fields": ("limits", "headroom", "probe", "timeouts")},
        ),
        (
            "Advanced",
            {"classes": ("collapse",), "fields": ("params", "base_url", "proxy", "headers")},
        ),
    )

    @admin.display(description="Key")
    def key(self, row: Connection) -> str:
        if row.auth_type == Connection.Auth.NONE:
            return "none needed"
        token = getattr(row, "token", None)  # of some; Django raises where there is none
        if token is None:
            return "stored" if row.credential else "missing"
        if token.needs_login or token.failures:
            return f"{'needs login' if token.needs_login else 'not renewed'}: {token.cause[:120]}"
        return f"token until {token.expires:%Y-%m-%d %H:%M} UTC" if token.expires else "token"

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        if not request.user.has_perm("providers.change_credential"):
            for name in CREDENTIAL:  # off the page is not enough: it could be sent
                form.base_fields.pop(name, None)
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: Connection | None = None) -> Any:
        # Who may not know secrets may not send a stored one elsewhere either.
        if request.user.has_perm("providers.change_credential"):
            return ()
        return (*(LEADS - {"auth", "headers"}), "header_names")

    def get_fieldsets(self, request: HttpRequest, obj: Connection | None = None) -> Any:
        if request.user.has_perm("providers.change_credential"):
            return self.fieldsets
        hidden = {"headers": ("header_names",)} | dict.fromkeys(CREDENTIAL, ())
        return tuple(
            (title, told | {"fields": tuple(chain(*(hidden.get(n, (n,)) for n in told["fields"])))})
            for title, told in self.fieldsets
        )

    @admin.display(description="Headers")
    def header_names(self, row: Connection) -> str:
        return ", ".join(row.headers) or "none"

    def has_add_permission(self, request: HttpRequest) -> bool:
        allowed = request.user.has_perm("providers.change_credential")
        return allowed and super().has_add_permission(request)

    @admin.action(description="Test connection", permissions=["change"])
    def test(self, request: HttpRequest, chosen: QuerySet[Connection]) -> None:
        for row in chosen.select_related("provider"):
            outcome = test_connection(row)
            level = messages.SUCCESS if outcome.ok else messages.ERROR
            self.message_user(request, f"{row.name}: {outcome.message} ({outcome.ms} ms)", level)

    @admin.action(description="Import models", permissions=["change"])
    def import_models(self, request: HttpRequest, chosen: QuerySet[Connection]) -> None:
        for row in chosen.select_related("provider"):
            try:
                new = listing.import_models(row)
            except (listing.ListFailed, CredentialUnreadable) as error:
                self.message_user(request, f"{row.name}: {error}", messages.ERROR)
                continue
            told = ngettext(
                "%(n)d model is new; it has no price.",
                "%(n)d models are new; they have no price.",
                len(new),
            )
            words = told % {"n": len(new)} if new else _("no model is new.")
            self.message_user(request, f"{row.name}: {words}", messages.SUCCESS)

    @admin.action(description="Duplicate", permissions=["add"])
    def duplicate(self, request: HttpRequest, chosen: QuerySet[Connection]) -> None:
        for row in chosen:
            copy = Connection(
                **{
                    field.attname: getattr(row, field.attname)
                    for field in Connection._meta.concrete_fields
                    if field.name not in ("id", "uid", "credential", "name", "active")
                },
                name=free_name(Connection, "name", row.name, " "),
                active=row.auth_type == Connection.Auth.NONE and row.active,
            )
            copy.save()
            self.message_user(
                request,
                f"{copy.name} is made; a key belongs to one connection, so it needs its own.",
                messages.SUCCESS,
            )


def free_name(model: type[Any], field: str, name: str, separator: str) -> str:
    """`name` with the first number that makes it unused."""
    number = 2
    while model.objects.filter(**{field: f"{name}{separator}{number}"}).exists():
        number += 1
    return f"{name}{separator}{number}"
