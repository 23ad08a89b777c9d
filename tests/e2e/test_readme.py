"""The README's first calls, run as they stand, but for the address and the key."""

import contextlib
import io
import json
import re
import shlex
import subprocess

import pytest

from tests.e2e.gateway import KEY, ROOT, Gateway

README = (ROOT / "README.md").read_text()


def shown(language: str, gateway: Gateway) -> list[str]:
    blocks = re.findall(rf"```{language}\n(.+?)```", README, re.DOTALL)
    return [
        block.replace("http://127.0.0.1:20128", gateway.url).replace("sk-omni-…", KEY)
        for block in blocks
    ]


@pytest.mark.parametrize("position", [0, 1, 2], ids=["openai", "anthropic", "google"])
def test_a_first_call_with_an_sdk(gateway: Gateway, position: int) -> None:
    blocks = shown("python", gateway)
    assert len(blocks) == 3
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(blocks[position], "README.md", "exec"), {})
    assert "Hello" in said.getvalue()


def test_a_first_call_with_curl(gateway: Gateway) -> None:
    (block,) = (block for block in shown("sh", gateway) if block.startswith("curl"))
    command = shlex.split(block.replace("\\\n", " "))
    done = subprocess.run([*command, "--silent"], capture_output=True, text=True)
    answer = json.loads(done.stdout)
    assert "Hello" in answer["choices"][0]["message"]["content"]
