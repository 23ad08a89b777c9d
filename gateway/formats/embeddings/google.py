"""What Google's two formats share: a content, its settings, the counts.

Source: https://ai.google.dev/api/embeddings (read 2026-11)
"""

from typing import Any
from urllib.parse import unquote

import msgspec

from gateway.errors import BadRequest
from gateway.formats.embeddings.types import EmbeddingRequest, Purpose
from gateway.formats.embeddings.vectors import no_vectors
from gateway.formats.failures import read_leniently, reported
from gateway.formats.gemini import address as chat_address
from gateway.formats.gemini import wants as chat_wants
from gateway.formats.gemini.response import media_tokens
from gateway.formats.reading import (
    as_object,
    count,
    given,
    objects,
    optional,
    others,
    required,
    unknown_part,
)
from gateway.formats.types import JSONDict, Usage

_TASKS: dict[str, Purpose] = {
    "RETRIEVAL_QUERY": "query",
    "RETRIEVAL_DOCUMENT": "document",
    "SEMANTIC_SIMILARITY": "similarity",
    "CLASSIFICATION": "classification",
    "CLUSTERING": "clustering",
    "QUESTION_ANSWERING": "question_answering",
    "FACT_VERIFICATION": "fact_verification",
    "CODE_RETRIEVAL_QUERY": "code_query",
}
_PURPOSES = {purpose: task for task, purpose in _TASKS.items()}
_KNOWN = frozenset(["model", "content", "taskType", "title", "outputDimensionality"])


def address(model: str, method: str) -> str:
    return chat_address(model, stream=False).rpartition(":")[0] + f":{method}"


def resource(model: str) -> str:
    """A model's name as it stands in a body: `models/…`."""
    return unquote(address(model, "")[1:-1])


def wants(path: str, body: JSONDict) -> tuple[str, bool]:
    """The model, which stands in the path; there is nothing to stream."""
    return chat_wants(path, body)[0], False


def max_tokens(body: JSONDict) -> int:
    """A vector has no tokens."""
    return 0


def units(body: JSONDict) -> dict[str, int]:
    """Only its tokens are paid for."""
    return {}


def without_model(body: JSONDict) -> JSONDict:
    """The same object where it names none: what the client calls it is nobody else's business."""
    if "model" not in body:
        return body
    return {name: value for name, value in body.items() if name != "model"}


def check_content(request: JSONDict, at: str) -> None:
    """Of a request in camel case. Raises `BadRequest`, which names the field."""
    content = required(request, "content", dict, at)
    if not objects(content, "parts", f"{at}content."):
        raise BadRequest(f"{at}content.parts: at least one is needed", param=f"{at}content.parts")
    optional(request, "taskType", str, at)
    optional(request, "title", str, at)
    optional(request, "outputDimensionality", int, at)


def read(request: JSONDict, format: str, at: str) -> EmbeddingRequest:
    """One request in camel case, which was checked.

    Raises:
        BadRequest: A part's text is none.
        NotSupported: A part is no text.
    """
    task = request.get("taskType")
    purpose = _TASKS.get(task or "")
    extras = others(request, _KNOWN)
    if task not in (None, "TASK_TYPE_UNSPECIFIED") and purpose is None:
        extras["taskType"] = task
    return EmbeddingRequest(
        format=format,
        model="",
        inputs=(_text(request["content"], at),),
        dimensions=request.get("outputDimensionality"),
        input_type=purpose,
        title=request.get("title"),
        extras=extras,
    )


def _text(content: JSONDict, at: str) -> str:
    found = []
    for where, part in objects(content, "parts", f"{at}content."):
        text = optional(part, "text", str, where)
        if text is None:
            raise unknown_part(part, "content")
        found.append(text)
    return "".join(found)


def settings(request: EmbeddingRequest) -> JSONDict:
    return given(
        taskType=_PURPOSES[request.input_type] if request.input_type else None,
        title=request.title,
        outputDimensionality=request.dimensions,
    )


def read_usage(body: JSONDict) -> Usage | None:
    """Only the newer models tell one; Vertex calls its details as those of a chat are called."""
    told = as_object(body.get("usageMetadata"))
    details = told.get("promptTokenDetails") or told.get("promptTokensDetails")
    if not told:
        return None
    return Usage(
        input_tokens=count(told.get("promptTokenCount")),
        units=media_tokens({"promptTokensDetails": details}),
    )


def write_usage(usage: Usage | None) -> JSONDict:
    if usage is None:
        return {}
    tokens = usage.input_tokens
    return {"usageMetadata": {"promptTokenCount": tokens, "totalTokenCount": tokens}}


class _Answer(msgspec.Struct):
    embedding: Any = None
    embeddings: Any = None
    usageMetadata: Any = None
    error: Any = None


class _Sniffed(msgspec.Struct):
    embedding: msgspec.Raw = msgspec.Raw()
    embeddings: msgspec.Raw = msgspec.Raw()
    usageMetadata: dict[str, Any] | None = None
    error: Any = None


_sniff = msgspec.json.Decoder(_Sniffed).decode


def sniff(data: bytes, name: str) -> Usage | None:
    """The usage in an answer whose vectors, which are not read, stand at `name`.

    Raises:
        UpstreamFailed: It is no answer.
    """
    try:
        sniffed: _Answer | _Sniffed = _sniff(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        sniffed = read_leniently(data, _Answer)
    if sniffed.error:
        raise reported(sniffed.error)
    told = getattr(sniffed, name)
    told = bytes(told).strip() if isinstance(told, msgspec.Raw) else told
    if not told or told in (b"null", b"[]", b"{}"):
        raise no_vectors()
    return read_usage({"usageMetadata": sniffed.usageMetadata})
