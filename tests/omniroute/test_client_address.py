"""Who calls cannot be chosen with a header, except by a proxy that is trusted."""

import ipaddress

import pytest

from omniroute.addresses import client_address

PROXIES = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))
CASES = [
    ("203.0.113.9", "", "203.0.113.9"),
    ("203.0.113.9", "127.0.0.1", "203.0.113.9"),
    ("10.0.0.1", "", "10.0.0.1"),
    ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
    ("10.0.0.1", "127.0.0.1, 203.0.113.9", "203.0.113.9"),
    ("10.0.0.1", "127.0.0.1, 203.0.113.9, 10.0.0.7", "203.0.113.9"),
    ("10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"),
    ("fd00::1", "2001:db8::7", "2001:db8::7"),
    ("10.0.0.1", "nonsense", "nonsense"),
    ("", "203.0.113.9", ""),
]


@pytest.mark.parametrize(("peer", "forwarded", "client"), CASES)
def test_the_client_is(peer: str, forwarded: str, client: str) -> None:
    assert client_address(peer, forwarded, PROXIES) == client


def test_without_trusted_proxies_the_peer_is() -> None:
    assert client_address("10.0.0.1", "203.0.113.9", ()) == "10.0.0.1"
