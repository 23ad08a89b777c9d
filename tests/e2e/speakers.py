"""A request in each format that a client may speak, and what an upstream was told in each of its own."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
from msgspec import Struct

from tests.e2e.gateway import Gateway, keyed
from tests.e2e.upstream import Seen

JSON = dict[str, Any]
SAID = "Say hello."
CLIENTS_OWN = "You are the client's."


class Speaker(Struct, frozen=True):
    """A client's format. `body` makes a request of it, with a system prompt or without."""

    id: str
    path: Callable[[str, bool], str]
    body: Callable[[bool], JSON]  # with a system prompt

    def ask(
        self,
        gateway: Gateway,
        key: str,
        model: str,
        *,
        stream: bool = False,
        system: bool = False,
        more: JSON | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        body = self.body(system) | (more or {})
        if "/models/" not in self.path(model, stream):
            body |= {"model": model, "stream": stream}
        return gateway.post(self.path(model, stream), body, **keyed(key), **(headers or {}))


def _at(path: str) -> Callable[[str, bool], str]:
    return lambda model, stream: path


def _gemini(query: str) -> Callable[[str, bool], str]:
    def path(model: str, stream: bool) -> str:
        method = f"streamGenerateContent{query}" if stream else "generateContent"
        return f"/v1beta/models/{model}:{method}"

    return path


def _chat(system: bool) -> JSON:
    own = [{"role": "system", "content": CLIENTS_OWN}] if system else []
    return {"messages": [*own, {"role": "user", "content": SAID}]}


def _prompt(system: bool) -> JSON:
    return {"prompt": SAID} | ({"system": CLIENTS_OWN} if system else {})


def _responses(system: bool) -> JSON:
    own = {"instructions": CLIENTS_OWN} if system else {}
    return {"input": SAID, "store": False} | own


def _messages(system: bool) -> JSON:
    own = {"system": CLIENTS_OWN} if system else {}
    return {"max_tokens": 100, "messages": [{"role": "user", "content": SAID}]} | own


def _contents(system: bool) -> JSON:
    own = {"systemInstruction": {"parts": [{"text": CLIENTS_OWN}]}} if system else {}
    return {"contents": [{"role": "user", "parts": [{"text": SAID}]}]} | own


CHAT = Speaker("chat", _at("/v1/chat/completions"), _chat)
COMPLETIONS = Speaker("completions", _at("/v1/completions"), _prompt)
RESPONSES = Speaker("responses", _at("/v1/responses"), _responses)
MESSAGES = Speaker("messages", _at("/v1/messages"), _messages)
GEMINI = Speaker("gemini", _gemini("?alt=sse"), _contents)
ARRAY = Speaker("gemini-array", _gemini(""), _contents)
OLLAMA = Speaker("ollama", _at("/api/chat"), _chat)
SPEAKERS = (CHAT, COMPLETIONS, RESPONSES, MESSAGES, GEMINI, ARRAY, OLLAMA)


def system_of(seen: Seen) -> list[str]:
    """All that an upstream was told before the conversation, in the order of its format."""
    body, found = seen.body, []
    if "contents" in body:
        found = body.get("systemInstruction", {}).get("parts", [])
    elif seen.path.endswith("/messages"):
        found = body.get("system", [])
    else:
        items = [
            item
            for item in (body.get("messages") or body.get("input") or [])
            if isinstance(item, dict)
        ]
        found = [body["instructions"]] if "instructions" in body else []
        found += [i["content"] for i in items if i.get("role") in ("system", "developer")]
    return list(_texts(found))


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    for part in content if isinstance(content, list) else ():
        yield from [part["text"]] if isinstance(part, dict) else _texts(part)


def words(answer: httpx.Response) -> str:
    """All of an answer, as text: what must not stand in it can be looked for there."""
    return answer.text + json.dumps(dict(answer.headers))
