"""Which addresses may be called: every form of the private and the forbidden ones."""

import ipaddress
from dataclasses import dataclass
from typing import Literal

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from omniroute.addresses import AddressRefused, check_address, check_base_url, literal

Verdict = Literal["public", "private", "never"]


@dataclass(frozen=True)
class Case:
    """`public` may be called, `private` only where that is allowed, `never` by no setting."""

    address: str
    verdict: Verdict


CASES = [
    Case("8.8.8.8", "public"),
    Case("1.1.1.1", "public"),
    Case("172.15.255.255", "public"),
    Case("172.32.0.0", "public"),
    Case("100.63.255.255", "public"),
    Case("100.128.0.0", "public"),
    Case("168.63.129.15", "public"),
    Case("2606:4700:4700::1111", "public"),
    Case("::ffff:8.8.8.8", "public"),
    Case("64:ff9b::808:808", "public"),
    Case("2002:808:808::1", "public"),
    # Loopback, private and documentation networks, to their edges.
    Case("127.0.0.1", "private"),
    Case("127.255.255.255", "private"),
    Case("10.0.0.0", "private"),
    Case("10.255.255.255", "private"),
    Case("172.16.0.0", "private"),
    Case("172.31.255.255", "private"),
    Case("192.168.0.1", "private"),
    Case("100.64.0.1", "private"),
    Case("100.127.255.255", "private"),
    Case("192.0.0.1", "private"),
    Case("192.0.2.1", "private"),
    Case("198.18.0.1", "private"),
    Case("198.51.100.1", "private"),
    Case("203.0.113.1", "private"),
    Case("::1", "private"),
    Case("fc00::1", "private"),
    Case("fd12:3456::1", "private"),
    Case("fec0::1", "private"),
    Case("2001:db8::1", "private"),
    # The same inside IPv6.
    Case("::ffff:127.0.0.1", "private"),
    Case("::ffff:10.0.0.1", "private"),
    Case("::127.0.0.1", "private"),
    Case("64:ff9b::a00:1", "private"),
    Case("2002:7f00:1::", "private"),
    Case("2002:c0a8:101::5", "private"),
    # Metadata services, link-local, "this host", multicast, reserved.
    Case("169.254.169.254", "never"),
    Case("169.254.0.1", "never"),
    Case("100.100.100.200", "never"),
    Case("168.63.129.16", "never"),
    Case("192.0.0.192", "never"),
    Case("0.0.0.0", "never"),
    Case("0.1.2.3", "never"),
    Case("224.0.0.1", "never"),
    Case("240.0.0.1", "never"),
    Case("255.255.255.255", "never"),
    Case("::", "never"),
    Case("::2", "never"),
    Case("fd00:ec2::254", "never"),
    Case("fe80::1", "never"),
    Case("ff02::1", "never"),
    Case("2001:0:4136:e378:8000:63bf:3fff:fdd2", "never"),
    Case("64:ff9b:1::a00:1", "never"),
    Case("::ffff:169.254.169.254", "never"),
    Case("::169.254.169.254", "never"),
    Case("64:ff9b::a9fe:a9fe", "never"),
    Case("2002:a9fe:a9fe::", "never"),
    Case("::ffff:0.0.0.0", "never"),
]


def is_refused(address: str, allow_private: bool) -> bool:
    try:
        check_address(ipaddress.ip_address(address), allow_private)
    except AddressRefused:
        return True
    return False


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.address} is {case.verdict}")
def test_an_address(case: Case) -> None:
    assert is_refused(case.address, allow_private=False) == (case.verdict != "public")
    assert is_refused(case.address, allow_private=True) == (case.verdict == "never")


@given(st.ip_addresses(v=4))
def test_ipv6_forms_of_an_address_are_judged_as_it_is(address: ipaddress.IPv4Address) -> None:
    for allow_private in (False, True):
        for form in (f"::ffff:{address}", f"64:ff9b::{address}"):
            refused = is_refused(form, allow_private)
            assert refused == is_refused(str(address), allow_private)


@given(st.ip_addresses())
def test_what_is_refused_where_private_is_allowed_is_refused_elsewhere(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if is_refused(str(address), allow_private=True):
        assert is_refused(str(address), allow_private=False)


# --- Base URLs -------------------------------------------------------------------------------


def complaint(url: str, allow_private: bool = False) -> str | None:
    try:
        check_base_url(url, allow_private)
    except ValidationError as error:
        return " ".join(error.message_dict["base_url"])
    return None


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "http://example.com:8080/v1/",
        "https://EXAMPLE.com",
        "https://example.com./v1",
        "https://xn--bcher-kva.example/v1",
        "https://my_host.example/v1",
        "https://8.8.8.8/v1",
        "https://[2606:4700:4700::1111]:8443/v1",
        "https://10.example.com/v1",
    ],
)
def test_a_public_base_url_is_taken(url: str) -> None:
    assert complaint(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9100/v1",
        "http://127.0.0.1./v1",
        "http://192.168.1.5/v1",
        "http://[::1]:11434/v1",
        "http://[::ffff:127.0.0.1]/v1",
        "http://localhost:11434/v1",
        "http://LOCALHOST/v1",
        "http://localhost./v1",
        "http://api.localhost/v1",
    ],
)
def test_a_private_base_url_is_taken_only_where_that_is_allowed(url: str) -> None:
    assert "allow_private_network" in (complaint(url) or "")
    assert complaint(url, allow_private=True) is None


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.169.254.",
        "0.0.0.0",
        "100.100.100.200",
        "[fd00:ec2::254]",
        "[fe80::1%25eth0]",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::a9fe:a9fe]",
        # Spellings of 127.0.0.1 that some resolvers read, and no person writes.
        "2130706433",
        "0x7f000001",
        "0x7F000001",
        "017700000001",
        "0177.0.0.1",
        "0x7f.0.0.1",
        "127.0.0.0x1",
        "127.1",
        "127.0.1",
        "127.1.",
        "0",
        "127\u30020\u30020\u30021",  # ideographic full stops
        "\uff11\uff12\uff17.0.0.1",  # full-width digits
        "127.0.0.%31",
        "127.0.0.1%2f",
        "8.8.8.8%25x",
        "\u24dbocalhost",  # a letter in a circle
        "exam\\ple.com",
    ],
)
def test_a_host_is_refused_by_any_setting(host: str) -> None:
    for allow_private in (False, True):
        assert complaint(f"http://{host}/v1", allow_private)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "http:// or https://"),
        ("api.example.com/v1", "http:// or https://"),
        ("file:///etc/passwd", "http:// or https://"),
        ("gopher://example.com/", "http:// or https://"),
        ("demo://echo", "http:// or https://"),
        ("http:///v1", "no host"),
        ("http://user:secret@example.com/v1", "credential"),
        ("http://example.com@127.0.0.1/v1", "credential"),
        ("http://example.com/v1?key=x", "neither ? nor #"),
        ("http://example.com/v1#x", "neither ? nor #"),
        ("http://example.com/v 1", "space or a control character"),
        ("http://exa\nmple.com/v1", "space or a control character"),
        ("http://exa\tmple.com/v1", "space or a control character"),
        (" http://example.com/v1", "space or a control character"),
        ("http://example.com/v1\r\nx-evil: 1", "space or a control character"),
        ("http://example.com/\x00", "space or a control character"),
        ("http://[::1/v1", "not a URL"),
        ("http://example.com:port/v1", "not a URL"),
        ("http://example.com:99999/v1", "not a URL"),
    ],
)
def test_what_is_no_base_url_is_refused_with_its_reason(url: str, words: str) -> None:
    assert words in (complaint(url, allow_private=True) or "")


def test_a_credential_in_a_url_is_not_repeated() -> None:
    assert "hunter2" not in (complaint("http://user:hunter2@example.com/v1") or "")


@given(st.text(max_size=40))
def test_no_host_makes_the_check_itself_fail(host: str) -> None:
    complaint(f"http://{host}/v1")


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("[::1]", "::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("example.com", None),
        ("127.1", None),
        ("8.8.8.8%x", None),
        ("", None),
    ],
)
def test_a_literal_address_is_told_from_a_name(host: str, address: str | None) -> None:
    found = literal(host)
    assert (None if found is None else str(found)) == address
