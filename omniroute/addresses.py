"""Which addresses the gateway may call; a leaf that any room may import.

`ipaddress.is_global` and `is_private` miss NAT64, 6to4, CGNAT and cloud metadata addresses,
so the rule is a table of networks. A name is judged where it is resolved: at connect time, by
every address that it has.
"""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from django.core.exceptions import ValidationError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Networks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]


class AddressRefused(Exception):
    """The address rules forbid this destination."""


def _networks(*texts: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


# Never a provider, and where clouds hand out credentials: no setting opens these.
_NEVER = _networks(
    "0.0.0.0/8",
    "169.254.0.0/16",  # link-local; 169.254.169.254 is every large cloud's metadata service
    "100.100.100.200/32",  # Alibaba's metadata service
    "168.63.129.16/32",  # Azure's
    "192.0.0.192/32",  # Oracle's
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "fd00:ec2::254/128",  # AWS's over IPv6
    "fe80::/10",
    "ff00::/8",
    "2001::/32",  # Teredo: the address inside is obfuscated
    "64:ff9b:1::/48",  # local NAT64: what it maps to is known to the network only
)
_PRIVATE = _networks(
    "10.0.0.0/8",
    "100.64.0.0/10",  # carrier-grade NAT
    "127.0.0.0/8",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "::1/128",
    "2001:db8::/32",
    "fc00::/7",
    "fec0::/10",
)
# IPv6 forms that carry an IPv4 address, and the bit where it starts, counted from the right.
_EMBEDDED = (
    (ipaddress.IPv6Network("::ffff:0:0/96"), 0),
    (ipaddress.IPv6Network("64:ff9b::/96"), 0),
    (ipaddress.IPv6Network("2002::/16"), 80),
    (ipaddress.IPv6Network("::/96"), 0),
)


def check_address(address: Address, allow_private: bool) -> None:
    """Refuse an address that is private (unless allowed) or never a provider's.

    Raises:
        AddressRefused: It is.
    """
    for judged in (address, *_inside(address)):
        if any(judged in network for network in _NEVER):
            raise AddressRefused(f"{address} is not an address that may be called")
        if not allow_private and any(judged in network for network in _PRIVATE):
            raise AddressRefused(f"{address} is in a private network")


def _inside(address: Address) -> list[ipaddress.IPv4Address]:
    if isinstance(address, ipaddress.IPv4Address) or address == ipaddress.IPv6Address("::1"):
        return []
    return [
        ipaddress.IPv4Address((int(address) >> shift) & 0xFFFFFFFF)
        for network, shift in _EMBEDDED
        if address in network
    ]


def check_base_url(url: str, allow_private: bool) -> None:
    """Refuse a base URL that is malformed, or that by its text alone may not be called.

    Raises:
        ValidationError: For the field `base_url`.
    """
    try:
        _check(url, allow_private, may_ask=False)
    except AddressRefused as refusal:
        raise ValidationError({"base_url": str(refusal)}) from None


def check_target_url(url: str, allow_private: bool) -> None:
    """As `check_base_url`, of a whole URL: it may have a query.

    Raises:
        ValidationError: For no field by name.
    """
    try:
        _check(url, allow_private, may_ask=True)
    except AddressRefused as refusal:
        raise ValidationError(str(refusal)) from None


def _check(url: str, allow_private: bool, *, may_ask: bool) -> None:
    """Raises `AddressRefused`."""
    # Judged before it is parsed, since `urlsplit` leaves tabs and line ends out.
    if any(char.isspace() or not char.isprintable() for char in url):
        raise AddressRefused("the URL has a space or a control character")
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is no number
    except ValueError as error:
        raise AddressRefused(f"not a URL: {error}") from None
    if complaint := _complaint(parts, may_ask):
        raise AddressRefused(complaint)
    host = parts.hostname or ""
    address = literal(host)
    if address is None:
        if _LOCALHOST.fullmatch(host) and not allow_private:
            raise AddressRefused(f"localhost is private; {_ALLOW}")
        return
    try:
        check_address(address, allow_private)
    except AddressRefused as refusal:
        raise AddressRefused(f"{refusal}; {_ALLOW}") from None


_LOCALHOST = re.compile(r"(.+\.)?localhost\.?")
# One spelling, so that no two readers differ on it: no %31, no dot of another script.
_NAME = re.compile(r"[a-z0-9._-]+")
_ALLOW = "set allow_private_network to call private addresses"


def _complaint(parts: SplitResult, may_ask: bool) -> str | None:
    if parts.scheme not in {"http", "https"}:
        return "a URL that begins with http:// or https:// is expected"
    if not parts.hostname:
        return "the URL has no host"
    if parts.username or parts.password:
        return "a credential does not belong in the URL"
    if parts.fragment or (parts.query and not may_ask):
        return "the URL can have no #" if may_ask else "the URL can have neither ? nor #"
    return host_complaint(parts.hostname)


def host_complaint(host: str) -> str | None:
    """Why a URL's host is no name and no address as people write them; None where it is one."""
    if literal(host) is not None:
        return None
    if not _NAME.fullmatch(host):
        return "the host is written in letters, digits, - and dots; another script as xn--…"
    last = host.rstrip(".").rsplit(".", 1)[-1]
    if last.isdigit() or last.startswith("0x"):
        # inet_aton reads 127.1, 0177.0.0.1 and 2130706433 as addresses; nobody else should.
        return "the host is neither a name nor an IP address in its usual form"
    return None


def literal(host: str) -> Address | None:
    """The IP address that a URL's host is, or None for a name."""
    text = host.rstrip(".").strip("[]")
    if ":" in text:
        text = text.partition("%")[0]  # the zone of a link-local address
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def client_address(peer: str, forwarded_for: str, trusted: Networks) -> str:
    """Who calls: the peer, or what a trusted proxy says of whom it calls for.

    Proxies append to X-Forwarded-For, so it is read from the right, and the first address that
    is no trusted proxy's is the client: what stands left of it, the client may have written.
    """
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    while hops and _is_within(peer, trusted):
        peer = hops.pop()
    return peer


def _is_within(text: str, networks: Networks) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return any(address in network for network in networks)
