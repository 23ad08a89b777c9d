"""The form of a connection in Admin. Its secrets go in and never come out."""

from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from providers.connections import (
    FIELDS,
    MASK,
    has_secret,
    merged_auth,
    merged_headers,
    require_key_for_new_place,
)
from providers.models import Connection

# Every field of every type of credential: those of the form that are no column. Of them a form shows
# those of the type that is chosen.
CREDENTIAL = tuple(name for names in FIELDS.values() for name in names)


def _secret(label: str, help_text: str = "") -> forms.CharField:
    """A field that goes in and never comes out."""
    return forms.CharField(
        label=label,
        required=False,
        strip=True,
        help_text=help_text,
        widget=UnfoldAdminPasswordWidget(
            attrs={"autocomplete": "new-password"}, render_value=False
        ),
    )


class ConnectionForm(forms.ModelForm):  # type: ignore[type-arg]  # it takes none at run time
    """Secrets go in and never come out; blank keeps the stored one."""

    api_key = _secret("API key")
    access_token = _secret("Access token", "Of OAuth: pasted, where you do not sign in.")
    refresh_token = _secret("Refresh token", "With it the access token is renewed.")
    expires = forms.CharField(
        label="Expires",
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="When the access token ends: 2027-01-01T00:00:00Z. Empty: not known.",
    )
    json = _secret("Service account", "Google's JSON file, pasted; or file:/path.")
    client_id = forms.CharField(
        label="Client ID", required=False, widget=UnfoldAdminTextInputWidget
    )
    client_secret = _secret("Client secret")
    access_key_id = _secret("Access key ID", "Of an AWS access key, as are the next three.")
    secret_access_key = _secret("Secret access key")
    session_token = _secret("Session token", "Of temporary keys only.")
    region = forms.CharField(
        label="Region", required=False, widget=UnfoldAdminTextInputWidget, help_text="us-east-1"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "api_key" in self.fields:
            stored = "A key is stored; blank keeps it. " if self.instance.credential else ""
            self.fields[
                "api_key"
            ].help_text = f"{stored}Or env:NAME or file:/path, read when it is used."
            stored_auth = self.instance.stored_auth()
            for name in ("region", "client_id"):
                self.fields[name].initial = stored_auth.get(name, "")
        if "headers" in self.fields:
            self.initial["headers"] = dict.fromkeys(self.instance.headers, MASK)
            self.fields["headers"].help_text += " A value is shown no more once it is stored."

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        provider = cleaned.get("provider")
        if provider is None:
            return cleaned
        if "api_key" in self.fields and "auth_type" in cleaned:
            stored_auth = self.instance.stored_auth()
            cleaned["auth"] = self._auth(cleaned, stored_auth)
        return cleaned

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # by which the row is as it was entered
        row: Connection = self.instance
        if not row.pk or self.errors:
            return
        stored = Connection.objects.select_related("provider").get(pk=row.pk)
        try:
            require_key_for_new_place(
                stored,
                row.provider,
                row.base_url,
                row.params,
                row.proxy,
                has_key=has_secret(self.cleaned_data),
                headers=row.headers if "headers" in self.fields else {},
            )
        except ValidationError as error:
            self.add_error(None, error)
        row.headers = merged_headers(stored.headers, row.headers)

    def add_error(self, field: str | None, error: Any) -> None:
        """What is wrong with a field that is not on the page is told above it."""
        for name, found in getattr(error, "error_dict", {field or NON_FIELD_ERRORS: error}).items():
            super().add_error(name if name in self.fields else None, found)

    def _auth(self, cleaned: dict[str, Any], stored: dict[str, Any]) -> dict[str, str] | None:
        """The credential; null where the stored one stays, which may be one that no key opens."""
        auth_type, entered = cleaned["auth_type"], {name: cleaned.get(name) for name in CREDENTIAL}
        kept = self.instance.credential and "auth_type" not in self.changed_data
        if kept and not any(entered.values()):
            return None
        auth = merged_auth(auth_type, stored, entered)
        return None if kept and auth == stored else auth

    def save(self, commit: bool = True) -> Connection:
        auth = self.cleaned_data.get("auth")
        if self.cleaned_data.get("auth_type") == Connection.Auth.NONE:
            self.instance.credential = ""
        elif auth is not None:
            self.instance.credential = self.instance.sealed(auth)
        saved: Connection = super().save(commit)
        return saved
