"""How vendors of moderations answer.

Sources: platform.openai.com/docs/api-reference/moderations,
docs.mistral.ai/capabilities/guardrailing (read 2026-11).
"""

from typing import Any

from tests.kinds.vendor import Answer, Refused, Seen


def openai(seen: Seen) -> Any:
    if seen.body["model"] == "broken":
        raise Refused(500, {"error": {"message": "out of order", "type": "server_error"}})
    told = seen.body["input"]
    judged = {
        "flagged": True,
        "categories": {"hate": True, "violence": False},
        "category_scores": {"hate": 0.9, "violence": 0.1},
        "category_applied_input_types": {"hate": ["text"], "violence": ["text"]},
    }
    number = 1 if isinstance(told, str) or isinstance(told[0], dict) else len(told)
    return {"id": "modr-1", "model": "up", "results": [judged] * number}


def mistral(seen: Seen) -> Any:
    if set(seen.body) - {"model", "input", "metadata"}:
        raise Refused(422, {"detail": [{"msg": "Extra inputs are not permitted"}]})
    judged = {
        "categories": {"hate_and_discrimination": True, "pii": False},
        "category_scores": {"hate_and_discrimination": 0.9, "pii": 0.1},
    }
    return {
        "id": "m1",
        "model": "up",
        "usage": {"prompt_tokens": 6, "total_tokens": 6, "completion_tokens": 0},
        "results": [judged] * len(seen.body["input"]),
    }


ANSWERS: dict[str, Answer] = {"mod-openai": openai, "mod-mistral": mistral}
