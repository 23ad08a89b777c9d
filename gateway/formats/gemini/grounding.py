"""Where a text has it from: `groundingMetadata` and `citationMetadata`, to and from citations.

Google counts in bytes of UTF-8, the neutral form in characters.

Source: https://ai.google.dev/api/generate-content#GroundingMetadata (read 2026-11)
"""

from collections.abc import Iterator, Mapping, Sequence

from gateway.formats.gemini.signing import NAME
from gateway.formats.types import Citation, JSONDict

_SOURCES = ("web", "retrievedContext", "maps", "image")


def read(candidate: Mapping[str, object], text: str) -> Iterator[Citation]:
    """The citations that a candidate tells of its text; what is none is left out."""
    grounding = _object(candidate.get("groundingMetadata"))
    chunks = _objects(grounding.get("groundingChunks"))
    data = text.encode(errors="surrogatepass")
    for support in _objects(grounding.get("groundingSupports")):
        indices = support.get("groundingChunkIndices")
        for index in indices if isinstance(indices, list) else ():
            if isinstance(index, int) and 0 <= index < len(chunks):
                yield _grounded(support, chunks[index], data)
    cited = _object(candidate.get("citationMetadata"))
    for item in _objects(cited.get("citations") or cited.get("citationSources")):
        yield _cited(item, data)


def _grounded(support: JSONDict, chunk: JSONDict, data: bytes) -> Citation:
    source: JSONDict = next((_object(chunk[name]) for name in _SOURCES if name in chunk), {})
    segment = _object(support.get("segment"))
    start, end = _span(segment, data)
    return Citation(
        format=NAME,
        value={"segment": segment, "chunk": chunk},
        url=_text(source.get("uri")),
        title=_text(source.get("title")),
        cited_text=_text(segment.get("text")),
        start=start,
        end=end,
    )


def _cited(item: JSONDict, data: bytes) -> Citation:
    start, end = _span(item, data)
    told = _text(item.get("uri")), _text(item.get("title"))
    return Citation(format=NAME, value=item, url=told[0], title=told[1], start=start, end=end)


def _span(segment: JSONDict, data: bytes) -> tuple[int | None, int | None]:
    """In characters. A start of 0 is left out by Google."""
    end = segment.get("endIndex")
    start = segment.get("startIndex", 0)
    if not isinstance(end, int) or not isinstance(start, int) or not 0 <= start <= end:
        return None, None
    return _chars(data, start), _chars(data, end)


def _chars(data: bytes, count: int) -> int:
    return len(data[:count].decode(errors="ignore"))


def write(cited: Sequence[tuple[Citation, str]]) -> JSONDict | None:
    """`groundingMetadata` of citations, each with the text it speaks of; null where none is an
    address."""
    chunks: list[JSONDict] = []
    supports: list[JSONDict] = []
    for citation, text in cited:
        chunk = _chunk(citation)
        if chunk is None:
            continue
        if chunk not in chunks:
            chunks.append(chunk)
        segment = _segment(citation, text)
        supports.append({"segment": segment, "groundingChunkIndices": [chunks.index(chunk)]})
    return {"groundingChunks": chunks, "groundingSupports": supports} if chunks else None


def _chunk(citation: Citation) -> JSONDict | None:
    if citation.format == NAME and isinstance(citation.value.get("chunk"), dict):
        return citation.value["chunk"]  # type: ignore[no-any-return]
    if citation.url is None:
        return None
    return {"web": {"uri": citation.url, "title": citation.title or ""}}


def _segment(citation: Citation, text: str) -> JSONDict:
    start = citation.start or 0
    end = len(text) if citation.end is None else citation.end
    return {
        "startIndex": _bytes(text, start),
        "endIndex": _bytes(text, end),
        "text": citation.cited_text or text[start:end],
    }


def _bytes(text: str, count: int) -> int:
    return len(text[:count].encode(errors="surrogatepass"))


def _object(value: object) -> JSONDict:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[JSONDict]:
    """Those of a list; others stand as empty ones, so that indices stay right."""
    return [_object(item) for item in value] if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
