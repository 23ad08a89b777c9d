"""Whatever calls another machine over HTTP goes through a module that knows the address rules."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("omniroute", "gateway", "combos", "providers", "accounts", "analytics")
# `accounts/oidc.py` is what sends allauth's calls, which are `requests`', with `omniroute/http.py`.
GUARDED = {"accounts/oidc.py", "gateway/proxied.py", "gateway/upstream.py", "omniroute/http.py"}
CLIENTS = (
    *(
        "aiohttp",
        "anyio",
        "authlib.integrations",
        "h11",
        "http.client",
        "httpcore",
        "httpx",
        "pycurl",
        "python_socks",
    ),
    *("requests", "smtplib.SMTP", "urllib.request", "urllib3", "websockets"),
)
CALLS = ("create_connection", "open_connection")


def reaches_out(tree: ast.AST) -> Iterator[str]:
    """The clients that a module imports, and the connections that it opens itself."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=aliases):
                found = [alias.name for alias in aliases]
            case ast.ImportFrom(module=str(module), names=aliases):
                found = [module, *(f"{module}.{alias.name}" for alias in aliases)]
            case ast.Attribute(attr=name) | ast.Name(id=name) if name in CALLS:
                yield name
                continue
            case _:
                continue
        yield from (name for name in found for client in CLIENTS if is_of(name, client))


def is_of(name: str, client: str) -> bool:
    return name == client or name.startswith(client + ".")


def test_only_the_guarded_modules_have_an_http_client() -> None:
    found = {
        str(file.relative_to(ROOT)): sorted(set(reaches_out(ast.parse(file.read_text()))))
        for room in ROOMS
        for file in (ROOT / room).rglob("*.py")
    }
    assert {file for file, reached in found.items() if reached} == GUARDED, found


@pytest.mark.parametrize(
    "line",
    [
        "import httpx",
        "import aiohttp.web",
        "from urllib import request",
        "from urllib.request import urlopen",
        "from http import client",
        "def f():\n    import requests",
        "asyncio.open_connection('a', 1)",
        "from socket import create_connection\ncreate_connection(('a', 1))",
    ],
)
def test_it_is_seen(line: str) -> None:
    assert list(reaches_out(ast.parse(line)))


def test_what_is_no_client_is_not_one() -> None:
    harmless = "import http\nfrom http import HTTPStatus\nfrom urllib.parse import urlsplit"
    assert list(reaches_out(ast.parse(harmless))) == []
