"""What holds for a channel however it is changed: through Admin, the API or a file."""

from collections.abc import Mapping

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from analytics.alerts.tables import AlertChannel, Secrets
from analytics.alerts.transports import new_secret, secret_bytes
from omniroute.addresses import check_target_url
from omniroute.references import REFERENCES

# What of a channel says where its messages go: for those who may know its secrets.
LEADS = frozenset({"kind", "url", "secret", "recipients", "allow_private_network"})


def enter(channel: AlertChannel, entered: Mapping[str, str | None]) -> str:
    """Seal what is entered, and of the rest what is kept, in a row that is else as it is to be.

    What signs a webhook is made if there is none, and returned, to be shown once; empty otherwise.

    Raises:
        ValidationError: By the names of the fields: one is missing, or is none.
    """
    kept = channel.kept()
    secrets = _merged(channel.kind, kept, entered)
    _check(channel, secrets)
    if secrets != kept:
        channel.seal(secrets)
    is_made = not entered.get("secret") and "secret" not in kept
    return secrets.get("secret", "") if is_made else ""


def _merged(kind: str, kept: Secrets, entered: Mapping[str, str | None]) -> Secrets:
    if kind == AlertChannel.Kind.EMAIL:
        return {}
    url = (entered.get("url") or kept.get("url", "")).strip()
    if not url:
        raise ValidationError({"url": "A URL is needed."})
    if kind != AlertChannel.Kind.WEBHOOK:
        return {"url": url}
    secret = entered.get("secret") or kept.get("secret") or new_secret()
    if not secret.startswith(REFERENCES):
        try:
            secret_bytes(secret)
        except ValueError as error:
            raise ValidationError({"secret": str(error)}) from None
    return {"url": url, "secret": secret}


def _check(channel: AlertChannel, secrets: Secrets) -> None:
    """Refuse what nothing could be delivered to."""
    if channel.kind == AlertChannel.Kind.EMAIL:
        problems = {}
        if not settings.EMAIL_URL:
            problems["kind"] = "EMAIL_URL is not set: this gateway can send no e-mail."
        if not channel.recipients:
            problems["recipients"] = "E-mail needs an address."
        if problems:
            raise ValidationError(problems)
        return
    url = secrets["url"]
    if url.startswith(REFERENCES):
        return  # what it says is judged when it is called
    try:
        check_target_url(url, channel.allow_private_network)
    except ValidationError as error:
        raise ValidationError({"url": error.messages}) from None


def recipients(addresses: list[str]) -> str:
    """As the column has them. Raises `ValidationError` for what is no e-mail address."""
    told = [address.strip() for address in addresses if address.strip()]
    for address in told:
        try:
            validate_email(address)
        except ValidationError:
            raise ValidationError(f"{address!r} is no e-mail address") from None
    return ", ".join(told)
