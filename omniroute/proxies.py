"""Which proxies a connection may name; a leaf that any room may import."""

from urllib.parse import SplitResult, urlsplit

from django.core.exceptions import ValidationError

from omniroute.addresses import AddressRefused, check_address, literal
from omniroute.references import REFERENCES

SCHEMES = ("http", "socks5")


def check_written(proxy: str) -> None:
    """Refuse a proxy that cannot be one; one with a password has to stand elsewhere.

    Raises:
        ValidationError: For the field `proxy`.
    """
    if not proxy or proxy.startswith(REFERENCES):
        return
    parts = _split(proxy)
    if parts is None:
        raise ValidationError({"proxy": "http://host:port or socks5://host:port is expected"})
    if parts.username or parts.password:
        raise ValidationError(
            {
                "proxy": "a password does not belong here: put the whole address into a variable "
                "or a file, and write env:NAME or file:/path"
            }
        )


def check_proxy(proxy: str) -> None:
    """Refuse what is no proxy, or at an address that is never called. A private one is usual.

    Raises:
        AddressRefused: It is; the message does not repeat it.
    """
    parts = _split(proxy)
    if parts is None:
        raise AddressRefused("the proxy is not written as http://host:port or socks5://host:port")
    address = literal(parts.hostname or "")
    if address is not None:
        check_address(address, allow_private=True)


def _split(proxy: str) -> SplitResult | None:
    if any(char.isspace() or not char.isprintable() for char in proxy):
        return None
    try:
        parts = urlsplit(proxy)
        port = parts.port
    except ValueError:
        return None
    is_whole = parts.scheme in SCHEMES and parts.hostname and port
    has_more = parts.path.strip("/") or parts.query or parts.fragment
    return parts if is_whole and not has_more else None
