from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin, TabularInline
from unfold.widgets import UnfoldAdminTextInputWidget

from combos.models import Alias, Combo, ComboTarget, check_kinds
from omniroute.actions import Activatable
from providers.models import ProviderModel


class ModelInput(UnfoldAdminTextInputWidget):
    """Free text, since a provider may take names that nobody listed, with the known ones offered."""

    def __init__(self, attrs: Any = None) -> None:
        super().__init__({**(attrs or {}), "list": "known-models", "placeholder": "alias/model"})


class OffersModels(ModelAdmin):
    """The known models stand once in the page of a form: there are thousands of them."""

    change_form_outer_before_template = "admin/known_models.html"

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        known = ProviderModel.objects.filter(active=True).order_by("provider__alias", "name")
        context["known_models"] = known.values_list("provider__alias", "name")
        page: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return page


class AliasForm(forms.ModelForm):
    class Meta:
        model = Alias
        fields = ("alias", "model")
        widgets = {"model": ModelInput}


@admin.register(Alias)
class AliasAdmin(OffersModels):
    form = AliasForm
    empty_words = "An alias is another name for one model: clients call it as if it were that."
    list_display = ("alias", "model")
    list_per_page = 50
    search_fields = ("alias", "model")


class TargetForm(forms.ModelForm):
    class Meta:
        model = ComboTarget
        fields = ("model", "nested", "weight", "position")
        widgets = {"model": ModelInput}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():  # in a row of a table they have no labels of their own
            widget: Any = getattr(field.widget, "widget", field.widget)  # Admin wraps some
            widget.attrs["aria-label"] = field.label


class TargetsFormSet(forms.BaseInlineFormSet):
    def clean(self) -> None:
        super().clean()
        kept = [
            form.cleaned_data
            for form in self.forms
            if hasattr(form, "cleaned_data") and not form.cleaned_data.get("DELETE")
        ]
        models = [told["model"] for told in kept if told.get("model")]
        check_kinds(self.instance, models, [told["nested"] for told in kept if told.get("nested")])


class TargetInline(TabularInline):
    model = ComboTarget
    form = TargetForm
    formset = TargetsFormSet
    fk_name = "combo"
    autocomplete_fields = ("nested",)
    extra = 0
    ordering = ("position",)
    ordering_field = "position"
    hide_ordering_field = True


@admin.register(Combo)
class ComboAdmin(Activatable, OffersModels):
    empty_words = (
        "A combo names several models in an order: who calls it gets the first that answers."
    )
    list_display = ("name", "strategy", "order", "active")
    list_per_page = 50
    list_filter = ("active", "strategy")
    search_fields = ("name", "targets__model")
    inlines = (TargetInline,)
    fieldsets = (
        (None, {"fields": ("name", "strategy", "active")}),
        (
            "Advanced",
            {
                "classes": ("collapse",),
                "fields": ("tier_strategy", "sticky", "hedge_after", "cache"),
            },
        ),
    )
    actions = ("activate", "deactivate", "duplicate")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Combo]:
        rows: QuerySet[Combo] = super().get_queryset(request)
        return rows.prefetch_related("targets__nested")

    @admin.display(description="Targets, in order")
    def order(self, row: Combo) -> str:
        return " → ".join(str(target) for target in row.targets.all())

    @admin.action(description="Duplicate", permissions=["add"])
    def duplicate(self, request: HttpRequest, chosen: QuerySet[Combo]) -> None:
        for row in chosen:
            targets = list(row.targets.all())
            number = 2
            while Combo.objects.filter(name=f"{row.name}-{number}").exists():
                number += 1
            fields = {
                field.name: getattr(row, field.name)
                for field in Combo._meta.concrete_fields
                if field.name not in ("id", "name")
            }
            copy = Combo.objects.create(name=f"{row.name}-{number}", **fields)
            for target in targets:
                target.pk, target.combo = None, copy
                target.save()
            self.message_user(request, f"{copy.name} is made.", messages.SUCCESS)
