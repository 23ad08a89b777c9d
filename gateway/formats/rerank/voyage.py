"""Voyage's format: `POST /v1/rerank`.

Source: https://docs.voyageai.com/reference/reranker-api (read 2026-11)
"""

from gateway.formats.failures import decode_error
from gateway.formats.reading import dropped_names, given
from gateway.formats.rerank.answers import read_ranking
from gateway.formats.rerank.types import Ranking, RerankRequest
from gateway.formats.types import Encoded, JSONDict, Quirks

__all__ = ["NAME", "address", "decode_error", "decode_response", "encode_request"]

NAME = "voyage_rerank"
_PASSED = frozenset(["truncation"])


def address(model: str, stream: bool) -> str:
    return "/rerank"


def encode_request(request: RerankRequest, model: str, quirks: Quirks) -> Encoded:
    """Write a request. Documents need not come back: they are in the request."""
    body: JSONDict = {
        "model": model,
        "query": request.query,
        "documents": list(request.documents),
    }
    body |= given(top_k=request.top_n)
    body |= {name: value for name, value in request.extras.items() if name in _PASSED}
    return Encoded(body, dropped_names(sorted(request.extras.keys() - _PASSED)))


def decode_response(body: JSONDict) -> Ranking:
    """Read an answer. Raises `UpstreamFailed` for what is none, an error in a 200 included."""
    return read_ranking(body, "data", "relevance_score")
