"""The control plane's addresses; `/v1` and its kin are the data plane's (`gateway/asgi.py`)."""

from importlib import import_module

from allauth.account.decorators import secure_admin_login
from allauth.account.views import login, logout
from django.contrib import admin
from django.urls import path

from omniroute import health
from omniroute.api import api
from omniroute.console import logs, overview, sign_in, translator

# Admin's own sign-in has no limit on attempts; allauth's has.
admin.autodiscover()
import_module("omniroute.console.connections")  # which takes the place of another room's
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

translate = admin.site.admin_view(translator.page)

urlpatterns = [
    path("", overview.page, name="overview"),
    path("overview.csv", overview.export, {"kind": "csv"}, name="overview-csv"),
    path("overview.json", overview.export, {"kind": "json"}, name="overview-json"),
    path("logs/", logs.listing, name="logs"),
    path("admin/translator/", translate, {"kind": "request"}, name="translator"),
    path("admin/translator/<str:kind>/", translate, name="translator"),
    path("admin/sign-in/", admin.site.admin_view(sign_in.providers), name="sign-ins"),
    path("admin/sign-in/<slug:slug>/", admin.site.admin_view(sign_in.provider), name="sign-in"),
    path("admin/test-all/", admin.site.admin_view(sign_in.test_all), name="test-all"),
    path("admin/", admin.site.urls),
    path("api/", api.urls),
    path("accounts/login/", login, name="account_login"),
    path("accounts/logout/", logout, name="account_logout"),
    path("readyz", health.readyz, name="readyz"),
]
