"""The live tail of the request log, over real WebSockets, on both servers."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.e2e.gateway import HELLO, Gateway, copy, key_of, request_id
from tests.e2e.watching import following, posted, signed_in, tail

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
