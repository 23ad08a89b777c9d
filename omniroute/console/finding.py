"""Rows by name, for the search that every page of Admin has (Ctrl+K)."""

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from unfold.dataclasses import SearchResult

from omniroute.console.readable import visible

MODELS = (
    *("providers.Connection", "providers.Provider", "combos.Combo", "combos.Alias"),
    *("providers.ProviderModel", "accounts.ApiKey", "accounts.User"),
)
MAX_EACH = 8


def rows(request: HttpRequest, term: str) -> list[SearchResult]:
    """Of each model the first few that this person may see."""
    found = []
    for model in map(apps.get_model, MODELS):
        of_model = admin.site._registry[model]
        if not of_model.has_view_permission(request):
            continue
        every = of_model.get_queryset(request)
        matching, may_repeat = of_model.get_search_results(request, every, term)
        if may_repeat:  # a combo comes once for each of its targets
            matching = matching.distinct()
        page = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
        found += [
            SearchResult(
                title=visible(str(row)),
                description=str(model._meta.verbose_name),
                link=reverse(page, args=[row.pk]),
                icon="data_object",
            )
            for row in matching[:MAX_EACH]
        ]
    return found
