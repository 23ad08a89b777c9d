"""How vendors of embeddings answer, each in its own shape; what it would refuse it refuses here.

Sources: platform.openai.com/docs/api-reference/embeddings, ai.google.dev/api/embeddings,
docs.cohere.com/v2/reference/embed, docs.voyageai.com/reference/embeddings-api,
api.jina.ai/docs, docs.mistral.ai/api/endpoint/embeddings, docs.ollama.com/api/embed
(read 2026-11).
"""

from typing import Any

from tests.kinds.vendor import Answer, Refused, Seen

VECTOR = [0.5, -0.25, 0.125]  # exact as 32-bit floats
IN_BASE64 = "AAAAPwAAgL4AAAA+"


def _inputs(body: Any) -> int:
    told = body["input"]
    return 1 if isinstance(told, str) or isinstance(told[0], int) else len(told)


def _only(body: Any, *allowed: str) -> None:
    for name in body:
        if name not in allowed:
            words = {"msg": "Extra inputs are not permitted", "loc": ["body", name]}
            raise Refused(422, {"detail": [words]})


def openai(seen: Seen) -> Any:
    body = seen.body
    if body["model"] == "broken":
        raise Refused(500, {"error": {"message": "out of order", "type": "server_error"}})
    if body["model"] == "strict" and body.get("dimensions", 1) > 3072:
        raise Refused(400, {"error": {"message": "dimensions is too large", "type": "t"}})
    vector: Any = IN_BASE64 if body.get("encoding_format") == "base64" else VECTOR
    rows = [
        {"object": "embedding", "index": at, "embedding": vector} for at in range(_inputs(body))
    ]
    answer = {"object": "list", "data": rows, "model": "up", "vendor_field": 7}
    if body["model"] == "silent":
        return answer
    return answer | {"usage": {"prompt_tokens": 8, "total_tokens": 8}}


def mistral(seen: Seen) -> Any:
    _only(seen.body, "model", "input", "output_dimension", "output_dtype", "encoding_format")
    return openai(seen)


def voyage(seen: Seen) -> Any:
    _only(
        seen.body, "model", "input", "input_type", "truncation", "output_dimension",
        "output_dtype", "encoding_format",
    )  # fmt: skip
    return openai(seen) | {"usage": {"total_tokens": 8}}


def jina(seen: Seen) -> Any:
    _only(
        seen.body, "model", "input", "task", "dimensions", "truncate", "embedding_type",
        "normalized", "late_chunking",
    )  # fmt: skip
    return openai(seen)


def cohere(seen: Seen) -> Any:
    body = seen.body
    if "input_type" not in body:
        raise Refused(400, {"message": "valid input_type must be provided with the model"})
    billed = {"input_tokens": 8} | ({"image_tokens": 600} if body["model"] == "seeing" else {})
    return {
        "id": "e1",
        "embeddings": {"float": [VECTOR] * len(body["texts"])},
        "texts": body["texts"],
        "meta": {"api_version": {"version": "2"}, "billed_units": billed},
        "response_type": "embeddings_by_type",
    }


def ollama(seen: Seen) -> Any:
    told = seen.body["input"]
    rows = [VECTOR] * (1 if isinstance(told, str) else len(told))
    return {
        "model": seen.body["model"],
        "embeddings": rows,
        "total_duration": 14143917,
        "load_duration": 1019500,
        "prompt_eval_count": 8,
    }


# The count of embeddings has a name of its own for what `promptTokensDetails` is elsewhere.
SEEN = {
    "promptTokenCount": 1000,
    "promptTokenDetails": [
        {"modality": "TEXT", "tokenCount": 100},
        {"modality": "IMAGE", "tokenCount": 600},
        {"modality": "AUDIO", "tokenCount": 300},
    ],
}


def gemini(seen: Seen) -> Any:
    path, _, method = seen.path.partition(":")
    told = {"usageMetadata": SEEN} if path.endswith("/seeing") else {}
    if method == "embedContent":
        return {"embedding": {"values": VECTOR}} | told
    requests = seen.body["requests"]
    for request in requests:
        if f"/{request['model']}" != path:
            words = f"Model ID mismatch: {path} and {request['model']}"
            raise Refused(400, {"error": {"code": 400, "message": words, "status": "X"}})
    return {"embeddings": [{"values": VECTOR}] * len(requests)} | told


ANSWERS: dict[str, Answer] = {
    "openai": openai,
    "mistral": mistral,
    "voyage": voyage,
    "jina": jina,
    "cohere": cohere,
    "ollama": ollama,
    "gemini": gemini,
}
