"""`demo/echo` gives back what was said, whatever a tool puts around it."""

import asyncio
import json
from typing import Any

import pytest

from gateway import demo

TEXT = {"type": "text", "text": "Say hello."}
CONTEXT = {"type": "text", "text": "<context>Today is Tuesday.</context>"}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0="}}


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def echo(*messages: dict[str, Any]) -> str:
    answer = demo.answer(json.dumps({"model": "echo", "messages": messages}).encode())
    said: str = json.loads(asyncio.run(answer.read()))["choices"][0]["message"]["content"]
    return said


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([user("Say hello.")], id="alone"),
        pytest.param([user([TEXT])], id="in a part"),
        pytest.param([user([CONTEXT, TEXT])], id="after a context, as of Gemini CLI and Qwen Code"),
        pytest.param(
            [user([CONTEXT, TEXT]), {"role": "system", "content": "Your folder is /tmp."}],
            id="before a message of the system, as of Claude Code",
        ),
        pytest.param([user([TEXT, PICTURE])], id="before a picture"),
        pytest.param([user([TEXT, {"type": "text", "text": " "}])], id="before a blank"),
        pytest.param(
            [user("Hi."), {"role": "assistant", "content": "Hi."}, user("Say hello.")],
            id="after what was said before",
        ),
    ],
)
def test_what_the_user_said_last_comes_back(messages: list[dict[str, Any]]) -> None:
    assert echo(*messages) == "Say hello."


@pytest.mark.parametrize("messages", [[], [user(None)], [user([PICTURE])], [user("  ")]])
def test_where_nothing_was_said_it_says_so(messages: list[dict[str, Any]]) -> None:
    assert echo(*messages) == "(nothing was said)"
