"""A browser's side of a session, without the browser: cookies and the CSRF token."""

import re

import httpx

from tests.e2e.gateway import PASSWORD, Gateway


class Session:
    """Somebody who is signed in."""

    def __init__(self, gateway: Gateway, username: str = "admin") -> None:
        gateway.give_password(username)
        self.client = httpx.Client(base_url=gateway.url, timeout=30)
        form = self.client.get("/account/login/").text
        fields = {"login": username, "password": PASSWORD, "csrfmiddlewaretoken": _token(form)}
        answer = self.client.post("/account/login/", data=fields)
        assert answer.status_code == 302, answer.text

    @property
    def token(self) -> str:
        return self.client.cookies["csrftoken"]

    def get(self, path: str) -> httpx.Response:
        return self.client.get(path)

    def post(self, path: str, body: object, **headers: str) -> httpx.Response:
        """With the token, unless the headers say otherwise; `_` is a hyphen."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(path, json=body, headers={"x-csrftoken": self.token} | named)

    def close(self) -> None:
        self.client.close()


def _token(page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found is not None
    return found[1]
