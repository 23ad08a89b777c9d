"""From where calls may come: for everybody, and for one key."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.gateway import CLIENT, Gateway, copy, key_of, keyed, request_id
from tests.e2e.speakers import CHAT, GEMINI, MESSAGES, RESPONSES, Speaker
from tests.e2e.upstream import Upstream


@pytest.fixture(scope="module")
def gateway(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = copy(prepared, tmp_path_factory.mktemp("addresses"))
    office = ["198.51.100.0/24"]
    Gateway(folder).apply(
        {
            "settings": {
                "allowed_ips": ["198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"],
                "denied_ips": ["198.51.100.66", "2001:db8:bad::/48"],
            },
            "api_keys": [
                {"name": "anywhere", "key": key_of("anywhere")},
                {"name": "office", "key": key_of("office"), "allowed_ips": office},
                {"name": "not-there", "key": key_of("not-there"), "denied_ips": ["203.0.113.7"]},
                {"name": "both", "key": key_of("both"), "allowed_ips": office,
                 "denied_ips": ["198.51.100.7"]},
                {"name": "beyond", "key": key_of("beyond"), "allowed_ips": ["192.0.2.0/24"]},
                {"name": "manager", "key": key_of("manager"), "scopes": ["manage"], "owner": "admin",
                 "allowed_ips": office, "denied_ips": ["198.51.100.7"]},
            ],
        }
    )  # fmt: skip
    options = ("--no-worker", "--server", "uvicorn")
    gateway = Gateway(folder, *options, TRUSTED_PROXIES="127.0.0.1/32").start()
    yield gateway
    assert gateway.stop() == 0


VISITS = [
    ("anywhere", "198.51.100.1", True),
    ("anywhere", "203.0.113.9", True),
    ("anywhere", "2001:db8::1", True),
    ("anywhere", "::ffff:198.51.100.1", True),
    ("anywhere", "192.0.2.1", False),  # not on everybody's list
    ("anywhere", "198.51.100.66", False),  # denied to everybody, though its network is allowed
    ("anywhere", "::ffff:198.51.100.66", False),
    ("anywhere", "2001:db8:bad::1", False),
    ("office", "198.51.100.1", True),
    ("office", "203.0.113.9", False),
    ("office", "198.51.100.66", False),
    ("not-there", "203.0.113.9", True),
    ("not-there", "203.0.113.7", False),
    ("both", "198.51.100.1", True),
    ("both", "198.51.100.7", False),
    ("beyond", "192.0.2.1", False),  # a key opens no door that is closed for all
]


@pytest.mark.parametrize(("key", "address", "welcome"), VISITS)
def test_where_a_key_may_be_used(
    gateway: Gateway, upstream: Upstream, key: str, address: str, welcome: bool
) -> None:
    before = len(upstream.seen)
    answer = CHAT.ask(gateway, key_of(key), "mk/talk", headers={"x-forwarded-for": address})
    assert answer.status_code == (200 if welcome else 403)
    assert len(upstream.seen) == before + welcome
    assert gateway.row(request_id(answer))["status"] == answer.status_code


@pytest.mark.parametrize(
    "speaker", [CHAT, RESPONSES, MESSAGES, GEMINI], ids=lambda speaker: speaker.id
)
def test_a_refusal_speaks_the_clients_format_and_of_no_address(
    gateway: Gateway, speaker: Speaker
) -> None:
    there = {"x-forwarded-for": "198.51.100.66"}
    answer = speaker.ask(gateway, key_of("anywhere"), "mk/talk", headers=there)
    assert answer.status_code == 403
    assert "may not be called from this address" in answer.json()["error"]["message"]
    assert "198.51" not in answer.text


@pytest.mark.parametrize("path", ["/v1/models", "/v1beta/models", "/v1/responses/resp_1"])
def test_other_addresses_of_the_data_plane_are_closed_too(gateway: Gateway, path: str) -> None:
    headers = keyed(key_of("anywhere")) | {"x-forwarded-for": "192.0.2.1"}
    assert CLIENT.get(gateway.url + path, headers=headers).status_code == 403


def test_who_is_not_a_proxy_is_not_believed(gateway: Gateway) -> None:
    # The last that the trusted one has seen counts, and not what stands before it.
    lie = {"x-forwarded-for": "198.51.100.1, 192.0.2.1"}
    assert CHAT.ask(gateway, key_of("anywhere"), "mk/talk", headers=lie).status_code == 403


@pytest.mark.parametrize(
    ("address", "status"), [("198.51.100.1", 200), ("198.51.100.7", 403), ("203.0.113.9", 403)]
)
def test_a_key_that_manages_is_bound_to_its_addresses(
    gateway: Gateway, address: str, status: int
) -> None:
    headers = keyed(key_of("manager")) | {"x-forwarded-for": address}
    assert CLIENT.get(gateway.url + "/api/providers", headers=headers).status_code == status
