"""The control plane's addresses; `/v1` and its kin are the data plane's (`gateway/asgi.py`)."""

from importlib import import_module

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from omniroute import health
from omniroute.api import api
from omniroute.console import (
    combos,
    costs,
    health_page,
    importing,
    logs,
    overview,
    playground,
    setup,
    sign_in,
    translator,
)

# Admin's own sign-in has no limit on attempts; allauth's has.
admin.autodiscover()
import_module("omniroute.console.rows")  # which joins rooms, and takes the place of their own
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

translate = admin.site.admin_view(translator.page)

urlpatterns = [
    path("", overview.page, name="overview"),
    path("overview.csv", overview.export, {"kind": "csv"}, name="overview-csv"),
    path("overview.json", overview.export, {"kind": "json"}, name="overview-json"),
    path("logs/", logs.listing, name="logs"),
    path("health/", health_page.page, name="health"),
    path("health/clear/", health_page.clear, name="health-clear"),
    path("costs/", costs.page, name="costs"),
    path("costs.csv", costs.export, {"kind": "csv"}, name="costs-csv"),
    path("costs.json", costs.export, {"kind": "json"}, name="costs-json"),
    path("playground/", playground.page, name="playground"),
    path("playground/models/", playground.models, name="playground-models"),
    path("playground/call/<int:key>/", playground.call, name="playground-call"),
    path("playground/calls/<str:id>/", playground.outcome, name="playground-outcome"),
    path("setup/", setup.page, name="setup"),
    path("setup/waiting/", setup.waiting, name="setup-waiting"),
    path("logs/export.csv", logs.export, {"format": "csv"}, name="logs-export"),
    path("logs/export.json", logs.export, {"format": "json"}, name="logs-export"),
    path("logs/<str:id>/", logs.detail, name="log"),
    path("admin/translator/", translate, {"kind": "request"}, name="translator"),
    path("admin/translator/<str:kind>/", translate, name="translator"),
    path("admin/sign-in/", admin.site.admin_view(sign_in.providers), name="sign-ins"),
    path("admin/sign-in/<slug:slug>/", admin.site.admin_view(sign_in.provider), name="sign-in"),
    path("admin/test-all/", admin.site.admin_view(sign_in.test_all), name="test-all"),
    path("admin/combos/preview/", admin.site.admin_view(combos.preview), name="combo-preview"),
    path("admin/configuration/", admin.site.admin_view(importing.page), name="configuration"),
    path(
        "admin/configuration/export/",
        admin.site.admin_view(importing.everything),
        name="configuration-export",
    ),
    path("admin/password_change/", RedirectView.as_view(pattern_name="account_change_password")),
    path("admin/", admin.site.urls),
    path("api/", api.urls),
    path("account/", include("accounts.urls")),
    path("readyz", health.readyz, name="readyz"),
]
