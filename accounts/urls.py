"""`/account/…`: signing in, and what a person does with their own account."""

from allauth.account import views as allauth
from django.contrib.auth.decorators import login_required
from django.urls import include, path
from django.views.generic import RedirectView, TemplateView

from accounts import joining, oidc, own_keys, sessions

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="account_keys"), name="account"),
    path("login/", allauth.login, name="account_login"),
    path("logout/", allauth.logout, name="account_logout"),
    path("inactive/", allauth.account_inactive, name="account_inactive"),
    path("reauthenticate/", allauth.reauthenticate, name="account_reauthenticate"),
    path("password/", allauth.password_change, name="account_change_password"),
    path(
        "password/elsewhere/",
        login_required(TemplateView.as_view(template_name="account/password_elsewhere.html")),
        name="account_set_password",
    ),
    path("second-factor/", include("allauth.mfa.urls")),
    path("sessions/", sessions.page, name="account_sessions"),
    path("sessions/end-others/", sessions.end_others, name="account_end_others"),
    path("sessions/<int:pk>/end/", sessions.end, name="account_end_session"),
    path("keys/", own_keys.page, name="account_keys"),
    path("keys/<int:pk>/revoke/", own_keys.revoke, name="account_revoke_key"),
    path("join/<str:token>/", joining.page, name="account_join"),
    path("oidc/login/", oidc.begin, name="oidc_login"),
    path("oidc/callback/", oidc.come_back, name="oidc_callback"),
    path("oidc/cancelled/", RedirectView.as_view(pattern_name="account_login"),
         name="socialaccount_login_cancelled"),
]  # fmt: skip
