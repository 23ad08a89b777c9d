"""Answers, which are alike but for the names of categories."""

from collections.abc import Mapping
from typing import Any

from gateway.errors import UpstreamFailed
from gateway.formats.failures import reported
from gateway.formats.moderations.types import Judgement, Judgements
from gateway.formats.reading import as_object, count, is_a
from gateway.formats.types import JSONDict, Usage

NO_NAMES: Mapping[str, str] = {}


def read_judgements(body: JSONDict, names: Mapping[str, str] = NO_NAMES) -> Judgements:
    """Read an answer.

    Args:
        names: What OpenAI calls the categories that it has too.

    Raises:
        UpstreamFailed: It is none, an error in a 200 included.
    """
    if body.get("error"):
        raise reported(body["error"])
    rows = body.get("results")
    if not isinstance(rows, list) or not rows:
        raise UpstreamFailed("the upstream's answer has no results", upstream_status=200)
    found = tuple(_read(as_object(row), names) for row in rows)
    return Judgements(judgements=found, usage=_usage(body))


def _read(row: JSONDict, names: Mapping[str, str]) -> Judgement:
    categories, scores = row.get("categories"), row.get("category_scores")
    if not isinstance(categories, dict):
        raise UpstreamFailed("the upstream's answer has no categories", upstream_status=200)
    told = {names.get(name, name): value is True for name, value in categories.items()}
    flagged = row.get("flagged")
    return Judgement(
        flagged=flagged if isinstance(flagged, bool) else any(told.values()),
        categories=told,
        scores=_scores(as_object(scores), names),
    )


def _scores(scores: JSONDict, names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in scores.items() if is_a(value, float)}


def _usage(body: JSONDict) -> Usage | None:
    told = as_object(body.get("usage"))
    tokens = count(told.get("total_tokens")) or count(told.get("prompt_tokens"))
    return Usage(input_tokens=tokens) if tokens else None
