"""How a message gets to a channel. Webhooks are signed as https://www.standardwebhooks.com says, so
that there is a library to verify them with in most languages."""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from smtplib import SMTPException
from typing import Any, Literal

from django.conf import settings
from django.core.mail import send_mail

from analytics.alerts.tables import AlertChannel, AlertDelivery
from omniroute.http import CallFailed, send
from omniroute.references import Unresolved, resolve

TIMEOUT_S = 10.0
PREFIX = "whsec_"
_TITLE = {"open": "", "resolved": "Over: ", "test": "Test: "}


class NotDelivered(Exception):
    """The message is not there. The words hold no secret."""


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def secret_bytes(secret: str) -> bytes:
    """Raises `ValueError` for what is no `whsec_` and the base64 of 24 to 64 bytes."""
    if not secret.startswith(PREFIX):
        raise ValueError(f"a secret begins with {PREFIX}")
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError(f"what follows {PREFIX} is no base64") from None
    if not 24 <= len(key) <= 64:
        raise ValueError("a secret is the base64 of 24 to 64 bytes")
    return key


def send_webhook(delivery: AlertDelivery, at: int) -> None:
    url, secret = _resolved(delivery.channel, "url", "secret")
    body = json.dumps(message(delivery), separators=(",", ":")).encode()
    try:
        headers = signed(str(delivery.id), at, body, secret)
    except ValueError as error:  # of one that stands elsewhere
        raise NotDelivered(str(error)) from None
    _post(delivery.channel, url, body, headers)


def signed(id: str, at: int, body: bytes, secret: str) -> dict[str, str]:
    """The headers that say who sent `body`, and when (Unix seconds)."""
    content = f"{id}.{at}.".encode() + body
    digest = hmac.new(secret_bytes(secret), content, hashlib.sha256).digest()
    signature = base64.b64encode(digest).decode()
    return {
        "webhook-id": id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{signature}",
    }


def send_slack(delivery: AlertDelivery, at: int) -> None:
    [url] = _resolved(delivery.channel, "url")
    body = json.dumps({"text": _for_slack(words(delivery))}).encode()
    _post(delivery.channel, url, body, {})


def send_email(delivery: AlertDelivery, at: int) -> None:
    if not settings.EMAIL_URL:
        raise NotDelivered("EMAIL_URL is not set, so no mail is sent")
    told = [each.strip() for each in delivery.channel.recipients.split(",")]
    text = f"{words(delivery)}\n\n{settings.PUBLIC_URL}\n"
    try:
        send_mail(f"OmniRoute: {words(delivery)}"[:200], text, None, told)
    except (SMTPException, OSError) as error:
        raise NotDelivered(f"the mail server: {type(error).__name__}") from None


def message(delivery: AlertDelivery) -> dict[str, Any]:
    """As webhooks have it."""
    incident = delivery.incident
    data: dict[str, Any] = {"state": delivery.state, "text": words(delivery)}
    if incident is not None:
        data |= {
            "incident": incident.pk,
            "subject": incident.subject,
            "opened": incident.opened.isoformat(),
            "resolved": incident.resolved.isoformat() if incident.resolved else None,
        }
    return {
        "type": incident.event if incident else "test",
        "timestamp": delivery.created.isoformat(),
        "data": data,
    }


def words(delivery: AlertDelivery) -> str:
    """One line."""
    text = delivery.incident.text if delivery.incident else "this channel gets its messages"
    return _TITLE[delivery.state] + " ".join(text.split())


def _for_slack(text: str) -> str:
    """What a provider says is no link and calls nobody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _resolved(channel: AlertChannel, *names: Literal["url", "secret"]) -> list[str]:
    secrets = channel.opened()
    try:
        return [resolve(secrets[name]) for name in names]
    except Unresolved as error:
        raise NotDelivered(str(error)) from None


def _post(channel: AlertChannel, url: str, body: bytes, headers: Mapping[str, str]) -> None:
    told = {"content-type": "application/json", "user-agent": "OmniRoute", **headers}
    try:
        status, _ = send(
            "POST",
            url,
            told,
            body,
            allow_private=channel.allow_private_network,
            timeout_s=TIMEOUT_S,
        )
    except CallFailed as error:
        raise NotDelivered(str(error)) from None
    if not 200 <= status < 300:
        raise NotDelivered(f"it answers {status}")


TRANSPORTS = {"webhook": send_webhook, "slack": send_slack, "email": send_email}
