from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest

from omniroute.addresses import client_address


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody makes an account for themselves: administrators make them."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Whose failed attempts are counted: nobody can choose that with a header."""
        return client_address(
            request.META.get("REMOTE_ADDR", ""),
            request.headers.get("x-forwarded-for", ""),
            settings.TRUSTED_PROXIES,
        )
