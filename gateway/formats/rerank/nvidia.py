"""NVIDIA's format: `POST /v1/ranking` of a NIM; hosted ones have the model in their path.

It tells logits, of which the logistic function makes a relevance between 0 and 1. It ranks all
documents always; the answer is cut to what was asked for.

Source: https://docs.nvidia.com/nim/nemo-retriever/text-reranking/latest/using-reranking.html
(read 2026-11)
"""

import math

from msgspec.structs import replace

from gateway.formats.failures import decode_error
from gateway.formats.reading import dropped_names
from gateway.formats.rerank.answers import read_ranking
from gateway.formats.rerank.types import Ranked, Ranking, RerankRequest
from gateway.formats.types import Encoded, JSONDict, Quirks

__all__ = ["NAME", "address", "decode_error", "decode_response", "encode_request"]

NAME = "nvidia_rerank"
_PASSED = frozenset(["truncate"])


def address(model: str, stream: bool) -> str:
    return "/ranking"


def encode_request(request: RerankRequest, model: str, quirks: Quirks) -> Encoded:
    body: JSONDict = {
        "model": model,
        "query": {"text": request.query},
        "passages": [{"text": document} for document in request.documents],
    }
    body |= {name: value for name, value in request.extras.items() if name in _PASSED}
    return Encoded(body, dropped_names(sorted(request.extras.keys() - _PASSED)))


def decode_response(body: JSONDict) -> Ranking:
    """Read an answer. Raises `UpstreamFailed` for what is none, an error in a 200 included."""
    ranking = read_ranking(body, "rankings", "logit")
    return replace(
        ranking,
        ranked=tuple(Ranked(each.index, _probability(each.score)) for each in ranking.ranked),
    )


def _probability(logit: float) -> float:
    return (1 + math.tanh(logit / 2)) / 2  # the logistic function, without its overflow
