"""What strangers name is fetched from public addresses only, within limits, and leaves no trace."""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from omniroute.http import Allowance, AnswerTooLarge, CallFailed, Fetched, Fetcher
from tests.filehost import PNG, PUBLIC, FileHost, Network
from tests.omniroute.test_addresses import CASES

ROOM = 1 << 20


@pytest.fixture(scope="module")
def host() -> Iterator[FileHost]:
    host = FileHost()
    yield host
    host.close()


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def fetcher(network: Network) -> Iterator[Fetcher]:
    # Without certificates, which take long to read: only some tests are about TLS.
    fetcher = Fetcher(network=network, tls=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    yield fetcher
    fetcher.close()


async def fetch(fetcher: Fetcher, url: str, *, size: int = ROOM, seconds: float = 5.0) -> Fetched:
    return await fetcher.get(url, [Allowance(size)], seconds)


def at(host: FileHost, path: str, name: str = PUBLIC) -> str:
    return f"http://{name}:{host.port}{path}"


async def test_it_gives_the_body_and_its_type(fetcher: Fetcher, host: FileHost) -> None:
    assert await fetch(fetcher, at(host, "/cat.png?a=b#c")) == Fetched("image/png", PNG)
    assert host.paths[-1] == "/cat.png?a=b"


async def test_nothing_of_ours_or_of_an_earlier_hop_is_sent(
    fetcher: Fetcher, host: FileHost, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {PUBLIC} login canary password canary\n")
    monkeypatch.setenv("NETRC", str(netrc))
    before = len(host.seen)
    for _ in range(2):
        await fetch(fetcher, at(host, "/3"))
    assert len(host.seen) == before + 8
    for seen in host.seen[before:]:
        assert seen.headers == {
            "host": f"{PUBLIC}:{host.port}",
            "user-agent": "OmniRoute",
            "accept": "*/*",
            "accept-encoding": "identity",
            "connection": "close",
        }


async def test_proxies_of_the_environment_are_not_used(
    host: FileHost, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert (await fetch(Fetcher(network=network), at(host, "/cat.png"))).data == PNG
    assert network.called == [PUBLIC]


# --- Addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.address} is {case.verdict}")
async def test_an_address(case: Any, fetcher: Fetcher, network: Network, host: FileHost) -> None:
    name = f"[{case.address}]" if ":" in case.address else case.address
    if case.verdict == "public":
        assert (await fetch(fetcher, at(host, "/cat.png", name))).data == PNG
        return
    for dotted in (name, name + "."):
        with pytest.raises(CallFailed):
            await fetch(fetcher, at(host, "/cat.png", dotted))
    assert network.called == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "cat.png",
        "//8.8.8.8/cat.png",
        "file:///etc/passwd",
        "ftp://8.8.8.8/cat.png",
        "gopher://8.8.8.8/cat.png",
        "http:///cat.png",
        "http://8.8.8.8:0/cat.png",
        "http://8.8.8.8:99999/cat.png",
        "http://user:secret@8.8.8.8/cat.png",
        "http://8.8.8.8@127.0.0.1/cat.png",
        "http://8.8.8.8\\@127.0.0.1/cat.png",
        "http://127.0.0.1\\@8.8.8.8/cat.png",
        "http://8.8.8.8/a b.png",
        "http://8.8.8.8/a\r\nx-evil: 1",
        "http://8.8.8.8/\x00",
        "http://8.8.8.8/\ud800",
        "http://[::1",
        "http://[fe80::1%25eth0]/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://127.0.0.%31/",
        "http://127\u30020\u30020\u30021/",
        "http://\uff11\uff12\uff17.0.0.1/",
        "http://localhost/",
        "http://LOCALHOST./",
        "http://" + "a" * 300 + "/",
        "http://a/" + "x" * 70_000,
    ],
)
async def test_what_is_no_url_of_a_public_host_is_refused_before_any_call(
    url: str, fetcher: Fetcher, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"localhost": ["127.0.0.1"], "localhost.": ["127.0.0.1"]}
    monkeypatch.setattr(socket, "getaddrinfo", names(known))
    with pytest.raises(CallFailed):
        await fetch(fetcher, url)
    assert network.called == []


def names(known: dict[str, list[str]]) -> Callable[..., list[Any]]:
    """A resolver that knows these names, and numbers."""
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *rest: Any) -> list[Any]:
        if host.replace(".", "").isdigit() or ":" in host:
            return real(host, port, *rest)
        if host not in known:
            raise socket.gaierror
        return [(2, 1, 6, "", (address, port)) for address in known[host]]

    return resolve


@pytest.mark.parametrize(
    "answers",
    [["127.0.0.1"], ["::1"], [PUBLIC, "10.0.0.1"], ["10.0.0.1", PUBLIC], ["fe80::1%eth0"], ["?"]],
    ids=str,
)
async def test_a_name_with_any_private_address_is_refused(
    answers: list[str], fetcher: Fetcher, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", names({"files.example": answers}))
    with pytest.raises(CallFailed):
        await fetch(fetcher, "http://files.example/cat.png")
    assert network.called == []


async def test_the_address_that_was_judged_is_the_one_that_is_called(
    fetcher: Fetcher, network: Network, host: FileHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"files.example": [PUBLIC]}
    resolve = names(known)

    def rebinding(name: str, *rest: Any) -> list[Any]:
        found = resolve(name, *rest)
        known["files.example"] = ["127.0.0.1"]
        return found

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    url = at(host, "/cat.png", "files.example")
    assert (await fetch(fetcher, url)).data == PNG
    assert network.called == [PUBLIC]
    assert host.seen[-1].headers["host"] == f"files.example:{host.port}"
    with pytest.raises(CallFailed):  # nor is an earlier judgement remembered
        await fetch(fetcher, url)
    assert network.called == [PUBLIC]


async def test_the_next_address_of_a_name_is_called_where_the_first_does_not_answer(
    fetcher: Fetcher, network: Network, host: FileHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    network.dead = {"1.1.1.1"}
    monkeypatch.setattr(socket, "getaddrinfo", names({"files.example": ["1.1.1.1", PUBLIC]}))
    assert (await fetch(fetcher, at(host, "/cat.png", "files.example"))).data == PNG
    assert network.called == ["1.1.1.1", PUBLIC]


async def test_private_networks_can_be_allowed_and_metadata_services_cannot(host: FileHost) -> None:
    fetcher = Fetcher(allow_private=True)
    assert (await fetch(fetcher, at(host, "/cat.png", "127.0.0.1"))).data == PNG
    with pytest.raises(CallFailed):
        await fetch(fetcher, "http://169.254.169.254/latest/meta-data/")


# --- Redirects -----------------------------------------------------------------------------------


async def test_three_redirects_are_followed_and_a_fourth_is_not(
    fetcher: Fetcher, host: FileHost
) -> None:
    assert (await fetch(fetcher, at(host, "/3"))).data == PNG
    before = len(host.seen)
    for path in ("/4", "/loop"):
        with pytest.raises(CallFailed):
            await fetch(fetcher, at(host, path))
    assert host.paths[before:] == ["/4", "/3", "/2", "/1", *["/loop"] * 4]


@pytest.mark.parametrize(
    "path",
    ["/loopback", "/metadata", "/file", "/script", "/no-url", "/credential", "/nowhere"],
)
async def test_a_redirect_is_judged_as_the_first_address_is(
    path: str, fetcher: Fetcher, network: Network, host: FileHost
) -> None:
    with pytest.raises(CallFailed):
        await fetch(fetcher, at(host, path))
    assert network.called == [PUBLIC]


# --- TLS -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate and its key for files.example, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "files.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("files.example")]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(certificate.public_bytes(encoding) + private)
    return file


@pytest.fixture
def secure(certificate: Path) -> Iterator[FileHost]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    host = FileHost(context)
    yield host
    host.close()


async def test_tls_is_checked_against_the_name_and_never_left(
    certificate: Path, secure: FileHost, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"files.example": [PUBLIC], "other.example": [PUBLIC]}
    monkeypatch.setattr(socket, "getaddrinfo", names(known))
    trusting = Fetcher(network=network, tls=ssl.create_default_context(cafile=str(certificate)))
    base = f"https://files.example:{secure.port}"
    assert (await fetch(trusting, base + "/3")).data == PNG
    secure.files["/down"] = secure.files["/1"].replace(b"/cat.png", at(secure, "/cat.png").encode())
    before = len(network.called)
    for url in (base + "/down", f"https://other.example:{secure.port}/cat.png"):
        with pytest.raises(CallFailed):
            await fetch(trusting, url)
    assert len(network.called) == before + 2
    with pytest.raises(CallFailed):
        await fetch(Fetcher(network=network), base + "/cat.png")


# --- Limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/endless", "/of/1048577", f"/declares/{1 << 40}"])
async def test_a_body_above_the_limit_is_cut_there(
    path: str, fetcher: Fetcher, host: FileHost
) -> None:
    with pytest.raises(AnswerTooLarge):
        await fetch(fetcher, at(host, path))
    assert len((await fetch(fetcher, at(host, "/of/1048576"))).data) == ROOM


async def test_several_fetches_can_share_a_limit(fetcher: Fetcher, host: FileHost) -> None:
    shared = Allowance(250)
    for _ in range(2):
        await fetcher.get(at(host, "/of/100"), [Allowance(ROOM), shared])
    with pytest.raises(AnswerTooLarge):
        await fetcher.get(at(host, "/of/100"), [Allowance(ROOM), shared])


@pytest.mark.parametrize("path", ["/hang", "/drip"])
async def test_time_is_limited(path: str, fetcher: Fetcher, host: FileHost) -> None:
    began = time.monotonic()
    with pytest.raises(CallFailed):
        await fetch(fetcher, at(host, path), seconds=0.3)
    assert 0.2 < time.monotonic() - began < 3


async def test_a_name_server_that_hangs_is_not_waited_for(
    fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hangs(*_: Any) -> list[Any]:
        asyncio.run_coroutine_threadsafe(answer.wait(), loop).result(5)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    with pytest.raises(CallFailed):
        await fetch(fetcher, "http://files.example/", seconds=0.2)
    answer.set()


@pytest.mark.parametrize(
    "path",
    ["/missing.png", "/partial.png", "/packed.png", "/short.png", "/not-http", "/long-header"],
)
async def test_what_is_no_whole_plain_answer_is_refused(
    path: str, fetcher: Fetcher, host: FileHost
) -> None:
    with pytest.raises(CallFailed):
        await fetch(fetcher, at(host, path))


async def test_a_port_where_nobody_listens(fetcher: Fetcher) -> None:
    with pytest.raises(CallFailed):
        await fetch(fetcher, f"http://{PUBLIC}:1/cat.png")


async def test_who_leaves_takes_the_connection_along(fetcher: Fetcher, host: FileHost) -> None:
    before, abandoned = len(host.seen), host.abandoned
    task = asyncio.create_task(fetch(fetcher, at(host, "/hang/leaving")))
    await until(lambda: len(host.seen) > before)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: host.abandoned > abandoned)


async def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not happened():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
