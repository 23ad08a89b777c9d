"""What holds for a connection however it is changed: through Admin, the API or a file."""

from urllib.parse import urlsplit

from django.core.exceptions import ValidationError

from providers.models import Connection


def require_key_for_new_origin(
    connection: Connection, old_url: str, new_url: str, *, has_key: bool
) -> None:
    """Refuse to send a stored key to another host: who may edit an address may not know the key.

    Raises:
        ValidationError: The scheme, host or port changes and the key was not entered anew.
    """
    if connection.credential and not has_key and _origin(old_url) != _origin(new_url):
        raise ValidationError(
            {
                "base_url": f"another address for {connection.name} needs its API key entered "
                "again: the stored one was given for the old address"
            }
        )


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()
