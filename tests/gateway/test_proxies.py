"""A connection's proxy: calls and probes go through it, to addresses that were checked here."""

import asyncio
import json
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from gateway import routing, snapshot
from gateway.errors import CredentialFailed, UpstreamFailed
from gateway.routing import Target
from gateway.snapshot import Snapshot
from gateway.upstream import Upstreams
from omniroute.addresses import AddressRefused
from omniroute.proxies import check_proxy, check_written
from providers.probing import test_connection as probe
from tests.e2e.upstream import Upstream
from tests.factories import ConnectionFactory, ProviderFactory
from tests.proxy import Proxy, proxy

SCHEMES = ("http", "socks5")
BODY = json.dumps({"model": "plain", "messages": [{"role": "user", "content": "Hi"}]}).encode()


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    upstream = Upstream()
    yield upstream
    upstream.close()


@pytest.fixture
def between() -> Iterator[Proxy]:
    with proxy() as one:
        yield one


def rows(url: str, through: str, *, private: bool = True) -> Snapshot:
    provider = ProviderFactory(slug="acme", base_url=url, allow_private_network=private)
    ConnectionFactory(name="mine", provider=provider, api_key="k", proxy=through)
    return snapshot.build()


def target(built: Snapshot) -> Target:
    [found] = routing.resolve(built, built.anyone, "acme/plain", "openai_chat").targets
    return found


async def called(built: Snapshot) -> int:
    upstreams = Upstreams()
    try:
        found = target(built)
        answer = await upstreams.open(found, BODY, found.url)
        await answer.read()
        return answer.status
    finally:
        await upstreams.close()


@pytest.fixture
def build(db: None) -> Callable[..., Snapshot]:
    return rows


# Rows are made in the test's transaction, which another thread would not see.
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_call_goes_through_it_to_an_address(
    build: Callable[..., Snapshot], upstream: Upstream, between: Proxy, scheme: str
) -> None:
    url = f"http://localhost:{upstream.port}/v1"
    before = len(upstream.seen)
    assert asyncio.run(called(build(url, between.url(scheme)))) == 200
    [(host, port)] = between.asked
    assert host in ("127.0.0.1", "::1")  # and no name, which it could take for something else
    assert port == upstream.port
    assert upstream.seen[before].headers["host"] == f"localhost:{upstream.port}"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_password_stands_in_a_variable(
    build: Callable[..., Snapshot], upstream: Upstream, scheme: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    with proxy("pa55") as between:
        monkeypatch.setenv("ACME_PROXY", between.url(scheme))
        assert asyncio.run(called(build(upstream.url, "env:ACME_PROXY"))) == 200
        monkeypatch.setenv("ACME_PROXY", between.url(scheme).replace("pa55", "wrong"))
        with pytest.raises(UpstreamFailed, match="the proxy makes no connection") as error:
            asyncio.run(called(snapshot.build()))
        assert "wrong" not in str(error.value)


def test_a_call_fails_as_an_upstreams_does_where_that_variable_is_not_there(
    build: Callable[..., Snapshot], upstream: Upstream
) -> None:
    built = build(upstream.url, "env:NOWHERE")
    with pytest.raises(CredentialFailed, match="NOWHERE is not set"):
        asyncio.run(called(built))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_private_address_is_refused_before_the_proxy_hears_of_it(
    build: Callable[..., Snapshot], between: Proxy, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.7", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    built = build("http://inside.example/v1", between.url(scheme), private=False)
    with pytest.raises(UpstreamFailed, match="private network"):
        asyncio.run(called(built))
    assert between.asked == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_test_of_the_connection_goes_through_it_too(
    db: None, upstream: Upstream, between: Proxy, scheme: str
) -> None:
    provider = ProviderFactory(base_url=upstream.url, allow_private_network=True)
    row = ConnectionFactory(provider=provider, api_key="k", proxy=between.url(scheme))
    assert probe(row).ok
    assert between.asked == [("127.0.0.1", upstream.port)]
    row.proxy = "http://127.0.0.1:9"
    assert probe(row).message == "it cannot be reached"


def test_tls_is_with_the_name(
    build: Callable[..., Snapshot], between: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the upstream is told in TLS is its name, although the proxy was asked for an address."""
    named: list[str | None] = []
    wrap = ssl.SSLContext.wrap_bio

    def spy(self: ssl.SSLContext, *args: Any, **kwargs: Any) -> Any:
        named.append(kwargs.get("server_hostname"))
        return wrap(self, *args, **kwargs)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        monkeypatch.setattr(ssl.SSLContext, "wrap_bio", spy)

        async def hangs_up() -> None:
            call = asyncio.ensure_future(called(built))
            listener.setblocking(False)
            accepted, _ = await asyncio.get_running_loop().sock_accept(listener)
            accepted.close()
            with pytest.raises(UpstreamFailed):
                await call

        built = build(f"https://localhost:{port}/v1", between.url("socks5"))
        asyncio.run(hangs_up())
    assert named == ["localhost"]
    assert between.asked[0][0] in ("127.0.0.1", "::1")


WRONG = [
    "proxy.example:8080", "ftp://proxy.example:21", "http://proxy.example", "socks5://:1080",
    "http://proxy.example:8080/path", "http://user:secret@proxy.example:8080", "http://a b:1",
]  # fmt: skip


@pytest.mark.parametrize("written", WRONG)
def test_what_is_no_proxy_is_refused_and_not_repeated(written: str) -> None:
    with pytest.raises(ValidationError) as error:
        check_written(written)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("written", ["", "env:P", "file:/run/p", "http://10.0.0.1:3128"])
def test_what_is_one_is_taken(written: str) -> None:
    check_written(written)


def test_a_metadata_service_is_no_proxy() -> None:
    with pytest.raises(AddressRefused):
        check_proxy("http://169.254.169.254:80")
