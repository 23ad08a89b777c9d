"""What is read of a request says all of it: written again in the same format it is the same."""

from typing import Any

import pytest

from gateway.formats.kinds import KINDS
from gateway.formats.types import JSONDict, Quirks

WHOLE: list[tuple[str, str, JSONDict]] = [
    (
        "rerank",
        "cohere_rerank",
        {
            "model": "m", "query": "q", "documents": ["a"], "top_n": 1, "return_documents": False,
            "max_tokens_per_doc": 9,
        },
    ),
    (
        "speech",
        "openai_speech",
        {
            "model": "m", "input": "a", "voice": "v", "response_format": "wav", "speed": 2.0,
            "instructions": "i", "other": 1,
        },
    ),
    (
        "image",
        "openai_images",
        {"model": "m", "prompt": "p", "n": 2, "size": "8x9", "output_format": "webp", "other": 1},
    ),
    (
        "image",
        "openai_image_edits",
        {
            "model": "m", "prompt": "p", "n": 1,
            "images": [{"image_url": "data:image/png;base64,AAAA"}, {"image_url": "https://x/"}],
            "mask": {"image_url": "https://y/"},
        },
    ),
    ("moderation", "openai_moderations", {"model": "m", "input": ["a", "b"], "other": 1}),
    (
        "embedding",
        "openai_embeddings",
        {"model": "m", "input": ["a", [1, 2]], "dimensions": 3, "user": "u"},
    ),
    (
        "embedding",
        "gemini_embed_content",
        {
            "content": {"parts": [{"text": "a"}]}, "taskType": "CLUSTERING", "title": "t",
            "outputDimensionality": 3,
        },
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "name", "body"), WHOLE, ids=[row[1] for row in WHOLE])
def test_what_is_read_is_written_again(kind: str, name: str, body: JSONDict) -> None:
    format: Any = KINDS[kind].upstreams[name]
    encoded = format.encode_request(format.decode_request(body), "m", Quirks())
    assert (encoded.body, encoded.dropped) == (body, ())
