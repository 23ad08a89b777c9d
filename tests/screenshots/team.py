"""The gateway in the pictures: whose it is, what it is configured with, and the providers behind it."""

import asyncio
from dataclasses import dataclass
from typing import Any

from tests.e2e.gateway import KEY, Gateway
from tests.e2e.upstream import (
    Seen,
    Upstream,
    anthropic_event,
    anthropic_stream,
    json_answer,
    openai_event,
    openai_stream,
    relay,
    send,
)

ADMINISTRATOR = "ada"
QUESTION = "Why does our nightly import take twice as long since Tuesday?"
ANSWER = (
    "Two things changed on Tuesday. The import now commits after every row, which costs a flush to "
    "disk each time, and the new index on events.created_at is updated along the way. Commit in "
    "batches of a thousand, and create the index once the rows are in."
)
BUSY = "gpt-5.4"  # of which its provider has had enough for the moment


@dataclass(frozen=True)
class Model:
    """Prices are in USD per million tokens."""

    provider: str
    name: str
    input_price: float
    output_price: float

    @property
    def id(self) -> str:
        return f"{self.provider}/{self.name}"


MODELS = [
    Model("anthropic", "claude-sonnet-4-6", 3, 15),
    Model("claude-max", "claude-sonnet-4-6", 3, 15),
    Model("openai", BUSY, 2.5, 15),
    Model("openai", "gpt-5.4-mini", 0.75, 4.5),
    Model("gemini", "gemini-2.5-flash", 0.3, 2.5),
    Model("groq", "llama-3.3-70b", 0.59, 0.79),
]
TIERS = {"claude-max": "subscription", "groq": "cheap"}
CONNECTIONS = {
    "anthropic-team": "anthropic", "claude-max-ada": "claude-max", "openai-team": "openai",
    "gemini-team": "gemini", "groq-free": "groq",
}  # fmt: skip
# Who they belong to, and what they may spend.
KEYS = {
    "web-app": ("ops", {"weekly_usd": 20, "monthly_usd": 150}),
    "code-review": ("ben", {"weekly_usd": 12}),
    "nightly-reports": ("ops", {"weekly_usd": 6, "daily_requests": 400}),
    "ada/laptop": (ADMINISTRATOR, {"weekly_usd": 15}),
    "mia/editor": ("mia", {"weekly_usd": 15}),
}


# The one that calls are made with.
OWN = {"ada/laptop": {"key": KEY}}


class Providers(Upstream):
    """All of them, on one socket. They answer at the pace of a person who reads along."""

    async def answer(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        if seen.model == BUSY:
            words = f"Rate limit reached for {BUSY}: 30,000 tokens per minute."
            error = {"error": {"message": words, "code": "rate_limit_exceeded"}}
            await send(writer, json_answer(error, 429, "Retry-After: 1800\r\n"))
            return True
        words_of_it = [f"{word} " for word in ANSWER.split()]
        if seen.path.endswith("/messages"):
            deltas = [{"type": "text_delta", "text": word} for word in words_of_it]
            events = anthropic_stream([({"type": "text", "text": ""}, deltas)], "end_turn")
        else:
            events = openai_stream(seen, words_of_it)
        await asyncio.sleep(0.3)
        return await relay(writer, [*events[:-2], *_ending(seen)], pause_s=0.02)


def _ending(seen: Seen) -> list[bytes]:
    """With as many tokens as it is."""
    if seen.path.endswith("/messages"):
        stop = {"stop_reason": "end_turn", "stop_sequence": None}
        usage = {"input_tokens": 16, "cache_read_input_tokens": 0, "output_tokens": 61}
        return [
            anthropic_event("message_delta", delta=stop, usage=usage),
            anthropic_event("message_stop"),
        ]
    usage = {"prompt_tokens": 14, "completion_tokens": 58, "total_tokens": 72}
    return [openai_event([], usage=usage), b"data: [DONE]\n\n"]


def prepare(gateway: Gateway, providers: Upstream) -> None:
    """Before the catalogue is loaded: the names of its providers stand for local ones here, so that
    nothing asks anybody else."""
    gateway.manage("migrate", "--verbosity", "0")
    gateway.apply(configuration(providers.url))
    gateway.manage("bootstrap")


def configuration(url: str) -> dict[str, Any]:
    def provider(id: str) -> dict[str, Any]:
        return {
            "id": id, "alias": id, "name": id.capitalize(), "base_url": url,
            "allow_private_network": True, "tier": TIERS.get(id, "api_key"), "discovery": False,
            "format": "anthropic_messages" if id.startswith(("anthropic", "claude")) else "openai_chat",
        }  # fmt: skip

    return {
        "providers": [provider(id) for id in dict.fromkeys(CONNECTIONS.values())],
        "models": [
            {
                "id": model.id, "context_window": 200_000, "input_price": model.input_price,
                "output_price": model.output_price, "cache_read_price": model.input_price / 10,
            }
            for model in MODELS
        ],
        "connections": [
            {
                "name": name, "provider": provider,
                "auth": {"type": "api_key", "api_key": f"sk-{name}-of-a-picture"},
            }
            for name, provider in CONNECTIONS.items()
        ],
        "combos": [
            {"name": "best", "targets": [
                {"model": f"openai/{BUSY}"}, {"model": "anthropic/claude-sonnet-4-6"},
                {"combo": "cheap"},
            ]},
            {"name": "cheap", "strategy": "cost-optimized", "targets": [
                {"model": "groq/llama-3.3-70b"}, {"model": "gemini/gemini-2.5-flash"},
            ]},
            {"name": "coding", "strategy": "priority-tiers", "targets": [
                {"model": "claude-max/claude-sonnet-4-6"},
                {"model": "anthropic/claude-sonnet-4-6"},
            ]},
        ],
        "aliases": [{"alias": "gpt-4*", "model": "best"}, {"alias": "fast", "model": "cheap"}],
        "users": [
            {"username": ADMINISTRATOR, "role": "administrator"},
            {"username": "ops", "role": "operator", "budgets": {"monthly_usd": 250}},
            {"username": "ben", "role": "member"},
            {"username": "mia", "role": "member"},
        ],
        "api_keys": [
            {"name": name, "owner": owner, "budgets": budgets} | OWN.get(name, {})
            for name, (owner, budgets) in KEYS.items()
        ],
        "settings": {"log_bodies": True},
    }  # fmt: skip
