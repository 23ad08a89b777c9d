"""What the formats of answers share."""

import math
from typing import Any

from gateway.errors import UpstreamFailed
from gateway.formats.failures import reported
from gateway.formats.needs import inner
from gateway.formats.reading import as_object, count, is_a
from gateway.formats.rerank.types import Ranked, Ranking
from gateway.formats.types import JSONDict, Usage


def read_ranking(body: JSONDict, rows: str, score: str) -> Ranking:
    """An answer whose list is at `rows`, and in each of it the score at `score`.

    Raises:
        UpstreamFailed: It is no answer, an error in a 200 included.
    """
    if body.get("error"):
        raise reported(body["error"])
    told = body.get(rows)
    if not isinstance(told, list):
        raise UpstreamFailed("the upstream's answer has no results", upstream_status=200)
    ranked = tuple(_read(as_object(row), score) for row in told)
    return Ranking(ranked=ranked, usage=read_usage(body))


def _read(row: JSONDict, score: str) -> Ranked:
    index: Any = row.get("index")
    value: Any = row.get(score)
    if is_a(index, int) and index >= 0 and is_a(value, float):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return Ranked(index, number)
    raise UpstreamFailed("the upstream's answer has a result without score", upstream_status=200)


def read_usage(body: JSONDict) -> Usage | None:
    """Tokens, as most count them, or searches, as Cohere does; it may tell tokens as well."""
    told, billed = as_object(body.get("usage")), inner(body, "meta", "billed_units")
    tokens = count(told.get("total_tokens")) or count(told.get("prompt_tokens"))
    tokens = tokens or count(billed.get("input_tokens"))
    searches = count(billed.get("search_units")) or count(told.get("search_units"))
    if not tokens and not searches:
        return None
    return Usage(input_tokens=tokens, units={"queries": searches} if searches else {})
