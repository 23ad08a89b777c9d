"""What the setup page says of each tool, against a gateway: the address that the tool makes of it is
answered, and the Python programs run as they stand."""

import contextlib
import io
import re

import pytest

from omniroute.console import clients
from omniroute.console.clients import Client, Place, filled
from tests.e2e.clients.asking import CHAT, JSON, MESSAGES, RESPONSES, left, post
from tests.e2e.gateway import HELLO, KEY, Gateway
from tests.e2e.scenes import TALK
from tests.e2e.upstream import Upstream

MODEL = "mk/talk"
GEMINI = f"/v1beta/models/{MODEL}:generateContent"
BODIES: dict[str, JSON] = {
    CHAT: {"model": MODEL, "messages": HELLO},
    RESPONSES: {"model": MODEL, "input": "Hello"},
    MESSAGES: {"model": MODEL, "messages": HELLO, "max_tokens": 9},
    GEMINI: {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]},
}
# What each adds to its address, as it was recorded; those of OpenAI's format are given /v1 already.
ADDED = {
    "claude-code": MESSAGES,
    "anthropic-sdk": MESSAGES,
    "gemini-cli": GEMINI,
    "google-sdk": GEMINI,
    "codex": RESPONSES.removeprefix("/v1"),
}


@pytest.mark.parametrize("client", clients.clients(), ids=lambda client: client.id)
def test_the_address_that_a_tool_makes_of_it_is_answered(
    gateway: Gateway, upstream: Upstream, client: Client
) -> None:
    parts = filled(client, Place(gateway.url, KEY, MODEL))
    told = "\n".join([part.text + "\n".join(part.fields.values()) for part in parts])
    (base,) = set(re.findall(rf"{re.escape(gateway.url)}[\w/.]*", told))
    path = base.removeprefix(gateway.url) + ADDED.get(client.id, CHAT.removeprefix("/v1"))
    assert left(upstream, post(gateway, path, BODIES[path])).model == "talk"


@pytest.mark.parametrize("id", ["openai-sdk", "anthropic-sdk", "google-sdk"])
def test_a_python_program_runs(gateway: Gateway, id: str) -> None:
    part = filled(clients.find(id), Place(gateway.url, KEY, MODEL))[0]
    assert part.language == "python"
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(part.text, part.title, "exec"), {})
    assert said.getvalue().strip() == TALK
