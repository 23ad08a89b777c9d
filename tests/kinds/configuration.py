"""The vendors as an operator would configure them."""

from collections.abc import Callable
from typing import Any

from tests.e2e.gateway import FORGETFUL, KEY, MANAGE_KEY, UPSTREAM_KEY
from tests.kinds import embedding_vendors

ANSWERS = {**embedding_vendors.ANSWERS}

EMBEDDINGS: dict[str, dict[str, Any]] = {
    "openai": {},
    "mistral": {"endpoints": {"embedding": {"format": "mistral_embeddings"}}},
    "voyage": {"endpoints": {"embedding": {"format": "voyage_embeddings"}}},
    "jina": {"endpoints": {"embedding": {"format": "jina_embeddings"}}},
    "cohere": {"format": "cohere_chat"},
    "ollama": {"format": "ollama_chat"},
    "gemini": {"format": "gemini"},
}


def document(url: Callable[[str], str]) -> dict[str, Any]:
    def provider(id: str, **more: Any) -> dict[str, Any]:
        return {
            "id": id, "alias": id, "base_url": url(id), "allow_private_network": True,
        } | more  # fmt: skip

    def connection(provider: str) -> dict[str, Any]:
        return {
            "name": f"{provider}-main", "provider": provider,
            "auth": {"type": "api_key", "api_key": UPSTREAM_KEY},
        }  # fmt: skip

    # The built-in providers have these names.
    ids = {id: f"{id}-here" for id in EMBEDDINGS}
    return {
        "providers": [
            provider(ids[id], base_url=url(id), **more) for id, more in EMBEDDINGS.items()
        ]
        + [provider("deaf", format="anthropic_messages", base_url=url("deaf"))],
        "models": [
            {"id": f"{ids[id]}/embed", "kind": "embedding", "input_price": 0.02}
            for id in EMBEDDINGS
        ]
        + [
            {"id": "openai-here/silent", "kind": "embedding", "input_price": 0.02},
            {"id": "openai-here/broken", "kind": "embedding", "input_price": 0.02},
            {"id": "openai-here/strict", "kind": "embedding"},
            {"id": "openai-here/chat", "kind": "chat"},
        ],
        "connections": [connection(id) for id in (*ids.values(), "deaf")],
        "aliases": [{"alias": "vectors", "model": "openai-here/embed"}],
        "combos": [
            {
                "name": "near",
                "targets": [{"model": "openai-here/broken"}, {"model": "voyage-here/embed"}],
            }
        ],
        "api_keys": [
            {"name": "laptop", "key": KEY},
            {"name": "ops", "key": MANAGE_KEY, "scopes": ["manage"], "owner": "admin"},
        ],
        "settings": FORGETFUL,
    }
