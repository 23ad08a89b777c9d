"""Citations: a list beside the content, each naming the characters of the text that it is for.

Source: https://docs.cohere.com/docs/rag-citations (read 2026-11)
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from gateway.formats.types import Citation, JSONDict, Part, Text

NAME = "cohere_chat"
# Others are for the plan, or for thinking content.
_OF_TEXT = "TEXT_CONTENT"


def read_citation(value: JSONDict) -> Citation:
    document = _document(value)

    def told(found: Any, kind: type) -> Any:
        return found if isinstance(found, kind) else None

    return Citation(
        format=NAME,
        value=value,
        url=told(document.get("url"), str),
        title=told(document.get("title"), str),
        start=told(value.get("start"), int),
        end=told(value.get("end"), int),
    )


def _document(value: JSONDict) -> JSONDict:
    """The first of the documents that are cited; the result of a tool is none."""
    sources = value.get("sources")
    for source in sources if isinstance(sources, list) else ():
        document = source.get("document") if isinstance(source, dict) else None
        if isinstance(document, dict):
            return document
    return {}


def cite(content: Sequence[Part], told: object) -> tuple[tuple[Part, ...], list[JSONDict]]:
    """The content with the citations that are for its texts, and the other citations."""
    parts, rest = list(content), []
    for value in told if isinstance(told, list) else ():
        if not isinstance(value, dict):
            continue
        place = _place(parts, value)
        part = parts[place] if place is not None else None
        if place is not None and isinstance(part, Text):
            cited = (*part.citations, read_citation(value))
            parts[place] = msgspec.structs.replace(part, citations=cited)
        else:
            rest.append(value)
    return tuple(parts), rest


def _place(parts: list[Part], value: JSONDict) -> int | None:
    if value.get("type", _OF_TEXT) != _OF_TEXT:
        return None
    place = value.get("content_index")
    if isinstance(place, int) and 0 <= place < len(parts):
        return place
    return next((place for place, part in enumerate(parts) if isinstance(part, Text)), None)


def citations_of(content: Sequence[Part]) -> Iterator[JSONDict]:
    for place, part in enumerate(content):
        if isinstance(part, Text):
            for citation in part.citations:
                told = write_citation(citation, part.text, place)
                if told:
                    yield told


def write_citation(citation: Citation, text: str, place: int) -> JSONDict | None:
    """Null for what this format has no word for: another format's citation of no address."""
    if citation.format == NAME:
        return citation.value
    if citation.url is None:
        return None
    start = 0 if citation.start is None else citation.start
    end = len(text) if citation.end is None else citation.end
    document = {"url": citation.url, "title": citation.title, "text": citation.cited_text}
    told = {name: value for name, value in document.items() if value is not None}
    return {
        "start": start,
        "end": end,
        "text": text[max(start, 0) : max(end, 0)],
        "sources": [{"type": "document", "id": citation.url, "document": told}],
        "type": _OF_TEXT,
        "content_index": place,
    }
