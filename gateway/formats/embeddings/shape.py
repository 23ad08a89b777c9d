"""OpenAI's shape of an answer, which Mistral, Voyage and Jina share, and what requests share.

Source: https://platform.openai.com/docs/api-reference/embeddings (read 2026-11)
"""

from typing import Any

import msgspec

from gateway.errors import NotSupported
from gateway.formats.embeddings.types import EmbeddingRequest, Embeddings, Purpose
from gateway.formats.embeddings.vectors import no_vectors, read_list
from gateway.formats.failures import read_leniently, reported
from gateway.formats.reading import as_object, count, dropped_names
from gateway.formats.types import Encoded, JSONDict, Quirks, Usage

# As the APIs that take it at OpenAI's address spell it: Cohere's, NVIDIA's, OpenRouter's, Voyage's.
PURPOSES: dict[str, Purpose] = {
    "query": "query",
    "search_query": "query",
    "document": "document",
    "passage": "document",
    "search_document": "document",
    "classification": "classification",
    "clustering": "clustering",
    "similarity": "similarity",
}


def texts(request: EmbeddingRequest) -> list[str]:
    """The inputs, for a provider that takes no tokens.

    Raises:
        NotSupported: One of them is tokens.
    """
    found = [each for each in request.inputs if isinstance(each, str)]
    if len(found) != len(request.inputs):
        raise NotSupported("input: this provider takes text and no tokens", param="input")
    return found


NO_FIELDS: frozenset[str] = frozenset()


def encoded(
    request: EmbeddingRequest,
    body: JSONDict,
    quirks: Quirks,
    *lost: str,
    passed: frozenset[str] = NO_FIELDS,
) -> Encoded:
    """A body as it is sent, without what the server refuses, and what of the request is not in it.

    Args:
        lost: Fields of the neutral form for which the format has no place.
        passed: Fields of its own that clients at OpenAI's address may say.
    """
    dropped = [field for field in lost if getattr(request, field) is not None]
    further = {field: value for field, value in request.extras.items() if value is not None}
    body = {field: value for field, value in further.items() if field in passed} | body
    dropped += sorted(further.keys() - passed)
    dropped += [field for field in quirks.unsupported if field in body]
    body = {field: value for field, value in body.items() if field not in quirks.unsupported}
    return Encoded(body, dropped_names(dropped))


def decode_response(body: JSONDict) -> Embeddings:
    """Read an answer. Raises `UpstreamFailed` for what is none, an error in a 200 included."""
    rows = body.get("data")
    vectors = [as_object(row) for row in rows] if isinstance(rows, list) else None
    if vectors and all(type(row.get("index")) is int for row in vectors):
        vectors.sort(key=lambda row: row["index"])
    found = [row.get("embedding") for row in vectors] if vectors else None
    return read_list(found, read_usage(body.get("usage")), body.get("error"))


class _Answer(msgspec.Struct):
    data: Any = None
    usage: Any = None
    error: Any = None


class _Sniffed(msgspec.Struct):
    data: msgspec.Raw = msgspec.Raw()
    usage: dict[str, Any] | None = None
    error: Any = None


_sniff = msgspec.json.Decoder(_Sniffed).decode


def sniff_response(data: bytes) -> Usage | None:
    """The usage in an answer that is relayed. Raises `UpstreamFailed` for what is no answer.

    The vectors, which are nearly all of it, are not read.
    """
    try:
        sniffed = _sniff(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        answer = read_leniently(data, _Answer)
        return decode_response(msgspec.structs.asdict(answer)).usage
    if sniffed.error:
        raise reported(sniffed.error)
    rows = bytes(sniffed.data).strip()
    if not rows.startswith(b"[") or rows[1:].lstrip().startswith(b"]"):
        raise no_vectors()
    return read_usage(sniffed.usage)


def read_usage(usage: object) -> Usage | None:
    """Voyage and some of Jina's models tell the total alone, which is the same."""
    told = as_object(usage)
    tokens = count(told.get("prompt_tokens")) or count(told.get("total_tokens"))
    return Usage(input_tokens=tokens) if told else None
