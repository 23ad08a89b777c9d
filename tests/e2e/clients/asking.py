"""A client's request, its answer, and what the provider was asked."""

import json
from typing import Any, NamedTuple

import httpx

from tests.e2e.gateway import CLIENT, KEY, Gateway
from tests.e2e.upstream import Seen, Upstream

JSON = dict[str, Any]
CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"
UPSTREAMS = ("mk", "rs", "an", "gm")  # chat, responses, messages, Gemini


class Event(NamedTuple):
    name: str
    data: Any


def events(answer: httpx.Response) -> list[Event]:
    """A stream's events; one that is no JSON, such as `[DONE]`, as its text."""
    assert answer.headers["content-type"].startswith("text/event-stream"), answer.text
    found = []
    for told in answer.text.replace("\r\n", "\n").split("\n\n"):
        lines = told.split("\n")
        name = "".join(line[6:].strip() for line in lines if line.startswith("event:"))
        data = "".join(line[5:].strip() for line in lines if line.startswith("data:"))
        if data:
            found.append(
                Event(name, json.loads(data) if data[0] in "{[" and data != "[DONE]" else data)
            )
    return found


def post(gateway: Gateway, path: str, body: JSON, **headers: str) -> httpx.Response:
    """With the key as `authorization: Bearer`, unless the headers bring one; `_` is a hyphen."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if "x-api-key" not in named and "x-goog-api-key" not in named:
        named["authorization"] = f"Bearer {KEY}"
    return CLIENT.post(gateway.url + path, json=body, headers=named)


def left(upstream: Upstream, answer: httpx.Response) -> Seen:
    """The request that the provider saw for it."""
    assert answer.status_code == 200, answer.text
    return upstream.seen[-1]


def results_in(provider: str, sent: JSON) -> dict[str, str]:
    """By the ids of their calls; texts in several parts as one."""
    if provider == "gm":
        parts = [part for content in sent["contents"] for part in content["parts"]]
        found = [p["functionResponse"] for p in parts if "functionResponse" in p]
        return {told["id"]: _text(next(iter(told["response"].values()))) for told in found}
    if provider == "an":
        blocks = [b for m in sent["messages"] for b in m["content"] if m["role"] == "user"]
        found = [b for b in blocks if b["type"] == "tool_result"]
        return {told["tool_use_id"]: _text(told["content"]) for told in found}
    if provider == "rs":
        found = [item for item in sent["input"] if item["type"] == "function_call_output"]
        return {told["call_id"]: _text(told["output"]) for told in found}
    found = [m for m in sent["messages"] if m["role"] == "tool"]
    return {told["tool_call_id"]: _text(told["content"]) for told in found}


def _text(content: object) -> str:
    if isinstance(content, str):
        return content.replace("\n", "")
    assert isinstance(content, list), content
    return "".join(part["text"] for part in content)
