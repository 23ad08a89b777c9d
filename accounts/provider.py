"""OpenID Connect as allauth calls for it; it looks for a module of this name in every app."""

from typing import Any

from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode


class Issuer(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]  # allauth ships no types
    @property
    def openid_config(self) -> dict[str, Any]:
        config: dict[str, Any] = super().openid_config
        if str(config.get("issuer", "")).rstrip("/") != settings.OIDC_ISSUER:
            raise OAuth2Error("the issuer that is named there is another one")
        return config

    def get_access_token_data(self, *args: Any, **kwargs: Any) -> Any:
        data = super().get_access_token_data(*args, **kwargs)
        self.did_fetch_access_token = False  # so the signature of the id_token is checked too
        return data

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        """Not by the request: behind a proxy that ends TLS it would begin with http."""
        return f"{settings.PUBLIC_URL}{reverse('oidc_callback')}"


class OidcProvider(OpenIDConnectProvider):  # type: ignore[misc]  # allauth ships no types
    id = "oidc"
    name = "OpenID Connect"
    oauth2_adapter_class = Issuer

    def get_login_url(self, request: HttpRequest, **kwargs: Any) -> str:
        return reverse("oidc_login") + (f"?{urlencode(kwargs)}" if kwargs else "")

    def get_callback_url(self) -> str:
        return reverse("oidc_callback")


provider_classes = [OidcProvider]
