"""A browser's page that watches the log: signed in, over a WebSocket."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.e2e.gateway import PASSWORD, Gateway


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


def following(page: ClientConnection, within_s: float = 20) -> list[str]:
    """The ids of what comes next."""
    page.send("next")
    return re.findall(r'<tr id="(\w+)"', json.loads(page.recv(timeout=within_s))["rows"])
