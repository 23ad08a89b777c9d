"""The live tail of the request log, over real WebSockets, on both servers."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.e2e.gateway import HELLO, PASSWORD, Gateway, copy, key_of, request_id

OWNERS = {
    "users": [{"username": "ann", "role": "member"}, {"username": "vera", "role": "viewer"}],
    "api_keys": [{"name": "anns", "key": key_of("anns"), "owner": "ann"}],
}


@pytest.fixture(scope="module", params=["uvicorn", "daphne"])
def server(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def gateway(
    server: str, prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    folder = copy(prepared, tmp_path_factory.mktemp(server))
    gateway = Gateway(folder, "--no-worker", "--server", server, "--workers", "2").start()
    gateway.apply(OWNERS)
    yield gateway
    assert gateway.stop() == 0
    assert "Traceback" not in gateway.output()


@pytest.fixture
def ann(gateway: Gateway) -> Iterator[httpx.Client]:
    with signed_in(gateway, "ann") as client:
        yield client


@contextmanager
def signed_in(gateway: Gateway, username: str) -> Iterator[httpx.Client]:
    gateway.give_password(username)
    with httpx.Client(base_url=gateway.url, timeout=30) as client:
        client.get("/account/login/")
        form = {"login": username, "password": PASSWORD}
        assert posted(client, "/account/login/", **form).status_code == 302
        assert "sessionid" in client.cookies
        yield client


def posted(client: httpx.Client, path: str, **form: str) -> httpx.Response:
    return client.post(path, data=form | {"csrfmiddlewaretoken": client.cookies["csrftoken"]})


def tail(
    gateway: Gateway, client: httpx.Client, query: str = "", origin: str = ""
) -> ClientConnection:
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    return connect(
        gateway.url.replace("http:", "ws:") + "/ws/logs/" + query,
        origin=Origin(origin or gateway.url),
        additional_headers={"cookie": cookies} if cookies else None,
        proxy=None,
    )


def following(page: ClientConnection) -> list[str]:
    """The ids of what comes next."""
    page.send("next")
    return re.findall(r'<tr id="(\w+)"', json.loads(page.recv(timeout=20))["rows"])


def test_what_is_logged_comes_by_itself_to_who_may_see_it(
    gateway: Gateway, ann: httpx.Client
) -> None:
    with signed_in(gateway, "vera") as vera, tail(gateway, vera) as all_of_it:
        first = request_id(gateway.chat("mk/plain"))
        assert following(all_of_it) == [first]
        with tail(gateway, ann) as own, tail(gateway, vera, "?model=mk/usage-null") as one_model:
            gateway.chat("mk/plain")
            mine = request_id(
                gateway.post(
                    "/v1/chat/completions",
                    {"model": "mk/plain", "messages": HELLO},
                    authorization=f"Bearer {key_of('anns')}",
                )
            )
            assert following(own) == [mine]
            wanted = request_id(gateway.chat("mk/usage-null"))
            assert following(one_model) == [wanted]


def test_a_page_of_another_site_gets_nothing(gateway: Gateway, ann: httpx.Client) -> None:
    for origin in ("http://evil.example", "null", gateway.url.replace("127.0.0.1", "localhost")):
        with pytest.raises(InvalidStatus) as refused:
            tail(gateway, ann, origin=origin)
        assert refused.value.response.status_code == 403
    with pytest.raises(InvalidStatus), httpx.Client() as stranger:
        tail(gateway, stranger)


def test_who_signs_out_gets_no_more(gateway: Gateway, ann: httpx.Client) -> None:
    with tail(gateway, ann) as page:
        posted(ann, "/account/logout/")
        page.send("next")
        with pytest.raises(ConnectionClosed) as closed:
            page.recv(timeout=20)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401


def test_a_page_that_watches_keeps_no_gateway_from_stopping(
    server: str, own_gateway: Callable[..., Gateway]
) -> None:
    gateway = own_gateway("--no-worker", "--server", server)
    with signed_in(gateway, "admin") as admin, tail(gateway, admin) as page:
        page.send("next")
        gateway.process.terminate()
        with pytest.raises(ConnectionClosed):
            page.recv(timeout=20)
        assert gateway.process.wait(20) == 0
    assert "Traceback" not in gateway.output()
    assert "outlasted" not in gateway.output()


def test_more_than_a_page_has_to_say_is_not_read(gateway: Gateway, ann: httpx.Client) -> None:
    with tail(gateway, ann) as page:
        page.send("x" * 5_000)
        with pytest.raises(ConnectionClosed) as closed:
            page.recv(timeout=20)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
