"""The list of models as Ollama's clients ask for it.

Source: https://github.com/ollama/ollama/blob/main/docs/api.md#list-local-models (read 2026-11)
"""

import hashlib
from collections.abc import Iterable

from gateway.formats.types import JSONDict

# Go's zero time, which Ollama's own client shows as "Never": when is not known.
_NEVER = "0001-01-01T00:00:00Z"


def encode_tags(models: Iterable[str]) -> JSONDict:
    """The answer to `GET /api/tags`.

    Models behind a gateway have no file: the size is 0, the family unknown. The digest is that of
    the name, since clients cut it to twelve characters without looking, and tell models by it.
    """
    return {"models": [_model(name) for name in models]}


def _model(name: str) -> JSONDict:
    return {
        "name": name,
        "model": name,
        "modified_at": _NEVER,
        "size": 0,
        "digest": hashlib.sha256(name.encode(errors="replace")).hexdigest(),
        "details": {
            "parent_model": "",
            "format": "",
            "family": "",
            "families": [],
            "parameter_size": "",
            "quantization_level": "",
        },
    }
