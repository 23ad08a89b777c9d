"""The vendors as an operator would configure them."""

from collections.abc import Callable
from typing import Any

from tests.e2e.gateway import FORGETFUL, KEY, MANAGE_KEY, UPSTREAM_KEY
from tests.kinds import (
    embedding_vendors,
    image_vendors,
    moderation_vendors,
    rerank_vendors,
    speech_vendors,
    transcription_vendors,
)

ANSWERS = {
    **embedding_vendors.ANSWERS,
    **rerank_vendors.ANSWERS,
    **moderation_vendors.ANSWERS,
    **speech_vendors.ANSWERS,
    **image_vendors.ANSWERS,
    **transcription_vendors.ANSWERS,
}

EMBEDDINGS: dict[str, dict[str, Any]] = {
    "openai": {},
    "mistral": {"other_kinds": {"embedding": {"format": "mistral_embeddings"}}},
    "voyage": {"other_kinds": {"embedding": {"format": "voyage_embeddings"}}},
    "jina": {"other_kinds": {"embedding": {"format": "jina_embeddings"}}},
    "cohere": {"format": "cohere_chat"},
    "ollama": {"format": "ollama_chat"},
    "gemini": {"format": "gemini"},
}

RERANKERS: dict[str, dict[str, Any]] = {
    "rr-cohere": {"format": "cohere_chat"},
    "rr-jina": {},
    "rr-together": {},
    "rr-voyage": {"other_kinds": {"rerank": {"format": "voyage_rerank"}}},
    "rr-nvidia": {
        "other_kinds": {
            "rerank": {"format": "nvidia_rerank", "path": "/retrieval/{model}/reranking"}
        }
    },
}
MODERATORS: dict[str, dict[str, Any]] = {
    "mod-openai": {},
    "mod-mistral": {"other_kinds": {"moderation": {"format": "mistral_moderations"}}},
}

SPEAKERS: dict[str, dict[str, Any]] = {
    "tts-openai": {},
    "tts-elevenlabs": {"other_kinds": {"speech": {"format": "elevenlabs_speech"}}},
    "tts-deepgram": {"other_kinds": {"speech": {"format": "deepgram_speech"}}},
}

HEARERS: dict[str, dict[str, Any]] = {"stt-openai": {}, "stt-groq": {}} | {
    f"stt-{name}": {"other_kinds": {"transcription": {"format": f"{name}_transcriptions"}}}
    for name in ("deepgram", "assemblyai", "elevenlabs")
}

PAINTERS: dict[str, dict[str, Any]] = {
    "img-openai": {},
    "img-gemini": {"format": "gemini"},
} | {
    f"img-{name}": {"other_kinds": {"image": {"format": f"{name}_images"}}}
    for name in ("together", "stability", "bfl", "fal", "recraft", "replicate")
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
            "timeouts": {"first_byte": 0.4} if provider == "img-fal" else {},
        }  # fmt: skip

    # The built-in providers have these names.
    ids = {id: f"{id}-here" for id in EMBEDDINGS}
    return {
        "providers": [
            provider(ids[id], base_url=url(id), **more) for id, more in EMBEDDINGS.items()
        ]
        + [
            provider(id, **more)
            for id, more in (RERANKERS | MODERATORS | SPEAKERS | HEARERS | PAINTERS).items()
        ]
        + [provider("deaf", format="anthropic_messages")],
        "models": [
            {"id": f"{ids[id]}/embed", "kind": "embedding", "input_price": 0.02}
            for id in EMBEDDINGS
        ]
        + [
            *(
                {
                    "id": f"{ids[id]}/seeing",
                    "kind": "embedding",
                    "input_price": 0.2,
                    "media_prices": {"image_input_per_mtok": 0.45, "audio_input_per_mtok": 6.5},
                }
                for id in ("gemini", "cohere")
            ),
            {"id": "openai-here/silent", "kind": "embedding", "input_price": 0.02},
            {"id": "openai-here/broken", "kind": "embedding", "input_price": 0.02},
            {"id": "openai-here/strict", "kind": "embedding"},
            {"id": "openai-here/chat", "kind": "chat"},
            {"id": "rr-cohere/m", "kind": "rerank", "media_prices": {"per_1k_queries": 2}},
            *(
                {"id": f"rr-{id}/m", "kind": "rerank", "input_price": 0.05}
                for id in ("jina", "together", "voyage")
            ),
            {"id": "rr-nvidia/org/m", "kind": "rerank", "media_prices": {"per_request": 0.001}},
            {"id": "rr-jina/broken", "kind": "rerank"},
            {"id": "mod-openai/m", "kind": "moderation", "input_price": 0},
            *(
                {"id": f"{id}/m", "kind": "image", "media_prices": {"per_image": 0.04}}
                for id in PAINTERS
            ),
            {"id": "img-openai/tokens", "kind": "image", "input_price": 5, "output_price": 40},
            {
                "id": "img-openai/apart",
                "kind": "image",
                "input_price": 5,
                "media_prices": {
                    "per_image": 9,
                    "image_input_per_mtok": 8,
                    "image_output_per_mtok": 30,
                },
            },
            {
                "id": "img-fal/wide",
                "kind": "image",
                "media_prices": {"per_image": 9, "per_megapixel": 0.02},
            },
            {"id": "img-gemini/imagen-4", "kind": "image", "media_prices": {"per_image": 0.02}},
            *({"id": f"img-openai/{fault}", "kind": "image"} for fault in ("broken", "filtered")),
            {"id": "mod-openai/broken", "kind": "moderation"},
            *(
                {"id": f"{id}/voice", "kind": "speech", "media_prices": {"per_million_chars": 15}}
                for id in SPEAKERS
            ),
            {
                "id": "tts-openai/timed",
                "kind": "speech",
                "media_prices": {"per_minute": 6, "audio_output_per_mtok": 12},
            },
            *(
                {"id": f"tts-openai/{fault}", "kind": "speech"}
                for fault in ("broken", "cut", "empty", "odd")
            ),
            *(
                {"id": f"{id}/whisper", "kind": "transcription", "media_prices": {"per_minute": 6}}
                for id in HEARERS
            ),
            {
                "id": "stt-openai/tokens",
                "kind": "transcription",
                "input_price": 2,
                "output_price": 10,
                "media_prices": {"per_minute": 6, "audio_input_per_mtok": 5},
            },
            {"id": "mod-mistral/m", "kind": "moderation", "input_price": 0.1},
        ],
        "connections": [
            connection(id)
            for id in (
                *ids.values(),
                *RERANKERS,
                *MODERATORS,
                *SPEAKERS,
                *HEARERS,
                *PAINTERS,
                "deaf",
            )
        ],
        "aliases": [{"alias": "vectors", "model": "openai-here/embed"}],
        "combos": [
            {
                "name": "near",
                "targets": [{"model": "openai-here/broken"}, {"model": "voyage-here/embed"}],
            },
            {"name": "sorted", "targets": [{"model": "rr-jina/broken"}, {"model": "rr-cohere/m"}]},
            *(
                {
                    "name": f"said-after-{fault}",
                    "targets": [{"model": f"tts-openai/{fault}"}, {"model": "tts-deepgram/voice"}],
                }
                for fault in ("broken", "empty", "odd")
            ),
            {
                "name": "heard",
                "targets": [
                    {"model": "stt-openai/broken"},
                    {"model": "stt-assemblyai/mute"},
                    {"model": "stt-deepgram/whisper"},
                ],
            },
            {
                "name": "drawn",
                "targets": [
                    {"model": "img-openai/broken"},
                    {"model": "img-bfl/moderated"},
                    {"model": "img-fal/m"},
                ],
            },
            {
                "name": "judged",
                "targets": [{"model": "mod-openai/broken"}, {"model": "mod-mistral/m"}],
            },
        ],
        "api_keys": [
            {"name": "laptop", "key": KEY},
            {"name": "ops", "key": MANAGE_KEY, "scopes": ["manage"], "owner": "admin"},
        ],
        "settings": FORGETFUL,
    }
